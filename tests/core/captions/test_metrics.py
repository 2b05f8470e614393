"""Figures of captions: those that are published come out again."""

import json
import random

import pytest

from core.captions import metrics

# LP-MusicCaps, table 2 (arXiv 2307.16372): BLEU-1…4, ROUGE-L; and METEOR as it is without WordNet
PUBLISHED = {
    "writing": ((36.84, 19.85, 11.37, 6.74), 25.36, 31.62),
    "summary": ((26.12, 14.58, 8.80, 5.52), 25.83, 28.08),
}


@pytest.mark.data
@pytest.mark.parametrize("style", PUBLISHED)
def test_the_published_figures_come_out_again(shared_data, style):
    rows = json.loads((shared_data / "music" / f"lp_musiccaps_{style}.json").read_text(encoding="utf-8"))
    pairs = [(row["prediction"], row["ground_truth"]) for row in rows]
    assert len(pairs) == 2839
    bleu, rouge, meteor = PUBLISHED[style]
    found = metrics.overlap(pairs)
    assert [found[f"bleu{n}"] for n in (1, 2, 3, 4)] == pytest.approx(bleu, abs=0.02)
    assert found["rouge_l"] == pytest.approx(rouge, abs=0.02)
    assert found["meteor"] == pytest.approx(meteor, abs=0.02)


def test_the_floor_is_what_captions_of_others_score():
    pairs = [(f"a calm {word} piece with piano", f"this is a {word} piece of music") for word in "abcdefgh"]
    floor = metrics.shuffled_floor(pairs)
    assert floor == metrics.shuffled_floor(pairs)  # the seed decides
    assert set(floor) == set(metrics.FLOOR_FIGURES)
    assert floor["bleu1"] < 100 and floor["rouge_l"] < 100  # no reference beside itself
    assert metrics.shuffled_floor(pairs[:1]) == {}


@pytest.mark.parametrize("number", [2, 3, 7, 50])
def test_nothing_stays_in_its_place(number):
    for seed in range(20):
        order = metrics._derangement(number, random.Random(seed))
        assert sorted(order) == list(range(number))
        assert all(place != item for place, item in enumerate(order))


def test_texture():
    found = metrics.texture(["The piano plays.", "The piano plays.", "A drum is heard"], ["the drum"])
    assert found["captions"] == 3 and found["duplicates"] == 2
    assert found["vocabulary"] == 7 and found["novelty"] == pytest.approx(5 / 7)
    assert found["openers"][0] == {"text": "the piano", "share": pytest.approx(2 / 3)}
    assert found["length"]["median"] == 3 and found["length"]["mean"] == pytest.approx(10 / 3)
    empty = metrics.texture([])
    assert empty["captions"] == 0 and empty["novelty"] is None and empty["openers"] == []


def test_a_caption_that_is_its_reference_scores_all():
    pairs = [("A calm song with a piano and a flute.", "A calm song with a piano and a flute.")]
    found = metrics.score(pairs)
    assert found["bleu4"] == pytest.approx(100) and found["rouge_l"] == pytest.approx(100)
    assert found["brevity_penalty"] == 1 and found["scored"] == 1
    with pytest.raises(ValueError, match="nothing"):
        metrics.overlap([])

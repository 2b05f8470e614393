import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.vocabulary.merging import Candidate, MergeParameters, propose_merges
from core.vocabulary.opposites import opposed
from core.vocabulary.taggpt import read_final_tags

NOISE = np.random.default_rng(0).standard_normal((60, 64)).astype(np.float32)


def unit(vector):
    return (np.asarray(vector, np.float32) / np.linalg.norm(vector)).astype(np.float32)


def vector(number):
    return unit(NOISE[number])


def near(number, cosine, other=50):
    """A vector of that cosine with `vector(number)`."""
    base = vector(number)
    aside = unit(NOISE[other] - (NOISE[other] @ base) * base)
    return unit(cosine * base + np.sqrt(1 - cosine**2) * aside)


def crowd(start=20, n=25):
    """Other names, so that there is something to be nearer than."""
    return [Candidate(f"filler {chr(97 + i)}{'xyz'[i % 3] * 4}", vector=vector(start + i)) for i in range(n)]


def merged(candidates, parameters=None):
    """{dropped: (kept, lexical)} by name."""
    found = propose_merges(candidates, parameters)
    return {candidates[p.drop].name: (candidates[p.keep].name, p.lexical) for p in found}


def names(*said, **options):
    return [Candidate(name, **options) for name in said]


def test_spellings_need_no_encoder():
    found = merged(names("Deep Learning", "deep-learning", "neural networks", "neural network", "cooking"))
    assert found == {
        "deep-learning": ("Deep Learning", "spacing"),
        "neural networks": ("neural network", "plural"),
    }


def test_the_more_used_name_stays_and_a_tag_of_the_vocabulary_stays_before_it():
    assert merged([Candidate("movie", uses=3), Candidate("movies", uses=9)]) == {"movie": ("movies", "plural")}
    assert merged([Candidate("movie", items=frozenset(range(4))), Candidate("movies", items=np.arange(9))]) == {
        "movie": ("movies", "plural")
    }
    assert merged([Candidate("movie", uses=3, tag=7), Candidate("movies", uses=9)]) == {"movies": ("movie", "plural")}


def test_a_short_form_goes_into_its_name_unless_it_is_used_far_more():
    both = ("nlp", "natural language processing")
    assert merged([Candidate(both[0], uses=5), Candidate(both[1], uses=4)]) == {both[0]: (both[1], "initialism")}
    assert merged([Candidate(both[0], uses=50), Candidate(both[1], uses=4)]) == {both[1]: (both[0], "initialism")}


def test_of_several_meanings_of_a_short_form_the_nearest_is_proposed():
    said = ["rnn", "recurrent neural networks", "recursive neural networks"]
    assert merged(names(*said)) == {}
    known = [
        Candidate(said[0], vector=vector(0)),
        Candidate(said[1], vector=near(0, 0.5)),
        Candidate(said[2], vector=near(0, 0.2, 51)),
    ]
    assert merged([*known, *crowd()])["rnn"] == (said[1], "initialism")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("recsys", "recommendation systems"),
        ("nlproc", "natural language processing"),
        ("k8s", "kubernetes"),
        ("cpp", "c++"),
        ("pos tagging", "part-of-speech tagging"),
        ("3d model", "three-dimensional model"),
    ],
)
def test_other_short_forms(short, long):
    assert merged(names(short, long, "cooking", "garden"))[short][0] == long


def test_the_same_words_in_another_order_or_form():
    assert merged(names("streaming data", "data streams")).keys() == {"streaming data"}
    assert merged(names("手工DIY", "DIY手工")) == {"手工DIY": ("DIY手工", "same words")}
    assert merged(names("image to text", "text to image")) == {}
    assert merged(names("奶牛", "牛奶")) == {}


def test_an_addition_that_says_little_needs_meaning_or_items():
    plain, longer = "visualization", "data visualization"
    assert merged(names(plain, longer)) == {}
    assert merged([Candidate(plain, vector=vector(0)), Candidate(longer, vector=near(0, 0.85))]) == {
        longer: (plain, "addition")
    }
    assert merged([Candidate("家常菜", frozenset(range(9))), Candidate("家常菜做法", frozenset(range(1, 9)))]) == {
        "家常菜做法": ("家常菜", "addition")
    }


def test_meaning_alone_must_be_very_near():
    far = [Candidate("lorry", vector=vector(0)), Candidate("truck", vector=near(0, 0.82))]
    assert merged([*far, *crowd()]) == {}
    close = [Candidate("lorry", vector=vector(0)), Candidate("truck", vector=near(0, 0.93))]
    (proposal,) = propose_merges([*close, *crowd()])
    assert proposal.cosine == pytest.approx(0.93, abs=1e-3)
    assert proposal.lexical is None and proposal.readable
    assert proposal.reasons == ("Their meanings are near: cosine 0.93.",)


def test_common_items_make_up_for_less_meaning():
    on = frozenset(range(10))
    pair = [Candidate("lorry", on, vector(0)), Candidate("truck", frozenset(range(2, 12)), near(0, 0.8))]
    others = [Candidate(c.name, frozenset({100 + i}), c.vector) for i, c in enumerate(crowd())]
    (proposal,) = propose_merges([*pair, *others], MergeParameters(crowded=0.5))
    assert (proposal.shared, proposal.jaccard) == (8, pytest.approx(8 / 12))
    assert "8 of the 12 items" in proposal.reasons[-1]


def test_items_of_which_one_name_has_all_and_many_more_speak_for_broader_not_for_same():
    broad, narrow = frozenset(range(40)), frozenset(range(12))
    pair = [Candidate("regression", broad, vector(0)), Candidate("kriging", narrow, near(0, 0.82))]
    assert merged(pair, MergeParameters(crowded=1.0)) == {}
    once = [Candidate("lorry", frozenset({1}), vector(0)), Candidate("truck", frozenset({1}), near(0, 0.75))]
    assert merged(once, MergeParameters(crowded=1.0)) == {}  # one common item is chance


def test_other_forms_of_words_need_the_meaning():
    assert merged([Candidate("transformers", vector=vector(0)), Candidate("transformation", vector=near(0, 0.6))]) == {}
    found = merged([Candidate("benchmarks", vector=vector(0)), Candidate("benchmarking", vector=near(0, 0.9))])
    assert found == {"benchmarking": ("benchmarks", "same words")}


def test_what_the_encoder_cannot_tell_apart_is_no_evidence():
    same = vector(0)
    assert merged([Candidate("狮子", vector=same), Candidate("老虎", vector=same), *crowd()]) == {}
    unread = [
        Candidate("狮子", vector=vector(0), readable=False),
        Candidate("老虎", vector=near(0, 0.99), readable=False),
    ]
    assert merged([*unread, *crowd()]) == {}
    spelled = [Candidate("VLOG教程", vector=same, readable=False), Candidate("vlog教程", vector=same, readable=False)]
    (proposal,) = propose_merges(spelled)
    assert proposal.cosine is None and not proposal.readable and proposal.lexical == "case"
    assert "cannot tell them apart" in proposal.reasons[-1]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("减肥方法", "增肥方法"),
        ("猫粮", "狗粮"),
        ("supervised learning", "unsupervised learning"),
        ("gpt-2", "gpt-3"),
        ("left turn", "right turn"),
        ("gpt", "gpt-2"),
        ("男士发型", "女士发型"),
    ],
)
def test_opposites_and_other_numbers_are_never_proposed(a, b):
    on = frozenset(range(12))
    pair = [Candidate(a, on, vector(0)), Candidate(b, on, near(0, 0.99))]
    assert merged([*pair, *crowd()], MergeParameters(least_score=0.0, crowded=1.0)) == {}


def test_two_that_exclude_each_other_never_come_into_one_group():
    on = frozenset(range(12))
    three = [
        Candidate("haircut", on, vector(0)),
        Candidate("men's haircut", on, near(0, 0.97)),
        Candidate("women's haircut", on, near(0, 0.97, 51)),
    ]
    found = propose_merges([*three, *crowd()], MergeParameters(crowded=1.0))
    assert len([p for p in found if {p.keep, p.drop} <= {0, 1, 2}]) == 1


def test_every_reason_is_a_sentence_and_scores_fall():
    said = names("nlp", "natural language processing", "Movie", "movies", "movie", "k8s", "kubernetes", "data stream")
    found = propose_merges([*said, *names("streaming data")])
    assert found
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert all(0 < p.score < 1 and p.reasons for p in found)
    assert all(reason.endswith(".") and reason[0] in "“TI" for p in found for reason in p.reasons)


def test_it_can_be_stopped():
    assert propose_merges(names("movie", "movies"), stop=lambda: True) == []
    told: list[float] = []
    propose_merges(names("movie", "movies"), progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0


SOME = """
    nlp natural-language-processing k8s kubernetes color colour colors c++ cpp c# data-set dataset movie movies gpt-2
    gpt2 gpt-3 streaming-data data-streams 手工DIY DIY手工 猫粮 狗粮 猫粮推荐 减肥 增肥 减肥技巧 left-turn right-turn
    turn cats dogs
"""
candidates = st.lists(
    st.builds(
        Candidate,
        st.sampled_from(SOME.split()),
        st.frozensets(st.integers(0, 8), max_size=6),
        st.integers(0, 3).map(vector) | st.integers(0, 3).map(lambda n: near(n, 0.95)) | st.none(),
        st.booleans(),
        st.none() | st.integers(1, 5),
        st.none() | st.integers(0, 40),
    ),
    max_size=14,
    unique_by=lambda candidate: candidate.name,
)


@settings(deadline=None)
@given(candidates)
def test_what_always_holds(given_candidates):
    found = propose_merges(given_candidates, MergeParameters(least_score=0.2, crowded=1.0))
    keep_of = {p.drop: p.keep for p in found}
    assert len(keep_of) == len(found)
    groups: dict[int, set[int]] = {}
    for proposal in found:
        one, other = given_candidates[proposal.keep], given_candidates[proposal.drop]
        assert opposed(one.name, other.name) is None
        root, steps = proposal.keep, 0
        while root in keep_of:
            root, steps = keep_of[root], steps + 1
            assert steps <= len(found)  # no circle
        groups.setdefault(root, {root}).update({proposal.drop, proposal.keep})
        if any(reason.startswith("This was found of") for reason in proposal.reasons):
            continue  # the evidence is that of another spelling
        if not (one.readable and other.readable) or one.vector is None or other.vector is None:
            assert proposal.cosine is None
        if one.vector is not None and other.vector is not None and np.array_equal(one.vector, other.vector):
            assert proposal.cosine is None and not proposal.readable
        assert proposal.lexical or proposal.cosine is not None or proposal.shared
    for members in groups.values():
        assert not any(opposed(given_candidates[a].name, given_candidates[b].name) for a in members for b in members)


@pytest.mark.data
def test_the_head_of_a_published_vocabulary_without_a_readable_vector(shared_data):
    text = (shared_data / "vocabulary" / "taggpt_final_tags.csv").read_text(encoding="utf-8")
    rows = read_final_tags(text).rows[:2500]
    strings = list(dict.fromkeys([row.name for row in rows] + [entry for row in rows for entry in row.absorbed]))
    same = vector(0)  # as an English encoder gives for all Chinese strings of one length
    known = [Candidate(string, vector=same, readable=i % 3 > 0) for i, string in enumerate(strings)]
    found = propose_merges(known)
    assert found
    assert all(p.lexical and p.cosine is None for p in found)
    assert not [p for p in found if opposed(strings[p.keep], strings[p.drop])]


@pytest.mark.data
def test_curated_tags_and_their_aliases_without_an_encoder(shared_data):
    """The part of benchmarks/merge.py that needs no model: words alone find more than a third, and nothing false."""
    tags = json.loads((shared_data / "vocabulary" / "ml_projects_curated_tags.json").read_bytes())
    owner = {alias: tag["tag"] for tag in tags for alias in tag["aliases"]} | {tag["tag"]: tag["tag"] for tag in tags}
    bag = sorted(owner)
    found = {frozenset((bag[p.keep], bag[p.drop])) for p in propose_merges(names(*bag))}
    gold = {frozenset((alias, name)) for alias, name in owner.items() if alias != name}
    counted = {pair for pair in found if pair in gold or len({owner[name] for name in pair}) == 2}
    assert 2 * len(counted & gold) / (len(counted) + len(gold)) >= 0.5

"""Free tags become suggestions: votes kept, each matched or new with its nearest, never lost."""

import orjson
import pytest

from core.corpora.clues import Clue, TaggableItem
from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, find_model
from core.tagging.generative import BuiltinGenerative, FreeTag, rows_from_free_tags
from core.vocabulary.entries import TagEntry
from core.vocabulary.keyphrases import KeyphraseExtractor
from core.vocabulary.matching import TagMatcher

TAGS = [TagEntry("1", "solar energy", ("solar power",)), TagEntry("2", "bees"), TagEntry("3", "education")]
NAMES = {tag.id: tag.name for tag in TAGS}


@pytest.fixture(scope="module")
def encoder():
    return CachedEncoder(Encoder(find_model()), MemoryCache())


@pytest.fixture(scope="module")
def matcher(encoder):
    return TagMatcher(TAGS, encoder)


def detail(row):
    return orjson.loads(row["detail"])


def place(field, start):
    return {"field": field, "passage": "x", "start": start, "end": start + 1, "match": "exact", "similarity": 1.0}


def test_matched_and_new_tags_both_stay(matcher):
    said = [FreeTag("Solar Power", 3, 5, 0.6), FreeTag("sourdough", 2, 5, 0.4), FreeTag("bee", 5, 5, 1.0)]
    rows = rows_from_free_tags(said, matcher, NAMES)
    assert [(r["tag"], r["value"], r["rank"]) for r in rows] == [
        (2, "bee", 1),
        (1, "Solar Power", 2),
        (None, "sourdough", 3),
    ]
    assert all(r["field"] == "tags" and r["validity"] == "valid" for r in rows)
    assert detail(rows[0]) | {"nearest": []} == {
        "votes": 5,
        "samples": 5,
        "nearest": [],
        "said": ["bee"],
        "match": "stem",
        "similarity": 1.0,
    }
    assert detail(rows[1])["match"] == "alias"
    new = detail(rows[2])
    assert "match" not in new and new["votes"] == 2
    assert 1 <= len(new["nearest"]) <= 3 and new["nearest"][0]["name"] in NAMES.values()


def test_spellings_of_one_tag_share_their_votes(matcher):
    said = [
        FreeTag("bees", 2, 5, 0.4, (place("title", 1),), by=frozenset({0, 1})),
        FreeTag("Bee", 2, 5, 0.5, (place("title", 9),), by=frozenset({1, 2})),
    ]
    row = rows_from_free_tags(said, matcher, NAMES)[0]
    assert detail(row)["votes"] == 3, "sample 1 said both: it votes once"
    assert detail(row)["said"] == ["bees", "Bee"] and row["score"] == 0.5
    assert [e["start"] for e in orjson.loads(row["evidence"])] == [1, 9]
    unknown = [FreeTag("bees", 3, 5), FreeTag("Bee", 4, 5)]
    assert detail(rows_from_free_tags(unknown, matcher, NAMES)[0])["votes"] == 5, "never more than the samples"


def test_two_tags_that_mean_one_make_one_row_with_the_closer_match(matcher):
    rows = rows_from_free_tags([FreeTag("schooling", score=0.9), FreeTag("education", score=0.3)], matcher, NAMES)
    assert len(rows) == 1 and rows[0]["tag"] == 3 and rows[0]["value"] == "education" and rows[0]["score"] == 0.9
    assert detail(rows[0])["match"] == "exact" and detail(rows[0])["said"] == ["schooling", "education"]


def test_what_cannot_be_a_name_is_left_out(matcher):
    said = [FreeTag(""), FreeTag("  "), FreeTag("!!!"), FreeTag("x" * 500), FreeTag("a\u200bb\ncd")]
    assert [r["value"] for r in rows_from_free_tags(said, matcher, NAMES)] == ["ab cd"]


def test_at_most_so_many(matcher):
    said = [FreeTag(f"thing number {n} of many", score=n / 10) for n in range(9)]
    rows = rows_from_free_tags(said, matcher, NAMES, 3)
    assert [r["score"] for r in rows] == [0.8, 0.7, 0.6] and [r["rank"] for r in rows] == [1, 2, 3]


TALKS = [
    ("Solar panels for schools", "Students build cheap solar panels and learn about electricity."),
    ("Why bees dance", "Bees tell each other where flowers are, by dancing in the hive."),
    ("Beehives on roofs", "City bees make more honey than bees in the countryside."),
    ("Learning by building", "Students learn more when they build things: a school without lectures."),
]
ITEMS = [
    TaggableItem(n, str(n), title, (Clue("title", "title", title), Clue("text", "caption", text)))
    for n, (title, text) in enumerate(TALKS, start=1)
]


@pytest.fixture(scope="module")
def builtin(encoder, matcher):
    extractor = KeyphraseExtractor(encoder)
    extractor.prepare([item.clues for item in ITEMS])
    return BuiltinGenerative(extractor, matcher)


def test_builtin_answers_every_item(builtin):
    answers = builtin.answers(ITEMS, 6)
    assert [answer.item for answer in answers] == [1, 2, 3, 4] and all(a.state == "ok" and a.rows for a in answers)
    assert 2 in {row["tag"] for row in answers[1].rows} & {row["tag"] for row in answers[2].rows}
    assert any(row["tag"] is None for answer in answers for row in answer.rows), "what is new stays"
    for answer, item in zip(answers, ITEMS, strict=True):
        texts = {clue.field: clue.text for clue in item.clues}
        assert len(answer.rows) <= 6
        for row in answer.rows:
            for e in orjson.loads(row["evidence"]):
                assert texts[e["field"]][e["start"] : e["end"]] == e["passage"]


def test_builtin_answers_an_item_alone_as_in_company(builtin):
    together = builtin.answers(ITEMS, 5)
    assert [builtin.answers([item], 5)[0] for item in ITEMS] == together


def test_a_threshold_leaves_weak_tags_out(builtin):
    assert all(row["score"] >= 0.5 for answer in builtin.answers(ITEMS, 8, 0.5) for row in answer.rows)
    assert sum(len(a.rows) for a in builtin.answers(ITEMS, 8, 0.5)) < sum(
        len(a.rows) for a in builtin.answers(ITEMS, 8)
    )

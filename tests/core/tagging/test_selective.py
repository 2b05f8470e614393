"""The builtin selective tagger: evidence that can be pointed at, answers that do not depend on company."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.clues import KINDS, Clue
from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, HashingEncoder, find_model
from core.errors import InvalidInput
from core.tagging.selective import DEFAULTS, SelectiveTagger, TagEntry

VOCABULARY = [
    TagEntry("1", "renewable energy", ("green power",), "Power from sun, wind and water."),
    TagEntry("2", "music", ()),
    TagEntry("3", "urban gardening", ("city gardens",)),
    TagEntry("4", "美食", ("food culture",)),
    TagEntry("5", "natural language processing"),
    TagEntry("6", "history"),
    TagEntry("7", "childcare"),
    TagEntry("8", "photography"),
]

ITEMS = [
    [
        Clue("title", "title", "How Denmark ran on wind"),
        Clue(
            "text", "body", "For a week the turbines carried the whole grid. Green power paid for itself.\n\nNo coal."
        ),
    ],
    [Clue("caption", "caption", "今天的美食：牛肉面"), Clue("cover", "ocr", "家常菜")],
    [Clue("title", "title", "Tomatoes between tower blocks"), Clue("speaker", "clue", "Ada Photographer")],
    [Clue("title", "title", "NLP for small archives"), Clue("body", "body", "We read letters of the last century.")],
    [Clue("title", "title", ""), Clue("body", "body", "   ")],
    [],
    [Clue("title", "title", "Violin lessons by mail"), Clue("speech", "speech", "Play it slowly. " * 200)],
]


@pytest.fixture(scope="module")
def encoder():
    location = find_model()
    assert location.path is not None, location.reason  # its package is a dependency
    return CachedEncoder(Encoder(location), MemoryCache())


@pytest.fixture
def tagger(encoder):
    return SelectiveTagger(VOCABULARY, encoder)


def names(suggestions):
    by_id = {tag.id: tag.name for tag in VOCABULARY}
    return [by_id[s.tag_id] for s in suggestions]


def test_meaning_and_words_lead_to_tags(tagger):
    answers = tagger.tag(ITEMS)
    assert names(answers[0])[0] == "renewable energy"
    assert names(answers[1])[0] == "美食"
    assert "urban gardening" in names(tagger.tag(ITEMS, threshold=0)[2])[:2]
    assert names(tagger.tag(ITEMS, threshold=0)[3])[0] == "natural language processing"
    assert names(tagger.tag(ITEMS, threshold=0)[6])[0] == "music"


def test_items_without_text_get_nothing(tagger):
    answers = tagger.tag(ITEMS, threshold=0)
    assert answers[4] == answers[5] == []


def test_evidence_points_at_the_passage(tagger):
    seen = set()
    for clues, suggestions in zip(ITEMS, tagger.tag(ITEMS, threshold=0), strict=True):
        texts = {clue.field: clue.text for clue in clues}
        for suggestion in suggestions:
            for evidence in suggestion.evidence:
                seen.add(evidence.match)
                assert texts[evidence.field][evidence.start : evidence.end] == evidence.passage
                assert evidence.passage.strip()
                assert -1 <= evidence.similarity <= 1
    assert {"exact", "alias", "stem", "meaning"} <= seen


def test_kinds_of_evidence(tagger):
    answers = tagger.tag(ITEMS, threshold=0)

    def first(item, tag):
        return next(s.evidence[0] for s in answers[item] if s.tag_id == tag)

    assert (first(0, "1").match, first(0, "1").passage) == ("alias", "Green power")
    assert (first(1, "4").match, first(1, "4").passage) == ("exact", "美食")
    assert (first(3, "5").match, first(3, "5").passage) == ("alias", "NLP")
    assert (first(2, "8").field, first(2, "8").match) == ("speaker", "stem")
    assert first(6, "2").match == "meaning"


def test_scores_fall_and_respect_threshold_and_number(tagger):
    for suggestions in tagger.tag(ITEMS, top_k=4, threshold=0.1):
        scores = [s.score for s in suggestions]
        assert scores == sorted(scores, reverse=True)
        assert all(0.1 <= score <= 1 for score in scores)
        assert [s.rank for s in suggestions] == list(range(1, len(scores) + 1))
        assert len(scores) <= 4
    assert [len(s) for s in tagger.tag(ITEMS, top_k=5, threshold=0)] == [5, 5, 5, 5, 0, 0, 5]
    assert tagger.tag(ITEMS) == tagger.tag(ITEMS, threshold=DEFAULTS.threshold)
    with pytest.raises(InvalidInput):
        tagger.tag(ITEMS, top_k=0)


@pytest.mark.parametrize("prepared", [False, True])
def test_an_answer_does_not_depend_on_the_batch(encoder, prepared):
    items = [*ITEMS, *([Clue("title", "title", f"A talk about topic {i}")] for i in range(70))]
    tagger = SelectiveTagger(VOCABULARY, encoder)
    if prepared:
        tagger.prepare(items)
    together = tagger.tag(items, threshold=0)
    order = np.random.default_rng(0).permutation(len(items))
    shuffled = tagger.tag([items[i] for i in order], threshold=0)
    assert [together[i] for i in order] == shuffled
    assert [tagger.tag([item], threshold=0)[0] for item in items[:12]] == together[:12]


def test_a_fresh_encoder_gives_the_same_answer(encoder, tagger):
    fresh = SelectiveTagger(VOCABULARY, encoder.encoder)
    assert fresh.tag(ITEMS[::-1], threshold=0)[::-1] == tagger.tag(ITEMS, threshold=0)


def test_the_order_of_the_vocabulary_does_not_matter(encoder, tagger):
    tagger.prepare(ITEMS)
    other = SelectiveTagger(VOCABULARY[::-1], encoder)
    other.prepare(ITEMS)
    assert other.tag(ITEMS, threshold=0) == tagger.tag(ITEMS, threshold=0)


def test_a_stored_tagger_answers_the_same(encoder, tagger):
    tagger.prepare(ITEMS * 3)
    stored = json.loads(json.dumps(tagger.state()))
    again = SelectiveTagger.from_state(stored, encoder)
    assert again.tag(ITEMS, threshold=0) == tagger.tag(ITEMS, threshold=0)
    assert again.state() == tagger.state()


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 0},
        {"encoder": "another model"},
        {"sample": {}},
        {"tags": [["1"]]},
        {"parameters": {"unknown": 1}},
        {"tags": [["1", "only one", [], ""]]},
    ],
)
def test_a_damaged_or_foreign_state_is_refused(encoder, tagger, damage):
    tagger.prepare(ITEMS)
    with pytest.raises(InvalidInput) as caught:
        SelectiveTagger.from_state({**tagger.state(), **damage}, encoder)
    assert caught.value.remedy


def test_preparing_is_deterministic_and_can_be_stopped(encoder, tagger):
    tagger.prepare(ITEMS)
    before = tagger.state()

    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        tagger.prepare(ITEMS, progress=stop)
    assert tagger.state() == before
    tagger.prepare(iter(ITEMS))
    assert tagger.state() == before


def test_a_sample_without_text_or_no_vocabulary(encoder, tagger):
    plain = tagger.tag(ITEMS, threshold=0)
    tagger.prepare([[], [Clue("t", "title", " ")]])
    assert tagger.tag(ITEMS, threshold=0) == plain
    nothing = SelectiveTagger([], encoder)
    nothing.prepare(ITEMS)
    assert nothing.tag(ITEMS) == [[] for _ in ITEMS]
    assert SelectiveTagger(VOCABULARY, encoder).tag([]) == []


def test_neighbours_of_a_sample_lend_their_tags(encoder):
    told = [[Clue("t", "title", f"Sourdough, rye and {grain}: the baker explains")] for grain in ("oats", "spelt")]
    told += [[Clue("t", "title", "A baker's day"), Clue("b", "body", "Bread and bakery, craft and bakery.")]] * 30
    item = [[Clue("t", "title", "Sourdough, rye and barley: the baker explains")]]
    vocabulary = [TagEntry("a", "craft"), TagEntry("b", "bicycles"), TagEntry("c", "bakery")]
    tagger = SelectiveTagger(vocabulary, encoder)
    alone = {s.tag_id: s.score for s in tagger.tag(item, threshold=0)[0]}
    tagger.prepare(told)
    known = {s.tag_id: s.score for s in tagger.tag(item, threshold=0)[0]}
    assert known["a"] - known["b"] > alone["a"] - alone["b"]


def test_two_tags_may_share_a_name_but_not_an_id(encoder):
    twins = SelectiveTagger([TagEntry("1", "music"), TagEntry("2", "music")], encoder)
    assert [s.tag_id for s in twins.tag([[Clue("t", "title", "music")]])[0]] == ["1", "2"]
    with pytest.raises(InvalidInput):
        SelectiveTagger([TagEntry("1", "a"), TagEntry("1", "b")], encoder)


def test_without_a_model_words_still_count():
    tagger = SelectiveTagger(VOCABULARY, HashingEncoder())
    tagger.prepare(ITEMS)
    answers = tagger.tag(ITEMS, threshold=0)
    assert names(answers[0])[0] == "renewable energy"
    assert names(answers[1])[0] == "美食"
    assert names(answers[3])[0] == "natural language processing"


HOSTILE = [
    "<script>alert(1)</script>",
    "\ud800\x00\x1b[31m",
    "'; DROP TABLE tags; --",
    "{{ 7 * 7 }} ${7*7}",
    "=cmd|' /C calc'!A0",
    "\u202e\u2066" * 20,
    "a" * 30_000,
    "[" * 5000 + "](",
    "中" * 10_000,
    "🙂" * 3000,
]


def test_hostile_texts_and_names_are_only_text(encoder):
    vocabulary = [TagEntry(str(i), text[:200], (text[:5],), text) for i, text in enumerate(HOSTILE)]
    tagger = SelectiveTagger(vocabulary, encoder)
    items = [[Clue(text[:50], kind, text)] for text, kind in zip(HOSTILE, KINDS * 2, strict=False)]
    tagger.prepare(items)
    for clues, suggestions in zip(items, tagger.tag(items, threshold=0), strict=True):
        for suggestion in suggestions:
            assert 0 <= suggestion.score <= 1
            for evidence in suggestion.evidence:
                assert clues[0].text[evidence.start : evidence.end] == evidence.passage


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.builds(Clue, st.text(max_size=4), st.sampled_from((*KINDS, "odd")), st.text(max_size=300)), max_size=5
        ),
        max_size=4,
    )
)
def test_any_item_is_answered(items):
    tagger = SelectiveTagger(VOCABULARY, HashingEncoder())
    tagger.prepare(items)
    answers = tagger.tag(items, threshold=0)
    assert len(answers) == len(items)
    for clues, suggestions in zip(items, answers, strict=True):
        assert len(suggestions) in (0, len(VOCABULARY))
        for evidence in (e for s in suggestions for e in s.evidence):
            assert any(
                c.field == evidence.field and c.text[evidence.start : evidence.end] == evidence.passage for c in clues
            )


def test_what_the_model_cannot_read_is_no_evidence(encoder):
    vocabulary = [TagEntry("a", "音乐"), TagEntry("b", "历史"), TagEntry("c", "cooking"), TagEntry("d", "美食节目")]
    tagger = SelectiveTagger(vocabulary, encoder)
    item = [Clue("caption", "caption", "今天去海边看日出，风很大，拍了美食照片")]
    assert tagger.tag([item], threshold=0)[0][0].tag_id == "d"
    for suggestion in tagger.tag([item], threshold=0)[0]:
        assert all(evidence.match == "stem" for evidence in suggestion.evidence)
    assert tagger.tag([[Clue("caption", "caption", "今天去海边看日出，风很大")]])[0] == []

"""Keyphrases: in any language, from the item or its corpus, the same on every call and after a resume."""

import json
from collections import Counter

import orjson
import pytest

from benchmarks.generative import folded, keyphrases, matched, vocabulary_matcher
from benchmarks.tagging import load, score, whole_text
from core.corpora.clues import Clue
from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, find_model
from core.embedding.hashing import HashingEncoder
from core.errors import InvalidInput
from core.vocabulary.keyphrases import KeyphraseExtractor, gist
from core.vocabulary.names import name_key
from core.vocabulary.phrases import languages_of, phrases_of, prose


def item(title, caption="", **more):
    return [
        Clue("title", "title", title),
        Clue("caption", "caption", caption),
        *(Clue(k, "body", v) for k, v in more.items()),
    ]


ENGLISH = [
    item("How bees find flowers", "A biologist explains how honey bees navigate between meadows and their hive."),
    item("Honey without bees", "Beekeepers and chemists compare honey made in a factory with honey from a hive."),
    item("The hive at night", "What honey bees do after dark: a beekeeper listens to the hive."),
    item("Solar power for villages", "Cheap solar panels bring electricity to villages far from the grid."),
    item("Electricity from the sun", "An engineer builds solar panels and batteries for schools."),
    item("A grid without coal", "How solar panels and wind power replace coal in the electricity grid."),
]
CHINESE = [
    item("成都美食探店", "今天吃火锅，美食博主推荐"),
    item("广州美食攻略", "早茶是广州的美食"),
    item("周末公园散步", "公园的樱花开了"),
    item("街头美食大全", "小吃也是美食"),
    item("公园晨跑", "在公园跑步很舒服"),
    item("公园里的老人", "老人在公园下棋"),
]


@pytest.fixture(scope="module")
def encoder():
    return CachedEncoder(Encoder(find_model()), MemoryCache())


@pytest.fixture(scope="module")
def prepared(encoder):
    extractor = KeyphraseExtractor(encoder)
    extractor.prepare(ENGLISH)
    return extractor


def words(phrases):
    return [phrase.text for phrase in phrases]


def test_an_item_says_what_it_is_about(prepared):
    bees, _, _, solar, _, _ = prepared.extract(ENGLISH, 5)
    assert {"bees", "honey bees"} & set(words(bees))
    assert any("solar" in text for text in words(solar))
    assert not {"how", "the", "and", "between", "their"} & {w for text in words(bees) for w in text.split()}


def test_places_are_where_it_stands(prepared):
    for clues, phrases in zip(ENGLISH, prepared.extract(ENGLISH, 8), strict=True):
        by_field = {clue.field: clue.text for clue in clues}
        for phrase in phrases:
            for field, start, end in phrase.places:
                assert by_field[field][start:end].casefold().rstrip("s") == phrase.text.casefold().rstrip("s")


def test_scores_fall_and_stay_between_0_and_1(prepared):
    for phrases in prepared.extract(ENGLISH, 8):
        scores = [phrase.score for phrase in phrases]
        assert scores == sorted(scores, reverse=True) and all(0 <= s <= 1 for s in scores)
        assert len({phrase.text for phrase in phrases}) == len(phrases) <= 8


def test_a_phrase_of_the_corpus_may_be_meant_without_being_named(prepared):
    """An item that says photovoltaics is told by the word that its corpus uses."""
    found = prepared.extract([item("Photovoltaics at home", "Sunlight on the roof, power in the socket.")], 8)[0]
    assert [p for p in found if "solar" in p.text and not p.places]


@pytest.mark.parametrize("semantic", [True, False])
def test_chinese(encoder, semantic):
    extractor = KeyphraseExtractor(encoder if semantic else None)
    extractor.prepare(CHINESE)
    found = [words(phrases) for phrases in extractor.extract(CHINESE, 4)]
    assert "美食" in " ".join(found[0]) and "公园" in " ".join(found[2])
    assert not any("的" in text[0] or "的" in text[-1] for texts in found for text in texts)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("東京ラーメン食べ歩き", "ラーメン"),
        ("서울 떡볶이 맛집", "떡볶이"),
        ("Рецепты борща и вареников", "рецепты"),
        ("#美食探店 周末", "美食探店"),
        ("Las mejores recetas de la abuela", "recetas"),
        ("हिन्दी भाषा सीखें", "भाषा"),
        ("C++ for beginners", "c++"),
    ],
)
def test_other_languages(text, wanted):
    keys = {phrase.text.casefold() for phrase in phrases_of(item(text))}
    assert wanted in keys


def test_small_words_of_the_corpus_language_are_no_phrases():
    spanish = [["Las mejores recetas de la abuela para el verano y el invierno"]] * 20
    assert languages_of(spanish) == ["es"]
    keys = {p.key for p in phrases_of(item("recetas de la abuela para el verano"), languages=["es"])}
    assert not keys & {"de", "la", "para", "el"} and "verano" in keys


def test_code_and_addresses_are_not_read():
    text = "See https://example.com/secret and `hidden_code()` or me@example.com\n```\nblocked words\n```\nend here"
    assert len(prose(text)) == len(text)
    shown = " ".join(p.text for p in phrases_of(item(text)))
    assert not any(word in shown for word in ("secret", "hidden", "blocked", "example"))
    assert "end" in shown


def test_a_resumed_extractor_answers_the_same(encoder, prepared):
    state = json.loads(orjson.dumps(prepared.state()))
    again = KeyphraseExtractor.from_state(state, encoder)
    assert again.extract(ENGLISH[2:4], 6) == prepared.extract(ENGLISH, 6)[2:4]


def test_an_answer_does_not_depend_on_the_other_items(prepared):
    many = ENGLISH * 20
    together = prepared.extract(many, 6)
    assert together[:6] == together[-6:] == [prepared.extract([clues], 6)[0] for clues in ENGLISH]


def test_the_order_of_the_sample_changes_nothing_that_is_said(encoder, prepared):
    backwards = KeyphraseExtractor(encoder)
    backwards.prepare(ENGLISH[::-1])
    assert [words(p) for p in backwards.extract(ENGLISH, 5)] == [words(p) for p in prepared.extract(ENGLISH, 5)]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s | {"version": 0},
        lambda s: s | {"encoder": "another"},
        lambda s: {k: v for k, v in s.items() if k != "words"},
        lambda s: s | {"inventory": {k: v for k, v in s["inventory"].items() if k != "prior"}},
        lambda s: s | {"inventory": s["inventory"] | {"counts": {"dtype": "object", "shape": [1], "data": ""}}},
        lambda s: s | {"inventory": s["inventory"] | {"named": s["inventory"]["named"] | {"data": "!!"}}},
        lambda s: s | {"inventory": s["inventory"] | {"keys": []}},
    ],
)
def test_a_damaged_state_is_refused(encoder, prepared, change):
    with pytest.raises(InvalidInput):
        KeyphraseExtractor.from_state(change(prepared.state()), encoder)


def test_nothing_to_read_gives_nothing(encoder, prepared):
    empty = KeyphraseExtractor(encoder)
    empty.prepare([])
    blank = [Clue("title", "title", "  ")]
    assert empty.extract([blank]) == prepared.extract([blank]) == [[]]
    assert words(empty.extract([ENGLISH[0]], 3)[0]), "without a sample an item's own words are left"
    with pytest.raises(InvalidInput):
        prepared.extract(ENGLISH, 0)


def test_stopping_leaves_it_as_it_was(encoder, prepared):
    before = prepared.extract(ENGLISH, 4)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared.prepare(CHINESE, stop)
    assert prepared.extract(ENGLISH, 4) == before


def test_the_gist_is_short_and_shorter_in_dense_scripts():
    assert len(gist(item("word " * 100), 120)) <= 120
    assert len(gist(item("北京的秋天很美" * 40), 120)) <= 60


@pytest.mark.data
def test_ahead_of_keyword_extraction_on_real_talks(shared_data, encoder):
    """On 300 talks YAKE's F1 is .08 and KeyBERT's .11 (benchmarks/tagging.md)."""
    corpus = load("ted", shared_data).part(300)
    assert whole_text(corpus.clues[0])
    said = [[phrase.text for phrase in phrases] for phrases in keyphrases(corpus, encoder, corpus.top_k)]
    gold = [set(map(name_key, tags)) for tags in corpus.gold]
    assert score(folded(said, corpus.top_k), gold).f1 >= 0.145
    meant = matched(said, vocabulary_matcher(corpus, encoder), corpus.top_k)
    assert score(meant, corpus.gold).f1 >= 0.25


@pytest.mark.data
@pytest.mark.data
def test_a_good_topic_is_not_said_of_everything(shared_data, encoder):
    """Without the cost of what is not named, “robots” was said of a quarter of all talks."""
    corpus = load("ted", shared_data).part(300)
    extractor = KeyphraseExtractor(encoder)
    extractor.prepare(corpus.clues)
    named = dict(zip(extractor.inventory.texts, extractor.inventory.counts, strict=True))
    said = Counter(phrase.text for found in extractor.extract(corpus.clues) for phrase in found)
    worst = max(said, key=lambda text: said[text] / (named.get(text, 0) + 3))
    assert said[worst] <= 3 * (named.get(worst, 0) + 3), worst


def test_chinese_videos_share_their_phrases(shared_data):
    """What is said of one video is said of others too: tags, not sentences."""
    corpus = load("videos", shared_data).part(300)
    said = [[p.text for p in phrases] for phrases in keyphrases(corpus, HashingEncoder(), 5)]
    uses = Counter(tag for tags in said for tag in tags)
    assert sum(n for n in uses.values() if n > 1) >= 0.8 * uses.total()
    assert max(map(len, uses)) <= 24

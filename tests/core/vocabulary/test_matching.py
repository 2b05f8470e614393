"""Free tags find the tags of the vocabulary that they mean, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.embedding.cache import CachedEncoder, MemoryCache
from core.embedding.encoder import Encoder, find_model
from core.embedding.hashing import HashingEncoder
from core.vocabulary.entries import TagEntry
from core.vocabulary.matching import TagMatcher, word_form

TAGS = [
    TagEntry("1", "neural networks", ("nn",)),
    TagEntry("2", "activism"),
    TagEntry("3", "universities"),
    TagEntry("4", "climate change"),
    TagEntry("5", "减肥方法"),
    TagEntry("6", "手工制作教程"),
    TagEntry("7", "indoor plants"),
]


@pytest.fixture(scope="module")
def encoder():
    return CachedEncoder(Encoder(find_model()), MemoryCache())


@pytest.fixture(scope="module")
def matcher(encoder):
    return TagMatcher(TAGS, encoder)


@pytest.mark.parametrize(
    ("text", "tag", "how"),
    [
        ("neural networks", "1", "exact"),
        ("  NEURAL  Networks ", "1", "exact"),
        ("ｃｌｉｍａｔｅ ｃｈａｎｇｅ", "4", "exact"),
        ("NN", "1", "alias"),
        ("neural-network", "1", "stem"),
        ("University", "3", "stem"),
        ("activist", "2", "stem"),
        ("global warming", "4", "meaning"),
        ("减肥方法", "5", "exact"),
        ("手工制作教程大全", "6", "stem"),
    ],
)
def test_a_text_finds_its_tag(matcher, text, tag, how):
    match = matcher.match([text])[0]
    assert (match.tag, match.how) == (tag, how)
    assert match.nearest[0][0] == tag
    assert 0 < match.similarity <= 1


@pytest.mark.parametrize("text", ["cheese recipes", "universal", "出游攻略", "增肥方法", "outdoor plants", "!!!", ""])
def test_what_means_nothing_here_stays_new(matcher, text):
    match = matcher.match([text])[0]
    assert match.tag is None and match.how is None
    assert len(match.nearest) <= 3


def test_opposites_are_not_even_near(matcher):
    """One key maps a new tag to the nearest: that must never be its opposite."""
    assert "5" not in dict(matcher.match(["增肥方法"])[0].nearest)
    assert "7" not in dict(matcher.match(["outdoor plants"])[0].nearest)


def test_chinese_is_not_matched_by_an_english_model(encoder):
    """It gives both one vector; as meaning that would be cosine 1."""
    a, b = encoder.encode(["左转", "右转"])
    assert a @ b > 0.99
    assert TagMatcher([TagEntry("1", "左转")], encoder).match(["右转"])[0].tag is None


def test_the_threshold_decides(encoder):
    strict = TagMatcher(TAGS, encoder, threshold=0.99)
    assert strict.match(["global warming"])[0].tag is None
    assert strict.match(["global warming"])[0].nearest[0][0] == "4", "what is near is still told"
    assert strict.match(["activist"])[0].tag == "2", "word forms do not wait for the threshold"


def test_an_answer_does_not_depend_on_the_others(encoder, matcher):
    texts = ["global warming", "activist", "手工制作的教程", "cheese", "nn"]
    together = TagMatcher(list(reversed(TAGS)), encoder).match(texts)
    assert together == [TagMatcher(TAGS, encoder).match([text])[0] for text in texts] == matcher.match(texts)


def test_without_an_encoder_spelling_is_left():
    for encoder in (None, HashingEncoder()):
        matcher = TagMatcher(TAGS, encoder)
        assert [m.tag for m in matcher.match(["Universities", "global warming", "neural network"])] == ["3", None, "1"]


def test_an_empty_vocabulary_makes_everything_new(encoder):
    match = TagMatcher([], encoder).match(["bees"])[0]
    assert match.tag is None and match.nearest == () and match.similarity == 0


def test_names_win_over_aliases_and_the_first_name_over_the_next():
    matcher = TagMatcher([TagEntry("1", "java", ("coffee",)), TagEntry("2", "coffee"), TagEntry("3", "Coffee")], None)
    assert matcher.match(["coffee"])[0].tag == "3", "Coffee sorts before coffee"


@given(st.text(max_size=40))
def test_any_text_is_answered(text):
    match = TagMatcher(TAGS, None).match([text])[0]
    assert (match.tag is None) == (match.how is None)
    assert word_form(text) == word_form(text.strip())

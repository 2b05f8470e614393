import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.vocabulary.names import LONGEST, clean_name, name_key

anything = st.text(max_size=40) | st.text(st.characters(codec="utf-8"), max_size=200)


@pytest.mark.parametrize(
    ("given_name", "stored"),
    [
        ("Jazz", "Jazz"),
        ("  hip \t hop\n", "hip hop"),
        ("caf\u0065\u0301", "café"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u202edesrever", "desrever"),
        ("a\0b", "ab"),
        ("日本", "日本"),
        ("🐝", "🐝"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("=SUM(A1)", "=SUM(A1)"),
    ],
)
def test_names_are_stored_clean(given_name, stored):
    assert clean_name(given_name) == stored


@pytest.mark.parametrize("name", ["", "  ", "\n\t", "\u200b", "\0", "\u202e \ufeff", "x" * (LONGEST + 1)])
def test_names_that_cannot_be(name):
    with pytest.raises(InvalidInput) as refused:
        clean_name(name)
    assert refused.value.message and refused.value.remedy


@given(anything)
@example("ᾼ")
@example("İ")
@example("ﬁ")
@example("\u0345")
def test_a_clean_name_stays_as_it_is(name):
    try:
        cleaned = clean_name(name)
    except InvalidInput:
        return
    assert clean_name(cleaned) == cleaned
    assert 1 <= len(cleaned) <= LONGEST and cleaned == " ".join(cleaned.split())
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in cleaned)
    cleaned.encode("utf-8")


@given(anything)
@example("ᾼ")
@example("\u0345")
@example("ẖ\u0345")
def test_a_key_is_its_own_key(name):
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jazz", "JAZZ"),
        ("Straße", "STRASSE"),
        ("hip  hop", " Hip Hop "),
        ("ｆｕｌｌ", "full"),
        ("café", "cafe\u0301"),
        ("ﬁn", "FIN"),
    ],
)
def test_names_that_are_the_same(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("jazz", "jaz"), ("hip hop", "hip-hop"), ("café", "cafe"), ("a b", "ab")])
def test_names_that_are_not_the_same(one, other):
    assert name_key(one) != name_key(other)

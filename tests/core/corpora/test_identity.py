import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.corpora.identity import item_id, item_key, number_of
from core.errors import NotFound


@given(st.integers(0, 2**62 - 1), st.text(max_size=20), st.text(max_size=40))
def test_an_id_leads_to_its_number(pk, corpus, key):
    public = item_id(pk, corpus, key)
    assert number_of(public) == pk
    assert public.isascii() and public.isalnum() and public == item_id(pk, corpus, key)


@given(st.text(max_size=40))
@example("")
@example("0x1234567")
@example("-1" + "0" * 8)
@example("1_1" + "0" * 8)
@example("f" * 5000)
@example("\0" * 9)
@example("１" + "0" * 8)
def test_whatever_is_asked_for_is_a_number_or_not_found(text):
    try:
        assert 0 <= number_of(text) < 2**62
    except NotFound as error:
        assert error.remedy and len(error.message) < 100


def test_one_number_in_two_corpora_makes_two_ids():
    assert item_id(1, "a", "id:x") != item_id(1, "b", "id:x") != item_id(1, "b", "id:y")


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_external_id_is_never_taken_for_a_content_hash(external, content):
    assert item_key(external, content) != item_key(None, content)


@pytest.mark.parametrize(("one", "two"), [("1", "01"), ("a", "A"), ("", "None"), ("x", "x ")])
def test_external_ids_are_told_apart_exactly(one, two):
    assert item_key(one, "h") != item_key(two, "h")

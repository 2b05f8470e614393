import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.rendering import SEARCH_LIMIT, display_title, field_text, prettify, render, search_text, shorten

ROLES = {
    "words": "clue",
    "second_title": "title",
    "speech": "speech",
    "name": "title",
    "cover_text": "ocr",
    "story": "body",
    "summary": "caption",
    "firstLevel_category": "category",
    "note": "keep",
}


def test_fields_come_in_the_order_of_roles_then_columns():
    fields = {name: f"text of {name}" for name in ROLES}
    assert [(each.name, each.label, each.kind) for each in render(fields, ROLES)] == [
        ("second_title", "Title", "title"),
        ("name", "Name", "title"),
        ("summary", "Description", "caption"),
        ("firstLevel_category", "Category", "category"),
        ("cover_text", "Text in the picture", "ocr"),
        ("speech", "Speech", "speech"),
        ("story", "Text", "body"),
        ("words", "Words", "clue"),
    ]


def test_missing_and_blank_fields_are_left_out():
    fields = {"second_title": " \n", "name": "A", "speech": None, "story": []}
    assert [(each.name, each.label, each.text) for each in render(fields, ROLES)] == [("name", "Title", "A")]
    assert render({}, ROLES) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" as it is\n", " as it is\n"),
        (["a", 2, None, "b"], "a, 2, b"),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        ([{"a": 1}], '{"a":1}'),
        (3.0, "3"),
        (0, "0"),
        (False, "false"),
        (None, ""),
        (float("nan"), ""),
    ],
)
def test_values_as_text(value, text):
    assert field_text(value) == text


@settings(deadline=None)
@given(st.lists(st.text()))
def test_search_text_is_folded_and_finds_its_own_parts(values):
    whole = search_text(values)
    assert whole == " ".join(whole.split())
    assert unicodedata.is_normalized("NFKC", whole)
    assert whole == search_text([whole])


def test_search_text_folds_width_case_and_space():
    assert search_text(["ＷＩＮＤ  Straße", {"a": ["ﬁn\n", 5]}, None, 2.5]) == "wind strasse fin 5 2.5"


def test_search_text_is_bounded():
    assert len(search_text(["wörter " * SEARCH_LIMIT, "more"])) <= SEARCH_LIMIT
    assert len(search_text(["ﷺ" * SEARCH_LIMIT])) <= SEARCH_LIMIT


def test_the_title_is_the_first_clue_with_text():
    assert display_title({"story": "Body", "name": "B", "second_title": "A"}, ROLES) == "A"
    assert display_title({"story": "Body", "name": "B", "second_title": " "}, ROLES) == "B"
    assert display_title({"note": "kept", "story": "A  body\nof lines"}, ROLES) == "A body of lines"
    assert display_title({"note": "kept"}, ROLES) == ""


@settings(deadline=None)
@given(st.text(max_size=400))
def test_the_title_is_short(text):
    title = display_title({"name": text}, ROLES)
    assert len(title) <= 120
    assert "\n" not in title


def test_a_long_title_is_cut_between_words():
    title = display_title({"name": "words " * 100}, ROLES)
    assert title.endswith("words…")
    assert shorten("x" * 200, 120) == "x" * 119 + "…"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("first_level_category_name", "First level category name"),
        ("firstLevel", "First level"),
        ("OCR-text", "OCR text"),
        ("标签", "标签"),
        ("_", "_"),
    ],
)
def test_names_become_labels(name, label):
    assert prettify(name) == label

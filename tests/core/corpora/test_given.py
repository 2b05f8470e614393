"""Given tags: every shape in which a cell can hold them, with nothing lost."""

import json

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from core.corpora.given import (
    BadCell,
    Given,
    GivenReader,
    facet_of_column,
    flag_weight,
    given_of,
    guess_given_split,
    names_of,
    number_list,
    reference_of,
    weighted_parts,
)
from core.corpora.mapping import Mapping


def names(value, how=None):
    return [name for name, _ in weighted_parts(value, how)]


def test_the_shape_of_a_cell_is_told_from_what_it_holds():
    shapes = {
        "comma": ("happy, piano", "sad"),
        "semicolon": ("happy; piano",),
        "pipe": ("happy|piano",),
        "newline": ("happy\npiano",),
        "tab": ("happy\tpiano",),
        "python-list": ("['happy', \"don't\"]",),
        "json-list": ('["happy", "piano"]', "[]"),
        "vector": ("[0.0, 1.0, 0.0]", "0 1 1", [0, 1, 0]),
        "weighted": ("rock:0.8, pop:0.1", "jazz: 1"),
        "pairs": ('[["rock", "100"], ["pop", "40"]]', {"rock": 1.0}, "[['rock', 'pop'], [0.8, 0.1]]"),
    }
    for shape, cells in shapes.items():
        assert guess_given_split(cells) == shape, cells
    assert guess_given_split([["happy", "piano"]]) == "json-list"
    assert guess_given_split(["120, 130"]) == "comma", "two numbers are no vector"


def test_nothing_of_a_list_is_dropped_or_changed():
    assert names("['pad', 'pad', 'a, b', 'punchy \"4 on the floor\" kick', \"world's\"]") == [
        "pad",
        "pad",
        "a, b",
        'punchy "4 on the floor" kick',
        "world's",
    ]
    assert names(" a ; b;;a ", "semicolon") == ["a", "b", "a"]
    assert names("rock / pop / r&b", "sep: / ") == ["rock", "pop", "r&b"]
    assert names(["genre---rock", "mood/theme---happy"]) == ["genre---rock", "mood/theme---happy"]


@examples(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(str.strip), max_size=8))
def test_any_tags_come_back_from_a_python_or_json_list(tags):
    stripped = [" ".join([tag.strip()]) for tag in tags]
    assert names(repr(tags), "python-list") == stripped
    assert names(json.dumps(tags), "json-list") == stripped
    assert names(tags, "json-list") == stripped


@examples(
    st.one_of(st.text(), st.lists(st.one_of(st.text(), st.integers(), st.none()))), st.sampled_from(["", "vector"])
)
def test_a_cell_is_read_or_refused_with_a_reason(cell, how):
    for shape in (how or None, "pairs", "weighted", "python-list"):
        try:
            found = weighted_parts(cell, shape)
        except ValueError as error:
            assert str(error)
        else:
            assert all(isinstance(name, str) and (weight is None or weight >= 0) for name, weight in found)


def test_weights_are_brought_between_0_and_1():
    assert weighted_parts("rock:0.8, slow: .5, sad", "weighted") == [("rock", 0.8), ("slow", 0.5), ("sad", None)]
    last_fm = [["rock", "100"], ["pop", "40"]]
    assert (
        weighted_parts(last_fm, "pairs") == weighted_parts(json.dumps(last_fm), "pairs") == [("rock", 1), ("pop", 0.4)]
    )
    assert weighted_parts("[['alternative', 'electronic'], [0.25, 0.75]]", "pairs") == [
        ("alternative", 0.25),
        ("electronic", 0.75),
    ]
    assert weighted_parts([{"tag": "rock", "count": 500}, {"tag": "pop", "count": 250}], "pairs") == [
        ("rock", 1),
        ("pop", 0.5),
    ]


def test_a_vector_has_labels_or_numbers():
    cell = "[0.0, 1.0, 0.0, 0.5]"
    assert weighted_parts(cell, "vector") == [("tag 2", None), ("tag 4", 0.5)]
    assert names_in(cell, ("a", "b", "c", "d")) == ["b", "d"]
    with pytest.raises(ValueError, match="4 numbers, and the labels name 2"):
        weighted_parts(cell, "vector", ("a", "b"))
    assert number_list("0.5;1|2") == [0.5, 1, 2]
    with pytest.raises(ValueError, match="“x” in it is no number"):
        number_list("1, x")


def names_in(cell, places):
    return [name for name, _ in weighted_parts(cell, "vector", places)]


def test_columns_say_what_their_tags_speak_of():
    facets = {"genre": "genre", "mood/theme": "mood", "Instruments": "instrument", "genre_tags": "genre", "tags": None}
    assert {column: facet_of_column(column) for column in facets} == facets
    assert [facet_of_column(column) for column in ("absent", "without", "negative", "not absent")] == ["absent"] * 3 + [
        None
    ]


def test_an_item_gives_all_its_tags_in_the_order_of_the_file():
    mapping = Mapping(
        {
            "id": "id",
            "genre": "given",
            "genre_weights": "weights",
            "tags": "given",
            "instrument---piano": "flag",
            "sad": "flag",
            "codes": "given",
            "absent": "given",
            "title": "names",
            "artist": "names",
            "human": "reference",
        },
        {"genre": "comma", "tags": "json-list", "codes": "comma"},
        labels={"codes": {"/m/1": "Music"}},
    )
    fields = {
        "genre": "rock, pop",
        "genre_weights": "[0.9, 0.2]",
        "tags": ["loud", "loud"],
        "instrument---piano": "1",
        "sad": 0,
        "codes": "/m/1,/m/2",
        "absent": "drums, vocals",
        "title": " Blue\n Night ",
        "artist": ["Ann", "Bo"],
        "human": "A human wrote this.",
    }
    assert given_of(fields, mapping) == [
        Given("rock", "genre", 0.9),
        Given("pop", "genre", 0.2),
        Given("loud"),
        Given("loud"),
        Given("instrument---piano", "instrument"),
        Given("Music"),
        Given("/m/2"),
        Given("drums", "absent"),
        Given("vocals", "absent"),
    ]
    assert names_of(fields, mapping) == ["Blue Night", "Ann", "Bo"]
    assert reference_of(fields, mapping) == "A human wrote this."
    assert reference_of({}, mapping) is None and names_of({}, mapping) == []


def test_a_cell_that_cannot_be_read_holds_nothing_or_is_told():
    reader = GivenReader(Mapping({"a": "given", "w": "weights", "on": "flag"}, {"a": "python-list"}))
    assert reader({"a": "['x", "on": 1}) == [Given("on")]
    for fields, column in ({"a": "['x"}, "a"), ({"a": "['x', 'y']", "w": "1"}, "w"), ({"on": "maybe"}, "on"):
        with pytest.raises(BadCell) as caught:
            reader.strict(fields)
        assert caught.value.column == column


def test_a_column_of_0_and_1_says_yes_or_no():
    assert [flag_weight(v) for v in (1, "1.0", True, "yes", "X", 3)] == [1] * 6
    assert [flag_weight(v) for v in (0, "0", False, "no", "", -1)] == [0] * 6
    assert flag_weight("0.25") == 0.25

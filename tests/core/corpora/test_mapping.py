import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats.options import ReadOptions
from core.corpora.mapping import CLUE_ROLES, ROLES, CompiledMapping, DraftItem, Mapping, apply_mapping
from core.corpora.reading import Problem, Row
from core.corpora.roles import ROLE_LABELS
from core.errors import InvalidInput


def draft(roles, values, **options):
    return apply_mapping(Mapping(roles, **options), Row("items.csv", 7, values))


BASIC = {"id": "id", "title": "title", "tags": "gold", "url": "link", "note": "keep", "junk": "ignore"}


def test_a_row_becomes_an_item():
    item = draft(
        BASIC,
        {"id": " 5 ", "title": " A title ", "tags": "a, b", "url": "https://x.org\n", "note": "n", "junk": "j"},
    )
    assert item == DraftItem(
        "5", {"title": " A title ", "note": "n"}, ("a", "b"), None, None, None, "https://x.org", ()
    )


def test_columns_that_the_mapping_does_not_know_are_kept():
    assert draft(BASIC, {"id": "1", "title": "t", "new": [1]}).fields == {"title": "t", "new": [1]}


def test_missing_values_are_dropped_and_others_left_alone():
    values = {"id": 1, "title": "t", "a": None, "b": "", "c": float("nan"), "d": 0, "e": False, "f": [], "g": "nan"}
    assert draft(BASIC, values).fields == {"title": "t", "d": 0, "e": False, "f": [], "g": "nan"}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        min_size=1,
    )
)
def test_texts_are_exactly_as_read(values):
    item = draft({"z": "title", "a": "body"}, {"z": "t", **values})
    assert item.fields == {"z": "t", **values}


def test_a_row_without_text_costs_itself():
    for values in ({"id": "1", "title": " \n"}, {"id": "1", "note": "n"}, {"id": "1", "title": []}):
        problem = draft(BASIC, values)
        assert isinstance(problem, Problem)
        assert (problem.file, problem.row, problem.code) == ("items.csv", 7, "no_text")


def test_a_picture_is_enough():
    roles = {"image": "media", "title": "title"}
    assert draft(roles, {"image": " a.png "}).media == "a.png"
    assert draft(roles, {"image": {"bytes": None, "path": "b.png"}}).media == "b.png"
    assert draft(roles, {"image": [None, "c.png", "d.png"]}).media == "c.png"
    assert isinstance(draft(roles, {"image": {}}), Problem)


@pytest.mark.parametrize(("cell", "expected"), [(12, "12"), (3.0, "3"), (" x ", "x"), (0, "0"), ("007", "007")])
def test_ids_are_text(cell, expected):
    assert draft(BASIC, {"id": cell, "title": "t"}).external_id == expected


def test_a_row_without_its_id_costs_itself_but_not_in_an_export():
    for cell in ("", "  ", None, float("nan")):
        problem = draft(BASIC, {"id": cell, "title": "t"})
        assert (problem.code, problem.field) == ("no_id", "id")
        item = draft({**BASIC, "tagloom_status": "status"}, {"id": cell, "title": "t", "tagloom_status": "done"})
        assert (item.external_id, item.status) == (None, "done")
    assert draft({"title": "title"}, {"title": "t"}).external_id is None


def test_tags_that_are_not_there_differ_from_none_given():
    assert draft(BASIC, {"id": 1, "title": "t"}).gold is None
    assert draft(BASIC, {"id": 1, "title": "t", "tags": ""}).gold is None
    assert draft(BASIC, {"id": 1, "title": "t", "tags": []}).gold == ()
    assert draft(BASIC, {"id": 1, "title": "t", "tags": "[]"}).gold == ()


def test_several_gold_columns_are_joined():
    roles = {"title": "title", "a": "gold", "b": "gold", "c": "tags"}
    item = draft(roles, {"title": "t", "a": ["x", "y"], "b": "y|z", "c": ["q"]}, split={"b": "pipe"})
    assert item.gold == ("x", "y", "z")
    assert item.tags == ("q",)


def test_a_list_that_cannot_be_read_costs_its_cell():
    item = draft(BASIC, {"id": 1, "title": "t", "tags": "['a'"}, split={"tags": "python-list"})
    assert item.gold is None
    (problem,) = item.problems
    assert (problem.row, problem.field, problem.code) == (7, "tags", "bad_list")
    assert "Python list" in problem.cause


def test_formulas_are_restored_only_where_asked():
    values = {"title": "'=1+1", "note": "''@x", "id": "'-a"}
    assert draft(BASIC, values).fields == {"title": "'=1+1", "note": "''@x"}
    item = draft(BASIC, values, unguard_formulas=True)
    assert (item.external_id, item.fields) == ("-a", {"title": "=1+1", "note": "'@x"})


def test_notes_of_the_row_are_not_repeated():
    note = Problem("items.csv", 7, None, "bad_characters", "", "")
    assert apply_mapping(Mapping({"t": "title"}), Row("items.csv", 7, {"t": "x"}, (note,))).problems == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"roles": {"a": "heading"}}, ("“a”", "“heading”")),
        ({"roles": {"a": "title", "b": "id", "c": "id"}}, ("“id”", "“b”", "“c”")),
        ({"roles": {"a": "title", "b": "link", "c": "link"}}, ("“link”", "“b”")),
        ({"roles": {"a": "title", "b": "status", "c": "status"}}, ("“status”",)),
        ({"roles": {"a": "keep"}}, ("to tag",)),
        ({"roles": {}}, ("to tag",)),
        ({"roles": {"a": "title", "b": "gold"}, "split": {"b": "tabs"}}, ("“b”", "“gold”", "“tabs”")),
        ({"roles": {"a": "title"}, "split": {"a": "comma"}}, ("“a”", "“title”")),
        ({"roles": {"a": "title"}, "split": {"b": "comma"}}, ("“b”",)),
        ({"roles": {"a": 1}}, ("roles",)),
        ({"roles": ["a"]}, ("roles",)),
        ({"roles": {"a": "title"}, "unguard_formulas": "yes"}, ("unguard_formulas",)),
        ([], ("object",)),
        ("{", ("JSON",)),
        ("[" * 100_000, ("JSON",)),
    ],
)
def test_wrong_mappings_are_refused_by_name(value, words):
    with pytest.raises(InvalidInput) as caught:
        Mapping.from_json(value)
    assert all(word in caught.value.message for word in words)
    assert caught.value.remedy


@settings(deadline=None)
@given(
    st.dictionaries(st.text(), st.sampled_from([r for r in ROLES if r not in ("id", "link", "status")])),
    st.booleans(),
)
def test_mappings_come_back_from_json(roles, unguard):
    roles = {**roles, "t": "title", "i": "id", "g": "gold"}
    mapping = Mapping(roles, {"g": "comma"}, unguard)
    assert Mapping.from_json(mapping.to_json()) == mapping
    back = Mapping.from_json(json.dumps(mapping.to_json()))
    assert back == mapping
    assert list(back.roles) == list(mapping.roles)


def test_a_person_changes_roles():
    mapping = Mapping({"a": "id", "b": "keep", "c": "title", "d": "keep", "e": "gold"}, {"e": "comma"})
    rows = [{"d": "x|y"}, {"d": "z"}]
    changed = mapping.changed({"b": "id", "d": "gold", "e": "keep"}, rows)
    assert changed.roles == {"a": "keep", "b": "id", "c": "title", "d": "gold", "e": "keep"}
    assert changed.split == {"d": "pipe"}
    assert changed.explain["b"] == "chosen by a person"
    with pytest.raises(InvalidInput, match="“nope”") as caught:
        mapping.changed({"nope": "title"})
    assert "a, b, c" in caught.value.remedy
    with pytest.raises(InvalidInput, match="only one"):
        mapping.changed({"a": "id", "b": "id"})


def test_roles_are_what_the_contract_says():
    assert CLUE_ROLES == ("title", "caption", "category", "ocr", "speech", "body", "clue")
    assert set(CLUE_ROLES) < set(ROLES)


def test_a_compiled_mapping_is_the_same_function():
    mapping = Mapping(BASIC)
    row = Row("f", 1, {"id": "1", "title": "t", "tags": "a;b"})
    assert CompiledMapping(mapping)(row) == apply_mapping(mapping, row)


def test_the_remedy_names_roles_as_the_page_does():
    with pytest.raises(InvalidInput) as refused:
        Mapping({"a": "keep"})
    assert "“Text in the picture”" in refused.value.remedy and "“Picture or sound”" in refused.value.remedy
    assert not any(f" {role}" in refused.value.remedy for role in ("ocr", "clue", "body", "media"))
    assert set(ROLE_LABELS) == set(ROLES)


def test_how_a_file_is_read_goes_with_its_mapping():
    mapping = Mapping({"column_1": "title"}, reading=ReadOptions(encoding="gbk", header=False, delimiter="||"))
    assert mapping.to_json()["reading"] == {"encoding": "gbk", "header": False, "delimiter": "||"}
    assert Mapping.from_json(mapping.to_json()) == mapping
    assert mapping.changed({"column_1": "body"}).reading == mapping.reading
    assert "reading" not in Mapping({"a": "title"}).to_json()
    for wrong in ("x", [1], {"encoding": "no-such"}, {"other": 1}):
        with pytest.raises(InvalidInput):
            Mapping.from_json({"roles": {"a": "title"}, "reading": wrong})

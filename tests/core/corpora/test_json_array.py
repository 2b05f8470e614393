import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats import json_buffer
from core.corpora.formats.base import MAX_CELL, Row
from core.corpora.reading import read_rows
from core.errors import InvalidInput

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
number = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
value = st.recursive(
    st.none() | st.booleans() | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
name = text.map(str.strip).filter(bool)
rows = st.lists(st.dictionaries(name, value, min_size=1, max_size=4), min_size=1, max_size=5)


def read(tmp_path, content, name="items.json"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(path))


def codes(found):
    return [getattr(each, "code", None) for each in found]


@settings(max_examples=150, deadline=None)
@given(
    rows,
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.integers(1, 40),
    st.booleans(),
)
def test_values_come_back_exactly(tmp_path_factory, given_rows, indent, ascii_only, encoding, chunk, wrapped):
    whole = {"version": [1, 2], "info": {"a": [{}]}, "data": given_rows, "end": 1} if wrapped else given_rows
    content = json.dumps(whole, indent=indent, ensure_ascii=ascii_only).encode(encoding)
    before, json_buffer.CHUNK = json_buffer.CHUNK, chunk  # cut the text at every possible place
    try:
        found = read(tmp_path_factory.mktemp("json"), content)
    finally:
        json_buffer.CHUNK = before
    assert [row.values for row in found] == given_rows


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["[", "]", '{"a": 1}', "{", "}", ",", '"', "\n", " ", ":", "1", "nul", '"data": ', "\\", "\0"]),
        max_size=40,
    ),
    st.integers(1, 9),
)
def test_any_text_is_read_or_refused_but_never_breaks(tmp_path_factory, parts, chunk):
    before, json_buffer.CHUNK = json_buffer.CHUNK, chunk
    try:
        read(tmp_path_factory.mktemp("json"), "[" + "".join(parts))
    except InvalidInput as error:
        assert error.remedy
    finally:
        json_buffer.CHUNK = before


def test_a_truncated_list_gives_its_whole_rows_and_says_where_it_ends(tmp_path):
    text = json.dumps([{"id": n, "text": "é" * 5} for n in range(100)], ensure_ascii=False)
    whole = len(text.encode())
    found = read(tmp_path, text.encode()[:-8])
    assert [row.values["id"] for row in found[:-1]] == list(range(99))
    assert found[-1].code == "truncated"
    assert found[-1].row is None
    assert f"byte {whole - 8:,}" in found[-1].cause


@pytest.mark.parametrize("cut", range(1, 25))
def test_wherever_the_file_is_cut(tmp_path, cut):
    text = '[{"a": "x\\u00e9", "b": [true, 12.5e3, null]},\n {"a": 2, "b": false}]'
    found = read(tmp_path, text[:-cut])
    assert found[0].values["b"] == [True, 12500.0, None]
    assert found[-1].code == "truncated"


@pytest.mark.parametrize("indent", [None, 2])
def test_after_a_broken_row_reading_goes_on_where_rows_have_their_own_lines(tmp_path, indent):
    rows = [json.dumps({"id": n, "tags": [{"x": 1}]}, indent=indent) for n in range(6)]
    rows[3] = rows[3].replace("id", 'i"d')
    text = "[\n" + ",\n".join(rows) + "\n]"
    found = read(tmp_path, text)
    assert [each.values["id"] for each in found if isinstance(each, Row)] == [0, 1, 2, 4, 5]
    assert [(each.row, each.code) for each in found if not isinstance(each, Row)] == [(4, "bad_json")]
    assert f"byte {text.index('d', text.index(chr(105) + chr(34)))}" in codes_cause(found)


def codes_cause(found):
    return next(each.cause for each in found if not isinstance(each, Row))


def test_without_lines_the_rows_after_a_break_are_missed_and_it_is_said(tmp_path):
    found = read(tmp_path, '[{"id": 1}, {"id": oops}, {"id": 3}]')
    assert codes(found) == [None, "bad_json"]
    assert "byte 19" in found[1].cause
    assert "rows after it were not read" in found[1].remedy


def test_a_missing_comma_costs_nothing_but_a_note(tmp_path):
    found = read(tmp_path, '[{"id": 1}\n{"id": 2},\n{"id": 3},]')
    assert codes(found) == [None, "bad_json", None, None]
    assert found[1].row is None


def test_what_is_no_object_costs_its_row(tmp_path):
    found = read(tmp_path, '[{"id": 1}, "two", 3, null, [4], true, {"id": 5}]')
    assert codes(found) == [None, *["not_an_object"] * 5, None]
    assert [each.row for each in found[1:6]] == [2, 3, 4, 5, 6]
    assert found[6].number == 7


def test_a_list_in_an_object(tmp_path):
    found = read(tmp_path, '{"count": 2, "tags": ["a"], "data": [{"id": 1}, {"id": 2}], "next": null}')
    assert [row.values for row in found] == [{"id": 1}, {"id": 2}]


def test_a_second_list_is_named(tmp_path):
    found = read(tmp_path, '{"a": [{"id": 1}], "b": [{"id": 2}]}')
    assert codes(found) == [None, "second_list"]
    assert "“a” was read, “b” was not" in found[1].cause


@pytest.mark.parametrize("text", ["[]", "[1, 2", '{"a":\n {"b": []}}', "{", "[", '{"a": [}', '[{"a": oops}]'])
def test_without_rows_it_is_refused(tmp_path, text):
    if text == "[1, 2":
        assert codes(read(tmp_path, text)) == ["not_an_object", "not_an_object", "truncated"]
        return
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, text)
    assert "items.json" in caught.value.message
    assert caught.value.remedy


def test_text_after_the_list_is_noted(tmp_path):
    assert codes(read(tmp_path, '[{"id": 1}] [{"id": 2}]')) == [None, "trailing_data"]


def test_control_characters_half_characters_and_odd_numbers(tmp_path):
    found = read(tmp_path, '[{"a": "x\ty\0z", "b": "\\udc00", "c": NaN, "d": 99999999999999999999}]')
    assert found[0].values == {"a": "x\tyz", "b": "\ufffd", "c": None, "d": "99999999999999999999"}
    assert [note.code for note in found[0].notes] == ["bad_characters"]


def test_huge_and_deep_rows_cost_themselves(tmp_path):
    huge, deep = "x" * (MAX_CELL + 1), "[" * 100_000 + "]" * 100_000
    found = read(tmp_path, f'[\n{{"a": "{huge}"}},\n{{"a": 1}},\n{{"a": {deep}}},\n{{"a": 2}}\n]')
    assert codes(found) == ["cell_too_large", None, "bad_json", None]


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "items.json"
    with path.open("w") as file:
        file.write("[")
        for n in range(100_000):
            file.write(("," if n else "") + json.dumps({"id": n, "text": "some words " * 10}))
        file.write("]")
    tracemalloc.start()
    count = sum(1 for _ in read_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 20e6

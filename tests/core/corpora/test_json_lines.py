import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats.base import MAX_CELL, Problem, Row
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


def read(tmp_path, content, name="items.jsonl"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(path))


@settings(deadline=None)
@given(rows, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_values_come_back_exactly(tmp_path_factory, given_rows, ascii_only, line_end):
    content = "".join(json.dumps(row, ensure_ascii=ascii_only) + line_end for row in given_rows)
    found = read(tmp_path_factory.mktemp("jsonl"), content)
    assert [row.values for row in found] == given_rows
    assert [row.number for row in found] == list(range(1, len(found) + 1))


@settings(deadline=None)
@given(st.lists(st.sampled_from(['{"a": 1}', "{", "}", '"', "[1]", "\n", "\r", "\0", "nope", "\\u", "é"]), max_size=30))
def test_any_text_is_read_or_refused_but_never_breaks(tmp_path_factory, parts):
    try:
        found = read(tmp_path_factory.mktemp("jsonl"), "".join(parts) or " ")
    except InvalidInput as error:
        assert error.remedy
    else:
        assert found


def test_a_bad_line_costs_that_line(tmp_path):
    found = read(tmp_path, '{"id": 1}\n{"id": 2,\n\n"text"\n[3]\n{"id": 4}\n')
    assert [getattr(each, "code", None) for each in found] == [None, "bad_json", "not_an_object", "not_an_object", None]
    assert [each.number if isinstance(each, Row) else each.row for each in found] == [1, 2, 3, 4, 5]
    assert found[1].cause.startswith("Line 2 is not valid JSON: ")
    assert "is a text, not an object" in found[2].cause
    assert "is a list, not an object" in found[3].cause


def test_a_bad_first_line_does_not_hide_the_format(tmp_path):
    found = read(tmp_path, '{"id": 1,\n{"id": 2}\n{"id": 3}\n', "items.json")
    assert [isinstance(each, Row) for each in found] == [False, True, True]


def test_half_characters_and_nul_are_repaired_with_a_note(tmp_path):
    found = read(tmp_path, '{"a": "x\\ud800y", "b\\u0000": ["\\u0000z"], "c": "\\ud83d\\ude00"}\n{"a": "\\u4e2d"}\n')
    assert found[0].values == {"a": "x\ufffdy", "b": ["z"], "c": "😀"}
    assert [note.code for note in found[0].notes] == ["bad_characters"]
    assert found[1].values == {"a": "中"}
    assert not found[1].notes


def test_bytes_that_are_not_utf8_are_noted_in_their_row(tmp_path):
    content = ('{"a": "é中é中é中"}\n' * 3).encode() + b'{"a": "x\xffy"}\n'
    found = read(tmp_path, content)
    assert found[3].values == {"a": "x\ufffdy"}
    assert [len(row.notes) for row in found] == [0, 0, 0, 1]


def test_numbers_that_json_has_not_and_large_integers(tmp_path):
    found = read(
        tmp_path,
        '{"a": NaN, "b": -Infinity, "c": 12345678901234567890123,'
        ' "d": 9223372036854775807, "e": -9223372036854775809}\n',
    )
    assert found[0].values == {
        "a": None,
        "b": "-Infinity",
        "c": "12345678901234567890123",
        "d": 2**63 - 1,
        "e": "-9223372036854775809",
    }


def test_names_are_stripped_and_kept_apart(tmp_path):
    found = read(tmp_path, '{" id ": 1, "id": 2, "": 3}\n{"id": 4}\n')
    assert list(found[0].values.values()) == [1, 2, 3]
    assert list(found[0].values) == ["id", "id (2)", "column_3"]
    assert found[1].values == {"id": 4}


def test_depth_and_size_are_bounded(tmp_path):
    deep = "[" * 150 + "]" * 150
    deeper = "[" * 200_000 + "]" * 200_000
    huge = "x" * (MAX_CELL + 1)
    found = read(tmp_path, f'{{"a": {deep}}}\n{{"a": {deeper}}}\n{{"a": ["{huge}"]}}\n{{"a": 1}}\n')
    assert [getattr(each, "code", None) for each in found] == [
        "nested_too_deeply",
        "bad_json",
        "cell_too_large",
        None,
    ]
    assert isinstance(found[3], Row)


@pytest.mark.parametrize("content", ["\n \n", "   "])
def test_a_file_without_rows_is_refused(tmp_path, content):
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, content)
    assert caught.value.remedy


def test_problems_name_the_file(tmp_path):
    path = tmp_path / "upload-123"
    path.write_text('{"a": 1}\n{\n')
    found = list(read_rows(path, name="my items.jsonl"))
    assert found[0].file == "my items.jsonl"
    assert isinstance(found[1], Problem)
    assert found[1].file == "my items.jsonl"

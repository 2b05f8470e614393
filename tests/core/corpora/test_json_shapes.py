"""The ways in which one JSON object, or several, hold rows."""

import io
import json
import tracemalloc
import zipfile

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats import json_buffer
from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput

ROWS = [{"title": "A", "n": 1}, {"title": "B", "n": 2}, {"title": "C", "n": None}]


def read(path, text=None, encoding="utf-8"):
    if text is not None:
        path.write_bytes(text.encode(encoding))
    found = list(read_rows(path))
    return [each.values for each in found if isinstance(each, Row)], [e.code for e in found if isinstance(e, Problem)]


def objects(rows):
    return {f"k{n}": row for n, row in enumerate(rows)}


SHAPES = {
    "array": json.dumps(ROWS),
    "lines": "\n".join(map(json.dumps, ROWS)),
    "wrapped": json.dumps({"count": 3, "data": ROWS, "meta": {"a": []}}),
    "columns": json.dumps({"title": ["A", "B", "C"], "n": [1, 2, None]}),
    "columns indented": json.dumps({"title": ["A", "B", "C"], "n": [1, 2, None]}, indent=2),
    "indexed": json.dumps({"title": {"0": "A", "1": "B", "2": "C"}, "n": {"0": 1, "1": 2, "2": None}}),
    "split": json.dumps({"columns": ["title", "n"], "index": [0, 1, 2], "data": [["A", 1], ["B", 2], ["C", None]]}),
    "split the other way": json.dumps({"data": [["A", 1], ["B", 2], ["C", None]], "columns": ["title", "n"]}),
    "concatenated": "".join(map(json.dumps, ROWS)),
    "concatenated indented": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "with commas between": ",\n".join(map(json.dumps, ROWS)),
    "lists": json.dumps([["title", "n"], ["A", 1], ["B", 2], ["C", None]]),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_shape_gives_the_same_rows(tmp_path, shape, encoding):
    assert read(tmp_path / "items.json", SHAPES[shape], encoding) == (ROWS, [])
    found = inspect(tmp_path / "items.json")
    assert found.estimated_rows == 3 and [column.name for column in found.columns] == ["title", "n"]


@pytest.mark.parametrize("orient", ["records", "columns", "split", "table"])
def test_what_pandas_writes_is_read(tmp_path, orient):
    frame = pd.DataFrame({"title": ["é", "日本", "🐝"], "tags": [["a"], [], ["b", "c"]], "n": [1, 2, 3]})
    out = io.StringIO()
    frame.to_json(out, orient=orient)
    rows, codes = read(tmp_path / "x.json", out.getvalue())
    assert [{name: row[name] for name in frame} for row in rows] == frame.to_dict("records") and not codes


def test_objects_of_objects_keep_their_names(tmp_path):
    rows, codes = read(tmp_path / "x.json", json.dumps({"0": {"title": "A"}, "17": {"title": "B"}}))
    assert rows == [{"id": "0", "title": "A"}, {"id": "17", "title": "B"}] and not codes
    rows, _ = read(tmp_path / "x.json", json.dumps({"a": {"id": 5, "title": "A"}, "b": {"id": 6, "title": "B"}}))
    assert rows == [{"key": "a", "id": 5, "title": "A"}, {"key": "b", "id": 6, "title": "B"}]
    rows, _ = read(tmp_path / "x.json", json.dumps({"a": {"title": "A"}, "b": {"id": 6, "title": "B"}}))
    assert rows == [{"id": "a", "title": "A"}, {"key": "b", "id": 6, "title": "B"}]
    rows, _ = read(tmp_path / "x.json", '{"one": {"title": "only"}}')
    assert rows == [{"id": "one", "title": "only"}]


def test_a_member_that_is_no_object_costs_itself(tmp_path):
    many = {f"k{n}": {"title": str(n)} for n in range(10)}
    found = list(read_rows(write(tmp_path, {"_comment": "made by hand", **many})))
    assert [(each.row, each.code) for each in found if isinstance(each, Problem)] == [(1, "not_an_object")]
    assert sum(isinstance(each, Row) for each in found) == 10


def write(tmp_path, value):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_one_object_is_one_row(tmp_path):
    row = {"title": "A", "tags": ["a", "b"], "part": {"x": 1}}
    assert read(tmp_path / "x.json", json.dumps(row)) == ([row], [])
    assert read(tmp_path / "x.json", json.dumps(row, indent=1)) == ([row], [])


def test_a_list_of_texts_is_a_row_each(tmp_path):
    assert read(tmp_path / "x.json", '["one", "two", 3, "four"]') == (
        [{"text": "one"}, {"text": "two"}, {"text": "four"}],
        ["not_an_object"],
    )


def test_lists_without_names(tmp_path):
    assert read(tmp_path / "x.json", '[[1, "a"], [2, "b"], [3]]') == (
        [{"column_1": 1, "column_2": "a"}, {"column_1": 2, "column_2": "b"}],
        ["ragged_row"],
    )


def test_columns_of_different_lengths_are_told(tmp_path):
    found = list(read_rows(write(tmp_path, {"title": ["A", "B"], "n": [1]})))
    assert [each.values for each in found[:2]] == [{"title": "A", "n": 1}, {"title": "B", "n": None}]
    assert found[2].code == "uneven_columns" and "n holds 1" in found[2].cause and "title 2" in found[2].cause


def test_columns_with_other_row_numbers_end_there(tmp_path):
    value = {"title": {"0": "A", "1": "B", "2": "C"}, "n": {"0": 1, "2": 2}}
    rows, codes = read(tmp_path / "x.json", json.dumps(value))
    assert rows == [{"title": "A", "n": 1}] and codes == ["uneven_columns"]


def test_row_numbers_that_are_no_numbering_are_kept(tmp_path):
    value = {"title": {"7012": "A", "88": "B"}}
    assert read(tmp_path / "x.json", json.dumps(value))[0] == [
        {"index": "7012", "title": "A"},
        {"index": "88", "title": "B"},
    ]


def test_a_cut_or_broken_column_is_told(tmp_path):
    text = json.dumps({"title": ["A", "B"], "n": [1, 2]})
    rows, codes = read(tmp_path / "x.json", text[:-4])
    assert rows == [{"title": "A", "n": 1}] and codes == ["truncated"]
    rows, codes = read(tmp_path / "x.json", text.replace("2]", "oops]"))
    assert rows == [{"title": "A", "n": 1}] and codes == ["bad_json"]


def test_after_a_broken_object_the_next_ones_are_read(tmp_path):
    text = '{\n "title": "A"\n}\n{\n "title": oops\n}\n{\n "title": "C"\n}\n'
    rows, codes = read(tmp_path / "x.json", text)
    assert rows == [{"title": "A"}, {"title": "C"}] and codes == ["bad_json"]


def test_characters_that_are_no_text_are_noted(tmp_path):
    found = list(read_rows(write(tmp_path, {"title": ["a\0b", "c"], "n": [1, 2]})))
    assert found[0].values["title"] == "ab" and found[0].notes[0].code == "bad_characters" and not found[1].notes


def test_a_cell_that_is_too_large_costs_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr("core.corpora.formats.json_values.MAX_CELL", 100)
    found = list(read_rows(write(tmp_path, {"title": ["x" * 101, "c"], "n": [1, 2]})))
    assert found[0].code == "cell_too_large" and found[1].values["title"] == "c"


def test_inside_an_archive_and_in_other_encodings(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.json", SHAPES["columns"])
    assert read(tmp_path / "x.zip") == (ROWS, [])
    text = json.dumps({"title": ["今天天气很好", "我们去公园"], "n": [1, 2]}, ensure_ascii=False)
    rows, codes = read(tmp_path / "x.json", text, "gb18030")
    assert [row["title"] for row in rows] == ["今天天气很好", "我们去公园"] and codes == ["encoding_guessed"]
    assert not list(tmp_path.glob("tagloom-*"))


@settings(max_examples=150)
@given(
    st.lists(st.fixed_dictionaries({"a": st.text(max_size=5), "b": st.integers() | st.none()}), min_size=2, max_size=5),
    st.integers(1, 9),
    st.sampled_from(["columns", "objects", "split", "sequence"]),
)
def test_chunks_may_end_anywhere(tmp_path_factory, rows, chunk, shape):
    path = tmp_path_factory.mktemp("json") / "x.json"
    value = {
        "columns": {"a": [row["a"] for row in rows], "b": [row["b"] for row in rows]},
        "objects": objects(rows),
        "split": {"columns": ["a", "b"], "data": [[row["a"], row["b"]] for row in rows]},
    }.get(shape)
    path.write_text("".join(map(json.dumps, rows)) if value is None else json.dumps(value), encoding="utf-8")
    before, json_buffer.CHUNK = json_buffer.CHUNK, chunk
    try:
        found, codes = read(path)
    finally:
        json_buffer.CHUNK = before
    clean = [
        {"a": row["a"].replace("\0", ""), "b": row["b"] if row["b"] is None or abs(row["b"]) < 2**63 else str(row["b"])}
        for row in rows
    ]
    assert [{name: each[name] for name in ("a", "b")} for each in found] == clean and not codes


PARTS = ["[", "]", '{"a": 1}', "{", "}", ",", '"', "\n", ":", "1", '"x": ', '"0": ', '{"t": "u"}', "[1]", "\\", "null"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_any_text_is_read_or_refused(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("json") / "x.json"
    path.write_text("{" + "".join(parts), encoding="utf-8")
    for look in (inspect, lambda each: list(read_rows(each))):
        try:
            look(path)
        except InvalidInput as error:
            assert error.message and error.remedy


@pytest.mark.parametrize("text", ["{}", '{"data": []}', '{"count": 0,\n"data": []}', '{"a": {}}', "[[]]"])
def test_without_rows_it_is_refused(tmp_path, text):
    with pytest.raises(InvalidInput):
        inspect(write_text(tmp_path, text))


def write_text(tmp_path, text):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    return tmp_path / "x.json"


def test_memory_does_not_grow_with_columns(tmp_path):
    count = 60_000
    with (tmp_path / "x.json").open("w", encoding="utf-8") as out:
        out.write('{"text": [')
        out.writelines(f'"{n} words and words and words and more words"' + "," * (n < count - 1) for n in range(count))
        out.write('], "n": [' + ",".join(map(str, range(count))) + "]}")
    tracemalloc.start()
    assert sum(isinstance(each, Row) for each in read_rows(tmp_path / "x.json")) == count
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8_000_000


def test_too_many_columns(tmp_path):
    with pytest.raises(InvalidInput, match="more than 500 columns"):
        list(read_rows(write(tmp_path, {f"c{n}": [1] for n in range(501)})))


@pytest.mark.data
def test_real_objects_of_objects(shared_data):
    rows, codes = read(shared_data / "interactions" / "scientific.item.json")
    whole = json.loads((shared_data / "interactions" / "scientific.item.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == list(whole) and not codes

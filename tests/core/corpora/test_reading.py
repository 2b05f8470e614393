import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput


def write(tmp_path, content, name="items.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def rows_of(path):
    return [each for each in read_rows(path) if isinstance(each, Row)]


WESTERN = "id,text\n1,Müller à Paris\n2,¿Dónde está?\n3,naïve “quotes” – 5 €\n"
CHINESE = "id,text\n1,今天天气很好，我们去公园散步。\n2,这个视频教你怎么做菜\n3,北京的秋天\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "utf-8-sig", "utf-8-sig"),
        (WESTERN, "utf-16", "utf-16"),
        (WESTERN, "utf-16-le", "utf-16-le"),
        (WESTERN, "utf-16-be", "utf-16-be"),
        (WESTERN, "utf-32", "utf-32"),
        (WESTERN, "cp1252", "cp1252"),
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gbk", "gb18030"),
    ],
)
def test_the_encoding_is_found(tmp_path, text, encoding, found):
    path = write(tmp_path, text.encode(encoding))
    expected = [line.split(",", 1)[1] for line in text.splitlines()[1:]]
    assert [row.values["text"] for row in rows_of(path)] == expected
    inspection = inspect(path)
    assert inspection.encoding == found
    guessed = [problem.code for problem in inspection.problems]
    assert guessed == (["encoding_guessed"] if found in ("cp1252", "gb18030") else [])
    assert not any(row.notes for row in rows_of(path))


def test_a_letter_of_another_encoding_far_down_in_the_file(tmp_path):
    lines = b"".join(b"%d,plain words\n" % n for n in range(200_000))
    path = write(tmp_path, b"id,text\n" + lines + b"x,caf\xe9 bar\n")
    *_, last = read_rows(path)
    assert last.values["text"] == "café bar"


def test_utf8_with_a_few_broken_bytes_stays_utf8(tmp_path):
    path = write(tmp_path, CHINESE.encode() + b"4,x\xffy\n")
    rows = rows_of(path)
    assert rows[0].values["text"].startswith("今天")
    assert rows[3].values["text"] == "x\ufffdy"
    assert [len(row.notes) for row in rows] == [0, 0, 0, 1]
    assert inspect(path).encoding == "utf-8"


def test_a_file_cut_inside_a_character(tmp_path):
    path = write(tmp_path, "id,text\n1,é\n2,ü".encode()[:-1])
    assert [row.values["text"] for row in rows_of(path)] == ["é", "\ufffd"]


@pytest.mark.parametrize(
    ("content", "name", "word"),
    [
        (b"", "items.csv", "empty"),
        (b"\x89PNG\r\n\x1a\n....", "items.csv", "PNG image"),
        (b"\xff\xd8\xff\xe0....", "a.jpg", "JPEG image"),
        (b"%PDF-1.7 ...", "a.pdf", "PDF"),
        (b"\x1f\x8b\x08....", "a.csv.gz", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "a.xls", "Office"),
        (b"SQLite format 3\x00....", "a.db", "SQLite"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a.webp", "WebP"),
        (b"\x00\x00\x00\x18ftypmp42....", "a.mp4", "video"),
        (b"  <!DOCTYPE html><html>", "items.csv", "web page"),
        (b"<?xml version='1.0'?><a/>", "items.csv", "XML"),
        (bytes(range(256)) * 20, "items.bin", "binary"),
        (bytes(range(1, 256)) * 20, "items.csv", "binary"),
        (b"Dear all,\nthis is a letter.\nIt has lines, and commas, too.\n", "letter.md", "plain text"),
        (b"no list here", "items.json", "does not begin"),
        (b" \n \n", "items.csv", "no text"),
        (b"[{}]", "items.json", "no fields"),
        (b"PAR1 but not really", "items.parquet", "cannot be read as one"),
        (b"PK\x03\x04 but not really", "items.zip", "zip archive"),
        (b"PK\x05\x06" + bytes(18), "items.zip", "no file with rows"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, name, word):
    path = write(tmp_path, content, name)
    for look in (inspect, lambda each: list(read_rows(each))):
        if word == "no fields" and look is not inspect:
            continue  # reading gives rows without fields, which the mapping refuses one by one
        with pytest.raises(InvalidInput) as caught:
            look(path)
        assert word in caught.value.message
        assert name in caught.value.message
        assert caught.value.remedy


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["csv", "json", "jsonl", "parquet", "zip", "txt", "dat"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, extension):
    path = write(tmp_path_factory.mktemp("any"), content, f"items.{extension}")
    for look in (inspect, lambda each: list(read_rows(each))):
        try:
            look(path)
        except InvalidInput as error:
            assert error.message and error.remedy


@pytest.mark.parametrize(
    ("content", "name", "format"),
    [
        (b'[{"text": "a"}]', "items.csv", "json"),
        (b'{"text": "a"}\n{"text": "b"}', "items.csv", "jsonl"),
        (b'{"text": "a"}\n{"text": "b"}', "items.json", "jsonl"),
        (b'{"text": "a"}', "items.json", "jsonl"),
        (b'[{"text": "a"}]', "items.jsonl", "json"),
        (b"id\ttext\n1\ta\n", "items.csv", "tsv"),
        (b"id,text\n1,a\n", "items.tsv", "csv"),
        (b"id,text\n1,a\n", "upload", "csv"),
        (b"id,text\n1,a\n", "items.txt", "csv"),
        (b'[section],text\n"[a]",b\n', "items.csv", "csv"),
        (b"{id},text\n1,b\n", "items.csv", "csv"),
    ],
)
def test_content_tells_the_format_before_the_name_does(tmp_path, content, name, format):
    path = write(tmp_path, content, name)
    assert inspect(path).format == format
    assert rows_of(path)


def test_files_that_cannot_be_opened(tmp_path):
    for path in (tmp_path / "missing.csv", tmp_path, tmp_path / "nul\0name"):
        with pytest.raises(InvalidInput) as caught:
            inspect(path)
        assert caught.value.remedy
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        with pytest.raises(InvalidInput):
            inspect(tmp_path / "pipe.csv")


def test_what_the_columns_look_like(tmp_path):
    lines = ["id,text,score,tags,flag,empty,mixed"]
    lines += [f"{n},\"Some text {n}\",{n / 3},\"['a', 'b{n}']\",{n % 2 == 0},,{'x' if n % 2 else 4}" for n in range(10)]
    inspection = inspect(write(tmp_path, "\n".join(lines).encode()))
    columns = {column.name: column for column in inspection.columns}
    assert [column.kind for column in inspection.columns] == [
        "number",
        "text",
        "number",
        "list",
        "bool",
        "text",
        "text",
    ]
    assert columns["id"].distinct == columns["id"].filled == 1
    assert columns["empty"].filled == columns["empty"].distinct == columns["empty"].mean_length == 0
    assert columns["flag"].distinct == pytest.approx(0.2)
    assert columns["text"].samples == ("Some text 0", "Some text 1", "Some text 2")
    assert columns["text"].mean_length == 11
    assert inspection.estimated_rows == 10
    assert not inspection.tagloom_export


def test_columns_that_only_some_rows_have(tmp_path):
    path = write(tmp_path, b'{"a": 1}\n{"b": ["x"], "a": "t"}\n{"b": [], "c": {"d": 1}}\n', "items.jsonl")
    columns = {column.name: column for column in inspect(path).columns}
    assert list(columns) == ["a", "b", "c"]
    assert [columns[name].kind for name in "abc"] == ["mixed", "list", "object"]
    assert columns["c"].filled == pytest.approx(1 / 3)


def test_only_the_first_rows_are_looked_at(tmp_path):
    lines = "".join(f"{n},text number {n} and a few more words\n" for n in range(300_000))
    path = write(tmp_path, ("id,text\n" + lines).encode())
    inspection = inspect(path)
    assert len(inspection.rows) == 20
    assert abs(inspection.estimated_rows - 300_000) < 15_000


def test_long_samples_are_shortened(tmp_path):
    path = write(tmp_path, b"id,text\n1," + b"word " * 100_000 + b"\n")
    (sample,) = inspect(path).columns[1].samples
    assert len(sample) == 80
    assert sample.endswith("…")


def test_a_file_of_nothing_but_problems(tmp_path):
    path = write(tmp_path, b"id,text\n1\n2\n3\n")
    with pytest.raises(InvalidInput, match="1 cell"):
        inspect(path)
    assert [each.code for each in read_rows(path)] == ["ragged_row"] * 3


def test_problems_are_bounded(tmp_path):
    path = write(tmp_path, b"id,text\n" + b"1\n" * 5000 + b"1,a\n" * 500)
    assert len(inspect(path).problems) == 100


def test_an_export_is_recognised(tmp_path):
    assert inspect(write(tmp_path, b"id,text,tagloom_status\n1,a,done\n")).tagloom_export


def test_the_name_people_know(tmp_path):
    path = write(tmp_path, b"id,text\n1\n2,b\n", "upload-1.tmp")
    inspection = inspect(path, name="Meine Daten.csv")
    assert inspection.files == ("Meine Daten.csv",)
    assert {each.file for each in read_rows(path, name="Meine Daten.csv")} == {"Meine Daten.csv"}


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "rows", "columns", "format"),
    [
        ("ted_talks.csv", 2550, 12, "csv"),
        ("ml_projects.json", 2032, 6, "json"),
        ("kuaishou_videos.csv", 10_728, 10, "csv"),
        ("taggpt_examples.csv", 3, 5, "csv"),
    ],
)
def test_real_files_are_read_whole(shared_data, file, rows, columns, format):
    path = shared_data / "items" / file
    found = list(read_rows(path))
    assert sum(isinstance(each, Row) for each in found) == rows
    assert all(each.code == "unnamed_column" for each in found if isinstance(each, Problem))
    inspection = inspect(path)
    assert len(inspection.columns) == columns
    assert inspection.format == format
    assert math.isclose(inspection.estimated_rows, rows, rel_tol=0.1)

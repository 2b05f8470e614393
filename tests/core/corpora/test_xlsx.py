"""Workbooks: what openpyxl and pandas write comes back, and workbooks made to do harm are refused."""

import datetime
import io
import re
import tracemalloc
import zipfile

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.chart import BarChart

from core.corpora.formats import xlsx
from core.corpora.formats.options import ReadOptions
from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput, UnsafeInput

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=20).filter(
    lambda value: not ILLEGAL_CHARACTERS_RE.search(value) and value == value.strip() and "_x" not in value
)
cell = st.one_of(
    st.none(),
    text.filter(lambda value: not value.startswith(("=", "#"))),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 1, 1)),
)


def save(path, rows, change=None):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    if change:
        change(book, sheet)
    book.save(path)
    return path


def read(path, **options):
    found = list(read_rows(path, options=ReadOptions(**options)))
    return [each.values for each in found if isinstance(each, Row)], [e.code for e in found if isinstance(e, Problem)]


def repack(path, change):
    """The workbook again with parts changed: `change(name, content)` gives the new content."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    path.write_bytes(out.getvalue())
    return path


def in_sheet(old, new):
    def change(name, content):
        if name == "xl/worksheets/sheet1.xml":
            assert old in content
            return content.replace(old, new, 1)
        return content

    return change


@settings(max_examples=60)
@given(
    st.lists(st.tuples(cell, cell, text.filter(lambda value: not value.startswith(("=", "#")))), min_size=1, max_size=8)
)
def test_what_was_written_comes_back(tmp_path_factory, rows):
    path = save(tmp_path_factory.mktemp("xlsx") / "items.xlsx", [("id", "title", "text"), *rows])
    expected = [
        {
            name: each.isoformat() if isinstance(each, datetime.date) else each
            for name, each in zip(("id", "title", "text"), row, strict=True)
        }
        for row in rows
    ]
    assert read(path) == (expected, [])
    assert inspect(path).estimated_rows == len(rows)


def test_what_pandas_wrote_comes_back(tmp_path):
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "text": ["eins", "zwei\nlines"],
            "score": [0.5, None],
            "when": [datetime.datetime(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5)],
        }
    )
    frame.to_excel(tmp_path / "x.xlsx", index=False)
    assert read(tmp_path / "x.xlsx")[0] == [
        {"id": 1, "text": "eins", "score": 0.5, "when": "2020-01-02"},
        {"id": 2, "text": "zwei\nlines", "score": None, "when": "2020-01-02T03:04:05"},
    ]


def test_dates_times_and_lengths(tmp_path):
    row = [datetime.datetime(2020, 1, 2), datetime.time(3, 4), datetime.timedelta(hours=30), True, 1e300]
    path = save(tmp_path / "x.xlsx", [["day", "time", "length", "flag", "large"], row])
    (values,), _ = read(path)
    assert values == {"day": "2020-01-02", "time": "03:04:00", "length": 108000.0, "flag": True, "large": 1e300}


def test_formulas_are_read_by_their_stored_result(tmp_path):
    path = save(tmp_path / "x.xlsx", [["id", "twice"], [1, "=A2*2"], [2, "=A3*2"]])
    rows, codes = read(path)
    assert [row["twice"] for row in rows] == [None, None]
    assert codes == ["no_result"]
    repack(
        path,
        in_sheet(
            b"<f>A2*2</f><v></v>"
            if b"<f>A2*2</f><v></v>" in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
            else b"<f>A2*2</f><v />",
            b"<f>A2*2</f><v>2</v>",
        ),
    )
    found = list(read_rows(path))
    assert [each.values["twice"] for each in found if isinstance(each, Row)] == [2, None]
    assert found[0].cause.startswith("1 cells")


def test_formulas_that_failed_are_empty_with_a_note(tmp_path):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"], [2, "#N/A"]])
    *_, last = read_rows(path)
    assert last.values == {"id": 2, "text": None}
    assert [note.code for note in last.notes] == ["error_cell"]


def test_cells_merged_over_rows_give_each_row_their_value(tmp_path):
    def merge(book, sheet):
        sheet.merge_cells("A2:A4")
        sheet.merge_cells("B5:C5")

    rows = [
        ["category", "title", "n"],
        ["music", "one", 1],
        [None, "two", 2],
        [None, "three", None],
        ["art", "four", None],
    ]
    found, codes = read(save(tmp_path / "x.xlsx", rows, merge))
    assert [row["category"] for row in found] == ["music", "music", "music", "art"]
    assert [row["n"] for row in found] == [1, 2, None, None], "only downwards, only within the merged cells"
    assert codes == ["merged_cells"]


def test_lines_above_the_header_and_empty_rows_are_left_out(tmp_path):
    rows = [["Our talks of 2024"], [], ["id", "title", "text"], [1, "a", "b"], [], [None, "", None], [2, "c", "d"]]
    found, codes = read(save(tmp_path / "x.xlsx", rows))
    assert [row["id"] for row in found] == [1, 2]
    assert codes == ["rows_above_header"]


def test_columns_without_or_with_the_same_name(tmp_path):
    found, codes = read(save(tmp_path / "x.xlsx", [["id", None, "id"], [1, "a", 2]]))
    assert found == [{"id": 1, "column_2": "a", "id (2)": 2}]
    assert codes == ["unnamed_column", "duplicate_column"]


def test_a_row_longer_than_its_header_is_named(tmp_path):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"], [2, "b", "c"], [3, "d"]])
    found = list(read_rows(path))
    assert [each.number if isinstance(each, Row) else (each.row, each.code) for each in found] == [
        1,
        (2, "ragged_row"),
        3,
    ]


def test_without_a_header(tmp_path):
    path = save(tmp_path / "x.xlsx", [[1, "a"], [2, "b"]])
    rows, codes = read(path)
    assert rows == [{"column_1": 1, "column_2": "a"}, {"column_1": 2, "column_2": "b"}]
    assert codes == ["no_header"]
    assert read(path, header=True) == ([{"1": 2, "a": "b"}], [])
    named = save(tmp_path / "named.xlsx", [["id", "text"], [2, "b"]])
    assert len(read(named, header=False)[0]) == 2


def test_the_first_sheet_that_shows_or_the_one_named(tmp_path):
    def sheets(book, sheet):
        sheet.sheet_state = "hidden"
        more = book.create_sheet("Second")
        more.append(["id", "text"])
        more.append([1, "from the second"])
        book.create_chartsheet("Picture").add_chart(BarChart())

    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "hidden"]], sheets)
    assert read(path)[0][0]["text"] == "from the second"
    assert read(path, sheet="Sheet")[0][0]["text"] == "hidden"
    assert inspect(path).sheets == ("Second", "Sheet")
    with pytest.raises(InvalidInput) as refused:
        read(path, sheet="Third")
    assert "Second, Sheet" in refused.value.remedy


def test_an_empty_sheet_names_the_others(tmp_path):
    path = save(tmp_path / "x.xlsx", [], lambda book, _: book.create_sheet("Other"))
    with pytest.raises(InvalidInput) as refused:
        read(path)
    assert "Other" in refused.value.remedy


def test_inside_an_archive(tmp_path):
    save(tmp_path / "a.xlsx", [["id", "text"], [1, "a"]])
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "a.xlsx", "in/a.xlsx")
        archive.writestr("b.csv", "id,text\n2,b\n")
    assert [row["id"] for row in read(tmp_path / "x.zip")[0]] == ["2", 1]


# hostile workbooks


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"]])
    repack(path, in_sheet(b"</sheetData>", b"<row/>" * 10_000_000 + b"</sheetData>"))
    with pytest.raises(UnsafeInput, match="unpacks to"):
        list(read_rows(path))


TEXTS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def with_shared_texts(path, texts, part="xl/sharedStrings.xml"):
    """A workbook as Excel writes it: its texts in a part of their own."""
    save(path, [["id", "text"], *([n] for n in range(len(texts)))])
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

    def change(name, content):
        if name == "[Content_Types].xml":
            return content.replace(
                b"</Types>", f'<Override PartName="/{part}" ContentType="{TEXTS}"/></Types>'.encode()
            )
        if name == "xl/worksheets/sheet1.xml":
            for n in range(len(texts)):
                end = content.index(b"</row>", content.index(f'r="A{n + 2}"'.encode()))
                content = content[:end] + f'<c r="B{n + 2}" t="s"><v>{n}</v></c>'.encode() + content[end:]
        return content

    repack(path, change)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        entries = "".join(f"<si><t>{each}</t></si>" for each in texts)
        archive.writestr(part, f'<sst xmlns="{space}">{entries}</sst>')
    return path


def test_shared_texts(tmp_path):
    path = with_shared_texts(tmp_path / "x.xlsx", ["one", "zwei", "三"])
    assert [row["text"] for row in read(path)[0]] == ["one", "zwei", "三"]


@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/worksheets/hidden.xml"])
def test_a_part_that_is_held_in_memory_has_its_limit(tmp_path, monkeypatch, part):
    monkeypatch.setattr(xlsx, "LARGEST_PART", 50_000)
    path = with_shared_texts(tmp_path / "x.xlsx", ["a text of some length, " * 100] * 30, part)
    with pytest.raises(UnsafeInput, match=part):
        list(read_rows(path))


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"])
def test_declared_entities_are_refused(tmp_path, part):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"]])
    entity = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    repack(path, lambda name, content: entity + content if name == part else content)
    with pytest.raises(UnsafeInput, match="entities"):
        list(read_rows(path))


@pytest.mark.parametrize("place", [b"ZZZZZZ2", b"A99999999", b"ZZZZ1"])
def test_cells_outside_any_sheet_are_refused(tmp_path, place):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"]])
    repack(path, in_sheet(b'r="A2"', b'r="' + place + b'"'))
    with pytest.raises(UnsafeInput, match="outside any sheet"):
        list(read_rows(path))


def test_cells_far_out_fill_no_memory(tmp_path):
    path = save(tmp_path / "x.xlsx", [["id", "text"], *([n, "a"] for n in range(2000))])
    repack(path, lambda name, content: re.sub(rb'r="B([0-9]{3,})"', rb'r="XFD\1"', content))
    tracemalloc.start()
    try:
        rows, codes = read(path)
        assert codes == ["cells_far_out"]
        assert len(rows) == 2000 and rows[50]["text"] == "a" and rows[500] == {"id": 500, "text": None}
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("place", [b"'ZZZZZZZ2'", b'"&#90;ZZZZZZ2"'])
def test_places_written_so_that_a_look_at_the_bytes_misses_them(tmp_path, place):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"], [2, "b"]])
    with pytest.raises(InvalidInput, match="ZZZZZZZ"):
        list(read_rows(repack(path, in_sheet(b'r="B2"', b"r=" + place))))


def test_texts_that_look_like_places_are_texts(tmp_path):
    text = 'paste( r="TEST1", <c r="ZZZZZ1">)'
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, text]])
    assert read(path)[0] == [{"id": 1, "text": text}]


def test_a_cell_that_is_too_large_costs_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_CELL", 1000)
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"], [2, "b" * 1001], [3, "c"]])
    found = list(read_rows(path))
    assert [each.number if isinstance(each, Row) else each.code for each in found] == [1, "cell_too_large", 3]


def test_a_wrong_statement_of_size_is_not_believed(tmp_path):
    path = save(tmp_path / "x.xlsx", [["id", "text"], [1, "a"], [2, "b"]])
    repack(path, in_sheet(b'<dimension ref="A1:B3"', b'<dimension ref="A1:A1"'))
    assert [row["text"] for row in read(path)[0]] == ["a", "b"]


_workbook: list[bytes] = []


def whole_workbook(path):
    """The same bytes for every example: a workbook says when it was written, so two of them differ."""
    if not _workbook:
        rows = [["id", "text"], *([n, f"text {n}"] for n in range(20))]
        _workbook.append(save(path, rows).read_bytes())
    return _workbook[0]


@settings(max_examples=60)
@given(st.data())
def test_damaged_workbooks_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("xlsx") / "x.xlsx"
    content = bytearray(whole_workbook(path))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    for look in (inspect, lambda each: list(read_rows(each))):
        try:
            look(path)
        except InvalidInput as error:
            assert error.message and error.remedy


@settings(max_examples=60)
@given(st.data())
def test_damaged_xml_is_read_or_refused(tmp_path_factory, data):
    path = save(tmp_path_factory.mktemp("xlsx") / "x.xlsx", [["id", "text"], *([n, f"text {n}"] for n in range(5))])
    names = zipfile.ZipFile(path).namelist()
    chosen = data.draw(st.sampled_from(names))

    def damage(name, content):
        if name != chosen:
            return content
        content = bytearray(content)
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        return bytes(content)

    repack(path, damage)
    for look in (inspect, lambda each: list(read_rows(each))):
        try:
            look(path)
        except InvalidInput as error:
            assert error.message and error.remedy


@pytest.mark.parametrize(("name", "word"), [("word/document.xml", "Word"), ("xl/workbook.bin", "binary Excel")])
def test_other_office_files_are_named(tmp_path, name, word):
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, "x")
    with pytest.raises(InvalidInput, match=word):
        list(read_rows(tmp_path / "x.xlsx"))

import csv
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formats.base import MAX_CELL, Problem, Row
from core.corpora.formats.dialect import sniff
from core.corpora.formats.options import ReadOptions
from core.corpora.reading import inspect, read_rows
from core.errors import InvalidInput


def read(tmp_path, content, name="items.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    found = list(read_rows(path))
    return [row for row in found if isinstance(row, Row)], [each for each in found if isinstance(each, Problem)]


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
nasty = st.lists(st.sampled_from(list("\",;|\t\r\n' a1=é中😀\u2028\x0b\ufeff")), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.one_of(cell, nasty)] * 3), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\r\n", "\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_cells_come_back_as_csv_writer_wrote_them(tmp_path_factory, rows, delimiter, line_end, encoding):
    out = io.StringIO(newline="")
    # QUOTE_ALL where a lone CR must survive: older writers leave it bare when lines end in LF
    quoting = csv.QUOTE_ALL if line_end == "\n" else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(["id", "title", "text"])
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "items.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    found = list(read_rows(path))
    assert [tuple(row.values.values()) for row in found] == rows
    assert [row.number for row in found] == list(range(1, len(rows) + 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*'",\n\r\0;é', "ab", "1", "\r\n", '""']), max_size=80).map("".join))
def test_any_text_is_read_or_refused_but_never_breaks(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("csv") / "items.csv"
    path.write_text("id,text\n" + text, encoding="utf-8", newline="")
    try:
        found = list(read_rows(path))
    except InvalidInput as error:
        assert error.remedy
    else:
        numbers = [each.number if isinstance(each, Row) else each.row for each in found]
        assert [n for n in numbers if n is not None] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    text = "\n".join(delimiter.join(cells) for cells in [("id", "text"), ("1", "a. b: c!"), ("2", "d")])
    rows, problems = read(tmp_path, text)
    assert [row.values for row in rows] == [{"id": "1", "text": "a. b: c!"}, {"id": "2", "text": "d"}]
    assert not problems
    assert inspect(tmp_path / "items.csv").delimiter == delimiter


def test_other_separators_inside_the_text_do_not_confuse(tmp_path):
    text = 'id;title;note\n1;a, b, c;"x; y"\n2;d, e|f;z\n3;g;h, i\n'
    rows, _ = read(tmp_path, text)
    assert rows[0].values == {"id": "1", "title": "a, b, c", "note": "x; y"}


def test_a_column_alone_needs_no_delimiter(tmp_path):
    rows, _ = read(tmp_path, "text\nfirst\n\nsecond\n")
    assert [row.values["text"] for row in rows] == ["first", "second"]


def test_the_line_by_which_a_spreadsheet_names_the_delimiter(tmp_path):
    rows, _ = read(tmp_path, "sep=;\r\nid;text\r\n1;a,b\r\n")
    assert rows[0].values == {"id": "1", "text": "a,b"}


def test_space_before_quotes(tmp_path):
    rows, problems = read(tmp_path, 'id, text, more\n1, "a, b", c\n2, "say ""d""", e\n')
    assert [list(row.values.values()) for row in rows] == [["1", "a, b", "c"], ["2", 'say "d"', "e"]]
    assert not problems
    rows, _ = read(tmp_path, "id, text\n1, a\n")
    assert rows[0].values == {"id": "1", "text": " a"}


def test_two_pipes_are_one_delimiter(tmp_path):
    rows, problems = read(tmp_path, "id||caption\n0||A, b\n")
    assert rows[0].values == {"id": "0", "caption": "A, b"}
    assert not problems
    assert inspect(tmp_path / "items.csv").delimiter == "||"


def test_ragged_rows_cost_themselves_only(tmp_path):
    rows, problems = read(tmp_path, "id,text\n1,a\n2,b,c\n3\n4,d\n")
    assert [(row.number, row.values["id"]) for row in rows] == [(1, "1"), (4, "4")]
    assert [(p.row, p.code) for p in problems] == [(2, "ragged_row"), (3, "ragged_row")]
    assert problems[0].cause == "The row has 3 cells, the header has 2 (line 3 of the file)."
    assert "1 cell," in problems[1].cause


def test_an_open_quote_costs_its_row_and_not_those_after_it(tmp_path):
    text = "id,title,text\n" + '1,a,b\n2,"open,c\n' + "".join(f"{n},t,x\n" for n in range(3, 2000)) + '2000,"t",x\n'
    rows, problems = read(tmp_path, text)
    assert [row.values["id"] for row in rows] == ["1", *map(str, range(3, 2001))]
    assert [(p.row, p.code) for p in problems] == [(2, "unclosed_quote")]
    assert "line 3" in problems[0].cause


def test_an_open_quote_that_a_later_quote_seems_to_close(tmp_path):
    rows, problems = read(tmp_path, 'id,a,b\n5,"open,x\n6,"q",y\n7,"r",z\n')
    assert [row.values["id"] for row in rows] == ["6", "7"]
    assert [p.code for p in problems] == ["unclosed_quote"]


def test_a_file_cut_off_inside_a_quoted_cell(tmp_path):
    rows, problems = read(tmp_path, 'id,text\n1,"a"\n2,"first line\nsecond l')
    assert [row.values["id"] for row in rows] == ["1"]
    assert [(p.row, p.code) for p in problems] == [(2, "unclosed_quote")]


def test_quotes_that_are_letters_are_left_alone(tmp_path):
    text = 'id\ttext\n1\t"Hi" he said\n2\t5" nails\n3\t"open\n4\tx\n'
    rows, problems = read(tmp_path, text, "items.tsv")
    assert [row.values["text"] for row in rows] == ['"Hi" he said', '5" nails', '"open', "x"]
    assert not problems


def test_line_ends_in_quotes_are_kept_exactly(tmp_path):
    rows, _ = read(tmp_path, 'id,text\r\n1,"a\r\nb\nc\rd"\r\n2,e\r\n')
    assert [row.values["text"] for row in rows] == ["a\r\nb\nc\rd", "e"]


def test_a_lone_carriage_return_stays_in_its_cell(tmp_path):
    rows, problems = read(tmp_path, 'id,text,more\n1,a\r,b\n2,c\rd,e\n3,"f\rg",h\n4,i,j\r')
    assert [row.values["text"] for row in rows] == ["a\r", "c\rd", "f\rg", "i"]
    assert rows[3].values["more"] == "j"
    assert not problems


def test_lines_that_end_in_carriage_returns(tmp_path):
    rows, _ = read(tmp_path, 'id,text\r1,a\r2,"b\nc"\r')
    assert [row.values for row in rows] == [{"id": "1", "text": "a"}, {"id": "2", "text": "b\nc"}]


def test_nul_characters_are_removed_with_a_note(tmp_path):
    rows, problems = read(tmp_path, "id,text\n1,a\0b\n2,c\r\0d\n3,e\n")
    assert [row.values["text"] for row in rows] == ["ab", "c\rd", "e"]
    assert [[note.code for note in row.notes] for row in rows] == [["bad_characters"], ["bad_characters"], []]
    assert not problems


def test_names_of_columns_are_made_unique(tmp_path):
    rows, problems = read(tmp_path, "id,name,,name, id \n1,2,3,4,5\n")
    assert list(rows[0].values) == ["id", "name", "column_3", "name (2)", "id (2)"]
    assert [(p.row, p.field, p.code) for p in problems] == [
        (None, "column_3", "unnamed_column"),
        (None, "name (2)", "duplicate_column"),
        (None, "id (2)", "duplicate_column"),
    ]


def test_a_name_that_is_taken_is_not_given_again(tmp_path):
    rows, _ = read(tmp_path, "a,a,a (2),column_4,\n1,2,3,4,5\n")
    assert list(rows[0].values.values()) == ["1", "2", "3", "4", "5"]
    assert len(set(rows[0].values)) == 5


def test_a_huge_cell_costs_its_row(tmp_path):
    huge = "x" * (MAX_CELL + 1)
    rows, problems = read(tmp_path, f'id,text\n1,a\n2,{huge}\n3,b\n4,"{huge}"\n5,c\n6,"x\n{huge}\ny"\n7,d\n')
    assert [row.values["id"] for row in rows] == ["1", "3", "5", "7"]
    assert [(p.row, p.code) for p in problems] == [(2, "cell_too_large"), (4, "cell_too_large"), (6, "cell_too_large")]
    assert len(rows[0].values["text"]) == 1


def test_a_cell_at_the_limit_is_read(tmp_path):
    rows, problems = read(tmp_path, "id,text\n1," + "x" * MAX_CELL + "\n")
    assert len(rows[0].values["text"]) == MAX_CELL
    assert not problems


def test_a_line_without_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "items.csv"
    with path.open("w") as file:
        file.write("id,text\n1,a\n2,")
        for _ in range(100):
            file.write("word," * 200_000)  # 100 MB in one line, in cells that are short
        file.write("\n3,b\n")
    tracemalloc.start()
    found = list(read_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.code if isinstance(each, Problem) else each.values["id"] for each in found] == [
        "1",
        "cell_too_large",
        "3",
    ]
    assert peak < 300e6


@pytest.mark.parametrize("text", ["id,text\n", "id,text", "\n\n\n", "id,text\r\n\r\n"])
def test_a_header_alone_is_refused(tmp_path, text):
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, text)
    assert "items.csv" in caught.value.message
    assert caught.value.remedy


def test_tagloom_exports_get_their_column_names_back(tmp_path):
    rows, _ = read(tmp_path, "id,'=sum,tagloom_status\n1,a,done\n")
    assert list(rows[0].values) == ["id", "=sum", "tagloom_status"]
    rows, _ = read(tmp_path, "id,'=sum,status\n1,a,done\n")
    assert list(rows[0].values) == ["id", "'=sum", "status"]


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "items.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("id,title,text\n")
        file.writelines(f'{n},Title {n},"Some text, about wind and the sea {n}"\n' for n in range(200_000))
    tracemalloc.start()
    count = sum(1 for _ in read_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 20e6


@pytest.mark.parametrize(
    ("sample", "extension", "delimiter", "columns"),
    [
        ("a,b\n1,2\n", "csv", ",", 2),
        ("a\tb,c\n1\t2,3\n", "tsv", "\t", 2),
        ("text\none\ntwo", "csv", ",", 1),
        ('a;b\n"x;y";2\n', "", ";", 2),
        ("", "csv", ",", 1),
    ],
)
def test_sniffing(sample, extension, delimiter, columns):
    dialect = sniff(sample, True, extension)
    assert (dialect.delimiter, dialect.columns) == (delimiter, columns)


# delimiters of several characters, and rare ones


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.one_of(cell, nasty)] * 3), min_size=1, max_size=6),
    delimiter=st.sampled_from(["||", "::", "|||", "<>", "~", "\x01", "\t|\t", "##"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_cells_between_any_delimiter_come_back(tmp_path_factory, rows, delimiter, encoding):
    def quoted(text):
        return '"' + text.replace('"', '""') + '"'

    lines = [delimiter.join(["id", "title", "text"]), *(delimiter.join(map(quoted, row)) for row in rows)]
    path = tmp_path_factory.mktemp("csv") / "items.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    found = list(read_rows(path, options=ReadOptions(delimiter=delimiter, header=True)))
    assert [tuple(row.values.values()) for row in found] == rows


@pytest.mark.parametrize("delimiter", ["||", "|||", "::", ";;", "<>", "~", "^", "\x01", "\x1f", "@@", "¦", "|#|"])
def test_rare_delimiters_are_found(tmp_path, delimiter):
    text = "\n".join(
        delimiter.join(cells) for cells in [("id", "text", "more"), ("1", "a. b: c, d", ""), ("2", "e", "f")]
    )
    rows, problems = read(tmp_path, text)
    assert [row.values for row in rows] == [
        {"id": "1", "text": "a. b: c, d", "more": ""},
        {"id": "2", "text": "e", "more": "f"},
    ]
    assert not problems and inspect(tmp_path / "items.csv").delimiter == delimiter


def test_empty_cells_are_no_delimiter_of_two(tmp_path):
    rows, _ = read(tmp_path, "a||b|c\n1||2|3\n4||5|6\n")
    assert rows[0].values == {"a": "1", "column_2": "", "b": "2", "c": "3"}


def test_signs_in_one_column_are_no_delimiter(tmp_path):
    rows, _ = read(tmp_path, "text\nwhat??\nreally!!\n")
    assert [row.values["text"] for row in rows] == ["what??", "really!!"]
    rows, _ = read(tmp_path, "id,how--so\n1,a--b\n2,c--d\n")
    assert list(rows[0].values) == ["id", "how--so"]


def test_a_delimiter_of_several_inside_quotes_and_after_an_open_quote(tmp_path):
    text = 'id||text\n1||"a||b"\n2||"open\n3||c\n4||d\n5||"x\ny||z"\n'
    rows, problems = read(tmp_path, text)
    assert [(row.values["id"], row.values["text"]) for row in rows] == [
        ("1", "a||b"),
        ("3", "c"),
        ("4", "d"),
        ("5", "x\ny||z"),
    ]
    assert [(each.row, each.code) for each in problems] == [(2, "unclosed_quote")]


def test_the_sign_that_stands_for_several_is_no_text(tmp_path):
    rows, _ = read(tmp_path, "id||text\n1||a\ufdd0b\n2||c\n")
    assert rows[0].values == {"id": "1", "text": "a\ufffdb"}


def test_a_named_delimiter_is_used(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("id,text x more\n1,a x b\n")
    (row,) = read_rows(path, options=ReadOptions(delimiter=" x "))
    assert row.values == {"id,text": "1,a", "more": "b"}


def test_separators_at_the_end_of_rows_are_no_cells(tmp_path):
    rows, problems = read(tmp_path, "id,text\n1,a,\n2,b,,\n3,c\n4,d,e\n")
    assert [row.values["text"] for row in rows] == ["a", "b", "c"]
    assert [each.row for each in problems] == [4]


def test_tags_set_apart_by_tabs_after_the_last_column(tmp_path):
    text = "ID\tPATH\tTAGS\n1\ta.mp3\tgenre---rock\tmood---happy\n2\tb.mp3\tgenre---pop\n3\tc.mp3\ta\tb\tc\n"
    rows, problems = read(tmp_path, text, "items.tsv")
    assert [row.values["TAGS"] for row in rows] == [["genre---rock", "mood---happy"], ["genre---pop"], ["a", "b", "c"]]
    assert [each.code for each in problems] == ["open_list"]


@pytest.mark.data
def test_taggpts_vocabulary_has_no_header_and_loses_no_row(shared_data):
    found = list(read_rows(shared_data / "vocabulary" / "taggpt_final_tags.csv"))
    rows = [each for each in found if isinstance(each, Row)]
    assert len(rows) == 40_238 and rows[0].values["column_1"] == "手工制作"
    assert [each.code for each in found if isinstance(each, Problem)] == ["no_header"]

"""Whether a first row is a header: names of columns, or data already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpora.formats.headers import is_header
from core.corpora.formats.options import ReadOptions
from core.corpora.reading import Problem, Row, inspect, read_rows

HEADERS = [
    ("id,text", ["1,a", "2,b"]),
    ("word,other", ["a,b", "c,d"]),
    ("region,2019,2020,2021", ["north,1,2,3", "south,4,5,6"]),
    ("2019,2020,2021", ["1,2,3", "4,5,6"]),
    ("0,1,2", ["a,b,c", "d,e,f"]),
    ("name,score", ["7,1", "8,2"]),
    ("x,y", ["1.5,2.5", "2.5,3.5"]),
    ("Titel,Thema", ["Wie man bäckt,Kochen"]),
    ("标题,标签", ["做菜,美食", "跳舞,舞蹈"]),
    ("text", []),
    ("first item", ["second item", "third item"]),
]
DATA = [
    ("1,a", ["2,b", "3,c"]),
    ("2\t[0.0, 1.0]", ["6\t[1.0, 0.0]"]),
    ("handicraft||['craft', 'diy']", ["cooking||['cook']", "dance||[]"]),
    ("https://example.org/1,one", ["https://example.org/2,two"]),
    ("1girl,0,100", ["solo,0,90", "smile,0,80"]),
    ("How I built a boat in my own garage over one long winter and what I learned from it.,a", ["Another one.,b"]),
    ("spam,Buy now", ["ham,See you", "spam,Click", "ham,Lunch?", "eggs,x", "toast,y"]),
]


@pytest.mark.parametrize(("first", "rows"), HEADERS)
def test_names_are_a_header(tmp_path, first, rows):
    (tmp_path / "x.csv").write_text("\n".join([first, *(rows or ["x"])]), encoding="utf-8")
    found = inspect(tmp_path / "x.csv")
    assert found.header is True
    assert not [each for each in found.problems if each.code == "no_header"]


@pytest.mark.parametrize(("first", "rows"), DATA)
def test_data_is_none(tmp_path, first, rows):
    path = tmp_path / "x.csv"
    path.write_text("\n".join([first, *rows]), encoding="utf-8")
    found = inspect(path)
    assert found.header is False
    assert found.columns[0].name == "column_1"
    assert [each.code for each in found.problems] == ["no_header"]
    assert sum(isinstance(each, Row) for each in read_rows(path)) == 1 + len(rows), "no row is lost"


def test_a_person_has_the_last_word(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("1,a\n2,b\n", encoding="utf-8")
    (row,) = read_rows(path, options=ReadOptions(header=True))
    assert row.values == {"1": "2", "a": "b"}
    path.write_text("id,text\n2,b\n", encoding="utf-8")
    rows = list(read_rows(path, options=ReadOptions(header=False)))
    assert [each.values for each in rows] == [
        {"column_1": "id", "column_2": "text"},
        {"column_1": "2", "column_2": "b"},
    ]


def test_without_a_header_the_rows_that_are_most_give_the_number_of_columns(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("1,a,b\n2,c\n3,d\n4,e\n", encoding="utf-8")
    found = list(read_rows(path))
    assert [(each.row, each.code) for each in found if isinstance(each, Problem) and each.row] == [(1, "ragged_row")]
    assert "the others have 2" in next(each.cause for each in found if isinstance(each, Problem) and each.row)
    assert sum(isinstance(each, Row) for each in found) == 3


cells = st.lists(st.text(max_size=10), min_size=1, max_size=4)


@given(cells, st.lists(cells, max_size=5))
def test_any_cells_are_judged(first, rows):
    assert is_header(first, rows) in (True, False)

"""Plain text files: a line an item, blank lines counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpora.formats import lines
from core.corpora.formats.options import ReadOptions
from core.corpora.mapping import guess_mapping
from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput

line = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=30)


def read(path, **options):
    found = list(read_rows(path, options=ReadOptions(**options)))
    return [each.values["text"] for each in found if isinstance(each, Row)], [
        e for e in found if isinstance(e, Problem)
    ]


@given(
    st.lists(line.map(lambda each: "x" + each), min_size=1, max_size=10), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_lines_come_back_as_they_were(tmp_path_factory, texts, end, last):
    path = tmp_path_factory.mktemp("lines") / "items.txt"
    path.write_bytes((end.join(texts) + end * last).encode("utf-8"))
    assert read(path, lines=True) == (texts, [])


def test_prompts_of_taggpt(tmp_path):
    """sentences.txt: one prompt a line, with commas, colons and brackets in it."""
    prompts = [
        f'你是一个视频的兴趣标签生成机器人，标题为"视频{n}"，类别为"美食, 生活"，ocr为""。推断出标签：'
        for n in range(30)
    ]
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join(prompts), encoding="utf-8")
    assert read(path) == (prompts, [])
    found = inspect(path)
    assert (found.format, found.estimated_rows) == ("txt", 30)
    assert guess_mapping(found).roles == {"text": "body"}


@pytest.mark.parametrize(
    "text",
    [
        "Dear all,\nthis is a letter.\nIt has lines, and commas, too.\n",
        "a, b\nc, d\ne, f\n",
        "One thing; and another\nTwo things; and more\n",
        "just\nwords\n",
        "Title: x\nTitle: y\n",
    ],
)
def test_prose_is_lines(tmp_path, text):
    (tmp_path / "x.txt").write_text(text)
    assert read(tmp_path / "x.txt")[0] == text.splitlines()


@pytest.mark.parametrize("text", ["id,text\n1,a\n", "id\ttext\n1\ta\n", "id||text\n1||a\n", "a;b\nc;d\n"])
def test_tables_are_tables_under_this_name_too(tmp_path, text):
    (tmp_path / "x.txt").write_text(text)
    assert inspect(tmp_path / "x.txt").format in ("csv", "tsv")
    assert read(tmp_path / "x.txt", lines=True)[0] == text.splitlines()


def test_blank_lines_are_counted(tmp_path):
    (tmp_path / "x.txt").write_text("one\n\n \t\n\u3000\ntwo\n\n")
    texts, (problem,) = read(tmp_path / "x.txt")
    assert texts == ["one", "two"]
    assert (problem.code, problem.row, problem.cause) == ("blank_lines", None, "4 blank lines were left out.")
    (tmp_path / "x.txt").write_text("one\n\ntwo\n")
    assert read(tmp_path / "x.txt")[1][0].cause == "1 blank line was left out."


def test_nul_characters_carriage_returns_and_marks(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfo\0ne\r\ntwo\rmore\r\n\0\r\n")
    found = list(read_rows(tmp_path / "x.txt"))
    assert [each.values["text"] for each in found if isinstance(each, Row)] == ["one", "two\rmore"]
    assert [note.code for note in found[0].notes] == ["bad_characters"]


def test_lines_that_end_in_carriage_returns_alone(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"one\rtwo\r\rthree")
    assert read(tmp_path / "x.txt")[0] == ["one", "two", "three"]


def test_a_line_that_is_too_long_costs_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_ROW", 1000)
    monkeypatch.setattr(lines, "MAX_CELL", 500)
    (tmp_path / "x.txt").write_text("one\n" + "a" * 5000 + "\ntwo\n" + "b" * 600 + "\n" + " " * 2000 + "\nthree")
    found = list(read_rows(tmp_path / "x.txt"))
    assert [each.values["text"] if isinstance(each, Row) else each.code for each in found] == [
        "one", "cell_too_large", "two", "cell_too_large", "cell_too_large", "three",
    ]  # fmt: skip
    assert [each.number if isinstance(each, Row) else each.row for each in found] == [1, 2, 3, 4, 5, 6]


def test_nothing_but_blank_lines(tmp_path):
    (tmp_path / "x.txt").write_text(" \n\n")
    with pytest.raises(InvalidInput):
        read(tmp_path / "x.txt")

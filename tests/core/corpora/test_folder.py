"""A folder of files as one corpus."""

import json

import pytest

from core.corpora.formats import folder
from core.corpora.formats.options import ReadOptions
from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import Problem, Row, inspect, read_rows
from core.errors import InvalidInput
from tests.making import rows_of


@pytest.fixture
def talks(tmp_path):
    here = tmp_path / "talks"
    (here / "more").mkdir(parents=True)
    (here / "b.csv").write_text("id,title\n2,Two\n")
    (here / "a.csv").write_text("id;title\n1;One\n")
    (here / "more" / "c.tsv").write_text("id\ttitle\n3\tThree\n4\n")
    return here


def read(path, **options):
    found = list(read_rows(path, options=ReadOptions(**options)))
    return [each.values for each in found if isinstance(each, Row)], [e for e in found if isinstance(e, Problem)]


def test_all_files_of_a_kind_in_the_order_of_their_names(talks):
    rows, problems = read(talks)
    assert rows == [
        {"id": "1", "title": "One", "file": "a.csv"},
        {"id": "2", "title": "Two", "file": "b.csv"},
        {"id": "3", "title": "Three", "file": "more/c.tsv"},
    ]
    assert [(each.file, each.row, each.code) for each in problems] == [("talks/more/c.tsv", 2, "ragged_row")]
    found = inspect(talks)
    assert found.format == "folder" and found.files == ("talks/a.csv", "talks/b.csv", "talks/more/c.tsv")
    assert found.estimated_rows == 4
    assert guess_mapping(found).roles == {"id": "id", "title": "title", "file": "keep"}


def test_files_of_other_kinds_links_and_hidden_ones_are_left_out(talks, tmp_path):
    (talks / "notes.json").write_text(json.dumps([{"id": 9}]))
    (talks / "picture.png").write_bytes(b"\x89PNG")
    (talks / ".hidden.csv").write_text("id,title\n8,No\n")
    (tmp_path / "outside.csv").write_text("id,title\n7,No\n")
    (talks / "link.csv").symlink_to(tmp_path / "outside.csv")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.csv").write_text("id,title\n6,No\n")
    (talks / "elsewhere").symlink_to(tmp_path / "elsewhere")
    rows, problems = read(talks)
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert {(each.file, each.code) for each in problems if each.row is None} == {
        ("talks/link.csv", "link"),
        ("talks/notes.json", "other_kind"),
        ("talks/picture.png", "other_kind"),
    }


def test_a_column_of_that_name_is_kept(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.csv").write_text("file,title\nown.mp3,One\n")
    assert read(tmp_path / "x")[0] == [{"file": "own.mp3", "title": "One", "source file": "a.csv"}]


def test_a_file_that_cannot_be_read_costs_itself(talks):
    (talks / "aa.csv").write_bytes(b"\x89PNG\r\n")
    (talks / "empty.csv").write_bytes(b"")
    rows, problems = read(talks)
    assert len(rows) == 3
    assert {each.file for each in problems if each.row is None} == {"talks/aa.csv", "talks/empty.csv"}


def test_text_files_are_lines_with_their_file(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "x" / "b.txt").write_text("three\n")
    assert read(tmp_path / "x")[0] == [
        {"text": "one", "file": "a.txt"},
        {"text": "two", "file": "a.txt"},
        {"text": "three", "file": "b.txt"},
    ]


@pytest.mark.parametrize("files", [[], ["a.png"], [".hidden.csv"]])
def test_a_folder_without_anything_to_read(tmp_path, files):
    (tmp_path / "x").mkdir()
    for name in files:
        (tmp_path / "x" / name).write_text("x")
    with pytest.raises(InvalidInput) as refused:
        inspect(tmp_path / "x")
    assert "x" in refused.value.message and refused.value.remedy


def test_too_many_files(talks, monkeypatch):
    monkeypatch.setattr(folder, "MOST_FILES", 2)
    with pytest.raises(InvalidInput, match="more than 2 files"):
        read(talks)


def test_an_import_of_a_folder_and_again(database, talks):
    def run(number):
        mapping = guess_mapping(inspect(talks))
        return import_file(database, talks, name="talks", corpus_name="Talks", mapping=mapping, import_id=f"i{number}")

    assert run(1).new == 3
    (talks / "more" / "d.csv").write_text("id,title\n5,Five\n")
    report = run(2)
    assert (report.new, report.unchanged) == (1, 3)
    assert [json.loads(row.fields)["file"] for row in rows_of(database)] == [
        "a.csv",
        "b.csv",
        "more/c.tsv",
        "more/d.csv",
    ]

"""Files beside a file of music: labels, splits, titles and artists."""

import json

import pytest

from core.corpora.companions import ById, Companions, read_names, read_split, split_name
from core.corpora.mapping import Mapping
from core.corpora.reading import Row
from core.errors import InvalidInput


def written(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_ids_are_found_as_they_are_or_by_their_number():
    names = ById()
    for key in ("215", "track_0000300", "-a1", "7a"):
        names.add(key, key)
    assert names.get("track_0000215") == "215", "a bare number is the track's"
    assert names.get("track_300") == "track_0000300"
    assert names.get("album_300") is None, "another word, another thing"
    assert names.get("-a1") == "-a1" and names.get("216") is None
    bare = ById()
    bare.add("track_0000215", 1)
    assert bare.get("215") == 1
    double = ById()
    double.add("01", 1)
    double.add("1", 2)
    assert double.get("track_1") is None, "two ids of that number: neither is sure"


def test_splits_are_read_from_lists_objects_and_tables(tmp_path):
    track = {"train_track": ["a", 1], "valid_track": ["b"], "test_track": ["c"], "extra_track": ["d"]}
    split = read_split(written(tmp_path, "track_split.json", track))
    assert [split.get(key) for key in "a1bcde"] == ["train", "train", "valid", "test", "extra", None]
    by_id = read_split(written(tmp_path, "by_id.json", {"a": "TRAIN", "b": "validation"}))
    assert (by_id.get("a"), by_id.get("b")) == ("train", "valid")
    table = read_split(written(tmp_path, "split.csv", "track_id,subset\na,test\n-b,fold 3\n"))
    assert (table.get("a"), table.get("-b")) == ("test", "fold_3")
    assert read_split(written(tmp_path, "my_test.txt", "a\nb\n")).get("b") == "test"
    with pytest.raises(InvalidInput, match="no column that says which part"):
        read_split(written(tmp_path, "ids.csv", "id,x\na,1\nb,2\n"))
    assert split_name("train_tracks") == "train"


def test_titles_and_artists_are_read_from_tables_and_objects(tmp_path):
    table = read_names(written(tmp_path, "n.csv", "track_id,title,artist_name,year\n1,Blue,Ann,1999\n2,Red,,2000\n"))
    assert table.columns == ("title", "artist_name")
    assert table.rows.get("track_01") == {"title": "Blue", "artist_name": "Ann"} and table.rows.get("2") == {
        "title": "Red"
    }
    credit = read_names(written(tmp_path, "c.tsv", "TRACK_ID\tATTRIBUTION\n1\tDay by Day by Ignomus\n2\tBlue by Ann\n"))
    assert credit.rows.get("1") == {"title": "Day by Day", "artist": "Ignomus"}
    assert read_names(written(tmp_path, "o.json", {"x1": "Blue", "x2": "Red"})).rows.get("x1") == {"title": "Blue"}
    with pytest.raises(InvalidInput, match="no column with titles or artists"):
        read_names(written(tmp_path, "bad.csv", "id,year\n1,1999\n2,2000\n"))


def test_what_is_joined_fills_in_and_what_is_missed_is_told(tmp_path):
    files = {
        "names": {
            "path": str(written(tmp_path, "n.csv", "id,title,artist\n1,Blue,Ann\n2,Red,Bo\n")),
            "name": "names.csv",
        },
        "split": {"path": str(written(tmp_path, "s.json", {"train_track": ["1", "2", "3"]})), "name": "s.json"},
    }
    companions = Companions.read(files)
    assert companions.columns == {"title": "names", "artist": "names", "split": "keep"}
    rows = [Row("f", n, {"id": str(n), "title": "Own" if n == 2 else ""}) for n in (1, 2, 3)]
    *joined, problem = companions.rows(rows, "id")
    assert [row.values.get("title") for row in joined] == ["Blue", "Own", ""]
    assert [row.values["split"] for row in joined] == ["train"] * 3
    assert (problem.file, problem.code, problem.row) == ("names.csv", "no_names", None)
    assert problem.cause == "1 of 3 rows have no title or artist in names.csv."
    with pytest.raises(InvalidInput, match="no column is the id"):
        companions.mapping(Mapping({"tags": "given"}))

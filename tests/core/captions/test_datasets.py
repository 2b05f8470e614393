"""The layouts of LP-MusicCaps: which file is taken, which column holds the tags, what a part is."""

import json

import pytest

from core.captions.datasets import LAYOUTS, Dataset, find_dataset, split_condition
from core.corpora.mapping import Mapping
from core.errors import InvalidInput, NotFound
from tests.making import corpus_of


def test_a_file_or_its_folder_is_found(tmp_path):
    layouts = {
        "msd": ("ecals_annotation", "annotation.json", "ecals_track_split.json"),
        "mtat": ("mtat", "codified_annotation.json", "codified_track_split.json"),
        "musiccaps": ("dataset/musiccaps", "annotation.json", "track_split.json"),
    }
    assert set(layouts) == set(LAYOUTS)
    for kind, (folder, annotation, split) in layouts.items():
        home = tmp_path / folder
        home.mkdir(parents=True)
        (home / annotation).write_text("{}")
        found = find_dataset(home / annotation, kind)
        assert found == Dataset(home / annotation, kind, LAYOUTS[kind].tags, None)
        (home / split).write_text("{}")
        other = tmp_path / "other.json"
        assert find_dataset(tmp_path, kind, corpus="Mine") == Dataset(
            home / annotation, "Mine", LAYOUTS[kind].tags, home / split
        )
        assert find_dataset(home, kind, other).split_file == other
    assert find_dataset(tmp_path / "mtat", None) == Dataset(tmp_path / "mtat", "mtat")
    with pytest.raises(NotFound, match=r"nowhere\.json"):
        find_dataset(tmp_path / "nowhere.json", None)
    with pytest.raises(NotFound, match="no annotations of msd"):
        find_dataset(tmp_path / "mtat", "msd")


def test_what_a_part_is(sqlite_host, import_rows):
    database = sqlite_host.open("test")

    def condition(rows, split, kind=None, column="split"):
        corpus = f"C{json.dumps(rows)}"[:60] + column
        roles = {"id": "id", "tags": "given", column: "keep"}
        lines = [{"id": str(n), "tags": "piano", column: value} for n, value in enumerate(rows)]
        import_rows(database, lines, corpus, mapping=Mapping(roles, {"tags": "comma"}), kind="music")
        with database.read() as connection:
            found = split_condition(connection, corpus_of(database, corpus), split, kind)
        return found["field"], found["value"]

    parts = ["train", "extra", "valid", "test", None, "train"]
    assert condition(parts, "TRAIN") == ("split", ["train"])
    assert condition(parts, "train", "msd") == ("split", ["train", "extra"])
    assert condition(parts, "VALID", "msd") == ("split", ["valid"])
    assert condition(["Validation", "training"], "VALID") == ("split", ["Validation"])
    assert condition(["fold 1", "fold 2"], "Fold 2", column="Subset") == ("Subset", ["fold 2"])
    rows = ["True", "False"]
    assert condition(rows, "TEST", "musiccaps", "is_audioset_eval") == ("is_audioset_eval", ["True"])
    assert condition(rows, "TRAIN", "musiccaps", "is_audioset_eval") == ("is_audioset_eval", ["False"])
    wrong = ((["train"], "TEST", "split"), (rows, "VALID", "is_audioset_eval"), (["a"], "TEST", "x"))
    for values, split, column in wrong:
        with pytest.raises(InvalidInput) as refused:
            condition(values, split, None, column)
        assert refused.value.remedy

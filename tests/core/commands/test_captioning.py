"""`tagloom caption-music`: one set of tags, the layouts of LP-MusicCaps, a corpus; what is printed and written."""

import csv
import json

import pytest

from core.captions.styles import STYLES
from core.cli import main
from tests.caption_server import MODEL, CaptionServer

TRACKS = {
    "-1OlgJWehn8": {"aspect_list": ["happy", "piano", "jazz"], "caption": "A person's words."},
    "[rOOBAGxxjBk]-[10-20]": {"aspect_list": ["slow", "strings", "no drums"]},
    "b": {"aspect_list": ["techno", "synth"]},
    "c": {"aspect_list": []},
}
PARTS = {"train_track": ["-1OlgJWehn8", "b"], "valid_track": [], "test_track": ["[rOOBAGxxjBk]-[10-20]", "c"]}


@pytest.fixture
def run(sqlite_settings, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "annotation.json").write_text(json.dumps(TRACKS), encoding="utf-8")
    (tmp_path / "track_split.json").write_text(json.dumps(PARTS), encoding="utf-8")

    def run(*arguments, code=0):
        capfd.readouterr()
        got = main(["--project", "test", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert got == code, (out, err)
        return out if code != 2 else err

    return run


@pytest.fixture
def as_json(run):
    return lambda *arguments, code=0: json.loads(run("--json", *arguments, code=code) or "{}")


def rows_in(path):
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_one_set_of_tags_is_printed(run, as_json, tmp_path):
    text = run("caption-music", "--tags", "happy, piano", "--style", "summary")
    assert "piano" in text.splitlines()[0].lower() and ":" not in text.splitlines()[0]
    lines = run("caption-music", "--tags", "happy, piano", "--out", "x.txt").splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == list(STYLES)
    assert (tmp_path / "x.txt").read_text(encoding="utf-8").splitlines() == lines[:4]
    found = as_json("caption-music", "--tags", "happy, piano", "--prompt", "prediction_attribute")
    assert list(found["captions"]) == ["attribute_prediction"]
    assert [tag["name"] for tag in found["tags"]["present"]] == ["happy", "piano"]
    for wrong in (
        ("--tags", " , "),
        ("--tags", "a", "--style", "poem"),
        ("--tags", "a", "--split", "TEST"),
        ("--tags", "a", "--connection", "none"),
        ("--tags", "a", "--tense", "future"),
        (),
        ("nowhere.json",),
        ("annotation.json", "--out", "x.doc"),
        ("annotation.json", "--style", "attribute_prediction,summary", "--out", "x.csv", "--candidates", "9"),
        ("annotation.json", "--split-file", "nowhere.json"),
    ):
        said = run("caption-music", *wrong, code=2)
        assert said.strip() and "Traceback" not in said
    assert as_json("corpora")["corpora"] == [], "nothing was done"


def test_a_first_word_needs_no_project(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("TAGLOOM_HOME", str(tmp_path / "new"))
    monkeypatch.setattr("sys.argv", ["tagloom", "caption-music", "--tags", "happy, piano", "--style", "writing"])
    assert main() == 0
    assert "piano" in capfd.readouterr().out.lower()
    assert main(["--json", "corpora"]) == 2, "and none was made"


def test_a_data_set_by_parts_and_again(as_json, tmp_path):
    words = ("caption-music", "annotation.json", "--dataset-type", "musiccaps", "--style", "all")
    found = as_json(*words, "--split", "TEST", "--out", "x.csv", "--failures", "failed.csv", code=1)
    assert (found["corpus"], found["items"], found["ok"], found["invalid"]) == ("musiccaps", 8, 4, 4)
    assert found["import"]["new"] == 4 and set(found["runs"]) == set(STYLES)
    assert {(f["id"], f["state"]) for f in found["failures"]} == {("c", "invalid")}
    rows = rows_in(tmp_path / "x.csv")
    assert list(rows) == ["[rOOBAGxxjBk]-[10-20]"], "the id as the file has it"
    row = rows["[rOOBAGxxjBk]-[10-20]"]
    assert "strings" in row["caption_writing"].lower() and json.loads(row["tags"]) == ["slow", "strings", "no drums"]
    assert "caption_attribute_prediction" not in row and row["split"] == "test"
    failed = rows_in(tmp_path / "failed.csv")
    assert list(failed) == ["c"], "the other part was not asked for"
    assert failed["c"]["state"] == "invalid" and "tags" in failed["c"]["reason"]
    again = as_json(*words, "--split", "TRAIN", "--out", "y.jsonl", "--predicted")
    assert (again["import"]["new"], again["import"]["unchanged"], again["items"]) == (0, 4, 8)
    lines = [json.loads(line) for line in (tmp_path / "y.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["-1OlgJWehn8", "b"]
    assert all("caption_attribute_prediction" in line for line in lines)
    words = ("caption-music", "--corpus", "musiccaps", "--style", "summary")
    assert as_json(*words, "--only", "missing", "--limit", "4", code=1)["items"] <= 1, "they are there already"
    estimate = as_json("caption-music", "--corpus", "musiccaps", "--estimate")
    assert estimate["requests"] == 0 and "written" not in estimate


def test_a_model_writes_and_what_fails_is_said(as_json, run):
    with CaptionServer() as server:
        engine = ("--engine", "openai", "--base-url", server.base_url, "--model", MODEL)
        found = as_json("caption-music", "annotation.json", "--dataset-type", "musiccaps", "--estimate", *engine)
        assert found["requests"] > 0 and not server.asked
        text = run("caption-music", "--corpus", "musiccaps", "--style", "summary", *engine, code=1)
        assert len(server.asked) == 3 and "3 requests" in text and "c, summary: invalid" in text
        assert "person's words" not in json.dumps(server.asked), "a reference never reaches a prompt"

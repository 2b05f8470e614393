"""`tagloom evaluate --captions`."""

import json

import pytest

from core.cli import main


@pytest.fixture
def songs(tmp_path, sqlite_settings, capfd):
    file = tmp_path / "songs.jsonl"
    rows = [{"id": "-a", "tags": ["violin", "sad"], "caption": "A sad violin."}, {"id": "b", "tags": ["piano"]}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["--project", "test", "import", str(file), "--corpus", "Songs", "--kind", "music"]) == 0
    capfd.readouterr()
    said = tmp_path / "said.csv"
    said.write_text("id,prediction\n-a,A sad violin with a trumpet.\nb,A piano.\nzz,Nothing.\n")
    return said


def test_a_file_of_captions_is_scored(songs, capfd):
    arguments = ["--project", "test", "evaluate", "--corpus", "Songs", "--captions", str(songs)]
    assert main(["--json", *arguments]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["captions"], found["unknown"]) == (2, 1)
    assert found["verdicts"]["fail"] == 1 and found["unsupported"]["instrument"] == 1
    assert found["examples"]["instrument"] == ["-a"]
    assert main(arguments) == 0
    assert "no tag says   instrument 50.0%" in capfd.readouterr().out


def test_options_that_do_not_belong_are_refused(songs, capfd):
    evaluate = ["--project", "test", "evaluate", "--corpus", "Songs"]
    assert main([*evaluate, "--style", "summary"]) == 2
    assert main([*evaluate, "--captions", str(songs), "--run", "1"]) == 2
    assert main([*evaluate, "--captions", "nowhere.csv"]) == 2
    assert main([*evaluate, "--captions", str(songs), "--style", "haiku"]) == 2
    assert "no style" in capfd.readouterr().err

"""`tagloom connections` and `tagloom models`, and --connection where an engine is named."""

import json

import pytest

from core.cli import main
from tests.conftest import write_jsonl
from tests.engine_server import MODEL, EngineServer

KEY = "sk-test-cli-90cd"


@pytest.fixture
def as_json(sqlite_settings, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAGLOOM_HOME", str(sqlite_settings.home))
    monkeypatch.setenv("TAGLOOM_KEY_MINE", KEY)

    def as_json(*arguments, code=0):
        capfd.readouterr()
        got = main(["--json", "--project", "test", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert got == code, (out, err)
        assert KEY not in out + err
        return json.loads(out)

    return as_json


def test_a_connection_from_its_making_to_its_end(as_json, tmp_path, capfd):
    assert as_json("connections")["connections"] == []
    with EngineServer(key=KEY) as server:
        made = as_json(
            "connections", "add", "Mine", "--base-url", server.base_url, "--model", MODEL, "--set", "rpm=600"
        )
        row = made["connection"]
        assert (row["name"], row["key"], row["default"], row["settings"]["rpm"]) == ("Mine", "env", [], 600)
        checked = as_json("connections", "check", "Mine")
        assert checked["ok"] and MODEL in checked["models"]
        assert as_json("connections", "default", "Mine")["default"] == {"text": "Mine", "vision": None}
        assert as_json("connections")["connections"][0]["default"] == ["text"]

        write_jsonl(tmp_path / "talks.jsonl", [{"id": str(i), "title": f"About bees {i}"} for i in range(3)])
        as_json("import", "talks.jsonl", "--corpus", "Talks")
        done = as_json("tag", "--corpus", "Talks", "--method", "generative", "--connection", "mine")
        assert (done["ok"], done["requests"]) == (3, 3)
        server.manners.key = "another"
        refused = as_json("connections", "check", "Mine", code=1)
        assert refused["kind"] == "key" and not refused["ok"]
    as_json("tag", "--corpus", "Talks", "--connection", "nobody", code=2)
    as_json("tag", "--corpus", "Talks", "--connection", "mine", "--model", "x", code=2)
    assert main(["connections"]) == 0 and "used for text" in capfd.readouterr().out
    assert as_json("connections", "remove", "mine")["removed"]["name"] == "Mine"
    assert main(["connections"]) == 0 and "builtin" in capfd.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ("add", "X"),
        ("add", "X", "--model", "m"),
        ("add", "X", "--model", "m", "--base-url", "ftp://x"),
        ("add", "X", "--model", "m", "--local", "--set", "rpm"),
        ("add", "X", "--model", "m", "--local", "--set", "speed=5"),
        ("check",),
        ("remove", "nobody"),
        ("default", "nobody"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_a_sentence(as_json, wrong):
    assert as_json("connections", *wrong, code=2)["remedy"]
    assert as_json("connections")["connections"] == []


def test_a_model_of_this_machine(as_json, tmp_path):
    row = as_json("connections", "add", "--model", tmp_path / "tiny", "--local", "--role", "text", "--role", "vision")
    assert row["connection"]["engine"] == "transformers" and row["connection"]["roles"] == ["text", "vision"]
    assert as_json("connections", "check", row["connection"]["name"], code=1)["kind"] == "model"


def test_which_model(as_json, capfd):
    some = as_json("models", "--role", "tagging", "--memory", "none")["models"]
    assert some and all((m["role"], m["memory"]) == ("tagging", "none") for m in some)
    assert len(as_json("models")["models"]) > len(some)
    assert main(["models"]) == 0 and "looked over" in capfd.readouterr().out

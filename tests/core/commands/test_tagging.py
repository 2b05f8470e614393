"""`tagloom tag` with a language model."""

import json
from decimal import Decimal

import pytest
from sqlalchemy import update

from core.cli import main
from core.engines.batch import batches
from core.engines.connecting.connections import ConnectionSettings, keep_health, save_connection
from core.store.host_schema import job as job_table
from core.store.projects import Host
from tests.batch_server import BatchServer
from tests.conftest import write_jsonl
from tests.engine_server import MODEL, EngineServer

KEY = "sk-test-cli-81aa"
QUICK = batches.Pace(poll=0.02, first_poll=0.01)
SUBJECTS = ("honey bees", "bright stars", "old castles", "city bicycles")
TALKS = [
    {"id": str(i), "title": f"About {SUBJECTS[i % 4]}", "body": f"What to know of {SUBJECTS[i % 4]}, part {i}"}
    for i in range(8)
]


@pytest.fixture
def server():
    with EngineServer() as server:
        yield server


@pytest.fixture
def as_json(sqlite_settings, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "talks.jsonl", TALKS)
    (tmp_path / "tags.txt").write_text("bees\nhoney\nsubmarines\n", encoding="utf-8")

    def as_json(*arguments, code=0):
        capfd.readouterr()
        got = main(["--json", "--project", "test", *map(str, arguments)])
        out, err = capfd.readouterr()
        answer = json.loads(out)
        assert got == code, (answer, err)
        assert KEY not in out + err
        return answer

    as_json("import", "talks.jsonl", "--corpus", "Talks")
    as_json("vocabulary", "import", "tags.txt")
    return as_json


def engine(server):
    return ("--engine", "openai", "--base-url", server.base_url, "--model", MODEL)


@pytest.mark.parametrize("method", ["selective", "generative"])
def test_both_methods_by_a_server(as_json, server, method):
    found = as_json("tag", "--corpus", "Talks", "--method", method, *engine(server), "--estimate")
    assert (found["items"], found["requests"], found["cost"]) == (8, 8, None) and server.asked() == 0
    done = as_json("tag", "--corpus", "Talks", "--method", method, *engine(server), "--samples", "2")
    assert (done["ok"], done["requests"], done["failures"]) == (8, 16, []) and done["tokens"] > 0
    again = as_json("tag", "--corpus", "Talks", "--method", method, *engine(server), "--samples", "2")
    assert (again["ok"], again["requests"], again["cached"]) == (8, 0, 16)
    (run, _) = as_json("runs")["runs"]
    assert (run["method"], run["engine"], run["model"]) == (method, "openai", MODEL)


def test_the_builtin_engine_writes_tags_too(as_json):
    done = as_json("tag", "--corpus", "Talks", "--method", "generative")
    assert (done["ok"], done["requests"]) == (8, 0) and done["suggestions"] > 0


def test_the_server_and_its_key_come_from_the_settings(as_json, server, monkeypatch):
    server.manners.key = KEY
    monkeypatch.setenv("TAGLOOM_BASE_URL", server.base_url)
    monkeypatch.setenv("TAGLOOM_MODEL", MODEL)
    refused = as_json("tag", "--corpus", "Talks", "--engine", "openai", code=1)
    assert refused["error"] == "EngineError" and "key" in refused["message"]
    monkeypatch.setenv("TAGLOOM_API_KEY", KEY)
    assert as_json("tag", "--corpus", "Talks", "--engine", "openai")["ok"] == 8
    with EngineServer() as other:
        as_json("tag", "--corpus", "Talks", "--engine", "openai", "--base-url", other.base_url, "--model", MODEL)
        assert "authorization" not in other.headers[0], "the key belongs to TAGLOOM_BASE_URL"


def test_failures_are_listed_and_resumed(as_json, server):
    server.manners.broken = 0.4
    done = as_json("tag", "--corpus", "Talks", "--method", "generative", *engine(server), code=1)
    assert done["failed"] and len(done["failures"]) == done["failed"]
    assert all(f["state"] == "failed" and f["error"] and f["external_id"] for f in done["failures"])
    server.manners.broken = 0
    before = server.asked()
    (job,) = as_json("jobs", "resume", done["job"])["jobs"]
    assert job["result"]["ok"] == 8 and server.asked() - before == done["failed"]


def test_a_wrong_request_is_refused_before_anything_is_asked(as_json, server):
    for wrong in (
        ("--samples", "0"),
        ("--samples", "99"),
        ("--method", "magic"),
        ("--engine", "oracle"),
        ("--use-case", "x" * 500),
    ):
        as_json("tag", "--corpus", "Talks", *engine(server), *wrong, code=2)
    as_json("tag", "--corpus", "Talks", "--engine", "openai", code=2)
    as_json("tag", "--corpus", "Talks", "--engine", "openai", "--base-url", "http://u:p@x", "--model", "m", code=2)
    assert server.asked() == 0


def test_taggpt_replies(as_json, tmp_path):
    lines = [f"{i}||bees、honey||bees、flowers||" for i in range(7)]
    (tmp_path / "tag_gen.txt").write_text("\n".join(lines), encoding="utf-8")
    done = as_json("tag", "--corpus", "Talks", "--replies", "tag_gen.txt", code=1)
    assert (done["ok"], done["failed"], done["requests"]) == (7, 1, 0)
    assert done["problems"] and done["suggestions"] == 21
    as_json("tag", "--corpus", "Talks", "--replies", "gone.txt", code=2)


def test_money_batches_and_a_key_given_later(as_json, sqlite_settings, monkeypatch):
    """With a price set, a run says what it costs, stops at a budget, and can be handed in together; a job whose key was
    missing is resumed with it in the environment."""
    host = Host(sqlite_settings)
    settings = ConnectionSettings(price_input=Decimal("0.15"), price_output=Decimal("0.60"))
    with BatchServer() as server:
        row = save_connection(
            host, engine="openai", base_url=server.base_url, model=MODEL, name="Mine", settings=settings
        )
        tag = ("tag", "--corpus", "Talks", "--method", "generative", "--connection", "Mine")
        found = as_json(*tag, "--estimate")
        assert found["cost"] > 0 and found["cost_high"] > found["cost"] and server.asked() == 0
        refused = as_json(*tag, "--batch", code=2)
        assert "batches" in refused["message"] and refused["remedy"]
        keep_health(host, row.id, {"ok": True, "batches": True})
        monkeypatch.setattr(batches, "Pace", lambda: QUICK)
        done = as_json(*tag, "--batch")
        assert (done["ok"], done["requests"], len(server.handed_in)) == (8, 8, 7) and done["cost"] > 0
        server.manners.key = KEY
        wanting = as_json(*tag, "--use-case", "a school lesson", code=1)
        assert "key" in wanting["message"]
        (job, *_) = as_json("jobs")["jobs"]
        host.database.write(lambda c: c.execute(update(job_table).values(state="needs_key")) and None)
        monkeypatch.setenv("TAGLOOM_KEY_MINE", KEY)
        resumed = as_json("jobs", "resume", job["id"])["jobs"][0]
        assert (resumed["state"], resumed["result"]["ok"]) == ("done", 8)
        stopped = as_json(*tag, "--use-case", "a library", "--budget", "0.0003", code=1)
        assert "of 8 items are answered" in stopped["message"] and "Resume" in stopped["remedy"]
    host.close()

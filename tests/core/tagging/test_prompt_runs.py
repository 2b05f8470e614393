"""Runs ask with the project's own words, show its examples, and cut what the model cannot read; and say so."""

import orjson
import pytest
from sqlalchemy import select

from core.embedding.hashing import HashingEncoder
from core.engines.connecting.connections import ConnectionSettings, save_connection
from core.engines.prompting.prompt_copies import reset, save, text_of
from core.engines.prompting.prompts import load
from core.jobs.execute import execute
from core.jobs.queue import JobQueue
from core.store.schema import item, run, run_item
from core.tagging import job
from core.tagging.examples import example_of
from core.tagging.request import tag_entries
from core.vocabulary import building, candidates
from core.vocabulary.importing import import_new
from core.vocabulary.store import NewTag
from core.worker import KINDS
from tests.engine_server import MODEL, EngineServer
from tests.making import ANN, decide, event, ids_of

SUBJECTS = ("bees", "stars", "soup", "football", "violins", "glaciers")


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    """What is asked does not depend on an embedding model; none is loaded."""
    for module in (job, building, candidates):
        monkeypatch.setattr(module, "cached_encoder", lambda settings: HashingEncoder())


@pytest.fixture
def host(sqlite_host):
    return sqlite_host


@pytest.fixture
def database(host, import_rows):
    """Twelve talks, the first reviewed, one of them very long."""
    database = host.open("test")
    rows = []
    for n in range(12):
        name, times = SUBJECTS[n % 6], 300 if n == 7 else 1
        rows.append({"id": str(n), "title": f"About {name}", "body": f"All of {name}, part {n}. " * times})
    import_rows(database, rows)
    import_new(database, [NewTag(name, f"all about {name}") for name in SUBJECTS], ANN)
    tags = {entry.name: entry.id for entry in tag_entries(database)}
    decide(database, event(ids_of(database)["0"], 0, accepted=[tags["bees"]]))
    return database


@pytest.fixture
def server():
    with EngineServer() as server:
        yield server


def finish(host, server, kind="tag", **arguments):
    queue = JobQueue(host)
    asked = {"corpus": "Talks", "engine": "openai", "base_url": server.base_url, "model": MODEL}
    made = queue.create("test", kind, "Run", {**asked, **arguments}, person=ANN)
    done = execute(queue, made.id, KINDS, {})
    assert done.state == "done", (done.message, done.log)
    return done


def stored(database, run_id, column):
    with database.read() as connection:
        return connection.execute(select(column).where(run.c.id == int(run_id))).scalar_one()


@pytest.mark.parametrize(("method", "name"), [("generative", "free-tags"), ("selective", "select-tags")])
def test_a_run_asks_with_the_project_s_words_and_examples(host, database, server, method, name):
    first = ids_of(database)["0"]
    words = load(name).text.replace("[system]\n", "[system]\nYou work for a library.\n")
    saved = save(database, name, words, (example_of(database, name, first),), ANN)
    done = finish(host, server, method=method)
    assert stored(database, done.result["run"], run.c.prompt_hash) == saved.hash
    assert text_of(database, saved.hash).prompt().examples[0].item == first
    assert len(server.requests) == 12
    for body in server.requests:
        roles = [m["role"] for m in body["messages"]]
        assert body["messages"][0]["content"].startswith("You work for a library.")
        own = "part 0." in body["messages"][-1]["content"]
        assert roles == (["system", "user"] if own else ["system", "user", "assistant", "user"]), (
            "never its own example"
        )
    before = len(server.requests)
    finish(host, server, method=method)
    assert len(server.requests) == before, "the same words are not paid for twice"
    reset(database, name)
    again = finish(host, server, method=method)
    assert len(server.requests) == before + 12
    assert stored(database, again.result["run"], run.c.prompt_hash) == load(name).hash


def test_a_vocabulary_is_built_with_the_project_s_words(host, database, server):
    saved = save(database, "free-tags", load("free-tags").text.replace("You label", "You patiently label"), (), ANN)
    done = finish(host, server, "vocabulary")
    assert stored(database, done.result["run"], run.c.prompt_hash) in (saved.hash, None)
    with database.read() as connection:
        assert saved.hash in connection.execute(select(run.c.prompt_hash)).scalars().all()
    asked = [body for body in server.requests if "tags" in body["messages"][0]["content"]]
    assert asked and all("You patiently label" in body["messages"][0]["content"] for body in asked)


@pytest.mark.parametrize("method", ["generative", "selective"])
def test_what_was_cut_is_said(host, database, server, method):
    settings = ConnectionSettings(context=2400)
    save_connection(host, engine="openai", base_url=server.base_url, model=MODEL, roles=("text",), settings=settings)
    done = finish(host, server, method=method)
    query = select(item.c.external_id, run_item.c.flags).join(item, item.c.pk == run_item.c.item)
    with database.read() as connection:
        flags = {row[0]: orjson.loads(row[1] or "[]") for row in connection.execute(query)}
    assert {key for key, said in flags.items() if "fitted" in said} == {"7"}
    log = "\n".join(str(line) for line in done.log)
    assert "1 item was too long for the model’s 2,400 tokens of context" in log and "long fields were cut" in log
    assert max(sum(len(m["content"]) for m in body["messages"]) for body in server.requests) < 4 * 2400

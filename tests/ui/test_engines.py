"""Tagging by an engine that a form names: tried, estimated, run, and where its key goes."""

import json

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.corpora.mapping import Mapping
from core.engines.connecting import keys
from core.engines.connecting.keys import ENGINE_KEY
from core.store.schema import reply, suggestion
from core.vocabulary.importing import import_new
from core.vocabulary.store import NewTag
from tests.engine_server import MODEL, EngineServer
from tests.making import ANN, count
from tests.support import wait_for
from tests.ui.test_routes import Page
from ui.context import AppContext
from ui.routes import all_routes
from ui.security import Guard

KEY = "sk-test-typed-5b21"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(keys, "_typed", {})


@pytest.fixture
def server():
    with EngineServer() as server:
        yield server


def serve(settings):
    context = AppContext(settings, demo=False)
    return context, Starlette(routes=all_routes(context), middleware=[Middleware(Guard, settings=settings)])


@pytest.fixture
def context(sqlite_settings):
    context, context.app = serve(sqlite_settings)
    yield context
    context.stop()


@pytest.fixture
def page(context):
    page = Page(context.app)
    page.get("state")
    return page


@pytest.fixture
def talks(context, import_rows):
    database = context.host.open("test")
    subjects = ("honey bees", "bright stars", "old castles", "city bicycles")
    rows = [
        {"id": str(i), "title": f"About {subjects[i % 4]}", "body": f"What to know of {subjects[i % 4]}, part {i}"}
        for i in range(12)
    ]
    import_rows(database, rows, mapping=Mapping({"id": "id", "title": "title", "body": "body"}))
    import_new(database, [NewTag("bees"), NewTag("stars"), NewTag("submarines")], ANN)
    return database


def connect(page, server, **more):
    known = {row["base_url"]: row["id"] for row in page.get("connections")["connections"]}
    body = {"id": known.get(server.base_url, ""), "base_url": server.base_url, "model": MODEL, "default": ["text"]}
    return page.post("connections", {**body, **more})["saved"]


def test_what_tagging_would_take(page, server, talks):
    page.post("tag/estimate", {"corpus": "Talks", "engine": "openai"}, expect=400)  # nothing is connected yet
    connect(page, server)
    for method in ("selective", "generative"):
        found = page.post("tag/estimate", {"corpus": "Talks", "method": method, "engine": "openai", "samples": 2})
        assert (found["items"], found["requests"], found["cached_requests"], found["cost"]) == (12, 24, 0, None)
        assert found["prompt_tokens"] > 1000 and "unknown price" in found["cost_note"]
    assert page.post("tag/estimate", {"corpus": "Talks", "engine": "openai", "limit": 5})["requests"] == 5
    assert page.post("tag/estimate", {"corpus": "Talks"})["requests"] == 0
    page.post("tag/estimate", {"corpus": "Nowhere"}, expect=404)
    assert server.asked() == 0


@pytest.mark.parametrize("engine", ["builtin", "openai"])
@pytest.mark.parametrize("method", ["selective", "generative"])
def test_every_method_and_engine_can_be_tried(page, server, talks, method, engine):
    connect(page, server)
    answer = page.post("tag/try", {"corpus": "Talks", "method": method, "engine": engine, "top_k": 3})
    assert len(answer["items"]) == 10 and all(i["state"] == "ok" for i in answer["items"])
    shown = [s for i in answer["items"] for s in i["suggestions"]]
    assert shown and {s["agent"] for s in shown} == {"S" if method == "selective" else "G"}
    assert engine == "builtin" or "bees" in {s["name"].lower() for s in shown}
    if method == "generative" and engine == "openai":
        assert any(s["new"] for s in shown)
    assert count(talks, suggestion) == 0 and server.asked() == (10 if engine == "openai" else 0)


def test_a_try_that_the_server_refuses_is_a_sentence(page, server, talks):
    server.manners.key = KEY
    connect(page, server)
    refused = page.post("tag/try", {"corpus": "Talks", "engine": "openai"}, expect=502)
    assert "key" in refused["message"] and "Settings" in refused["remedy"]
    connect(page, server, key=KEY)
    assert page.post("tag/try", {"corpus": "Talks", "engine": "openai"})["spent"]["requests"] == 10


def test_a_run_started_on_the_page_gets_the_typed_key_and_leaks_it_nowhere(page, context, server, talks):
    server.manners.key, server.manners.echo_key = KEY, True
    connect(page, server, key=KEY)
    body = {
        "corpus": "Talks",
        "method": "generative",
        "engine": "openai",
        "samples": 2,
        "base_url": "http://evil.example",
    }
    job = page.post("tag/run", body)["job"]
    stored = context.queue.get(job["id"])
    assert stored.arguments["base_url"] == server.base_url, "a browser names the engine, not where it is"
    assert MODEL in stored.title and context.secrets_of(stored) == {ENGINE_KEY: KEY}
    context.start()
    wait_for(lambda: not context.queue.get(job["id"]).active, 120)
    done = context.queue.get(job["id"])
    assert done.state == "done" and done.result["ok"] == 12 and done.result["requests"] == 24, (done.message, done.log)
    assert count(talks, reply) == 24
    page.get("review/queue", corpus="Talks")
    answers = [
        page.get("jobs"),
        page.get("runs", corpus="Talks"),
        page.get("state"),
        page.get("connections"),
        page.get("settings"),
    ]
    assert KEY not in json.dumps(answers)
    talks.close()
    for path in context.settings.home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_a_key_belongs_to_its_job_s_server_only(context, page, server):
    connect(page, server, key=KEY)
    other = context.queue.create(
        "test", "tag", "x", {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    )
    plain = context.queue.create("test", "tag", "x", {"engine": "builtin"})
    imported = context.queue.create("test", "import", "x", {"path": "y"})
    assert [context.secrets_of(job) for job in (other, plain, imported)] == [{}, {}, {}]

"""Tagging with a connection: what it costs before it starts, batches where there are any, keys that are gone."""

import pytest

from core.engines.connecting import keys
from core.jobs.supervisor import Supervisor
from tests.batch_server import BatchServer
from tests.engine_server import MODEL
from tests.ui.test_engines import serve
from tests.ui.test_routes import Page

KEY = "sk-test-typed-31c9"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(keys, "_typed", {})


@pytest.fixture
def context(sqlite_settings, import_rows):
    context, context.app = serve(sqlite_settings)
    import_rows(context.host.open("test"), [{"id": str(i), "title": f"Bees and honey {i}"} for i in range(30)])
    yield context
    context.stop()


@pytest.fixture
def page(context):
    page = Page(context.app)
    page.get("state")
    return page


@pytest.fixture
def server():
    with BatchServer(key=KEY) as server:
        yield server


def connected(page, server, **settings):
    given = {"name": "Mine", "base_url": server.base_url, "model": MODEL, "key": KEY, "settings": settings}
    (row,) = page.post("connections", given)["connections"]
    return {"corpus": "Talks", "method": "generative", "engine": "openai", "connection": row["id"]}


def test_what_a_run_costs_is_said_before_it_starts(page, server):
    form = connected(page, server, price_input="0.15", price_output="0.60")
    found = page.post("tag/estimate", form)
    assert found["requests"] == 30 and found["cost"] > 0 and found["cost_high"] > found["cost"]
    assert found["batches"] is False, "nobody has looked yet"
    page.post("tag/run", {**form, "batch": True}, expect=400)
    tried = page.post("tag/try", form)
    assert tried["spent"]["cost"] > 0 and tried["estimate"]["cached_requests"] == 10 == len(tried["items"])
    assert all(item["flags"] == [] for item in tried["items"])
    page.post(f"connections/{form['connection']}/check")
    found = page.post("tag/estimate", {**form, "batch": True, "budget": "0.50"})
    assert found["batches"] is True and "batch" in found["cost_note"]
    for wrong in ({"budget": "much"}, {"budget": -1}, {"budget": "nan"}, {"batch": "yes"}):
        page.post("tag/run", {**form, **wrong}, expect=400)


def test_a_job_whose_key_is_gone_says_whose_and_goes_on_with_it(page, context, server, monkeypatch):
    started = []
    monkeypatch.setattr(Supervisor, "spawn", lambda self, job: started.append(self.secrets(job)) or _Ended())
    form = connected(page, server)
    job = page.post("tag/run", form)["job"]
    keys._typed.clear()  # as in a server that was started again
    context.supervisor.tick()
    (shown,) = page.get("jobs")["jobs"]
    assert shown["state"] == "needs_key" and shown["can"] == ["resume", "cancel"] and not started
    assert shown["needs_key"] == {"server": f"127.0.0.1:{server.port}", "base_url": server.base_url}
    assert KEY not in str(page.get("jobs")) and "keyed" not in shown
    page.post("connections/key", {"base_url": server.base_url, "key": KEY})
    context.supervisor.tick()
    assert [list(secrets.values()) for secrets in started] == [[KEY]]
    assert KEY not in str(context.queue.get(job["id"]))


class _Ended:
    """In the place of a worker."""

    def poll(self):
        return None

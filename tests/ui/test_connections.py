"""The connections' routes: made, checked, changed, removed with undo; a key comes in and never goes out."""

import json
from dataclasses import replace

import pytest

from core.engines.connecting import keys
from core.engines.money.ledger import Attempt, submit
from core.errors import InvalidInput, NotFound
from tests.engine_server import MODEL, EngineServer
from tests.support import free_port
from tests.ui.test_engines import serve
from tests.ui.test_routes import Page

KEY = "sk-test-typed-77f0"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(keys, "_typed", {})


@pytest.fixture
def server():
    with EngineServer() as server:
        yield server


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


def only(answer):
    (row,) = answer["connections"]
    return row


def test_builtin_until_somebody_chooses(page):
    answer = page.get("connections")
    assert answer["connections"] == [] and answer["default"] == {"text": "builtin", "vision": None}
    assert answer["may_change"] and {"OpenAI", "Ollama"} <= {each["name"] for each in answer["presets"]}
    assert page.get("state")["engine"]["label"] == "builtin engine"


def test_a_connection_from_its_making_to_its_end(page, context, server):
    pasted = server.address + "/v1/models"
    made = page.post("connections", {"name": "Mine", "base_url": pasted, "model": MODEL, "key": KEY})
    row = only(made)
    assert (row["base_url"], row["key"], row["health"], made["default"]["text"]) == (
        server.base_url,
        "typed",
        None,
        "builtin",
    )
    assert row["price"]["known"] is False and "unknown price" in row["price"]["source"]
    server.manners.key, server.manners.no_schema = KEY, True
    checked = page.post(f"connections/{row['id']}/check")
    assert checked["health"]["ok"] and only(checked)["health"]["at"] > 0
    assert only(checked)["capability"]["answer_format"] == "json_object_schema"
    used = page.post("connections/default", {"role": "text", "id": row["id"]})
    assert used["default"]["text"] == row["id"] and page.get("state")["engine"]["label"] == "Mine"

    limits = {"rpm": "60", "budget": "1.50", "price_input": "0.2", "price_output": "0.8"}
    body = {**row, "roles": ["text", "vision"], "settings": limits}
    changed = only(page.post("connections", body))
    assert changed["settings"]["budget"] == "1.50" and changed["price"]["input"] == 0.2 and changed["key"] == "typed"
    paid = Attempt("k", server.base_url, MODEL, "", 1.0, 5, "answered", 200, "yes", 9, 1, 250_000)
    submit(context.host.open("test"), [paid]).result()
    assert only(page.get("connections"))["spent"]["dollars"] == 0.25

    forgotten = only(page.post(f"connections/{row['id']}/forget"))
    assert forgotten["capability"]["answer_format"] == "json_schema_strict"
    removed = page.post(f"connections/{row['id']}/remove")
    assert removed["connections"] == [] and removed["default"]["text"] == "builtin"
    assert page.get("state")["engine"]["label"] == "builtin engine"
    back = page.post("connections/restore", {"removed": removed["removed"]})
    assert only(back)["id"] == row["id"] and back["default"]["text"] == row["id"]
    page.post(f"connections/{row['id']}/remove")
    page.post(f"connections/{row['id']}/check", expect=404)


def test_a_key_comes_in_and_never_goes_out(page, context, server):
    server.manners.key = server.manners.echo_key = KEY
    made = page.post("connections", {"base_url": server.base_url, "model": MODEL, "default": ["text"]})
    assert only(made)["key"] == "none"
    refused = page.post(f"connections/{made['saved']}/check")
    assert refused["health"]["kind"] == "key" and only(refused)["key"] == "needed"
    given = page.post("connections/key", {"base_url": server.base_url, "key": KEY})
    assert only(given)["key"] == "typed"
    worked = page.post(f"connections/{made['saved']}/check")
    answers = [made, refused, given, worked, page.get("connections"), page.get("state"), page.get("settings")]
    assert worked["health"]["ok"] and KEY not in json.dumps(answers)
    for path in context.settings.home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert only(page.post("connections/key", {"base_url": server.base_url, "key": ""}))["key"] == "needed"
    page.post("connections/key", {"base_url": server.base_url, "key": "two words"}, expect=400)
    page.post("connections/key", {"base_url": "ftp://x", "key": KEY}, expect=400)


def test_a_key_given_wakes_what_waits_for_it(page, context, server, monkeypatch):
    woken = []
    monkeypatch.setattr(context.supervisor, "wake", lambda: woken.append(1))
    page.post("connections/key", {"base_url": server.base_url, "key": KEY})
    page.post("connections", {"base_url": server.base_url, "model": MODEL, "key": KEY})
    assert len(woken) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"base_url": "localhost:1"},
        {"base_url": "ftp://x", "model": "m"},
        {"base_url": "https://u:p@x.org", "model": "m"},
        {"base_url": 5, "model": "m"},
        {"engine": "oracle", "model": "m"},
        {"base_url": "localhost:1", "model": "m", "roles": [1]},
        {"base_url": "localhost:1", "model": "m", "roles": []},
        {"base_url": "localhost:1", "model": "m", "settings": {"rpm": "many"}},
        {"base_url": "localhost:1", "model": "m", "settings": []},
    ],
    ids=str,
)
def test_what_is_no_connection_is_refused_and_changes_nothing(page, wrong):
    assert page.post("connections", wrong, expect=400)["remedy"]
    assert page.get("connections")["connections"] == []


def test_the_check_of_a_form_names_the_fault_and_keeps_nothing(page, server):
    def check(**body):
        return page.post("connections/check", {"model": MODEL, **body})

    good = check(base_url=server.base_url)
    assert good["ok"] and MODEL in good["models"]
    missing = check(base_url=server.address)
    assert not missing["ok"] and (missing["kind"], missing["base_url"]) == ("address", server.base_url)
    wrong = check(base_url=server.base_url, model="mock-smal")
    assert wrong["near"][0] == MODEL
    nobody = check(base_url=f"127.0.0.1:{free_port()}/v1")
    assert nobody["kind"] == "unreachable"
    server.manners.key = KEY
    assert not check(base_url=server.base_url)["ok"] and check(base_url=server.base_url, key=KEY)["ok"]
    assert not check(base_url=server.base_url)["ok"], "a key given to a check is used for the check only"
    assert check(engine="transformers", model="")["kind"] == "choose"
    page.post("connections/check", {}, expect=400)
    page.post("connections/check", {"base_url": server.base_url, "model": "m" * 300}, expect=400)
    assert page.get("connections")["connections"] == []


def test_a_form_names_a_connection_by_its_id(page, context, server):
    first = page.post("connections", {"base_url": server.base_url, "model": MODEL})["saved"]
    large = {"base_url": server.base_url, "model": "mock-large", "roles": ["vision"]}
    sees = page.post("connections", large)["saved"]
    assert context.engine("openai", first).model == MODEL
    assert context.engine("openai", sees, "vision").model == "mock-large"
    assert context.engine("openai", "builtin").engine == context.engine("builtin").engine == "builtin"
    assert context.engine("openai").model == MODEL and context.engine("openai", role="vision").model == "mock-large"
    with pytest.raises(InvalidInput, match="not set up for text"):
        context.engine("openai", sees)
    with pytest.raises(NotFound):
        context.engine("openai", "nobody")


def test_on_a_shared_server_the_operator_chooses(sqlite_settings, server):
    public = replace(sqlite_settings, public=True, base_url=server.base_url, model=MODEL, api_key=KEY)
    context, app = serve(public)
    page = Page(app)
    page.get("state")
    found = page.get("connections")
    row = only(found)
    assert row["from_environment"] and row["key"] == "env" and not found["may_change"]
    assert not {"settings", "spent", "health", "capability"} & set(row), "for its operator only"
    assert found["default"]["text"] == row["id"] == page.get("state")["engine"]["connection"]
    there = {
        "engine": "openai",
        "base_url": "http://10.0.0.1",
        "model": "m",
        "key": "k",
        "role": "text",
        "id": "builtin",
    }
    own = [f"connections/{row['id']}/{what}" for what in ("check", "remove", "forget")]
    for path in ("connections", "connections/check", "connections/key", "connections/default", *own):
        page.post(path, there, expect=403)
    page.post("connections/restore", {"removed": row}, expect=403)
    page.post("connections/unload", {}, expect=403)
    assert server.asked() == 0 and KEY not in json.dumps(found)
    context.stop()


def test_an_address_in_the_environment_that_cannot_be_used_is_said(sqlite_settings):
    context, app = serve(replace(sqlite_settings, base_url="ftp://x", model="m"))
    page = Page(app)
    page.get("state")
    (warning,) = page.get("connections")["warnings"]
    assert "TAGLOOM_BASE_URL" in warning["message"]
    context.stop()


def test_the_advice(page):
    advice = page.get("advice")
    assert {"tagging", "captioning", "vision"} == set(advice["roles"]) and len(advice["models"]) > 10


def test_models_in_this_process(page, tmp_path):
    nothing = page.get("connections/local")
    assert nothing["loaded"] == [] and nothing["devices"][0]["free_bytes"] > 0
    assert page.post("connections/unload", {"model": "nobody/has-it"})["loaded"] == []
    made = page.post("connections", {"engine": "transformers", "model": str(tmp_path / "gone")})
    row = only(made)
    assert row["price"] == {"known": True, "source": row["price"]["source"], "input": 0.0, "output": 0.0}
    assert row["key"] == "none" and row["capability"]["updated_at"] is None
    checked = page.post(f"connections/{row['id']}/check")
    assert checked["health"]["kind"] == "model" and "no folder" in checked["health"]["message"]

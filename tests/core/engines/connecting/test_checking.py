"""Checking a connection names the fault."""

import base64
import io
import ssl
from pathlib import Path

import pytest
from PIL import Image

from core.engines.capabilities import Capabilities
from core.engines.connecting import checking, knocking
from core.engines.connecting.checking import check
from core.engines.money.cost import Pricing, estimate_tokens
from tests.engine_server import MODEL, EngineServer
from tests.scripted_server import ScriptedServer, models, said
from tests.support import free_port

KEY = "sk-test-check-9d1"


@pytest.fixture
def server():
    with EngineServer() as server:
        yield server


def test_a_good_connection(server, sqlite_host):
    found = check(sqlite_host, server.base_url, MODEL, None)
    assert found.ok and MODEL in found.models and MODEL in found.message


def test_a_server_with_quirks_is_good_too(server, sqlite_host):
    server.manners.completion_tokens_only = server.manners.no_temperature = server.manners.no_system = True
    assert check(sqlite_host, server.base_url, MODEL, None).ok


def test_nobody_there(sqlite_host):
    found = check(sqlite_host, f"http://127.0.0.1:{free_port()}/v1", MODEL, None)
    assert not found.ok and "cannot be reached" in found.message and "running" in found.remedy


def test_a_missing_v1_is_named_with_the_address_that_works(server, sqlite_host):
    found = check(sqlite_host, server.address, MODEL, None)
    assert not found.ok and "/v1" in found.message and found.base_url == server.base_url and MODEL in found.models


def test_a_wrong_model_gets_a_suggestion(server, sqlite_host):
    found = check(sqlite_host, server.base_url, "mock-smal", None)
    assert not found.ok and "mock-smal" in found.message and MODEL in found.remedy and MODEL in found.models
    assert not check(sqlite_host, server.base_url, "mock-smal", None).ok


def test_a_refused_key(server, sqlite_host):
    server.manners.key, server.manners.echo_key = KEY, True
    missing = check(sqlite_host, server.base_url, MODEL, None)
    assert not missing.ok and "401" in missing.message and "paste" in missing.remedy
    wrong = check(sqlite_host, server.base_url, MODEL, "sk-wrong-key-123")
    assert not wrong.ok and "401" in wrong.message and "sk-wrong-key-123" not in str(wrong)
    assert check(sqlite_host, server.base_url, MODEL, KEY).ok


def test_a_key_that_only_questions_ask_for(server, sqlite_host, monkeypatch):
    """Some servers show their models to anybody: the tiny question finds the wrong key."""
    from tests import engine_server

    server.manners.key = KEY
    monkeypatch.setattr(engine_server._Handler, "do_GET", lambda handler: handler.send(200, {"data": [{"id": MODEL}]}))
    assert not check(sqlite_host, server.base_url, MODEL, "sk-wrong").ok


def test_a_server_that_lists_no_models(server, sqlite_host):
    server.manners.no_models = True
    assert check(sqlite_host, server.base_url, MODEL, None).ok
    without = check(sqlite_host, server.base_url, "", None)
    assert not without.ok and "Type the model" in without.remedy
    assert "mock-x" in check(sqlite_host, server.base_url, "mock-x", None).message


def test_without_a_model_the_list_is_offered(server, sqlite_host):
    found = check(sqlite_host, server.base_url, "", None)
    assert not found.ok and MODEL in found.models and server.asked() == 0


def test_a_web_page_instead_of_a_server(server, sqlite_host):
    server.manners.html = 1.0
    found = check(sqlite_host, server.base_url, MODEL, None)
    assert not found.ok and "web page" in found.message


def test_tokens_are_estimated_by_script():
    assert estimate_tokens("") == 0
    english, chinese, russian = "a plain English sentence " * 40, "一个很普通的句子" * 40, "обычное русское " * 40
    assert estimate_tokens(english) == pytest.approx(len(english) / 4, rel=0.1)
    assert estimate_tokens(chinese) == pytest.approx(len(chinese) / 1.2, rel=0.1)
    assert len(russian) / 4 < estimate_tokens(russian) < len(russian) / 1.5


def test_a_price_is_known_or_not_but_never_guessed():
    pricing = Pricing("http://localhost:1/v1", "mock")
    assert pricing.cost(1000, 1000) is None and "unknown price" in pricing.source


# faults of servers that are written here


def sees(body):
    """What a model that sees says: the colours that stand in the picture it was sent."""
    (words, image) = body["messages"][-1]["content"]
    data = base64.b64decode(image["image_url"]["url"].partition(",")[2])
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    names = {(255, 140, 0): "Orange", (128, 0, 160): "purple"}
    left, right = (names[picture.getpixel((x, picture.height // 2))] for x in (4, picture.width - 5))
    assert "two halves" in words["text"] and min(picture.size) >= 64
    return said(f"{left} on the left, {right} on the right.")


def shown(body):
    return isinstance(body["messages"][-1]["content"], list)


@pytest.mark.parametrize(
    ("answer", "vision", "words"),
    [
        (sees, "takes", "It takes pictures"),
        (lambda body: said("I see a red square and a blue one."), "ignores", "a red square"),
        (lambda body: said("no picture."), "ignores", "ignores pictures"),
        (lambda body: (400, {"error": {"message": "image_url is not supported by this model"}}), "refuses", "refuses"),
        (
            lambda body: (500, {"error": "image input is not supported: provide the mmproj"}),
            "refuses",
            "refuses",
        ),
        (
            lambda body: (404, {"error": {"message": "No endpoints found that support image input"}}),
            "refuses",
            "refuses",
        ),
        (lambda body: said(""), "unclear", "too long to tell"),
    ],
    ids=["sees", "guesses", "blind", "400", "500", "404", "silent"],
)
def test_pictures_are_tried_with_one_that_nobody_guesses(sqlite_host, answer, vision, words):
    def post(path, body):
        return answer(body) if shown(body) else said('{"word": "ready"}')

    with ScriptedServer(models("blind-7b", "seeing-vl-4b"), post) as server:
        found = check(sqlite_host, server.base_url, "blind-7b", None, pictures=True)
        plain = check(sqlite_host, server.base_url, "blind-7b", None)
    assert found.vision == vision and words in found.message
    assert found.ok == (vision in ("takes", "unclear")) and plain.ok and plain.vision is None
    assert found.ok or (found.kind == "vision" and "seeing-vl-4b" in found.remedy)
    known = Capabilities.of(sqlite_host, server.base_url, "blind-7b").record()["vision"]
    assert known is {"takes": True, "unclear": None}.get(vision, False)


def test_a_server_that_breaks_on_a_picture(sqlite_host):
    def breaks(path, body):
        if shown(body):
            raise ConnectionAbortedError("as ordered")
        return said("{}")

    def is_busy(path, body):
        return (503, {"error": "overloaded"}) if shown(body) else said("{}")

    for post in (breaks, is_busy):
        with ScriptedServer(models(MODEL), post) as broken:
            found = check(sqlite_host, broken.base_url, MODEL, None, pictures=True)
            assert not found.ok and found.vision == "unclear" and "failed when it was sent a picture" in found.message
            assert Capabilities.of(sqlite_host, broken.base_url, MODEL).record()["vision"] is None


def test_a_server_of_embeddings_is_named_as_one(sqlite_host):
    with ScriptedServer(models("bge-small")) as server:
        found = check(sqlite_host, server.base_url, "bge-small", None)
        assert found.kind == "no_chat" and "lists models" in found.message

    def post(path, body):
        return 400, {"error": {"message": '"nomic-embed" does not support chat'}}

    with ScriptedServer(models("nomic-embed", "llama3"), post) as server:
        found = check(sqlite_host, server.base_url, "nomic-embed", None)
        assert found.kind == "no_chat" and "not made for chat" in found.message and found.models[0] == "llama3"


def test_a_redirect_says_where_to(sqlite_host):
    def elsewhere(path):
        return 308, "", {"location": "https://models.example.org/v1/models"}

    with ScriptedServer(elsewhere) as server:
        found = check(sqlite_host, server.base_url, MODEL, None)
    assert (found.kind, found.base_url) == ("redirect", "https://models.example.org/v1")
    with ScriptedServer(lambda path: (302, "", {"location": "/login?next=/v1"})) as server:
        found = check(sqlite_host, server.base_url, MODEL, None)
    assert found.kind == "redirect" and "login" in found.remedy and not found.base_url


@pytest.mark.parametrize("pasted", ["", "/api", "/v1/chat", "/openai"])
def test_other_places_of_the_same_server_are_tried(sqlite_host, server, pasted):
    found = check(sqlite_host, server.address + pasted, MODEL, None)
    assert not found.ok and found.kind == "address" and found.base_url == server.base_url


def test_a_known_server_at_another_port_is_found(sqlite_host, server, monkeypatch):
    monkeypatch.setattr(knocking, "PORTS", [free_port(), server.port])
    found = check(sqlite_host, f"http://127.0.0.1:{free_port()}/v1", MODEL, KEY)
    assert (found.kind, found.base_url) == ("address", server.base_url) and MODEL in found.models
    assert not any("authorization" in headers for headers in server.headers), "the key was given for another address"


def test_https_for_a_server_that_speaks_http(sqlite_host, server):
    found = check(sqlite_host, server.base_url.replace("http:", "https:"), MODEL, None)
    assert (found.kind, found.base_url) == ("address", server.base_url)


def test_a_certificate_that_nobody_trusts(sqlite_host):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Path(__file__).parents[1] / "self_signed.pem")
    with ScriptedServer(models(MODEL), tls=tls) as server:
        found = check(sqlite_host, server.base_url.replace("http:", "https:"), MODEL, None)
    assert found.kind == "certificate" and "SSL_CERT_FILE" in found.remedy


def test_a_slow_answer_and_one_that_never_comes(sqlite_host, server, monkeypatch):
    monkeypatch.setattr(checking, "SLOW", 0.2)
    server.manners.slow = 0.3
    found = check(sqlite_host, server.base_url, MODEL, None)
    assert found.ok and "seconds for one word" in found.message and found.seconds >= 0.3
    never = check(sqlite_host, server.base_url, MODEL, None, patience=0.1)
    assert never.kind == "timeout" and "loading the model" in never.remedy


def test_what_a_check_learns_is_kept(sqlite_host, server):
    server.manners.no_schema = server.manners.completion_tokens_only = True
    assert check(sqlite_host, server.base_url, MODEL, None).ok
    record = Capabilities.of(sqlite_host, server.base_url, MODEL).record()
    assert record["answer_format"] == "json_object_schema" and record["token_limit"] == "max_completion_tokens"
    asked = server.asked()
    again = check(sqlite_host, server.base_url, MODEL, None)
    assert again.ok and again.batches is False and server.asked() == asked + 1

    def get(path):
        if path.startswith("/v1/batches"):
            return 200, {"object": "list", "data": []}
        return 200, {"data": [{"id": "m", "max_model_len": 8192}]}

    with ScriptedServer(get, lambda path, body: said("{}")) as other:
        found = check(sqlite_host, other.base_url, "m", None)
        assert (found.context, found.batches) == (8192, True)
        assert Capabilities.of(sqlite_host, other.base_url, "m").record()["context"] == 8192


def test_a_key_that_may_ask_but_not_list(sqlite_host):
    def get(path):
        return 403, {"error": {"message": "missing scope: model.list"}}

    with ScriptedServer(get, lambda path, body: said("{}")) as server:
        assert check(sqlite_host, server.base_url, "m", KEY).ok
        assert check(sqlite_host, server.base_url, "", KEY).kind == "key"

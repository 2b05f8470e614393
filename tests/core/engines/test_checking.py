"""Checking a connection names the fault."""

import pytest

from core.engines.checking import check
from core.engines.cost import estimate_tokens, price_of
from tests.engine_server import MODEL, EngineServer
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
    cost, note = price_of("http://localhost:1/v1", "mock", 1000, 1000)
    assert cost is None and "unknown price" in note
    assert price_of("http://localhost:1/v1", "mock", 0, 0)[0] == 0

"""Which key goes where."""

from dataclasses import replace

import pytest

from core.engines.connecting import keys
from core.engines.connecting.connections import save_connection
from core.engines.connecting.endpoints import EngineOptions
from core.engines.connecting.keys import connection_of, key_for, remember, remembered, type_key
from core.errors import InvalidInput
from core.store.projects import Host

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://localhost:8000/v1"


@pytest.fixture(autouse=True)
def nothing_typed(monkeypatch):
    monkeypatch.setattr(keys, "_typed", {})


@pytest.fixture
def made(sqlite_settings):
    """`made(base_url=…, api_key=…)`: a host with these settings."""
    hosts = []

    def made(**given):
        hosts.append(Host(replace(sqlite_settings, **given)))
        return hosts[-1]

    yield made
    for host in hosts:
        host.close()


def test_each_key_goes_to_its_own_address_only(made):
    host = made(base_url="localhost:8000/v1/", api_key="k-local", openai_api_key="k-openai")
    assert key_for(host, LOCAL) == ("k-local", "env")
    assert key_for(host, OPENAI) == ("k-openai", "env")
    for other in ("http://localhost:8001/v1", "https://api.openai.com.evil.org/v1", "http://api.openai.com/v1", ""):
        assert key_for(host, other) == (None, "none")
    assert key_for(made(api_key="k-local"), LOCAL) == (None, "none")
    assert key_for(made(api_key="k-local", base_url="ftp://x"), LOCAL) == (None, "none")
    assert "k-local" not in repr(host.settings) and "k-openai" not in repr(host.settings)
    assert not {"k-local", "k-openai"} & set(host.settings.environment().values())


def test_a_typed_key_is_kept_for_its_address_and_forgotten_on_demand(made):
    host = made(base_url=LOCAL, api_key="k-env")
    type_key(LOCAL, " k-typed ")
    assert key_for(host, LOCAL) == ("k-typed", "typed")
    assert key_for(host, OPENAI) == (None, "none")
    type_key(LOCAL, "")
    assert key_for(host, LOCAL) == ("k-env", "env")
    with pytest.raises(InvalidInput):
        type_key(LOCAL, "two words")
    with pytest.raises(InvalidInput) as refused:
        type_key(LOCAL, "schlüssel")
    assert "schlüssel" not in str(refused.value)


def test_a_connection_s_own_key_goes_to_its_address_only(made):
    keys_of = {"TAGLOOM_KEY_MY_SERVER": "k-mine", "TAGLOOM_KEY_OTHER": "k-other", "TAGLOOM_KEY_NOBODY": "k-nobody"}
    host = made(connection_keys=keys_of, openai_api_key="k-openai")
    mine = save_connection(host, name="My server", engine="openai", base_url=LOCAL, model="m")
    save_connection(host, name="Other", engine="openai", base_url=LOCAL, model="n")
    save_connection(host, name="Third", engine="openai", base_url="localhost:9/v1", model="m")
    assert key_for(host, LOCAL) == key_for(host, LOCAL, "m") == ("k-mine", "env")
    assert key_for(host, LOCAL, "n") == ("k-other", "env")
    assert key_for(host, "http://localhost:9/v1", "m") == (None, "none")
    assert key_for(host, OPENAI) == ("k-openai", "env")
    save_connection(host, name="My server", engine="openai", base_url=OPENAI, model="m", connection_id=mine.id)
    assert key_for(host, OPENAI, "m") == ("k-mine", "env") and key_for(host, LOCAL, "m") == ("k-other", "env")
    assert not set(keys_of.values()) & set(host.settings.environment().values()) and "k-mine" not in repr(host.settings)


def test_a_role_has_a_connection_of_its_own(sqlite_host):
    assert connection_of(sqlite_host, EngineOptions("builtin")) == EngineOptions()
    with pytest.raises(InvalidInput, match="pictures"):
        connection_of(sqlite_host, EngineOptions("builtin"), "vision")
    save_connection(sqlite_host, engine="openai", base_url=LOCAL, model="text-only")
    with pytest.raises(InvalidInput):
        connection_of(sqlite_host, EngineOptions("openai"), "vision")
    save_connection(sqlite_host, engine="openai", base_url=LOCAL, model="sees", roles=("vision",))
    local = save_connection(sqlite_host, engine="transformers", model="some/tiny", roles=("text", "vision"))
    assert connection_of(sqlite_host, EngineOptions("openai"), "vision").model == "sees"
    assert connection_of(sqlite_host, EngineOptions("openai")).model == "text-only"
    assert connection_of(sqlite_host, EngineOptions("transformers"), "vision") == local.options
    given = EngineOptions("transformers", "", "another/one")
    assert connection_of(sqlite_host, given) == given


def test_the_connection_is_remembered_without_its_key(sqlite_host):
    assert remembered(sqlite_host) == EngineOptions()
    with pytest.raises(InvalidInput):
        connection_of(sqlite_host, EngineOptions("openai"))
    remember(sqlite_host, EngineOptions("openai", LOCAL, "m"))
    type_key(LOCAL, "k-typed")
    assert remembered(sqlite_host) == EngineOptions("openai", LOCAL, "m")
    assert connection_of(sqlite_host, EngineOptions("openai")) == EngineOptions("openai", LOCAL, "m")
    other = connection_of(sqlite_host, EngineOptions("openai", "localhost:9/v1", "n"))
    assert other == EngineOptions("openai", "http://localhost:9/v1", "n")
    with pytest.raises(InvalidInput):  # the model of one server says nothing of another one
        connection_of(sqlite_host, EngineOptions("openai", "localhost:9/v1"))
    assert connection_of(sqlite_host, EngineOptions("builtin", LOCAL, "m")) == EngineOptions()
    with pytest.raises(InvalidInput):
        connection_of(sqlite_host, EngineOptions("oracle"))


def test_the_settings_name_a_server(made):
    host = made(base_url="localhost:8000/v1", model="small")
    assert remembered(host) == EngineOptions("openai", LOCAL, "small")
    assert connection_of(host, EngineOptions("openai")) == EngineOptions("openai", LOCAL, "small")

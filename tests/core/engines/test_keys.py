"""Which key goes where."""

from dataclasses import replace

import pytest

from core.engines import keys
from core.engines.endpoints import EngineOptions
from core.engines.keys import connection_of, key_for, remember, remembered, type_key
from core.errors import InvalidInput
from core.settings import Settings

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://localhost:8000/v1"


@pytest.fixture(autouse=True)
def nothing_typed(monkeypatch):
    monkeypatch.setattr(keys, "_typed", {})


def test_each_key_goes_to_its_own_address_only(tmp_path):
    settings = Settings(home=tmp_path, base_url="localhost:8000/v1/", api_key="k-local", openai_api_key="k-openai")
    assert key_for(settings, LOCAL) == ("k-local", "env")
    assert key_for(settings, OPENAI) == ("k-openai", "env")
    for other in ("http://localhost:8001/v1", "https://api.openai.com.evil.org/v1", "http://api.openai.com/v1", ""):
        assert key_for(settings, other) == (None, "none")
    assert key_for(replace(settings, base_url=None), LOCAL) == (None, "none")
    assert "k-local" not in repr(settings) and "k-openai" not in repr(settings)
    assert not {"k-local", "k-openai"} & set(settings.environment().values())


def test_a_typed_key_is_kept_for_its_address_and_forgotten_on_demand(tmp_path):
    settings = Settings(home=tmp_path, base_url=LOCAL, api_key="k-env")
    type_key(LOCAL, " k-typed ")
    assert key_for(settings, LOCAL) == ("k-typed", "typed")
    assert key_for(settings, OPENAI) == (None, "none")
    type_key(LOCAL, "")
    assert key_for(settings, LOCAL) == ("k-env", "env")
    with pytest.raises(InvalidInput):
        type_key(LOCAL, "two words")
    with pytest.raises(InvalidInput) as refused:
        type_key(LOCAL, "schlüssel")
    assert "schlüssel" not in str(refused.value)


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


def test_the_settings_name_a_server(sqlite_settings):
    from core.store.projects import Host

    host = Host(replace(sqlite_settings, base_url="localhost:8000/v1", model="small"))
    assert remembered(host) == EngineOptions("openai", LOCAL, "small")
    assert connection_of(host, EngineOptions("openai")) == EngineOptions("openai", LOCAL, "small")
    host.close()

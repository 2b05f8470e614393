"""Named connections: kept by the host, one default per role, never a key."""

from dataclasses import replace
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.engines.connecting.connection_health import health_of, keep_health
from core.engines.connecting.connections import (
    BUILTIN,
    ENVIRONMENT,
    ConnectionSettings,
    all_connections,
    default_of,
    find_connection,
    key_name,
    remove_connection,
    restore_connection,
    save_connection,
    set_default,
    settings_for,
    suggested_name,
)
from core.engines.connecting.endpoints import EngineOptions
from core.errors import Conflict, InvalidInput, NotFound
from core.store.host_schema import setting
from core.store.projects import Host

LOCAL = "http://localhost:8000/v1"


def saved(host, model="m", **more):
    return save_connection(host, **{"engine": "openai", "base_url": LOCAL, "model": model, **more})


def test_connections_are_kept_found_changed_and_removed(host):
    assert all_connections(host) == [] and default_of(host, "text") is default_of(host, "vision") is None
    limits = ConnectionSettings(rpm=60, budget=Decimal("2.50"), price_input=Decimal("0.05"), context=8192)
    first = saved(host, name=" My  server ", base_url="LOCALHOST:8000/v1/chat/completions", settings=limits)
    assert (first.name, first.base_url, first.roles, first.settings) == ("My server", LOCAL, ("text",), limits)
    second = saved(host, "sees", roles=("vision", "text"))
    assert second.roles == ("text", "vision") and second.name == "sees · vLLM"
    assert all_connections(host) == [first, second] and find_connection(host, "MY-SERVER") == first
    assert settings_for(host, LOCAL, "m") == limits and settings_for(host, LOCAL, "x") == ConnectionSettings()
    # text stays with the builtin engine until a person chooses; pictures have nobody else
    assert default_of(host, "text") is None and default_of(host, "vision") == second
    set_default(host, "text", first.id)
    changed = saved(host, "m2", name="My server", connection_id=first.id)
    assert default_of(host, "text") == changed and all_connections(host)[0].model == "m2"
    keep_health(host, changed.id, {"ok": True})
    assert health_of(host, [changed.id, second.id])[changed.id]["ok"]

    removed, roles = remove_connection(host, "My server")
    assert (removed, roles) == (changed, ("text",)) and all_connections(host) == [second]
    assert default_of(host, "text") is None, "text must not go to another server by itself"
    assert health_of(host, [changed.id]) == {}
    assert restore_connection(host, orjson.loads(orjson.dumps(removed.as_dict()))) == changed
    with pytest.raises(NotFound):
        find_connection(host, "nobody")
    with pytest.raises(NotFound):
        saved(host, connection_id="0" * 16)


def test_two_connections_are_never_the_same(sqlite_host):
    saved(sqlite_host, name="My server")
    with pytest.raises(Conflict, match="named"):
        saved(sqlite_host, "n", name="my-server")  # its key would be read from the same variable
    with pytest.raises(Conflict, match="this model"):
        saved(sqlite_host, name="Another")
    names = [saved(sqlite_host, f"{org}/qwen").name for org in "abc"]
    assert names == ["qwen · vLLM", "qwen · vLLM 2", "qwen · vLLM 3"]
    saved(sqlite_host, "木", name="木")
    saved(sqlite_host, "森", name="森")
    assert len(all_connections(sqlite_host)) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "oracle"},
        {"engine": "builtin"},
        {"model": ""},
        {"model": "a\nb"},
        {"base_url": ""},
        {"base_url": "https://u:p@x.org"},
        {"name": "x" * 61},
        {"name": "builtin"},
        {"name": "From the environment"},
        {"roles": ()},
        {"roles": ("smell",)},
    ],
    ids=str,
)
def test_what_is_no_connection_is_refused(sqlite_host, wrong):
    with pytest.raises(InvalidInput) as refused:
        saved(sqlite_host, **{"model": "m", **wrong})
    assert refused.value.remedy and all_connections(sqlite_host) == []


def test_defaults_are_checked(sqlite_host):
    row = saved(sqlite_host)
    for role, which in (("vision", row.id), ("vision", BUILTIN), ("smell", row.id)):
        with pytest.raises(InvalidInput):
            set_default(sqlite_host, role, which)
    with pytest.raises(NotFound):
        set_default(sqlite_host, "text", "nobody")
    set_default(sqlite_host, "text", row.id)
    set_default(sqlite_host, "text", BUILTIN)
    assert default_of(sqlite_host, "text") is None
    with pytest.raises(InvalidInput):
        restore_connection(sqlite_host, {"id": "../x", "roles": ["text"]})


def test_the_environment_names_a_connection(sqlite_settings):
    host = Host(replace(sqlite_settings, base_url="localhost:8000/v1", model="small"))
    own = default_of(host, "text")
    assert own is not None and own.id == ENVIRONMENT and own.options == EngineOptions("openai", LOCAL, "small")
    with pytest.raises(InvalidInput, match="TAGLOOM_BASE_URL"):
        remove_connection(host, ENVIRONMENT)
    with pytest.raises(Conflict):
        saved(host, "small")
    saved(host, "other", name="Other")
    limits = ConnectionSettings(rpm=5)
    moved = saved(host, "elsewhere", base_url="localhost:1", settings=limits, connection_id=ENVIRONMENT)
    assert moved.options == own.options and settings_for(host, LOCAL, "small") == limits, "it can be set up, not moved"
    assert [row.name for row in all_connections(host)] == ["from the environment", "Other"]
    host.close()
    # another server named: the limits of the old one are not its limits
    host = Host(replace(sqlite_settings, base_url="localhost:9000/v1", model="small"))
    assert all_connections(host)[0].settings == ConnectionSettings()
    host.close()
    host = Host(replace(sqlite_settings, base_url="ftp://x", model="small"))
    assert [row.name for row in all_connections(host)] == ["Other"]
    host.close()


@pytest.mark.parametrize("engine", ["openai", "builtin"])
def test_what_an_earlier_version_remembered_is_carried_over(host, engine):
    host.remember("engine", orjson.dumps({"engine": engine, "base_url": LOCAL, "model": "m"}).decode())
    (row,) = all_connections(host)
    assert row.options == EngineOptions("openai", LOCAL, "m") and all_connections(host) == [row]
    assert default_of(host, "text") == (row if engine == "openai" else None)
    with host.database.read() as connection:
        assert "engine" not in connection.execute(select(setting.c.name)).scalars().all()


def test_names_and_the_variables_of_their_keys():
    assert key_name("My server") == "TAGLOOM_KEY_MY_SERVER" and key_name("Größe 3·b") == "TAGLOOM_KEY_GROSSE_3_B"
    assert key_name("木") == ""
    assert suggested_name("http://localhost:11434/v1", "qwen3:8b") == "qwen3:8b · Ollama"
    assert suggested_name("", "/models/tiny") == "tiny · in this process"
    assert len(suggested_name("https://" + "x" * 60 + ".org/v1", "y" * 200)) <= 60


numbers = st.one_of(st.integers(), st.floats(), st.text(max_size=8), st.booleans(), st.none(), st.lists(st.integers()))
fields = st.sampled_from([*ConnectionSettings.__dataclass_fields__, "rest"])


@given(st.dictionaries(fields, numbers, max_size=4))
def test_settings_are_taken_as_they_can_be_kept_or_refused(given):
    try:
        found = ConnectionSettings.from_given(given)
    except InvalidInput as refused:
        assert refused.remedy
    else:
        assert ConnectionSettings.from_json(found.to_json()) == found
        assert ConnectionSettings.from_given(found.as_dict()) == found


def test_settings_are_read_from_a_form():
    form = {"rpm": " 60 ", "tpm": "", "budget": "2.5", "price_output": 0, "seconds": "30", "answer_format": "none"}
    found = ConnectionSettings.from_given(form)
    assert (found.rpm, found.tpm, found.budget, found.price_output) == (60, None, Decimal("2.5"), Decimal(0))
    assert (found.seconds, found.answer_format, found.concurrency) == (30.0, "none", 16)
    for wrong in ({"rpm": 0}, {"rpm": "1.5"}, {"budget": -1}, {"seconds": "soon"}, {"answer_format": "xml"}, {"x": 1}):
        with pytest.raises(InvalidInput):
            ConnectionSettings.from_given(wrong)

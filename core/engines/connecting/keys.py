"""Which connection answers, and the key that lets us in. A key lives in memory only: never stored, logged, shown.

OPENAI_API_KEY goes to api.openai.com and nowhere else; TAGLOOM_API_KEY goes to TAGLOOM_BASE_URL; TAGLOOM_KEY_<NAME>
goes to the address of the connection of that name; a key typed into the page goes to the address it was typed for, and
is gone when this process ends.
"""

from __future__ import annotations

import threading

from core.engines.connecting import connections
from core.engines.connecting.connections import BUILTIN, ConnectionRow, all_connections, default_of, key_name
from core.engines.connecting.endpoints import ENGINES, EngineOptions, is_openai, normalise
from core.errors import InvalidInput
from core.settings import Settings
from core.store.projects import Host

ENGINE_KEY = "engine_key"  # the name under which a job gets its key (JobContext.secrets)

_typed: dict[str, str] = {}
_lock = threading.Lock()


def type_key(base_url: str, key: str) -> None:
    """Keep a typed key for a normalised address in this process; an empty one forgets it.

    Raises:
        InvalidInput: it cannot be a key.
    """
    key = key.strip()
    if len(key) > 4000 or any(not 32 < ord(c) < 127 for c in key):
        raise InvalidInput("That is not a key: keys have no spaces and only plain characters.", "Paste it again.")
    with _lock:
        if key:
            _typed[base_url] = key
        else:
            _typed.pop(base_url, None)


def key_for(host: Host, base_url: str, model: str = "") -> tuple[str | None, str]:
    """(key, where it is from) for a normalised address: "typed", "env" or "none".

    Args:
        model: whose connection's key is preferred where several connections have this address.
    """
    settings = host.settings
    with _lock:
        typed = _typed.get(base_url)
    if typed:
        return typed, "typed"
    if not base_url:
        return None, "none"
    if settings.connection_keys:
        there = [row for row in all_connections(host) if row.base_url == base_url]
        for row in sorted(there, key=lambda row: row.model != model):
            named = settings.connection_keys.get(key_name(row.name))
            if named:
                return named, "env"
    if settings.api_key and _set_address(settings) == base_url:
        return settings.api_key, "env"
    if settings.openai_api_key and is_openai(base_url):
        return settings.openai_api_key, "env"
    return None, "none"


def remembered(host: Host) -> EngineOptions:
    """The engine used for text where nobody says otherwise."""
    row = default_of(host, "text")
    return row.options if row is not None else EngineOptions()


def remember(host: Host, options: EngineOptions) -> None:
    """Use an engine for text from now on; a server or model that is not among the connections becomes one."""
    if options.engine == "builtin":
        return connections.set_default(host, "text", BUILTIN)
    row = _of_options(host, options)
    if row is None:
        row = connections.save_connection(
            host, engine=options.engine, base_url=options.base_url, model=options.model, roles=("text",)
        )
    elif "text" not in row.roles:
        row = connections.save_connection(
            host,
            engine=row.engine,
            base_url=row.base_url,
            model=row.model,
            name=row.name,
            roles=("text", *row.roles),
            settings=row.settings,
            connection_id=row.id,
        )
    return connections.set_default(host, "text", row.id)


def connection_of(host: Host, given: EngineOptions, role: str = "text") -> EngineOptions:
    """What was asked for, completed: where the address or the model is left out, those of the role's default
    connection if it is of that kind, else of the first connection that fits, else the settings'.

    Raises:
        InvalidInput: there is no such engine, or its address or model is not known.
    """
    if given.engine not in ENGINES:
        raise InvalidInput(f"There is no engine “{given.engine}”.", f"Engines: {', '.join(ENGINES)}.")
    if given.engine == "builtin":
        if role != "text":
            raise InvalidInput("The builtin engine cannot look at pictures.", "Connect a model for vision in Settings.")
        return EngineOptions()
    rows = _candidates(host, given.engine, role)
    if given.engine == "transformers":
        model = given.model.strip() or (rows[0].model if rows else "")
        if not model or len(model) > 500:
            raise InvalidInput(
                "No model is named for this process.", "Name a folder or a hub id in Settings or with --model."
            )
        return EngineOptions("transformers", "", model)
    settings = host.settings
    fits = [row for row in rows if not given.model or row.model == given.model] or rows
    base_url = given.base_url or (fits[0].base_url if fits else "") or settings.base_url or ""
    if not base_url:
        raise InvalidInput(
            "No server is connected yet.",
            "Name its address in Settings, with --base-url, or as TAGLOOM_BASE_URL; or use the builtin engine.",
        )
    base_url = normalise(base_url)
    own_model = next((row.model for row in rows if row.base_url == base_url), "")
    set_model = settings.model if _set_address(settings) == base_url else ""
    model = (given.model or own_model or set_model or "").strip()
    if not model:
        raise InvalidInput(
            f"No model is named for {base_url}.", "Choose one in Settings, with --model, or as TAGLOOM_MODEL."
        )
    if len(model) > 200:
        raise InvalidInput("The model's name is longer than 200 characters.", "Check it.")
    return EngineOptions("openai", base_url, model)


def _set_address(settings: Settings) -> str:
    """TAGLOOM_BASE_URL, normalised; empty where there is none or it is no address (the page says so)."""
    try:
        return normalise(settings.base_url) if settings.base_url else ""
    except InvalidInput:
        return ""


def _candidates(host: Host, engine: str, role: str) -> list[ConnectionRow]:
    """Connections of a kind that have a role, its default first."""
    chosen = default_of(host, role)
    rows = [row for row in all_connections(host) if row.engine == engine and role in row.roles]
    return sorted(rows, key=lambda row: chosen is None or row.id != chosen.id)


def _of_options(host: Host, options: EngineOptions) -> ConnectionRow | None:
    return next((row for row in all_connections(host) if row.options == options), None)

"""Which engine answers: the connection, its check, its key. A key comes in and never goes out again."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.engines.checking import check
from core.engines.endpoints import ENGINES, OPENAI, EngineOptions, host_of, normalise
from core.engines.keys import connection_of, key_for, remember, remembered, type_key
from core.errors import InvalidInput, NotAllowed
from ui.context import AppContext
from ui.routes.http import Call, route

BUILTIN = "builtin engine"
LABELS = {"builtin": "Builtin engine", "openai": "Language model (OpenAI-compatible server)"}


def engine_in_use(app: AppContext) -> dict[str, Any]:
    """The engine as every page shows it; where its key is from, never the key."""
    options = remembered(app.host)
    key = key_for(app.settings, options.base_url)[1]
    ready = options.engine == "builtin" or bool(options.base_url and options.model)
    return {
        "name": options.engine,
        "label": BUILTIN if options.engine == "builtin" else options.label,
        "base_url": options.base_url,
        "model": options.model,
        "key": key,
        "ready": ready,
    }


def engines(call: Call) -> dict[str, Any]:
    known = remembered(call.app.host)
    connected = bool(known.base_url and known.model)
    return {
        "engine": engine_in_use(call.app),
        "kinds": [{"name": name, "label": LABELS[name], "ready": name == "builtin" or connected} for name in ENGINES],
        "may_change": call.app.local,
    }


def _may_reach(app: AppContext, base_url: str) -> None:
    """On a shared server a visitor must not make it call whatever address they like, nor spend on another's key."""
    if not app.local:
        raise NotAllowed(
            "On a shared server its operator chooses the engine.", "TAGLOOM_BASE_URL and TAGLOOM_MODEL name it."
        )


def _given(call: Call) -> tuple[str, str]:
    base_url = call.given("base_url", str, "").strip()
    known = remembered(call.app.host)
    model = call.given("model", str, "").strip()
    if len(model) > 200:
        raise InvalidInput("The model's name is longer than 200 characters.", "Check it.")
    return (normalise(base_url) if base_url else known.base_url), model


def choose(call: Call) -> dict[str, Any]:
    """Remember the engine, and keep a typed key in this process for its address."""
    _ = call.person
    _may_reach(call.app, "")
    name = call.given("engine", str)
    base_url, model = _given(call)
    if name not in ENGINES:
        raise InvalidInput(f"There is no engine “{name}”.", f"Engines: {', '.join(ENGINES)}.")
    key = call.given("key", str, None)
    options = EngineOptions(name, base_url, model or remembered(call.app.host).model)
    if name != "builtin":
        options = connection_of(call.app.host, options)
    if key is not None and base_url:
        type_key(base_url, key)
    remember(call.app.host, options)
    return engines(call)


def check_engine(call: Call) -> dict[str, Any]:
    """Ask the server; a key given here is used for this question only."""
    _ = call.person
    _may_reach(call.app, "")
    base_url, model = _given(call)
    if not base_url:
        raise InvalidInput("The server's address is missing.", f"For example: http://localhost:11434/v1, or {OPENAI}.")
    typed = call.given("key", str, "").strip()
    key = typed or key_for(call.app.settings, base_url)[0]
    found = check(call.app.host, base_url, model, key)
    return {**found.as_dict(), "base_url": found.base_url or base_url, "host": host_of(base_url)}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "engines", engines),
        route(app, "POST", "engines", choose),
        route(app, "POST", "engines/check", check_engine),
    ]

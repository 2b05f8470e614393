"""Which engine is connected, and the key that lets us in. A key lives in memory only: never stored, logged, shown.

OPENAI_API_KEY goes to api.openai.com and nowhere else; TAGLOOM_API_KEY goes to TAGLOOM_BASE_URL; a key typed into
the page goes to the address it was typed for, and is gone when this process ends.
"""

from __future__ import annotations

import threading

import orjson

from core.engines.endpoints import ENGINES, EngineOptions, is_openai, normalise
from core.errors import InvalidInput
from core.settings import Settings
from core.store.projects import Host

ENGINE_KEY = "engine_key"  # the name under which a job gets its key (JobContext.secrets)
_SETTING = "engine"

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


def key_for(settings: Settings, base_url: str) -> tuple[str | None, str]:
    """(key, where it is from) for a normalised address: "typed", "env" or "none"."""
    with _lock:
        typed = _typed.get(base_url)
    if typed:
        return typed, "typed"
    if not base_url:
        return None, "none"
    if settings.api_key and settings.base_url and normalise(settings.base_url) == base_url:
        return settings.api_key, "env"
    if settings.openai_api_key and is_openai(base_url):
        return settings.openai_api_key, "env"
    return None, "none"


def remembered(host: Host) -> EngineOptions:
    """The engine that the page uses: what a person chose there, else what the settings name, else builtin."""
    settings = host.settings
    stored = host.setting(_SETTING, "")
    if stored:
        known = EngineOptions.from_arguments(orjson.loads(stored))
        if known.engine in ENGINES:
            return known
    if settings.base_url and settings.model:
        return EngineOptions("openai", normalise(settings.base_url), settings.model)
    return EngineOptions("builtin", normalise(settings.base_url) if settings.base_url else "", settings.model or "")


def remember(host: Host, options: EngineOptions) -> None:
    """Keep the address and the model (never the key) for this host."""
    host.remember(_SETTING, orjson.dumps(options.as_arguments()).decode())


def connection_of(host: Host, given: EngineOptions) -> EngineOptions:
    """What was asked for, completed: the address and model given, else those of the page, else the settings'.

    Raises:
        InvalidInput: there is no such engine, or its address or model is not known.
    """
    if given.engine not in ENGINES:
        raise InvalidInput(f"There is no engine “{given.engine}”.", f"Engines: {', '.join(ENGINES)}.")
    if given.engine == "builtin":
        return EngineOptions()
    known, settings = remembered(host), host.settings
    base_url = given.base_url or known.base_url or settings.base_url or ""
    if not base_url:
        raise InvalidInput(
            "No server is connected yet.",
            "Name its address in Settings, with --base-url, or as TAGLOOM_BASE_URL; or use the builtin engine.",
        )
    base_url = normalise(base_url)
    own_model = known.model if known.base_url == base_url else ""
    set_model = settings.model if settings.base_url and normalise(settings.base_url) == base_url else ""
    model = (given.model or own_model or set_model or "").strip()
    if not model:
        raise InvalidInput(
            f"No model is named for {base_url}.", "Choose one in Settings, with --model, or as TAGLOOM_MODEL."
        )
    if len(model) > 200:
        raise InvalidInput("The model's name is longer than 200 characters.", "Check it.")
    return EngineOptions("openai", base_url, model)

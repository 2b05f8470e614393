"""What connections are called: for people, and as the variables that their keys are read from."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

from core.engines.connecting.endpoints import server_name
from core.settings import KEY_PREFIX


def suggested_name(base_url: str, model: str) -> str:
    """A short name for people: "qwen3-8b · Ollama"."""
    short = PurePath(model).name or model
    return f"{short[:36]} · {server_name(base_url) if base_url else 'in this process'}"[:60]


def key_name(name: str) -> str:
    """The variable from which the key of the connection of that name is read; empty where the name has no letter or
    digit that a variable may have."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c)).upper()
    short = re.sub(r"[^A-Z0-9]+", "_", plain).strip("_")
    return f"{KEY_PREFIX}{short}" if short else ""


def name_key(name: str) -> str:
    """What must differ between two connections: their names as people read them, and the variables of their keys."""
    return key_name(name) or unicodedata.normalize("NFKC", name).strip().casefold()

"""Whether a model can run in a process of this machine: is it there, is it a model that chats or sees, does it fit.
Loads nothing."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from core.engines.connecting.checking import Finding
from core.engines.local.local_files import find, size_of
from core.errors import EngineError
from core.store.projects import Host

_TEMPLATES = ("chat_template.jinja", "chat_template.json")


def check_local(host: Host, model: str, *, pictures: bool = False) -> Finding:
    """What is known of a model before it is loaded.

    Args:
        model: a folder of this machine, or a hub id.
        pictures: it is meant to look at pictures.
    """
    if not model.strip():
        remedy = "Give a folder of this computer, or a hub id such as Qwen/Qwen3.5-2B."
        return Finding(False, "No model is named.", remedy, "choose")
    lacking = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if lacking:
        message = f"The package {lacking[0]} is not installed."
        return Finding(False, message, "Install Tagloom with its packages again.", "packages")
    try:
        found = find(host.settings, model)
    except EngineError as error:
        return Finding(False, error.message, error.remedy, "model")
    if found.path is None:
        return Finding(True, f"{found.name}: {found.reason}")
    if pictures and not found.vision:
        remedy = "Choose a model that can see, or use this one for text only."
        return Finding(False, f"{found.name} takes no pictures.", remedy, "vision", vision="refuses")
    told = _json(found.path / "tokenizer_config.json")
    if not told.get("chat_template") and not any((found.path / name).is_file() for name in _TEMPLATES):
        remedy = "Choose its edition for chat (often called Instruct or it)."
        return Finding(False, f"{found.name} has no chat template: it is not made to be asked.", remedy, "no_chat")
    vision, context = ("takes" if found.vision else None), _context(_json(found.path / "config.json"))
    stored = size_of(found.path).stored
    size = f"{stored / 1e9:.1f} GB" if stored >= 1e9 else f"{stored / 1e6:.1f} MB"
    words = f"{found.name} is here ({'texts and pictures' if found.vision else 'texts'}, {size})"
    try:
        where = _fits(found.path)
    except EngineError as error:
        return Finding(False, error.message, error.remedy, "memory", vision=vision, context=context)
    return Finding(True, f"{words} and fits: {where}.", vision=vision, context=context)


def _fits(folder: Path) -> str:
    """On which device and how it would be loaded.

    Raises:
        EngineError: it does not fit.
    """
    from core.engines.local.local_models import plan_here

    made = plan_here(folder)
    how = "8 bits" if made.eight_bit else made.dtype
    return f"{made.device}, {how}{', partly in main memory, which is slow' if made.spread else ''}"


def _json(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _context(config: dict[str, Any]) -> int | None:
    for place in (config, config.get("text_config")):
        value = place.get("max_position_embeddings") if isinstance(place, dict) else None
        if isinstance(value, int) and value >= 128:
            return value
    return None

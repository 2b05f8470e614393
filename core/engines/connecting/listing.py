"""What a server says of its models at /models: names, and how much they can read where it says so. Servers leave out,
rename and mistype nearly every part; some have no such list at all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

MOST_MODELS = 1000
LONGEST_NAME = 200
# vLLM, SGLang; OpenRouter; LM Studio; Mistral; Groq; llama.cpp
_CONTEXT = (
    "max_model_len",
    "context_length",
    "loaded_context_length",
    "max_context_length",
    "context_window",
    "n_ctx",
    "n_ctx_train",
)
_NOT_CHAT = re.compile(
    r"embed|whisper|tts|dall-?e|rerank|moderation|transcri|realtime|image-|-image|sora|davinci|babbage", re.I
)


@dataclass(frozen=True, slots=True)
class Listed:
    """Names in the order to offer them, those that can chat first; `contexts`: tokens by name, where known."""

    names: tuple[str, ...] = ()
    contexts: dict[str, int] = field(default_factory=dict)


def read_listing(text: str) -> Listed:
    """The models of an answer's body; empty where it is no list of models. Never raises."""
    try:
        body = orjson.loads(text.encode("utf-8", "replace"))
    except (orjson.JSONDecodeError, RecursionError):
        return Listed()
    names: set[str] = set()
    contexts: dict[str, int] = {}
    for entry in _entries(body):
        name = entry if isinstance(entry, str) else _first_text(entry, ("id", "name", "model", "model_name", "key"))
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            continue
        names.add(name)
        found = _context(entry) if isinstance(entry, dict) else None
        if found:
            contexts[name] = found
        if len(names) >= MOST_MODELS:
            break
    return Listed(tuple(sorted(names, key=lambda n: (bool(_NOT_CHAT.search(n)), n.casefold(), n))), contexts)


def near_names(model: str, names: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Those of the names that somebody who typed `model` may have meant, the likeliest first."""
    there = list(names)
    wanted, short = model.casefold(), _short(model)
    scores: dict[str, float] = {}
    for name in there:
        known = name.casefold()
        if known == wanted:
            score = 3.0
        elif _short(name) == short:  # “qwen3-8b” for “Qwen/Qwen3-8B”, “llama3” for “llama3:latest”
            score = 2.0
        else:
            score = max(
                difflib.SequenceMatcher(None, wanted, known).ratio(),
                difflib.SequenceMatcher(None, short, _short(name)).ratio(),
            )
        if score >= 0.5:
            scores[name] = score
    return tuple(sorted(scores, key=lambda n: (-scores[n], n)))[:most]


def _short(name: str) -> str:
    """Without who made it and which edition it is: "Qwen/Qwen3-8B" → "qwen3-8b"."""
    last = name.rstrip("/").rpartition("/")[2] or name
    return last.partition(":")[0].removesuffix(".gguf").casefold()


def _entries(body: Any) -> Iterator[Any]:
    lists = [body] if isinstance(body, list) else []
    if isinstance(body, dict):
        lists = [body[name] for name in ("data", "models", "model_names", "result") if isinstance(body.get(name), list)]
    for entries in lists:
        yield from (entry for entry in entries if isinstance(entry, (str, dict)))


def _first_text(entry: dict[str, Any], fields: tuple[str, ...]) -> str:
    return next((v for name in fields if isinstance(v := entry.get(name), str) and v.strip()), "")


def _context(entry: dict[str, Any]) -> int | None:
    """Tokens; what is served before what the model was trained for."""
    places: list[Any] = [entry.get("top_provider"), entry, entry.get("meta"), entry.get("model_info")]
    for name in _CONTEXT:
        for place in places:
            value = place.get(name) if isinstance(place, dict) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 128 <= value <= 100_000_000:
                return int(value)
    return None

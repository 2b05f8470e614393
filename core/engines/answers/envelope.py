"""The body of a chat completion, read without trusting it: servers leave out, rename and mistype nearly every part."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from core.engines.prompting.quoting import mended

_REASONING = ("reasoning", "reasoning_content", "reasoning_details", "thinking")
_THOUGHTS = ("thinking", "reasoning", "redacted_thinking")
_FILTERED = ("safety", "recitation", "blocklist", "prohibited_content", "spii", "image_safety", "refusal", "sensitive")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer's body holds.

    Attributes:
        usable: False where there is no choice in it: no answer, though the server said 200.
        text: the model's words ("" where it gave none).
        reasoning: True where it thought aloud in a field of its own.
        prompt_tokens, completion_tokens: None where the server did not say.
        cached_tokens: of the prompt, that the server had read before and asks less for.
        error: what the server says is wrong, where it says so in a 200.
    """

    usable: bool
    text: str = ""
    finish_reason: str | None = None
    refusal: str | None = None
    reasoning: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str | None = None
    error: str | None = None
    cached_tokens: int = 0


def read_envelope(raw: str) -> Envelope:
    """The parts of a response body; never raises."""
    body = _body(raw)
    if not isinstance(body, dict):
        return Envelope(False)
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if choice is None:
        return Envelope(False, error=error_text(body))
    given = choice.get("message")
    message: dict[str, Any] = given if isinstance(given, dict) else {}
    usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
    finish = choice.get("finish_reason")
    refusal = message.get("refusal")
    text = _text(message.get("content") if message else choice.get("text"))
    return Envelope(
        True,
        mended(text),
        _finish(finish),
        mended(refusal) if isinstance(refusal, str) and refusal.strip() else None,
        any(message.get(name) for name in _REASONING) or _thinks(message.get("content")),
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        mended(body["model"]) if isinstance(body.get("model"), str) else None,
        cached_tokens=_cached(usage),
    )


def _body(raw: str) -> Any:
    """A body as JSON; half of a surrogate pair, which strict readers refuse, becomes U+FFFD where it is used."""
    try:
        return orjson.loads(raw.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def error_text(body: object) -> str | None:
    """The words of an error body, in any of the shapes that servers use."""
    if isinstance(body, dict):
        for name in ("error", "message", "detail", "msg"):
            if body.get(name):
                return error_text(body[name])
        return None
    if isinstance(body, list) and body:
        return error_text(body[0])
    return " ".join(body.split())[:500] if isinstance(body, str) and body.strip() else None


def _finish(reason: object) -> str | None:
    """Why an answer ended, in OpenAI's words; proxies pass on those of others."""
    if not isinstance(reason, str):
        return None
    plain = reason.casefold()
    if plain in ("max_tokens", "model_length", "max_output_tokens", "token_limit", "max_length"):
        return "length"
    return "content_filter" if plain in _FILTERED else plain


def _thinks(content: object) -> bool:
    return isinstance(content, list) and any(isinstance(p, dict) and p.get("type") in _THOUGHTS for p in content)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # parts of content, as some proxies send them
        said = [part for part in content if not isinstance(part, dict) or part.get("type") not in _THOUGHTS]
        parts = [part.get("text") if isinstance(part, dict) else part for part in said]
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _cached(usage: Any) -> int:
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    return _count(details, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens") or 0


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value < 1 << 40 else None

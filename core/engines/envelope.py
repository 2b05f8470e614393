"""The body of a chat completion, read without trusting it: servers leave out, rename and mistype nearly every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer's body holds.

    Attributes:
        usable: False where there is no choice in it: no answer, though the server said 200.
        text: the model's words ("" where it gave none).
        reasoning: True where it thought aloud in a field of its own.
        prompt_tokens, completion_tokens: None where the server did not say.
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


def read_envelope(raw: str) -> Envelope:
    """The parts of a response body; never raises."""
    try:
        body = orjson.loads(raw.encode("utf-8", "replace"))
    except (orjson.JSONDecodeError, RecursionError):
        return Envelope(False)
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
        text.encode("utf-8", "replace").decode("utf-8"),
        finish if isinstance(finish, str) else None,
        refusal if isinstance(refusal, str) and refusal.strip() else None,
        bool(message.get("reasoning") or message.get("reasoning_content")),
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        body["model"] if isinstance(body.get("model"), str) else None,
    )


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


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # parts of content, as some proxies send them
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value < 1 << 40 else None

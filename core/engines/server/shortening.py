"""A question that is too long for a model, made shorter: the middle of its longest part goes."""

from __future__ import annotations

from dataclasses import replace

from core.engines.calls import Message, Request, text_of

GAP = " […] "
MARGIN = 0.9  # tokens are not spread evenly over the characters
LEAST_KEPT = 200  # characters of a text


def shortened_by(request: Request, share: float) -> Request | None:
    """The request with about `share` of its text; None where nothing long is left to cut.

    What is cut is the middle of the longest line of the longest user message: the data of an item stands in one line.
    Its beginning and its end stay, and so does everything around it.
    """
    total = sum(len(text_of(message)) for message in request.messages)
    excess = total - int(total * max(0.0, min(1.0, share)) * MARGIN)
    users = [i for i, m in enumerate(request.messages) if m["role"] == "user"]
    if not users or excess <= 0:
        return None
    index = max(users, key=lambda i: len(text_of(request.messages[i])))
    message = request.messages[index]
    cut = _cut(text_of(message), excess + len(GAP))
    if cut is None:
        return None
    messages = [*request.messages]
    messages[index] = _with_text(message, cut)
    return replace(request, messages=tuple(messages))


def _cut(text: str, excess: int) -> str | None:
    lines = text.split("\n")
    longest = max(range(len(lines)), key=lambda i: len(lines[i]))
    if len(lines[longest]) - excess >= LEAST_KEPT:
        lines[longest] = _middle_out(lines[longest], excess)
        return "\n".join(lines)
    return _middle_out(text, excess) if len(text) - excess >= LEAST_KEPT else None


def _middle_out(text: str, excess: int) -> str:
    """Two thirds of what stays are the beginning."""
    kept = len(text) - excess
    head = kept * 2 // 3
    return text[:head].rstrip("\\") + GAP + text[len(text) - (kept - head) :]


def _with_text(message: Message, text: str) -> Message:
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": text}
    parts = [part for part in content if part.get("type") != "text"]
    return {**message, "content": [{"type": "text", "text": text}, *parts]}

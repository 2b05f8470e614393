"""A request as it is sent: what was meant, less what this server has been found not to take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.engines.calls import Message, Request, text_of
from core.engines.endpoints import is_openai

FORMATS = ("json_schema", "json_object", "none")


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a server takes, per address and model; learned from its complaints, never part of a request's key."""

    response_format: str = "json_schema"
    token_limit: str = "max_tokens"  # or "max_completion_tokens", or "none"
    temperature: bool = True
    system_role: bool = True
    turned: bool = False  # the name of the token limit was changed once already

    def without(self, change: str) -> Quirks:
        """The next form to try after a complaint about `change`; the same object where there is none left."""
        if change == "response_format" and self.response_format != "none":
            return replace(self, response_format=FORMATS[FORMATS.index(self.response_format) + 1])
        if change == "token_limit" and self.token_limit != "none":
            if self.turned:
                return replace(self, token_limit="none")
            other = "max_tokens" if self.token_limit == "max_completion_tokens" else "max_completion_tokens"
            return replace(self, token_limit=other, turned=True)
        if change == "temperature" and self.temperature:
            return replace(self, temperature=False)
        if change == "system_role" and self.system_role:
            return replace(self, system_role=False)
        return self

    def sends(self, request: Request) -> frozenset[str]:
        """Which parameters that a server may refuse are in the request as these quirks shape it."""
        sent = set()
        if request.schema is not None and self.response_format != "none":
            sent.add("response_format")
        if self.token_limit != "none":
            sent.add("token_limit")
        if self.temperature:
            sent.add("temperature")
        if self.system_role and any(m["role"] == "system" for m in request.messages):
            sent.add("system_role")
        return frozenset(sent)


def first_quirks(base_url: str) -> Quirks:
    """What is assumed before the first answer."""
    return Quirks(token_limit="max_completion_tokens" if is_openai(base_url) else "max_tokens")


def body_of(request: Request, model: str, quirks: Quirks) -> dict[str, Any]:
    """The body of POST /chat/completions."""
    body: dict[str, Any] = {"model": model, "messages": _messages(request, quirks)}
    if request.schema is not None and quirks.response_format == "json_schema":
        schema = {"name": "answer", "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.schema is not None and quirks.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if quirks.token_limit != "none":
        body[quirks.token_limit] = request.max_tokens
    if quirks.temperature:
        body["temperature"] = request.temperature
    return body


def _messages(request: Request, quirks: Quirks) -> list[Message]:
    if quirks.system_role:
        return [dict(message) for message in request.messages]
    system = "\n\n".join(text_of(m) for m in request.messages if m["role"] == "system")
    rest = [dict(m) for m in request.messages if m["role"] != "system"]
    if system and rest:
        rest[0]["content"] = f"{system}\n\n{rest[0]['content']}"
    return rest


def stored_wire(body: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    """What is kept of a body beside the request as meant: the parameters, not the messages again."""
    kept = {name: value for name, value in body.items() if name not in ("messages", "model")}
    if "response_format" in kept:
        kept["response_format"] = {"type": kept["response_format"]["type"]}
    return {**kept, "merged_system": True} if not quirks.system_role else kept

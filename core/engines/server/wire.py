"""A request as it is sent: what was meant, less what this server has been found not to take.

How an answer's form is asked for is a ladder of six steps. A server's enforcement is only ever help for the model: the
prompt says the form in words at every step, and every answer is checked here.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.engines.calls import Message, Part, Request, text_of
from core.engines.connecting.endpoints import is_openai
from core.engines.server.schemas import list_in, name_of, sanitised, text_in

FORMATS = ("json_schema_strict", "json_schema", "json_object_schema", "json_object", "none", "lines")
"""The ladder, strictest first: a schema in strict mode; a schema; "some JSON object" with the schema beside it; "some
JSON object"; the words of the prompt alone; no JSON at all but one entry a line, for very small models."""

FORMAT_NAMES = {
    "json_schema_strict": "a strict JSON schema",
    "json_schema": "a JSON schema",
    "json_object_schema": "a JSON object with a schema",
    "json_object": "a JSON object",
    "none": "words of the prompt only",
    "lines": "one entry a line",
}
_UNENFORCED = {  # where answers show that a step is not enforced: the next that works in another way
    "json_schema_strict": "json_object_schema",
    "json_schema": "json_object_schema",
    "json_object_schema": "none",
    "json_object": "none",
    "none": "lines",
}
THINKING = ("default", "template", "effort", "always")
TOKEN_LIMITS = ("max_tokens", "max_completion_tokens", "none")
THINKING_ROOM = 2048  # tokens more for a model that thinks aloud before it answers
MOST_ROOM = 8192
_BOUND_NAMES = re.compile(
    r"(?:max|min)(?:Items|Length|imum)|uniqueItems|unsupported keyword|not (?:a )?permitted", re.I
)


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a server takes, per address and model; learned from its complaints, never part of a request's key.

    Attributes:
        response_format: a step of FORMATS.
        bounds: schemas keep their lengths and counts; OpenAI's strict mode refuses them.
        token_limit: "max_tokens", "max_completion_tokens" or "none"; `turned`: it was changed once already.
        system_role: False where instructions go into the user's message.
        thinking: "default"; or "template", "effort": how the model is told not to think; "always": it cannot be told.
        room: tokens more than the answer needs, for the thinking.
        compact: the model is told to write without white space, having filled answers with it.
    """

    response_format: str = FORMATS[0]
    bounds: bool = True
    token_limit: str = "max_tokens"
    turned: bool = False
    temperature: bool = True
    frequency_penalty: bool = True
    system_role: bool = True
    thinking: str = "default"
    room: int = 0
    compact: bool = False

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Quirks:
        """As it was stored; what is unknown or makes no sense falls back to the default."""
        kinds = {name: type(value) for name, value in asdict(cls()).items()}
        given: dict[str, Any] = {n: v for n, v in stored.items() if n in kinds and type(v) is kinds[n]}
        allowed = {"response_format": FORMATS, "token_limit": TOKEN_LIMITS, "thinking": THINKING}
        return cls(**{n: v for n, v in given.items() if n not in allowed or v in allowed[n]})

    def without(self, change: str, words: str = "") -> Quirks:
        """The next form to try after a complaint about `change`; the same object where there is none left.

        Args:
            words: of the complaint; they may say which forms the server does take.
        """
        if change == "response_format":
            return self._other_format(words)
        if change == "token_limit" and self.token_limit != "none":
            if self.turned:
                return replace(self, token_limit="none")
            other = "max_tokens" if self.token_limit == "max_completion_tokens" else "max_completion_tokens"
            return replace(self, token_limit=other, turned=True)
        if change == "temperature" and self.temperature:
            return replace(self, temperature=False)
        if change == "frequency_penalty" and self.frequency_penalty:
            return replace(self, frequency_penalty=False)
        if change == "system_role" and self.system_role:
            return replace(self, system_role=False)
        if change == "thinking" and self.thinking in ("template", "effort"):
            return replace(self, thinking="effort" if self.thinking == "template" else "always")
        return self

    def unenforced(self) -> Quirks:
        """The next form after answers that show that this one is not held to."""
        return replace(self, response_format=_UNENFORCED.get(self.response_format, self.response_format))

    def joined(self, other: Quirks) -> Quirks:
        """What both have learned: of two forms the one that asks less of the server."""
        mine = (self.turned, TOKEN_LIMITS.index(self.token_limit))
        theirs = (other.turned, TOKEN_LIMITS.index(other.token_limit))
        return Quirks(
            max(self.response_format, other.response_format, key=FORMATS.index),
            self.bounds and other.bounds,
            self.token_limit if mine >= theirs else other.token_limit,
            self.turned or other.turned,
            self.temperature and other.temperature,
            self.frequency_penalty and other.frequency_penalty,
            self.system_role and other.system_role,
            max(self.thinking, other.thinking, key=THINKING.index),
            max(self.room, other.room),
            self.compact or other.compact,
        )

    def _other_format(self, words: str) -> Quirks:
        if self.response_format not in FORMATS[:4]:
            return self
        strict = self.response_format == "json_schema_strict"
        if strict and self.bounds and _BOUND_NAMES.search(words):
            return replace(self, bounds=False)
        place = FORMATS.index(self.response_format) + 1
        schema, plain = "json_schema" in words, "json_object" in words
        if place <= 2 and plain:  # “must be 'text' or 'json_object'”
            place = 2
        elif place > 2 and schema and not plain:  # “must be 'json_schema' or 'text'”, and that was tried
            place = 4
        elif place <= 2 and schema and "strict" not in words:
            place = 2
        elif "response_format" in words and not schema and not plain and "schema" not in words and _NOT.search(words):
            place = 4  # the parameter itself is what it does not know
        return replace(self, response_format=FORMATS[place])

    def sends(self, request: Request) -> frozenset[str]:
        """Which parameters that a server may refuse are in the request as these quirks shape it."""
        sent = set()
        if request.schema is not None and self.response_format not in ("none", "lines"):
            sent.add("response_format")
        if self.token_limit != "none":
            sent.add("token_limit")
        if self.temperature:
            sent.add("temperature")
        if self.frequency_penalty and request.frequency_penalty is not None:
            sent.add("frequency_penalty")
        if self.system_role and any(m["role"] == "system" for m in request.messages):
            sent.add("system_role")
        if self.thinking in ("template", "effort"):
            sent.add("thinking")
        return frozenset(sent)


_NOT = re.compile(r"\b(?:not|un\w+|unexpected|unknown|extra|unrecognized|invalid)\b", re.I)


def first_quirks(base_url: str) -> Quirks:
    """What is assumed before the first answer."""
    if is_openai(base_url):
        return Quirks(token_limit="max_completion_tokens", bounds=False)
    return Quirks()


def token_limit_of(request: Request, quirks: Quirks) -> int:
    """Most tokens that an answer may have as it is asked for: those it is meant to have, and room for thinking."""
    return request.max_tokens + quirks.room


def body_of(request: Request, model: str, quirks: Quirks) -> dict[str, Any]:
    """The body of POST /chat/completions."""
    messages = [{**m, "content": _on_the_wire(m["content"])} for m in conversation(request, quirks)]
    body: dict[str, Any] = {"model": model, "messages": messages}
    form = _response_format(request, quirks)
    if form is not None:
        body["response_format"] = form
    if quirks.token_limit != "none":
        body[quirks.token_limit] = token_limit_of(request, quirks)
    if quirks.temperature:
        body["temperature"] = request.temperature
    if quirks.frequency_penalty and request.frequency_penalty is not None:
        body["frequency_penalty"] = request.frequency_penalty
    if quirks.thinking == "template":
        body["chat_template_kwargs"] = {"enable_thinking": False}
    elif quirks.thinking == "effort":
        body["reasoning_effort"] = "none"
    return body


def _response_format(request: Request, quirks: Quirks) -> dict[str, Any] | None:
    if request.schema is None or quirks.response_format in ("none", "lines"):
        return None
    if quirks.response_format == "json_object":
        return {"type": "json_object"}
    strict = quirks.response_format == "json_schema_strict"
    schema, fits = sanitised(request.schema, bounds=quirks.bounds or not strict)
    if quirks.response_format == "json_object_schema":
        return {"type": "json_object", "schema": schema}
    inner: dict[str, Any] = {"name": name_of(str(request.schema.get("title") or "answer")), "schema": schema}
    if strict and fits:
        inner["strict"] = True
    return {"type": "json_schema", "json_schema": inner}


# messages


def conversation(request: Request, quirks: Quirks) -> list[Message]:
    """The messages in the order that chat templates want: one system message at most, and it comes first; never two
    messages of one speaker in a row. Pictures are still named by their file."""
    system = "\n\n".join(text_of(m) for m in request.messages if m["role"] == "system")
    rest: list[Message] = []
    for message in request.messages:
        if message["role"] == "system":
            continue
        content = message["content"]
        if rest and rest[-1]["role"] == message["role"]:
            rest[-1] = {**rest[-1], "content": _joined(rest[-1]["content"], content)}
        else:
            rest.append({**message, "content": content})
    extra = _instruction(request, quirks)
    if extra and rest and rest[-1]["role"] == "user":
        rest[-1] = {**rest[-1], "content": _joined(rest[-1]["content"], extra)}
    elif extra:
        rest.append({"role": "user", "content": extra})
    if system and not quirks.system_role and rest:
        if rest[0]["role"] == "user":
            rest[0] = {**rest[0], "content": _joined(system, rest[0]["content"])}
        else:
            rest.insert(0, {"role": "user", "content": system})
    elif system:
        rest.insert(0, {"role": "system", "content": system})
    return rest


def _joined(first: str | list[Part], second: str | list[Part]) -> str | list[Part]:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    parts = [[{"type": "text", "text": c}] if isinstance(c, str) else list(c) for c in (first, second)]
    return parts[0] + parts[1]


def _on_the_wire(content: str | list[Part]) -> str | list[Part]:
    """Pictures as data, the way that chat completions carry them."""
    if isinstance(content, str):
        return content
    sent: list[Part] = []
    for part in content:
        if part.get("type") == "image":
            from core.engines.images import data_uri

            sent.append({"type": "image_url", "image_url": {"url": data_uri(part)}})
        else:
            sent.append({"type": "text", "text": part["text"]})
    return sent


def _instruction(request: Request, quirks: Quirks) -> str:
    """What this form of asking needs said at the end of the prompt; "" mostly."""
    if request.schema is None:
        return ""
    if quirks.response_format == "lines":
        return lines_instruction(request.schema)
    said = []
    if quirks.response_format.startswith("json_object") and not any(
        "json" in text_of(m).casefold() for m in request.messages
    ):
        said.append("Answer with one JSON object.")  # several servers refuse the form without the word
    if quirks.compact:
        said.append("Write the JSON on one line, without any white space outside of strings.")
    return " ".join(said)


def lines_instruction(schema: dict[str, Any]) -> str:
    """How to answer without JSON; "" for answers that lines cannot hold."""
    found = list_in(schema)
    if found is not None and len(found[1]) == 2:
        first, second = found[1]
        return (
            f"Write no JSON now, but plain lines: one {first} a line, then “::”, then its {second}. "
            f"Write nothing else.\nForm of a line:\n{first} :: {second}"
        )
    if found is not None:
        return f"Write no JSON now, but plain lines: one entry of “{found[0]}” a line. Write nothing else."
    if text_in(schema) is not None:
        return f"Write no JSON now, but the {text_in(schema)} itself as plain text. Write nothing else."
    return ""


def stored_wire(body: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    """What is kept of a body beside the request as meant: the parameters, not the messages again."""
    kept = {name: value for name, value in body.items() if name not in ("messages", "model")}
    kept["answer_format"] = quirks.response_format
    if "response_format" in kept:
        kept["response_format"] = {"type": kept["response_format"]["type"]}
    return {**kept, "merged_system": True} if not quirks.system_role else kept

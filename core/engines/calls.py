"""What is asked of a language model, and what comes back: the types that features and engines share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import orjson

Message = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""

KEY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One question, as it is meant: what a server cannot take of it is negotiated away without changing its key.

    Attributes:
        messages: the conversation so far.
        schema: JSON schema of the answer, or None for free text; the prompt says it in words as well.
        temperature: 0 to 2.
        max_tokens: most tokens of the answer.
        sample: the same question asked again has another number, and is another request.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    temperature: float = 0.0
    max_tokens: int = 400
    sample: int = 0

    def as_dict(self) -> dict[str, Any]:
        names = ("messages", "schema", "temperature", "max_tokens", "sample")
        return {name: getattr(self, name) for name in names}

    def key(self, endpoint: str, model: str) -> str:
        """What makes two requests the same: the question, the normalised address, the model, the sample."""
        meant = {"version": KEY_VERSION, "endpoint": endpoint, "model": model, **self.as_dict()}
        return sha256(orjson.dumps(meant, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def again(self, answer: str, problem: str, *, longer: bool = False) -> Request:
        """The same question with an unusable answer and what is wrong with it."""
        said: list[Message] = [{"role": "assistant", "content": answer}] if answer.strip() else []
        complaint = f"That answer cannot be used: {problem} Answer again, with nothing but the corrected JSON."
        messages = (*self.messages, *said, {"role": "user", "content": complaint})
        limit = min(2 * self.max_tokens, 8000) if longer else self.max_tokens
        return Request(messages, self.schema, self.temperature, limit, self.sample)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `estimated` where the server did not say."""

    prompt: int = 0
    completion: int = 0
    estimated: bool = False
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A stored answer. `refusal` holds the server's own words where it said by protocol that it refuses."""

    id: int
    text: str
    finish_reason: str | None
    usage: Usage
    cached: bool
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class EngineFault:
    """Why a call has no answer. `kind`: a short name; message and remedy are sentences for people, without key."""

    kind: str
    message: str
    remedy: str = ""
    retriable: bool = True
    fatal: bool = False


Check = Callable[[Reply], "str | None"]
"""Pure: what is wrong with an answer, as a sentence for the model, or None when it can be used (or is a refusal)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request under the caller's own key; `check` lets the engine ask once more when an answer is unusable."""

    key: Hashable
    request: Request
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: a reply, or the fault. `problem`: what is still wrong with the reply after asking
    twice. `replies`: ids of every stored reply this rests on, the last one last."""

    call: Call
    reply: Reply | None = None
    error: EngineFault | None = None
    problem: str | None = None
    replies: tuple[int, ...] = ()


@dataclass(slots=True)
class Spent:
    """What this engine object has used: `requests` is what went over the wire, tries and re-asks included."""

    requests: int = 0
    answered: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notes: list[str] = field(default_factory=list)


class Engine(Protocol):
    """What answers calls."""

    name: str
    model: str
    endpoint: str
    spent: Spent

    def answers(self, calls: Iterable[Call], *, stop: Callable[[], bool] = ...) -> Generator[Outcome, None, None]:
        """Outcomes as they come, in no order; memory stays flat however many calls there are.

        Raises:
            EngineError: the server cannot answer any of them (no key, no such model, nobody there): what is
                answered by then is stored, and the same calls again cost nothing for it.
        """

    def close(self) -> None:
        """End the engine's thread."""

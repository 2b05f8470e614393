"""What is asked of a language model, and what comes back: the types that features and engines share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol

import orjson

Part = dict[str, Any]
"""A piece of a message: {"type": "text", "text": …}, or {"type": "image", "sha256": of the picture's file, "path":
where it lies, "side": longest side in pixels it is sent with} (`core.engines.images.image_part` makes these)."""
Message = dict[str, Any]
"""{"role": "system" | "user" | "assistant", "content": text or a list of `Part`}"""

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
        retry: 1 and up where the same sample is asked once more because its answer was empty or ran in circles.
        frequency_penalty: against answers that run in circles; None for the server's own.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None = None
    temperature: float = 0.0
    max_tokens: int = 400
    sample: int = 0
    retry: int = 0
    frequency_penalty: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The question as it is meant; pictures by their hash, whatever their place. What is not set is left out, so
        that keys of earlier versions stay what they were."""
        meant: dict[str, Any] = {
            name: getattr(self, name) for name in ("schema", "temperature", "max_tokens", "sample")
        }
        meant["messages"] = [{**m, "content": _without_places(m["content"])} for m in self.messages]
        if self.retry:
            meant["retry"] = self.retry
        if self.frequency_penalty is not None:
            meant["frequency_penalty"] = self.frequency_penalty
        return meant

    @property
    def has_images(self) -> bool:
        return any(
            part.get("type") == "image"
            for m in self.messages
            if isinstance(m["content"], list)
            for part in m["content"]
        )

    def key(self, endpoint: str, model: str) -> str:
        """What makes two requests the same: the question, the normalised address, the model, the sample."""
        meant = {"version": KEY_VERSION, "endpoint": endpoint, "model": model, **self.as_dict()}
        return sha256(orjson.dumps(meant, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def again(self, answer: str, problem: str, *, longer: bool = False) -> Request:
        """The same question with an unusable answer and what is wrong with it."""
        said: list[Message] = [{"role": "assistant", "content": answer}] if answer.strip() else []
        form = "JSON" if self.schema is not None else "text"
        complaint = f"That answer cannot be used: {problem} Answer again, with nothing but the corrected {form}."
        messages = (*self.messages, *said, {"role": "user", "content": complaint})
        limit = min(2 * self.max_tokens, 8000) if longer else self.max_tokens
        return replace(self, messages=messages, max_tokens=limit)


def text_of(message: Message) -> str:
    """The words of a message, without its pictures."""
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(p["text"] for p in content if p.get("type") == "text")


def _without_places(content: str | list[Part]) -> str | list[Part]:
    if isinstance(content, str):
        return content
    return [{name: value for name, value in part.items() if name != "path"} for part in content]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `estimated` where the server did not say."""

    prompt: int = 0
    completion: int = 0
    estimated: bool = False
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A stored answer. `refusal` holds the server's own words where it said by protocol that it refuses; `reasoning`
    is True where the model thought aloud in a field of its own; `model` is what the server says answered; `form` is the
    step of the ladder (`core.engines.server.wire.FORMATS`) that it was asked for in, "" where there is none; `flags`:
    what had to be done to the question before the server took it ("truncated")."""

    id: int
    text: str
    finish_reason: str | None
    usage: Usage
    cached: bool
    refusal: str | None = None
    reasoning: bool = False
    model: str | None = None
    form: str = ""
    flags: tuple[str, ...] = ()


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
    """A request under the caller's own key; `check` lets the engine ask once more when an answer is unusable;
    `flags`: what is odd about the question itself ("fitted": it was cut to fit the context); `patience`: how often an
    answer is asked for again with what is wrong with it."""

    key: Hashable
    request: Request
    check: Check | None = None
    flags: tuple[str, ...] = ()
    patience: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: a reply, or the fault. `problem`: what is still wrong with the reply after asking
    twice. `replies`: ids of every stored reply this rests on, the last one last. `flags`: what was odd on the way
    to a usable answer ("reasked", "longer", "cut", ...)."""

    call: Call
    reply: Reply | None = None
    error: EngineFault | None = None
    problem: str | None = None
    replies: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()


def flags_of(outcomes: Iterable[Outcome], read: Iterable[str] = ()) -> list[str]:
    """What was odd about questions and answers, each once, in the order in which it came up.

    Args:
        read: what was odd in reading the answers.
    """
    return list(dict.fromkeys([*(f for each in outcomes for f in (*each.call.flags, *each.flags)), *read]))


@dataclass(slots=True)
class Spent:
    """What this engine object has used: `requests` is what went over the wire, tries and re-asks included. `cost`: US
    dollars, None where no price is known. `in_flight`, `allowed`: requests under way, and how many may be; `waiting`:
    seconds until the server may be asked again, `why`: because of what."""

    requests: int = 0
    answered: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal | None = None
    estimated: bool = False  # some of the tokens were not counted by the server
    in_flight: int = 0
    allowed: int = 0
    waiting: float = 0.0
    why: str = ""
    faults: dict[str, int] = field(default_factory=dict)  # by kind
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

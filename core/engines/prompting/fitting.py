"""Questions that fit: what a model's context cannot hold is left out before anything is sent, the least useful first.

Order: examples → what candidates mean → the tails of long fields → the last candidates. Where nothing is known of the
context, nothing is cut. The question as fitted is the question: the same item, prompt and context make the same
request.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from core.engines.calls import Message, Request, text_of
from core.engines.capabilities import Capabilities
from core.engines.connecting.connections import settings_for
from core.engines.money.cost import PER_MESSAGE, estimate_tokens
from core.engines.prompting.prompts import Prompt
from core.engines.prompting.quoting import LONGEST_FIELD, item_data, neutral, quoted
from core.store.projects import Host

FITTED = "fitted"  # the flag of an answer whose question was cut
MARGIN = 0.1  # of the context: tokens are estimated, and servers add some of their own
LONGEST_ABOUT = 140
SHORT_FIELD, SHORTEST_FIELD = 240, 60  # characters that a field keeps, at first and when nothing else helps
FEW_CANDIDATES = 8

CUTS = ("examples", "descriptions", "fields", "candidates")
_SAID = {
    "examples": "examples were left out",
    "descriptions": "what candidates mean was left out",
    "fields": "long fields were cut",
    "candidates": "the last candidates were left out",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tag to choose from: its name, and what it means or ""."""

    name: str
    about: str = ""

    def line(self, with_about: bool) -> str:
        """The candidate as the model reads it."""
        line = f'{{"tag":{quoted(self.name)}'
        about = neutral(self.about)[:LONGEST_ABOUT] if with_about else ""
        return f'{line},"about":{quoted(about)}}}' if about else f"{line}}}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about, before it is put into a prompt.

    Attributes:
        item: the item's id, or "".
        fields: (name, text) of the item, in order; none: the prompt asks about no item.
        candidates: tags to choose from, the most likely first; the model reads them by name.
        values: whatever else the prompt names.
    """

    item: str
    fields: tuple[tuple[str, str], ...] = ()
    candidates: tuple[Candidate, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A question as it is sent.

    Attributes:
        kept: how many of the candidates, the first ones, stand in it.
        max_tokens: of the answer.
        cuts: which of CUTS were made.
        fits: False where even the shortest question is too long for the context.
    """

    messages: tuple[Message, ...]
    kept: int
    max_tokens: int
    cuts: tuple[str, ...] = ()
    fits: bool = True

    @property
    def tokens(self) -> int:
        """About how many tokens the messages have."""
        return tokens_of(self.messages)

    @property
    def flags(self) -> tuple[str, ...]:
        return (FITTED,) if self.cuts or not self.fits else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was cut, as sentences without end."""
        said = tuple(_SAID[cut] for cut in self.cuts)
        return said if self.fits else (*said, "it is still too long")


def tokens_of(messages: tuple[Message, ...]) -> int:
    """About how many tokens messages have."""
    return sum(estimate_tokens(text_of(m)) + PER_MESSAGE for m in messages)


@dataclass(frozen=True, slots=True)
class _Size:
    """How much of a question is sent."""

    examples: int
    abouts: int
    longest: int
    candidates: int

    def changed(self, name: str, value: int) -> _Size:
        values = {each: getattr(self, each) for each in ("examples", "abouts", "longest", "candidates")}
        return _Size(**{**values, name: value})


def fit(prompt: Prompt, question: Question, context: int | None = None) -> Fitted:
    """The question in a prompt's words, no longer than the context allows.

    Args:
        context: tokens that the model can take in and give together; None: not known, and nothing is cut.

    Raises:
        InvalidInput: the prompt cannot be filled in.
    """
    n = len(question.candidates)
    fitting = _Fitting(prompt, question)
    examples = len(fitting.prompt.examples)
    whole = _Size(examples, n, LONGEST_FIELD, n)
    messages = fitting.messages(whole)
    if context is None:
        return Fitted(messages, n, prompt.max_tokens)
    usable = int(context * (1 - MARGIN))
    if fitting.tokens(whole) <= usable - prompt.max_tokens:
        return Fitted(messages, n, prompt.max_tokens)
    # an answer longer than half of the context would leave no room to ask
    answer = min(prompt.max_tokens, max(1, context // 2))
    room = usable - answer
    if fitting.tokens(whole) <= room:
        return Fitted(messages, n, answer)
    longest = max((min(len(text), LONGEST_FIELD) for _, text in question.fields), default=0)
    size = _Size(examples, n, max(longest, SHORTEST_FIELD), n)
    for name, least in (
        ("examples", 0),
        ("abouts", 0),
        ("longest", min(size.longest, SHORT_FIELD)),
        ("candidates", min(n, FEW_CANDIDATES)),
        ("longest", SHORTEST_FIELD),
        ("candidates", min(n, 1)),
    ):
        size = fitting.shrunk(size, name, least, room)
        if fitting.tokens(size) <= room:
            break
    silenced = any(candidate.about for candidate in question.candidates[size.abouts :])
    made = (size.examples < examples, silenced, size.longest < longest, size.candidates < n)
    cuts = tuple(cut for cut, is_made in zip(CUTS, made, strict=True) if is_made)
    return Fitted(fitting.messages(size), size.candidates, answer, cuts, fitting.tokens(size) <= room)


class _Fitting:
    """One question in many sizes; what several sizes have in common is made once."""

    def __init__(self, prompt: Prompt, question: Question) -> None:
        self.question = question
        self._items: dict[int, tuple[str, str]] = {}
        self._lines: dict[tuple[int, int], str] = {}
        self._tokens: dict[str, int] = {}
        if prompt.examples:
            n = len(question.candidates)
            whole = self._values(_Size(0, n, LONGEST_FIELD, n))
            prompt = replace(prompt, examples=tuple(prompt.examples_for(question.item, whole)))
        self.prompt = prompt

    def messages(self, size: _Size) -> tuple[Message, ...]:
        return self.prompt.render(asked=self.question.item, examples=size.examples, **self._values(size))

    def tokens(self, size: _Size) -> int:
        """About how many tokens the question has in that size."""
        total = 0
        for message in self.messages(size):
            text = text_of(message)
            if text not in self._tokens:
                self._tokens[text] = estimate_tokens(text)
            total += self._tokens[text] + PER_MESSAGE
        return total

    def shrunk(self, size: _Size, name: str, least: int, room: int) -> _Size:
        """The size with one of its numbers as large as fits, or `least` where nothing larger does."""
        low, high = least, getattr(size, name)
        if high <= low or self.tokens(size) <= room:
            return size
        while low < high - 1:
            middle = (low + high) // 2
            fits = self.tokens(size.changed(name, middle)) <= room
            low, high = (middle, high) if fits else (low, middle)
        return size.changed(name, low)

    def _values(self, size: _Size) -> dict[str, Any]:
        question, values = self.question, dict(self.question.values)
        if question.fields:
            if size.longest not in self._items:
                self._items[size.longest] = item_data(question.fields, size.longest)
            values["item"], values["marker"] = self._items[size.longest]
        if question.candidates:
            key = (size.candidates, min(size.abouts, size.candidates))
            if key not in self._lines:
                self._lines[key] = candidate_lines(question.candidates[: key[0]], key[1])
            values["candidates"] = self._lines[key]
        return values


def candidate_lines(candidates: tuple[Candidate, ...], abouts: int | None = None) -> str:
    """Candidates as the model reads them, by name, so that their order says nothing; the first `abouts` of them with
    what they mean."""
    most = len(candidates) if abouts is None else abouts
    lines = [(candidate.name, candidate.line(place < most)) for place, candidate in enumerate(candidates)]
    return "\n".join(line for _, line in sorted(lines))


class Fitter:
    """Makes the requests of one run, and remembers how many of them had to be cut. Safe to share between threads.

    Args:
        context: gives the tokens that the model can take and give, as far as is known by now.
    """

    def __init__(self, context: Callable[[], int | None] = lambda: None) -> None:
        self._context = context
        self._cut: Counter[str] = Counter()
        self._items: set[int] = set()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, host: Host, endpoint: str, model: str) -> Fitter:
        """For a model at an endpoint: what a person set for it, else what was learned of it."""
        set_ = settings_for(host, endpoint if "://" in endpoint else "", model).context  # "": in this process
        if set_ is not None:
            return cls(lambda: set_)
        learned = Capabilities.of(host, endpoint, model)

        def context() -> int | None:
            _ = learned.quirks  # looks now and then what other processes have learned
            return learned.context

        return cls(context)

    @property
    def context(self) -> int | None:
        return self._context()

    def fit(self, prompt: Prompt, question: Question) -> Fitted:
        """As `core.engines.prompting.fitting.fit`; an item that is asked about again counts once."""
        fitted = fit(prompt, question, self.context)
        if fitted.flags:
            with self._lock:
                before = len(self._items)
                self._items.add(hash(question.item))
                if len(self._items) > before:
                    self._cut.update(fitted.notes)
        return fitted

    def told(self) -> list[str]:
        """Sentences for a job's log: what was cut, for how many items."""
        with self._lock:
            n = len(self._items)
            if not n:
                return []
            items = f"{n:,} item was" if n == 1 else f"{n:,} items were"
            parts = ", ".join(f"{what} ({times:,})" for what, times in self._cut.items())
            return [f"{items} too long for the model’s {self.context or 0:,} tokens of context: {parts}"]


def request_of(prompt: Prompt, fitted: Fitted, temperature: float = 0.0, sample: int = 0) -> Request:
    """The request that a fitted question is."""
    return Request(fitted.messages, prompt.schema, temperature, fitted.max_tokens, sample)

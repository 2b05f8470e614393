"""What is known of one model at one endpoint: what it takes, how it must be asked, how much it can read. Learned by
using it, kept by the host, shown to people.

Two things teach: what a server complains about (`refused`), and what its answers show (`observe`). Either way a
request is asked in another form from then on, under the same key, and a sentence says so: nothing changes silently,
and nothing is tried again in the stricter form within a run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.engines.calls import Reply, Request
from core.engines.connecting.connections import ConnectionSettings, settings_for
from core.engines.connecting.endpoints import host_of
from core.engines.server.wire import FORMAT_NAMES, FORMATS, MOST_ROOM, THINKING_ROOM, Quirks, first_quirks
from core.store.host_schema import capability
from core.store.projects import Host

REREAD_SECONDS = 2.0  # how soon what another process has learned is seen
FIRST_ITEMS = 5  # of which so many unusable ones show that a form is not held to
UNUSABLE = 3
TWICE = 2  # answers lost in thinking or in white space, before the form is changed
BLANK_SHARE = 0.6  # of the characters of a cut answer: it has run away in white space
LEAST_BLANK = 60
LEAST_ESTIMATE = 400  # tokens of a prompt, below which an estimate says nothing about a truncation
TRUNCATED = 0.5  # the server counted less than this share of the estimate
MOST_LEARNED = 40  # sentences kept


class Capabilities:
    """One model at one endpoint. Safe to share between threads; processes see each other's within REREAD_SECONDS.

    Attributes:
        context: tokens that the model can take in and give together, where the server has told; None: not known.
        vision: whether it takes pictures; None: not known.
        resolved_model: what answers under the model's name.
        override: the step of the ladder that the connection is set to; None: found out.
        tell: is given every sentence for the people who watch a run; the engine puts its own in.
    """

    def __init__(self, host: Host, endpoint: str, model: str, settings: ConnectionSettings | None = None) -> None:
        self.host = host
        self.endpoint = endpoint
        self.model = model
        self.context: int | None = None
        self.vision: bool | None = None
        self.resolved_model: str | None = None
        self.tell: Callable[[str], None] = lambda note: None
        settings = settings or settings_for(host, endpoint, model)
        self.override = settings.answer_format if settings.answer_format in FORMATS else None
        self._format = self.override  # instead of the one that was found out
        self._set_context = settings.context
        self._quirks = first_quirks(endpoint)
        self._learned: list[str] = []
        self._updated_at: float | None = None
        self._lock = threading.RLock()
        self._evidence = _Evidence()
        self._read()

    @classmethod
    def of(cls, host: Host, endpoint: str, model: str, settings: ConnectionSettings | None = None) -> Capabilities:
        """What this host knows of the model, as it was last stored; `settings`: where no connection has the address,
        which is so for models in this process."""
        return cls(host, endpoint, model, settings)

    @property
    def quirks(self) -> Quirks:
        """How the model is asked now."""
        if time.monotonic() - self._looked >= REREAD_SECONDS:
            with self._lock:
                self._read()
        return self._now()

    def _now(self) -> Quirks:
        return self._quirks if self._format is None else replace(self._quirks, response_format=self._format)

    # what complaints teach

    def refused(self, tried: Quirks, change: str, words: str = "") -> str | None:
        """The server complained about `change` in a request that was shaped by `tried`: learn it.

        Args:
            words: of the complaint.

        Returns:
            A sentence for the log; None where another request has taught this meanwhile.
        """
        with self._lock:
            if self._now() != tried:
                return None
            changed = tried.without(change, words)
            if changed == tried:
                return None
            where = host_of(self.endpoint)
            if changed.response_format != tried.response_format:
                before, after = FORMAT_NAMES[tried.response_format], FORMAT_NAMES[changed.response_format]
                note = f"{where} does not take {before} for the form of answers: asked with {after} from now on"
            elif changed.bounds != tried.bounds:
                note = f"{where} does not take lengths in schemas: asked without from now on"
            else:
                note = f"{where} does not take {_NAMES.get(change, change)}: asked without from now on"
            self._learn(changed, note)
        return note

    # what answers teach

    def observe(
        self, request: Request, reply: Reply, usable: bool, problem: str | None = None, *, first: bool = True
    ) -> str | None:
        """What an answer shows of how it must be asked for.

        Args:
            usable: whether the answer has the form that was asked for, be its content right or not.
            problem: what is wrong with it.
            first: it is the first answer to a question; what comes after a complaint says nothing about the form.

        Returns:
            A sentence where something is done differently from now on.
        """
        if reply.cached:
            return None
        with self._lock:
            evidence = self._evidence
            quirks = self._now()
            before = reply.form not in ("", quirks.response_format)
            if before or time.monotonic() - reply.usage.milliseconds / 1000 < evidence.since:
                return None  # asked in the form before this one
            if not reply.text.strip() and reply.reasoning:
                return self._lost_in_thought(quirks, reply)
            if ran_into_blanks(reply):
                evidence.blank += 1
                if evidence.blank < TWICE:
                    return None
                changed = replace(self._lower(quirks), compact=True)
                return self._change(changed, "answers run away in white space", quirks)
            if request.schema is None or reply.finish_reason == "length" or reply.refusal or not first:
                return None
            if evidence.items >= FIRST_ITEMS:
                return None
            evidence.items += 1
            evidence.unusable += not usable
            if evidence.unusable < UNUSABLE:
                return None
            return self._change(self._lower(quirks), "its answers do not keep to the form", quirks)

    def _lost_in_thought(self, quirks: Quirks, reply: Reply) -> str | None:
        """Nothing but thinking came. It either ran out of tokens, or the server put the answer into it."""
        self._evidence.thought += 1
        if self._evidence.thought < TWICE:
            return None
        if reply.finish_reason != "length":
            return self._change(self._lower(quirks), "answers are lost in the model's thinking", quirks)
        if quirks.room == 0:
            return self._change(replace(quirks, room=THINKING_ROOM), "the model thinks before it answers", quirks)
        if quirks.thinking == "default":
            return self._change(replace(quirks, thinking="template"), "the model thinks too long", quirks)
        room = min(MOST_ROOM, 2 * quirks.room)
        return self._change(replace(quirks, room=room), "the model thinks too long", quirks)

    def _lower(self, quirks: Quirks) -> Quirks:
        return quirks if self._format is not None else quirks.unenforced()

    def _change(self, changed: Quirks, why: str, quirks: Quirks) -> str | None:
        self._evidence = _Evidence(time.monotonic())
        if changed == quirks:
            return None
        note = f"{host_of(self.endpoint)}: {why}; {'; '.join(_differences(quirks, changed))}"
        self._learn(changed, note)
        return note

    def seen(self, reply: Reply, prompt_estimate: int) -> list[str]:
        """Warnings about the whole run that an answer gives cause for, each once.

        Args:
            prompt_estimate: about how many tokens the prompt has.
        """
        if reply.cached:
            return []
        where, usage, notes = host_of(self.endpoint), reply.usage, []
        with self._lock:
            evidence = self._evidence
            if reply.model and reply.model not in (self.model, self.resolved_model):
                self.resolved_model = reply.model
                notes.append(f"{where} answers as “{reply.model}” when asked for “{self.model}”")
            if not usage.estimated and usage.prompt and "truncated" not in evidence.said:
                total = usage.prompt + usage.completion
                if prompt_estimate >= LEAST_ESTIMATE and usage.prompt < TRUNCATED * prompt_estimate:
                    evidence.said.add("truncated")
                    notes.append(
                        f"{where} read {usage.prompt} tokens of a prompt of about {prompt_estimate}: it cuts prompts "
                        "without saying so; give it a larger context"
                    )
                elif reply.finish_reason == "length" and _is_round(total):
                    evidence.totals[total] = evidence.totals.get(total, 0) + 1
                    if evidence.totals[total] >= TWICE:
                        evidence.said.add("truncated")
                        self.context = self._set_context or total
                        notes.append(f"{where} ends at {total} tokens of prompt and answer: its context is that small")
            if notes:
                self._learned = _with(self._learned, notes)
                self._store()
        return notes

    def note_context(self, tokens: int | None) -> None:
        """The server told how many tokens it can take."""
        if tokens and tokens != self.context:
            with self._lock:
                self.context = self._set_context or tokens
                self._store()

    def note_vision(self, takes: bool) -> None:
        """Whether the model takes pictures turned out."""
        if takes != self.vision:
            with self._lock:
                self.vision = takes
                self._store()

    # what is kept

    def record(self) -> dict[str, Any]:
        """For people: how the model is asked, and what is known of it."""
        with self._lock:
            self._read()
            quirks = self._now()
            return {
                "answer_format": quirks.response_format,
                "answer_format_name": FORMAT_NAMES[quirks.response_format],
                "override": self.override,
                "learned": list(self._learned),
                "context": self.context,
                "vision": self.vision,
                "token_limit": quirks.token_limit,
                "temperature": quirks.temperature,
                "system_role": quirks.system_role,
                "frequency_penalty": quirks.frequency_penalty,
                "thinking": quirks.thinking,
                "thinking_room": quirks.room,
                "resolved_model": self.resolved_model,
                "updated_at": self._updated_at,
            }

    def forget(self) -> None:
        """Begin anew, as with a server nothing is known of; for people who have changed their server."""

        def write(connection: Any) -> None:
            connection.execute(capability.delete().where(self._mine))

        with self._lock:
            self.host.database.write(write)
            self._format = self.override
            self._quirks = first_quirks(self.endpoint)
            self._learned, self._updated_at = [], None
            self.context, self.vision, self.resolved_model = self._set_context, None, None
            self._evidence = _Evidence(time.monotonic())

    @property
    def _mine(self) -> ColumnElement[bool]:
        return and_(capability.c.endpoint == self.endpoint, capability.c.model == self.model)

    def _learn(self, quirks: Quirks, note: str) -> None:
        if self._format is None:
            self._quirks = quirks
        else:  # what is set for the connection is not what was found out: only this run goes another way
            self._format = quirks.response_format
            self._quirks = replace(quirks, response_format=self._quirks.response_format)
        self._learned = _with(self._learned, [note])
        self._evidence = _Evidence(time.monotonic(), said=self._evidence.said)
        self._store()

    def _read(self) -> None:
        """What is stored, where it is not what is known here already."""
        self._looked = time.monotonic()
        self.context = self._set_context or self.context
        query = select(capability.c.record, capability.c.updated_at).where(self._mine)
        with self.host.database.read() as connection:
            stored = connection.execute(query).one_or_none()
        if stored is not None and stored.updated_at != self._updated_at:
            self._take(orjson.loads(stored.record), fresh=self._updated_at is None)
            self._updated_at = stored.updated_at

    def _take(self, record: dict[str, Any], *, fresh: bool = False) -> None:
        """What was stored, by this process or another. Within a run nothing is unlearned."""
        before, stored = self._quirks, Quirks.from_dict(record.get("quirks") or {})
        self._quirks = stored if fresh else before.joined(stored)
        if self._quirks != before:
            self._evidence = _Evidence(time.monotonic(), said=self._evidence.said)
        self._learned = _with([str(note) for note in record.get("learned") or ()], self._learned)
        if self.vision is None:
            self.vision = record.get("vision")
        self.resolved_model = self.resolved_model or record.get("resolved_model")
        self.context = self._set_context or self.context or record.get("context")

    def _store(self) -> None:
        """Keep what is known; what another process has learned meanwhile is joined with it, not lost."""

        def write(connection: Any) -> None:
            lock = connection.execute(select(capability.c.record).where(self._mine).with_for_update()).scalar()
            if lock:
                self._take(orjson.loads(lock))
            record = {
                "quirks": asdict(self._quirks),
                "learned": self._learned,
                "context": self.context,
                "vision": self.vision,
                "resolved_model": self.resolved_model,
            }
            self._updated_at = time.time()
            values = {
                "endpoint": self.endpoint,
                "model": self.model,
                "record": orjson.dumps(record).decode(),
                "updated_at": self._updated_at,
            }
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            statement = insert(capability).values(values)
            changed = {"record": statement.excluded.record, "updated_at": statement.excluded.updated_at}
            connection.execute(statement.on_conflict_do_update(index_elements=["endpoint", "model"], set_=changed))

        self.host.database.write(write)


@dataclass(slots=True)
class _Evidence:
    """What answers have shown since the form of asking was last changed, at `since`."""

    since: float = 0.0
    items: int = 0
    unusable: int = 0
    thought: int = 0
    blank: int = 0
    totals: dict[int, int] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)


_NAMES = {
    "token_limit": "this name of the token limit",
    "temperature": "a temperature",
    "frequency_penalty": "a frequency penalty",
    "system_role": "a system message",
    "thinking": "this way to switch thinking off",
}


def _differences(before: Quirks, after: Quirks) -> list[str]:
    said = []
    if after.response_format != before.response_format:
        said.append(f"asked with {FORMAT_NAMES[after.response_format]} from now on")
    if after.compact and not before.compact:
        said.append("told to leave white space out")
    if after.room != before.room:
        said.append(f"given {after.room} tokens more (a model that does not think would be faster and cheaper)")
    if after.thinking != before.thinking:
        said.append("told not to think from now on")
    return said


def _with(notes: list[str], more: list[str]) -> list[str]:
    return [*(note for note in notes if note not in more), *more][-MOST_LEARNED:]


def ran_into_blanks(reply: Reply) -> bool:
    """True for an answer that was cut while it wrote white space and nothing else."""
    if reply.finish_reason != "length":
        return False
    blank = len(reply.text) - len("".join(reply.text.split()))
    return blank >= LEAST_BLANK and blank > BLANK_SHARE * len(reply.text)


def _is_round(tokens: int) -> bool:
    return tokens >= 1024 and tokens % 512 == 0

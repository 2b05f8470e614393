"""The engine for models in this process: the same calls, outcomes, stored answers and ledger as with a server.

Calls are taken some hundred at a time and asked in batches of like length, so that little is filled up. Everything
runs in the caller's thread, a batch at a time: between two batches outcomes are handed over, others who use the same
model get their turn, and `stop` is heeded; within a batch it is, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import Connection

from core.engines import replies
from core.engines.answers.answering import outcome_of, settled
from core.engines.calls import Call, EngineFault, Outcome, Reply, Request, Spent, Usage
from core.engines.capabilities import Capabilities
from core.engines.connecting.connections import settings_for
from core.engines.local.generation import NoMemory, Wanted, Written, rows_at_once, write
from core.engines.local.local_files import context_of, fetched, find, first_line
from core.engines.local.local_models import LoadedModel, free_memory, use
from core.engines.local.local_prompts import TooLong, prompt_of
from core.engines.money import ledger
from core.engines.money.ledger import Attempt
from core.engines.replies import Landed
from core.engines.server.wire import Quirks, conversation, token_limit_of
from core.errors import EngineError, InvalidInput, TagloomError
from core.store.database import Database
from core.store.projects import Host

WINDOW = 256  # calls that are looked at together to make batches of like length
LOOKED_UP = 64
Said = tuple["Reply | None", "EngineFault | None"]


@dataclass(slots=True)
class _Asked:
    """A request that waits for its answer, and the conversations that wait for it."""

    request: Request
    waiting: list[_Talk] = field(default_factory=list)
    wanted: Wanted | None = None
    quirks: Quirks | None = None
    images: int = 0


@dataclass(slots=True)
class _Talk:
    call: Call
    steps: Coroutine[Any, Any, Outcome]
    flags: list[str] = field(default_factory=list)


class _Question:
    """Awaited inside `outcome_of`: hands a request out, and the answer in."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __await__(self) -> Generator[Request, Said, Said]:
        return (yield self._request)


class TransformersEngine:
    """Asks one model in this process. Make one per run; not for two threads at a time.

    Args:
        model: a folder, or a hub id.
        database: the project whose `reply` table answers are kept in.
        limits: `concurrency` is how many answers are written at once at most.
        job: the job that asks, for the ledger.

    Raises:
        EngineError: there is no such model on this machine, and it may not be fetched.
    """

    name = "transformers"

    def __init__(self, host: Host, model: str, database: Database, limits: Any | None = None, job: str = "") -> None:
        self.found = find(host.settings, model)
        self.model = self.found.name
        self.endpoint = self.found.endpoint
        self.spent = Spent(cost=Decimal(0))
        self.job = job
        self.settings = settings_for(host, "", model)
        self.rows = limits.concurrency if limits is not None else self.settings.concurrency
        self._host = host
        self._database = database
        self._stop: Callable[[], bool] = lambda: False
        self.capabilities = self._capabilities()

    def __enter__(self) -> TransformersEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is under way between two outcomes; the model stays for the next until it has been idle a while."""

    def answers(
        self, calls: Iterable[Call], *, stop: Callable[[], bool] = lambda: False
    ) -> Generator[Outcome, None, None]:
        """See `Engine.answers`. Once `stop()` says so, what is being written ends within a few tokens.

        Raises:
            EngineError: the model cannot be loaded, or takes no pictures and is asked about some.
        """
        self._stop = stop
        self._get_ready()
        source, more, talks = iter(calls), True, 0
        asked: dict[str, _Asked] = {}
        try:
            while True:
                while more and talks < WINDOW and not stop():
                    batch = list(islice(source, LOOKED_UP))
                    more = bool(batch)
                    ready, missing = self._look_up(batch)
                    yield from ready
                    for call in missing:
                        talks += 1
                        steps = outcome_of(call, _once, self.capabilities)
                        yield from self._go_on(_Talk(call, steps), None, asked)
                    talks = sum(len(each.waiting) for each in asked.values())
                if not asked or stop():
                    return
                for talk, said in self._answered(asked):
                    yield from self._go_on(talk, said, asked)
                talks = sum(len(each.waiting) for each in asked.values())
        finally:
            self.spent.in_flight = 0
            for each in asked.values():
                for talk in each.waiting:
                    talk.steps.close()

    # what is asked

    def _get_ready(self) -> None:
        self.found = fetched(self.found)
        if self.endpoint != self.found.endpoint:
            self.endpoint = self.found.endpoint
            self.capabilities = self._capabilities()

    def _capabilities(self) -> Capabilities:
        found = Capabilities.of(self._host, self.endpoint, self.model, self.settings)
        found.tell = self._note
        if self.found.path is not None:  # before the first question is made: it is fitted to this
            found.note_context(context_of(self.found.path))
            found.note_vision(self.found.vision)
        return found

    def _note(self, note: str) -> None:
        if note not in self.spent.notes:
            self.spent.notes.append(note)

    def _look_up(self, batch: list[Call]) -> tuple[list[Outcome], list[Call]]:
        """Calls whose stored answers end the matter, and those that must be asked, or asked again."""
        keys = [call.request.key(self.endpoint, self.model) for call in batch]
        stored = replies.find(self._database, keys) if keys else {}
        ready, missing = [], []
        for call, key in zip(batch, keys, strict=True):
            reply = stored.get(key)
            if reply is None or not settled(call, reply):
                missing.append(call)
            else:
                self.spent.cached += 1
                ready.append(Outcome(call, reply, replies=(reply.id,), flags=tuple(reply.flags)))
        return ready, missing

    def _go_on(self, talk: _Talk, said: Said | None, asked: dict[str, _Asked]) -> Generator[Outcome, None, None]:
        """Give a conversation its answer: it ends, or asks again."""
        if said is not None and said[0] is not None:
            talk.flags += [flag for flag in said[0].flags if flag not in talk.flags]
        try:
            request = talk.steps.send(said)
        except StopIteration as end:
            outcome: Outcome = end.value
            yield replace(outcome, flags=tuple(dict.fromkeys((*outcome.flags, *talk.flags))))
            return
        key = request.key(self.endpoint, self.model)
        asked.setdefault(key, _Asked(request)).waiting.append(talk)

    def _answered(self, asked: dict[str, _Asked]) -> list[tuple[_Talk, Said]]:
        """The answers of one batch, or those that were stored already, with the conversations that wait for them."""
        quirks = self.capabilities.quirks
        new = [key for key, each in asked.items() if each.wanted is None or each.quirks != quirks]
        stored = replies.find(self._database, new) if new else {}
        said: dict[str, Said] = {key: (reply, None) for key, reply in stored.items()}
        self.spent.cached += len(said)
        if not said:
            with use(self.found) as loaded:
                self._say_where(loaded)
                for key in new:
                    fault = self._prepare(loaded, asked[key], key, quirks)
                    if fault is not None:
                        said[key] = (None, fault)
                if not said:
                    said = self._write(loaded, asked)
            for _, fault in said.values():
                if fault is not None:
                    self.spent.faults[fault.kind] = self.spent.faults.get(fault.kind, 0) + 1
        return [(talk, said[key]) for key in said for talk in asked.pop(key).waiting]

    def _say_where(self, loaded: LoadedModel) -> None:
        gigabytes = loaded.memory_bytes / 1e9
        self._note(f"{self.model} runs in this process on {loaded.device} in {loaded.dtype} ({gigabytes:.1f} GB)")

    def _prepare(self, loaded: LoadedModel, asked: _Asked, key: str, quirks: Quirks) -> EngineFault | None:
        """Make the prompt of a request; returns why it cannot be asked."""
        request = asked.request
        if request.has_images and not loaded.vision:
            raise EngineError(
                f"{self.model} takes no pictures.", "Choose a vision-language model for this.", "modality"
            )
        most = token_limit_of(request, quirks)
        context = min((n for n in (loaded.context, self.settings.context) if n), default=None)
        if context is not None:
            most = min(most, max(1, context // 2))
        room = None if context is None else context - most
        try:
            prompt = prompt_of(loaded, conversation(request, replace(quirks, system_role=True)), room)
        except TooLong:
            return EngineFault(
                "context",
                f"The question is longer than the {context} tokens that {self.model} can read.",
                "Choose a model with a larger context, or shorten the prompt.",
                retriable=False,
            )
        except InvalidInput as error:
            return EngineFault("picture", error.message, error.remedy, retriable=False)
        except Exception as error:  # a template's own complaint
            raise EngineError(
                f"The chat template of {self.model} cannot be used: {first_line(error)}.",
                "Choose another model.",
                "model",
            ) from error
        form = quirks.response_format
        held = request.schema is not None and form in ("json_schema_strict", "json_schema", "json_object_schema")
        asked.quirks = quirks
        asked.images = len(prompt.images)
        asked.wanted = Wanted(
            prompt,
            most,
            request.temperature,
            int(key[:15], 16),
            request.frequency_penalty or 0.0,
            request.schema if held and not prompt.thinking and not loaded.channels else None,
            request.schema is not None and form != "lines",
        )
        return None

    # a batch

    def _write(self, loaded: LoadedModel, asked: dict[str, _Asked]) -> dict[str, Said]:
        keys = self._batch(loaded, asked)
        started, at = time.monotonic(), time.time()
        wanted = [each for key in keys if (each := asked[key].wanted) is not None]
        self.spent.in_flight, self.spent.allowed = len(keys), loaded.rows or self.rows
        try:
            written = write(loaded, wanted, self._stop)
        except NoMemory:
            return self._smaller(loaded, keys)
        except TagloomError:
            raise
        except Exception as error:
            return self._alone(loaded, keys, error)
        finally:
            self.spent.in_flight = 0
        milliseconds = round((time.monotonic() - started) * 1000)
        done = [(k, asked[k], text) for k, text in zip(keys, written, strict=True) if text.finish is not None]
        return self._store(done, at, milliseconds)

    def _batch(self, loaded: LoadedModel, asked: dict[str, _Asked]) -> list[str]:
        """Keys of requests of like length, the shortest first; those with as many pictures go together."""
        order = sorted(asked, key=lambda key: (*_shape(asked[key]), key))
        first = _shape(asked[order[0]])[:2]
        alike: list[str] = []
        read = written = 0
        for key in order[: self.rows]:
            wanted = asked[key].wanted
            if wanted is None or _shape(asked[key])[:2] != first:
                break
            read, written = max(read, wanted.prompt.tokens), max(written, wanted.most)
            over = loaded.context is not None and read + written > loaded.context
            if alike and (over or len(alike) >= rows_at_once(loaded, read + written, self.rows)):
                break
            alike.append(key)
        return alike

    def _smaller(self, loaded: LoadedModel, keys: list[str]) -> dict[str, Said]:
        """The memory did not do for so many at once."""
        free_memory()
        if len(keys) > 1:
            loaded.rows = len(keys) // 2
            self._note(f"{self.model}: the memory holds no {len(keys)} answers at once; {loaded.rows} from now on")
            return {}
        fault = EngineFault(
            "memory",
            f"The question does not fit the memory of {loaded.device} beside {self.model}.",
            "Choose a smaller model, or smaller pictures.",
            retriable=False,
        )
        return {keys[0]: (None, fault)}

    def _alone(self, loaded: LoadedModel, keys: list[str], error: Exception) -> dict[str, Said]:
        """The model failed: on one question, which then has no answer; on several, each is asked by itself."""
        if len(keys) > 1:
            loaded.rows = 1
            self._note(f"{self.model} cannot answer several questions at once: {first_line(error)}")
            return {}
        fault = EngineFault("model", f"{self.model} failed: {first_line(error)}.", "Choose another model.")
        return {keys[0]: (None, fault)}

    def _store(self, done: Sequence[tuple[str, _Asked, Written]], at: float, milliseconds: int) -> dict[str, Said]:
        """Keep a batch's answers and its rows of the ledger, in one transaction."""
        if not done:
            return {}
        answers: list[Landed] = []
        attempts: list[Attempt] = []
        for key, asked, text in done:
            assert asked.wanted is not None and asked.quirks is not None
            usage = Usage(text.prompt_tokens, text.completion_tokens, False, milliseconds)
            flags = ("truncated",) if asked.wanted.prompt.cut else ()
            wire = _wire(asked.wanted, asked.quirks)
            answers.append(replies.landed(key, asked.request, wire, self._raw(text), usage, flags=flags))
            attempts.append(
                Attempt(
                    key,
                    self.endpoint,
                    self.model,
                    self.job,
                    at,
                    milliseconds,
                    ledger.ANSWERED,
                    None,
                    "no",
                    text.prompt_tokens,
                    text.completion_tokens,
                    0,
                )
            )
            self.spent.requests += 1
            self.spent.answered += 1
            self.spent.prompt_tokens += text.prompt_tokens
            self.spent.completion_tokens += text.completion_tokens

        def store(connection: Connection) -> dict[str, Reply]:
            stored = replies.store(connection, self.endpoint, self.model, answers)
            ledger.store(connection, attempts)
            return stored

        return {key: (reply, None) for key, reply in self._database.submit(store).result().items()}

    def _raw(self, text: Written) -> str:
        """An answer in the shape that servers give it."""
        usage = {
            "prompt_tokens": text.prompt_tokens,
            "completion_tokens": text.completion_tokens,
            "total_tokens": text.prompt_tokens + text.completion_tokens,
        }
        message = {"role": "assistant", "content": text.text.encode("utf-8", "replace").decode()}
        if text.thoughts:
            message["reasoning_content"] = text.thoughts.encode("utf-8", "replace").decode()
        choice = {"index": 0, "message": message, "finish_reason": text.finish}
        body = {"object": "chat.completion", "model": self.model, "choices": [choice], "usage": usage}
        return orjson.dumps(body).decode()


async def _once(request: Request) -> Said:
    return await _Question(request)


def _shape(asked: _Asked) -> tuple[int, bool, int]:
    """What goes into one batch: as many pictures, a template or none; and by length."""
    assert asked.wanted is not None
    return asked.images, asked.wanted.prompt.bos, _length(asked)


def _length(asked: _Asked) -> int:
    assert asked.wanted is not None
    return asked.wanted.prompt.tokens + asked.wanted.most


def _wire(wanted: Wanted, quirks: Quirks) -> dict[str, Any]:
    """How an answer was asked for, beside the request as it was meant."""
    return {
        "max_tokens": wanted.most,
        "temperature": wanted.temperature,
        "seed": wanted.seed,
        "answer_format": quirks.response_format,
        "constrained": wanted.schema is not None,
    }

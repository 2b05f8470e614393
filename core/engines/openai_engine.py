"""The engine for OpenAI-compatible servers: calls in, outcomes out, each answer stored before anybody reads it.

One thread with an event loop of its own talks with the server; the caller's thread pulls calls from its iterator
and yields outcomes, so that memory stays flat and nothing of the caller's runs in the loop. The same request is
never sent twice: stored answers are used, and equal requests under way wait for one answer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from core.engines import replies
from core.engines.answering import outcome_of
from core.engines.calls import Call, EngineFault, Outcome, Reply, Request, Spent, Usage, text_of
from core.engines.capabilities import Capabilities
from core.engines.cost import estimate_tokens
from core.engines.envelope import read_envelope
from core.engines.faults import Verdict, judge_body, judge_connection, judge_status
from core.engines.http_client import Answered, CannotConnect, Connection, CutOff, TimedOut
from core.engines.pacing import Gate, backoff
from core.engines.wire import Quirks, body_of, stored_wire
from core.errors import EngineError, StoreError
from core.store.database import Database
from core.store.projects import Host

TRIES = {"timeout": 2, "connection": 4}  # per kind of fault; others OTHER_TRIES
OTHER_TRIES = 5
LONGEST_WAIT = 900.0  # of one call, in pauses that the server asked for
FAILED_IN_A_ROW = 12  # calls that failed after all their tries, with no answer in between: the server is down
GRACE_SECONDS = 5.0  # for answers that are paid for when a run is stopped
LOOKED_UP = 64
STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Limits:
    """How an engine treats its server: requests under way, seconds for one request, first pause before a new try."""

    concurrency: int = 16
    seconds: float = 120.0
    first_backoff: float = 0.5


class OpenAIEngine:
    """Asks one model of one server. Make one per run; not for two threads at a time.

    Args:
        host: knows what was learned of the server, and what the connection allows.
        base_url: the normalised address.
        key: what is sent as Authorization, or None for a server that asks for none.
        database: the project whose `reply` table answers are kept in.
        job: the job that asks, for the ledger; "" outside of jobs.
    """

    name = "openai"

    def __init__(
        self,
        host: Host,
        base_url: str,
        model: str,
        key: str | None,
        database: Database,
        limits: Limits | None = None,
        job: str = "",
    ) -> None:
        self.endpoint = base_url
        self.model = model
        self.spent = Spent()
        self.limits = limits or Limits()
        self.job = job
        self._host = host
        self._key = key
        self._database = database
        self.capabilities = Capabilities.of(host, base_url, model)
        self._out: queue.SimpleQueue[tuple[Call, Outcome | BaseException]] = queue.SimpleQueue()
        self._fatal: EngineFault | None = None
        self._under_way: dict[str, asyncio.Future[tuple[Reply | None, EngineFault | None]]] = {}
        self._in_a_row = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # the caller's thread

    def answers(
        self, calls: Iterable[Call], *, stop: Callable[[], bool] = lambda: False
    ) -> Generator[Outcome, None, None]:
        """See `Engine.answers`. Once `stop()` says so nothing new is sent, and what is under way may still land."""
        self._stopping = False
        source, more, waiting = iter(calls), True, 0
        window = 2 * self.limits.concurrency
        tasks: set[Future[None]] = set()
        ready: list[Outcome] = []
        try:
            while True:
                while more and waiting < window and self._fatal is None and not stop():
                    batch = list(islice(source, min(LOOKED_UP, window - waiting)))
                    more = bool(batch)
                    ready, missing = self._look_up(batch)
                    for call in missing:
                        waiting += 1
                        tasks.add(self._start(call))
                    yield from ready
                    self._discard_done(tasks)
                if not waiting:
                    break
                self._stopping = stop()
                try:
                    call, outcome = self._out.get(timeout=0.5)
                except queue.Empty:
                    continue
                waiting -= 1
                if isinstance(outcome, BaseException):
                    raise outcome
                if outcome.error is not None and (outcome.error.fatal or outcome.error.kind == STOPPED):
                    continue
                yield outcome
            if self._fatal is not None:
                raise EngineError(self._fatal.message, self._fatal.remedy)
        finally:
            self._abandon(tasks)

    def close(self) -> None:
        """End the thread; what is under way gets a moment to land."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self._connection.close(), loop).result(timeout=5)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=5)
            self._loop = self._thread = None

    def __enter__(self) -> OpenAIEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look_up(self, batch: list[Call]) -> tuple[list[Outcome], list[Call]]:
        """Calls whose stored answers can be used, and those that must be asked (or asked again)."""
        keys = [call.request.key(self.endpoint, self.model) for call in batch]
        stored = replies.find(self._database, keys) if keys else {}
        ready, missing = [], []
        for call, key in zip(batch, keys, strict=True):
            reply = stored.get(key)
            if reply is None or (call.check is not None and call.check(reply) is not None):
                missing.append(call)
            else:
                self.spent.cached += 1
                ready.append(Outcome(call, reply, replies=(reply.id,)))
        return ready, missing

    def _start(self, call: Call) -> Future[None]:
        if self._loop is None:
            self._gate = Gate(self.limits.concurrency)
            self._connection = Connection(self.endpoint, self._key, self.limits.seconds)
            started = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(started,), name="tagloom-engine", daemon=True)
            self._thread.start()
            started.wait()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._handle(call), self._loop)

    def _run(self, started: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loop = loop
        started.set()
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    @staticmethod
    def _discard_done(tasks: set[Future[None]]) -> None:
        tasks.difference_update([task for task in tasks if task.done()])

    def _abandon(self, tasks: set[Future[None]]) -> None:
        """The caller goes away: paid answers get a moment to land and be stored, the rest is cancelled."""
        until = time.monotonic() + GRACE_SECONDS
        self._stopping = True
        for task in tasks:
            try:
                task.result(timeout=max(0.0, until - time.monotonic()))
            except BaseException:
                task.cancel()
        self._stopping = False
        while not self._out.empty():
            self._out.get()

    # the loop's thread

    _stopping = False
    _gate: Gate
    _connection: Connection

    async def _handle(self, call: Call) -> None:
        try:
            outcome: Outcome | BaseException = await outcome_of(call, self._once, self.capabilities)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a full disk, a mistake of ours: the caller must hear of it
            outcome = error
        self._out.put((call, outcome))

    async def _once(self, request: Request) -> tuple[Reply | None, EngineFault | None]:
        """The answer to a request: stored, under way already, or asked for now."""
        key = request.key(self.endpoint, self.model)
        running = self._under_way.get(key)
        if running is not None:
            return await asyncio.shield(running)
        future: asyncio.Future[tuple[Reply | None, EngineFault | None]] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            stored = await asyncio.to_thread(replies.find, self._database, [key])
            if key in stored:
                self.spent.cached += 1
                result: tuple[Reply | None, EngineFault | None] = (stored[key], None)
            else:
                result = await self._ask(request, key)
            future.set_result(result)
            return result
        except BaseException as error:
            if not future.done():
                future.set_exception(error if isinstance(error, Exception) else StoreError("The run was stopped."))
                future.exception()  # nobody else may be waiting; that is no mistake
            raise
        finally:
            del self._under_way[key]

    async def _ask(self, request: Request, key: str) -> tuple[Reply | None, EngineFault | None]:
        tries, waited, negotiated = 0, 0.0, 0
        while True:
            if self._fatal is not None:
                return None, self._fatal
            if self._stopping:
                return None, EngineFault(STOPPED, "The run was stopped before this was asked.")
            await self._gate.enter()
            well = False
            try:
                if self._fatal is not None or self._stopping:
                    continue
                quirks = self.capabilities.quirks  # what was learned while this one waited counts
                body = body_of(request, self.model, quirks)
                started = time.monotonic()
                self.spent.requests += 1
                answer = await self._send(body, quirks.sends(request))
                if isinstance(answer, str):
                    well = True
                    wire = stored_wire(body, quirks)
                    reply = await self._store(request, key, wire, answer, time.monotonic() - started)
                    self._in_a_row = 0
                    return reply, None
            finally:
                await self._gate.leave(well)
            verdict = answer
            if verdict.action not in ("negotiate", "fatal"):
                await self._gate.open()
            if verdict.action == "negotiate" and verdict.change is not None:
                negotiated += 1
                self._negotiate(quirks, verdict.change)
                if negotiated < 9:
                    continue
            if verdict.action == "fatal":
                self._fatal = self._fatal or verdict.fault
                return None, verdict.fault
            if verdict.action == "pause":
                pause = verdict.pause if verdict.pause is not None else backoff(1 + int(waited > 0), 1.0)
                self._gate.pause(pause)
                waited += max(pause, 0.2)
                if waited <= LONGEST_WAIT:
                    continue
            elif verdict.action == "retry":
                tries += 1
                first = self._in_a_row == 0 and self.spent.answered == 0 and verdict.fault.kind == "unreachable"
                most = 2 if first else TRIES.get(verdict.fault.kind, OTHER_TRIES)
                if tries < most:
                    if verdict.pause:
                        self._gate.pause(verdict.pause, shrink=False)
                    await asyncio.sleep(backoff(tries, self.limits.first_backoff))
                    continue
            return None, self._failed(verdict)

    def _failed(self, verdict: Verdict) -> EngineFault:
        """A call has no answer after all its tries. A server that answers nobody ends the run: going on would mark
        every item of a corpus as failed."""
        fault = verdict.fault
        if fault.kind == "refused":
            return fault
        self._in_a_row += 1
        down = fault.kind in ("unreachable", "address") or self._in_a_row >= FAILED_IN_A_ROW
        if not down:
            return fault
        message = fault.message
        if fault.kind not in ("unreachable", "address"):
            message = f"{self._in_a_row} questions in a row had no answer. {message}"
        self._fatal = self._fatal or replace(fault, message=message, fatal=True)
        return self._fatal

    def _negotiate(self, tried: Quirks, change: str) -> None:
        note = self.capabilities.refused(tried, change)
        if note:
            self.spent.notes.append(note)

    async def _send(self, body: dict[str, Any], sent: frozenset[str]) -> str | Verdict:
        """One request over the wire: the raw body of an answer, or what is wrong."""
        try:
            answered: Answered = await self._connection.post(body)
        except TimedOut:
            return judge_connection(self.endpoint, "timeout", "")
        except CannotConnect as error:
            return judge_connection(self.endpoint, "connect", str(error))
        except CutOff:
            return judge_connection(self.endpoint, "broken", "")
        if answered.status != 200:
            return judge_status(answered.status, answered.headers, answered.text, self.endpoint, self.model, sent)
        envelope = read_envelope(answered.text)
        return answered.text if envelope.usable else judge_body(answered.text, self.endpoint)

    async def _store(self, request: Request, key: str, wire: dict[str, Any], raw: str, seconds: float) -> Reply:
        envelope = read_envelope(raw)
        told = envelope.prompt_tokens is not None and envelope.completion_tokens is not None
        prompt, completion = envelope.prompt_tokens or 0, envelope.completion_tokens or 0
        if not told:
            prompt = estimate_tokens("".join(text_of(m) for m in request.messages))
            completion = estimate_tokens(envelope.text)
        usage = Usage(prompt, completion, not told, round(seconds * 1000))
        self.spent.answered += 1
        self.spent.prompt_tokens += prompt
        self.spent.completion_tokens += completion
        stored = replies.submit(self._database, key, self.endpoint, self.model, request, wire, raw, usage)
        return await asyncio.shield(asyncio.wrap_future(stored))

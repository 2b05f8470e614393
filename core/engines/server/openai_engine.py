"""The engine for OpenAI-compatible servers: calls in, outcomes out, each answer stored before anybody reads it.

One thread with an event loop of its own talks with the server; the caller's thread pulls calls from its iterator
and yields outcomes, so that memory stays flat and nothing of the caller's runs in the loop. The same request is
never sent twice: stored answers are used, and equal requests under way, in whatever process, wait for one answer.
What goes between the threads goes in batches: waking the other one costs more than what is handed over.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from core.engines import replies
from core.engines.answers.answering import outcome_of, settled
from core.engines.calls import Call, EngineFault, Outcome, Reply, Request, Spent
from core.engines.capabilities import Capabilities
from core.engines.connecting.connections import settings_for
from core.engines.connecting.endpoints import host_of, is_local
from core.engines.money import ledger
from core.engines.money.cost import Pricing
from core.engines.server.asking import Asked, Asker
from core.engines.server.elsewhere import Elsewhere
from core.engines.server.http_client import Connection
from core.engines.server.landing import Landing
from core.engines.server.limiter import Limiter
from core.engines.server.limits import Limits
from core.engines.server.limits_file import FILE
from core.engines.server.shared_limits import SharedLimits
from core.engines.server.troubles import FAILED_IN_A_ROW, STOPPED
from core.errors import EngineError, StoreError
from core.store.database import Database
from core.store.projects import Host

__all__ = ["FAILED_IN_A_ROW", "Limits", "OpenAIEngine"]

LOOKED_UP = 64
START_NEAR, START_FAR = 4.0, 8.0  # requests at a time to begin with, on one's own network and elsewhere
HANDED_OVER = 0.005  # seconds for which outcomes are collected before the caller's thread is woken
MOST_COLLECTED = 64
T = TypeVar("T")


@dataclass(slots=True)
class _ToAsk:
    """A call, its request's key, the answer that is stored (but cannot be used), and whether another process is asking
    the same."""

    call: Call
    key: str
    stored: Reply | None = None
    elsewhere: bool = False


class OpenAIEngine:
    """Asks one model of one server. Make one per run; not for two threads at a time.

    Args:
        host: knows what was learned of the server, and what the connection allows.
        base_url: the normalised address.
        key: what is sent as Authorization, or None for a server that asks for none.
        database: the project whose `reply` table answers are kept in.
        limits: instead of those that were set for the connection.
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
        self.job = job
        settings = settings_for(host, base_url, model)
        self.limits = limits or Limits().given(settings)
        self.pricing = Pricing(base_url, model, settings.price_input, settings.price_output)
        self.spent = Spent(cost=Decimal(0) if self.pricing.known else None)
        self.capabilities = Capabilities.of(host, base_url, model)
        self.capabilities.tell = self.spent.notes.append
        self._host = host
        self._key = key
        self._database = database
        self._out: queue.SimpleQueue[list[tuple[Call, Outcome | BaseException]]] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # the caller's thread

    def answers(
        self, calls: Iterable[Call], *, stop: Callable[[], bool] = lambda: False
    ) -> Generator[Outcome, None, None]:
        """See `Engine.answers`. Once `stop()` says so nothing new is sent, and what is under way may still land."""
        self._check_budget()
        source, more, waiting, stopped = iter(calls), True, 0, False
        window = 2 * self.limits.concurrency
        batch_size = max(1, min(LOOKED_UP, window // 4))
        try:
            while True:
                while more and not stopped and window - waiting >= batch_size and not self._ended():
                    if stop():
                        break
                    batch = list(islice(source, min(LOOKED_UP, window - waiting)))
                    more = len(batch) > 0
                    ready, missing = self._look_up(batch)
                    if missing or not more:
                        waiting += len(missing)
                        self._hand_over(missing, more)
                    yield from ready
                if not stopped and stop():
                    stopped = True
                    self._stop()
                if not waiting:
                    break
                try:
                    landed = self._out.get(timeout=0.5)
                except queue.Empty:
                    continue
                waiting -= len(landed)
                for _, outcome in landed:
                    if isinstance(outcome, BaseException):
                        raise outcome
                for _, outcome in landed:
                    assert isinstance(outcome, Outcome)
                    if outcome.error is None or not (outcome.error.fatal or outcome.error.kind == STOPPED):
                        yield outcome
            fatal = self._ended()
            if fatal is not None:
                raise EngineError(fatal.message, fatal.remedy, fatal.kind)
        finally:
            self._wind_up(waiting)

    def close(self) -> None:
        """End the thread; what is under way gets a moment to land."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None:
            with suppress(TimeoutError):
                self._in_loop(self._leave(), self.limits.store_seconds + 10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=5)
            self._claims.close(leave=False)
            self._loop = self._thread = None

    def __enter__(self) -> OpenAIEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_budget(self) -> None:
        caps = [cap for cap in (self.limits.budget, self.limits.total_budget) if cap is not None]
        if caps and not self.pricing.known:
            message = f"The budget of ${min(caps)} cannot be kept: no price is known for {self.model}"
            remedy = "Set the price of the connection in Settings, or take the budget away."
            raise EngineError(f"{message} at {host_of(self.endpoint)}.", remedy, "budget")

    def _look_up(self, batch: list[Call]) -> tuple[list[Outcome], list[_ToAsk]]:
        """Calls whose stored answers can be used, and those that must be asked (or asked again)."""
        if not batch:
            return [], []
        ready, missing = self._sorted_out([_ToAsk(call, call.request.key(self.endpoint, self.model)) for call in batch])
        unasked = [each for each in missing if each.stored is None]
        if missing:
            self._begin()
        if unasked:
            # said first, looked up again then: what another process has stored in between is seen
            elsewhere = self._claims.claim(each.key for each in unasked)
            late, missing_still = self._sorted_out(unasked)
            ready += late
            self._claims.release(each.call.request.key(self.endpoint, self.model) for each in late)
            missing = [each for each in missing if each.stored is not None] + missing_still
            for each in missing_still:
                each.elsewhere = each.stored is None and each.key in elsewhere
        return ready, missing

    def _sorted_out(self, batch: list[_ToAsk]) -> tuple[list[Outcome], list[_ToAsk]]:
        stored = replies.find(self._database, [each.key for each in batch])
        ready, missing = [], []
        for each in batch:
            call, reply = each.call, stored.get(each.key)
            if reply is None or not settled(call, reply):
                missing.append(_ToAsk(call, each.key, reply))
            else:
                self.spent.cached += 1
                ready.append(Outcome(call, reply, replies=(reply.id,), flags=reply.flags))
        return ready, missing

    def _begin(self) -> None:
        """Start the thread, and join those who ask this server."""
        if self._loop is not None:
            return
        loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="tagloom-engine", daemon=True)
        self._thread.start()
        try:
            self._in_loop(self._join(self._spent_before()))
            path = self._host.settings.home / FILE
            self._claims = SharedLimits(path, self.endpoint, self.model, self._place, user=self._shared.user)
        except BaseException:
            loop.call_soon_threadsafe(loop.stop)
            self._loop = self._thread = None
            raise

    @property
    def _place(self) -> str:
        return str(self._database.path or self._database.schema)

    def _spent_before(self) -> tuple[int, int]:
        """(micros that this job has spent before, micros that all projects have spent on this model), where there is a
        budget that they count towards."""
        run = total = 0
        if self.limits.budget is not None and self.job:
            with self._database.read() as connection:
                found = ledger.spent_by(connection, self.job)
            run = int(found["cost_micros"] or 0) + int(found["unknown_micros"])
        if self.limits.total_budget is not None:
            for project in self._host.projects():
                with self._host.open(project.slug).read() as connection:
                    total += ledger.spent_at(connection, self.endpoint, self.model)
        return run, total

    def _hand_over(self, missing: list[_ToAsk], more: bool) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._take, missing, more)

    def _ended(self) -> EngineFault | None:
        return self._asker.troubles.fatal if self._loop is not None else None

    def _stop(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_asking)

    def _wind_up(self, waiting: int) -> None:
        """The caller goes away: paid answers get a moment to land and be stored, the rest is cancelled."""
        if self._loop is None:
            return
        if waiting:
            self._stop()
        with suppress(TimeoutError):
            self._in_loop(self._all_landed(), self.limits.grace + self.limits.store_seconds + 5)
        while not self._out.empty():
            self._out.get()

    def _in_loop(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    # the loop's thread

    _connection: Connection
    _shared: SharedLimits
    _claims: SharedLimits  # the caller's own
    _limiter: Limiter
    _landing: Landing
    _asker: Asker

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _join(self, spent: tuple[int, int]) -> None:
        limits, path = self.limits, self._host.settings.home / FILE
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: dict[str, asyncio.Future[Asked]] = {}
        self._landed: list[tuple[Call, Outcome | BaseException]] = []
        self._done_with: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        start = min(START_NEAR if is_local(self.endpoint) else START_FAR, float(limits.concurrency))
        self._shared = SharedLimits(path, self.endpoint, self.model, self._place, start)
        if spent[1]:
            self._shared.set_spent(spent[1])
        self._connection = Connection(
            self.endpoint, self._key, limits.seconds, limits.connect_seconds, limits.concurrency
        )
        self._limiter = Limiter(
            self._shared, limits, self.spent, spent[0], lambda: self._connection.hurry(limits.woken_seconds)
        )
        self._landing = Landing(self._database, self.endpoint, self.model, limits.store_seconds, self._limiter.hold)
        self._asker = Asker(
            self.endpoint,
            self.model,
            self.job,
            self._connection,
            self._limiter,
            self._landing,
            self.capabilities,
            self.pricing,
            limits,
            self.spent,
        )
        asker = self._asker
        self._elsewhere = Elsewhere(
            self._database, self._shared, lambda: asker.stopping or asker.troubles.fatal is not None
        )

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._elsewhere.close()
        await self._landing.settled()
        self._limiter.close()
        await self._connection.close()
        self._shared.close()

    def _take(self, missing: list[_ToAsk], more: bool) -> None:
        loop = asyncio.get_running_loop()
        self._limiter.draining = not more
        if not self._tasks:
            self._asker.stopping = self._limiter.stopping = False
        for each in missing:
            task = loop.create_task(self._handle(each))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, to_ask: _ToAsk) -> None:
        call, keys = to_ask.call, [to_ask.key]

        async def once(request: Request) -> Asked:
            if request is call.request:
                if to_ask.stored is not None:
                    self.spent.cached += 1
                    return to_ask.stored, None
                return await self._once(request, to_ask.key, to_ask.elsewhere, known=True)
            other = request.key(self.endpoint, self.model)
            keys.append(other)
            return await self._once(request, other, False)

        outcome: Outcome | BaseException
        try:
            outcome = await outcome_of(call, once, self.capabilities)
            if outcome.reply is not None and outcome.reply.flags:
                outcome = replace(outcome, flags=tuple(dict.fromkeys((*outcome.flags, *outcome.reply.flags))))
        except asyncio.CancelledError:
            outcome = Outcome(call, error=EngineFault(STOPPED, "The run was stopped before this was answered."))
        except BaseException as error:  # a full disk, a mistake of ours: the caller must hear of it
            outcome = error
        self._done_with += keys
        self._landed.append((call, outcome))
        if len(self._landed) >= MOST_COLLECTED:
            self._deliver()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HANDED_OVER, self._deliver)

    def _deliver(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        landed, self._landed = self._landed, []
        done, self._done_with = self._done_with, []
        with suppress(StoreError):  # what stays claimed is free when this process ends
            self._shared.release(done)
        if landed:
            self._out.put(landed)

    async def _once(self, request: Request, key: str, elsewhere: bool, known: bool = False) -> Asked:
        """The answer to a request: under way already, stored, or asked for now.

        Args:
            elsewhere: another process is asking it.
            known: that it is claimed for this engine, and not stored, was found out already.
        """
        running = self._under_way.get(key)
        if running is not None:
            return await asyncio.shield(running)
        future: asyncio.Future[Asked] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            result = await self._found_or_asked(request, key, elsewhere, known)
            future.set_result(result)
            return result
        except BaseException as error:
            if not future.done():
                future.set_exception(error if isinstance(error, Exception) else StoreError("The run was stopped."))
                future.exception()  # nobody else may be waiting; that is no mistake
            raise
        finally:
            del self._under_way[key]

    async def _found_or_asked(self, request: Request, key: str, elsewhere: bool, known: bool) -> Asked:
        if not known:
            elsewhere = bool(self._shared.claim([key]))
            stored = (await asyncio.to_thread(replies.find, self._database, [key])).get(key)
            if stored is not None:
                self.spent.cached += 1
                return stored, None
        if elsewhere:
            found = await self._elsewhere.reply(key)
            if found is not None:
                self.spent.cached += 1
                return found, None
        return await self._asker.ask(request, key)

    def _stop_asking(self) -> None:
        """Send nothing new; what is paid for gets a moment to land."""
        self._asker.stopping = True
        self._limiter.release()
        loop = asyncio.get_running_loop()
        loop.call_later(self.limits.grace, lambda tasks: [task.cancel() for task in tasks], list(self._tasks))

    async def _all_landed(self) -> None:
        until = time.monotonic() + self.limits.grace
        while self._tasks and (self._asker.stopping or time.monotonic() < until):
            await asyncio.wait(list(self._tasks), timeout=0.1)
        await self._landing.settled()
        self._deliver()

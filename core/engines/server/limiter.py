"""When a request may start: as many at a time as the server bears, when nobody was asked to wait, within the rates
and the money that were set. What is learned is shared with all processes of the host
(`core.engines.server.shared_limits`). Used inside one event loop only.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from core.engines.calls import EngineFault, Spent
from core.engines.connecting.endpoints import host_of
from core.engines.server import shared_limits
from core.engines.server.faults import headers_say
from core.engines.server.limits import Limits
from core.engines.server.shared_limits import SharedLimits
from core.errors import StoreError

TICK = 0.25
LOOK = 0.01  # how soon what others have written is seen
UNSTORED = 16  # answers that are paid for and not stored yet count as under way up to here, beyond it by half
SOON = 0.05  # how soon a place that another process has is looked for again
MILLION = Decimal(1_000_000)


@dataclass(slots=True)
class Weight:
    """What a request takes out of the allowances: tokens it may use, micros it may cost; what is reserved of them."""

    tokens: int = 0
    micros: int = 0
    reserved: int = 0


class Ended(Exception):
    """No request can start any more; `fault` says why."""

    def __init__(self, fault: EngineFault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Limiter:
    """Lets requests of one engine start.

    The first one goes alone: what a server does not take, or a key that it refuses, is found out once and not by
    everybody. Then the number of places doubles with every round that goes well, until the server complains for the
    first time; from then on it grows by one a round, and falls to 60 % with a complaint (as TCP does).

    Args:
        spent: kept up to date with what is under way, allowed and waited for.
        run_spent: micros that earlier attempts of this run have spent.
        on_wake: called when this machine has slept.
    """

    def __init__(
        self,
        shared: SharedLimits,
        limits: Limits,
        spent: Spent,
        run_spent: int = 0,
        on_wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.shared = shared
        self.limits = limits
        self.spent = spent
        self.active = 0
        self.unstored = 0
        self.draining = False  # no more calls will come than those that wait: places beyond them are not needed
        self.held_up = ""  # why nothing may start at all
        self.stopping = False  # those who wait need not any more
        self.woken = 0  # how often this machine was found to have slept
        self._opened = False
        self._ended: EngineFault | None = None
        self._outage: EngineFault | None = None
        self._holding = 0
        self._grown = 0.0
        self._paid = 0
        self._settle = 0
        self._on_wake = on_wake
        self._run_spent = run_spent
        self._run_reserved = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._shared_at = 0.0
        self._looked_at = 0.0
        self._clock = shared_limits.wall() - shared_limits.steady()
        self._ticking: asyncio.Task[None] | None = None

    # starting and ending

    async def enter(self, weight: Weight) -> None:
        """Wait until a request may start.

        Raises:
            Ended: none may: the budget is spent, or the server has been away for too long.
        """
        if self._ticking is None or self._ticking.done():
            self._ticking = self._loop.create_task(self._tick())
        if self._queue or not self._room():
            place: asyncio.Future[None] = self._loop.create_future()
            self._queue.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled() and place.exception() is None:
                    self.active -= 1  # it had just been given
                    self._wake()
                raise
        else:
            self.active += 1
        self._check_ended(leave=True)
        if self.limits.strict:
            try:
                await self._take(weight)
            except BaseException:
                self.active -= 1
                self._wake()
                raise
        self.spent.in_flight = self.active

    def leave(self, weight: Weight, well: bool, *, micros: int = 0, tokens: int = 0) -> None:
        """A request has ended.

        Args:
            well: with an answer; `stored` must follow.
            micros, tokens: what it has cost and used.
        """
        self.active -= 1
        self.spent.in_flight = self.active
        if well:
            self.unstored += 1
            self._grow()
        self._paid += micros
        self._run_spent += micros
        if self.limits.strict:
            self._run_reserved -= weight.reserved
            self._settle += weight.reserved
            weight.reserved = 0
            with suppress(StoreError):  # as above
                self.shared.settle(self._settle, self._paid, weight.tokens - tokens if self.limits.tpm else 0)
                self._settle = self._paid = 0
        self._wake()

    def stored(self) -> None:
        """An answer whose request has left is durable, or lost."""
        self.unstored -= 1
        self._wake()

    def open(self) -> None:
        """The server is there and lets us in: the others may go, too."""
        if not self._opened:
            self._opened = True
            self._share()
            self._wake()

    def close(self) -> None:
        """Give everything back."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._queue.clear()
        self._share(wanted=0)

    # what the server says

    def answered(self, headers: Mapping[str, str], tokens: int) -> None:
        """An answer came; its headers may say how much is left of the minute."""
        server = self.shared.server
        if server.failures or server.open_since or (server.pauses and time.monotonic() >= server.paused_until):
            with suppress(StoreError):
                self.shared.recovered()
        self.open()
        under_way = self.active + sum(min(holding, wanted) for _, holding, wanted in self.shared.others)
        wait = headers_say(headers, under_way, tokens)
        if wait is not None and time.monotonic() + min(wait, self.limits.longest_pause) > server.paused_until + 0.05:
            why = f"{host_of(self.shared.endpoint)} says that its limit is nearly used up"
            self.pause(min(wait, self.limits.longest_pause), why, 1.0, shrink=False)

    def pause(self, seconds: float | None, why: str, first: float, *, shrink: bool = True) -> float:
        """Nobody starts for so long, here and elsewhere; returns the seconds."""
        self._grown = 0.0
        wait = seconds if seconds is not None else first
        with suppress(StoreError):
            wait = self.shared.pause(seconds, why, first, shrink=shrink)
        if shrink:
            self._share()
        self._arm(wait)
        return wait

    def shrink(self) -> None:
        """The server was too slow: fewer at a time."""
        self._grown = 0.0
        with suppress(StoreError):
            self.shared.shrink()
        self._share()

    def failed(self, fault: EngineFault, *, at_once: bool = False) -> bool:
        """The server failed; True when it is left alone for now."""
        self._outage = fault
        try:
            return self.shared.failed(fault.message, self.limits.probe_seconds, at_once=at_once)
        except StoreError:
            return False

    def hold(self, why: str) -> None:
        """Start nothing, because of something here; "" lets go on."""
        self.held_up = why
        if not why:
            self._wake()

    def end(self, fault: EngineFault) -> None:
        """Nobody may start any more; those who wait are told."""
        self._ended = self._ended or fault
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_exception(Ended(self._ended))

    def release(self) -> None:
        """Let everybody go who waits, to see for themselves that the run was stopped."""
        self.stopping = True
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                self.active += 1
                place.set_result(None)

    # inside

    def _check_ended(self, leave: bool = False) -> None:
        if self._ended is not None:
            self.active -= int(leave)
            raise Ended(self._ended)

    def _room(self) -> bool:
        """May one more start now? If not, sees to it that the question is asked again in time."""
        if self.held_up:
            self._arm(SOON)
            return False
        if not self._opened:
            if self.active:
                return False
            self._share()
        now, changed = time.monotonic(), False
        if now - self._looked_at > LOOK:
            self._looked_at = now
            changed = self.shared.changed()
            if changed:
                self.shared.look()
        server = self.shared.server
        if now < server.paused_until:
            self._arm(server.paused_until - now + random.uniform(0, 0.02))
            return False
        if server.open_since:
            if now - server.open_since > self.limits.give_up_seconds:
                self.end(self._away(server.why))
                return False
            if now < server.probe_at or not self._probe():
                self._arm(max(0.01, self.shared.server.probe_at - now))
                return False
            return True
        if self._free and not changed:
            return True
        if changed or self._grown >= 1.0 or now - self._shared_at > SOON:
            self._share()
        if self._free:
            return True
        self._arm(SOON)
        return False

    @property
    def _free(self) -> bool:
        """Nothing that is paid for may get lost in numbers: at most so many answers are not durable at any time."""
        most = self._holding + max(0, self._holding - UNSTORED) // 2
        return self.active < self._holding and self.active + self.unstored < most

    def _probe(self) -> bool:
        with suppress(StoreError):
            return self.shared.take_probe(self.limits.probe_seconds)
        return False

    def _share(self, wanted: int | None = None) -> None:
        if wanted is None:
            needed = self.active + len(self._queue) + 1
            wanted = min(needed, self.limits.concurrency) if self.draining else self.limits.concurrency
            wanted = wanted if self._opened else 1
        self._shared_at = time.monotonic()
        with suppress(StoreError):  # a full disk: what is held is kept, and what was paid is told later
            self._holding = self.shared.share(self.active, wanted, self.limits.concurrency, self._grown, self._paid)
            self._grown, self._paid = 0.0, 0
        self.shared.changed()
        self.spent.allowed = self._holding

    def _grow(self) -> None:
        server = self.shared.server
        allowed = server.allowed + self._grown
        if allowed < self.limits.concurrency and self.active + 1 >= min(self._holding, int(allowed)) // 2:
            self._grown += 1.0 if server.doubling else 1.0 / max(1.0, allowed)

    def _wake(self) -> None:
        while self._queue:
            if self._queue[0].done():
                self._queue.popleft()
            elif self._room():
                self.active += 1
                self._queue.popleft().set_result(None)
            else:
                return

    def _arm(self, seconds: float) -> None:
        """Look again in so long at the latest."""
        at = self._loop.time() + seconds
        if self._timer is not None and self._timer_at <= at and self._timer_at > self._loop.time():
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(seconds, self._timed)

    def _timed(self) -> None:
        self._timer = None
        self._wake()

    async def _take(self, weight: Weight) -> None:
        limits = self.limits
        total = None if limits.total_budget is None else int(limits.total_budget * MILLION)
        troubled = 0.0
        while not self.stopping:
            self._check_ended()
            wait, within = 0.0, True
            if limits.budget is not None:
                cap = int(limits.budget * MILLION)
                if self._run_spent + self._run_reserved + weight.micros > cap:
                    wait, within = (SOON, True) if self._run_reserved else (0.0, False)
            if within and not wait:
                priced = weight.micros if total is not None else 0
                rates = {"rpm": limits.rpm, "tpm": limits.tpm, "budget": total}
                try:
                    wait, within = self.shared.take(weight.tokens, priced, **rates)
                except StoreError:  # nothing is sent that cannot be counted
                    troubled = troubled or time.monotonic()
                    if time.monotonic() - troubled > limits.store_seconds:
                        raise
                    wait, within = 0.5, True
            if not within:
                self.end(self._spent_up())
                self._check_ended()
            if not wait:
                weight.reserved = weight.micros
                self._run_reserved += weight.micros
                return
            if wait > SOON:
                self.spent.waiting, self.spent.why = wait, "the limit a minute that was set for this connection"
            await asyncio.sleep(min(wait, 1.0) + random.uniform(0, 0.01))

    def _spent_up(self) -> EngineFault:
        total = self.limits.total_budget
        caps = [cap for cap in (self.limits.budget, total) if cap is not None]
        run = self.limits.budget is not None and (total is None or self.limits.budget <= total)
        spent = self._run_spent if run else self.shared.spent()[0]
        what = "this run" if run else f"{self.shared.model} at {host_of(self.shared.endpoint)}"
        message = f"The budget of ${min(caps)} for {what} is used up: ${Decimal(spent) / MILLION:.4f} are spent."
        remedy = "Raise the budget, then resume; what is answered is kept."
        return EngineFault("budget", message, remedy, retriable=True, fatal=True)

    def _away(self, why: str) -> EngineFault:
        kind = self._outage.kind if self._outage is not None else "unreachable"
        seconds = self.limits.give_up_seconds
        shown = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
        message = f"{why.rstrip('.')}. That has not changed for {shown}."
        return EngineFault(kind, message, "Resume when it is back; what is answered is kept.", True, True)

    async def _tick(self) -> None:
        """Now and then: what others have changed, whether this machine slept, what is told to people."""
        idle = 0
        while idle < 8:
            await asyncio.sleep(TICK)
            clock = shared_limits.wall() - shared_limits.steady()
            if abs(clock - self._clock) > shared_limits.JUMP:
                self._clock = clock
                self.woken += 1
                self.shared.look()
                self._on_wake()
            self._share()
            server, now = self.shared.server, time.monotonic()
            waiting = max(0.0, server.paused_until - now)
            if server.open_since:
                waiting = max(waiting, server.probe_at - now, 0.0)
            self.spent.waiting = waiting if self._queue else 0.0
            self.spent.why = (server.why if waiting else self.held_up) if self._queue else ""
            self._wake()
            idle = 0 if self.active or self._queue else idle + 1
        self._share(wanted=0)


def backoff(attempt: int, first: float = 0.5, longest: float = 20.0) -> float:
    """Seconds before try `attempt` + 1: doubling, with a quarter of chance."""
    return float(min(longest, first * 2 ** (attempt - 1)) * random.uniform(0.75, 1.0))

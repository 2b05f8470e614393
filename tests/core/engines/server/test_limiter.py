"""When a request may start: one engine's view of the limits that all share."""

import asyncio
import time
from decimal import Decimal

import pytest

from core.engines.calls import EngineFault, Spent
from core.engines.server.limiter import Ended, Limiter, Weight
from core.engines.server.limits import Limits
from core.engines.server.shared_limits import SharedLimits

URL, MODEL = "http://localhost:8000/v1", "small"


@pytest.fixture
def run(tmp_path):
    """`run(body, concurrency=…)` runs `await body(limiter)`; `run.spent` is what the limiter said."""

    def run(body, start=4.0, run_spent=0, **limits):
        async def inside():
            shared = SharedLimits(tmp_path / "limits.db", URL, MODEL, "project", start)
            run.spent = Spent()
            limiter = Limiter(shared, Limits(**{"concurrency": 32, **limits}), run.spent, run_spent)
            try:
                return await asyncio.wait_for(body(limiter), 20)
            finally:
                limiter.close()
                shared.close()

        return asyncio.run(inside())

    return run


class Server:
    """Takes as long for everything; counts how many are with it."""

    def __init__(self, limiter, seconds=0.01):
        self.limiter, self.seconds = limiter, seconds
        self.under_way = self.most = self.done = 0

    async def ask(self, weight=None, micros=0):
        weight = weight or Weight()
        await self.limiter.enter(weight)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        self.done += 1
        self.limiter.answered({}, 10)
        self.limiter.leave(weight, True, micros=micros)
        self.limiter.stored()


def test_the_first_goes_alone_and_then_they_double(run):
    async def body(limiter):
        server = Server(limiter, 0.05)
        tasks = [asyncio.create_task(server.ask()) for _ in range(150)]
        await asyncio.sleep(0.02)
        first = server.under_way
        await asyncio.gather(*tasks)
        return first, server.most, limiter

    first, most, limiter = run(body)
    assert first == 1 and most == 32 and limiter.active == 0, "from 4 to 32 within 150 answers"


def test_after_a_complaint_it_grows_slowly(run):
    async def body(limiter):
        server = Server(limiter)
        await asyncio.gather(*(server.ask() for _ in range(60)))
        limiter.pause(0.05, "slow down", 1.0)
        server.most, begun = 0, time.monotonic()
        await server.ask()
        assert time.monotonic() - begun >= 0.05
        await asyncio.gather(*(server.ask() for _ in range(40)))
        return server.most, limiter.shared.server.allowed

    most, allowed = run(body)
    assert 19 <= most <= 22 and 19 <= allowed < 22, "60 % of 32, and one more a round"


def test_nobody_starts_while_something_here_is_in_the_way(run):
    async def body(limiter):
        server = Server(limiter)
        await server.ask()
        limiter.hold("the disk is full")
        tasks = [asyncio.create_task(server.ask()) for _ in range(3)]
        await asyncio.sleep(0.35)
        held, why = server.done, limiter.spent.why
        limiter.hold("")
        await asyncio.gather(*tasks)
        return held, why, server.done

    assert run(body) == (1, "the disk is full", 4)


def test_who_waits_is_told_of_the_end(run):
    async def body(limiter):
        limiter.pause(30.0, "wait", 1.0)
        waiting = asyncio.gather(*(limiter.enter(Weight()) for _ in range(5)), return_exceptions=True)
        await asyncio.sleep(0.02)
        limiter.end(EngineFault("key", "The key was refused."))
        return await waiting, limiter.active

    ended, active = run(body)
    assert all(isinstance(each, Ended) and each.fault.kind == "key" for each in ended) and active == 0


def test_who_goes_away_while_waiting_takes_no_place_along(run):
    async def body(limiter):
        server = Server(limiter)
        await server.ask()
        limiter.pause(0.1, "wait", 1.0)
        tasks = [asyncio.create_task(server.ask()) for _ in range(6)]
        await asyncio.sleep(0.02)
        for task in tasks[:5]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return server.done, limiter.active

    assert run(body) == (2, 0)


def test_a_runs_own_budget_counts_what_earlier_attempts_spent(run):
    async def body(limiter):
        server = Server(limiter, 0.001)
        outcomes = await asyncio.gather(
            *(server.ask(Weight(10, 100), micros=60) for _ in range(50)), return_exceptions=True
        )
        return server.done, {each.fault.kind for each in outcomes if isinstance(each, Ended)}

    done, kinds = run(body, run_spent=400, budget=Decimal("0.001"))
    assert kinds == {"budget"} and 400 + 60 * done <= 1000 < 400 + 60 * done + 100


def test_a_server_that_stays_away_ends_the_run_with_what_it_said(run):
    async def body(limiter):
        limiter.open()
        for _ in range(5):
            limiter.failed(EngineFault("server", "localhost answered 503."))
        with pytest.raises(Ended) as ended:
            await limiter.enter(Weight())
            await limiter.enter(Weight())
        return ended.value.fault

    fault = run(body, probe_seconds=0.2, give_up_seconds=0.1)
    assert (fault.kind, fault.fatal) == ("server", True) and "503" in fault.message and fault.remedy

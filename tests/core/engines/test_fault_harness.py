"""The rows of the fault table (tests/faults.toml) that are not a server's doing: nobody there, a person who stops the
run, a killed process, a full disk, a clock that jumps, two processes at once, a budget."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from core.engines import EngineOptions, connect
from core.engines.calls import Outcome
from core.engines.connecting.connections import ConnectionSettings
from core.engines.server import http_client, shared_limits
from core.errors import EngineError, StoreError
from core.store.schema import attempt, reply
from tests.asking import calls_about, guarded, limits_of, set_up_connection, state_of
from tests.fault_server import MODEL, FaultServer
from tests.making import count
from tests.support import free_port, wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
PRICED = ConnectionSettings(price_input=Decimal(1), price_output=Decimal(2))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def database(sqlite_host: Any) -> Any:
    return sqlite_host.open("test")


class Came:
    """What came of asking: outcomes by item, their states, the error that ended it, what was spent."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.error: Exception | None = None
        self.spent: Any = None

    @property
    def states(self) -> Counter[str]:
        return Counter(state_of(outcome) for outcome in self.outcomes.values())

    @property
    def told(self) -> str:
        return f"{dict(self.states)}, {len(self.outcomes)} outcomes, ended by {self.error!r}, {self.spent}"


Ask = Callable[..., Came]


@pytest.fixture
def ask(sqlite_host: Any, database: Any) -> Ask:
    """`ask(base_url, numbers, at_each=…, stop=…, **limits)`: asks about items with a new engine; `own`: as set."""

    def ask(
        base_url: str, numbers: Any, at_each: Any = None, stop: Any = None, own: bool = False, **limits: Any
    ) -> Came:
        def run() -> Came:
            came = Came()
            given = None if own else limits_of(**limits)
            engine = connect(sqlite_host, EngineOptions("openai", base_url, MODEL), None, database, given)
            came.spent = engine.spent
            try:
                told = {"stop": lambda: stop(engine)} if stop else {}
                for outcome in engine.answers(calls_about(numbers), **told):
                    assert outcome.call.key[0] not in came.outcomes  # type: ignore[index]
                    came.outcomes[outcome.call.key[0]] = outcome  # type: ignore[index]
                    if at_each is not None:
                        at_each(len(came.outcomes))
            except (EngineError, StoreError) as error:
                came.error = error
            finally:
                engine.close()
            return came

        return guarded(run)

    return ask


def ledger(database: Any) -> Counter[str]:
    with database.read() as connection:
        rows = connection.execute(select(attempt.c.billed, func.count()).group_by(attempt.c.billed)).all()
    return Counter(dict(rows))


def ended(came: Came, kind: str) -> EngineError:
    assert isinstance(came.error, EngineError), came.told
    assert came.error.kind == kind and came.error.message and came.error.remedy, came.told
    return came.error


# nobody there


def test_row_07_nobody_listens(ask: Ask, database: Any) -> None:
    came = ask(f"http://127.0.0.1:{free_port()}/v1", range(50))
    assert "running" in ended(came, "unreachable").remedy and not came.outcomes
    assert set(ledger(database)) <= {"no"} and count(database, reply) == 0


def test_row_07_a_name_that_is_unknown(ask: Ask) -> None:
    came = ask("http://nobody.invalid/v1", range(50))
    assert "nobody.invalid" in str(ended(came, "unreachable")) and not came.outcomes


def test_row_07_a_certificate_that_cannot_be_trusted(ask: Ask) -> None:
    with FaultServer(tls=Path(__file__).with_name("self_signed.pem")) as server:
        came = ask(f"https://127.0.0.1:{server.port}/v1", range(50))
    error = ended(came, "unreachable")
    assert "SSL_CERT_FILE" in error.remedy and "trust" in str(error) and server.asked == 0


def test_a_certificate_that_is_trusted(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every paid server is asked over TLS: connections are made, used again, and end as others do."""
    certificate = Path(__file__).with_name("self_signed.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FaultServer(tls=certificate) as server:
        came = ask(f"https://127.0.0.1:{server.port}/v1", range(40))
    assert came.error is None and len(came.outcomes) == 40 and server.asked == 40
    assert all(outcome.reply is not None for outcome in came.outcomes.values())


def test_row_07_a_server_without_tls_where_it_is_asked_for(ask: Ask, server: FaultServer) -> None:
    came = ask(f"https://127.0.0.1:{server.port}/v1", range(50))
    assert "http://" in ended(came, "unreachable").remedy and server.asked == 0


def test_row_07_a_server_that_is_restarted_loses_nothing(ask: Ask, server: FaultServer, database: Any) -> None:
    server.latency = 0.02

    def restart(n: int) -> None:
        if n == 10:
            server.down()
            threading.Timer(0.4, server.up).start()

    came = ask(server.base_url, range(40), restart)
    assert came.states == {"ok": 40} and came.error is None, came.told
    assert server.asked <= 40 + 3 * 3 and count(database, reply) == 40
    before = server.asked
    assert ask(server.base_url, range(40)).states == {"ok": 40} and server.asked == before


def test_row_07_a_server_that_stays_away_ends_the_run(ask: Ask, server: FaultServer) -> None:
    came = ask(server.base_url, range(40), lambda n: server.down() if n == 10 else None, give_up_seconds=0.4)
    ended(came, "unreachable")
    assert 10 <= came.states["ok"] <= 16 and came.states.total() < 40, "items that nobody was asked about stay open"
    server.up()
    before = server.asked
    again = ask(server.base_url, range(40))
    assert again.states == {"ok": 40} and server.asked - before == 40 - came.states["ok"], again.told


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="how full a listener's queue is differs by system")
def test_row_08_a_connection_that_is_not_taken(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "CONNECT_SECONDS", 0.3)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(8):  # nobody takes them; once the queue is full the system answers nobody
            one = socket.socket()
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(full.getsockname())
            waiting.append(one)
        came = ask(f"http://127.0.0.1:{full.getsockname()[1]}/v1", range(50), connect_seconds=0.3)
        for one in waiting:
            one.close()
    assert ended(came, "unreachable") and not came.outcomes


# a person stops the run


def test_row_41_what_is_paid_for_lands_when_a_run_is_stopped(ask: Ask, server: FaultServer, database: Any) -> None:
    server.latency = 0.3
    came = ask(server.base_url, range(60), stop=lambda engine: server.asked >= 9)
    assert came.error is None and came.states.total() == came.states["ok"] < 60
    assert 9 <= server.asked <= 9 + 3
    assert server.answered == server.asked == count(database, reply) == ledger(database)["yes"], "all of it landed"
    server.latency = 0
    before = server.asked
    assert ask(server.base_url, range(60)).states == {"ok": 60} and server.asked - before == 60 - before


def test_row_41_nobody_waits_long_for_what_does_not_come(ask: Ask, server: FaultServer, database: Any) -> None:
    server.order(script=[{}, {}, {}, {}], always={"cut": "silent"})
    came = ask(server.base_url, range(60), stop=lambda engine: server.asked >= 6, grace=0.3)
    assert came.error is None and came.states == {"ok": 4}
    sent = ledger(database)
    assert sent["yes"] == 4 and sent["unknown"] == server.asked - 4 and sent["no"] == 0


# a killed process


class Worker:
    """A process that asks about items (tests.ask_process)."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.ask_process"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)
        self.busy = False

    def begin(self, **given: Any) -> None:
        assert self.process.stdin is not None
        self.busy = True
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()

    def said(self) -> Any:
        assert self.process.stdout is not None
        line = guarded(self.process.stdout.readline)
        self.busy = False
        assert line, "the process has ended"
        return line.strip() if line == "ready\n" else json.loads(line)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


class Workers:
    """Processes that are used again: starting one takes longer than most tests."""

    def __init__(self) -> None:
        self.all: list[Worker] = []

    def some(self, n: int) -> list[Worker]:
        for worker in [worker for worker in self.all if worker.busy or worker.process.poll() is not None]:
            worker.end()
            self.all.remove(worker)
        new = [Worker() for _ in range(n - len(self.all))]
        self.all += new
        assert all(worker.said() == "ready" for worker in new)
        return self.all[:n]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    for worker in workers.all:
        worker.end()


class Asking:
    """Processes that ask one server for one project."""

    def __init__(self, workers: Workers, home: Path, base_url: str) -> None:
        self.workers = workers
        self.where = {"home": str(home), "base_url": base_url}

    def begin(self, *given: dict[str, Any]) -> list[Worker]:
        """Let one process ask for each of these, all at once."""
        some = self.workers.some(len(given))
        for worker, options in zip(some, given, strict=True):
            worker.begin(**self.where, **options)
        return some


@pytest.fixture
def asking(workers: Workers, sqlite_host: Any, server: FaultServer) -> Asking:
    return Asking(workers, sqlite_host.settings.home, server.base_url)


def test_row_42_a_killed_process_pays_again_for_what_was_under_way(
    asking: Asking, ask: Ask, server: FaultServer, database: Any
) -> None:
    server.latency = 0.05
    [worker] = asking.begin({"first": 0, "items": 80, "limits": {"concurrency": 8}})
    wait_for(lambda: server.asked >= 40, 60)
    worker.end()
    kept = count(database, reply)
    assert server.asked - 8 <= kept + 8 and kept >= 20, "what came back was stored"
    before = server.asked
    came = ask(server.base_url, range(80), concurrency=8)
    assert came.states == {"ok": 80} and came.error is None, came.told
    assert server.asked - before == 80 - kept, "only what had not been stored, and at once: no claim of the dead holds"
    assert count(database, reply) == 80 == ledger(database)["yes"]


# a full disk


@pytest.fixture
def pages(database: Any) -> Any:
    """`pages(n)`: from now on the database may grow by n pages, and then is as full as its disk would be."""
    room: list[int] = []

    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {room[-1]}")

    def pages(more: int) -> None:
        with database.read() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        room.append(used + more)
        if len(room) == 1:
            event.listen(database.engine, "connect", limit)
        database.engine.dispose()

    return pages


def test_row_43_a_full_disk_ends_the_run_and_says_so(
    ask: Ask, server: FaultServer, database: Any, pages: Callable[[int], None]
) -> None:
    pages(6)
    came = ask(server.base_url, range(80), concurrency=4, store_seconds=0.4)
    assert isinstance(came.error, StoreError), came.told
    assert "full" in came.error.message and "disk space" in came.error.remedy
    kept = count(database, reply)
    assert server.asked <= kept + 4 + 1, "nothing is sent once answers cannot be stored"
    assert set(came.states) <= {"ok"}, "no item is said to have failed"
    pages(100_000)
    before = server.asked
    again = ask(server.base_url, range(80), concurrency=4)
    assert again.states == {"ok": 80} and server.asked - before == 80 - kept, again.told


def test_row_43_what_came_meanwhile_is_kept_until_there_is_room(
    ask: Ask, server: FaultServer, database: Any, pages: Callable[[int], None]
) -> None:
    pages(6)
    threading.Timer(1.0, pages, [100_000]).start()
    came = ask(server.base_url, range(80), concurrency=4, store_seconds=20.0)
    assert came.states == {"ok": 80} and came.error is None, came.told
    assert server.asked == 80 == count(database, reply) == ledger(database)["yes"], "nothing is paid for twice"


# the clock


def test_row_44_a_process_that_slept_asks_again_what_was_under_way(asking: Asking, server: FaultServer) -> None:
    """The machine sleeps: everything stands still for longer than a request may take, then goes on."""
    server.latency = 0.1
    [worker] = asking.begin({"first": 0, "items": 40, "limits": {"concurrency": 4, "seconds": 1.5}})
    wait_for(lambda: server.asked >= 12, 60)
    os.kill(worker.process.pid, signal.SIGSTOP)
    time.sleep(2.0)
    os.kill(worker.process.pid, signal.SIGCONT)
    said = worker.said()
    assert said["states"] == {"ok": 40} and said["error"] is None, said
    assert server.asked <= 40 + 4 + 1


def test_row_44_the_time_of_day_may_jump(
    ask: Ask, server: FaultServer, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day forth, then two days back, in the middle of a run with pauses: nobody waits for a day."""
    real, shift = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])
    server.order(script=[{}, {"status": 429, "headers": {"retry-after": "0.1"}}] * 6)

    def jump(n: int) -> None:
        shift[0] = 86_400.0 if n % 2 else -172_800.0

    came = ask(server.base_url, range(20), jump)
    assert came.states == {"ok": 20} and came.error is None, came.told
    assert ledger(database) == {"yes": 20, "no": 6}


def test_row_44_nobody_waits_for_answers_from_before_the_sleep(
    ask: Ask, server: FaultServer, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steady clock stands still while a machine sleeps, the wall clock does not; connections do not survive it."""
    shift = [0.0]
    monkeypatch.setattr(shared_limits, "wall", lambda: time.time() + shift[0])
    server.order(script=[{}, {"cut": "silent"}, {"cut": "silent"}, {"cut": "silent"}])

    def sleep(_engine: Any) -> bool:
        if server.asked == 4:
            shift[0] = 3600.0
        return False

    came = ask(server.base_url, range(10), stop=sleep, seconds=600.0, woken_seconds=0.2)
    assert came.states == {"ok": 10} and came.error is None, came.told
    assert server.asked == 13 and ledger(database) == {"yes": 10, "unknown": 3}


# two processes


def test_row_45_two_runs_share_one_limiter_and_ask_nothing_twice(
    asking: Asking, server: FaultServer, database: Any
) -> None:
    """Two processes, each of which would take four at a time, are four at a time together, and where both want the
    same answers each question is asked once."""
    server.latency = 0.05
    both = asking.begin(*({"first": 0, "items": items, "limits": {"concurrency": 4}} for items in (40, 60)))
    said = [worker.said() for worker in both]
    assert [each["states"] for each in said] == [{"ok": 40}, {"ok": 60}], said
    assert server.asked == 60 == count(database, reply), "the 40 items of both were asked once"
    assert server.most_under_way <= 4, "what the server is asked at once is one number, whoever asks"
    assert min(each["requests"] for each in said) >= 8, "neither starves"
    assert sum(each["requests"] for each in said) == 60


def test_row_45_a_pause_holds_for_both(asking: Asking, server: FaultServer, database: Any) -> None:
    server.rate, server.rate_wait, server.latency = 40, 0.3, 0.01
    both = asking.begin(*({"first": first, "items": 50, "limits": {"concurrency": 8}} for first in (0, 50)))
    said = [worker.said() for worker in both]
    assert [each["states"] for each in said] == [{"ok": 50}, {"ok": 50}], "nothing is lost to a limit"
    assert count(database, reply) == 100 == ledger(database)["yes"]
    refused = server.asked - 100
    assert refused == ledger(database)["no"] and refused <= 40, f"{refused} requests were turned away"


def test_row_45_what_a_killed_process_was_asking_is_asked_by_the_other(
    asking: Asking, ask: Ask, server: FaultServer, database: Any
) -> None:
    """One waits for the answers to questions that the other has under way; that one is killed."""
    server.order(script=[{"cut": "silent"}])
    [worker] = asking.begin({"first": 0, "items": 3})
    wait_for(lambda: server.asked == 1, 60)  # the first goes alone, and the others wait for it
    threading.Timer(0.5, worker.process.kill).start()
    came = ask(server.base_url, range(6), concurrency=6)
    assert came.states == {"ok": 6}, came.told
    assert server.asked == 1 + 6 and count(database, reply) == 6


# the budget


def test_row_46_a_run_ends_before_its_budget_is_passed(
    ask: Ask, server: FaultServer, database: Any, sqlite_host: Any
) -> None:
    set_up_connection(sqlite_host, server.base_url, MODEL, PRICED.to_json())
    came = ask(server.base_url, range(60), budget=Decimal("0.008"))
    error = ended(came, "budget")
    assert "0.008" in str(error) or "0.01" in str(error), str(error)
    assert set(came.states) == {"ok"} and 10 <= came.states["ok"] <= 23, came.told
    assert server.asked == came.states["ok"] == count(database, reply)
    with database.read() as connection:
        spent = connection.execute(select(func.sum(attempt.c.cost_micros))).scalar_one()
    assert 3000 < spent <= 8000 and came.spent.cost == Decimal(spent) / 1_000_000
    more = ask(server.base_url, range(60), budget=Decimal("1"))
    assert more.states == {"ok": 60} and server.asked == 60, "what is paid for is not paid for again"


def test_row_46_the_budget_of_a_connection_holds_over_all_runs(
    ask: Ask, server: FaultServer, sqlite_host: Any, database: Any
) -> None:
    settings = ConnectionSettings(price_input=Decimal(1), price_output=Decimal(2), budget=Decimal("0.006"))
    set_up_connection(sqlite_host, server.base_url, MODEL, settings.to_json())
    ended(ask(server.base_url, range(30), own=True), "budget")
    asked = server.asked
    assert 8 <= asked <= 17, "0.0003 dollars each"
    ended(ask(server.base_url, range(100, 130), own=True), "budget")
    assert server.asked - asked <= 1, "a second run finds it spent"


def test_row_46_without_a_price_no_budget_can_hold(ask: Ask, server: FaultServer) -> None:
    came = ask(server.base_url, range(5), budget=Decimal("5"))
    assert "price" in str(ended(came, "budget")) and server.asked == 0


def test_row_46_two_processes_keep_one_budget(asking: Asking, server: FaultServer, sqlite_host: Any) -> None:
    set_up_connection(sqlite_host, server.base_url, MODEL, PRICED.to_json())
    server.latency = 0.02
    limits = {"concurrency": 4, "total_budget": "0.012"}
    both = asking.begin(*({"first": first, "items": 40, "limits": limits} for first in (0, 40)))
    said = [worker.said() for worker in both]
    assert [each["error"] for each in said] == ["budget", "budget"], said
    with sqlite_host.open("test").read() as connection:
        spent = connection.execute(select(func.sum(attempt.c.cost_micros))).scalar_one()
    assert 9_000 < spent <= 12_000 and server.asked == sum(each["requests"] for each in said)

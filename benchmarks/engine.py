"""What the engine costs beside the bare SDK, against a server of our own in another process.

    python benchmarks/engine.py                     # everything, some eight minutes on two cores
    python benchmarks/engine.py --parts throughput  # or: limit, memory

throughput: requests a second and milliseconds of our processor time an item, storage included, at 1, 8, 32, 64 and 128
requests in flight over a server that takes 50 ms; the bare SDK (AsyncOpenAI without retries, so many workers on one
iterator, nothing stored) in the same run, turn by turn. limit: a server that admits 40 requests a second and answers
429 with Retry-After otherwise; the SDK with its own retries, ours, and ours in two processes at once. memory: how much
a process grows over 50,000 items.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.load import free_port  # noqa: E402
from core.engines import Call, EngineOptions, Request, connect  # noqa: E402
from core.engines.server.openai_engine import Limits  # noqa: E402
from core.settings import Settings  # noqa: E402
from core.store.projects import Host  # noqa: E402

IN_FLIGHT = (1, 8, 32, 64, 128)
SCHEMA = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["tags"],
    "additionalProperties": False,
}
FILLER = "What is said of the valley, its river and the people who came to live there. " * 32
RATE = 40
RATE_ITEMS = 400
RATE_WORKERS = 32


def messages(number: int, salt: str) -> tuple[dict[str, Any], ...]:
    """A prompt of about 3 KB, another one for every item."""
    return (
        {"role": "system", "content": "You label items of a collection. Answer in JSON: {“tags”: […]}."},
        {"role": "user", "content": f"Item {salt} {number}. {FILLER}"},
    )


class Server:
    """The benchmark's server in its own process."""

    def __init__(self) -> None:
        self.port = free_port()
        command = [sys.executable, str(REPOSITORY / "benchmarks" / "engine_server.py"), "--port", str(self.port)]
        self.process = subprocess.Popen(command)
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        for _ in range(200):
            try:
                self.counts()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("The benchmark's server did not start.")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def reset(self, **manners: Any) -> None:
        self._ask("POST", "/reset", manners)

    def counts(self) -> dict[str, int]:
        """{answered, refused}"""
        return self._ask("GET", "/counts")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Measured:
    """One turn: items a second, processor milliseconds an item, items without an answer."""

    rate: float
    cpu: float
    lost: int
    seconds: float


@contextmanager
def new_host() -> Iterator[Host]:
    """A data folder of its own, so that no answer is stored already."""
    with tempfile.TemporaryDirectory(prefix="tagloom-benchmark-") as folder:
        host = Host(Settings(home=Path(folder)))
        host.create_project("Benchmark")
        try:
            yield host
        finally:
            host.close()


def ours(server: Server, items: int, in_flight: int, salt: str, host: Host | None = None) -> Measured:
    """Our engine, from requests to stored answers."""
    if host is None:
        with new_host() as fresh:
            return ours(server, items, in_flight, salt, fresh)
    database = host.open("benchmark")
    options = EngineOptions("openai", server.base_url, "bench")
    engine = connect(host, options, None, database, Limits(concurrency=in_flight))
    warm = Call("warm", Request(messages(-1, salt), SCHEMA))
    list(engine.answers([warm]))  # the client, the thread and the first connection are paid once a run
    calls = (Call(n, Request(messages(n, salt), SCHEMA)) for n in range(items))
    cpu, started, answered = time.process_time(), time.perf_counter(), 0
    for outcome in engine.answers(calls):
        answered += outcome.reply is not None
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    engine.close()
    return Measured(items / seconds, 1000 * used / items, items - answered, seconds)


def bare_sdk(server: Server, items: int, in_flight: int, salt: str, retries: int = 0) -> Measured:
    """AsyncOpenAI as its documentation has it: so many workers pull from one iterator; nothing is stored."""
    return asyncio.run(_bare_sdk(server, items, in_flight, salt, retries))


async def _bare_sdk(server: Server, items: int, in_flight: int, salt: str, retries: int) -> Measured:
    from openai import AsyncOpenAI, OpenAIError

    client = AsyncOpenAI(api_key="none", base_url=server.base_url, max_retries=retries)
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    lost = 0

    async def ask(number: int) -> None:
        nonlocal lost
        try:
            await client.chat.completions.create(
                model="bench",
                messages=messages(number, salt),  # type: ignore[arg-type]
                response_format=schema,  # type: ignore[call-overload]
                max_tokens=400,
                temperature=0.0,
            )
        except OpenAIError:
            lost += 1

    async def worker(numbers: Iterator[int]) -> None:
        for number in numbers:
            await ask(number)

    await ask(-1)
    lost = 0
    numbers = iter(range(items))
    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker(numbers) for _ in range(in_flight)))
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    await client.close()
    return Measured(items / seconds, 1000 * used / items, lost, seconds)


def throughput(server: Server, turns: int) -> None:
    """Turn by turn, the best of each: what else runs on the machine slows both."""
    server.reset(delay=0.05, rate=None)
    print("\n50 ms server; best of", turns, "turns each, SDK and ours alternating")
    print(
        f"{'in flight':>9} {'SDK /s':>8} {'ours /s':>8} {'share':>7} {'(turns)':>15} {'SDK ms':>7} {'ours ms':>8}  lost"
    )
    for in_flight in IN_FLIGHT:
        items = max(60, min(3000, 40 * in_flight))
        sdk, mine = [], []
        for turn in range(turns):
            sdk.append(bare_sdk(server, items, in_flight, f"sdk {turn}"))
            mine.append(ours(server, items, in_flight, f"ours {turn}"))
        best, best_mine = max(m.rate for m in sdk), max(m.rate for m in mine)
        shares = [m.rate / s.rate for m, s in zip(mine, sdk, strict=True)]
        spread = f"{min(shares):.0%} to {max(shares):.0%}"
        cpu, cpu_mine = min(m.cpu for m in sdk), min(m.cpu for m in mine)
        lost = sum(m.lost for m in mine)
        print(
            f"{in_flight:>9} {best:>8.0f} {best_mine:>8.0f} {best_mine / best:>7.0%} {spread:>15} "
            f"{cpu:>7.2f} {cpu_mine:>8.2f}  {lost}"
        )


def limit(server: Server) -> None:
    """A server that admits RATE requests a second."""
    manners = {"delay": 0.05, "rate": RATE, "retry_after": 1}
    print(f"\n{RATE} requests a second admitted, Retry-After 1; {RATE_ITEMS} items, {RATE_WORKERS} in flight")
    print(f"{'':>26} {'seconds':>8} {'lost':>5} {'429s':>5} {'share of requests':>18}")

    def show(name: str, seconds: float, lost: int) -> None:
        counts = server.counts()
        share = counts["refused"] / max(1, counts["refused"] + counts["answered"])
        print(f"{name:>26} {seconds:>8.1f} {lost:>5} {counts['refused']:>5} {share:>18.0%}")

    for retries in (2, 10):
        server.reset(**manners)
        measured = bare_sdk(server, RATE_ITEMS, RATE_WORKERS, f"sdk {retries}", retries)
        show(f"SDK, max_retries={retries}", measured.seconds, measured.lost)
    server.reset(**manners)
    measured = ours(server, RATE_ITEMS, RATE_WORKERS, "one")
    show("ours", measured.seconds, measured.lost)
    with tempfile.TemporaryDirectory(prefix="tagloom-benchmark-") as folder:
        host = Host(Settings(home=Path(folder)))
        host.create_project("Benchmark")
        host.close()
        server.reset(**manners)
        command = [sys.executable, __file__, "--process", folder, "--port", str(server.port)]
        started = time.perf_counter()
        both = [
            subprocess.Popen([*command, "--salt", salt], stdout=subprocess.PIPE, text=True)
            for salt in ("left", "right")
        ]
        lost = sum(int(process.communicate()[0].split()[-1]) for process in both)
        show("ours, two processes", time.perf_counter() - started, lost)


def memory(server: Server, items: int) -> None:
    """Resident memory on the way through many items."""
    server.reset(delay=0.0, rate=None)
    print(f"\nMemory over {items:,} items, 64 in flight, server without delay")
    process = psutil.Process()
    with new_host() as host:
        database = host.open("benchmark")
        options = EngineOptions("openai", server.base_url, "bench")
        engine = connect(host, options, None, database, Limits(concurrency=64))
        calls = (Call(n, Request(messages(n, "memory"), SCHEMA)) for n in range(items))
        started, marks = time.perf_counter(), {}
        for seen, _ in enumerate(engine.answers(calls), start=1):
            if seen in (1000, items // 10, items // 2, items):
                marks[seen] = process.memory_info().rss / 2**20
        engine.close()
        seconds = time.perf_counter() - started
    print(", ".join(f"{n:,} items: {mb:.0f} MB" for n, mb in marks.items()), f"({items / seconds:.0f} items/s)")
    growth = marks[items] - marks[1000]
    print(f"grown by {growth:.0f} MB from item 1,000 to item {items:,}: {1024 * growth / items:.2f} KB an item")


def one_process(folder: str, port: int, salt: str) -> None:
    """Half of the limited run, in a process of its own; prints how many items were lost."""
    host = Host(Settings(home=Path(folder)))
    server = Server.__new__(Server)
    server.base_url = f"http://127.0.0.1:{port}/v1"
    measured = ours(server, RATE_ITEMS // 2, RATE_WORKERS, salt, host)
    host.close()
    print(measured.lost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["throughput", "limit", "memory"])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--items", type=int, default=50_000, help="for memory")
    parser.add_argument("--process", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--salt", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.process:
        return one_process(options.process, options.port, options.salt)
    load = statistics.mean(psutil.getloadavg()[:1])
    print(f"{psutil.cpu_count()} cores, load {load:.1f} at the start")
    server = Server()
    try:
        if "throughput" in options.parts:
            throughput(server, options.turns)
        if "limit" in options.parts:
            limit(server)
        if "memory" in options.parts:
            memory(server, options.items)
    finally:
        server.close()


if __name__ == "__main__":
    main()

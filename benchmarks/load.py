"""Shared by the benchmarks: a server of our own on loopback, made-up rows, and people who decide over HTTP."""

from __future__ import annotations

import csv
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]


def write_rows(path: Path, rows: int, seed: int = 1) -> Path:
    """A csv of made-up items: id, title, description, category, url; about 250 bytes a row."""
    dice = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(dice.choices(letters, k=dice.randint(3, 9))) for _ in range(20_000)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "description", "category", "url"])
        for number in range(rows):
            title, text = " ".join(dice.choices(words, k=6)), " ".join(dice.choices(words, k=26))
            writer.writerow([f"x{number}", title, text, dice.choice(words[:30]), f"https://example.org/{number}"])
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The real app as its own process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.environment = {**os.environ, "TAGLOOM_HOME": str(home), "PORT": str(self.port), "HOST": "127.0.0.1"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "core", "serve", "--no-demo"]
        environment = {**self.environment, "PYTHONPATH": str(REPOSITORY)}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        for _ in range(300):
            try:
                Person(self.port, None).get("state")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the server did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run `tagloom --json …` against the same data folder."""
        environment = {**self.environment, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-P", "-m", "core", "--json", *arguments]
        out = subprocess.run(command, env=environment, check=False, capture_output=True)
        return dict(json.loads(out.stdout))


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    server = Server(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Person:
    """One browser's worth of requests: a kept-alive connection with its own cookie."""

    def __init__(self, port: int, name: str | None, project: str = "bench") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"content-type": "application/json"}
        self.project = project
        if name is not None:
            self.post("person", {"name": name})

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        join = "&" if "?" in path else "?"
        data = None if body is None else json.dumps(body)
        self.connection.request(method, f"/tagloom/api/{path}{join}project={self.project}", data, self.headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.getheader("set-cookie"):
            self.headers["cookie"] = str(response.getheader("set-cookie")).split(";")[0]
        try:
            return dict(json.loads(text))
        except ValueError:
            return {"status": response.status}

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._call("POST", path, body)


def decision(item: dict[str, Any], version: int) -> dict[str, Any]:
    """An "accept nothing" decision on an item, as the page sends it."""
    return {
        "uuid": str(uuid.uuid4()),
        "item": item["id"],
        "field": "tags",
        "action": "accept",
        "change": None,
        "undoes": None,
        "version": version,
        "after": {"status": "done", "accepted": [], "rejected": []},
        "new_tags": [],
        "shown": {"queue": "pending", "runs": [], "suggestions": [], "order": "rank"},
        "blind": False,
        "client_time": "2026-01-01T00:00:00Z",
        "ms": 400,
    }


class Reviewer(threading.Thread):
    """Decides item after item until told to stop; keeps what was acknowledged and how long each answer took."""

    def __init__(self, port: int, name: str, items: list[dict[str, Any]], batch: int, pause: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.person = Person(port, name)
        self.items = items
        self.batch = batch
        self.pause = pause
        self.seconds: list[float] = []
        self.acknowledged: list[str] = []
        self.refused = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        for start in range(0, len(self.items), self.batch):
            if self.stopping.is_set():
                return
            events = [decision(item, 0) for item in self.items[start : start + self.batch]]
            began = time.perf_counter()
            answer = self.person.post("review/decisions", {"events": events})
            self.seconds.append(time.perf_counter() - began)
            for result in answer.get("results", []):
                if result["ok"]:
                    self.acknowledged.append(result["uuid"])
                else:
                    self.refused += 1
            if self.pause:
                time.sleep(self.pause)


def queue_items(person: Person, corpus: str, wanted: int) -> list[dict[str, Any]]:
    """The first `wanted` pending items, as the page reads them."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while len(items) < wanted:
        page = person.get(f"review/queue?corpus={corpus}&status=pending&limit=60&cursor={cursor}")
        items += page["items"]
        if not page["next"]:
            break
        cursor = page["next"]
    return items[:wanted]


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: list[float]) -> float:
    return statistics.median(values)

"""The real server as a process of its own, and a project of it that tests fill and look into from outside."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import psutil
from sqlalchemy import select

from core.corpora.importing import import_file
from core.corpora.mapping import guess_mapping
from core.corpora.reading import inspect
from core.jobs.queue import Job, JobQueue
from core.settings import Settings
from core.store.database import Database
from core.store.projects import Host
from core.store.schema import current, decision, item
from tests import making
from tests.support import free_port, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = re.compile(r"TAGLOOM_|HOST$|PORT$|SPACE_")  # a developer's settings must not reach the server


class App:
    """`tagloom serve` on a port of its own with a data folder of its own; may be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        own = {"TAGLOOM_HOME": str(self.home), "HOST": "127.0.0.1", "PORT": str(self.port)}
        return {**kept, **own, "PYTHONPATH": str(REPOSITORY)}

    def start(self, wait: bool = True) -> None:
        """Start the server; with `wait=False` it is only on its way when this returns."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core", "serve", *self.options],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait()

    def answers(self) -> bool:
        """Does the server answer?"""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError("the server ended:\n" + (self.folder / "server.log").read_text()[-4000:])
        try:
            with urllib.request.urlopen(f"{self.url}/tagloom/api/state", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def wait(self) -> None:
        """Wait until the server answers."""
        wait_for(self.answers, 90)

    def ensure(self) -> None:
        """Have it running, whatever the test before has left."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """kill -9: the server gets no chance to put anything in order. Its jobs' processes live on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Stop it for good, its jobs' processes included."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.home.is_dir():
            host = Host(Settings(home=self.home))
            try:
                for job in JobQueue(host).in_state("running"):
                    process = worker_of(job)
                    if process is not None:
                        process.kill()
            finally:
                host.close()

    def command(self, *arguments: str) -> dict[str, Any]:
        """`tagloom --json …` on the same data folder; what it printed."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "core", "--json", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:] + done.stdout.decode()[-2000:]
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def worker_of(job: Job) -> psutil.Process | None:
    """The process that runs a job, if it lives."""
    try:
        process = psutil.Process(job.pid)
        same = job.pid_started is not None and abs(process.create_time() - job.pid_started) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


class Work:
    """One project of an app, reached past the page: filled beforehand, and looked into afterwards."""

    def __init__(self, app: App, host: Host, name: str) -> None:
        self.app = app
        self.host = host
        project = host.create_project(name)
        self.slug = project.slug
        self.name = project.name
        self.queue = JobQueue(host)

    @property
    def database(self) -> Database:
        return self.host.open(self.slug)

    def address(self, place: str = "") -> str:
        """The page's address; `place` is what follows the #, as `/review?corpus=…`."""
        return f"{self.app.url}/?project={self.slug}" + (f"#{place}" if place else "")

    def command(self, *arguments: str) -> dict[str, Any]:
        """`tagloom --json --project … …`"""
        return self.app.command("--project", self.slug, *arguments)

    def fill(self, rows: Sequence[dict[str, Any]], corpus: str = "Talks", roles: dict[str, str] | None = None) -> str:
        """Import rows as a person's jsonl file; the corpus' id."""
        path = self.app.folder / f"rows-{secrets.token_hex(4)}.jsonl"
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        mapping = guess_mapping(inspect(path))
        mapping = mapping.changed(roles, list(rows)) if roles else mapping
        name = secrets.token_hex(6)
        import_file(self.database, path, name="rows.jsonl", corpus_name=corpus, mapping=mapping, import_id=name)
        return making.corpus_of(self.database, corpus).id

    def suggest(self, answers: dict[str, Iterable[tuple[str, float]]], corpus: str = "Talks") -> None:
        """A run whose answers are {external id: [(tag's name, score), …]}; tags that are new are made."""
        answers = {key: list(said) for key, said in answers.items()}
        ids = making.add_tags(self.database, *dict.fromkeys(name for said in answers.values() for name, _ in said))
        making.suggest(
            self.database, {key: [(ids[name], score) for name, score in said] for key, said in answers.items()}, corpus
        )

    def events(self) -> list[Any]:
        """Every decision that is stored, in the order they were stored, with `item_id` and `external_id`."""
        query = select(decision, item.c.id.label("item_id"), item.c.external_id)
        with self.database.read() as connection:
            return list(connection.execute(query.join(item, item.c.pk == decision.c.item).order_by(decision.c.seq)))

    def states(self) -> dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """What stands decided: {external id: (status, accepted, rejected)}."""
        query = select(current, item.c.external_id).join(item, item.c.pk == current.c.item)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return {
            row.external_id: (row.status, tuple(orjson.loads(row.accepted)), tuple(orjson.loads(row.rejected)))
            for row in rows
        }

    def wait_for_job(self, job_id: str, condition: Callable[[Job], bool], seconds: float = 120) -> Job:
        """Wait until `condition(job)` holds; the job as it was then."""

        def job_is_so() -> bool:
            return condition(self.queue.get(job_id))

        wait_for(job_is_so, seconds)
        return self.queue.get(job_id)

    def newest_job(self) -> Job:
        return max(self.queue.recent(self.slug), key=lambda job: job.created_at)


def talks(number: int, first: int = 1) -> list[dict[str, Any]]:
    """Rows with the ids t-001, t-002, …"""
    return [
        {
            "id": f"t-{n:03d}",
            "title": f"Talk number {n}",
            "description": f"What the {n}th evening was about: wind, water and the price of bread.",
        }
        for n in range(first, first + number)
    ]


def tagged_talks(work: Work, number: int, corpus: str = "Talks") -> str:
    """A corpus of talks of which each has four suggested tags; the corpus' id."""
    rows = talks(number)
    found = work.fill(rows, corpus)
    scores = [("wind energy", 0.91), ("water", 0.72), ("bread", 0.55), ("evening class", 0.41)]
    work.suggest({row["id"]: scores for row in rows}, corpus)
    return found

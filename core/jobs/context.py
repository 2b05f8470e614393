"""What a running job holds in its hands: its arguments, its folder, and how it reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.errors import JobCancelled
from core.jobs.queue import Job, JobQueue
from core.store.database import Database
from core.store.projects import Host

REPORT_SECONDS = 0.5


class JobContext:
    """Handed to a job's function.

    A function calls `progress` after each committed batch; that stores the figures at most twice a second and
    raises `JobCancelled` once a person has asked the job to stop.
    """

    def __init__(self, queue: JobQueue, job: Job, secrets: Mapping[str, str] | None = None) -> None:
        self.queue = queue
        self.job = job
        self.secrets = dict(secrets or {})  # keys of engines: in memory only, for this job only
        self.host: Host = queue.host
        self.arguments: dict[str, Any] = job.arguments
        self.folder: Path = queue.folder(job.id)
        self.done = 0
        self.total: int | None = job.total
        self._first: int | None = None
        self._started = time.monotonic()
        self._reported = 0.0

    @property
    def database(self) -> Database:
        """The database of the job's project."""
        return self.host.open(self.job.project)

    @property
    def resumed(self) -> bool:
        """True when an earlier attempt of this job has already done a part."""
        return self.job.attempt > 1

    def log(self, line: str) -> None:
        """Append a line to the job's log; the drawer shows the last ones."""
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {' '.join(line.split())}\n")

    def progress(
        self,
        done: int,
        total: int | None = None,
        *,
        force: bool = False,
        spent: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """Report `done` of `total` units.

        Args:
            spent: what an engine has used so far (`core.engines.money.spending`), asked only when a report is due.

        Raises:
            JobCancelled: a person has asked the job to stop.
        """
        if self._first is None:  # what an earlier attempt did must not count into this attempt's rate
            self._first = done
            self._started = time.monotonic()
        self.done = done
        self.total = total if total is not None else self.total
        now = time.monotonic()
        if not force and now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        elapsed = now - self._started
        rate = (done - self._first) / elapsed if elapsed > 0.2 else None
        used = (spent(),) if spent is not None else ()
        if self.queue.report(self.job.id, done, self.total, rate, *used):
            raise JobCancelled("Cancelled.", "What was done so far is kept; resume goes on from here.")

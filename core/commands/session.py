"""One invocation of the command line: the store, the project, and how a job is run and watched."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from core import errors
from core.errors import TagloomError
from core.jobs.execute import execute
from core.jobs.queue import KEYED, RESERVED, Job, JobQueue
from core.settings import Settings
from core.store.projects import DEMO, Host
from core.worker import KINDS

PERSON = "command line"
SHOWN_FAILURES = 20


class Session:
    """One invocation: the host's store, the project named, and what was asked for."""

    def __init__(self, settings: Settings, options: argparse.Namespace) -> None:
        self.host = Host(settings)
        self.queue = JobQueue(self.host)
        self.options = options
        self.project: str = options.project or DEMO
        for project in self.host.projects():
            if self.project in (project.slug, project.name):
                self.project = project.slug  # by which the page finds its jobs
                break

    def ensure_project(self) -> None:
        """Make the project when it is new."""
        self.project = self.host.ensure_project(self.project).slug

    def run_job(
        self, kind: str, title: str, arguments: dict[str, Any], unit: str, secrets: dict[str, str] | None = None
    ) -> Job:
        """Run a job in this process; it stands in the job list like any other. `secrets` are never stored.

        Raises:
            TagloomError: it failed.
        """
        if secrets:
            arguments = {**arguments, KEYED: True}
        job = self.queue.create(self.project, kind, title, arguments, person=PERSON, unit=unit, state=RESERVED)
        return self.follow(job, secrets)

    def follow(self, job: Job, secrets: dict[str, str] | None = None) -> Job:
        """Execute a job made by this command, showing its progress on a terminal."""
        over = threading.Event()
        if sys.stderr.isatty():
            threading.Thread(target=self._watch, args=(job.id, over), daemon=True).start()
        try:
            ended = execute(self.queue, job.id, KINDS, secrets)
        finally:
            over.set()
        while ended is None or ended.active:  # a running server took it first
            time.sleep(0.3)
            ended = self.queue.get(job.id)
        if ended.state != "done":
            kind = getattr(errors, str(ended.result.get("error")), TagloomError)
            raise kind(ended.message or f"The job ended as {ended.state}.", ended.remedy or "Resume or retry it.")
        return ended

    def _watch(self, job_id: str, over: threading.Event) -> None:
        while not over.wait(1.0):
            job = self.queue.get(job_id)
            rate = f", {job.rate:.0f}/s" if job.rate else ""
            of = f" of {job.total:,}" if job.total else ""
            print(f"\r{job.done:,}{of} {job.unit}{rate}   ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


Outcome = tuple[dict[str, Any], str, int]
"""(for --json, for people, exit code)"""

Command = Callable[[Session], Outcome]

MakeParser = Callable[[str, str], argparse.ArgumentParser]
"""(name, what it does) → the command's parser"""

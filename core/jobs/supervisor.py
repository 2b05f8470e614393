"""Starts queued jobs as processes of their own, and notices those whose process is gone.

Workers are detached (their own session, or process group on Windows): they outlive the server, and a server
that returns finds them by pid and start time. A job whose process died becomes "interrupted"; the server
resumes it by itself, up to MOST_ATTEMPTS times, because a crash must not need a person. A job that needs a key waits
without a slot, and goes on when `secrets` has another key for it than the one that was refused.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from core.errors import Conflict, StoreError
from core.jobs.queue import KEYED, NEEDS_KEY, Job, JobQueue

MOST_ATTEMPTS = 3
TICK_SECONDS = 0.5
CODE_FOLDER = Path(__file__).resolve().parents[2]
_KEYS = re.compile(r"^OPENAI_|^TAGLOOM_API_KEY$|^TAGLOOM_KEY_")  # a worker gets the one key it needs, another way
log = logging.getLogger("tagloom")


def process_lives(pid: int | None, started: float | None) -> bool:
    """True when the process `pid` that started at `started` (seconds since the epoch) still runs."""
    if pid is None or started is None:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class Supervisor:
    """One thread of the serving process; several servers on one data folder do no harm (claims are atomic).

    Args:
        slots: how many jobs run at once.
        secrets: what a job needs to be let in somewhere. It goes to the worker through its standard input: neither
            the command line nor the environment of a process is a place for a key.
    """

    def __init__(self, queue: JobQueue, slots: int, secrets: Callable[[Job], dict[str, str]] | None = None) -> None:
        self.queue = queue
        self.slots = slots
        self.secrets = secrets or (lambda job: {})
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._starting: dict[str, tuple[subprocess.Popen[bytes], int]] = {}  # with the job's attempts before it
        self._given: dict[str, dict[str, str]] = {}  # with what each job was started last; in memory only
        self._thread = threading.Thread(target=self._watch, name="tagloom-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; running workers go on."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:  # it may never have been started
            self._thread.join(timeout=5)

    def wake(self) -> None:
        """Look at once: a job was queued."""
        self._wake.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except StoreError:
                time.sleep(1)  # a full or busy disk: the jobs' rows say the rest once it is back
            except Exception:  # one odd job must not keep all later ones from starting
                log.exception("The supervisor could not look after the jobs")
                time.sleep(1)
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()

    def tick(self) -> None:
        """One look at the queue: bury the dead, then fill the free slots."""
        self._collect()
        running = self.queue.in_state("running")
        for job in running:
            if not process_lives(job.pid, job.pid_started):
                self._interrupted(job)
        self._wake_keyed()
        alive = {job.id for job in running if process_lives(job.pid, job.pid_started)} | set(self._starting)
        for job in self.queue.in_state("queued"):
            if len(alive) >= self.slots:
                break
            if job.id in alive or self._waits_for_key(job):
                continue
            try:
                self._starting[job.id] = (self.spawn(job), job.attempt)
            except OSError as error:
                self._could_not_start(job.id, f" ({error.strerror or error})")
            else:
                alive.add(job.id)

    def _wake_keyed(self) -> None:
        """Queue the jobs whose key has been given meanwhile."""
        waiting = self.queue.in_state(NEEDS_KEY)
        for job in waiting:
            secrets = self.secrets(job)
            if secrets and secrets != self._given.get(job.id):
                with contextlib.suppress(Conflict):  # another server, or a person, was first
                    self.queue.resume(job.id)
        known = {job.id for job in [*waiting, *self.queue.in_state("running", "queued")]} if self._given else set()
        self._given = {job_id: secrets for job_id, secrets in self._given.items() if job_id in known}

    def _waits_for_key(self, job: Job) -> bool:
        """True for a queued job that was begun with a key, where there is none now (a typed one goes with the server's
        process): it would only be refused, and must not take a slot for that."""
        return bool(job.arguments.get(KEYED)) and not self.secrets(job) and self.queue.need_key(job.id)

    def _collect(self) -> None:
        """Forget started processes that ended; one that ended before it took its job could not start at all."""
        for job_id, (process, attempt) in list(self._starting.items()):
            if process.poll() is None:
                continue
            del self._starting[job_id]
            if self.queue.get(job_id).attempt == attempt:  # otherwise it took the job, which is queued anew
                self._could_not_start(job_id)

    def _could_not_start(self, job_id: str, why: str = "") -> None:
        self.queue.finish(
            job_id,
            "failed",
            message=f"The job's process could not start{why}.",
            remedy=f"Its output is in {self.queue.folder(job_id) / 'worker.txt'}; resume tries again.",
            from_states=("queued",),
        )

    def _interrupted(self, job: Job) -> None:
        if job.cancel_requested:
            self.queue.finish(job.id, "cancelled", message="Cancelled.", remedy="Resume goes on from here.")
            return
        message = "The job's process ended without finishing."
        if job.attempt < MOST_ATTEMPTS:  # in one step: a page must not offer a Resume that comes too late
            ended = self.queue.requeue(job.id)
        else:
            ended = self.queue.finish(job.id, "interrupted", message=message, remedy="Resume goes on from here.")
        if not ended:
            return
        with (self.queue.folder(job.id) / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%H:%M:%S')} Interrupted: the process was gone.\n")

    def spawn(self, job: Job) -> subprocess.Popen[bytes]:
        """Start the worker process of a queued job."""
        given = {name: value for name, value in os.environ.items() if not _KEYS.search(name)}
        environment = {**given, **self.queue.host.settings.environment(), "PYTHONPATH": str(CODE_FOLDER)}
        output = (self.queue.folder(job.id) / "worker.txt").open("ab")
        try:
            # -P: a folder named core/ in the working folder must not be imported instead of ours
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.worker", job.id],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.queue.folder(job.id),
                env=environment,
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if os.name == "nt" else 0,
            )
        finally:
            output.close()
        assert process.stdin is not None
        secrets = self._given[job.id] = self.secrets(job)
        with contextlib.suppress(OSError), process.stdin as pipe:  # a worker that died at once is noticed later
            pipe.write(json.dumps({"secrets": secrets}).encode() + b"\n")
        return process

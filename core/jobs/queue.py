"""Jobs as rows: made, claimed, watched, finished. A job is never tied to a page or to the server's process.

States: queued → running → done | failed | cancelled | interrupted; cancelled, failed and interrupted jobs can
be resumed (same job, next attempt), failed ones also retried (a new job with the same arguments). A job whose server
asks for a key that is not here (any more) is in needs_key: it holds no slot, and is queued again once the key is given.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, RowMapping, insert, select, update

from core.errors import Conflict, NotFound
from core.store.host_schema import job as job_table
from core.store.projects import Host

ENDED = ("done", "failed", "cancelled", "interrupted")
RESUMABLE = ("failed", "cancelled", "interrupted")
NEEDS_KEY = "needs_key"
AGAIN = ("tag", "caption-music")  # kinds that, resumed, try only what failed
KEYED = "keyed"  # argument of a job that was begun with a key: without one it would only be refused
RESERVED = "reserved"  # made by a command that runs the job itself: no supervisor takes it
LOG_TAIL_BYTES = 4096
LOGS_SHOWN = 5  # ended jobs whose logs a list reads: pages ask for it every second


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the queue; times are seconds since the epoch, `rate` is units per second."""

    id: str
    project: str
    kind: str
    title: str
    arguments: dict[str, Any]
    person: str
    state: str
    attempt: int
    cancel_requested: bool
    done: int
    total: int | None
    unit: str
    rate: float | None
    pid: int | None
    pid_started: float | None
    message: str
    remedy: str
    result: dict[str, Any]
    spent: dict[str, Any]
    retry_of: str | None
    created_at: float
    started_at: float | None
    updated_at: float
    finished_at: float | None
    log: tuple[str, ...] = field(default=())

    @property
    def active(self) -> bool:
        return self.state not in ENDED

    @property
    def seconds_left(self) -> float | None:
        if self.state != "running" or not self.rate or self.total is None:
            return None
        return max(0.0, (self.total - self.done) / self.rate)

    @property
    def can(self) -> tuple[str, ...]:
        """What a person may do with it now."""
        if self.state == NEEDS_KEY:
            return ("resume", "cancel")
        if self.active:
            return () if self.cancel_requested else ("cancel",)
        if self.state == "done":
            return ("resume",) if self.unfinished else ()
        return {"failed": ("resume", "retry")}.get(self.state, ("resume",))

    @property
    def server(self) -> str:
        """Host and port of the server that it asks, for people; "" where it asks none."""
        return urlsplit(str(self.arguments.get("base_url") or "")).netloc

    @property
    def unfinished(self) -> bool:
        """True when it ended well, but some items failed: resuming tries only these again."""
        return self.state == "done" and self.kind in AGAIN and bool(self.result.get("failed"))


def _job(row: RowMapping) -> Job:
    values = dict(row)
    values["arguments"] = json.loads(values["arguments"])
    values["result"] = json.loads(values["result"])
    values["spent"] = json.loads(values["spent"])
    values["cancel_requested"] = bool(values["cancel_requested"])
    return Job(**values)


class JobQueue:
    """The host's jobs. Every change of state is one conditional UPDATE, so two processes cannot both win."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.database = host.database

    def folder(self, job_id: str) -> Path:
        """The job's own folder (log, results); made when it is first asked for."""
        folder = self.host.settings.job_folder / job_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def create(
        self,
        project: str,
        kind: str,
        title: str,
        arguments: dict[str, Any],
        *,
        person: str = "",
        unit: str = "items",
        total: int | None = None,
        retry_of: str | None = None,
        state: str = "queued",
    ) -> Job:
        """Put a job into the queue; the supervisor of the running server (or the command line) starts it."""
        now = time.time()
        row = {
            "id": secrets.token_hex(6),
            "project": project,
            "kind": kind,
            "title": title,
            "arguments": json.dumps(arguments),
            "person": person,
            "state": state,
            "attempt": 0,
            "cancel_requested": 0,
            "done": 0,
            "total": total,
            "unit": unit,
            "message": "",
            "remedy": "",
            "result": "{}",
            "retry_of": retry_of,
            "created_at": now,
            "updated_at": now,
        }
        self.database.write(lambda c: c.execute(insert(job_table), row) and None)
        return self.get(str(row["id"]))

    def get(self, job_id: str) -> Job:
        """One job with the last lines of its log.

        Raises:
            NotFound: there is no such job.
        """
        with self.database.read() as connection:
            row = connection.execute(select(job_table).where(job_table.c.id == job_id)).mappings().first()
        if row is None:
            raise NotFound(f"There is no job “{job_id}”.", "`tagloom jobs` lists them.")
        return self._with_log(_job(row))

    def recent(self, project: str | None = None, limit: int = 50) -> list[Job]:
        """Active jobs first, then the newest ended ones; the active and the newest LOGS_SHOWN ended with their logs."""
        query = select(job_table).order_by(job_table.c.state.in_(ENDED), job_table.c.created_at.desc(), job_table.c.id)
        if project is not None:
            query = query.where(job_table.c.project == project)
        with self.database.read() as connection:
            rows = connection.execute(query.limit(limit)).mappings().all()
        jobs = [_job(row) for row in rows]
        ended = [job.id for job in jobs if not job.active][:LOGS_SHOWN]
        return [self._with_log(job) if job.active or job.id in ended else job for job in jobs]

    def in_state(self, *states: str) -> list[Job]:
        """Jobs in these states, the oldest first, without their logs."""
        query = select(job_table).where(job_table.c.state.in_(states)).order_by(job_table.c.created_at)
        with self.database.read() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def _with_log(self, job: Job) -> Job:
        path = self.host.settings.job_folder / job.id / "log.txt"
        try:
            with path.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()[-5:]
        except OSError:
            return job
        return Job(**{**{name: getattr(job, name) for name in Job.__dataclass_fields__}, "log": tuple(lines)})

    # changes of state

    def _change(self, job_id: str, states: tuple[str, ...], **values: Any) -> bool:
        def change(connection: Connection) -> bool:
            result = connection.execute(
                update(job_table)
                .where(job_table.c.id == job_id, job_table.c.state.in_(states))
                .values(updated_at=time.time(), **values)
            )
            return result.rowcount == 1

        return self.database.write(change)

    def claim(self, job_id: str, pid: int, pid_started: float) -> Job | None:
        """Take a queued job for the process `pid`; None when somebody else was first."""
        now = time.time()
        taken = self._change(
            job_id,
            ("queued", RESERVED),
            state="running",
            attempt=job_table.c.attempt + 1,
            cancel_requested=0,
            pid=pid,
            pid_started=pid_started,
            started_at=now,
            finished_at=None,
            message="",
            remedy="",
            rate=None,
        )
        return self.get(job_id) if taken else None

    def report(
        self, job_id: str, done: int, total: int | None, rate: float | None, spent: dict[str, Any] | None = None
    ) -> bool:
        """Store progress, and what an engine has used so far where it is given; returns True when a person has asked
        the job to stop."""
        values: dict[str, Any] = {"done": done, "total": total, "rate": rate, "updated_at": time.time()}
        if spent is not None:
            values["spent"] = json.dumps(spent)

        def change(connection: Connection) -> bool:
            connection.execute(update(job_table).where(job_table.c.id == job_id).values(values))
            query = select(job_table.c.cancel_requested).where(job_table.c.id == job_id)
            return bool(connection.execute(query).scalar())

        return self.database.write(change)

    def finish(
        self,
        job_id: str,
        state: str,
        *,
        result: dict[str, Any] | None = None,
        message: str = "",
        remedy: str = "",
        from_states: tuple[str, ...] = ("running",),
    ) -> bool:
        """End a job as done, failed, cancelled or interrupted; False when it had ended already."""
        values: dict[str, Any] = {"state": state, "message": message, "remedy": remedy, "finished_at": time.time()}
        if result is not None:
            values["result"] = json.dumps(result)
        return self._change(job_id, from_states, **values)

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop: a queued one at once, a running one at its next batch; its work is kept.

        Raises:
            Conflict: it has ended already.
        """
        waiting = ("queued", RESERVED, NEEDS_KEY)
        if not self.finish(job_id, "cancelled", message="Cancelled before it started.", from_states=waiting):
            job = self.get(job_id)
            if not self._change(job_id, ("running",), cancel_requested=1):
                raise Conflict(f"“{job.title}” has ended already ({job.state}).", "There is nothing to cancel.")
        return self.get(job_id)

    def need_key(
        self, job_id: str, message: str = "", remedy: str = "", from_states: tuple[str, ...] = ("queued",)
    ) -> bool:
        """Let a job wait for its server's key; False when it is in none of these states any more."""
        server = self.get(job_id).server or "Its server"
        said = message or f"{server} asks for a key, and none is given."
        then = remedy or "Give the key; the job goes on by itself."
        return self._change(job_id, from_states, state=NEEDS_KEY, message=said, remedy=then, rate=None)

    def resume(self, job_id: str, state: str = "queued") -> Job:
        """Queue an ended job again; it goes on where it stopped.

        Args:
            state: RESERVED for a command that runs the job itself.

        Raises:
            Conflict: it is running or done.
        """
        job = self.get(job_id)
        states = (*RESUMABLE, NEEDS_KEY, *(("done",) if job.unfinished else ()))
        if not self._change(job_id, states, state=state, cancel_requested=0, message="", remedy=""):
            raise Conflict(f"“{job.title}” cannot be resumed: it is {job.state}.", "Start it anew instead.")
        return self.get(job_id)

    def requeue(self, job_id: str) -> bool:
        """Queue a running job again whose process is gone; False when it has ended, or is to be cancelled."""

        def change(connection: Connection) -> bool:
            lost = (job_table.c.id == job_id, job_table.c.state == "running", job_table.c.cancel_requested == 0)
            values = {"state": "queued", "message": "", "remedy": "", "updated_at": time.time()}
            return connection.execute(update(job_table).where(*lost).values(values)).rowcount == 1

        return self.database.write(change)

    def retry(self, job_id: str, person: str = "", state: str = "queued") -> Job:
        """A new job with the arguments of an ended one; `state` as in `resume`.

        Raises:
            Conflict: it is still active.
        """
        job = self.get(job_id)
        if job.active:
            raise Conflict(f"“{job.title}” is still {job.state}.", "Wait for it, or cancel it first.")
        return self.create(
            job.project,
            job.kind,
            job.title,
            job.arguments,
            person=person or job.person,
            unit=job.unit,
            total=job.total,
            retry_of=job.id,
            state=state,
        )

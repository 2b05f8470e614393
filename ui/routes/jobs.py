"""Jobs: listed, cancelled, resumed, retried; their reports and results downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import select
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute

from core.corpora.formulas import guard
from core.errors import NotFound
from core.jobs.queue import NEEDS_KEY, RESERVED, Job
from core.store.schema import import_note
from core.store.times import iso
from ui.context import AppContext
from ui.routes.http import Call, route

REPORT_COLUMNS = ("outcome", "file", "row", "field", "code", "cause", "remedy")


def describe_job(job: Job) -> dict[str, Any]:
    """A job as the drawer shows it."""
    data = asdict(job)
    for name in ("arguments", "pid", "pid_started", "cancel_requested", "attempt", "project", "retry_of", "person"):
        data.pop(name)
    ended, waits = job.state == "done", job.state == NEEDS_KEY
    can = list(job.can)
    target: dict[str, Any] | None = None
    corpus = job.result.get("corpus_id") or job.arguments.get("corpus")
    if job.kind == "import" and (ended or job.done):
        target = {"tab": "corpora", "params": {"corpus": corpus}}
    elif job.kind == "tag" and (ended or job.done):
        target = {"tab": "review", "params": {"corpus": corpus}}
    elif job.kind == "caption-music" and (ended or job.done):
        target = {"tab": "music", "params": {"corpus": corpus}}
    elif job.kind in ("vocabulary", "vocabulary-import") and ended:
        target = {"tab": "vocabulary", "params": {}}
    if target:
        can.append("open")
    if job.kind == "export" and ended:
        can.append("download")
    if job.kind == "import" and (ended or job.done):
        can.append("report")
    for name in ("created_at", "started_at", "updated_at", "finished_at"):
        data[name] = iso(data[name])
    data["result"] = {k: v for k, v in job.result.items() if k != "path"}
    return {
        **data,
        "state": "queued" if job.state == RESERVED else job.state,
        "stopping": job.cancel_requested and job.active,
        "seconds_left": job.seconds_left,
        "can": can,
        "open": target,
        "needs_key": {"server": job.server, "base_url": job.arguments.get("base_url")} if waits else None,
        "download": f"downloads/{job.id}" if "download" in can else None,
        "report": f"reports/{job.id}.csv" if "report" in can else None,
    }


def list_jobs(call: Call) -> dict[str, Any]:
    jobs = call.app.queue.recent(call.project)
    return {"jobs": [describe_job(job) for job in jobs], "active": sum(job.active for job in jobs)}


def own_job(call: Call) -> Job:
    """The job named in the path, if it belongs to the page's project.

    Raises:
        NotFound: it does not.
    """
    job = call.app.queue.get(call.part("job"))
    if job.project != call.project:
        raise NotFound("That job belongs to another project.", "Open that project first.")
    return job


def cancel(call: Call) -> dict[str, Any]:
    return {"job": describe_job(call.app.queue.cancel(own_job(call).id))}


def resume(call: Call) -> dict[str, Any]:
    job = call.app.queue.resume(own_job(call).id)
    call.app.supervisor.wake()
    return {"job": describe_job(job)}


def retry(call: Call) -> dict[str, Any]:
    job = call.app.queue.retry(own_job(call).id, call.person.id)
    call.app.supervisor.wake()
    return {"job": describe_job(job)}


def download(call: Call) -> Response:
    """The file of a finished export, from the job's own folder only."""
    job = own_job(call)
    folder = call.app.queue.folder(job.id).resolve()
    path = Path(job.result.get("path", "")).resolve()
    if job.kind != "export" or not path.is_file() or not path.is_relative_to(folder):
        raise NotFound("There is no file to download.", "Export again.")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def report(call: Call) -> Response:
    """The rows of an import that were not simply new or unchanged, as csv."""
    job = own_job(call)
    headers = {"content-disposition": f'attachment; filename="import-{job.id}.csv"'}
    return StreamingResponse(_report_rows(call, job.id), media_type="text/csv; charset=utf-8", headers=headers)


def _report_rows(call: Call, import_id: str) -> Iterator[str]:
    last = 0
    yield "\ufeff" + ",".join(REPORT_COLUMNS) + "\r\n"
    while True:
        query = select(import_note).where(import_note.c.import_run == import_id, import_note.c.pk > last)
        with call.database.read() as connection:
            rows = connection.execute(query.order_by(import_note.c.pk).limit(2000)).all()
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        for row in rows:
            cells = ("" if (v := getattr(row, name)) is None else str(v) for name in REPORT_COLUMNS)
            writer.writerow([guard(cell) for cell in cells])
        yield out.getvalue()
        if len(rows) < 2000:
            return
        last = rows[-1].pk


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "jobs", list_jobs),
        route(app, "POST", "jobs/{job}/cancel", cancel),
        route(app, "POST", "jobs/{job}/resume", resume),
        route(app, "POST", "jobs/{job}/retry", retry),
        route(app, "GET", "downloads/{job}", download),
        route(app, "GET", "reports/{job}.csv", report),
    ]

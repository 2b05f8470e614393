"""Kinds of jobs for the tests: each ends in its own way."""

from __future__ import annotations

from typing import Any

from core.errors import EngineError, InvalidInput
from core.jobs.context import JobContext


def count(job: JobContext) -> dict[str, Any]:
    for n in range(1, 4):
        job.progress(n, 3, force=True)
    return {"counted": 3}


def refuse(job: JobContext) -> dict[str, Any]:
    job.progress(2, 5, force=True)
    raise InvalidInput("Row 3 is wrong.", "Correct row 3.")


def stumble(job: JobContext) -> dict[str, Any]:
    raise ZeroDivisionError("secret detail")


def run_out_of_memory(job: JobContext) -> dict[str, Any]:
    raise MemoryError


def be_cancelled(job: JobContext) -> dict[str, Any]:
    job.progress(1, 9, force=True)
    job.queue.cancel(job.job.id)
    job.progress(2, 9, force=True)
    raise AssertionError("progress must have raised")


def press_control_c(job: JobContext) -> dict[str, Any]:
    raise KeyboardInterrupt


def be_refused(job: JobContext) -> dict[str, Any]:
    """Needs the key "right"."""
    if job.secrets.get("engine_key") != "right":
        raise EngineError("example.org refused the key (401).", "Give the right key in Settings, then resume.", "key")
    return {"let": "in"}


def say_attempt(job: JobContext) -> dict[str, Any]:
    return {"attempt": job.job.attempt, "resumed": job.resumed, "done": job.job.done}


KINDS = {
    name: f"tests.core.jobs.kinds:{name}"
    for name in (
        "count",
        "refuse",
        "stumble",
        "run_out_of_memory",
        "be_cancelled",
        "press_control_c",
        "say_attempt",
        "be_refused",
    )
} | {"gone": "tests.core.jobs.kinds:no_such_function"}

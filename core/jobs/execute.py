"""Runs one claimed job to its end and writes down how it ended, whatever happens."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from core.errors import EngineError, JobCancelled, NotFound, TagloomError
from core.jobs.context import JobContext
from core.jobs.queue import Job, JobQueue

JobFunction = Callable[[JobContext], dict[str, Any]]


def own_start_time() -> float:
    """When this process started, seconds since the epoch; with the pid it names a process for good."""
    return float(psutil.Process(os.getpid()).create_time())


def _wants_key(error: EngineError) -> bool:
    return error.kind == "key"


def execute(
    queue: JobQueue,
    job_id: str,
    kinds: Mapping[str, str],
    secrets: Mapping[str, str] | None = None,
    *,
    waits_for_key: bool = False,
) -> Job | None:
    """Claim and run a queued job in this process.

    Args:
        kinds: a job's kind → "module:function", given by the door that starts jobs.
        secrets: what the job needs to be let in somewhere (`JobContext.secrets`); never stored.
        waits_for_key: a job whose server refuses the key does not fail, but waits for another one: somebody (the
            supervisor) looks after it.

    Returns:
        The ended (or waiting) job, or None when another process had claimed it.
    """
    job = queue.claim(job_id, os.getpid(), own_start_time())
    if job is None:
        return None
    context = JobContext(queue, job, secrets)
    if context.resumed:
        context.log(f"Attempt {job.attempt}: going on where the last one stopped.")
    try:
        if job.kind not in kinds:
            raise NotFound(f"This Tagloom knows no job of the kind “{job.kind}”.", "Update Tagloom.")
        module, _, name = kinds[job.kind].partition(":")
        function: JobFunction = getattr(importlib.import_module(module), name)
        result = function(context)
        queue.report(job.id, context.done, context.total, queue.get(job.id).rate)
        context.log("Done.")
        queue.finish(job.id, "done", result=result)
    except JobCancelled as error:
        context.log("Cancelled by a person.")
        queue.report(job.id, context.done, context.total, None)
        queue.finish(job.id, "cancelled", message=error.message, remedy=error.remedy)
    except KeyboardInterrupt:
        queue.finish(job.id, "cancelled", message="Stopped at the keyboard.", remedy="Resume goes on from here.")
        raise
    except EngineError as error:
        context.log(f"{'Needs a key' if _wants_key(error) else 'Failed'}: {error}")
        if waits_for_key and _wants_key(error):
            queue.need_key(job.id, error.message, "Give the right key; the job goes on by itself.", ("running",))
        else:
            kind = {"error": type(error).__name__, "kind": error.kind}
            queue.finish(job.id, "failed", result=kind, message=error.message, remedy=error.remedy)
    except TagloomError as error:
        context.log(f"Failed: {error}")
        kind = {"error": type(error).__name__}  # tells the command line a wrong request from a fault
        queue.finish(job.id, "failed", result=kind, message=error.message, remedy=error.remedy)
    except MemoryError:
        context.log("Failed: out of memory.")
        queue.finish(
            job.id, "failed", message="The machine ran out of memory.", remedy="Close other programs, then resume."
        )
    except Exception as error:
        (context.folder / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        context.log(f"Failed: {type(error).__name__}: {error}")
        queue.finish(
            job.id,
            "failed",
            message=f"Tagloom made a mistake here ({type(error).__name__}).",
            remedy=f"Details are in {context.folder / 'traceback.txt'}; resume tries again.",
        )
    return queue.get(job.id)

"""The ledger: one row for every request that went over the wire, whatever became of it. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import astuple, dataclass, fields
from typing import Any

from sqlalchemy import Connection, func, select

from core.store.database import Database, insert_many
from core.store.schema import attempt

ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request and what became of it.

    Attributes:
        key: of the reply that it asked for.
        job: the job that asked; "" outside of jobs.
        at: when it was sent, seconds since the epoch.
        outcome: "answered", or a fault's kind.
        status: HTTP status, where there was one.
        billed: "yes", "no" or "unknown", as far as servers of that kind are known to do.
        cost_micros: millionths of a US dollar; None where no price is known. Of an attempt of which nobody knows
            whether it was billed: what it can have cost at most.
    """

    key: str
    endpoint: str
    model: str
    job: str
    at: float
    milliseconds: int
    outcome: str
    status: int | None
    billed: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_micros: int | None = None


_COLUMNS = tuple(each.name for each in fields(Attempt))


def store(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Add rows, inside the transaction that also stores the replies which they paid for."""
    insert_many(connection, "attempt", _COLUMNS, [astuple(each) for each in attempts])


def submit(database: Database, attempts: Sequence[Attempt]) -> Future[None]:
    """Add rows that no reply came of; done once they are durable."""
    return database.submit(lambda connection: store(connection, attempts))


def spent_by(connection: Connection, job: str) -> dict[str, Any]:
    """What a job's requests have used, over all its attempts at running.

    Returns:
        requests, answered, prompt_tokens, completion_tokens; cost_micros of what was certainly billed (None where no
        price is known of any of it); unpriced: billed requests without a price; unknown_billed: requests of which
        nobody knows whether they were billed; unknown_micros: what those can have cost at most.
    """
    return _sums(connection, attempt.c.job == job)


def spent_at(connection: Connection, endpoint: str, model: str) -> int:
    """Micros that this project has spent on a model, or may have."""
    found = _sums(connection, attempt.c.endpoint == endpoint, attempt.c.model == model)
    return int(found["cost_micros"] or 0) + int(found["unknown_micros"])


def _sums(connection: Connection, *where: Any) -> dict[str, Any]:
    query = select(
        attempt.c.billed,
        func.count(),
        func.sum(attempt.c.prompt_tokens),
        func.sum(attempt.c.completion_tokens),
        func.count(attempt.c.cost_micros),
        func.sum(attempt.c.cost_micros),
    )
    found = {row[0]: row[1:] for row in connection.execute(query.where(*where).group_by(attempt.c.billed))}
    nothing = (0, 0, 0, 0, None)
    yes, unknown = found.get("yes", nothing), found.get("unknown", nothing)
    answered = connection.execute(
        select(func.count()).select_from(attempt).where(*where, attempt.c.outcome == ANSWERED)
    ).scalar_one()
    priced, unpriced = int(yes[3]), int(yes[0]) - int(yes[3])
    return {
        "requests": sum(int(row[0]) for row in found.values()),
        "answered": int(answered),
        "prompt_tokens": sum(int(row[1] or 0) for row in found.values()),
        "completion_tokens": sum(int(row[2] or 0) for row in found.values()),
        "cost_micros": int(yes[4] or 0) if priced or not unpriced else None,
        "unpriced": unpriced,
        "unknown_billed": int(unknown[0]),
        "unknown_micros": int(unknown[4] or 0),
    }

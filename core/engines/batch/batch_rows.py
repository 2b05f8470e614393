"""Batches as the project keeps them: what has been handed in, where it stands, how much of it has landed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from core.store.database import Database
from core.store.schema import batch

OVER = ("landed", "failed", "lost")


@dataclass(slots=True)
class BatchRow:
    """One batch. `answered`: questions that the server has dealt with, as it says itself (not kept)."""

    id: str
    job: str
    endpoint: str
    model: str
    state: str
    requests: int
    remote_file: str | None = None
    remote_batch: str | None = None
    landed: int = 0
    detail: dict[str, Any] = field(default_factory=dict)
    answered: int = 0


def add(database: Database, row: BatchRow) -> None:
    """Write a batch down, before anything of it leaves this machine."""
    now = time.time()
    values = {**_values(row), "id": row.id, "job": row.job, "endpoint": row.endpoint, "model": row.model}
    values |= {"requests": row.requests, "landed": row.landed, "created_at": now, "updated_at": now}
    database.write(lambda c: c.execute(insert(batch), values) and None)


def save(database: Database, row: BatchRow) -> None:
    """Keep where a batch stands."""
    values = {**_values(row), "updated_at": time.time()}
    database.write(lambda c: c.execute(update(batch).where(batch.c.id == row.id).values(values)) and None)


def note_landed(connection: Connection, batch_id: str, landed: int) -> None:
    """Keep how many lines have been read, in the transaction that stores what they said."""
    connection.execute(update(batch).where(batch.c.id == batch_id).values(landed=landed, updated_at=time.time()))


def open_of(database: Database, job: str) -> list[BatchRow]:
    """The batches of a job that are not over yet, the oldest first."""
    query = select(batch).where(batch.c.job == job, batch.c.state.not_in(OVER)).order_by(batch.c.created_at)
    with database.read() as connection:
        return [
            BatchRow(
                row.id,
                row.job,
                row.endpoint,
                row.model,
                row.state,
                row.requests,
                row.remote_file,
                row.remote_batch,
                row.landed,
                orjson.loads(row.detail),
            )
            for row in connection.execute(query)
        ]


def _values(row: BatchRow) -> dict[str, Any]:
    return {
        "state": row.state,
        "remote_file": row.remote_file,
        "remote_batch": row.remote_batch,
        "detail": orjson.dumps(row.detail).decode(),
    }

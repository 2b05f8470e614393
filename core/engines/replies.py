"""Raw answers in the project's database: written once, before anything reads them, found again by their key."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import orjson
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from core.engines.calls import Reply, Request, Usage
from core.engines.envelope import read_envelope
from core.store.database import Database
from core.store.schema import reply

LOOKED_AT = 200  # newest replies in which a server's ways and figures are looked up
_COLUMNS = (reply.c.id, reply.c.key, reply.c.raw, reply.c.usage)


def _reply(row: Any, cached: bool) -> Reply:
    envelope, usage = read_envelope(row.raw), orjson.loads(row.usage)
    names = ("prompt", "completion", "estimated", "milliseconds")
    return Reply(
        int(row.id),
        envelope.text,
        envelope.finish_reason,
        Usage(**{name: usage[name] for name in names if name in usage}),
        cached,
        envelope.refusal,
        envelope.reasoning,
        envelope.model,
    )


def find(database: Database, keys: Sequence[str]) -> dict[str, Reply]:
    """The stored answers to these keys (some hundred at a time)."""
    with database.read() as connection:
        rows = connection.execute(select(*_COLUMNS).where(reply.c.key.in_(list(keys)))).all()
    return {row.key: _reply(row, cached=True) for row in rows}


def known(database: Database, keys: Sequence[str]) -> int:
    """How many of these keys are answered."""
    found = 0
    with database.read() as connection:
        for start in range(0, len(keys), 500):
            part = list(keys[start : start + 500])
            found += len(connection.execute(select(reply.c.id).where(reply.c.key.in_(part))).all())
    return found


def submit(
    database: Database,
    key: str,
    endpoint: str,
    model: str,
    request: Request,
    wire: dict[str, Any],
    raw: str,
    usage: Usage,
) -> Future[Reply]:
    """Store an answer; done once it is durable. Where the key has one already, that one stays and is returned."""
    values = {
        "key": key,
        "endpoint": endpoint,
        "model": model,
        "sample": request.sample,
        "request": orjson.dumps(request.as_dict()).decode(),
        "wire": orjson.dumps(wire).decode(),
        "raw": raw.replace("\0", "\ufffd"),
        "usage": orjson.dumps(
            {
                "prompt": usage.prompt,
                "completion": usage.completion,
                "estimated": usage.estimated,
                "milliseconds": usage.milliseconds,
            }
        ).decode(),
        "at": time.time(),
    }

    def store(connection: Connection) -> Reply:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(insert(reply).values(values).on_conflict_do_nothing(index_elements=["key"]))
        return _reply(connection.execute(select(*_COLUMNS).where(reply.c.key == key)).one(), cached=False)

    return database.submit(store)


def measured(database: Database, endpoint: str, model: str) -> list[tuple[str, Usage]]:
    """(the request's JSON, what it used) of the newest answers whose usage the server itself told."""
    newest = (
        select(reply.c.endpoint, reply.c.model, reply.c.request, reply.c.usage)
        .order_by(reply.c.id.desc())
        .limit(LOOKED_AT)
    )
    found = []
    with database.read() as connection:
        for row in connection.execute(newest):
            usage = orjson.loads(row.usage)
            if (row.endpoint, row.model) == (endpoint, model) and not usage.get("estimated"):
                found.append((row.request, Usage(usage["prompt"], usage["completion"])))
    return found

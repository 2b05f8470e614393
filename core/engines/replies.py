"""Raw answers in the project's database: written once, before anything reads them, found again by their key."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.engines.answers.envelope import Envelope, read_envelope
from core.engines.calls import Reply, Request, Usage
from core.store.database import Database
from core.store.schema import reply

LOOKED_AT = 200  # newest replies in which a server's ways and figures are looked up
_COLUMNS = (reply.c.id, reply.c.key, reply.c.raw, reply.c.usage, reply.c.wire)


def _reply(row: Any, cached: bool) -> Reply:
    envelope, usage = read_envelope(row.raw), orjson.loads(row.usage)
    wire = orjson.loads(row.wire) if row.wire else {}
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
        str(wire.get("answer_format") or ""),
        tuple(wire.get("flags") or ()),
    )


def find(database: Database, keys: Sequence[str]) -> dict[str, Reply]:
    """The stored answers to these keys (some hundred at a time)."""
    with database.read() as connection:
        rows = connection.execute(select(*_COLUMNS).where(reply.c.key.in_(list(keys)))).all()
    return {row.key: _reply(row, cached=True) for row in rows}


def read(database: Database, ids: Sequence[int]) -> dict[int, Reply]:
    """Stored answers by their ids."""
    found: dict[int, Reply] = {}
    with database.read() as connection:
        for start in range(0, len(ids), 500):
            query = select(*_COLUMNS).where(reply.c.id.in_(list(ids[start : start + 500])))
            found.update((int(row.id), _reply(row, cached=True)) for row in connection.execute(query))
    return found


def known(database: Database, keys: Sequence[str]) -> int:
    """How many of these keys are answered."""
    found = 0
    with database.read() as connection:
        for start in range(0, len(keys), 500):
            part = list(keys[start : start + 500])
            found += len(connection.execute(select(reply.c.id).where(reply.c.key.in_(part))).all())
    return found


@dataclass(frozen=True, slots=True)
class Landed:
    """An answer as it came, to be stored.

    Attributes:
        wire: what was sent, less the messages.
        raw: the body as received.
        reply: the same, read; its id is not known yet.
    """

    key: str
    request: Request
    wire: dict[str, Any]
    raw: str
    reply: Reply


def landed(
    key: str,
    request: Request,
    wire: dict[str, Any],
    raw: str,
    usage: Usage,
    flags: tuple[str, ...] = (),
    envelope: Envelope | None = None,
) -> Landed:
    """An answer's body, made fit for a database.

    Args:
        wire: what was sent, less the messages; "answer_format" in it is told with the reply.
        flags: what had to be done to the question; told with the reply, too.
        envelope: what the body says, where it has been read already.
    """
    raw = raw.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    envelope = envelope or read_envelope(raw)
    wire = {**wire, "flags": flags} if flags else wire
    reply = Reply(
        0,
        envelope.text,
        envelope.finish_reason,
        usage,
        False,
        envelope.refusal,
        envelope.reasoning,
        envelope.model,
        str(wire.get("answer_format") or ""),
        flags,
    )
    return Landed(key, request, wire, raw, reply)


_STORED = ("key", "endpoint", "model", "sample", "request", "wire", "raw", "usage", "at")


def store(connection: Connection, endpoint: str, model: str, answers: Sequence[Landed]) -> dict[str, Reply]:
    """Store answers; where a key has one already, that one stays. Returns what is stored, by key."""
    now = time.time()
    rows: list[Any] = []
    for each in answers:
        usage = each.reply.usage
        said = {
            "prompt": usage.prompt,
            "completion": usage.completion,
            "estimated": usage.estimated,
            "milliseconds": usage.milliseconds,
        }
        request, wire = orjson.dumps(each.request.as_dict()).decode(), orjson.dumps(each.wire).decode()
        sample = each.request.sample
        rows += (each.key, endpoint, model, sample, request, wire, each.raw, orjson.dumps(said).decode(), now)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([f"({', '.join([mark] * len(_STORED))})"] * len(answers))
    inserted = connection.exec_driver_sql(
        f"INSERT INTO reply ({', '.join(_STORED)}) VALUES {marks} ON CONFLICT (key) DO NOTHING RETURNING id, key",
        tuple(rows),
    )
    ids = {row[1]: int(row[0]) for row in inserted}
    stored = {each.key: replace(each.reply, id=ids.pop(each.key)) for each in answers if each.key in ids}
    missing = [each.key for each in answers if each.key not in stored]
    if missing:
        found = connection.execute(select(*_COLUMNS).where(reply.c.key.in_(missing))).all()
        stored.update({row.key: _reply(row, cached=False) for row in found})
    return stored


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
    """Store one answer; done once it is durable. Where the key has one already, that one stays and is returned."""
    answer = landed(key, request, wire, raw, usage)
    return database.submit(lambda connection: store(connection, endpoint, model, [answer])[key])


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

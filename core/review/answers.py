"""How each agent's newest attempt at an item ended, where there is something to tell: it failed, it was refused, its
answer could not be used, or was odd in a way that a reviewer should know of."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, func, select, tuple_

from core.engines.answers.envelope import read_envelope
from core.review.meanings import chunks
from core.review.suggestions import TASK, agent_of
from core.store.schema import item, reply, run, run_item, run_reply

HARMLESS = frozenset({"fenced", "prose", "lines", "thinking", "label", "json"})  # nothing was lost by these
LONGEST_RAW = 4000  # characters of an answer that are shown


def answers_of(
    connection: Connection, keys: list[int], *, raw: bool = False, task: str = TASK
) -> dict[int, list[dict[str, Any]]]:
    """{item's pk: [{agent, method, model, state, error, flags}]}, without what went well.

    Args:
        task: of which runs.
        raw: with the model's own words as `raw`, shortened; None where there are none.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for part in chunks(keys):
        corpora = select(item.c.corpus).where(item.c.pk.in_(part)).distinct().scalar_subquery()
        newest = (
            select(run_item.c.item, func.max(run.c.id))
            .join(run, run.c.id == run_item.c.run)
            .where(run.c.corpus.in_(corpora), run.c.task == task, run_item.c.item.in_(part))
            .group_by(run_item.c.item, run.c.method)
        )
        columns = (*run_item.c, run.c.method, run.c.model)
        odd = (run_item.c.state != "ok") | run_item.c.flags.is_not(None)
        query = select(*columns).join(run, run.c.id == run_item.c.run).where(odd)
        query = query.where(tuple_(run_item.c.item, run_item.c.run).in_(newest)).order_by(run_item.c.item, run.c.id)
        for row in connection.execute(query).all():
            flags = [flag for flag in orjson.loads(row.flags or "[]") if flag not in HARMLESS]
            if row.state == "ok" and not flags:
                continue
            entry = {
                "agent": agent_of(row.method),
                "method": row.method,
                "model": row.model,
                "state": row.state,
                "error": row.error,
                "flags": flags,
            }
            if raw:
                entry["raw"] = _words(connection, row.run, row.item)
            found.setdefault(row.item, []).append(entry)
    return found


def _words(connection: Connection, run_id: int, pk: int) -> str | None:
    """What the model wrote, of the last sample."""
    query = (
        select(reply.c.raw)
        .join(run_reply, run_reply.c.reply == reply.c.id)
        .where(run_reply.c.run == run_id, run_reply.c.item == pk)
        .order_by(run_reply.c.sample.desc())
    )
    stored = connection.execute(query.limit(1)).scalar()
    return read_envelope(stored).text[:LONGEST_RAW] or None if stored else None

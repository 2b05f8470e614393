"""Runs: a frozen recipe over a corpus' items, what it has answered so far, and its suggestions."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, insert, select, update

from core.errors import NotFound
from core.store.schema import item, run, run_item, run_reply, suggestion, tag_revision
from core.store.times import iso

STATES = ("ok", "invalid", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a run the run it is; "again with a change" is another run."""

    task: str
    method: str
    engine: str
    model: str
    parameters: dict[str, Any]
    seed: int = 0
    prompt: str | None = None
    prompt_hash: str | None = None


@dataclass(slots=True)
class Answer:
    """What a run says of one item; `rows` are suggestion rows without run and item; `replies`: the raw answers it
    rests on, by sample; `flags`: what was odd about a usable answer."""

    item: int
    state: str = "ok"
    error: str | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    replies: dict[int, int] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)


def start_run(connection: Connection, corpus: int, recipe: Recipe, person: str, job: str | None) -> int:
    """Write a run over the corpus with the key `corpus` down; returns its id. A job that goes on finds its own run
    (of this method: a job that captions has one for each style)."""
    if job is not None:
        mine = select(run.c.id).where(run.c.job == job, run.c.method == recipe.method)
        found = connection.execute(mine).scalar()
        if found is not None:
            return int(found)
    values = {
        "corpus": corpus,
        "task": recipe.task,
        "method": recipe.method,
        "engine": recipe.engine,
        "model": recipe.model,
        "prompt": recipe.prompt,
        "prompt_hash": recipe.prompt_hash,
        "parameters": orjson.dumps(recipe.parameters, option=orjson.OPT_SORT_KEYS).decode(),
        "vocabulary_revision": connection.execute(select(func.coalesce(func.max(tag_revision.c.id), 0))).scalar_one(),
        "seed": recipe.seed,
        "person": person,
        "job": job,
        "created_at": time.time(),
    }
    key = connection.execute(insert(run), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def answered(connection: Connection, run_id: int) -> tuple[int, int]:
    """(items answered, position of the last one): where a resumed run goes on."""
    row = connection.execute(
        select(func.count(), func.coalesce(func.max(item.c.pk), 0))
        .select_from(run_item)
        .join(item, item.c.pk == run_item.c.item)
        .where(run_item.c.run == run_id)
    ).one()
    return int(row[0]), int(row[1])


def answered_items(connection: Connection, run_id: int) -> set[int]:
    """The items that a run need not ask about again: all it has answered, but not those that failed."""
    query = select(run_item.c.item).where(run_item.c.run == run_id, run_item.c.state != "failed")
    return set(connection.execute(query).scalars())


def store_answers(connection: Connection, run_id: int, answers: list[Answer]) -> None:
    """Write answers with their suggestions; an item that failed before gets its new answer instead."""
    for part in (answers[start : start + 500] for start in range(0, len(answers), 500)):
        keys = [a.item for a in part]
        again = (run_item.c.run == run_id) & run_item.c.item.in_(keys) & (run_item.c.state == "failed")
        failed = list(connection.execute(select(run_item.c.item).where(again)).scalars())
        if failed:
            connection.execute(delete(run_item).where(again))
            connection.execute(delete(run_reply).where(run_reply.c.run == run_id, run_reply.c.item.in_(failed)))
    items = [
        {
            "run": run_id,
            "item": a.item,
            "state": a.state,
            "suggestions": len(a.rows),
            "error": a.error,
            "flags": orjson.dumps(a.flags).decode() if a.flags else None,
        }
        for a in answers
    ]
    rows = [{"run": run_id, "item": a.item, **row} for a in answers for row in a.rows]
    replies = [
        {"run": run_id, "item": a.item, "sample": sample, "reply": reply}
        for a in answers
        for sample, reply in a.replies.items()
    ]
    if items:
        connection.execute(insert(run_item), items)
    if rows:
        connection.execute(insert(suggestion), rows)
    if replies:
        connection.execute(insert(run_reply), replies)


def note_spent(connection: Connection, run_id: int, spent: dict[str, Any]) -> None:
    """Keep what a run's attempts have used together (`core.engines.money.spending.Meter.total`)."""
    connection.execute(update(run).where(run.c.id == run_id).values(spent=orjson.dumps(spent).decode()))


def spent_of(connection: Connection, run_id: int) -> dict[str, Any]:
    """What `note_spent` kept; empty for a run that asked nobody."""
    stored = connection.execute(select(run.c.spent).where(run.c.id == run_id)).scalar()
    return dict(orjson.loads(stored)) if stored else {}


def flag_counts(connection: Connection, run_id: int) -> dict[str, int]:
    """How many items of a run have an answer with each flag, the most frequent first."""
    query = (
        select(run_item.c.flags, func.count())
        .where(run_item.c.run == run_id, run_item.c.flags.is_not(None))
        .group_by(run_item.c.flags)
    )
    counts: Counter[str] = Counter()
    for flags, n in connection.execute(query):
        counts.update({flag: int(n) for flag in orjson.loads(flags)})
    return dict(counts.most_common())


def run_counts(connection: Connection, run_id: int) -> dict[str, int]:
    """{items, ok, invalid, refused, failed, suggestions} of a run so far."""
    rows = connection.execute(
        select(run_item.c.state, func.count(), func.coalesce(func.sum(run_item.c.suggestions), 0))
        .where(run_item.c.run == run_id)
        .group_by(run_item.c.state)
    ).all()
    by_state = {state: int(n) for state, n, _ in rows}
    return {
        "items": sum(by_state.values()),
        **{state: by_state.get(state, 0) for state in STATES},
        "suggestions": sum(int(n) for _, _, n in rows),
    }


def list_runs(
    connection: Connection, corpus: int | None = None, limit: int = 50, task: str | None = None
) -> list[dict[str, Any]]:
    """Runs (of one task if it is named), the newest first, with their counts."""
    query = select(run).order_by(run.c.id.desc()).limit(limit)
    if corpus is not None:
        query = query.where(run.c.corpus == corpus)
    if task is not None:
        query = query.where(run.c.task == task)
    return [
        {
            "id": str(row.id),
            "corpus": row.corpus,
            "task": row.task,
            "method": row.method,
            "engine": row.engine,
            "model": row.model,
            "parameters": orjson.loads(row.parameters),
            "vocabulary_revision": row.vocabulary_revision,
            "job": row.job,
            "created_at": iso(row.created_at),
            "spent": orjson.loads(row.spent) if row.spent else {},
            **run_counts(connection, row.id),
        }
        for row in connection.execute(query).all()
    ]


def find_run(connection: Connection, run_id: str) -> Any:
    """The row of a run.

    Raises:
        NotFound: there is none with that id.
    """
    row = None
    if run_id.isdecimal() and len(run_id) < 16:
        row = connection.execute(select(run).where(run.c.id == int(run_id))).first()
    if row is None:
        raise NotFound(f"There is no run “{run_id}”.", "`tagloom runs` lists them.")
    return row

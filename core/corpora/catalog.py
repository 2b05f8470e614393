"""Corpora of a project: found, made, listed with their counts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, text, update

from core.corpora.rendering import render
from core.errors import InvalidInput, NotFound
from core.store.database import Database
from core.store.schema import STATUSES
from core.store.schema import corpus as corpus_table
from core.store.schema import item as item_table
from core.store.schema import run as run_table
from core.store.times import iso

KINDS = ("items", "images", "music", "interactions")


@dataclass(frozen=True, slots=True)
class Corpus:
    """A named import with its mapping. `roles`: column → role, in column order; `split`: how lists are written, and
    `labels`: what codes and places stand for, both by column (see given.py)."""

    pk: int
    id: str
    name: str
    kind: str
    roles: dict[str, str]
    source: str
    created_at: float
    updated_at: float
    split: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Sequence[str] | dict[str, str]] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """What runs over this corpus are mostly for, as `run.task` says it."""
        return "captions" if self.kind == "music" else "tags"

    @property
    def clue_fields(self) -> list[str]:
        """The columns that taggers and people see, in the order of their roles."""
        return [field.name for field in render(dict.fromkeys(self.roles, "x"), self.roles)]


def _corpus(row: Any) -> Corpus:
    mapping = orjson.loads(row.mapping)
    roles = mapping.get("roles", {})
    split, labels = mapping.get("split", {}), mapping.get("labels", {})
    return Corpus(row.pk, row.id, row.name, row.kind, roles, row.source, row.created_at, row.updated_at, split, labels)


def name_key(name: str) -> str:
    """What makes two corpus names the same: case and spaces do not count."""
    return " ".join(name.split()).casefold()


def find_corpus(connection: Connection, name_or_id: str) -> Corpus:
    """The corpus with that name or id.

    Raises:
        NotFound: there is none.
    """
    live = select(corpus_table).where(corpus_table.c.deleted == 0)
    row = connection.execute(live.where(corpus_table.c.id == name_or_id)).first()
    row = row or connection.execute(live.where(corpus_table.c.name_key == name_key(name_or_id))).first()
    if row is None:
        names = [r.name for r in connection.execute(live.order_by(corpus_table.c.name)).all()]
        raise NotFound(
            f"There is no corpus “{name_or_id}” in this project.",
            f"Corpora here: {', '.join(names)}." if names else "Import one first.",
        )
    return _corpus(row)


def corpus_by_pk(connection: Connection, pk: int) -> Corpus:
    """The corpus with that key, deleted or not.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(select(corpus_table).where(corpus_table.c.pk == pk)).first()
    if row is None:
        raise NotFound("That corpus does not exist any more.", "Choose another one.")
    return _corpus(row)


def ensure_corpus(
    connection: Connection, name: str, kind: str, mapping: dict[str, Any], source: str
) -> tuple[Corpus, bool]:
    """The corpus with that name, made when new; an existing one takes over the new mapping's roles.

    Returns:
        The corpus, and whether it is new.

    Raises:
        InvalidInput: the name is empty or longer than 80 characters, or the kind is unknown or another one.
    """
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise InvalidInput("A corpus' name has 1 to 80 characters.", "Choose such a name.")
    if kind not in KINDS:
        raise InvalidInput(f"“{kind}” is no kind of corpus.", f"Kinds: {', '.join(KINDS)}.")
    now = time.time()
    if connection.dialect.name != "sqlite":  # two processes may make the same corpus at once
        connection.execute(text("SELECT pg_advisory_xact_lock(7264)"))
    try:
        corpus = find_corpus(connection, name)
    except NotFound:
        values = {
            "id": secrets.token_hex(8),
            "name": name,
            "name_key": name_key(name),
            "kind": kind,
            "mapping": orjson.dumps(mapping).decode(),
            "fields": "[]",
            "source": source,
            "deleted": 0,
            "created_at": now,
            "updated_at": now,
        }
        connection.execute(insert(corpus_table), values)
        return find_corpus(connection, name), True
    if corpus.kind != kind:
        raise InvalidInput(
            f"The corpus “{corpus.name}” holds {corpus.kind}, not {kind}.", "Import into a corpus of another name."
        )
    merged = {**mapping, "roles": {**corpus.roles, **mapping.get("roles", {})}}
    for part, before in (("split", corpus.split), ("labels", corpus.labels)):
        if kept := {column: how for column, how in before.items() if column not in mapping.get("roles", {})}:
            merged[part] = {**kept, **mapping.get(part, {})}
    connection.execute(
        update(corpus_table)
        .where(corpus_table.c.pk == corpus.pk)
        .values(mapping=orjson.dumps(merged).decode(), source=source, updated_at=now)
    )
    return find_corpus(connection, name), False


def status_counts(connection: Connection, corpus_pk: int) -> dict[str, int]:
    """Items of a corpus by status, deleted ones left out; every status is a key."""
    rows = connection.execute(
        select(item_table.c.status, func.count())
        .where(item_table.c.corpus == corpus_pk, item_table.c.deleted == 0)
        .group_by(item_table.c.status)
    ).all()
    found = {STATUSES[code]: n for code, n in rows}
    return {status: found.get(status, 0) for status in STATUSES}


def list_corpora(database: Database) -> list[dict[str, Any]]:
    """Every corpus with its counts, by name, as the page and `tagloom corpora` show them."""
    with database.read() as connection:
        rows = connection.execute(
            select(corpus_table).where(corpus_table.c.deleted == 0).order_by(corpus_table.c.name_key)
        ).all()
        return [describe(connection, _corpus(row)) for row in rows]


def describe(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """One corpus with its counts."""
    status = status_counts(connection, corpus.pk)
    gold = connection.execute(
        select(item_table.c.pk)
        .where(item_table.c.corpus == corpus.pk, item_table.c.deleted == 0, item_table.c.gold.is_not(None))
        .limit(1)
    ).first()
    runs = connection.execute(
        select(func.count())
        .select_from(run_table)
        .where(run_table.c.corpus == corpus.pk, run_table.c.task == corpus.task)
    ).scalar_one()
    fields = render(dict.fromkeys(corpus.roles, "x"), corpus.roles)
    return {
        "id": corpus.id,
        "name": corpus.name,
        "kind": corpus.kind,
        "items": sum(status.values()),
        "status": status,
        "gold": gold is not None,
        "runs": runs,
        "updated_at": iso(corpus.updated_at),
        "fields": [{"name": f.name, "label": f.label, "kind": f.kind} for f in fields],
    }

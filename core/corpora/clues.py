"""What an engine may know of an item: its text fields, nothing else; read a few items at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select

from core.corpora.catalog import Corpus
from core.corpora.rendering import render
from core.store.database import Database
from core.store.schema import item

READ_AHEAD = 256
KINDS = ("title", "caption", "category", "ocr", "speech", "body", "clue")
"""Kinds of clue, as the roles of a corpus' columns name them; any other kind counts as "clue"."""


@dataclass(frozen=True, slots=True)
class Clue:
    """One text field of an item.

    Attributes:
        field: the field's name, as evidence names it.
        kind: one of KINDS; "clue" is any other text, such as a speaker or a place.
        text: the field's text, whole.
    """

    field: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class TaggableItem:
    """What an engine may know of an item: its clue fields. Gold labels are not read at all."""

    pk: int
    id: str
    title: str
    clues: tuple[Clue, ...]


def clues_of(fields: str, roles: dict[str, str]) -> tuple[Clue, ...]:
    """The clue fields of an item as stored (JSON text), in the order in which people see them."""
    return tuple(Clue(f.name, f.kind, f.text) for f in render(orjson.loads(fields), roles))


def read_items(
    database: Database, corpus: Corpus, *, after: int = 0, limit: int | None = None
) -> Iterator[TaggableItem]:
    """A corpus' live items by position, in short reads (no long snapshot while a run goes on for hours)."""
    columns = (item.c.pk, item.c.id, item.c.title, item.c.fields)
    left = limit
    while left is None or left > 0:
        size = READ_AHEAD if left is None else min(READ_AHEAD, left)
        query = (
            select(*columns)
            .where(item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.pk > after)
            .order_by(item.c.pk)
            .limit(size)
        )
        with database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            yield TaggableItem(row.pk, row.id, row.title, clues_of(row.fields, corpus.roles))
        if len(rows) < size:
            return
        after = rows[-1].pk
        left = None if left is None else left - len(rows)


def sample_items(database: Database, corpus: Corpus, most: int) -> list[TaggableItem]:
    """At most `most` items, evenly spaced over the corpus: the same ones every time."""
    keys_query = select(item.c.pk).where(item.c.corpus == corpus.pk, item.c.deleted == 0).order_by(item.c.pk)
    with database.read() as connection:
        keys = list(connection.execute(keys_query).scalars())
        if len(keys) > most:
            keys = [keys[i * len(keys) // most] for i in range(most)]
        rows: list[Any] = []
        for start in range(0, len(keys), 500):
            part = select(item.c.pk, item.c.id, item.c.title, item.c.fields)
            rows += connection.execute(part.where(item.c.pk.in_(keys[start : start + 500]))).all()
    rows.sort(key=lambda row: row.pk)
    return [TaggableItem(r.pk, r.id, r.title, clues_of(r.fields, corpus.roles)) for r in rows]

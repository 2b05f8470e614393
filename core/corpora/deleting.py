"""Taking items or a corpus away, and bringing them back. Nothing is erased: a deletion has an id and an undo."""

from __future__ import annotations

import secrets
import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from core.corpora.catalog import Corpus, find_corpus, name_key, status_counts
from core.corpora.identity import number_of
from core.errors import Conflict, InvalidInput, NotFound
from core.store.database import Database
from core.store.schema import corpus as corpus_table
from core.store.schema import deletion, item

MOST = 1000


def _named(ids: list[str]) -> ColumnElement[bool]:
    return and_(item.c.pk.in_([number_of(i) for i in ids]), item.c.id.in_(ids))


def _record(connection: Connection, person: str, what: str) -> tuple[int, str]:
    undo = secrets.token_hex(8)
    row = {"id": undo, "person": person, "at": time.time(), "what": what}
    key = connection.execute(insert(deletion), row).inserted_primary_key
    assert key is not None
    return int(key[0]), undo


def delete_items(database: Database, ids: list[str], person: str) -> dict[str, Any]:
    """Delete items by id; `{"deleted": n, "undo": token}`.

    Raises:
        InvalidInput: no id, or more than 1,000 at once.
    """
    if not ids or len(ids) > MOST:
        raise InvalidInput(f"Between 1 and {MOST} items can be deleted at once.", "Select fewer.")

    def delete(connection: Connection) -> dict[str, Any]:
        key, undo = _record(connection, person, f"{len(ids)} items")
        changed = connection.execute(update(item).where(_named(ids), item.c.deleted == 0).values(deleted=key)).rowcount
        return {"deleted": changed, "undo": undo}

    return database.write(delete)


def restore_items(database: Database, undo: str) -> dict[str, Any]:
    """Undo a deletion of items; `{"restored": n}`.

    Raises:
        NotFound: no such deletion.
    """

    def restore(connection: Connection) -> dict[str, Any]:
        key = _deletion(connection, undo)
        changed = connection.execute(update(item).where(item.c.deleted == key).values(deleted=0)).rowcount
        connection.execute(update(deletion).where(deletion.c.pk == key).values(restored_at=time.time()))
        return {"restored": changed}

    return database.write(restore)


def undelete_items(database: Database, ids: list[str]) -> dict[str, Any]:
    """Bring single deleted items back by id; `{"restored": n}`."""
    statement = update(item).where(_named(ids[:MOST]), item.c.deleted != 0).values(deleted=0)
    return {"restored": database.write(lambda c: c.execute(statement).rowcount)}


def delete_corpus(database: Database, name_or_id: str, person: str) -> dict[str, Any]:
    """Delete a corpus with its items; `{"deleted": items, "undo": token}`."""

    def delete(connection: Connection) -> dict[str, Any]:
        corpus = find_corpus(connection, name_or_id)
        key, undo = _record(connection, person, f"corpus {corpus.name}")
        connection.execute(update(corpus_table).where(corpus_table.c.pk == corpus.pk).values(deleted=key))
        return {"deleted": sum(status_counts(connection, corpus.pk).values()), "undo": undo}

    return database.write(delete)


def restore_corpus(database: Database, undo: str) -> Corpus:
    """Undo the deletion of a corpus.

    Raises:
        NotFound: no such deletion.
        Conflict: a new corpus took its name.
    """

    def restore(connection: Connection) -> Corpus:
        key = _deletion(connection, undo)
        row = connection.execute(select(corpus_table).where(corpus_table.c.deleted == key)).first()
        if row is None:
            raise NotFound("That corpus is not deleted.", "Reload the page.")
        taken = select(corpus_table.c.pk).where(
            corpus_table.c.name_key == name_key(row.name), corpus_table.c.deleted == 0
        )
        if connection.execute(taken).first():
            raise Conflict(f"Another corpus is called “{row.name}” now.", "Delete that one first.")
        connection.execute(update(corpus_table).where(corpus_table.c.pk == row.pk).values(deleted=0))
        connection.execute(update(deletion).where(deletion.c.pk == key).values(restored_at=time.time()))
        return find_corpus(connection, row.id)

    return database.write(restore)


def _deletion(connection: Connection, undo: str) -> int:
    key = connection.execute(select(deletion.c.pk).where(deletion.c.id == undo)).scalar()
    if key is None:
        raise NotFound("That deletion is not known here.", "Use the filter “deleted” to restore items.")
    return int(key)

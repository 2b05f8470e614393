"""Tags, suggestions, decisions and looks into the store, in one line each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import func, select, update

from core.corpora.catalog import Corpus, find_corpus
from core.review.agreement import update_agreement
from core.review.decisions import record
from core.store.database import Database
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import import_note, item
from core.store.schema import tag as tag_table
from core.vocabulary.store import add_tag

ANN = "ann"  # the person who decides unless a test says otherwise


def corpus_of(database: Database, name: str = "Talks") -> Corpus:
    with database.read() as connection:
        return find_corpus(connection, name)


def rows_of(database: Database, name: str = "Talks") -> list[Any]:
    """A corpus' rows of the item table in their order, deleted ones included."""
    with database.read() as connection:
        corpus = find_corpus(connection, name)
        return list(connection.execute(select(item).where(item.c.corpus == corpus.pk).order_by(item.c.pk)))


def ids_of(database: Database, name: str = "Talks") -> dict[str, str]:
    """external id → public id."""
    return {row.external_id: row.id for row in rows_of(database, name)}


def notes_of(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(import_note).order_by(import_note.c.pk)))


def count(database: Database, table: Any, *where: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def add_tags(database: Database, *names: str) -> dict[str, str]:
    """Name → tag id as text, as clients know it."""
    return {name: str(database.write(lambda c, n=name: add_tag(c, n, ANN))) for name in names}


def suggest(
    database: Database,
    answers: dict[str, Iterable[tuple[str, float]]],
    corpus: str = "Talks",
    *,
    method: str = "selective",
    evidence: list[dict[str, Any]] | None = None,
    job: str | None = None,
) -> int:
    """A run whose answers are {external id: [(tag id, score), …]}; returns its id."""
    found = corpus_of(database, corpus)
    keys = {row.external_id: row.pk for row in rows_of(database, corpus)}
    recipe = Recipe("tags", method, "builtin", "none", {"top_k": 8, "threshold": None})

    def write(connection: Any) -> int:
        run = start_run(connection, found.pk, recipe, ANN, job)
        store_answers(
            connection,
            run,
            [
                Answer(
                    keys[name],
                    rows=[
                        {
                            "field": "tags",
                            "tag": int(tag),
                            "score": score,
                            "rank": rank,
                            "evidence": orjson.dumps(evidence or []).decode(),
                            "validity": "valid",
                        }
                        for rank, (tag, score) in enumerate(said, start=1)
                    ],
                )
                for name, said in answers.items()
            ],
        )
        return run

    return database.write(write)


def generate(
    database: Database,
    answers: dict[str, Iterable[tuple[str | None, str, float, dict[str, Any]]]],
    corpus: str = "Talks",
) -> int:
    """A generative run whose answers are {external id: [(tag id or None, words as said, score, detail), …]}; its id.

    The agreement with the selective run is brought up to date, as the tagging job does.
    """
    found = corpus_of(database, corpus)
    keys = {row.external_id: row.pk for row in rows_of(database, corpus)}
    recipe = Recipe("tags", "generative", "builtin", "none", {"top_k": 8, "samples": 5})

    def write(connection: Any) -> int:
        run = start_run(connection, found.pk, recipe, ANN, None)
        given = []
        for name, said in answers.items():
            rows = [
                {
                    "field": "tags",
                    "tag": None if tag is None else int(tag),
                    "value": value,
                    "score": score,
                    "rank": rank,
                    "evidence": "[]",
                    "validity": "valid",
                    "detail": orjson.dumps(detail).decode(),
                }
                for rank, (tag, value, score, detail) in enumerate(said, start=1)
            ]
            given.append(Answer(keys[name], rows=rows))
        store_answers(connection, run, given)
        update_agreement(connection, [answer.item for answer in given])
        return run

    return database.write(write)


def event(
    item_id: str,
    version: int,
    status: str = "done",
    accepted: Iterable[str] = (),
    rejected: Iterable[str] = (),
    action: str = "accept",
    **more: Any,
) -> dict[str, Any]:
    """A decision as the page sends it."""
    return {
        "uuid": str(uuid.uuid4()),
        "item": item_id,
        "field": "tags",
        "action": action,
        "change": None,
        "undoes": None,
        "version": version,
        "after": {"status": status, "accepted": list(accepted), "rejected": list(rejected)},
        "new_tags": [],
        "shown": {"queue": "pending"},
        "blind": False,
        "client_time": "2026-11-20T10:00:00Z",
        "ms": 1500,
        **more,
    }


def decide(database: Database, *events: Any, person: str = ANN) -> list[dict[str, Any]]:
    return database.write(lambda c: record(c, list(events), person))


def merge_tags(database: Database, drop: str, keep: str) -> None:
    """Let one tag mean another, as accepting a proposal does."""
    change = update(tag_table).where(tag_table.c.id == int(drop)).values(state="merged", merged_into=int(keep))
    database.write(lambda c: c.execute(change) and None)


def archive_tag(database: Database, tag: str) -> None:
    change = update(tag_table).where(tag_table.c.id == int(tag)).values(state="archived")
    database.write(lambda c: c.execute(change) and None)

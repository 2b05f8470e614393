"""How far the selective and the generative agent agree about an item, kept beside it for the queue.

Agreement is Jaccard's: tags that both suggested over tags that either did, 0 to 1. Tags count as what they mean now,
archived ones and words that are new to the vocabulary not at all: nearly every answer of the generative agent has
such words, and the queue would hold everything. Two agents that both found nothing
agree. An item that only one of them has answered has no agreement.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, insert, select

from core.corpora.catalog import Corpus
from core.review.meanings import chunks, meanings
from core.review.suggestions import newest_runs, suggested_tags
from core.store.database import BulkPace, Database
from core.store.schema import STATUS_CODE, STATUSES, item, item_agreement, suggestion, tag, tag_revision
from core.vocabulary.store import revision

Edit = TypeVar("Edit")

METHODS = ("selective", "generative")
DISAGREE_BELOW = 0.5  # less than half shared: the queue “agents disagree”
BATCH = 500
MEANING = ("merge", "archive", "restore", "activate")  # edits that change what a suggested tag means


def jaccard(one: Collection[Any], other: Collection[Any]) -> float:
    """Shared over all; 1.0 where there is nothing at all."""
    together = set(one) | set(other)
    return len(set(one) & set(other)) / len(together) if together else 1.0


def update_agreement(connection: Connection, items: Iterable[int]) -> None:
    """Work out the agreement of these items (by pk) from the newest answers of both agents, and store it."""
    for part in chunks(set(items)):
        newest = newest_runs(connection, part)
        both = [pk for pk in part if all((pk, method) in newest for method in METHODS)]
        said = suggested_tags(connection, both, newest) if both else {}
        rows = [
            {"item": pk, "agreement": jaccard(*(said.get((pk, newest[pk, method]), ()) for method in METHODS))}
            for pk in both
        ]
        connection.execute(delete(item_agreement).where(item_agreement.c.item.in_(part)))
        if rows:
            connection.execute(insert(item_agreement), rows)


def update_agreement_of_tags(connection: Connection, tags: Iterable[int]) -> None:
    """As `update_agreement`, for every item for which one of these tags was suggested: after a merge or an archiving,
    or when one was taken back. Tags merged into these count among them."""
    wanted = set(tags)
    wanted |= set(meanings(connection, wanted).values())
    for part in chunks(wanted):
        wanted |= set(connection.execute(select(tag.c.id).where(tag.c.merged_into.in_(part))).scalars())
    items: set[int] = set()
    for part in chunks(wanted):
        found = select(suggestion.c.item).where(suggestion.c.tag.in_(part), suggestion.c.item > 0).distinct()
        items |= set(connection.execute(found).scalars())
    for part in chunks(items):
        stored = select(item_agreement.c.item).where(item_agreement.c.item.in_(part))
        update_agreement(connection, list(connection.execute(stored).scalars()))


def update_agreement_since(connection: Connection, revision: int) -> None:
    """As `update_agreement_of_tags`, for the tags that edits after this revision of the vocabulary have merged,
    archived or brought back."""
    changed = select(tag_revision.c.tag).where(tag_revision.c.id > revision, tag_revision.c.action.in_(MEANING))
    tags = set(connection.execute(changed.distinct()).scalars())
    if tags:
        update_agreement_of_tags(connection, tags)


def keeping_agreement(database: Database, change: Callable[[], Edit]) -> Edit:
    """Make an edit of the vocabulary that takes several writes, and bring the agreement up to date with it."""
    with database.read() as connection:
        before = revision(connection)
    answer = change()
    database.write(lambda c: update_agreement_since(c, before))
    return answer


def recompute_agreement(
    database: Database, corpus: Corpus, on_progress: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Work out a whole corpus anew, in short writes: {items, disagree}."""
    position = done = 0
    pace = BulkPace(database, BATCH)
    while True:
        query = select(item.c.pk).where(item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.pk > position)
        with database.read() as connection:
            keys = list(connection.execute(query.order_by(item.c.pk).limit(pace.batch)).scalars())
        if not keys:
            break
        started = time.perf_counter()
        database.write(lambda c, keys=keys: update_agreement(c, keys))  # type: ignore[misc]
        pace(time.perf_counter() - started)
        position, done = keys[-1], done + len(keys)
        if on_progress:
            on_progress(done)
    with database.read() as connection:
        return {"items": done, "disagree": sum(disagreement_counts(connection, corpus.pk).values())}


def agreement_of(connection: Connection, keys: list[int]) -> dict[int, float]:
    """Agreement by item pk; items that both agents have not answered are left out."""
    found: dict[int, float] = {}
    for part in chunks(keys):
        rows = connection.execute(select(item_agreement).where(item_agreement.c.item.in_(part)))
        found.update((row.item, round(row.agreement, 4)) for row in rows)
    return found


def disagreement_counts(connection: Connection, corpus_pk: int) -> dict[str, int]:
    """Items of the queue “agents disagree” by status; every status is a key."""
    rows = connection.execute(
        select(item.c.status, func.count())
        .join(item_agreement, item_agreement.c.item == item.c.pk)
        .where(item.c.corpus == corpus_pk, item.c.deleted == 0, item_agreement.c.agreement < DISAGREE_BELOW)
        .group_by(item.c.status)
    )
    found = {code: int(n) for code, n in rows}
    return {status: found.get(STATUS_CODE[status], 0) for status in STATUSES}

"""What a way of cleaning makes of a corpus' tags: shown before anybody decides for it, and before money is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import func, select

from core.captions.cleaning import CleaningOptions, clean
from core.corpora.catalog import Corpus
from core.corpora.clues import READ_AHEAD
from core.corpora.given import GivenReader
from core.store.database import Database
from core.store.schema import item

MOST_ITEMS = 20_000
"""Items that are looked at, evenly spaced over a larger corpus."""
MOST_EXAMPLES = 12
MOST_CONTRADICTIONS = 100
MOST_ABSENT = 60


def preview(database: Database, corpus: Corpus, options: CleaningOptions) -> dict[str, Any]:
    """Counts and examples of what cleaning changes.

    Returns:
        {items, looked_at, tags_before, tags_after, absent_tags, changes: [{kind, count, examples: [{before, after,
        count}]}] the most frequent first, absent: [{name, count}], contradictions: [{item, external_id, sentence}],
        contradictory: items with any, one_tag, no_tags}. Counts are of the items looked at.
    """
    given = GivenReader(corpus)
    changes: dict[str, Counter[tuple[str, str]]] = {}
    absent: Counter[str] = Counter()
    found: list[dict[str, Any]] = []
    looked_at = before = after = contradictory = one = none = 0
    for row in _rows(database, corpus):
        entries = given(orjson.loads(row.fields))
        tags = clean(entries, options)
        looked_at += 1
        before += len(entries)
        after += len(tags.present)
        absent.update(tag.name for tag in tags.absent)
        one += len(tags.present) == 1
        none += not tags.present and not tags.absent
        for change in tags.changes:
            changes.setdefault(change.kind, Counter())[(change.before, change.after)] += 1
        contradictory += bool(tags.contradictions)
        if len(found) < MOST_CONTRADICTIONS:
            found += [
                {"item": row.id, "external_id": row.external_id, "sentence": sentence}
                for sentence in tags.contradictions
            ]
    with database.read() as connection:
        items = connection.execute(select(func.count()).select_from(item).where(*_live(corpus))).scalar_one()
    return {
        "items": int(items),
        "looked_at": looked_at,
        "tags_before": before,
        "tags_after": after,
        "absent_tags": absent.total(),
        "changes": [
            {"kind": kind, "count": counted.total(), "examples": _examples(counted)}
            for kind, counted in sorted(changes.items(), key=lambda entry: -entry[1].total())
        ],
        "absent": [{"name": name, "count": n} for name, n in absent.most_common(MOST_ABSENT)],
        "contradictions": found[:MOST_CONTRADICTIONS],
        "contradictory": contradictory,
        "one_tag": one,
        "no_tags": none,
    }


def _examples(counted: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"before": a, "after": b, "count": n} for (a, b), n in counted.most_common(MOST_EXAMPLES)]


def _live(corpus: Corpus) -> tuple[Any, ...]:
    return item.c.corpus == corpus.pk, item.c.deleted == 0


def _rows(database: Database, corpus: Corpus) -> Iterator[Any]:
    """Items in short reads, so that no snapshot stays open over all of them."""
    with database.read() as connection:
        keys = list(connection.execute(select(item.c.pk).where(*_live(corpus)).order_by(item.c.pk)).scalars())
    if len(keys) > MOST_ITEMS:
        keys = [keys[i * len(keys) // MOST_ITEMS] for i in range(MOST_ITEMS)]
    for start in range(0, len(keys), READ_AHEAD):
        query = select(item.c.id, item.c.external_id, item.c.fields).where(
            item.c.pk.in_(keys[start : start + READ_AHEAD]), item.c.deleted == 0
        )
        with database.read() as connection:
            rows = connection.execute(query.order_by(item.c.pk)).all()
        yield from rows

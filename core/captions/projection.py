"""The newest caption of each item and style, kept with what the checks say of it (table `item_caption`): lists filter
by it, figures count it. Written together with the answers that it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from core.captions.styles import field_of
from core.store.runs import Answer
from core.store.schema import item_caption, suggestion

NONE = "none"
PART = 500


@dataclass(slots=True)
class Caption:
    """What a run says of one item in one style.

    Attributes:
        answer: as the run keeps it; its first row is the caption.
        verdict: of the caption: pass | warn | fail, or none where there is none.
        reasons: codes of what the checks found; where there is no caption one sentence that says why.
    """

    style: str
    answer: Answer
    verdict: str = NONE
    reasons: Sequence[str] = ()


def project(connection: Connection, corpus: int, run: int, captions: Sequence[Caption]) -> None:
    """Show captions of one run and style, whose answers are stored, as the newest ones.

    A caption of a newer run stays; so does an older caption where this run has none: what is shown then is still the
    older one.
    """
    for start in range(0, len(captions), PART):
        _project(connection, corpus, run, captions[start : start + PART])


def _project(connection: Connection, corpus: int, run: int, captions: Sequence[Caption]) -> None:
    if not captions:
        return
    field = field_of(captions[0].style)
    keys = [caption.answer.item for caption in captions]
    best = select(suggestion.c.item, suggestion.c.pk).where(
        suggestion.c.run == run, suggestion.c.item.in_(keys), suggestion.c.field == field, suggestion.c.rank == 1
    )
    made: Mapping[int, int] = {row.item: row.pk for row in connection.execute(best)}
    query = select(item_caption).where(item_caption.c.item.in_(keys), item_caption.c.field == field)
    before = {row.item: row for row in connection.execute(query)}
    rows = []
    for caption in captions:
        pk = caption.answer.item
        earlier = before.get(pk)
        if earlier is not None and (earlier.run > run or (pk not in made and earlier.suggestion is not None)):
            continue
        rows.append(
            {
                "item": pk,
                "field": field,
                "corpus": corpus,
                "run": run,
                "suggestion": made.get(pk),
                "verdict": caption.verdict if pk in made else NONE,
                "reasons": orjson.dumps(list(caption.reasons)).decode(),
            }
        )
    if rows:
        _upsert(connection, sorted(rows, key=lambda row: int(row["item"])))


def _upsert(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Two jobs may caption the same items at once: the newer run's captions stay."""
    made = sqlite.insert(item_caption) if connection.dialect.name == "sqlite" else postgresql.insert(item_caption)
    changed = {name: getattr(made.excluded, name) for name in ("corpus", "run", "suggestion", "verdict", "reasons")}
    statement = made.on_conflict_do_update(
        index_elements=["item", "field"], set_=changed, where=item_caption.c.run <= made.excluded.run
    )
    connection.execute(statement, rows)

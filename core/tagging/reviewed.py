"""Tags of reviewed items that are like an item: candidates that neither words nor the item's own vector bring up.

Only what people have accepted counts; gold labels are never read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import func, select

from core.corpora.catalog import Corpus
from core.corpora.clues import Clue, TaggableItem, clues_of
from core.embedding.vectors import TextEncoder
from core.store.database import Database
from core.store.schema import STATUS_CODE, item, item_tag
from core.vocabulary.store import merged

MOST_ITEMS = 2000
NEIGHBOURS = 6
LEAST_SIMILARITY = 0.25
_PART = 500


class ReviewedItems:
    """The reviewed items of a corpus with their accepted tags.

    Args:
        tags: item pk → ids of its accepted tags (what they mean now).
        vectors: float32 (n, d), a row an item in the order of `tags`.
    """

    def __init__(self, tags: dict[int, list[str]], vectors: np.ndarray) -> None:
        self.tags = tags
        self.vectors = vectors
        self._pks = list(tags)

    def near(self, items: Sequence[TaggableItem], encoder: TextEncoder) -> list[list[str]]:
        """For each item the ids of tags of reviewed items like it, those of the most alike first; never its own."""
        if not self._pks or not items:
            return [[] for _ in items]
        cosines = encoder.encode([lead_of(i.clues) for i in items]) @ self.vectors.T
        found = []
        for row, each in zip(cosines, items, strict=True):
            weights: dict[str, float] = {}
            order = np.argsort(-row, kind="stable")[: NEIGHBOURS + 1]
            for place in order:
                pk, cosine = self._pks[place], float(row[place])
                if pk == each.pk or cosine < LEAST_SIMILARITY:
                    continue
                for tag in self.tags[pk]:
                    weights[tag] = weights.get(tag, 0.0) + cosine
            found.append(sorted(weights, key=lambda tag: (-weights[tag], tag)))
        return found


def read_reviewed(database: Database, corpus: Corpus, known: set[str]) -> dict[int, list[str]]:
    """Item pk → accepted tags, for at most MOST_ITEMS reviewed items of a corpus, the newest ones.

    Args:
        known: ids of the tags that may be suggested.
    """
    chosen = (
        select(item.c.pk)
        .where(
            item.c.corpus == corpus.pk,
            item.c.deleted == 0,
            item.c.status == STATUS_CODE["done"],
            select(func.count()).where(item_tag.c.item == item.c.pk).scalar_subquery() > 0,
        )
        .order_by(item.c.pk.desc())
        .limit(MOST_ITEMS)
    )
    found: dict[int, list[str]] = {}
    with database.read() as connection:
        means = merged(connection)
        pks = list(connection.execute(chosen).scalars())
        for start in range(0, len(pks), _PART):
            part = select(item_tag.c.item, item_tag.c.tag).where(item_tag.c.item.in_(pks[start : start + _PART]))
            for pk, tag in connection.execute(part.order_by(item_tag.c.item, item_tag.c.tag)):
                meant = str(means.get(tag, tag))
                if meant in known:
                    found.setdefault(pk, []).append(meant)
    return dict(sorted(found.items()))


def with_vectors(database: Database, corpus: Corpus, tags: dict[int, list[str]], encoder: TextEncoder) -> ReviewedItems:
    """Reviewed items ready to be compared; items that are gone meanwhile are left out."""
    texts: dict[int, str] = {}
    pks = list(tags)
    for start in range(0, len(pks), _PART):
        part = select(item.c.pk, item.c.fields).where(item.c.pk.in_(pks[start : start + _PART]))
        with database.read() as connection:
            for row in connection.execute(part):
                texts[row.pk] = lead_of(clues_of(row.fields, corpus.roles))
    kept = {pk: tags[pk] for pk in pks if pk in texts}
    vectors = encoder.encode([texts[pk] for pk in kept]) if kept else np.zeros((0, encoder.dimension), np.float32)
    return ReviewedItems(kept, vectors)


def lead_of(clues: Sequence[Clue]) -> str:
    """What an item is about, in the first words of its fields."""
    return " ".join(clue.text[:400] for clue in clues[:4])[:1000]

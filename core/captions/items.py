"""Pieces of music as a writer may see them: their tags, cleaned. Titles, artists and captions of others stay behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import func, select

from core.captions.cleaning import CleaningOptions, clean, options_of
from core.captions.tags import TagSet
from core.corpora.catalog import Corpus, find_corpus
from core.corpora.clues import READ_AHEAD
from core.corpora.given import GivenReader
from core.errors import InvalidInput
from core.store.database import Database
from core.store.schema import item

KIND = "music"
NO_TAGS = "The item has no tags: there is nothing to write from."
Where = tuple[str, tuple[str, ...]]
"""(field, values): items whose stored field has one of the values"""

_COLUMNS = (item.c.pk, item.c.id, item.c.external_id, item.c.title, item.c.fields)


@dataclass(frozen=True, slots=True)
class MusicItem:
    """One piece of music. `title` is for people, and reaches no prompt."""

    pk: int
    id: str
    external_id: str | None
    title: str
    tags: TagSet


class MusicReader:
    """Reads items of a music corpus with their tags cleaned as the corpus says, or as `options` say."""

    def __init__(self, database: Database, corpus: Corpus, options: CleaningOptions | None = None) -> None:
        self.database = database
        self.corpus = corpus
        if options is None:
            with database.read() as connection:
                options = options_of(connection, corpus)
        self.options = options
        self._given = GivenReader(corpus)

    def item(self, row: Any) -> MusicItem:
        """An item from its row (pk, id, external_id, title, fields)."""
        tags = clean(self._given(orjson.loads(row.fields)), self.options)
        return MusicItem(int(row.pk), row.id, row.external_id, row.title, tags)

    def read(self, *, after: int = 0, limit: int | None = None, where: Where | None = None) -> Iterator[MusicItem]:
        """Live items by position, in short reads (no long snapshot while a run goes on for hours).

        Args:
            where: only these items; the limit counts them.
        """
        left = limit
        while left is None or left > 0:
            size = READ_AHEAD if left is None or where else min(READ_AHEAD, left)
            query = select(*_COLUMNS).where(*self._live(), item.c.pk > after).order_by(item.c.pk).limit(size)
            with self.database.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                if where is not None and not fits(orjson.loads(row.fields), where):
                    continue
                yield self.item(row)
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
            if len(rows) < size:
                return
            after = rows[-1].pk

    def named(self, pks: Sequence[int]) -> Iterator[MusicItem]:
        """Live items by their keys, in the order of the corpus."""
        wanted = sorted(pks)
        for start in range(0, len(wanted), READ_AHEAD):
            part = wanted[start : start + READ_AHEAD]
            query = select(*_COLUMNS).where(*self._live(), item.c.pk.in_(part)).order_by(item.c.pk)
            with self.database.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield self.item(row)

    def sample(self, most: int, limit: int | None = None) -> list[MusicItem]:
        """At most `most` items, evenly spaced over the corpus (over its first `limit` items): the same every time."""
        query = select(item.c.pk).where(*self._live()).order_by(item.c.pk)
        with self.database.read() as connection:
            keys = list(connection.execute(query if limit is None else query.limit(limit)).scalars())
        if len(keys) > most:
            keys = [keys[i * len(keys) // most] for i in range(most)]
        return list(self.named(keys))

    def count(self, limit: int | None = None) -> int:
        """How many items a run is about."""
        with self.database.read() as connection:
            n = int(connection.execute(select(func.count()).select_from(item).where(*self._live())).scalar_one())
        return n if limit is None else min(n, limit)

    def keys(self, limit: int | None = None, where: Where | None = None) -> list[int]:
        """The keys of the items that a run is about, in order."""
        if where is not None:
            return list(islice(self._keys_where(where), limit))
        query = select(item.c.pk).where(*self._live()).order_by(item.c.pk)
        with self.database.read() as connection:
            return list(connection.execute(query if limit is None else query.limit(limit)).scalars())

    def _keys_where(self, where: Where) -> Iterator[int]:
        after = 0
        while True:
            query = select(item.c.pk, item.c.fields).where(*self._live(), item.c.pk > after)
            with self.database.read() as connection:
                rows = connection.execute(query.order_by(item.c.pk).limit(READ_AHEAD)).all()
            yield from (int(row.pk) for row in rows if fits(orjson.loads(row.fields), where))
            if len(rows) < READ_AHEAD:
                return
            after = rows[-1].pk

    def _live(self) -> tuple[Any, ...]:
        return item.c.corpus == self.corpus.pk, item.c.deleted == 0


def fits(fields: dict[str, Any], where: Where) -> bool:
    """Whether an item's stored field has one of the values, as text; case does not count."""
    value = fields.get(where[0])
    return value is not None and str(value).strip().casefold() in {each.strip().casefold() for each in where[1]}


def read_music(
    database: Database,
    corpus: Corpus,
    options: CleaningOptions | None = None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> Iterator[MusicItem]:
    """A corpus' items with their tags, by position."""
    return MusicReader(database, corpus, options).read(after=after, limit=limit)


def music_corpus(database: Database, name: str) -> Corpus:
    """The music corpus of that name or id.

    Raises:
        NotFound: there is none.
        InvalidInput: it holds something else.
    """
    with database.read() as connection:
        corpus = find_corpus(connection, name)
    if corpus.kind != KIND:
        raise InvalidInput(
            f"“{corpus.name}” is no corpus of music.", "Import its file anew as music, into a corpus of another name."
        )
    return corpus

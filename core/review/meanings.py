"""What stored tags and written names mean today.

Suggestions and decisions keep the ids and words that they were made with. A tag that has since been merged means the
tag that it was merged into; a free tag that has since come into the vocabulary means that tag. Both are worked out
whenever something is read, for just the tags in question: a page of items must not read a whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from sqlalchemy import Connection, case, select

from core.store.schema import tag, tag_alias

T = TypeVar("T", int, str)
CHUNK = 500  # values of one IN (…); databases have limits for it


def chunks(values: Collection[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in sorted order, in parts that fit into one query."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def meanings(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """Those of the tags that have been merged → the tag that each now means."""
    found: dict[int, int] = {}
    for part in chunks(ids):
        rows = connection.execute(
            select(tag.c.id, tag.c.merged_into).where(tag.c.id.in_(part), tag.c.state == "merged")
        )
        found.update((row[0], row[1]) for row in rows if row[1] is not None)
    return found


def tags_named(connection: Connection, keys: Collection[str]) -> dict[str, tuple[int, str]]:
    """Name key → (id, name) of the active tag that goes by it, as its name, an alias or a merged tag's."""
    found: dict[str, tuple[int, str]] = {}
    target = tag.alias()
    meant = case((tag.c.state == "merged", tag.c.merged_into), else_=tag.c.id)
    for part in chunks(keys):
        aliases: Any = select(tag_alias.c.key, target.c.id, target.c.name).join(tag, tag.c.id == tag_alias.c.tag)
        names: Any = select(tag.c.key, target.c.id, target.c.name).where(tag.c.key.in_(part))
        # a name counts for more than an alias: it comes last
        for query in (aliases.where(tag_alias.c.key.in_(part)), names):
            rows = connection.execute(query.join(target, target.c.id == meant).where(target.c.state == "active"))
            found.update((row[0], (row[1], row[2])) for row in rows)
    return found


def unite(ids: Collection[int], means: dict[int, int]) -> tuple[int, ...]:
    """Tags as they are meant, in their order, each once."""
    return tuple(dict.fromkeys(means.get(tag_id, tag_id) for tag_id in ids))

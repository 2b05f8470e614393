"""The vocabulary as people see it: completed while they type, paged with its uses, and in figures.

A merged tag shows as what it means: its names are aliases of the kept tag, its uses are uses of the kept tag, and an
item that carries both counts once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, or_, select

from core.errors import InvalidInput
from core.store.schema import current, item, item_tag, suggestion, tag, tag_alias
from core.vocabulary.names import name_key
from core.vocabulary.store import aliases_of, tag_names

STATES = ("active", "archived", "merged")
SORTS = ("name", "items", "new")
USES = ("", "once", "none")

_meaning = func.coalesce(tag.c.merged_into, tag.c.id)


def _pattern(key: str) -> str:
    return key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def complete(connection: Connection, query: str, limit: int = 10) -> dict[str, Any]:
    """Tags whose name or an alias contains `query`: beginnings first, then by length. `exact`: one is named so."""
    key = name_key(query)
    pattern = _pattern(key)
    kept = tag.alias("kept")
    mine = select(kept.c.id, kept.c.name)
    names = (
        mine.add_columns(tag.c.key, tag.c.name.label("alias"))
        .join(tag, _meaning == kept.c.id)
        .where(kept.c.state == "active", tag.c.key.like(f"%{pattern}%", escape="\\"))
    )
    others = (
        mine.add_columns(tag_alias.c.key, tag_alias.c.name.label("alias"))
        .join(tag, _meaning == kept.c.id)
        .join(tag_alias, tag_alias.c.tag == tag.c.id)
        .where(kept.c.state == "active", tag_alias.c.key.like(f"%{pattern}%", escape="\\"))
    )
    both = names.union_all(others).subquery()
    beginning = both.c.key.like(f"{pattern}%", escape="\\")
    query_rows = select(both).order_by(beginning.desc(), func.length(both.c.key), both.c.key).limit(limit * 3)
    found: dict[int, dict[str, Any]] = {}
    exact = False
    for row in connection.execute(query_rows):
        exact = exact or row.key == key
        found.setdefault(
            row.id, {"id": str(row.id), "name": row.name, "alias": None if row.alias == row.name else row.alias}
        )
    return {"tags": list(found.values())[:limit], "exact": exact}


def _any_merged(connection: Connection) -> bool:
    return connection.execute(select(tag.c.id).where(tag.c.state == "merged").limit(1)).first() is not None


def _uses(connection: Connection, ids: list[int] | None = None) -> Subquery:
    """(tag, uses): distinct live items that carry the tag or one merged into it."""
    if not _any_merged(connection):
        query = select(item_tag.c.tag.label("tag"), func.count().label("uses")).group_by(item_tag.c.tag)
        condition: ColumnElement[bool] | None = None if ids is None else item_tag.c.tag.in_(ids)
    else:
        uses = func.count(func.distinct(item_tag.c.item)).label("uses")
        query = select(_meaning.label("tag"), uses).join(tag, tag.c.id == item_tag.c.tag).group_by(_meaning)
        condition = None if ids is None else or_(tag.c.id.in_(ids), tag.c.merged_into.in_(ids))
    query = query.join(item, item.c.pk == item_tag.c.item).where(item.c.deleted == 0)
    return (query if condition is None else query.where(condition)).subquery()


def uses_of_all(connection: Connection) -> Subquery:
    """(tag, uses) of every tag in use: distinct live items, merged tags counted with what they mean."""
    return _uses(connection)


def _suggested(connection: Connection, ids: list[int]) -> dict[int, int]:
    """Distinct items that any run has suggested the tags for."""
    query = (
        select(_meaning, func.count(func.distinct(suggestion.c.item)))
        .join(tag, tag.c.id == suggestion.c.tag)
        .where(or_(tag.c.id.in_(ids), tag.c.merged_into.in_(ids)), suggestion.c.item != 0)
        .group_by(_meaning)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _matching(base: Select[Any], query: str) -> Select[Any]:
    key = name_key(query)
    if not key:
        return base
    pattern = f"%{_pattern(key)}%"
    by_alias = select(_meaning).join(tag_alias, tag_alias.c.tag == tag.c.id)
    by_alias = by_alias.where(tag_alias.c.key.like(pattern, escape="\\"))
    by_merged = select(tag.c.merged_into).where(tag.c.state == "merged", tag.c.key.like(pattern, escape="\\"))
    conditions: list[ColumnElement[bool]] = [tag.c.key.like(pattern, escape="\\")]
    conditions += [tag.c.id.in_(found.scalar_subquery()) for found in (by_alias, by_merged)]
    return base.where(or_(*conditions))


def page_of_tags(
    connection: Connection,
    *,
    query: str = "",
    state: str = "active",
    sort: str = "name",
    facet: str = "",
    uses: str = "",
    offset: int = 0,
    limit: int = 50,
) -> dict[str, Any]:
    """One page of the vocabulary with how often each tag is accepted and suggested.

    `offset` is fine here: a vocabulary is small beside a corpus (40,000 tags: a few milliseconds).

    Args:
        uses: "once" or "none" keeps tags that are on one item, or on none.

    Raises:
        InvalidInput: the state, order or use is not one of those there are.
    """
    if state not in STATES or sort not in SORTS or uses not in USES:
        raise InvalidInput("The vocabulary cannot be listed like that.", f"Sort by {', '.join(SORTS)}.")
    base = _matching(select(tag).where(tag.c.state == state), query)
    if facet:
        base = base.where(tag.c.facet == facet)
    order: tuple[Any, ...] = {"new": (tag.c.id.desc(),)}.get(sort, (tag.c.key,))
    if sort == "items" or uses:
        used = _uses(connection)
        count = func.coalesce(used.c.uses, 0)
        base = base.add_columns(count.label("items")).outerjoin(used, used.c.tag == tag.c.id)
        if uses:
            base = base.where(count == (1 if uses == "once" else 0))
        order = (count.desc(), tag.c.key) if sort == "items" else order
    total = connection.execute(select(func.count()).select_from(base.subquery())).scalar_one()
    rows = connection.execute(base.order_by(*order).offset(offset).limit(limit)).all()
    ids = [row.id for row in rows]
    counted = _uses(connection, ids)
    items = {row[0]: row[1] for row in connection.execute(select(counted.c.tag, counted.c.uses))}
    aliases = aliases_of(connection, ids)
    suggested = _suggested(connection, ids)
    names = tag_names(connection, {i for row in rows for i in (row.parent, row.merged_into) if i})
    return {
        "tags": [
            {
                "id": str(row.id),
                "name": row.name,
                "description": row.description,
                "aliases": aliases.get(row.id, []),
                "parent": {"id": str(row.parent), "name": names[row.parent]} if row.parent in names else None,
                "facet": row.facet or "",
                "items": items.get(row.id, 0),
                "suggested": suggested.get(row.id, 0),
                "state": row.state,
                "into": {"id": str(row.merged_into), "name": names[row.merged_into]} if row.merged_into else None,
            }
            for row in rows
        ],
        "total": total,
        "from": offset + 1 if rows else 0,
        "next": str(offset + limit) if offset + limit < total else None,
        "previous": str(max(0, offset - limit)) if offset else None,
    }


def statistics(connection: Connection) -> dict[str, Any]:
    """Figures above the table: how the vocabulary is used by accepted tags, and the curve of uses per tag."""
    tags = connection.execute(select(func.count()).select_from(tag).where(tag.c.state == "active")).scalar_one()
    gone = connection.execute(select(tag.c.state, func.count()).where(tag.c.state != "active").group_by(tag.c.state))
    away = {row[0]: int(row[1]) for row in gone}
    aliases = connection.execute(select(func.count()).select_from(tag_alias)).scalar_one() + away.get("merged", 0)
    items = connection.execute(select(func.count()).select_from(item).where(item.c.deleted == 0)).scalar_one()
    reviewed = connection.execute(select(func.count()).select_from(current)).scalar_one()
    used = _uses(connection)
    uses = sorted((int(n) for n in connection.execute(select(used.c.uses)).scalars()), reverse=True)
    active = select(func.count()).select_from(used).join(tag, tag.c.id == used.c.tag).where(tag.c.state == "active")
    covered = connection.execute(
        select(func.count(func.distinct(item_tag.c.item)))
        .join(item, item.c.pk == item_tag.c.item)
        .where(item.c.deleted == 0)
    ).scalar_one()
    facets = select(tag.c.facet).where(tag.c.facet.is_not(None), tag.c.state == "active").distinct()
    return {
        "tags": tags,
        "aliases": aliases,
        "archived": away.get("archived", 0),
        "merged": away.get("merged", 0),
        "items": items,
        "reviewed": reviewed,
        "items_with_tag": covered,
        "used_once": sum(n == 1 for n in uses),
        "unused": max(0, tags - connection.execute(active).scalar_one()),
        "tags_per_item": round(sum(uses) / covered, 2) if covered else 0,
        "curve": _curve(uses),
        "facets": sorted(connection.execute(facets).scalars()),
    }


def _curve(uses: list[int], points: int = 24) -> list[int]:
    """Uses per tag, falling, thinned to at most `points` bars."""
    if len(uses) <= points:
        return uses
    return [uses[i * (len(uses) - 1) // (points - 1)] for i in range(points)]

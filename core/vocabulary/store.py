"""The project's vocabulary: adding tags and aliases as revisions, looking tags up, paging through them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, or_, select, update

from core.errors import InvalidInput, NotFound
from core.store.schema import current, item, item_tag, suggestion, tag, tag_alias, tag_revision
from core.vocabulary.names import clean_name, name_key


@dataclass(frozen=True, slots=True)
class Tag:
    """An entry of the vocabulary; `id` is stable over every edit."""

    id: int
    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    parent: int | None = None
    state: str = "active"


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag as a person or file gives it; `parent` is a name."""

    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    parent: str = ""


@dataclass(slots=True)
class Changes:
    """What an import did to the vocabulary. `problems`: {row, cause, remedy}."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        names = ("added", "updated", "unchanged", "skipped", "problems")
        return {name: getattr(self, name) for name in names}


def revision(connection: Connection) -> int:
    """The vocabulary's revision number: it grows with every edit."""
    return int(connection.execute(select(func.coalesce(func.max(tag_revision.c.id), 0))).scalar_one())


def all_tags(connection: Connection, state: str = "active") -> list[Tag]:
    """Every tag in that state with its aliases, by name."""
    aliases: dict[int, list[str]] = {}
    for owner, name in connection.execute(select(tag_alias.c.tag, tag_alias.c.name).order_by(tag_alias.c.key)):
        aliases.setdefault(owner, []).append(name)
    rows = connection.execute(select(tag).where(tag.c.state == state).order_by(tag.c.key)).all()
    return [Tag(r.id, r.name, r.description, tuple(aliases.get(r.id, ())), r.parent, r.state) for r in rows]


def owners(connection: Connection) -> dict[str, int]:
    """Key of every name and alias → the tag's id: what a written name means."""
    found = {row[0]: row[1] for row in connection.execute(select(tag_alias.c.key, tag_alias.c.tag))}
    found.update((row[0], row[1]) for row in connection.execute(select(tag.c.key, tag.c.id)))
    return found


def owner_of(connection: Connection, name: str) -> int | None:
    """The tag that goes by this name or alias."""
    key = name_key(name)
    found = connection.execute(select(tag.c.id).where(tag.c.key == key)).scalar()
    return found or connection.execute(select(tag_alias.c.tag).where(tag_alias.c.key == key)).scalar()


def _revise(connection: Connection, batch: str, action: str, tag_id: int, before: Any, after: Any, person: str) -> None:
    row = {
        "batch": batch,
        "action": action,
        "tag": tag_id,
        "before": None if before is None else orjson.dumps(before).decode(),
        "after": None if after is None else orjson.dumps(after).decode(),
        "person": person,
        "at": time.time(),
    }
    connection.execute(insert(tag_revision), row)


def add_tag(connection: Connection, name: str, person: str, description: str = "", batch: str = "") -> int:
    """A new tag, or the one that has this name or alias already; an archived one becomes active again.

    Raises:
        InvalidInput: the name is empty or too long.
    """
    name = clean_name(name)
    batch = batch or secrets.token_hex(8)
    found = owner_of(connection, name)
    if found is not None:
        state = connection.execute(select(tag.c.state).where(tag.c.id == found)).scalar_one()
        if state != "active":
            connection.execute(update(tag).where(tag.c.id == found).values(state="active"))
            _revise(connection, batch, "activate", found, {"state": state}, {"state": "active"}, person)
        return found
    values = {
        "name": name,
        "key": name_key(name),
        "description": description,
        "state": "active",
        "created_by": person,
        "created_at": time.time(),
    }
    key = connection.execute(insert(tag), values).inserted_primary_key
    assert key is not None
    _revise(connection, batch, "add", int(key[0]), None, {"name": name, "description": description}, person)
    return int(key[0])


def add_alias(connection: Connection, tag_id: int, name: str, person: str, batch: str = "") -> bool:
    """Give a tag another name; False when it has it already.

    Raises:
        InvalidInput: another tag goes by that name.
    """
    name = clean_name(name)
    found = owner_of(connection, name)
    if found == tag_id:
        return False
    if found is not None:
        other = connection.execute(select(tag.c.name).where(tag.c.id == found)).scalar_one()
        raise InvalidInput(f"“{name}” already belongs to the tag “{other}”.", "Give the alias to one tag only.")
    connection.execute(insert(tag_alias), {"tag": tag_id, "name": name, "key": name_key(name)})
    _revise(connection, batch or secrets.token_hex(8), "alias", tag_id, None, {"alias": name}, person)
    return True


def import_tags(connection: Connection, new: list[NewTag], person: str, first_row: int = 1) -> Changes:
    """Add what is new, fill in descriptions and aliases; nothing is ever removed or merged.
    Parents are set by `set_parents` once every tag is there.

    Args:
        first_row: the row number of the first tag in its file, for messages.
    """
    changes = Changes()
    batch = secrets.token_hex(8)
    known = owners(connection)
    for number, entry in enumerate(new, start=first_row):
        try:
            _import_one(connection, entry, person, batch, known, changes, number)
        except InvalidInput as error:
            changes.skipped += 1
            changes.problems.append({"row": number, "cause": error.message, "remedy": error.remedy})
    return changes


def _import_one(
    connection: Connection,
    entry: NewTag,
    person: str,
    batch: str,
    known: dict[str, int],
    changes: Changes,
    number: int,
) -> None:
    name = clean_name(entry.name)
    found = known.get(name_key(name))
    changed = False
    if found is None:
        tag_id = add_tag(connection, name, person, entry.description, batch)
        known[name_key(name)] = tag_id
        changes.added += 1
    else:
        tag_id = found
        have = connection.execute(select(tag.c.description).where(tag.c.id == tag_id)).scalar_one()
        if entry.description and entry.description != have:
            connection.execute(update(tag).where(tag.c.id == tag_id).values(description=entry.description))
            after = {"description": entry.description}
            _revise(connection, batch, "describe", tag_id, {"description": have}, after, person)
            changed = True
    for alias in entry.aliases:
        if not alias.strip():
            continue
        key = name_key(alias)
        if known.get(key, tag_id) != tag_id:
            changes.problems.append(
                {
                    "row": number,
                    "cause": f"The alias “{alias[:60]}” of “{name}” already belongs to another tag.",
                    "remedy": "Give the alias to one tag only.",
                }
            )
        elif key not in known and add_alias(connection, tag_id, alias, person, batch):
            known[key] = tag_id
            changed = True
    if found is not None:
        changes.updated += changed
        changes.unchanged += not changed


def set_parents(connection: Connection, children: list[tuple[int, NewTag]], person: str) -> list[dict[str, Any]]:
    """Put tags below their parents, given as (row number, tag); returns the problems."""
    batch = secrets.token_hex(8)
    known = owners(connection)
    problems = []
    for number, entry in children:
        tag_id = known.get(name_key(entry.name))
        if tag_id is None:
            continue  # its name was refused, and reported, when it was to be added
        try:
            _set_parent(connection, tag_id, entry.parent, person, batch, known)
        except InvalidInput as error:
            problems.append({"row": number, "cause": error.message, "remedy": error.remedy})
    return problems


def _set_parent(
    connection: Connection, tag_id: int, parent: str, person: str, batch: str, known: dict[str, int]
) -> None:
    parent_id = known.get(name_key(parent))
    if parent_id is None:
        parent_id = known[name_key(parent)] = add_tag(connection, parent, person, batch=batch)
    above: int | None = parent_id
    while above is not None:
        if above == tag_id:
            raise InvalidInput(f"“{parent}” would be its own ancestor.", "Choose a parent higher up.")
        above = connection.execute(select(tag.c.parent).where(tag.c.id == above)).scalar()
    have = connection.execute(select(tag.c.parent).where(tag.c.id == tag_id)).scalar()
    if have != parent_id:
        connection.execute(update(tag).where(tag.c.id == tag_id).values(parent=parent_id))
        _revise(connection, batch, "parent", tag_id, {"parent": have}, {"parent": parent_id}, person)


def tag_names(connection: Connection, ids: set[int]) -> dict[int, str]:
    """Names of tags by id, archived ones included."""
    if not ids:
        return {}
    rows = connection.execute(select(tag.c.id, tag.c.name).where(tag.c.id.in_(sorted(ids))))
    return {row[0]: row[1] for row in rows}


def check_tags(connection: Connection, ids: set[int]) -> None:
    """Raises NotFound when one of these tags does not exist."""
    missing = ids - set(tag_names(connection, ids))
    if missing:
        raise NotFound(f"The tag {min(missing)} does not exist.", "Reload the page to see the vocabulary.")


def complete(connection: Connection, query: str, limit: int = 10) -> dict[str, Any]:
    """Tags whose name or an alias contains `query`: beginnings first, then by length. `exact`: one is named so."""
    key = name_key(query)
    pattern = key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    names = select(tag.c.id, tag.c.name, tag.c.key, tag.c.name.label("alias")).where(
        tag.c.state == "active", tag.c.key.like(f"%{pattern}%", escape="\\")
    )
    others = (
        select(tag.c.id, tag.c.name, tag_alias.c.key, tag_alias.c.name.label("alias"))
        .join(tag, tag.c.id == tag_alias.c.tag)
        .where(tag.c.state == "active", tag_alias.c.key.like(f"%{pattern}%", escape="\\"))
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


def page_of_tags(
    connection: Connection,
    *,
    query: str = "",
    state: str = "active",
    sort: str = "name",
    offset: int = 0,
    limit: int = 50,
) -> dict[str, Any]:
    """One page of the vocabulary with how often each tag is accepted and suggested.

    `offset` is fine here: a vocabulary is small beside a corpus (40,000 tags: a few milliseconds).
    """
    used = (
        select(item_tag.c.tag, func.count().label("uses"))
        .join(item, item.c.pk == item_tag.c.item)
        .where(item.c.deleted == 0)
        .group_by(item_tag.c.tag)
        .subquery()
    )
    base = select(tag, func.coalesce(used.c.uses, 0).label("items")).outerjoin(used, used.c.tag == tag.c.id)
    base = base.where(tag.c.state == state)
    if query.strip():
        key = name_key(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        by_alias = select(tag_alias.c.tag).where(tag_alias.c.key.like(f"%{key}%", escape="\\"))
        base = base.where(or_(tag.c.key.like(f"%{key}%", escape="\\"), tag.c.id.in_(by_alias)))
    total = connection.execute(select(func.count()).select_from(base.subquery())).scalar_one()
    order = (func.coalesce(used.c.uses, 0).desc(), tag.c.key) if sort == "items" else (tag.c.key,)
    rows = connection.execute(base.order_by(*order).offset(offset).limit(limit)).all()
    ids = [row.id for row in rows]
    aliases: dict[int, list[str]] = {}
    for owner, name in connection.execute(
        select(tag_alias.c.tag, tag_alias.c.name).where(tag_alias.c.tag.in_(ids)).order_by(tag_alias.c.key)
    ):
        aliases.setdefault(owner, []).append(name)
    counted = select(suggestion.c.tag, func.count(func.distinct(suggestion.c.item))).where(suggestion.c.tag.in_(ids))
    suggested = {row[0]: row[1] for row in connection.execute(counted.group_by(suggestion.c.tag))}
    parents = tag_names(connection, {row.parent for row in rows if row.parent})
    return {
        "tags": [
            {
                "id": str(row.id),
                "name": row.name,
                "description": row.description,
                "aliases": aliases.get(row.id, []),
                "parent": {"id": str(row.parent), "name": parents[row.parent]} if row.parent else None,
                "items": row.items,
                "suggested": suggested.get(row.id, 0),
                "state": row.state,
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
    aliases = connection.execute(select(func.count()).select_from(tag_alias)).scalar_one()
    items = connection.execute(select(func.count()).select_from(item).where(item.c.deleted == 0)).scalar_one()
    reviewed = connection.execute(select(func.count()).select_from(current)).scalar_one()
    per_tag = select(func.count(item_tag.c.item)).group_by(item_tag.c.tag)
    uses = sorted((int(n) for n in connection.execute(per_tag).scalars()), reverse=True)
    covered = connection.execute(select(func.count(func.distinct(item_tag.c.item)))).scalar_one()
    return {
        "tags": tags,
        "aliases": aliases,
        "items": items,
        "reviewed": reviewed,
        "items_with_tag": covered,
        "used_once": sum(n == 1 for n in uses),
        "unused": max(0, tags - len(uses)),
        "tags_per_item": round(sum(uses) / covered, 2) if covered else 0,
        "curve": _curve(uses),
    }


def _curve(uses: list[int], points: int = 24) -> list[int]:
    """Uses per tag, falling, thinned to at most `points` bars."""
    if len(uses) <= points:
        return uses
    return [uses[i * (len(uses) - 1) // (points - 1)] for i in range(points)]

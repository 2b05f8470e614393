"""The project's vocabulary: what a written name means, adding tags and aliases as revisions.

A merged tag keeps its row, its name and its aliases; it *means* the tag it was merged into (`merged_into`, which is
always final), and whoever reads tags resolves it: `merged`, `owners`, `owner_of`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, text, update

from core.errors import InvalidInput, NotFound
from core.store.database import allocate
from core.store.schema import tag, tag_alias, tag_revision
from core.vocabulary.names import clean_name, name_key

PART = 1000  # values in one IN (…)


@dataclass(frozen=True, slots=True)
class Tag:
    """An entry of the vocabulary; `id` is stable over every edit, and `aliases` name the tags merged into it, too."""

    id: int
    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    parent: int | None = None
    state: str = "active"
    facet: str = ""


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag as a person or file gives it; `parent` is a name."""

    name: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    parent: str = ""


@dataclass(slots=True)
class Changes:
    """What an import did to the vocabulary. `problems`: {row, cause, remedy}; `batch`: by which it is undone."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    batch: str = ""

    def as_dict(self) -> dict[str, Any]:
        names = ("added", "updated", "unchanged", "skipped", "problems", "batch")
        return {name: getattr(self, name) for name in names}


def new_batch() -> str:
    """A name for edits that belong together: they are undone together."""
    return secrets.token_hex(8)


def parts(values: Iterable[Any], size: int = PART) -> Iterator[list[Any]]:
    """Distinct values, sorted, in lists that fit into one statement."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def revision(connection: Connection) -> int:
    """The vocabulary's revision number: it grows with every edit."""
    return int(connection.execute(select(func.coalesce(func.max(tag_revision.c.id), 0))).scalar_one())


def revise(connection: Connection, batch: str, action: str, tag_id: int, before: Any, after: Any, person: str) -> None:
    """Write one revision down. `before` and `after` hold the columns that changed; None: there was no such tag."""
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


def new_ids(connection: Connection, n: int) -> list[int]:
    """`n` ids that no tag has or ever had: an undone addition takes its row away, and SQLite alone would give its
    number to the next tag."""
    if connection.dialect.name != "sqlite":
        return allocate(connection, "tag", "id", n)
    last = connection.execute(
        text("SELECT max(coalesce((SELECT max(id) FROM tag), 0), coalesce((SELECT max(tag) FROM tag_revision), 0))")
    ).scalar_one()
    return list(range(int(last) + 1, int(last) + 1 + n))


# what a name means


def merged(connection: Connection) -> dict[int, int]:
    """Id of every merged tag → the id that it now means."""
    rows = connection.execute(select(tag.c.id, tag.c.merged_into).where(tag.c.state == "merged"))
    return {row[0]: row[1] for row in rows}


def all_tags(connection: Connection, state: str = "active") -> list[Tag]:
    """Every tag in that state with its aliases, by name."""
    aliases = aliases_of(connection)
    rows = connection.execute(select(tag).where(tag.c.state == state).order_by(tag.c.key)).all()
    return [
        Tag(r.id, r.name, r.description, tuple(aliases.get(r.id, ())), r.parent, r.state, r.facet or "") for r in rows
    ]


def aliases_of(connection: Connection, ids: Sequence[int] | None = None) -> dict[int, list[str]]:
    """Other names by tag, sorted: its own aliases, and the names and aliases of the tags merged into it.

    Args:
        ids: only these tags (at most a page of them); None for all.
    """
    meaning = func.coalesce(tag.c.merged_into, tag.c.id)
    own = select(meaning.label("id"), tag_alias.c.key, tag_alias.c.name).join(tag, tag.c.id == tag_alias.c.tag)
    names = select(tag.c.merged_into.label("id"), tag.c.key, tag.c.name).where(tag.c.state == "merged")
    if ids is not None:
        own = own.where(meaning.in_(ids))
        names = names.where(tag.c.merged_into.in_(ids))
    found: dict[int, list[tuple[str, str]]] = {}
    for query in (own, names):
        for owner, key, name in connection.execute(query):
            found.setdefault(owner, []).append((key, name))
    return {owner: [name for _, name in sorted(each)] for owner, each in found.items()}


def owners(connection: Connection, archived: bool = False) -> dict[str, int]:
    """Key of every name and alias → the id of the active tag that it means, merged tags resolved.

    Args:
        archived: names of archived tags, too (they stay taken).
    """
    wanted = ("active", "archived") if archived else ("active",)
    states: dict[int, tuple[str, int | None]] = {}
    keys: list[tuple[str, int]] = []
    for row in connection.execute(select(tag.c.id, tag.c.key, tag.c.state, tag.c.merged_into)):
        states[row[0]] = (row[2], row[3])
        keys.append((row[1], row[0]))
    found: dict[str, int] = {}
    for key, owner in [*connection.execute(select(tag_alias.c.key, tag_alias.c.tag)), *keys]:
        owner = states[owner][1] or owner if owner in states else owner
        if owner in states and states[owner][0] in wanted:
            found[key] = owner
    return found


def lookup(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """As `owners` with archived tags, for some keys only."""
    meaning = func.coalesce(tag.c.merged_into, tag.c.id)
    found: dict[str, int] = {}
    for some in parts(keys):
        aliases = select(tag_alias.c.key, meaning).join(tag, tag.c.id == tag_alias.c.tag)
        found.update((row[0], row[1]) for row in connection.execute(aliases.where(tag_alias.c.key.in_(some))))
        found.update(
            (row[0], row[1]) for row in connection.execute(select(tag.c.key, meaning).where(tag.c.key.in_(some)))
        )
    return found


def owner_of(connection: Connection, name: str) -> int | None:
    """The tag that goes by this name or alias, merged ones resolved; it may be archived."""
    key = name_key(name)
    return lookup(connection, [key]).get(key)


def tag_names(connection: Connection, ids: set[int]) -> dict[int, str]:
    """Names of tags by id, archived and merged ones included."""
    found: dict[int, str] = {}
    for some in parts(ids):
        rows = connection.execute(select(tag.c.id, tag.c.name).where(tag.c.id.in_(some)))
        found.update((row[0], row[1]) for row in rows)
    return found


def check_tags(connection: Connection, ids: set[int]) -> None:
    """Raises NotFound when one of these tags does not exist."""
    missing = ids - set(tag_names(connection, ids))
    if missing:
        raise NotFound(f"The tag {min(missing)} does not exist.", "Reload the page to see the vocabulary.")


# adding


def add_tag(connection: Connection, name: str, person: str, description: str = "", batch: str = "") -> int:
    """A new tag, or the one that has this name or alias already; an archived one becomes active again.

    Raises:
        InvalidInput: the name is empty or too long.
    """
    name = clean_name(name)
    batch = batch or new_batch()
    found = owner_of(connection, name)
    if found is not None:
        state = connection.execute(select(tag.c.state).where(tag.c.id == found)).scalar_one()
        if state != "active":
            connection.execute(update(tag).where(tag.c.id == found).values(state="active"))
            revise(connection, batch, "activate", found, {"state": state}, {"state": "active"}, person)
        return found
    (tag_id,) = new_ids(connection, 1)
    values = {
        "id": tag_id,
        "name": name,
        "key": name_key(name),
        "description": description,
        "state": "active",
        "created_by": person,
        "created_at": time.time(),
    }
    connection.execute(insert(tag), values)
    revise(connection, batch, "add", tag_id, None, {"name": name, "description": description}, person)
    return tag_id


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
    revise(connection, batch or new_batch(), "alias", tag_id, None, {"alias": name}, person)
    return True


def set_parents(
    connection: Connection, children: list[tuple[int, NewTag]], person: str, batch: str = ""
) -> list[dict[str, Any]]:
    """Put tags below their parents, given as (row number, tag); returns the problems."""
    batch = batch or new_batch()
    problems = []
    for number, entry in children:
        try:
            tag_id = owner_of(connection, clean_name(entry.name))
        except InvalidInput:
            continue  # its name was refused, and reported, when it was to be added
        if tag_id is None:
            continue
        try:
            _set_parent(connection, tag_id, entry.parent, person, batch)
        except InvalidInput as error:
            problems.append({"row": number, "cause": error.message, "remedy": error.remedy})
    return problems


def _set_parent(connection: Connection, tag_id: int, parent: str, person: str, batch: str) -> None:
    parent_id = owner_of(connection, clean_name(parent)) or add_tag(connection, parent, person, batch=batch)
    check_parent(connection, tag_id, parent_id)
    have = connection.execute(select(tag.c.parent).where(tag.c.id == tag_id)).scalar()
    if have != parent_id:
        connection.execute(update(tag).where(tag.c.id == tag_id).values(parent=parent_id))
        revise(connection, batch, "parent", tag_id, {"parent": have}, {"parent": parent_id}, person)


def check_parent(connection: Connection, tag_id: int, parent_id: int) -> None:
    """Raises InvalidInput when the tag would become its own ancestor."""
    above: int | None = parent_id
    while above is not None:
        if above == tag_id:
            name = tag_names(connection, {parent_id})[parent_id]
            raise InvalidInput(f"“{name}” would be its own ancestor.", "Choose a parent higher up.")
        above = connection.execute(select(tag.c.parent).where(tag.c.id == above)).scalar()

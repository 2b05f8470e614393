"""What accepting a proposal does to the vocabulary, and which proposals an edit makes pointless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from core.errors import InvalidInput
from core.store.schema import proposal, suggestion, tag, tag_alias, tag_revision
from core.vocabulary.editing import merge_in
from core.vocabulary.names import clean_name, name_key
from core.vocabulary.proposals import addition_key
from core.vocabulary.sheet import Sheet
from core.vocabulary.store import parts

FEW = 40  # names that are looked for one by one in the keys of open proposals; more: all are read


def apply_proposal(sheet: Sheet, value: dict[str, Any]) -> None:
    """Edit the vocabulary as the proposal says; what is so already is left alone.

    Raises:
        InvalidInput: it fits no more: a name belongs to another tag now, or a tag is archived.
    """
    kind = value["kind"]
    if kind == "add":
        _add(sheet, value)
    elif kind in ("merge", "alias"):
        _join(sheet, value)
    elif kind == "parent":
        _put_below(sheet, value)
    else:
        found = _tag(sheet, value["tag"], value["name"])
        if found is not None and sheet.row(found)["state"] == "active":
            sheet.change(found, "archive", state="archived")


def _add(sheet: Sheet, value: dict[str, Any]) -> None:
    found = sheet.meaning(name_key(clean_name(value["name"])))
    if found is None:
        found = sheet.add(value["name"])
    else:
        sheet.change(found, "activate", state="active")
    for alias in value["aliases"]:
        try:
            sheet.give_alias(found, alias)
        except InvalidInput:
            continue  # the name of another tag, which keeps it


def _tag(sheet: Sheet, tag_id: int | None, name: str) -> int | None:
    """The tag that a proposal names, by its id while there is one, else by its name."""
    if tag_id is not None and sheet.find(tag_id) is not None:
        return tag_id
    return sheet.owner(name_key(name))


def _join(sheet: Sheet, value: dict[str, Any]) -> None:
    drop, keep = clean_name(value["name"]), clean_name(value["into"])
    kept = _tag(sheet, value["into_tag"], keep)
    kept = None if kept is None else sheet.final(kept)
    other = _tag(sheet, value["tag"], drop)
    if other is not None and kept is not None and sheet.final(other) == kept:
        return
    if other is not None:
        row = sheet.row(other)
        # its evidence was about this name, not about the tag that has meanwhile taken it as an alias
        if row["merged_into"] or (value["tag"] is None and row["key"] != name_key(drop)):
            means = sheet.row(sheet.final(other))["name"]
            raise InvalidInput(f"“{drop}” means “{means}” by now.", "Reject it, or merge the two tags themselves.")
    if kept is not None and sheet.row(kept)["state"] != "active":
        raise InvalidInput(f"“{sheet.row(kept)['name']}” is archived.", "Restore it first.")
    if kept is None:
        kept = sheet.add(keep)
    if other is None:
        sheet.give_alias(kept, drop)
    else:
        merge_in(sheet, other, kept)


def _put_below(sheet: Sheet, value: dict[str, Any]) -> None:
    child, parent = _tag(sheet, value["tag"], value["name"]), _tag(sheet, value["into_tag"], value["into"])
    below = sheet.add(value["name"]) if child is None else sheet.final(child)
    above = sheet.add(value["into"]) if parent is None else sheet.final(parent)
    upper: int | None = above
    while upper is not None:
        if upper == below:
            raise InvalidInput(f"“{value['into']}” would be its own ancestor.", "Reject it, or move that tag first.")
        upper = sheet.row(upper)["parent"]
    sheet.change(below, "parent", parent=above)


# what an edit makes pointless


def is_stale(sheet: Sheet, value: dict[str, Any]) -> bool:
    """Has the proposal nothing left to do, or lost a tag that it is about?"""
    kind = value["kind"]
    if kind == "add":
        found = sheet.meaning(name_key(value["name"]))
        return found is not None and sheet.row(found)["state"] == "active"
    other = _tag(sheet, value["tag"], value["name"])
    if kind == "archive":
        return other is None or sheet.row(other)["state"] != "active"
    if value["tag"] is not None and sheet.find(value["tag"]) is None:
        return True
    if other is not None:
        row = sheet.row(other)
        if row["state"] != "active" or (value["tag"] is None and row["key"] != name_key(value["name"])):
            return True
    if value["into_tag"] is not None and sheet.find(value["into_tag"]) is None:
        return True
    into = _tag(sheet, value["into_tag"], value["into"])
    if into is None:
        return False
    into = sheet.final(into)
    return sheet.row(into)["state"] != "active" or into == other or (kind == "parent" and _is_child(sheet, other, into))


def _is_child(sheet: Sheet, child: int | None, parent: int) -> bool:
    return child is not None and sheet.row(child)["parent"] == parent


def refresh(connection: Connection, batches: Iterable[str]) -> list[int]:
    """After edits: open proposals that have become pointless are outdated, outdated ones that mean something again
    (an undo brought their tags back) are open. Returns those that became outdated.
    """
    keys = _touched(connection, batches)
    if not keys:
        return []
    sheet = Sheet(connection, "", "")
    stale: list[int] = []
    changed: list[dict[str, Any]] = []
    rows = {row.suggestion: row for query in _concerned(connection, keys) for row in connection.execute(query)}
    values = {pk: orjson.loads(row.value) for pk, row in rows.items()}
    sheet.prepare(values.values())
    for pk, value in values.items():
        gone = is_stale(sheet, value)
        if gone and rows[pk].state != "outdated":
            stale.append(pk)
        if gone != (rows[pk].state == "outdated"):
            changed.append({"which": pk, "state": "outdated" if gone else "open"})
    if changed:
        connection.execute(update(proposal).where(proposal.c.suggestion == bindparam("which")), changed)
    return stale


def _touched(connection: Connection, batches: Iterable[str]) -> set[str]:
    """Keys of names that were given or taken away, and every name of tags that came, went or changed their state:
    proposals know tags by the names that they had."""
    ids: set[int] = set()
    keys: set[str] = set()
    for batch in batches:
        query = select(tag_revision.c.tag, tag_revision.c.before, tag_revision.c.after)
        for tag_id, before, after in connection.execute(query.where(tag_revision.c.batch == batch)):
            sides = [orjson.loads(side) for side in (before, after) if side]
            keys.update(_names(sides))
            if tag_id and len(sides) == 2 and any(n in s for s in sides for n in ("state", "merged_into", "parent")):
                ids.add(tag_id)
    for some in parts(ids):  # a proposal may name a tag that was merged into one of these
        ids.update(connection.execute(select(tag.c.id).where(tag.c.merged_into.in_(some))).scalars())
    for some in parts(ids):
        keys.update(connection.execute(select(tag.c.key).where(tag.c.id.in_(some))).scalars())
        keys.update(connection.execute(select(tag_alias.c.key).where(tag_alias.c.tag.in_(some))).scalars())
        said = select(tag_revision.c.before, tag_revision.c.after).where(tag_revision.c.tag.in_(some))
        for row in connection.execute(said):
            keys.update(_names(orjson.loads(side) for side in row if side))
    return keys


def _names(sides: Iterable[dict[str, Any]]) -> set[str]:
    return {name_key(side[name]) for side in sides for name in ("name", "alias") if side.get(name)}


def _concerned(connection: Connection, keys: set[str]) -> Iterator[Select[Any]]:
    """Queries for the undecided proposals that may speak of these names."""
    base = (
        select(proposal.c.suggestion, proposal.c.state, suggestion.c.value)
        .join(suggestion, suggestion.c.pk == proposal.c.suggestion)
        .where(proposal.c.state.in_(("open", "later", "outdated")))
    )
    for some in parts(addition_key(key) for key in keys):
        yield base.where(proposal.c.key.in_(some))
    others = base.where(proposal.c.kind != "add")
    if len(keys) > FEW:
        yield others
        return
    place = func.instr if connection.dialect.name == "sqlite" else func.strpos
    yield others.where(or_(*(place(proposal.c.key, f"\n{key}\n") > 0 for key in keys)))

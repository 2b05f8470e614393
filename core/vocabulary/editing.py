"""Edits of the vocabulary by people: each an append-only batch of revisions, each undone by its inverse.

Every function takes the writing connection, and answers the batch's name ("" where nothing had to change). Undo is a
batch, too: undoing it does the edit again. Names are resolved through merges, so that whoever knows an old name or
alias reaches the tag that it means now.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from core.errors import InvalidInput
from core.store.schema import tag
from core.vocabulary.names import clean_name, name_key
from core.vocabulary.sheet import Sheet
from core.vocabulary.store import check_parent, new_batch

LONGEST_TEXT = 2000
LONGEST_FACET = 60


def _sheet(connection: Connection, person: str, batch: str) -> Sheet:
    return Sheet(connection, batch or new_batch(), person)


def _done(sheet: Sheet) -> str:
    batch = sheet.batch if sheet.revisions else ""
    sheet.flush()
    return batch


def _living(sheet: Sheet, tag_id: int) -> dict[str, Any]:
    """The row of a tag that may be edited: any but a merged one."""
    row = sheet.row(tag_id)
    if row["state"] == "merged":
        into = sheet.row(row["merged_into"])["name"]
        raise InvalidInput(f"“{row['name']}” was merged into “{into}”.", f"Edit “{into}”, or undo the merge.")
    return row


def rename(
    connection: Connection, tag_id: int, name: str, person: str, *, keep_alias: bool = True, batch: str = ""
) -> str:
    """Give a tag another name. The old one stays as an alias, unless `keep_alias` is false or both are the same but
    for case and spaces.

    Raises:
        InvalidInput: the name is no name, or another tag goes by it.
    """
    sheet = _sheet(connection, person, batch)
    row = _living(sheet, tag_id)
    name, old = clean_name(name), row["name"]
    key = name_key(name)
    owner = sheet.owner(key)
    if owner is not None and owner != tag_id and sheet.final(owner) == tag_id and sheet.alias(key) is None:
        sheet.swap_names(tag_id, owner, "rename")  # the name of a tag that was merged into this one
        return _done(sheet)
    if owner is not None and sheet.final(owner) == tag_id and sheet.alias(key) is not None:
        sheet.take_alias(key)
    sheet.change(tag_id, "rename", name=name)
    if keep_alias and name_key(old) != key:
        sheet.give_alias(tag_id, old)
    return _done(sheet)


def describe(connection: Connection, tag_id: int, description: str, person: str, *, batch: str = "") -> str:
    """Say in a sentence what a tag is for; empty takes the description away."""
    text = description.replace("\0", "").strip()
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"A description has at most {LONGEST_TEXT:,} characters.", "Shorten it.")
    sheet = _sheet(connection, person, batch)
    _living(sheet, tag_id)
    sheet.change(tag_id, "describe", description=text)
    return _done(sheet)


def set_facet(connection: Connection, tag_id: int, facet: str, person: str, *, batch: str = "") -> str:
    """Put a tag into a facet (topic, style, …); empty takes it out."""
    facet = " ".join(facet.replace("\0", "").split())
    if len(facet) > LONGEST_FACET:
        raise InvalidInput(f"A facet's name has at most {LONGEST_FACET} characters.", "Shorten it.")
    sheet = _sheet(connection, person, batch)
    _living(sheet, tag_id)
    sheet.change(tag_id, "facet", facet=facet or None)
    return _done(sheet)


def set_parent(connection: Connection, tag_id: int, parent: int | None, person: str, *, batch: str = "") -> str:
    """Put a tag below another one, or (None) at the top.

    Raises:
        InvalidInput: it would become its own ancestor.
    """
    sheet = _sheet(connection, person, batch)
    _living(sheet, tag_id)
    if parent is not None:
        parent = sheet.final(parent)
        check_parent(connection, tag_id, parent)
    sheet.change(tag_id, "parent", parent=parent)
    return _done(sheet)


def add_other_name(connection: Connection, tag_id: int, name: str, person: str, *, batch: str = "") -> str:
    """Give a tag an alias.

    Raises:
        InvalidInput: another tag goes by that name.
    """
    sheet = _sheet(connection, person, batch)
    _living(sheet, tag_id)
    sheet.give_alias(tag_id, name)
    return _done(sheet)


def remove_alias(connection: Connection, tag_id: int, name: str, person: str, *, batch: str = "") -> str:
    """Take an alias away from a tag.

    Raises:
        InvalidInput: it is no alias of this tag, or the name of a tag that was merged into it.
    """
    sheet = _sheet(connection, person, batch)
    row = _living(sheet, tag_id)
    key = name_key(name)
    owner = sheet.owner(key)
    if owner is None or (owner == tag_id and key == row["key"]) or sheet.final(owner) != tag_id:
        raise InvalidInput(f"“{name[:60]}” is no alias of “{row['name']}”.", "Reload the page to see its aliases.")
    if sheet.alias(key) is None:
        raise InvalidInput(
            f"“{name[:60]}” was a tag that was merged into “{row['name']}”.",
            "Choose the state “Merged” above the table and restore it there, or undo the merge in the history.",
        )
    sheet.take_alias(key)
    return _done(sheet)


def archive(connection: Connection, tag_id: int, person: str, *, batch: str = "") -> str:
    """Take a tag out of use. Its name stays taken and what was decided with it stays decided."""
    sheet = _sheet(connection, person, batch)
    _living(sheet, tag_id)
    sheet.change(tag_id, "archive", state="archived")
    return _done(sheet)


def restore(connection: Connection, tag_id: int, person: str, *, batch: str = "") -> str:
    """Bring an archived tag back into use, or make a merged one a tag of its own again."""
    sheet = _sheet(connection, person, batch)
    sheet.change(tag_id, "restore", state="active", merged_into=None)
    return _done(sheet)


def merge(connection: Connection, drop: int, keep: int, person: str, *, batch: str = "") -> str:
    """From now on `drop` means `keep`: its name and aliases count as aliases, its uses as uses.

    Tags merged into `drop` before are repointed, so that `merged_into` is always final; its children go below `keep`.

    Raises:
        InvalidInput: both are the same tag, `drop` was merged elsewhere, or `keep` is archived.
    """
    sheet = _sheet(connection, person, batch)
    merge_in(sheet, drop, keep)
    return _done(sheet)


def merge_in(sheet: Sheet, drop: int, keep: int) -> None:
    """As `merge`, on a sheet."""
    connection = sheet.connection
    keep = sheet.final(keep)
    row, target = sheet.row(drop), sheet.row(keep)
    if row["merged_into"] == keep:
        return
    if drop == keep:
        raise InvalidInput(f"“{row['name']}” cannot be merged into itself.", "Choose another tag.")
    _living(sheet, drop)
    if target["state"] != "active":
        raise InvalidInput(f"“{target['name']}” is archived.", "Restore it first.")
    earlier = list(
        connection.execute(select(tag.c.id).where(tag.c.state == "merged", tag.c.merged_into == drop)).scalars()
    )
    children = list(connection.execute(select(tag.c.id).where(tag.c.parent == drop)).scalars())
    sheet.load([*earlier, *children])
    if _is_below(sheet, keep, drop):  # what takes its ancestor's place stands where that one stood
        sheet.change(keep, "parent", parent=row["parent"])
    for child in children:
        if child != keep:
            sheet.change(child, "parent", parent=keep)
    for each in earlier:
        sheet.change(each, "merge", merged_into=keep)
    sheet.change(drop, "merge", state="merged", merged_into=keep, parent=None)


def _is_below(sheet: Sheet, tag_id: int, ancestor: int) -> bool:
    above = sheet.row(tag_id)["parent"]
    while above is not None and above != ancestor:
        above = sheet.row(above)["parent"]
    return above == ancestor


def find(connection: Connection, text: str) -> int:
    """A tag by its id as a client sends it.

    Raises:
        InvalidInput: it is no id.
    """
    if not isinstance(text, str) or not text.isdecimal() or not text.isascii() or len(text) > 15:
        raise InvalidInput("The request does not say which tag.", "Reload the page.")
    return int(text)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or len(value) > 4 * LONGEST_TEXT:
        raise InvalidInput(f"The edit's “{name}” is missing or no text.", "Reload the page.")
    return value


def apply_edit(connection: Connection, data: dict[str, Any], person: str) -> dict[str, Any]:
    """One edit as the page sends it: {tag, action, …}.

    action: rename {name, keep_alias} · describe {description} · facet {facet} · parent {parent: id, name or null} ·
    alias {name} · unalias {name} · merge {into: id} · archive · restore. The action "add" {name} has no tag.

    Returns:
        {batch: "" when nothing had to change, tag: the tag's id}
    """
    action = _text(data, "action")
    if action == "add":
        return _add(connection, data, person)
    tag_id = find(connection, data.get("tag", ""))
    if action == "rename":
        keep = data.get("keep_alias") is not False
        batch = rename(connection, tag_id, _text(data, "name"), person, keep_alias=keep)
    elif action == "describe":
        batch = describe(connection, tag_id, _text(data, "description"), person)
    elif action == "facet":
        batch = set_facet(connection, tag_id, _text(data, "facet"), person)
    elif action == "parent":
        parent = data.get("parent")
        batch = set_parent(connection, tag_id, None if not parent else find(connection, parent), person)
    elif action == "alias":
        batch = add_other_name(connection, tag_id, _text(data, "name"), person)
    elif action == "unalias":
        batch = remove_alias(connection, tag_id, _text(data, "name"), person)
    elif action == "merge":
        into = find(connection, data.get("into", ""))
        batch = merge(connection, tag_id, into, person)
        tag_id = into
    elif action in ("archive", "restore"):
        batch = (archive if action == "archive" else restore)(connection, tag_id, person)
    else:
        raise InvalidInput(f"“{action[:40]}” is no edit of a tag.", "Reload the page.")
    return {"batch": batch, "tag": str(tag_id)}


def _add(connection: Connection, data: dict[str, Any], person: str) -> dict[str, Any]:
    sheet = _sheet(connection, person, "")
    name = clean_name(_text(data, "name"))
    found = sheet.meaning(name_key(name))
    if found is None:
        found = sheet.add(name)
    else:
        sheet.change(found, "activate", state="active")
    return {"batch": _done(sheet), "tag": str(found)}

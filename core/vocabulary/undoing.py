"""What was edited, and taking it back: a batch is undone as a whole, by inverse revisions that are a batch, too."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, func, or_, select

from core.errors import Conflict, InvalidInput, NotFound
from core.store.schema import decision, item_tag, suggestion, tag, tag_alias, tag_revision
from core.store.times import iso
from core.vocabulary.names import name_key
from core.vocabulary.sheet import COLUMNS, Sheet, write_mark
from core.vocabulary.store import new_batch, parts, tag_names

MARK = "undo"  # the action of the revision that says which batch an undo is about
WORDS = {
    "add": "added",
    "activate": "restored",
    "restore": "restored",
    "archive": "archived",
    "rename": "renamed",
    "describe": "described",
    "parent": "put below another",
    "facet": "put into a facet",
    "alias": "given an alias",
    "unalias": "rid of an alias",
    "merge": "merged",
    "remove": "taken out",
}


def undo(connection: Connection, batch: str, person: str) -> str:
    """Take back all edits of a batch; returns the batch of the inverse edits, whose undo does the edits again.

    A tag that the batch has added goes altogether if nothing refers to it, and is archived otherwise.

    Raises:
        NotFound: there is no such batch.
        Conflict: it is undone already, or a later edit built on it (the message says which).
    """
    rows = connection.execute(
        select(tag_revision).where(tag_revision.c.batch == batch).order_by(tag_revision.c.id.desc())
    ).all()
    if not rows:
        raise NotFound("That edit is not in the history.", "Reload the page.")
    if batch in undone_batches(connection):
        raise Conflict("That edit has been undone already.", "Undo its undo to do it again.")
    work = _Undo(connection, batch, person, [row for row in rows if row.tag])
    inverse = work.run()
    write_mark(connection, inverse, MARK, {"batch": batch}, person)
    return inverse


class _Undo:
    def __init__(self, connection: Connection, batch: str, person: str, rows: list[Any]) -> None:
        self.connection = connection
        self.batch = batch
        self.rows = rows
        self.sheet = Sheet(connection, new_batch(), person)
        self.changes = [(row, _json(row.before), _json(row.after)) for row in rows]
        self.swapped: set[int] = set()  # revisions that went back together with another one

    def run(self) -> str:
        named = (c for _, b, a in self.changes for c in (b, a) if c)
        keys = {name_key(name) for c in named for name in (c.get("alias"), c.get("name")) if name}
        self.sheet.load({row.tag for row in self.rows}, keys)
        self._check_additions()
        for row, before, after in self.changes:
            try:
                self._revert(row, before, after)
            except (InvalidInput, NotFound) as error:
                raise Conflict(f"It cannot be undone: {error.message}", error.remedy) from error
        self._check_parents()
        self.sheet.flush()
        return self.sheet.batch

    def _revert(self, row: Any, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        sheet = self.sheet
        if row.id in self.swapped:
            return
        alias = (before or after or {}).get("alias")
        if alias is not None and after is not None:
            held = sheet.alias(name_key(alias))
            if held is None or held[0] != row.tag:
                raise self._built_upon(row.tag)
            sheet.take_alias(name_key(alias))
        elif alias is not None:
            if not sheet.give_alias(row.tag, alias):
                raise self._built_upon(row.tag)
        elif before is None and after is not None:
            self._unadd(row.tag, after)
        elif after is None and before is not None:
            sheet.put_back(row.tag, before, note="add")
        elif before is not None and after is not None:
            now = sheet.find(row.tag)
            if now is None or any(now[name] != value for name, value in after.items()):
                raise self._built_upon(row.tag)
            self._set(row.tag, row.action, before)

    def _set(self, tag_id: int, action: str, before: dict[str, Any]) -> None:
        """Columns as they were. Two tags that swapped names swap again when the first of them comes up."""
        name = before.get("name")
        if name is not None:
            other = self.sheet.owner(name_key(name))
            if other is not None and other != tag_id:
                partner = [r.id for r, _, a in self.changes if r.tag == other and a and a.get("name") == name]
                if not partner:
                    raise self._built_upon(tag_id)
                self.swapped.add(partner[0])
                self.sheet.swap_names(tag_id, other, action)
        self.sheet.change(tag_id, action, **before)

    def _check_additions(self) -> None:
        """What hangs on tags that the batch has added, and was not added with them."""
        added = {row.tag for row, before, after in self.changes if before is None and after and "alias" not in after}
        own = {(row.tag, name_key(after["alias"])) for row, _, after in self.changes if after and "alias" in after}
        mine = {row.tag for row in self.rows}
        self.used = referred(self.connection, added)
        for some in parts(added):
            aliases = select(tag_alias.c.tag, tag_alias.c.key).where(tag_alias.c.tag.in_(some))
            for owner, key in self.connection.execute(aliases):
                if (owner, key) not in own:
                    raise self._built_upon(owner)
            hanging = select(tag.c.id, tag.c.parent, tag.c.merged_into).where(
                or_(tag.c.parent.in_(some), tag.c.merged_into.in_(some))
            )
            for child, parent, into in self.connection.execute(hanging):
                if child not in mine:
                    raise self._built_upon(parent if parent in added else into)

    def _unadd(self, tag_id: int, after: dict[str, Any]) -> None:
        now = self.sheet.find(tag_id)
        rest = {"parent": None, "facet": None, "state": "active", "merged_into": None, **after}
        if now is None or any(now[name] != value for name, value in rest.items() if name in COLUMNS):
            raise self._built_upon(tag_id)
        if tag_id in self.used:
            self.sheet.change(tag_id, "archive", state="archived")
        else:
            self.sheet.remove(tag_id)

    def _check_parents(self) -> None:
        moved = {row.tag: before for row, before, after in self.changes if before and "parent" in before}
        for tag_id in moved:
            if self.sheet.find(tag_id) is None:
                continue
            seen = {tag_id}
            above = self.sheet.row(tag_id)["parent"]
            while above is not None:
                upper = self.sheet.find(above)
                if above in seen or upper is None or upper["state"] == "merged":
                    raise self._built_upon(tag_id)
                seen.add(above)
                above = upper["parent"]

    def _built_upon(self, tag_id: int) -> Conflict:
        query = select(tag_revision).where(tag_revision.c.tag == tag_id, tag_revision.c.batch != self.batch)
        later = self.connection.execute(query.order_by(tag_revision.c.id.desc()).limit(1)).first()
        names = tag_names(self.connection, {tag_id})
        name = names.get(tag_id, f"tag {tag_id}")
        did = WORDS.get(later.action, later.action) if later is not None else "used by a later edit"
        by = f" by {later.person}" if later is not None else ""
        return Conflict(
            f"It cannot be undone: “{name}” was {did} later{by}.", "Undo that later edit first; the history lists it."
        )


def _json(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else orjson.loads(text)
    return found


def referred(connection: Connection, ids: set[int]) -> set[int]:
    """Those of the tags that suggestions or decisions about items may speak of."""
    found: set[int] = set()
    if not ids:
        return found
    newest = select(func.max(decision.c.at)).where(
        decision.c.seq == select(func.max(decision.c.seq)).where(decision.c.item != 0).scalar_subquery()
    )
    last = connection.execute(newest).scalar() or 0.0
    for some in parts(ids):
        for column in (suggestion.c.tag, item_tag.c.tag):
            found.update(connection.execute(select(column).where(column.in_(some)).distinct()).scalars())
        # a decision may have rejected it, which stands in no table by itself
        found.update(connection.execute(select(tag.c.id).where(tag.c.id.in_(some), tag.c.created_at <= last)).scalars())
    return found


def undone_batches(connection: Connection) -> set[str]:
    """Batches whose edits do not stand at present."""
    marks = connection.execute(
        select(tag_revision.c.batch, tag_revision.c.before)
        .where(tag_revision.c.tag == 0, tag_revision.c.action == MARK)
        .order_by(tag_revision.c.id)
    )
    undoes: dict[str, str] = {}
    undone: set[str] = set()
    for batch, before in marks:
        undoes[batch] = orjson.loads(before)["batch"]
        target: str | None = undoes[batch]
        gone = True
        while target is not None:  # what an undo took back stands again when that undo is undone
            (undone.add if gone else undone.discard)(target)
            target, gone = undoes.get(target), not gone
    return undone


def undone_by(connection: Connection, batch: str) -> str | None:
    """The batch that this one takes back, if it is an undo."""
    query = select(tag_revision.c.before).where(
        tag_revision.c.batch == batch, tag_revision.c.tag == 0, tag_revision.c.action == MARK
    )
    before = connection.execute(query.limit(1)).scalar()
    return None if before is None else str(orjson.loads(before)["batch"])


def history(connection: Connection, before: int | None = None, limit: int = 30) -> dict[str, Any]:
    """Batches of edits, the newest first.

    Args:
        before: the cursor of an earlier answer.

    Returns:
        {batches: [{batch, at, person, edits, undone, undoes, changes: [{action, tag, name, before, after}] ≤ 6}],
        next: cursor or None}. In `changes`, ids of parents and merge targets come as {id, name}.
    """
    last = func.max(tag_revision.c.id).label("last")
    groups = select(tag_revision.c.batch, last, func.count().label("edits")).group_by(tag_revision.c.batch)
    if before is not None:
        groups = groups.having(func.max(tag_revision.c.id) < before)
    found = connection.execute(groups.order_by(last.desc()).limit(limit + 1)).all()
    shown = found[:limit]
    undone = undone_batches(connection)
    batches = [_described(connection, row, row.batch in undone) for row in shown]
    _name_ids(connection, batches)
    return {"batches": batches, "next": shown[-1].last if len(found) > limit else None}


SHOWN = 6  # changes told of a batch; the rest is a number


def _described(connection: Connection, group: Any, undone: bool) -> dict[str, Any]:
    query = select(tag_revision).where(tag_revision.c.batch == group.batch).order_by(tag_revision.c.id)
    rows = connection.execute(query.limit(SHOWN)).all()
    newest = connection.execute(select(tag_revision).where(tag_revision.c.id == group.last)).one()
    mark = newest.action == MARK and newest.tag == 0
    changes = [
        {"action": r.action, "tag": r.tag, "before": _json(r.before), "after": _json(r.after)} for r in rows if r.tag
    ]
    return {
        "batch": group.batch,
        "at": iso(newest.at),
        "person": newest.person,
        "edits": group.edits - mark,
        "undone": undone,
        "undoes": orjson.loads(newest.before)["batch"] if mark else None,
        "changes": changes,
    }


def _name_ids(connection: Connection, batches: list[dict[str, Any]]) -> None:
    changes = [change for each in batches for change in each["changes"]]
    sides = [side for change in changes for side in (change["before"], change["after"]) if side]
    ids = {change["tag"] for change in changes}
    ids |= {side[name] for side in sides for name in ("parent", "merged_into") if side.get(name)}
    names = tag_names(connection, ids)
    for change in changes:
        said = {**(change["before"] or {}), **(change["after"] or {})}.get("name", "")
        change["name"] = names.get(change["tag"], said)
        change["tag"] = str(change["tag"])
    for side in sides:
        for name in ("parent", "merged_into"):
            if side.get(name):
                side[name] = {"id": str(side[name]), "name": names.get(side[name], "")}

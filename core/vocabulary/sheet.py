"""A slice of the vocabulary held in memory while it is edited, written back with its revisions in a few statements.

Every edit of the vocabulary goes through a `Sheet`: one tag renamed, or 40,000 added, cost the same few statements
per kind of change, and each change becomes one append-only revision.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from core.errors import InvalidInput, NotFound
from core.store.database import insert_many
from core.store.schema import tag, tag_alias, tag_revision
from core.vocabulary.names import clean_name, name_key
from core.vocabulary.store import new_ids, parts

COLUMNS = ("name", "description", "parent", "facet", "state", "merged_into")  # what revisions speak of
_STORED = (*COLUMNS, "key", "created_by", "created_at")
_REVISION = ("batch", "action", "tag", "before", "after", "person", "at")
_KEY_FREE = "\uffff"  # no name has this character: a key that is on its way to another one


class Sheet:
    """Tags and aliases as they stand, and as they are to stand after `flush`.

    Args:
        batch: the edits' common name, by which they are undone.
    """

    def __init__(self, connection: Connection, batch: str, person: str) -> None:
        self.connection = connection
        self.batch = batch
        self.person = person
        self.revisions: list[tuple[Any, ...]] = []
        self._stored: dict[int, dict[str, Any] | None] = {}
        self._tags: dict[int, dict[str, Any] | None] = {}
        self._stored_aliases: dict[str, tuple[int, str] | None] = {}
        self._aliases: dict[str, tuple[int, str] | None] = {}
        self._keys: dict[str, int | None] = {}  # key of a tag's own name → its id
        self._spare: list[int] = []

    # reading

    def load(self, ids: Iterable[int] = (), keys: Iterable[str] = ()) -> None:
        """Read many tags and keys at once; what is not read beforehand is read when it is asked for."""
        fresh = [key for key in keys if key not in self._keys]
        self._keys.update(dict.fromkeys(fresh))
        self._stored_aliases.update(dict.fromkeys(fresh))
        self._aliases.update(dict.fromkeys(fresh))
        wanted = set(ids)
        for some in parts(fresh):
            for row in self.connection.execute(select(tag_alias).where(tag_alias.c.key.in_(some))):
                self._stored_aliases[row.key] = self._aliases[row.key] = (row.tag, row.name)
                wanted.add(row.tag)
            for tag_id, key in self.connection.execute(select(tag.c.id, tag.c.key).where(tag.c.key.in_(some))):
                self._keys[key] = tag_id
                wanted.add(tag_id)
        wanted = {each for each in wanted if each not in self._tags}
        self._read(wanted)
        self._read({now["merged_into"] for i in wanted if (now := self._tags[i]) and now["merged_into"]})

    def prepare(self, values: Iterable[dict[str, Any]]) -> None:
        """Read what proposals ({name, into, aliases, tag, into_tag}) speak of."""
        said = list(values)
        names = [name for value in said for name in (value["name"], value["into"], *value["aliases"]) if name]
        ids = {value[which] for value in said for which in ("tag", "into_tag") if value[which]}
        self.load(ids, [name_key(name) for name in names])

    def _read(self, ids: set[int]) -> None:
        fresh = [each for each in ids if each not in self._tags]
        self._tags.update(dict.fromkeys(fresh))
        self._stored.update(dict.fromkeys(fresh))
        for some in parts(fresh):
            for row in self.connection.execute(select(tag).where(tag.c.id.in_(some))):
                values = {name: getattr(row, name) for name in _STORED}
                self._stored[row.id] = values
                self._tags[row.id] = dict(values)

    def find(self, tag_id: int) -> dict[str, Any] | None:
        """The tag's columns as they stand now, None when there is none."""
        if tag_id not in self._tags:
            self._read({tag_id})
        return self._tags[tag_id]

    def row(self, tag_id: int) -> dict[str, Any]:
        """As `find`.

        Raises:
            NotFound: there is no such tag.
        """
        found = self.find(tag_id)
        if found is None:
            raise NotFound(f"The tag {tag_id} does not exist.", "Reload the page to see the vocabulary.")
        return found

    def owner(self, key: str) -> int | None:
        """The tag that goes by this key itself, be it by its name or an alias; merged ones are not resolved."""
        self.load(keys=[key])
        alias = self._aliases[key]
        return self._keys[key] or (alias[0] if alias else None)

    def meaning(self, key: str) -> int | None:
        """The tag that this key means: as `owner`, merged tags resolved. It may be archived."""
        found = self.owner(key)
        return None if found is None else self.final(found)

    def final(self, tag_id: int) -> int:
        """The tag itself, or the one that it was merged into."""
        return self.row(tag_id)["merged_into"] or tag_id

    def alias(self, key: str) -> tuple[int, str] | None:
        """(tag, name as written) of an alias."""
        self.load(keys=[key])
        return self._aliases[key]

    # changing

    def add(self, name: str, description: str = "", facet: str | None = None) -> int:
        """A new tag; its name must be free.

        Raises:
            InvalidInput: the name is no name, or taken.
        """
        if not self._spare:
            self._spare = new_ids(self.connection, 1)
        tag_id = self._spare.pop()
        self._tags[tag_id] = self._stored[tag_id] = None  # nobody has it: it need not be looked for
        values = {"name": clean_name(name), "description": description, "parent": None, "facet": facet}
        self.put_back(tag_id, {**values, "state": "active", "merged_into": None})
        after = {"name": values["name"], "description": description, **({"facet": facet} if facet else {})}
        self._note("add", tag_id, None, after)
        return tag_id

    def reserve(self, n: int) -> None:
        """Take the ids of `n` tags that will be added, in one statement."""
        self._spare = new_ids(self.connection, n)[::-1] if n else []

    def put_back(self, tag_id: int, values: dict[str, Any], *, note: str = "") -> None:
        """A tag under a given id, for an addition that was taken back; `note` is the revision's action."""
        key = name_key(values["name"])
        self._need_free(key, tag_id)
        if self.find(tag_id) is not None:
            raise InvalidInput(f"The tag {tag_id} exists.", "Reload the page.")
        created = {"created_by": self.person, "created_at": time.time()}
        self._tags[tag_id] = {**dict.fromkeys(COLUMNS), "description": "", **created, **values, "key": key}
        self._name_means(key, tag_id)
        if note:
            self._note(note, tag_id, None, {name: values[name] for name in COLUMNS if name in values})

    def remove(self, tag_id: int, note: str = "remove") -> None:
        """Take a tag's row away. Only for what nothing refers to: everything else is archived."""
        row = self.row(tag_id)
        kept = (*COLUMNS, "created_by", "created_at")
        self._note(note, tag_id, {name: row[name] for name in kept}, None)
        self._name_means(row["key"], None)
        self._tags[tag_id] = None

    def change(self, tag_id: int, action: str, **values: Any) -> bool:
        """Set columns of a tag; False when they are so already.

        Raises:
            InvalidInput: its new name is taken.
        """
        row = self.row(tag_id)
        values = {name: value for name, value in values.items() if row[name] != value}
        if not values:
            return False
        before = {name: row[name] for name in values}
        if "name" in values:
            key = name_key(values["name"])
            if key != row["key"]:
                self._need_free(key, tag_id)
                self._name_means(row["key"], None)
                self._name_means(key, tag_id)
                row["key"] = key
        row.update(values)
        self._note(action, tag_id, before, dict(values))
        return True

    def swap_names(self, one: int, other: int, action: str) -> None:
        """Two tags take each other's name."""
        first, second = self.row(one), self.row(other)
        for tag_id, mine, theirs in ((one, first, dict(second)), (other, second, dict(first))):
            self._note(action, tag_id, {"name": mine["name"]}, {"name": theirs["name"]})
            mine["name"], mine["key"] = theirs["name"], theirs["key"]
            self._name_means(mine["key"], tag_id)

    def give_alias(self, tag_id: int, name: str) -> bool:
        """Another name for a tag; False when the name means it already.

        Raises:
            InvalidInput: another tag goes by that name.
        """
        name = clean_name(name)
        key = name_key(name)
        if self.meaning(key) == tag_id:
            return False
        self._need_free(key, tag_id)
        self.row(tag_id)
        self._aliases[key] = (tag_id, name)
        self._note("alias", tag_id, None, {"alias": name})
        return True

    def take_alias(self, key: str) -> None:
        """An alias away from the tag that has it."""
        found = self.alias(key)
        if found is None:
            raise NotFound(f"There is no alias “{key}”.", "Reload the page to see the vocabulary.")
        self._aliases[key] = None
        self._note("unalias", found[0], {"alias": found[1]}, None)

    def _name_means(self, key: str, tag_id: int | None) -> None:
        self.load(keys=[key])  # before it is said otherwise
        self._keys[key] = tag_id

    def _need_free(self, key: str, tag_id: int) -> None:
        owner = self.owner(key)
        if owner is not None and owner != tag_id:
            other = self.row(owner)
            remedy = "Merge the two instead."
            if other["state"] == "archived":
                remedy = "That tag is archived: restore it, then merge the two."
            raise InvalidInput(f"“{key}” already belongs to the tag “{other['name']}”.", remedy)
        if owner == tag_id and self._aliases[key] is not None:
            raise InvalidInput(f"“{key}” is an alias of this tag already.", "Remove the alias first.")

    def _note(self, action: str, tag_id: int, before: Any, after: Any) -> None:
        shown = [None if each is None else orjson.dumps(each).decode() for each in (before, after)]
        self.revisions.append((self.batch, action, tag_id, *shown, self.person, time.time()))

    # writing

    def flush(self) -> None:
        """Write what has changed, with its revisions."""
        run = self.connection.execute
        lost = [key for key, was in self._stored_aliases.items() if was and self._aliases[key] != was]
        for some in parts(lost):
            run(delete(tag_alias).where(tag_alias.c.key.in_(some)))
        dirty = [i for i, now in self._tags.items() if now != self._stored.get(i)]
        gone = [i for i in dirty if self._tags[i] is None]
        for some in parts(gone):
            run(delete(tag).where(tag.c.id.in_(some)))
        changed = [(i, was, now) for i in dirty if (was := self._stored.get(i)) and (now := self._tags[i])]
        moving = [{"which": i, "new_key": f"{_KEY_FREE}{i}"} for i, was, now in changed if was["key"] != now["key"]]
        if moving:  # two tags may take each other's name
            run(update(tag).where(tag.c.id == bindparam("which")).values(key=bindparam("new_key")), moving)
        if changed:
            statement = update(tag).where(tag.c.id == bindparam("which"))
            run(statement, [{"which": i, **now} for i, _, now in changed])
        new = [
            (i, *(now[name] for name in _STORED)) for i in dirty if not self._stored.get(i) and (now := self._tags[i])
        ]
        insert_many(self.connection, "tag", ("id", *_STORED), new)
        come = [(now[0], now[1], key) for key, now in self._aliases.items() if now and now != self._stored_aliases[key]]
        insert_many(self.connection, "tag_alias", ("tag", "name", "key"), come)
        insert_many(self.connection, "tag_revision", _REVISION, self.revisions)
        self.revisions = []
        self._stored = {i: dict(now) if now else None for i, now in self._tags.items()}
        self._stored_aliases = dict(self._aliases)


def write_mark(connection: Connection, batch: str, action: str, about: dict[str, Any], person: str) -> None:
    """A revision that is about a batch, not a tag."""
    row = {"batch": batch, "action": action, "tag": 0, "before": orjson.dumps(about).decode(), "after": None}
    connection.execute(insert(tag_revision), {**row, "person": person, "at": time.time()})

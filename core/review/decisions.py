"""Decisions of people: append-only events, and the current state as their projection.

An event says what a person did to one item's field, the state that they meant to leave behind, what they were
shown, and the version of the state that they saw. It is applied when that version is still the current one;
otherwise it is kept, marked as not applied, and the person chooses (docs/architecture.md, "Decisions").
Events are idempotent by the uuid that the client made: sending one again changes nothing and answers the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from core.corpora.identity import number_of
from core.errors import InvalidInput, NotFound, TagloomError
from core.review.boxes import (
    CAPTIONS,
    COMPARISON,
    Boxes,
    fields_of,
    leads,
    merge_answers,
    own_answers,
    suggestions_in,
    take_back,
)
from core.review.events import Event, parse_event
from core.review.meanings import chunks, meanings, unite
from core.store.schema import STATUS_CODE, STATUSES, corpus, current, decision, item, item_tag, suggestion
from core.store.times import iso
from core.vocabulary.names import clean_name, name_key
from core.vocabulary.store import add_tag, check_tags, revision

MOST_EVENTS = 200


@dataclass(frozen=True, slots=True)
class State:
    """What stands decided for one field of one item. Tag ids are integers; version 0 means untouched.

    Merged tags stand as the tags that they mean now. `dropped` are free tags (by name key) that a person does not
    want as they were said. `boxes` are what people wrote (core.review.boxes), None for a field of tags. `stored` are
    the accepted tags as the projection holds them: with the ids of their time.
    """

    status: str = "pending"
    accepted: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    version: int = 0
    person: str | None = None
    at: float | None = None
    dropped: tuple[str, ...] = ()
    boxes: Boxes | None = None
    stored: tuple[int, ...] | None = field(default=None, compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As the page gets it: ids as text."""
        return {
            "status": self.status,
            "accepted": [str(t) for t in self.accepted],
            "rejected": [str(t) for t in self.rejected],
            "dropped": list(self.dropped),
            "version": self.version,
            "person": self.person,
            "at": iso(self.at),
            **({} if self.boxes is None else {"boxes": self.boxes}),
        }

    def content(self) -> str:
        """As events store it."""
        return _content(self.status, self.accepted, self.rejected, self.dropped, self.boxes)


def _content(status: str, accepted: Any, rejected: Any, dropped: Any, boxes: Boxes | None) -> str:
    content = {"status": status, "accepted": accepted, "rejected": rejected, "dropped": dropped}
    return orjson.dumps(content if boxes is None else {**content, "boxes": boxes}).decode()


def as_meant(
    accepted: tuple[int, ...], rejected: tuple[int, ...], means: dict[int, int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both lists in the tags that they mean now; of two tags that became one, the one that was wanted counts."""
    wanted = unite(accepted, means)
    return wanted, tuple(t for t in unite(rejected, means) if t not in wanted)


def _tags_in(contents: list[dict[str, Any]]) -> set[int]:
    return {t for each in contents for name in ("accepted", "rejected") for t in each[name]}


def contents_as_meant(connection: Connection, contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """States as events store them, in the tags that they mean now; older ones get an empty `dropped`."""
    means = meanings(connection, _tags_in(contents))
    found = []
    for each in contents:
        accepted, rejected = as_meant(tuple(each["accepted"]), tuple(each["rejected"]), means)
        lists = {"accepted": accepted, "rejected": rejected, "dropped": tuple(each.get("dropped", ()))}
        boxes = {"boxes": each["boxes"]} if "boxes" in each else {}
        found.append({"status": each["status"], **lists, **boxes})
    return found


def load_states(connection: Connection, items: dict[int, int], field: str = "tags") -> dict[int, State]:
    """States by item pk; `items` maps pk → stored status code (which an import may have set to "again")."""
    if not items:
        return {}
    query = select(current).where(current.c.item.in_(list(items)), current.c.field == field)
    rows = list(connection.execute(query))
    stored = {row.item: (tuple(orjson.loads(row.accepted)), tuple(orjson.loads(row.rejected))) for row in rows}
    means = meanings(connection, {t for lists in stored.values() for each in lists for t in each})
    states = {}
    for row in rows:
        accepted, rejected = as_meant(*stored[row.item], means)
        states[row.item] = State(
            "again" if items[row.item] == STATUS_CODE["again"] and field != COMPARISON else row.status,
            accepted,
            rejected,
            row.version,
            row.person,
            row.at,
            tuple(orjson.loads(row.dropped)),
            None if field == "tags" else orjson.loads(row.boxes or "{}"),
            stored[row.item][0],
        )
    boxes: Boxes | None = None if field == "tags" else {}
    return {
        pk: states.get(pk) or State("pending" if field == COMPARISON else STATUSES[code], boxes=boxes)
        for pk, code in items.items()
    }


def mapped_tags(connection: Connection, items: list[int]) -> dict[int, dict[str, str]]:
    """What people last said that free tags mean, by item pk: {name key: tag id}. A mapped free tag counts as dropped,
    since what it was mapped to stands in its place."""
    found: dict[int, dict[str, str]] = {}
    for part in chunks(items):
        query = select(decision.c.item, decision.c.change).where(decision.c.item.in_(part), decision.c.applied == 1)
        query = query.where(decision.c.undone == 0, decision.c.action == "edit", decision.c.change.is_not(None))
        query = query.where(decision.c.field == "tags")
        for row in connection.execute(query.order_by(decision.c.seq)):
            change = orjson.loads(row.change)
            said, tag_id = change.get("new"), change.get("tag")
            if isinstance(said, str):
                of_item = found.setdefault(row.item, {})
                of_item.pop(name_key(said), None)
                if change.get("to") == "mapped" and isinstance(tag_id, str) and tag_id.isdecimal():
                    of_item[name_key(said)] = tag_id
    means = meanings(connection, {int(t) for each in found.values() for t in each.values()})
    return {pk: {key: str(means.get(int(t), int(t))) for key, t in each.items()} for pk, each in found.items()}


def record(connection: Connection, events: list[Any], person: str) -> list[dict[str, Any]]:
    """Store a client's events in their order; one result each, in the same order.

    A result is {"uuid", "ok": true, "version", "state", "tags"} or {"uuid", "ok": false, "conflict": true,
    "state", "by", "at"} or {"uuid", "ok": false, "error", "message", "remedy"}. A wrong event costs only itself:
    everything is checked before anything is written.

    Raises:
        InvalidInput: there are more than 200 events.
    """
    if len(events) > MOST_EVENTS:
        raise InvalidInput(f"More than {MOST_EVENTS} decisions at once.", "Send them in smaller parts.")
    parsed: list[Event | dict[str, Any]] = []
    for data in events:
        try:
            parsed.append(parse_event(data))
        except TagloomError as error:
            uuid = data.get("uuid") if isinstance(data, dict) else None
            parsed.append({"uuid": uuid, "ok": False, **error.as_dict()})
    batch = _Batch(connection, [event for event in parsed if isinstance(event, Event)], person)
    results = []
    for event in parsed:
        if not isinstance(event, Event):
            results.append(event)
            continue
        try:
            results.append(batch.apply(event))
        except TagloomError as error:
            results.append({"uuid": event.uuid, "ok": False, **error.as_dict()})
    return results


class _Batch:
    """Events of one request, with what they need read beforehand in four queries instead of four an event."""

    def __init__(self, connection: Connection, events: list[Event], person: str) -> None:
        self.connection = connection
        self.person = person
        self.revision = revision(connection)
        uuids = [event.uuid for event in events]
        rows: Any = connection.execute(select(decision).where(decision.c.uuid.in_(uuids))) if uuids else []
        self.earlier: dict[str, Any] = {row.uuid: row for row in rows}
        self.items = self._items({event.item for event in events})
        codes = {row.pk: row.status for row in self.items.values()}
        self.states: dict[tuple[int, str], State] = {}
        for field_name in dict.fromkeys(event.field for event in events):
            loaded = load_states(connection, codes, field_name)
            self.states.update(((pk, field_name), state) for pk, state in loaded.items())
        self.captions = self._captions(
            {t for e in events if e.field == CAPTIONS for t in suggestions_in(e.boxes or {})}
        )
        self.conflicts: set[tuple[int, str]] = set()  # of which an event of this batch was not applied

    def _items(self, ids: set[str]) -> dict[str, Any]:
        numbers: set[int] = set()
        for public_id in ids:
            try:
                numbers.add(number_of(public_id))
            except NotFound:
                continue  # reported with its event
        if not numbers:
            return {}
        columns = (item.c.pk, item.c.id, item.c.corpus, item.c.status, corpus.c.kind)
        query = select(*columns).join(corpus, corpus.c.pk == item.c.corpus).where(item.c.pk.in_(sorted(numbers)))
        if self.connection.dialect.name != "sqlite":  # SQLite's writer is alone; here two may meet at one item
            query = query.order_by(item.c.pk).with_for_update(of=item)
        return {row.id: row for row in self.connection.execute(query) if row.id in ids}

    def _captions(self, ids: set[int]) -> dict[int, tuple[int, str]]:
        """Suggestion → (item, field) of those that boxes say they began from."""
        found: dict[int, tuple[int, str]] = {}
        for part in chunks(ids):
            query = select(suggestion.c.pk, suggestion.c.item, suggestion.c.field).where(suggestion.c.pk.in_(part))
            found.update((row.pk, (row.item, row.field)) for row in self.connection.execute(query))
        return found

    def apply(self, event: Event) -> dict[str, Any]:
        """Store one event and project it, if the version that the person saw is still the current one."""
        if event.uuid in self.earlier:
            return self._answer_again(event, self.earlier[event.uuid])
        row = self.items.get(event.item)
        if row is None:
            raise InvalidInput(f"The item {event.item[:40]} is not in this project.", "Reload the page.")
        if event.field not in fields_of(row.kind):
            raise InvalidInput(
                f"Items of this corpus have no {event.field} to decide.",
                f"Decide on their {fields_of(row.kind)[0]}; reload the page.",
            )
        place = (row.pk, event.field)
        state = self.states[place]
        undone = self._undone(event, row.pk)
        # what was decided on top of a decision that lost must not win because its version happens to fit; what one
        # person says of two texts stands beside what others say, whatever version they have seen
        applied = event.field == COMPARISON or (event.version == state.version and place not in self.conflicts)
        real: dict[str, str] = {}
        after = state
        if applied:
            after, real = self._after(event, state, row.pk, undone)
        values = {
            "uuid": event.uuid,
            "item": row.pk,
            "corpus": row.corpus,
            "field": event.field,
            "person": self.person,
            "action": event.action,
            "change": orjson.dumps({**(event.change or {}), "tags": real}).decode() if event.change or real else None,
            "undoes": event.undoes,
            "undone": 0,
            "before": state.content(),
            "after": after.content() if applied else _wanted(event, state),
            "shown": event.shown,
            "blind": int(event.blind or event.field == COMPARISON),
            "applied": int(applied),
            "base_version": state.version if event.field == COMPARISON else event.version,
            "version": after.version,
            "vocabulary_revision": self.revision,
            "client_time": event.client_time,
            "milliseconds": event.milliseconds,
            "at": time.time(),
        }
        self.connection.execute(insert(decision), values)
        # the same uuid once more in this batch is a repetition, too
        self.earlier[event.uuid] = SimpleNamespace(**values)
        if not applied:
            self.conflicts.add(place)
            return {"uuid": event.uuid, "ok": False, "conflict": True, "state": state.as_dict(), **_who(state)}
        if undone is not None:
            self.connection.execute(update(decision).where(decision.c.uuid == undone.uuid).values(undone=1))
        project(self.connection, row.pk, event.field, state, after, leads(row.kind, event.field))
        self.states[place] = after
        shown = self._shown(after, event.field)
        return {"uuid": event.uuid, "ok": True, "version": after.version, "state": shown, "tags": real}

    def _after(self, event: Event, state: State, pk: int, undone: Any) -> tuple[State, dict[str, str]]:
        """The state that an event leaves behind, and what tags are really called."""
        now, version = time.time(), state.version + 1
        if event.field == "tags":
            accepted, rejected, real = self._real_tags(event)
            dropped = state.dropped if event.dropped is None else event.dropped
            return State(event.status, accepted, rejected, version, self.person, now, dropped), real
        have = state.boxes or {}
        boxes = have if event.boxes is None else event.boxes
        status = event.status
        if event.field == CAPTIONS:
            for number, wanted in suggestions_in(boxes).items():
                if event.boxes is not None and self.captions.get(number) != (pk, wanted):
                    raise InvalidInput(f"The item has no {wanted.partition('.')[2]} {number}.", "Reload the page.")
        else:
            if undone is not None:
                before, said = (orjson.loads(text).get("boxes", {}) for text in (undone.before, undone.after))
                boxes = take_back(have, before, said, self.person)
            else:
                boxes = merge_answers(have, event.boxes or {}, event.item, self.person)
            status = "done" if boxes else "pending"
        return State(status, (), (), version, self.person, now, boxes=boxes), {}

    def _shown(self, state: State, field_name: str) -> dict[str, Any]:
        """A state as the sender may see it: of comparisons only what they said themselves."""
        shown = state.as_dict()
        if field_name == COMPARISON:
            shown.update(boxes=own_answers(state.boxes or {}, self.person), person=self.person)
        return shown

    def _answer_again(self, event: Event, earlier: Any) -> dict[str, Any]:
        status = self.connection.execute(select(item.c.status).where(item.c.pk == earlier.item)).scalar_one()
        state = load_states(self.connection, {earlier.item: status}, earlier.field)[earlier.item]
        if not earlier.applied:
            self.conflicts.add((earlier.item, earlier.field))
            return {"uuid": event.uuid, "ok": False, "conflict": True, "state": state.as_dict(), **_who(state)}
        tags = (orjson.loads(earlier.change) if earlier.change else {}).get("tags", {})
        return {
            "uuid": event.uuid,
            "ok": True,
            "version": earlier.version,
            "state": self._shown(state, earlier.field),
            "tags": tags,
        }

    def _undone(self, event: Event, item_pk: int) -> Any:
        """The decision that an undo takes back: an applied one of this person on this item."""
        if event.action != "undo":
            return None
        target = self.connection.execute(select(decision).where(decision.c.uuid == event.undoes)).first()
        mine = target is not None and (target.item, target.field, target.person) == (item_pk, event.field, self.person)
        if target is None or not mine or not target.applied:
            raise InvalidInput("The decision to undo is not one of yours on this item.", "Reload the page.")
        if target.undone:
            raise InvalidInput("That decision has been undone already.", "Press u again to undo the one before.")
        return target

    def _real_tags(self, event: Event) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, str]]:
        """Accepted and rejected tags as ids of the vocabulary; tags that the person invented are made here."""
        invented = {client: clean_name(name) for client, name in event.new_tags}
        given = {t for t in (*event.accepted, *event.rejected) if t not in invented}
        for text in given:
            if not text.isdecimal() or not text.isascii() or len(text) > 15:
                raise InvalidInput(f"“{text[:40]}” is no tag of this project.", "Reload the page.")
        check_tags(self.connection, {int(t) for t in given})
        real = {client: str(add_tag(self.connection, name, self.person)) for client, name in invented.items()}
        if real:
            self.revision = revision(self.connection)
        means = meanings(self.connection, {int(real.get(t, t)) for t in (*event.accepted, *event.rejected)})
        accepted, rejected = as_meant(
            tuple(int(real.get(t, t)) for t in event.accepted),
            tuple(int(real.get(t, t)) for t in event.rejected),
            means,
        )
        # the page learns what its tags are called now: those that it invented, and those merged since it was loaded
        answer = {client: str(means.get(int(made), int(made))) for client, made in real.items()}
        answer.update((t, str(means[int(t)])) for t in given if int(t) in means)
        return accepted, rejected, answer


def _who(state: State) -> dict[str, Any]:
    return {"by": state.person, "at": iso(state.at)}


def _wanted(event: Event, state: State) -> str:
    boxes = state.boxes if event.boxes is None else event.boxes
    return _content(event.status, event.accepted, event.rejected, event.dropped or (), boxes)


def project(connection: Connection, pk: int, field: str, before: State, after: State, leading: bool = True) -> None:
    """Bring the projection (current, item.status, item_tag) to the new state; item.status follows a `leading` field."""
    values = {
        "status": after.status,
        "accepted": orjson.dumps(after.accepted).decode(),
        "rejected": orjson.dumps(after.rejected).decode(),
        "dropped": orjson.dumps(after.dropped).decode(),
        "version": after.version,
        "person": after.person,
        "at": after.at,
        "boxes": None if after.boxes is None else orjson.dumps(after.boxes).decode(),
    }
    where = (current.c.item == pk, current.c.field == field)
    if before.version == 0:
        connection.execute(insert(current), {"item": pk, "field": field, **values})
    else:
        connection.execute(update(current).where(*where).values(**values))
    if leading:
        connection.execute(update(item).where(item.c.pk == pk).values(status=STATUS_CODE[after.status]))
    if field != "tags":
        return
    have = set(before.accepted if before.stored is None else before.stored)
    gone = have - set(after.accepted)
    come = set(after.accepted) - have
    if gone:
        connection.execute(delete(item_tag).where(item_tag.c.item == pk, item_tag.c.tag.in_(sorted(gone))))
    if come:
        connection.execute(insert(item_tag), [{"item": pk, "tag": t} for t in sorted(come)])


def rebuild(connection: Connection, pk: int, field: str = "tags") -> State:
    """The state that follows from an item's events alone; equals the stored projection (a test holds it so)."""
    rows = connection.execute(
        select(decision)
        .where(decision.c.item == pk, decision.c.field == field, decision.c.applied == 1)
        .order_by(decision.c.seq.desc())
        .limit(1)
    )
    state = State(boxes=None if field == "tags" else {})
    for row in rows:  # what an event leaves behind is whole: the last one says everything
        (after,) = contents_as_meant(connection, [orjson.loads(row.after)])
        lists = after["accepted"], after["rejected"]
        state = State(after["status"], *lists, row.version, row.person, row.at, after["dropped"], after.get("boxes"))
    return state

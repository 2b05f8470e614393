"""Deciding proposals: accept, reject, leave for later, undo; one by one, or all above a line.

Each decision is an event (a row of `decision` with item 0), idempotent by the uuid that the client made; accepting
edits the vocabulary as one batch of revisions, and undo takes that batch back.
"""

from __future__ import annotations

import time
import uuid as uuid_module
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, select, update

from core.errors import Conflict, InvalidInput, NotFound, TagloomError
from core.store.database import Database, insert_many
from core.store.schema import decision, proposal
from core.store.times import iso
from core.vocabulary.applying import apply_proposal, refresh
from core.vocabulary.proposals import FIELD, KINDS, STATES, load_values
from core.vocabulary.sheet import Sheet
from core.vocabulary.store import new_batch, revision
from core.vocabulary.undoing import undo, undone_batches, undone_by

ACTIONS = {"accept": "accepted", "reject": "rejected", "later": "later"}
MOST_EVENTS = 200
GROUP = 250  # proposals accepted in one transaction
SHOWN_PROBLEMS = 50
_DECISION = (
    *("uuid", "item", "corpus", "field", "person", "action", "change", "undoes", "undone", "before", "after", "shown"),
    *("blind", "applied", "base_version", "version", "vocabulary_revision", "client_time", "milliseconds", "at"),
)


def decide(connection: Connection, events: list[Any], person: str) -> list[dict[str, Any]]:
    """Store a client's decisions in their order; one result each.

    An event is {uuid, proposal, action: accept|reject|later|undo, state: the one that was seen (default "open"),
    undoes?: uuid, client_time?, ms?}. A result is {uuid, ok: true, state, batch, stale: [ids]} or {uuid, ok: false,
    conflict: true, state, by, at} (somebody decided it in between) or {uuid, ok: false, error, message, remedy}.
    `stale` names proposals that this one has settled or made pointless.

    Raises:
        InvalidInput: there are more than 200 events.
    """
    if len(events) > MOST_EVENTS:
        raise InvalidInput(f"More than {MOST_EVENTS} decisions at once.", "Send them in smaller parts.")
    results = []
    for data in events:
        uuid = data.get("uuid") if isinstance(data, dict) else None
        try:
            results.append(_decide(connection, data, person))
        except TagloomError as error:
            results.append({"uuid": uuid, "ok": False, **error.as_dict()})
    return results


def _parse(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidInput("A decision is not a JSON object.", "Reload the page.")
    try:
        uuid = str(uuid_module.UUID(data.get("uuid")))
    except (ValueError, TypeError, AttributeError):
        raise InvalidInput("The decision's uuid is not one.", "Reload the page.") from None
    pk, action, seen = data.get("proposal"), data.get("action"), data.get("state", "open")
    if not isinstance(pk, str) or not pk.isdecimal() or not pk.isascii() or len(pk) > 15:
        raise InvalidInput("The decision does not say which proposal.", "Reload the page.")
    if action not in (*ACTIONS, "undo") or seen not in STATES:
        raise InvalidInput("That is no decision about a proposal.", f"Actions: {', '.join(ACTIONS)}, undo.")
    undoes, when, spent = data.get("undoes"), data.get("client_time"), data.get("ms")
    return {
        "uuid": uuid,
        "pk": int(pk),
        "action": action,
        "seen": seen,
        "undoes": undoes[:36] if isinstance(undoes, str) else None,
        "client_time": when[:40].replace("\0", "") if isinstance(when, str) else "",
        "ms": spent if type(spent) is int and 0 <= spent < 2**31 else None,
    }


def _decide(connection: Connection, data: Any, person: str) -> dict[str, Any]:
    event = _parse(data)
    earlier = connection.execute(select(decision).where(decision.c.uuid == event["uuid"])).first()
    head = connection.execute(select(proposal).where(proposal.c.suggestion == event["pk"])).first()
    if earlier is not None:
        state = head.state if head else orjson.loads(earlier.after)["state"]
        batch = head.batch if head else None
        return {"uuid": event["uuid"], "ok": True, "state": state, "batch": batch, "stale": []}
    if head is None:
        raise NotFound("That proposal was replaced by a newer build.", "Reload the list of proposals.")
    if event["action"] == "undo":
        return _undo(connection, event, head, person)
    if head.state != event["seen"] or head.state in ("accepted", "outdated"):
        return {"uuid": event["uuid"], "ok": False, "conflict": True, **_standing(head)}
    batch = None
    if event["action"] == "accept":
        value, _ = load_values(connection, [head.suggestion])[head.suggestion]
        sheet = Sheet(connection, new_batch(), person)
        apply_proposal(sheet, value)
        batch = sheet.batch if sheet.revisions else None
        sheet.flush()
    after = ACTIONS[event["action"]]
    _record(connection, [(event, head, after, None)], person)
    _set_states(connection, [(head.suggestion, after, batch)], person)
    stale = refresh(connection, [batch]) if batch else []
    return {"uuid": event["uuid"], "ok": True, "state": after, "batch": batch, "stale": [str(i) for i in stale]}


def _standing(head: Any) -> dict[str, Any]:
    return {"state": head.state, "by": head.person, "at": iso(head.at)}


def _undo(connection: Connection, event: dict[str, Any], head: Any, person: str) -> dict[str, Any]:
    """Take back the decision that stands about a proposal."""
    query = select(decision).where(decision.c.item == 0, decision.c.field == FIELD, decision.c.undone == 0)
    query = query.where(decision.c.change == _change(head.suggestion), decision.c.action != "undo")
    target = connection.execute(query.order_by(decision.c.seq.desc()).limit(1)).first()
    if target is None or (event["undoes"] and event["undoes"] != target.uuid):
        raise Conflict("There is no such decision to undo.", "Reload the list of proposals.")
    if orjson.loads(target.after)["state"] != head.state:
        return {"uuid": event["uuid"], "ok": False, "conflict": True, **_standing(head)}
    stale: list[int] = []
    batch = head.batch
    if target.action == "accept" and batch:
        together = connection.execute(select(func.count()).where(proposal.c.batch == batch)).scalar_one()
        if together > 1:
            raise Conflict(
                f"It was accepted together with {together - 1:,} others.", "Undo that acceptance in the history."
            )
        stale = refresh(connection, [undo(connection, batch, person)])
        batch = None
    before = orjson.loads(target.before)["state"]
    _record(connection, [(event, head, before, target.uuid)], person)
    connection.execute(update(decision).where(decision.c.uuid == target.uuid).values(undone=1))
    _set_states(connection, [(head.suggestion, before, batch)], person)
    return {"uuid": event["uuid"], "ok": True, "state": before, "batch": batch, "stale": [str(i) for i in stale]}


def _change(pk: int) -> str:
    return orjson.dumps({"suggestion": pk}).decode()


def _record(connection: Connection, entries: list[tuple[dict[str, Any], Any, str, str | None]], person: str) -> None:
    """Decision rows of (event, proposal row before, state after, the decision that it undoes)."""
    now, number = time.time(), revision(connection)
    rows = []
    for event, head, after, undoes in entries:
        states = (orjson.dumps({"state": head.state}).decode(), orjson.dumps({"state": after}).decode())
        about = (event["uuid"], 0, 0, FIELD, person, event["action"], _change(head.suggestion), undoes, 0, *states)
        rest = (orjson.dumps(event.get("shown") or {}).decode(), 0, 1, 0, 0, number)
        rows.append((*about, *rest, event.get("client_time") or None, event.get("ms"), now))
    insert_many(connection, "decision", _DECISION, rows)


def _set_states(connection: Connection, changed: list[tuple[int, str, str | None]], person: str) -> None:
    now = time.time()
    rows = [{"which": pk, "state": state, "batch": batch, "person": person, "at": now} for pk, state, batch in changed]
    if rows:
        connection.execute(update(proposal).where(proposal.c.suggestion == bindparam("which")), rows)


# all above a line


def accept_above(
    database: Database,
    line: float,
    kind: str,
    person: str,
    uuid: str,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Accept every open proposal of a kind ("" for all) that scores at least `line`, as one batch.

    Written in short transactions; called again with the same uuid, it goes on where it was and answers the same.

    Returns:
        {accepted, problems: [{proposal, name, message, remedy}] (at most 50), failed, batch}
    """
    if type(line) not in (int, float) or not 0 <= line <= 1:
        raise InvalidInput("The line is from 0 to 1.", "Choose such a number.")
    if kind and kind not in KINDS:
        raise InvalidInput(f"There is no kind “{kind[:40]}”.", f"Kinds: {', '.join(KINDS)}.")
    try:
        group = uuid_module.UUID(uuid)
    except (ValueError, TypeError, AttributeError):
        raise InvalidInput("The request's uuid is not one.", "Reload the page.") from None
    batch = group.hex
    with database.read() as connection:
        again = batch in undone_batches(connection)
    problems: list[dict[str, Any]] = []
    after: tuple[int, float, int] | None = None
    done = 0
    while not again:
        taken, after = database.write(lambda c, a=after: _accept_some(c, line, kind, person, group, a, problems))  # type: ignore[misc]
        done += taken
        if progress is not None:
            progress(done)
        if after is None:
            break
    database.write(lambda c: refresh(c, [batch]))
    with database.read() as connection:
        query = select(func.count()).where(proposal.c.batch == batch, proposal.c.state == "accepted")
        accepted = int(connection.execute(query).scalar_one())
    return {"accepted": accepted, "failed": len(problems), "problems": problems[:SHOWN_PROBLEMS], "batch": batch}


def _accept_some(
    connection: Connection,
    line: float,
    kind: str,
    person: str,
    group: uuid_module.UUID,
    after: tuple[int, float, int] | None,
    problems: list[dict[str, Any]],
) -> tuple[int, tuple[int, float, int] | None]:
    """The next proposals in the order kind, score: new tags first, then what is made of them."""
    kinds = [kind] if kind else list(KINDS)
    place = 0 if after is None else after[0]
    query = select(proposal).where(
        proposal.c.state == "open", proposal.c.score >= line, proposal.c.kind == kinds[place]
    )
    if after is not None and after[2]:
        below = (proposal.c.score < after[1]) | ((proposal.c.score == after[1]) & (proposal.c.suggestion > after[2]))
        query = query.where(below)
    heads = connection.execute(query.order_by(proposal.c.score.desc(), proposal.c.suggestion).limit(GROUP)).all()
    accepted = _accept(connection, heads, person, group, line, problems)
    if len(heads) == GROUP:
        return accepted, (place, heads[-1].score, heads[-1].suggestion)
    return accepted, (place + 1, 0.0, 0) if place + 1 < len(kinds) else None


def _accept(
    connection: Connection,
    heads: Sequence[Any],
    person: str,
    group: uuid_module.UUID,
    line: float,
    problems: list[dict[str, Any]],
) -> int:
    said = load_values(connection, [head.suggestion for head in heads])
    sheet = Sheet(connection, group.hex, person)
    values = [said[head.suggestion][0] for head in heads]
    sheet.prepare(values)
    sheet.reserve(len(values))
    entries: list[tuple[dict[str, Any], Any, str, str | None]] = []
    for head, value in zip(heads, values, strict=True):
        try:
            apply_proposal(sheet, value)
        except TagloomError as error:
            about = {"proposal": str(head.suggestion), "name": value["name"]}
            problems.append({**about, "message": error.message, "remedy": error.remedy})
            continue
        # not random: sent again, it is the same event
        event = {"uuid": str(uuid_module.uuid5(group, str(head.suggestion))), "action": "accept"}
        entries.append(({**event, "shown": {"line": line}, "client_time": "", "ms": None}, head, "accepted", None))
    sheet.flush()
    entries = _new_events(connection, entries)
    _record(connection, entries, person)
    _set_states(connection, [(head.suggestion, "accepted", group.hex) for _, head, _, _ in entries], person)
    return len(entries)


def _new_events(connection: Connection, entries: list[Any]) -> list[Any]:
    """With an event's uuid taken (its acceptance was undone, and the same call came again), another one is drawn."""
    uuids = [entry[0]["uuid"] for entry in entries]
    known = set(connection.execute(select(decision.c.uuid).where(decision.c.uuid.in_(uuids))).scalars())
    for entry in entries:
        if entry[0]["uuid"] in known:
            entry[0]["uuid"] = str(uuid_module.uuid4())
    return entries


# the history


def undo_batch(connection: Connection, batch: str, person: str) -> dict[str, Any]:
    """Take back a batch of edits from the history; proposals whose acceptance it was are open again (and accepted
    again when that undo is undone).

    Returns:
        {batch: the inverse batch, proposals: how many changed their state}

    Raises:
        NotFound, Conflict: see `undoing.undo`.
    """
    inverse = undo(connection, batch, person)
    root, depth = batch, 0
    while (earlier := undone_by(connection, root)) is not None:
        root, depth = earlier, depth + 1
    stands = depth % 2 == 1  # the undo of an undo does the edits again
    was, now = ("open", "accepted") if stands else ("accepted", "open")
    heads = connection.execute(select(proposal).where(proposal.c.batch == root, proposal.c.state == was)).all()
    action = "accept" if stands else "undo"
    entries: list[tuple[dict[str, Any], Any, str, str | None]] = [
        ({"uuid": str(uuid_module.uuid4()), "action": action, "shown": {"history": batch}}, head, now, None)
        for head in heads
    ]
    _record(connection, entries, person)
    _set_states(connection, [(head.suggestion, now, root) for head in heads], person)
    if not stands:
        changes = [_change(head.suggestion) for head in heads]
        for start in range(0, len(changes), 500):
            accepts = update(decision).where(decision.c.item == 0, decision.c.action == "accept")
            connection.execute(accepts.where(decision.c.change.in_(changes[start : start + 500])).values(undone=1))
    refresh(connection, [inverse])
    return {"batch": inverse, "proposals": len(heads)}

"""Proposals: suggestions about the vocabulary, stored once however often they are made, listed for a person to decide.

A proposal is a `suggestion` row of item 0 with its evidence, and a `proposal` row that says what stands decided about
it (a projection of decisions, as `current` is for items). Its key is made of its kind and names, so that what a person
rejected is not proposed again, by whatever run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from core.errors import InvalidInput
from core.store.database import allocate, insert_many
from core.store.schema import proposal, suggestion
from core.store.times import iso
from core.vocabulary.names import name_key
from core.vocabulary.store import lookup, parts, tag_names

FIELD = "vocabulary"
KINDS = ("add", "alias", "merge", "parent", "archive")
STATES = ("open", "later", "accepted", "rejected", "outdated")
SORTS = ("score", "items", "new")
_SUGGESTION = ("pk", "run", "item", "field", "value", "score", "rank", "evidence", "validity", "detail")
_PROPOSAL = ("suggestion", "key", "run", "kind", "state", "score", "items")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What might be done to the vocabulary.

    Attributes:
        kind: "add" name (with aliases) · "merge" name into `into` · "alias": name as an alias of `into` ·
            "parent": name below `into` · "archive" name.
        score: 0..1, how well the evidence supports it.
        items: how many items it touches.
        tag, into_tag: the tags that go by these names; None for names that are no tags yet.
        detail: evidence for people: items, shared, jaccard, cosine, lexical, examples, reasons, readable.
    """

    kind: str
    name: str
    score: float
    items: int
    into: str = ""
    tag: int | None = None
    into_tag: int | None = None
    aliases: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Kind and names. A merge and an alias of the same two names are one question, whichever name stays."""
        mine, other = name_key(self.name), name_key(self.into)
        if self.kind == "add":
            return addition_key(mine)
        if self.kind == "archive":
            return f"archive:\n{mine}\n"
        kind, names = ("parent", [mine, other]) if self.kind == "parent" else ("same", sorted((mine, other)))
        return f"{kind}:\n{names[0]}\n{names[1]}\n"  # each name between two line ends: `refresh` looks for them so

    def value(self) -> str:
        """As stored."""
        content = {"kind": self.kind, "tag": self.tag, "into_tag": self.into_tag, "name": self.name}
        return orjson.dumps({**content, "into": self.into, "aliases": self.aliases}).decode()


def addition_key(name: str) -> str:
    """The key of the proposal to add the tag whose key is `name`."""
    return f"add:{name}"


def store_proposals(connection: Connection, run_id: int, proposals: Sequence[Proposal]) -> dict[str, int]:
    """Write proposals of a run, at most some hundreds in one transaction.

    One that is open or outdated is renewed with the new evidence; one that a person decided is left as it is.

    Returns:
        {new, renewed, decided}
    """
    unique = {each.key: each for each in proposals}
    have: dict[str, Any] = {}
    for some in parts(unique):
        have.update((r.key, r) for r in connection.execute(select(proposal).where(proposal.c.key.in_(some))))
    fresh = {k: p for k, p in unique.items() if k not in have or have[k].state in ("open", "outdated")}
    pks = allocate(connection, "suggestion", "pk", len(fresh))
    rows, new, renewed = [], [], []
    for pk, (key, each) in zip(pks, fresh.items(), strict=True):
        detail = orjson.dumps(each.detail).decode()
        rows.append((pk, run_id, 0, FIELD, each.value(), each.score, 0, "[]", "valid", detail))
        if key in have:
            values = {"suggestion": pk, "run": run_id, "kind": each.kind, "score": each.score, "items": each.items}
            renewed.append({"which": key, "state": "open", **values})
        else:
            new.append((pk, key, run_id, each.kind, "open", each.score, each.items))
    insert_many(connection, "suggestion", _SUGGESTION, rows)
    insert_many(connection, "proposal", _PROPOSAL, new)
    if renewed:
        connection.execute(update(proposal).where(proposal.c.key == bindparam("which")), renewed)
    return {"new": len(new), "renewed": len(renewed), "decided": len(unique) - len(fresh)}


def retire(connection: Connection, runs: Iterable[int], but: int) -> int:
    """Open proposals of these runs become outdated, except those of the run `but`; returns how many."""
    ids = sorted(set(runs) - {but})
    if not ids:
        return 0
    statement = update(proposal).where(proposal.c.run.in_(ids), proposal.c.state == "open").values(state="outdated")
    return int(connection.execute(statement).rowcount)


# listing


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """{state: {kind: how many}} of all proposals, the states and kinds without any included."""
    found = {state: dict.fromkeys(KINDS, 0) for state in STATES}
    query = select(proposal.c.state, proposal.c.kind, func.count()).group_by(proposal.c.state, proposal.c.kind)
    for state, kind, n in connection.execute(query):
        found.setdefault(state, dict.fromkeys(KINDS, 0))[kind] = int(n)
    return found


def count_above(connection: Connection, line: float, kind: str = "") -> int:
    """How many open proposals score at least `line`."""
    query = select(func.count()).where(proposal.c.state == "open", proposal.c.score >= line)
    return int(connection.execute(query.where(proposal.c.kind == kind) if kind else query).scalar_one())


def page_of_proposals(
    connection: Connection,
    *,
    state: str = "open",
    kind: str = "",
    sort: str = "score",
    line: float | None = None,
    cursor: str = "",
    limit: int = 20,
) -> dict[str, Any]:
    """One page of proposals, the strongest first (or those that touch most items, or those decided last).

    Pages follow by value, not by number: what is decided meanwhile moves nothing.

    Returns:
        {proposals, counts: {state: {kind: n}}, above: open ones of this kind at or above the line, next: cursor|None}

    Raises:
        InvalidInput: a filter is not one of those there are.
    """
    if state not in STATES or (kind and kind not in KINDS) or sort not in SORTS:
        raise InvalidInput("The proposals cannot be listed like that.", f"States: {', '.join(STATES)}.")
    places: dict[str, ColumnElement[Any]] = {
        "score": proposal.c.score,
        "items": proposal.c["items"],
        "new": func.coalesce(proposal.c.at, 0.0),
    }
    by = places[sort]
    query = select(proposal, by.label("place")).where(proposal.c.state == state)
    if kind:
        query = query.where(proposal.c.kind == kind)
    if cursor:
        value, pk = _cursor(cursor)
        query = query.where(or_(by < value, and_(by == value, proposal.c.suggestion > pk)))
    heads = connection.execute(query.order_by(by.desc(), proposal.c.suggestion).limit(limit + 1)).all()
    shown = heads[:limit]
    more = len(heads) > limit
    return {
        "proposals": described(connection, shown),
        "counts": counts(connection),
        "above": None if line is None else count_above(connection, line, kind),
        "next": f"{float(shown[-1].place)!r}|{shown[-1].suggestion}" if more else None,
    }


def _cursor(text: str) -> tuple[float, int]:
    value, _, pk = text.partition("|")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not pk.isdecimal() or len(pk) > 15 or not math.isfinite(number):
        raise InvalidInput("The address names no place in the list.", "Start from the beginning.")
    return number, int(pk)


def described(connection: Connection, heads: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of `proposal` with their suggestion, as the page shows them; tags under the names they have now."""
    said = load_values(connection, [head.suggestion for head in heads])
    ids = {i for value, _ in said.values() for i in (value["tag"], value["into_tag"]) if i}
    names = tag_names(connection, ids)
    taken = lookup(connection, {name_key(value["name"]) for value, _ in said.values() if value["kind"] == "add"})
    return [_described(head, *said[head.suggestion], names, taken) for head in heads if head.suggestion in said]


def _described(
    head: Any, value: dict[str, Any], detail: dict[str, Any], names: dict[int, str], taken: dict[str, int]
) -> dict[str, Any]:
    return {
        "id": str(head.suggestion),
        "kind": head.kind,
        "state": head.state,
        "name": names.get(value["tag"] or 0, value["name"]),
        "into": names.get(value["into_tag"] or 0, value["into"]),
        "tag": str(value["tag"]) if value["tag"] else None,
        "into_tag": str(value["into_tag"]) if value["into_tag"] else None,
        "aliases": value["aliases"],
        "exists": head.kind == "add" and name_key(value["name"]) in taken,
        "score": round(head.score, 4),
        "items": head.items,
        "detail": detail,
        "batch": head.batch,
        "person": head.person,
        "at": iso(head.at),
    }


def load_values(connection: Connection, pks: Iterable[int]) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
    """(value, detail) of proposal suggestions by pk."""
    found = {}
    for some in parts(pks):
        columns = select(suggestion.c.pk, suggestion.c.value, suggestion.c.detail)
        for pk, value, detail in connection.execute(columns.where(suggestion.c.pk.in_(some))):
            found[pk] = (orjson.loads(value), orjson.loads(detail) if detail else {})
    return found

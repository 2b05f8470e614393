"""What a reviewer works through: pages of whole items with every agent's suggestions, and the way back."""

from __future__ import annotations

import re
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.corpora.browsing import find_item
from core.corpora.catalog import Corpus, corpus_by_pk, status_counts
from core.corpora.rendering import display_title, render
from core.errors import InvalidInput
from core.review.decisions import State, load_states
from core.store.schema import STATUS_CODE, STATUSES, decision, item, run, run_item, suggestion, tag
from core.store.times import iso
from core.vocabulary.store import tag_names

MOST = 60
CUT_AT = 6000  # characters of one field sent ahead; the rest on request
AGENTS = {"selective": "S", "generative": "G", "learned": "L"}


def suggestions_of(connection: Connection, keys: list[int]) -> dict[int, list[dict[str, Any]]]:
    """Suggestions by item pk, of the newest run of each method that has answered the item, by run and rank.

    An older run of the same method stays stored (and exportable) but is not shown again.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    if not keys:
        return found
    query = (
        select(
            suggestion.c.item,
            suggestion.c.run,
            suggestion.c.tag,
            suggestion.c.score,
            suggestion.c.rank,
            suggestion.c.evidence,
            run.c.method,
            tag.c.name,
        )
        .join(run, run.c.id == suggestion.c.run)
        .join(tag, tag.c.id == suggestion.c.tag)
        .where(suggestion.c.item.in_(keys), suggestion.c.field == "tags", suggestion.c.validity == "valid")
        .where(tag.c.state == "active")
        .order_by(suggestion.c.item, suggestion.c.run, suggestion.c.rank)
    )
    newest: dict[tuple[int, str], int] = {}
    rows = list(connection.execute(query))
    for row in rows:
        newest[(row.item, row.method)] = max(row.run, newest.get((row.item, row.method), 0))
    _count_silent_answers(connection, newest)
    for row in rows:
        if newest[(row.item, row.method)] == row.run:
            found.setdefault(row.item, []).append(
                {
                    "tag": str(row.tag),
                    "name": row.name,
                    "score": round(row.score, 4),
                    "rank": row.rank,
                    "run": str(row.run),
                    "agent": AGENTS.get(row.method, row.method[:1].upper()),
                    "method": row.method,
                    "evidence": orjson.loads(row.evidence),
                }
            )
    return found


def _count_silent_answers(connection: Connection, newest: dict[tuple[int, str], int]) -> None:
    """Let a newer run that found nothing for an item take the older one's place in `newest`."""
    if not newest:
        return
    later = connection.execute(select(run.c.id, run.c.method).where(run.c.id > min(newest.values())))
    methods = {row[0]: row[1] for row in later}
    if not methods:
        return
    answered = select(run_item.c.item, run_item.c.run).where(
        run_item.c.run.in_(list(methods)), run_item.c.item.in_({pk for pk, _ in newest}), run_item.c.state == "ok"
    )
    for pk, run_id in connection.execute(answered):
        key = (pk, methods[run_id])
        if key in newest:
            newest[key] = max(newest[key], run_id)


def _utf16(text: str, offset: int) -> int:
    """A code-point offset as the browser counts it."""
    return offset + sum(c > "\uffff" for c in text[:offset])


def _for_the_page(suggestions: list[dict[str, Any]], texts: dict[str, str]) -> list[dict[str, Any]]:
    """Evidence offsets in UTF-16 units, and without a span where it lies behind the cut."""
    for entry in suggestions:
        for evidence in entry["evidence"]:
            text = texts.get(evidence["field"], "")
            if evidence["end"] > len(text):
                evidence["start"] = evidence["end"] = 0
            elif not text.isascii():
                evidence["start"], evidence["end"] = _utf16(text, evidence["start"]), _utf16(text, evidence["end"])
    return suggestions


def review_items(connection: Connection, corpus: Corpus, rows: list[Any], cut: int = CUT_AT) -> list[dict[str, Any]]:
    """Items as the review surface shows them. `rows` are rows of the item table; gold is never among it."""
    keys = [row.pk for row in rows]
    suggested = suggestions_of(connection, keys)
    states = load_states(connection, {row.pk: row.status for row in rows})
    wanted = {t for state in states.values() for t in (*state.accepted, *state.rejected)}
    names = tag_names(connection, wanted)
    shown = []
    for row in rows:
        values = orjson.loads(row.fields)
        fields = render(values, corpus.roles)
        state: State = states[row.pk]
        texts = {field.name: field.text[:cut] for field in fields}
        shown.append(
            {
                "id": row.id,
                "position": row.pk,
                "external_id": row.external_id,
                "title": row.title or display_title(values, corpus.roles),
                "fields": [
                    {"name": f.name, "label": f.label, "kind": f.kind, "text": f.text[:cut], "cut": len(f.text) > cut}
                    for f in fields
                ],
                "link": row.link,
                "media": row.media,
                "state": state.as_dict(),
                "suggestions": _for_the_page(suggested.get(row.pk, []), texts),
                "names": {str(t): names[t] for t in (*state.accepted, *state.rejected) if t in names},
            }
        )
    return shown


def review_page(
    connection: Connection,
    corpus: Corpus,
    *,
    status: str = "pending",
    cursor: str = "",
    direction: str = "next",
    start_at: str = "",
    limit: int = 40,
) -> dict[str, Any]:
    """A part of the queue: {items, next, previous, counts, total}.

    Args:
        status: one of STATUSES, or "all".
        cursor: a position; items behind it ("next") or before it ("previous") follow.
        start_at: an item's id; it comes first whatever its status, then those behind it.

    Raises:
        InvalidInput: the status or the cursor is none.
        NotFound: there is no item `start_at`.
    """
    if status != "all" and status not in STATUSES:
        raise InvalidInput(f"“{status}” is no queue.", f"Queues: all, {', '.join(STATUSES)}.")
    if cursor and not re.fullmatch(r"\d{1,15}", cursor):
        raise InvalidInput("That place in the queue does not exist.", "Start from the top.")
    limit = max(1, min(limit, MOST))
    query = select(item).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
    if status != "all":
        query = query.where(item.c.status == STATUS_CODE[status])
    rows: list[Any] = []
    position = int(cursor) if cursor else (0 if direction == "next" else 2**62)
    if start_at:
        first = find_item(connection, start_at)
        if first.corpus == corpus.pk and not first.deleted:
            rows, position, direction = [first], first.pk, "next"
    if direction == "next":
        query = query.where(item.c.pk > position).order_by(item.c.pk)
    else:
        query = query.where(item.c.pk < position).order_by(item.c.pk.desc())
    wanted = limit - len(rows)
    more = list(connection.execute(query.limit(wanted + 1)).all())
    has_more = len(more) > wanted
    rows += more[:wanted]
    if direction != "next":
        rows.reverse()
    counts = status_counts(connection, corpus.pk)
    forward, backward = (has_more, True) if direction == "next" else (True, has_more)
    return {
        "items": review_items(connection, corpus, rows),
        "next": str(rows[-1].pk) if rows and forward else None,
        "previous": str(rows[0].pk) if rows and backward else None,
        "counts": counts,
        "total": sum(counts.values()),
    }


def item_detail(connection: Connection, item_id: str) -> dict[str, Any]:
    """One item whole, with gold, every run's newest suggestions and its history, for the drawer.

    Raises:
        NotFound: there is no such item.
    """
    row = find_item(connection, item_id)
    corpus = corpus_by_pk(connection, row.corpus)
    shown = review_items(connection, corpus, [row], cut=2_000_000)[0]
    values = orjson.loads(row.fields)
    clue = {field["name"] for field in shown["fields"]}
    kept = [{"name": n, "text": _plain(v)} for n, v in values.items() if n not in clue]
    events = connection.execute(
        select(decision).where(decision.c.item == row.pk).order_by(decision.c.seq.desc()).limit(50)
    ).all()
    return {
        **shown,
        "corpus": {"id": corpus.id, "name": corpus.name},
        "deleted": bool(row.deleted),
        "kept": kept,
        "gold": None if row.gold is None else orjson.loads(row.gold),
        "history": [
            {
                "action": e.action,
                "person": e.person,
                "at": iso(e.at),
                "applied": bool(e.applied),
                "undone": bool(e.undone),
                "summary": _summary(orjson.loads(e.before), orjson.loads(e.after)),
            }
            for e in events
        ],
    }


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _summary(before: dict[str, Any], after: dict[str, Any]) -> str:
    """ "2 accepted, 1 rejected, done": what an event left behind, in words."""
    parts = [f"{len(after['accepted'])} accepted", f"{len(after['rejected'])} rejected"]
    if before["status"] != after["status"]:
        parts.append(after["status"].replace("_", " "))
    return ", ".join(parts)


def history(connection: Connection, person: str, before: int | None = None, limit: int = 50) -> dict[str, Any]:
    """A person's decisions that can still be undone, newest first: {events, more}."""
    query = (
        select(decision, item.c.id.label("item_id"), item.c.title)
        .join(item, item.c.pk == decision.c.item)
        .where(decision.c.person == person, decision.c.applied == 1, decision.c.undone == 0)
        .where(decision.c.action.in_(("accept", "edit", "reject", "skip")))
        .order_by(decision.c.seq.desc())
    )
    if before is not None:
        query = query.where(decision.c.seq < before)
    limit = max(1, min(limit, 200))
    rows = list(connection.execute(query.limit(limit + 1)).all())
    events = [(row, orjson.loads(row.before), orjson.loads(row.after)) for row in rows[:limit]]
    ids = {row.seq: {t for state in (b, a) for k in ("accepted", "rejected") for t in state[k]} for row, b, a in events}
    names = tag_names(connection, {t for each in ids.values() for t in each})
    return {
        "events": [
            {
                "seq": row.seq,
                "uuid": row.uuid,
                "item": row.item_id,
                "title": row.title,
                "action": row.action,
                "before": _texts(b),
                "after": _texts(a),
                "names": {str(t): names[t] for t in ids[row.seq] if t in names},
            }
            for row, b, a in events
        ],
        "more": len(rows) > limit,
    }


def _texts(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": state["status"],
        "accepted": [str(t) for t in state["accepted"]],
        "rejected": [str(t) for t in state["rejected"]],
    }


def progress(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """How far a corpus is reviewed, and by how many decisions."""
    decided = connection.execute(
        select(func.count()).select_from(decision).where(decision.c.corpus == corpus.pk, decision.c.applied == 1)
    ).scalar_one()
    return {"counts": status_counts(connection, corpus.pk), "decisions": decided}

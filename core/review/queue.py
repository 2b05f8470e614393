"""What a reviewer works through: pages of whole items with every agent's suggestions, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, func, select

from core.corpora.browsing import find_item
from core.corpora.catalog import Corpus, corpus_by_pk, status_counts
from core.corpora.rendering import display_title, render
from core.errors import InvalidInput
from core.review.agreement import DISAGREE_BELOW, agreement_of, disagreement_counts
from core.review.answers import answers_of
from core.review.boxes import CAPTIONS, COMPARISON, fields_of, in_words, pairs_in_words
from core.review.decisions import State, contents_as_meant, load_states, mapped_tags
from core.review.suggestions import agent_of, newest_runs, suggestions_of
from core.store.schema import STATUS_CODE, STATUSES, decision, item, item_agreement
from core.store.times import iso
from core.vocabulary.store import tag_names

MOST = 60
CUT_AT = 6000  # characters of one field sent ahead; the rest on request
QUEUES = ("all", "disagree")
Show = Callable[[Connection, Corpus, list[Any]], list[dict[str, Any]]]
"""Rows of the item table as a page shows them, each with `state`: what a feature that this one does not know gives for
its kind of corpus, in the place of `review_items`."""


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
    newest = newest_runs(connection, keys)
    suggested = suggestions_of(connection, keys, newest)
    agents: dict[int, set[str]] = {}
    for pk, method in newest:
        agents.setdefault(pk, set()).add(agent_of(method))
    agreement = agreement_of(connection, keys)
    answers = answers_of(connection, keys)
    states = load_states(connection, {row.pk: row.status for row in rows})
    mapped = mapped_tags(connection, [pk for pk, state in states.items() if state.dropped])
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
                "agents": sorted(agents.get(row.pk, ())),
                "answers": answers.get(row.pk, []),
                "agreement": agreement.get(row.pk),
                "mapped": mapped.get(row.pk, {}),
                "names": {str(t): names[t] for t in (*state.accepted, *state.rejected) if t in names},
            }
        )
    return shown


def review_page(
    connection: Connection,
    corpus: Corpus,
    *,
    status: str = "pending",
    queue: str = "all",
    cursor: str = "",
    direction: str = "next",
    start_at: str = "",
    limit: int = 40,
    show: Show | None = None,
    only: ColumnElement[bool] | None = None,
) -> dict[str, Any]:
    """A part of the queue: {items, next, previous, counts, total, disagree}.

    `counts` are of the corpus, `disagree` of those of its items about which the agents disagree; both by status.

    Args:
        status: one of STATUSES, or "all".
        queue: one of QUEUES; "disagree" leaves only items of which less than half of the tags that either agent
            suggested are suggested by both.
        cursor: a position; items behind it ("next") or before it ("previous") follow.
        start_at: an item's id; it comes first whatever its status, then those behind it.
        show: how items of this corpus are shown, where it is not by their tags.
        only: which items are in a queue that this module does not know; `queue` is not looked at then.

    Raises:
        InvalidInput: the status, the queue or the cursor is none.
        NotFound: there is no item `start_at`.
    """
    if status != "all" and status not in STATUSES:
        raise InvalidInput(f"“{status}” is no status.", f"Use all, or one of {', '.join(STATUSES)}.")
    if only is None and queue not in QUEUES:
        raise InvalidInput(f"“{queue}” is no queue.", f"Queues: {', '.join(QUEUES)}.")
    if cursor and not re.fullmatch(r"\d{1,15}", cursor):
        raise InvalidInput("That place in the queue does not exist.", "Start from the top.")
    limit = max(1, min(limit, MOST))
    query = select(item).where(item.c.corpus == corpus.pk, item.c.deleted == 0)
    if status != "all":
        query = query.where(item.c.status == STATUS_CODE[status])
    if only is not None:
        query = query.where(only)
    elif queue == "disagree":
        query = query.join(item_agreement, item_agreement.c.item == item.c.pk)
        query = query.where(item_agreement.c.agreement < DISAGREE_BELOW)
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
        "items": (show or review_items)(connection, corpus, rows),
        "next": str(rows[-1].pk) if rows and forward else None,
        "previous": str(rows[0].pk) if rows and backward else None,
        "counts": counts,
        "total": sum(counts.values()),
        "disagree": disagreement_counts(connection, corpus.pk),
    }


def item_detail(
    connection: Connection, item_id: str, show: Callable[[Corpus], Show | None] | None = None
) -> dict[str, Any]:
    """One item whole, with gold, every run's newest suggestions and its history, for the drawer.

    Args:
        show: how items of a corpus are shown, where it is not by their tags.

    Raises:
        NotFound: there is no such item.
    """
    row = find_item(connection, item_id)
    corpus = corpus_by_pk(connection, row.corpus)
    other = show(corpus) if show else None
    rows = [row]
    shown = (other(connection, corpus, rows) if other else review_items(connection, corpus, rows, cut=2_000_000))[0]
    values = orjson.loads(row.fields)
    clue = {field["name"] for field in shown["fields"]}
    kept = [{"name": n, "text": _plain(v)} for n, v in values.items() if n not in clue]
    events = connection.execute(
        select(decision).where(decision.c.item == row.pk).order_by(decision.c.seq.desc()).limit(50)
    ).all()
    return {
        **shown,
        "answers": answers_of(connection, [row.pk], raw=True, task=fields_of(corpus.kind)[0]).get(row.pk, []),
        "corpus": {"id": corpus.id, "name": corpus.name},
        "deleted": bool(row.deleted),
        "kept": kept,
        "gold": None if row.gold is None else orjson.loads(row.gold),
        "history": [
            {
                "action": e.action,
                "field": e.field,
                "person": e.person,
                "at": iso(e.at),
                "applied": bool(e.applied),
                "undone": bool(e.undone),
                "summary": _summary(orjson.loads(e.before), orjson.loads(e.after), e.field),
            }
            for e in events
        ],
    }


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _summary(before: dict[str, Any], after: dict[str, Any], field: str = "tags") -> str:
    """ "2 accepted, 1 rejected, done": what an event left behind, in words. Of captions: what it changed."""
    if field == COMPARISON:
        return ", ".join(pairs_in_words(before.get("boxes", {}), after.get("boxes", {}))) or "nothing changed"
    if field == CAPTIONS:
        parts = in_words(before.get("boxes", {}), after.get("boxes", {}))
    else:
        parts = [f"{len(after['accepted'])} accepted", f"{len(after['rejected'])} rejected"]
        if after.get("dropped"):
            parts.append(f"{len(after['dropped'])} new ones dropped")
    if before["status"] != after["status"]:
        parts.append(after["status"].replace("_", " "))
    return ", ".join(parts) or "nothing changed"


def history(
    connection: Connection,
    person: str,
    before: int | None = None,
    limit: int = 50,
    fields: tuple[str, ...] = ("tags", CAPTIONS),
) -> dict[str, Any]:
    """A person's decisions on these fields that can still be undone, newest first: {events, more}."""
    query = (
        select(decision, item.c.id.label("item_id"), item.c.title, item.c.external_id)
        .join(item, item.c.pk == decision.c.item)
        .where(decision.c.person == person, decision.c.applied == 1, decision.c.undone == 0)
        .where(decision.c.action.in_(("accept", "edit", "reject", "skip")), decision.c.field.in_(fields))
        .order_by(decision.c.seq.desc())
    )
    if before is not None:
        query = query.where(decision.c.seq < before)
    limit = max(1, min(limit, 200))
    rows = list(connection.execute(query.limit(limit + 1)).all())
    read = contents_as_meant(connection, [orjson.loads(c) for row in rows[:limit] for c in (row.before, row.after)])
    events = list(zip(rows[:limit], read[::2], read[1::2], strict=True))
    ids = {row.seq: {t for state in (b, a) for k in ("accepted", "rejected") for t in state[k]} for row, b, a in events}
    names = tag_names(connection, {t for each in ids.values() for t in each})
    return {
        "events": [
            {
                "seq": row.seq,
                "uuid": row.uuid,
                "item": row.item_id,
                "title": row.title or row.external_id or row.item_id,
                "action": row.action,
                "field": row.field,
                "summary": _summary(b, a, row.field),
                "before": _texts(b, row.field),
                "after": _texts(a, row.field),
                "names": {str(t): names[t] for t in ids[row.seq] if t in names},
            }
            for row, b, a in events
        ],
        "more": len(rows) > limit,
    }


def _texts(state: dict[str, Any], field: str) -> dict[str, Any]:
    if field == COMPARISON:  # which side was which, and what others said, is nobody's to see
        return {"status": state["status"]}
    if field == CAPTIONS:
        return {"status": state["status"], "boxes": state.get("boxes", {})}
    return {
        "status": state["status"],
        "accepted": [str(t) for t in state["accepted"]],
        "rejected": [str(t) for t in state["rejected"]],
        "dropped": list(state["dropped"]),
    }


def progress(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """How far a corpus is reviewed, and by how many decisions."""
    decided = connection.execute(
        select(func.count()).select_from(decision).where(decision.c.corpus == corpus.pk, decision.c.applied == 1)
    ).scalar_one()
    return {"counts": status_counts(connection, corpus.pk), "decisions": decided}

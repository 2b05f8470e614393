"""What the agents say of items today: the newest answer of each, in tags of the vocabulary and in words new to it.

A suggestion without a tag is a *free tag*: the generative agent said a word that matched nothing. If the vocabulary
has that word by now, it is read as that tag.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from core.review.meanings import chunks, meanings, tags_named
from core.store.schema import item, run, run_item, suggestion, tag
from core.vocabulary.names import name_key

AGENTS = {"selective": "S", "generative": "G", "learned": "L"}
TASK = "tags"
Newest = dict[tuple[int, str], int]  # (item, method) → run


def agent_of(method: str) -> str:
    """The letter by which an agent is shown."""
    return AGENTS.get(method, method[:1].upper())


def newest_runs(connection: Connection, keys: list[int], task: str = TASK) -> Newest:
    """The newest run of each method of a task that has answered an item; finding nothing is an answer, failing is
    none."""
    found: Newest = {}
    for part in chunks(keys):
        corpora = select(item.c.corpus).where(item.c.pk.in_(part)).distinct().scalar_subquery()
        rows = connection.execute(
            select(run_item.c.item, run.c.method, func.max(run.c.id))
            .join(run, run.c.id == run_item.c.run)
            .where(run.c.corpus.in_(corpora), run.c.task == task)
            .where(run_item.c.item.in_(part), run_item.c.state == "ok")
            .group_by(run_item.c.item, run.c.method)
        )
        found.update(((pk, method), run_id) for pk, method, run_id in rows)
    return found


def suggestions_of(
    connection: Connection, keys: list[int], newest: Newest | None = None
) -> dict[int, list[dict[str, Any]]]:
    """Suggestions by item pk, of the newest run of each method that has answered the item, by run and rank.

    An older run of the same method stays stored (and exportable) but is not shown again. A suggestion that matched
    something carries the words as said; one that matched nothing has `tag` None, `new` True, its `key` (what makes
    two names the same), and the nearest tags.
    """
    newest = newest_runs(connection, keys) if newest is None else newest
    methods = {(pk, run_id): method for (pk, method), run_id in newest.items()}
    rows = [row for row in _rows(connection, keys, set(newest.values())) if (row.item, row.run) in methods]
    said = {name_key(row.value) for row in rows if row.tag is None and row.value}
    known = tags_named(connection, said)
    details = {row.pk: _detail(row.detail) for row in rows if row.detail}
    near = {n["tag"] for row in rows if row.tag is None for n in details.get(row.pk, {}).get("nearest", [])}
    tags = _active(connection, {row.tag for row in rows if row.tag is not None} | near)
    found: dict[int, dict[tuple[int, str], dict[str, Any]]] = {}
    for row in rows:
        detail = details.get(row.pk, {})
        key = name_key(row.value) if row.tag is None and row.value else ""
        meant = known.get(key) if row.tag is None else tags.get(row.tag)
        if meant is None and (row.tag is not None or not key):
            continue  # archived since, or nothing was said
        entry = {
            "tag": str(meant[0]) if meant else None,
            "name": meant[1] if meant else row.value,
            "score": round(row.score, 4),
            "rank": row.rank,
            "run": str(row.run),
            "agent": agent_of(methods[row.item, row.run]),
            "method": methods[row.item, row.run],
            "evidence": orjson.loads(row.evidence),
        }
        if row.value:
            entry["value"] = row.value
            entry.update((name, detail[name]) for name in ("votes", "samples", "match", "similarity") if name in detail)
        if meant is None:
            entry.update(new=True, key=key, nearest=_nearest(detail, tags))
        of_item = found.setdefault(row.item, {})
        earlier = of_item.setdefault((row.run, entry["tag"] or f"+{key}"), entry)
        if earlier is not entry:  # two tags that have become one: said once, for both reasons
            earlier["evidence"] += entry["evidence"]
            earlier["score"] = max(earlier["score"], entry["score"])
    return {pk: list(entries.values()) for pk, entries in found.items()}


def _rows(connection: Connection, keys: list[int], runs: set[int]) -> list[Any]:
    columns = [
        suggestion.c[name] for name in ("pk", "item", "run", "tag", "value", "score", "rank", "evidence", "detail")
    ]
    rows: list[Any] = []
    for part in chunks(keys):
        query = select(*columns).where(suggestion.c.item.in_(part), suggestion.c.run.in_(sorted(runs)))
        query = query.where(suggestion.c.field == "tags", suggestion.c.validity == "valid")
        rows += connection.execute(query.order_by(suggestion.c.item, suggestion.c.run, suggestion.c.rank))
    return rows


def _detail(stored: str) -> dict[str, Any]:
    """A suggestion's detail, with the nearest tags' ids as numbers."""
    detail: dict[str, Any] = orjson.loads(stored)
    nearest = [n for n in detail.get("nearest") or [] if str(n.get("tag", "")).isdecimal()]
    return {**detail, "nearest": [{**n, "tag": int(n["tag"])} for n in nearest]}


def _active(connection: Connection, ids: set[int]) -> dict[int, tuple[int, str]]:
    """Tag → (id, name) of the active tag that it means; archived ones are left out."""
    means = meanings(connection, ids)
    names: dict[int, str] = {}
    for part in chunks({means.get(t, t) for t in ids}):
        rows = connection.execute(select(tag.c.id, tag.c.name).where(tag.c.id.in_(part), tag.c.state == "active"))
        names.update((row[0], row[1]) for row in rows)
    return {t: (means.get(t, t), names[means.get(t, t)]) for t in ids if means.get(t, t) in names}


def _nearest(detail: dict[str, Any], tags: dict[int, tuple[int, str]]) -> list[dict[str, Any]]:
    """The tags nearest to a free tag as they are called today, each once, at most three."""
    found: dict[int, dict[str, Any]] = {}
    for each in detail.get("nearest", []):
        if each["tag"] in tags:
            tag_id, name = tags[each["tag"]]
            near = {"tag": str(tag_id), "name": name, "similarity": round(float(each.get("similarity") or 0), 4)}
            found.setdefault(tag_id, near)
    return list(found.values())[:3]


def suggested_tags(connection: Connection, keys: list[int], newest: Newest) -> dict[tuple[int, int], set[int]]:
    """(item, run) → the tags of the vocabulary that the run suggested, as they are meant now."""
    answers = {(pk, run_id) for (pk, _), run_id in newest.items()}
    rows: list[Any] = []
    runs = sorted(set(newest.values()))
    for part in chunks(keys):
        query = select(suggestion.c.item, suggestion.c.run, suggestion.c.tag, suggestion.c.value)
        query = query.where(suggestion.c.item.in_(part), suggestion.c.run.in_(runs))
        rows += connection.execute(query.where(suggestion.c.field == "tags", suggestion.c.validity == "valid"))
    tags = _active(connection, {row.tag for row in rows if row.tag is not None})
    keyed = {row.value: name_key(row.value) for row in rows if row.tag is None and row.value}
    known = tags_named(connection, set(keyed.values()))
    found: dict[tuple[int, int], set[int]] = {}
    for row in rows:
        if (row.item, row.run) not in answers:
            continue
        if row.tag is not None and row.tag in tags:
            found.setdefault((row.item, row.run), set()).add(tags[row.tag][0])
        elif row.tag is None and keyed.get(row.value) in known:
            found.setdefault((row.item, row.run), set()).add(known[keyed[row.value]][0])
    return found

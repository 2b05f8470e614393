"""The export job: a corpus' items with what people accepted, and on request what agents suggested and how.

Columns: `id`, the item's own fields, `gold_tags`, `tags` (accepted), `link`, `media`, `tagloom_status`; with
suggestions `tagloom_suggestions`, with provenance `tagloom_provenance`. Where an item has a field of one of
the first names, ours gets the prefix `tagloom_`. Importing such a file gives the same items and tags; only a
field that is called like a prefixed column of ours comes back with an underscore behind its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.corpora.catalog import Corpus, find_corpus, status_counts
from core.corpora.writing import FORMATS, RowFile
from core.errors import InvalidInput
from core.jobs.context import JobContext
from core.review.decisions import load_states
from core.review.suggestions import suggestions_of
from core.store.database import Database
from core.store.schema import STATUS_CODE, STATUSES, decision, item
from core.store.times import iso
from core.vocabulary.store import tag_names

OWN = ("id", "gold_tags", "tags", "link", "media")
RESERVED = {f"tagloom_{name}" for name in (*OWN, "status", "suggestions", "provenance")}
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class MoreColumns:
    """What a corpus of another kind adds to an export.

    Attributes:
        names: the columns, and whether each holds "text", a "list" of texts, or any "json". Where an item has a field
            of that name, ours gets the prefix `tagloom_`.
        values: rows of the item table → {pk: {name: value}}; an item that is missing here is not written.
    """

    names: Mapping[str, str]
    values: Callable[[Connection, list[Any]], dict[int, dict[str, Any]]]


def own_columns(fields: set[str]) -> dict[str, str]:
    """Our columns' names in a file whose items have these fields: {"id": "id" or "tagloom_id", …}."""
    return {name: f"tagloom_{name}" if name in fields else name for name in OWN}


def renamed_fields(fields: set[str]) -> dict[str, str]:
    """Fields that are called like a column of ours → the column in which they are written."""
    renamed: dict[str, str] = {}
    for name in sorted(fields & RESERVED):
        column = name + "_"
        while column in fields or column in renamed.values():
            column += "_"
        renamed[name] = column
    return renamed


def check_export(format: str, status: str) -> None:
    """Refuse an export that cannot be.

    Raises:
        InvalidInput: the format or the status is unknown.
    """
    if format not in FORMATS:
        raise InvalidInput(f"“{format}” is no export format.", f"Formats: {', '.join(FORMATS)}.")
    if status != "all" and status not in STATUSES:
        raise InvalidInput(f"“{status}” is no status.", f"Use all, or one of {', '.join(STATUSES)}.")


def export_job(job: JobContext) -> dict[str, Any]:
    """Arguments: corpus, format, status ("all" | "done"), suggestions, provenance, path (optional).

    Result: {items, bytes, name, path}
    """
    arguments = job.arguments
    with job.database.read() as connection:
        corpus = find_corpus(connection, arguments["corpus"])
    format = arguments.get("format", "jsonl")
    safe_name = re.sub(r"[^\w.-]+", "-", corpus.name).strip("-.") or "corpus"
    name = f"{safe_name}.{format}"
    path = Path(arguments["path"]) if arguments.get("path") else job.folder / name
    items = export_corpus(
        job.database,
        corpus,
        path,
        format,
        status=arguments.get("status", "all"),
        suggestions=bool(arguments.get("suggestions")),
        provenance=bool(arguments.get("provenance")),
        on_progress=job.progress,
    )
    job.log(f"{items} items written")
    return {"items": items, "bytes": path.stat().st_size, "name": path.name, "path": str(path)}


def export_corpus(
    database: Database,
    corpus: Corpus,
    path: Path,
    format: str,
    *,
    status: str = "all",
    suggestions: bool = False,
    provenance: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    more: MoreColumns | None = None,
) -> int:
    """Write a corpus to a file; returns the number of items.

    Args:
        more: columns beside ours and the items' own.

    Raises:
        InvalidInput: the format or status is unknown, or the file cannot be written.
    """
    check_export(format, status)
    with database.read() as connection:
        counts = status_counts(connection, corpus.pk)
    total = sum(counts.values()) if status == "all" else counts[status]
    fields, text_fields = _fields(database, corpus)
    own, renamed = own_columns(set(fields)), renamed_fields(set(fields))
    written = [renamed.get(name, name) for name in fields]
    columns = [own["id"], *written, own["gold_tags"], own["tags"], own["link"], own["media"], "tagloom_status"]
    columns += ["tagloom_suggestions"] * suggestions + ["tagloom_provenance"] * provenance
    added = _free_names(more.names if more else {}, columns)
    columns += added.values()
    kinds = {added[name]: kind for name, kind in more.names.items()} if more else {}
    texts = {*(renamed.get(name, name) for name in text_fields), own["id"], own["link"], own["media"], "tagloom_status"}
    texts |= {column for column, kind in kinds.items() if kind == "text"}
    lists = {own["gold_tags"], own["tags"], *(column for column, kind in kinds.items() if kind == "list")}
    seen = done = 0
    with RowFile(path, format, columns, texts, lists) as file:
        for rows in item_chunks(database, corpus, status):
            seen += len(rows)
            with database.read() as connection:
                values = more.values(connection, rows) if more else {}
                rows = [row for row in rows if row.pk in values] if more else rows
                out = _rows(connection, rows, own, renamed, suggestions, provenance)
                file.write(_with_more(rows, out, values, added) if more else out)
            done += len(rows)
            if on_progress:
                on_progress(seen, total)
    return done


def _with_more(
    rows: list[Any], written: Iterable[dict[str, Any]], values: dict[int, dict[str, Any]], added: dict[str, str]
) -> Iterator[dict[str, Any]]:
    for row, line in zip(rows, written, strict=True):
        yield {**line, **{added[name]: value for name, value in values[row.pk].items()}}


def _free_names(names: Iterable[str], columns: list[str]) -> dict[str, str]:
    """Names of added columns → the columns that they get beside the ones that are there."""
    found: dict[str, str] = {}
    for name in names:
        column = f"tagloom_{name}" if name in columns else name
        while column in columns:
            column += "_"
        found[name] = column
    return found


def item_chunks(database: Database, corpus: Corpus, status: str) -> Iterator[list[Any]]:
    """Items by position, in short reads: an export of a million items holds no snapshot meanwhile."""
    position = 0
    while True:
        query = (
            select(
                item.c.pk,
                item.c.external_id,
                item.c.id,
                item.c.title,
                item.c.fields,
                item.c.gold,
                item.c.link,
                item.c.media,
                item.c.status,
            )
            .where(item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.pk > position)
            .order_by(item.c.pk)
            .limit(CHUNK)
        )
        if status != "all":
            query = query.where(item.c.status == STATUS_CODE[status])
        with database.read() as connection:
            rows = list(connection.execute(query).all())
        if rows:
            yield rows
        if len(rows) < CHUNK:
            return
        position = rows[-1].pk


def _fields(database: Database, corpus: Corpus) -> tuple[dict[str, None], set[str]]:
    """Every field that an item has, in mapping order, and those whose values are all text."""
    fields: dict[str, None] = {}
    mixed: set[str] = set()
    position = 0
    while True:
        query = (
            select(item.c.pk, item.c.fields)
            .where(item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.pk > position)
            .order_by(item.c.pk)
            .limit(5000)
        )
        with database.read() as connection:
            rows = connection.execute(query).all()
        for _, stored in rows:
            for name, value in orjson.loads(stored).items():
                fields[name] = None
                if type(value) is not str:
                    mixed.add(name)
        if len(rows) < 5000:
            break
        position = rows[-1].pk
    order = {name: i for i, name in enumerate(corpus.roles)}
    ordered = dict.fromkeys(sorted(fields, key=lambda n: order.get(n, len(order))))
    return ordered, set(ordered) - mixed


def _rows(
    connection: Connection,
    rows: list[Any],
    own: dict[str, str],
    renamed: dict[str, str],
    suggestions: bool,
    provenance: bool,
) -> Iterator[dict[str, Any]]:
    decided = {row.pk: row.status for row in rows if row.status}
    keys = list(decided)
    states = {}
    for start in range(0, len(keys), 500):
        states.update(load_states(connection, {pk: decided[pk] for pk in keys[start : start + 500]}))
    names = tag_names(connection, {t for state in states.values() for t in state.accepted})
    suggested = suggestions_of(connection, [row.pk for row in rows]) if suggestions else {}
    history = _provenance(connection, keys) if provenance else {}
    # where a field has taken one of our names, every row says so: else the field would be taken for ours
    taken = {column: None for name, column in own.items() if column != name}
    for row in rows:
        # an item that came without an id of its own keeps none: importing it again finds it by content
        out: dict[str, Any] = {**taken} if row.external_id is None else {**taken, own["id"]: row.external_id}
        fields = orjson.loads(row.fields)
        out.update({renamed.get(k, k): v for k, v in fields.items()} if renamed else fields)
        if row.gold is not None:
            out[own["gold_tags"]] = orjson.loads(row.gold)
        state = states.get(row.pk)
        if state is not None and state.version:
            out[own["tags"]] = [names[t] for t in state.accepted]
        if row.link is not None:
            out[own["link"]] = row.link
        if row.media is not None:
            out[own["media"]] = row.media
        out["tagloom_status"] = STATUSES[row.status]
        if suggestions:
            out["tagloom_suggestions"] = suggested.get(row.pk, [])
        if provenance:
            out["tagloom_provenance"] = history.get(row.pk, [])
        yield out


def _provenance(connection: Connection, keys: list[int]) -> dict[int, list[dict[str, Any]]]:
    """Who decided what when, by item."""
    found: dict[int, list[dict[str, Any]]] = {}
    for start in range(0, len(keys), 500):
        query = (
            select(decision)
            .where(decision.c.item.in_(keys[start : start + 500]), decision.c.applied == 1)
            .order_by(decision.c.item, decision.c.seq)
        )
        for e in connection.execute(query):
            found.setdefault(e.item, []).append(
                {
                    "uuid": e.uuid,
                    "person": e.person,
                    "action": e.action,
                    "at": iso(e.at),
                    "blind": bool(e.blind),
                    "shown": orjson.loads(e.shown),
                    "after": orjson.loads(e.after),
                    "vocabulary_revision": e.vocabulary_revision,
                }
            )
    return found

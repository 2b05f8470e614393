"""Imports a file into a corpus: an upsert by external id or content, in short transactions, resumable.

An item's id is derived from its corpus and its external id (or, without one, its content), so importing again
updates and never duplicates. After each batch the number of rows done is committed with the rows themselves:
a killed import goes on at the next row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from core.corpora.catalog import Corpus, ensure_corpus
from core.corpora.companions import NO_COMPANIONS, Companions
from core.corpora.given import GivenReader, names_of
from core.corpora.identity import item_id, item_key
from core.corpora.labels import nameless
from core.corpora.mapping import CompiledMapping, DraftItem, Mapping, check_kind
from core.corpora.reading import Problem, Row, read_rows
from core.corpora.rendering import display_title, music_title, search_text
from core.corpora.roles import FACT_ROLES
from core.errors import InvalidInput
from core.store.database import BulkPace, Database, allocate, insert_many
from core.store.schema import STATUS_CODE, import_note, import_run, item, item_text
from core.store.schema import corpus as corpus_table

LOOK = 20  # rows of music that tell whether its tags have names
HEAD = ("corpus", "corpus_id")
COUNTS = ("new", "updated", "unchanged", "skipped", "problems")
Labelled = tuple[int, DraftItem]
# what happens to tags that people had accepted elsewhere (a Tagloom export): given by the door, see review
OnLabels = Callable[[Connection, Corpus, list[Labelled]], None]


@dataclass(slots=True)
class ImportReport:
    """How an import ended. `problems` counts notes and skipped rows; the rows are in `import_note`."""

    corpus: str
    corpus_id: str = ""
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    problems: int = 0
    rows: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*HEAD, *COUNTS, "rows")}


@dataclass(slots=True)
class _Batch:
    rows: int = 0
    drafts: list[tuple[Row, DraftItem]] = field(default_factory=list)
    notes: list[tuple[str, Problem]] = field(default_factory=list)  # (outcome, problem)


class _Told:
    """What lists and the search box know of a corpus' items. Reference captions are not looked through."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._given = GivenReader(corpus) if corpus.kind == "music" else None
        self._facts = {column for column, role in corpus.roles.items() if role in FACT_ROLES}

    def title(self, draft: DraftItem) -> str:
        plain = display_title(draft.fields, self.corpus.roles)
        if self._given is None:
            return plain
        names = names_of(draft.fields, self.corpus)
        otherwise = plain or (draft.media or "").rsplit("/", 1)[-1]
        if not names and not draft.external_id and not otherwise:
            otherwise = ", ".join(given.name for given in self._given(draft.fields))
        return music_title(names, draft.external_id, otherwise)

    def text(self, draft: DraftItem) -> str:
        if self._given is None:
            return search_text(draft.fields.values())
        tags = [given.name for given in self._given(draft.fields)]
        others = [value for column, value in draft.fields.items() if column not in self._facts]
        return search_text([*names_of(draft.fields, self.corpus), draft.external_id, *tags, *others])


def import_file(
    database: Database,
    path: Path,
    *,
    name: str,
    corpus_name: str,
    mapping: Mapping,
    import_id: str,
    kind: str = "items",
    companions: Companions = NO_COMPANIONS,
    on_labels: OnLabels | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Import every good row of a file.

    Args:
        name: the file's name as the person knows it (an upload is stored under another one).
        import_id: names this import; the same id goes on where it stopped.
        companions: files that are joined to the rows; their columns are part of the mapping.
        on_labels: called inside the transaction with items that carry already accepted tags.
        on_progress: called after each commit with the rows done; may raise JobCancelled.

    Raises:
        InvalidInput, UnsafeInput: the file cannot be read at all, or the mapping leaves a corpus of that kind
            without what it is for; nothing was changed.
    """
    check_kind(mapping, kind)
    records = read_rows(path, name=name, options=mapping.reading)
    if companions.columns:
        records = companions.rows(records, next(iter(mapping.columns("id")), None))
    first = list(
        islice(records, LOOK if kind == "music" else 1)
    )  # opens the file: an unreadable one is refused before anything is made
    corpus, done, counts = _begin(database, import_id, corpus_name, kind, mapping, name)
    report = ImportReport(corpus.name, corpus.id, **counts, rows=done)
    compiled = CompiledMapping(mapping)
    told = _Told(corpus)
    pace = BulkPace(database)
    seen: set[int] = set()  # unchanged items: a later row that repeats one must not count as its new content
    looked_at = [record.values for record in first if isinstance(record, Row)]
    remarks = nameless(name, mapping, looked_at) if kind == "music" else ()
    source = chain(remarks, first, records)
    if done:
        for _ in islice(source, done):
            pass
    while True:
        batch = _read_batch(source, compiled, pace.batch)
        if not batch.rows:
            break
        started = time.perf_counter()
        report = database.write(partial(_write, told, import_id, report, batch, seen, on_labels))
        pace(time.perf_counter() - started)
        if on_progress:
            on_progress(report.rows)
    return report


def _begin(
    database: Database, import_id: str, corpus_name: str, kind: str, mapping: Mapping, source: str
) -> tuple[Corpus, int, dict[str, int]]:
    def begin(connection: Connection) -> tuple[Corpus, int, dict[str, int]]:
        corpus, _ = ensure_corpus(connection, corpus_name, kind, mapping.to_json(), source)
        row = connection.execute(select(import_run).where(import_run.c.id == import_id)).first()
        if row is not None:
            if row.corpus != corpus.pk:
                raise InvalidInput(
                    f"The corpus “{corpus.name}” was deleted after this import had begun.",
                    "Restore the corpus and resume, or import the file anew.",
                )
            return corpus, int(row.rows_done), orjson.loads(row.counts)
        counts = dict.fromkeys(COUNTS, 0)
        values = {
            "id": import_id,
            "corpus": corpus.pk,
            "source": source,
            "mapping": orjson.dumps(mapping.to_json()).decode(),
            "rows_done": 0,
            "counts": orjson.dumps(counts).decode(),
            "at": time.time(),
        }
        connection.execute(insert(import_run), values)
        return corpus, 0, counts

    return database.write(begin)


def _read_batch(source: Iterator[Row | Problem], compiled: CompiledMapping, size: int) -> _Batch:
    batch = _Batch()
    for record in islice(source, size):
        batch.rows += 1
        if isinstance(record, Problem):
            batch.notes.append(("skipped" if record.row is not None else "note", record))
            continue
        batch.notes.extend(("note", note) for note in record.notes)
        draft = compiled(record)
        if isinstance(draft, Problem):
            batch.notes.append(("skipped", draft))
        else:
            batch.drafts.append((record, draft))
            batch.notes.extend(("note", note) for note in draft.problems)
    return batch


def _content(draft: DraftItem) -> tuple[str, str | None, str]:
    """The item's fields and gold as stored, and the hash of its content."""
    fields = orjson.dumps(draft.fields)
    gold = None if draft.gold is None else orjson.dumps(draft.gold)
    digest = blake2b(fields, digest_size=16)
    digest.update(gold or b"-")
    digest.update(f"\x1f{draft.media or ''}\x1f{draft.link or ''}".encode())
    return fields.decode(), None if gold is None else gold.decode(), digest.hexdigest()


def _write(
    told: _Told,
    import_id: str,
    before: ImportReport,
    batch: _Batch,
    seen: set[int],
    on_labels: OnLabels | None,
    connection: Connection,
) -> ImportReport:
    report = ImportReport(**{name: getattr(before, name) for name in (*HEAD, *COUNTS, "rows")})
    corpus, now = told.corpus, time.time()
    prepared: dict[str, tuple[Row, DraftItem, str, str | None, str]] = {}
    notes = list(batch.notes)
    for row, draft in batch.drafts:
        fields, gold, content_hash = _content(draft)
        key = item_key(draft.external_id, content_hash)
        if key in prepared:
            notes.append(("skipped", _repeated(row, draft, prepared[key][0].number)))
            continue
        prepared[key] = (row, draft, fields, gold, content_hash)
    if connection.dialect.name != "sqlite":  # two imports into one corpus take turns; SQLite's always do
        connection.execute(select(corpus_table.c.pk).where(corpus_table.c.pk == corpus.pk).with_for_update())
    existing = _existing(connection, corpus.pk, list(prepared))
    new, changed, labelled = [], [], []
    for key, (row, draft, fields, gold, content_hash) in prepared.items():
        values = {
            "content_hash": content_hash,
            "title": told.title(draft),
            "fields": fields,
            "gold": gold,
            "media": draft.media,
            "link": draft.link,
            "imported_by": import_id,
            "source_row": row.number,
            "updated_at": now,
        }
        have = existing.get(key)
        if have is None:
            new.append({"key": key, "external_id": draft.external_id, **values, "_draft": draft})
        elif have.imported_by == import_id:
            notes.append(("skipped", _repeated(row, draft, have.source_row)))
        elif have.pk in seen:
            notes.append(("skipped", _repeated(row, draft, None)))
        elif have.deleted:
            notes.append(("skipped", _was_deleted(row)))
        elif have.content_hash == content_hash:
            seen.add(have.pk)
            report.unchanged += 1
            if draft.tags is not None:
                labelled.append((have.pk, draft))
        else:
            changed.append({"_pk": have.pk, **values, "_draft": draft, "_status": have.status})
            notes.append(("updated", _updated(row, draft)))
    if new:
        labelled += _insert(connection, told, new, now)
    if changed:
        labelled += _update(connection, told, changed)
    if labelled and on_labels is not None:
        on_labels(connection, corpus, [entry for entry in labelled if entry[1].tags is not None])
    report.new += len(new)
    report.updated += len(changed)
    report.skipped += sum(outcome == "skipped" for outcome, _ in notes)
    report.problems += sum(outcome != "updated" for outcome, _ in notes)
    report.rows += batch.rows
    _note(connection, import_id, notes)
    counts = {name: getattr(report, name) for name in COUNTS}
    connection.execute(
        update(import_run)
        .where(import_run.c.id == import_id)
        .values(rows_done=report.rows, counts=orjson.dumps(counts).decode(), at=now)
    )
    connection.execute(update(corpus_table).where(corpus_table.c.pk == corpus.pk).values(updated_at=now))
    return report


def _existing(connection: Connection, corpus_pk: int, keys: list[str]) -> dict[str, Any]:
    columns = "pk, key, content_hash, deleted, imported_by, source_row, status"
    query = f"SELECT {columns} FROM item WHERE corpus = :corpus AND key "
    if connection.dialect.name == "sqlite":
        values: Any = orjson.dumps(keys).decode()
        query += "IN (SELECT value FROM json_each(:keys))"
    else:
        values, query = keys, query + "= ANY(:keys)"
    rows = connection.execute(text(query), {"corpus": corpus_pk, "keys": values})
    return {row.key: row for row in rows}


def _insert(connection: Connection, told: _Told, new: list[dict[str, Any]], now: float) -> list[Labelled]:
    numbers = allocate(connection, "item", "pk", len(new))
    texts, labelled = [], []
    for pk, values in zip(numbers, new, strict=True):
        draft = values.pop("_draft")
        texts.append((pk, told.text(draft)))
        if draft.tags is not None:
            labelled.append((pk, draft))
        values.update(
            pk=pk,
            id=item_id(pk, told.corpus.id, values["key"]),
            corpus=told.corpus.pk,
            status=0,
            deleted=0,
            created_at=now,
        )
    insert_many(connection, "item", list(new[0]), [tuple(values.values()) for values in new])
    insert_many(connection, "item_text", ("item", "text"), texts)
    if connection.dialect.name == "sqlite":
        insert_many(connection, "item_fts", ("rowid", "text"), texts)
    return labelled


def _update(connection: Connection, told: _Told, changed: list[dict[str, Any]]) -> list[Labelled]:
    labelled = []
    rows = []
    for values in changed:
        draft, pk = values.pop("_draft"), values.pop("_pk")
        done = values.pop("_status") == STATUS_CODE["done"]
        # a person decided on the old content: it needs another look
        values["status"] = STATUS_CODE["again"] if done else None
        rows.append({"_pk": pk, **values})
        labelled.append((pk, draft))
        replace_text(connection, pk, told.text(draft))
    statement = update(item).where(item.c.pk == bindparam("_pk"))
    named: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name not in ("_pk", "status")}
    connection.execute(statement.values(**named, status=func.coalesce(bindparam("status"), item.c.status)), rows)
    return [entry for entry in labelled if entry[1].tags is not None]


def replace_text(connection: Connection, pk: int, new: str) -> None:
    """Change what the search finds an item by; the full-text index must be told the old text first."""
    if connection.dialect.name == "sqlite":
        old = connection.execute(select(item_text.c.text).where(item_text.c.item == pk)).scalar_one()
        connection.execute(
            text("INSERT INTO item_fts(item_fts, rowid, text) VALUES ('delete', :pk, :text)"), {"pk": pk, "text": old}
        )
        connection.execute(text("INSERT INTO item_fts(rowid, text) VALUES (:pk, :text)"), {"pk": pk, "text": new})
    connection.execute(update(item_text).where(item_text.c.item == pk).values(text=new))


def _note(connection: Connection, import_id: str, notes: list[tuple[str, Problem]]) -> None:
    rows = [
        {
            "import_run": import_id,
            "outcome": outcome,
            "file": problem.file,
            "row": problem.row,
            "field": problem.field,
            "code": problem.code,
            "cause": problem.cause,
            "remedy": problem.remedy,
        }
        for outcome, problem in notes
    ]
    if rows:
        connection.execute(insert(import_note), rows)


def _repeated(row: Row, draft: DraftItem, first: int | None) -> Problem:
    where = "an earlier row" if first is None else f"row {first}"
    if draft.external_id is not None:
        cause = f"The id “{draft.external_id[:80]}” stands already in {where} of this import."
        return Problem(row.file, row.number, None, "repeated_id", cause, "Give each row an id of its own.")
    cause = f"The row repeats {where} word for word."
    return Problem(row.file, row.number, None, "repeated_row", cause, "Nothing to do: one copy is imported.")


def _was_deleted(row: Row) -> Problem:
    cause = "The item was deleted here by a person."
    return Problem(row.file, row.number, None, "deleted", cause, "Restore it in the corpus (filter: deleted).")


def _updated(row: Row, draft: DraftItem) -> Problem:
    cause = f"The item “{(draft.external_id or '')[:80]}” has new content."
    return Problem(row.file, row.number, None, "updated", cause, "")

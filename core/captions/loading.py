"""Captions of another system, from a file (json, jsonl, csv …): matched to a corpus' items by their id, or by the text
of the reference caption, never by their place in the file. They are a run of their own, are scored and compared blind,
and never stand in a box of Review."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.captions.checks import check
from core.captions.names import NameIndex
from core.captions.pages import Facts
from core.captions.styles import field_of
from core.corpora.catalog import Corpus
from core.corpora.formats.base import JsonValue, Problem
from core.corpora.given import reference_of
from core.corpora.known_columns import normalise
from core.corpora.reading import read_rows
from core.corpora.rendering import field_text
from core.errors import InvalidInput
from core.store.database import BulkPace, Database
from core.store.runs import Answer, Recipe, start_run, store_answers
from core.store.schema import item

TASK = "captions"
OTHER = "other:"
LONGEST = 4000  # characters of a caption
LONGEST_NAME = 60
_NO_IDS = frozenset({"tagloom_status", "split"})
PREDICTIONS = (
    *(
        "prediction",
        "predictions",
        "predicted",
        "pred",
        "hypothesis",
        "generated",
        "generated_caption",
        "pseudo_caption",
    ),
    *("candidate", "output", "response", "answer", "caption", "text", "description"),
)
"""Names that a column of captions may have, the likeliest first; `normalise`d."""
REFERENCES = ("ground_truth", "reference", "references", "gt", "ground_truth_caption", "target", "human", "caption")


@dataclass(slots=True)
class Foreign:
    """What a file holds for a corpus.

    Attributes:
        captions: item's key → its caption; the first one where a file has several.
        references: item's key → the reference in the file, where it has one.
        columns: {"id", "reference", "prediction"}: the columns that were read, None where there is none.
        rows: read in all.
        empty: rows without a caption.
        unknown: rows of items that are not in the corpus.
        ambiguous: rows that name no id, and whose reference text belongs to several items.
        duplicates: rows for an item that had a caption already.
        notes: for people.
    """

    captions: dict[int, str] = field(default_factory=dict)
    references: dict[int, str] = field(default_factory=dict)
    columns: dict[str, str | None] = field(default_factory=dict)
    rows: int = 0
    empty: int = 0
    unknown: int = 0
    ambiguous: int = 0
    duplicates: int = 0
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, Any]:
        names = ("rows", "empty", "unknown", "ambiguous", "duplicates", "columns", "notes")
        return {"loaded": len(self.captions), **{name: getattr(self, name) for name in names}}


def read_foreign(
    connection: Connection, corpus: Corpus, path: Path, *, prediction: str | None = None, file: str | None = None
) -> Foreign:
    """Read a file of captions and find the items that they are about.

    Args:
        prediction: the column with the captions; found out by its name without.
        file: the name people know the file by.

    Raises:
        InvalidInput: there is no column of captions, none of its rows belongs to an item of the corpus, or the file
            cannot be read.
    """
    rows, problems = _rows(path, file)
    by_id, by_text = _items(connection, corpus)
    columns = list(dict.fromkeys(name for values in rows for name in values))
    found = Foreign(rows=len(rows), notes=[f"{p.cause} {p.remedy}".strip() for p in problems[:5]])
    said = _prediction_column(columns, prediction, file or path.name)
    others = [name for name in columns if name != said]
    named = _best(rows, [name for name in others if normalise(name) not in _NO_IDS], by_id, _id)
    told = _best(rows, others, by_text, reference_key) or _named(others, REFERENCES)
    found.columns = {"id": named, "reference": told, "prediction": said}
    for values in rows:
        text = _text(values.get(said))
        if not text:
            found.empty += 1
            continue
        keys: Iterable[int] = ()
        if named is not None:
            keys = by_id.get(_id(values.get(named)), ())
        if not keys and told is not None:
            keys = by_text.get(reference_key(values.get(told)), ())
        keys = list(keys)
        if len(keys) != 1:
            found.ambiguous += len(keys) > 1
            found.unknown += not keys
        elif keys[0] in found.captions:
            found.duplicates += 1
        else:
            found.captions[keys[0]] = text
            if told is not None and (reference := _text(values.get(told))):
                found.references[keys[0]] = reference
    if not found.captions:
        raise _nothing_fits(found, corpus, columns, file or path.name)
    if found.ambiguous:
        found.notes.append(f"{found.ambiguous:,} rows were left out: their reference text belongs to several tracks.")
    return found


def _rows(path: Path, file: str | None) -> tuple[list[Mapping[str, JsonValue]], list[Problem]]:
    rows: list[Mapping[str, JsonValue]] = []
    problems = []
    for each in read_rows(path, name=file):
        if isinstance(each, Problem):
            problems.append(each)
        else:
            rows.append(each.values)
    return rows, problems


def _items(connection: Connection, corpus: Corpus) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """(items by their ids, items by their reference caption)."""
    by_id: dict[str, list[int]] = {}
    by_text: dict[str, list[int]] = {}
    query = select(item.c.pk, item.c.id, item.c.external_id, item.c.fields)
    query = query.where(item.c.corpus == corpus.pk, item.c.deleted == 0).order_by(item.c.pk)
    for row in connection.execution_options(yield_per=2000).execute(query):
        for name in {row.id, row.external_id} - {None}:
            by_id.setdefault(str(name).strip(), []).append(row.pk)
        reference = reference_of(orjson.loads(row.fields), corpus)
        if reference:
            by_text.setdefault(reference_key(reference), []).append(row.pk)
    return by_id, by_text


def reference_key(value: JsonValue) -> str:
    """What makes two reference captions the same: spaces and case do not count."""
    return " ".join(field_text(value).casefold().split()) if isinstance(value, str) else ""


def _id(value: JsonValue) -> str:
    return "" if value is None or isinstance(value, dict | list) else field_text(value).strip()


def _text(value: JsonValue) -> str:
    if isinstance(value, list):
        value = next((each for each in value if isinstance(each, str) and each.strip()), None)
    return value.strip()[:LONGEST] if isinstance(value, str) else ""


def _prediction_column(columns: list[str], wanted: str | None, file: str) -> str:
    if wanted is not None:
        if wanted not in columns:
            raise InvalidInput(f"{file} has no column “{wanted}”.", f"Its columns: {', '.join(columns[:20])}.")
        return wanted
    found = _named(columns, PREDICTIONS)
    if found is None:
        raise InvalidInput(
            f"{file} has no column of captions; its columns are {', '.join(columns[:20]) or 'none'}.",
            "Call the column with the captions “prediction”.",
        )
    return found


def _named(columns: Iterable[str], names: Iterable[str]) -> str | None:
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(normalise(column), column)
    return next((by_name[name] for name in names if name in by_name), None)


def _best(rows: list[Mapping[str, JsonValue]], columns: list[str], known: Mapping[str, Any], key: Any) -> str | None:
    """The column that names most of what is known; None where no column names anything."""
    hits: Counter[str] = Counter()
    for values in rows:
        hits.update(name for name in columns if known and key(values.get(name)) in known)
    return max(columns, key=lambda name: (hits[name], -columns.index(name))) if hits else None


def _nothing_fits(found: Foreign, corpus: Corpus, columns: list[str], file: str) -> InvalidInput:
    if found.rows and found.empty == found.rows:
        return InvalidInput(f"{file}: the column “{found.columns['prediction']}” is empty.", "Name the right column.")
    return InvalidInput(
        f"{file}: none of its {found.rows:,} rows belongs to a track of “{corpus.name}”.",
        "A row needs the id that the track has in the corpus, or the exact text of its reference caption. "
        f"Columns of the file: {', '.join(columns[:20]) or 'none'}.",
    )


# ---- stored


def name_of(name: str) -> str:
    """The name of another system as people gave it, one line.

    Raises:
        InvalidInput: it is empty, too long, or holds a character that pairs are written with.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or "|" in name:
        raise InvalidInput(
            f"A system's name has 1 to {LONGEST_NAME} characters and no “|”.", "Give it a short name, such as model-x."
        )
    return name


def load_captions(
    database: Database, corpus: Corpus, path: Path, name: str, person: str, *, prediction: str | None = None
) -> dict[str, Any]:
    """Store the captions of another system as a run: field and method `other:<name>`; loading again makes a newer run.

    Returns:
        {run, name, system, loaded, rows, empty, unknown, ambiguous, duplicates, columns, notes}

    Raises:
        InvalidInput: as `read_foreign` and `name_of`.
    """
    name = name_of(name)
    with database.read() as connection:
        found = read_foreign(connection, corpus, path, prediction=prediction)
        facts = Facts(connection, corpus)
        names = facts.names
    method = OTHER + name
    recipe = Recipe(TASK, method, "file", name, {"file": path.name, "columns": found.columns})
    run_id = database.write(lambda connection: start_run(connection, corpus.pk, recipe, person, None))
    pace = BulkPace(database)
    left = sorted(found.captions)
    while left:
        part, left = left[: pace.batch], left[pace.batch :]
        with database.read() as connection:
            query = select(item.c.pk, item.c.fields).where(item.c.pk.in_(part)).order_by(item.c.pk)
            rows = list(connection.execute(query))
        answers = [_answer(row.pk, found.captions[row.pk], method, facts, row.fields, names) for row in rows]
        started = time.perf_counter()
        _store(database, run_id, answers)
        pace(time.perf_counter() - started)
    return {"run": str(run_id), "name": name, "system": method, **found.counts()}


def _store(database: Database, run_id: int, answers: list[Answer]) -> None:
    database.write(lambda connection: store_answers(connection, run_id, answers))


def _answer(pk: int, text: str, method: str, facts: Facts, fields: str, names: NameIndex) -> Answer:
    checks = check(text, facts.tags(orjson.loads(fields)), method, names=names).as_dict()
    row = {
        "field": field_of(method),
        "value": text,
        "score": 1.0,
        "rank": 1,
        "evidence": "[]",
        "validity": "valid",
        "detail": orjson.dumps({"checks": checks, "predicted": [], "variant": 0}).decode(),
    }
    return Answer(pk, rows=[row])

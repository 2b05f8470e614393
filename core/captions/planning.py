"""Which captions a job is about, and how each of them begins: decided once, when the job starts, and kept in its
folder, for what it writes changes what is missing and what fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, and_, select

from core.captions.candidates import complaint
from core.captions.items import MusicReader
from core.captions.music_llm import Unit
from core.captions.request import MOST_ROUNDS, CaptionRequest
from core.captions.styles import STYLES, field_of
from core.corpora.catalog import Corpus
from core.corpora.identity import number_of
from core.engines.connecting.connections import BUILTIN
from core.engines.connecting.endpoints import EngineOptions
from core.errors import NotFound
from core.review.boxes import CAPTIONS
from core.review.meanings import chunks
from core.store.database import Database
from core.store.schema import current, item, item_caption, run, run_item, suggestion
from core.tagging.selective_run import write_whole

AT_ONCE = 256
_STYLE_OF = {field_of(style): style for style in STYLES}

Entry = tuple[int, int, int]
"""(number of the first candidate, rounds of feeding back so far, the suggestion that is to be improved or 0)"""


@dataclass
class Plan:
    """What a job is about.

    Attributes:
        entries: by item and style; None: all items from their first candidate on.
        total: how many captions.
        left_out: failing captions whose reasons were fed back as often as it may be.
    """

    database: Database
    request: CaptionRequest
    entries: dict[int, dict[str, Entry]] | None = None
    total: int = 0
    left_out: int = 0
    _told: list[str] = field(default_factory=list)

    def units(self, reader: MusicReader) -> Iterator[Unit]:
        """The captions, item by item."""
        if self.entries is None:
            for each in reader.read(limit=self.request.limit, where=self.request.where):
                for style in self.request.styles:
                    yield Unit(each, style)
            return
        keys = sorted(self.entries)
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            earlier = self._earlier(part)
            for each in reader.named(part):
                for style, (first, rounds, improves) in self.entries[each.pk].items():
                    yield Unit(each, style, first, rounds, earlier.get(improves))

    def told(self) -> list[str]:
        """Sentences for a job's log."""
        return list(self._told)

    def _earlier(self, keys: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Suggestion → its text, and what was wrong with it."""
        assert self.entries is not None
        wanted = {improves for key in keys for _, _, improves in self.entries[key].values() if improves}
        found = {}
        with self.database.read() as connection:
            for part in chunks(wanted):
                query = select(suggestion.c.pk, suggestion.c.value, suggestion.c.detail)
                for row in connection.execute(query.where(suggestion.c.pk.in_(part))):
                    found[int(row.pk)] = (str(row.value), complaint_of(orjson.loads(row.detail or "{}")))
        return found


def complaint_of(detail: Mapping[str, Any]) -> str:
    """What the checks said of a stored caption, for whoever writes it anew."""
    reasons = (detail.get("checks") or {}).get("reasons") or []
    failed = [reason for reason in reasons if reason.get("level") == "fail"]
    return complaint((str(reason.get("code", "")), str(reason.get("message", ""))) for reason in failed)


def plan_of(
    database: Database, corpus: Corpus, request: CaptionRequest, reader: MusicReader, folder: Path | None = None
) -> Plan:
    """What a request is about.

    Args:
        folder: where the plan is kept for the job's next attempt.
    """
    stored = None if folder is None else folder / "captions.json"
    plan = Plan(database, request)
    if request.only == "all":
        n = len(reader.keys(request.limit, request.where)) if request.where else reader.count(request.limit)
        plan.total = n * len(request.styles)
        return plan
    if stored is not None and stored.exists():
        kept = orjson.loads(stored.read_bytes())
        plan.entries = {int(pk): {s: tuple(e) for s, e in of.items()} for pk, of in kept["entries"].items()}
        plan.left_out = kept["left_out"]
    else:
        _decide(plan, database, corpus, reader)
        if stored is not None:
            assert plan.entries is not None
            entries = {str(pk): of for pk, of in plan.entries.items()}
            write_whole(stored, orjson.dumps({"entries": entries, "left_out": plan.left_out}))
    assert plan.entries is not None
    plan.total = sum(len(of) for of in plan.entries.values())
    return plan


def _decide(plan: Plan, database: Database, corpus: Corpus, reader: MusicReader) -> None:
    request = plan.request
    entries: dict[int, dict[str, Entry]] = {}
    left_out = 0
    with database.read() as connection:
        keys = (
            _selected(connection, corpus, request.ids)
            if request.only == "selected"
            else reader.keys(None, request.where)
        )
        for part in chunks(keys):
            newest = _newest(connection, part)
            decided = _decided(connection, part) if request.only in ("missing", "failing") else set()
            tried = _tried(connection, part)
            for pk in sorted(part):
                for style in request.styles:
                    shown, (last, answered) = newest.get((pk, style)), tried.get((pk, style), (-1, 0))
                    if request.only == "missing":
                        if (pk, style) not in decided and (shown is None or shown.suggestion is None):
                            entries.setdefault(pk, {})[style] = (max(last + 1, answered), 0, 0)
                        continue
                    failing = shown is not None and shown.suggestion is not None and shown.verdict == "fail"
                    if request.only == "failing" and (not failing or (pk, style) in decided):
                        continue
                    rounds = _rounds(shown, request) if failing else 0
                    if request.only == "failing" and rounds >= MOST_ROUNDS:
                        left_out += 1
                        continue
                    improves = int(shown.suggestion) if shown is not None and failing and rounds < MOST_ROUNDS else 0
                    entries.setdefault(pk, {})[style] = (max(last + 1, answered), rounds, improves)
    if request.limit is not None:
        entries = {pk: entries[pk] for pk in sorted(entries)[: request.limit]}
    plan.entries, plan.left_out = entries, left_out
    if left_out:
        plan._told.append(
            f"{left_out:,} failing captions are left as they are: what is wrong with them was fed back twice already"
        )


def writer_of(connection: Connection, item_id: str, style: str) -> EngineOptions | None:
    """The engine that wrote the newest caption of an item, for writing it anew; None where there is none."""
    try:
        key = number_of(item_id)
    except NotFound:
        return None
    row = _newest(connection, [key]).get((key, style))
    if row is None:
        return None
    base_url = str(orjson.loads(row.parameters).get("base_url") or "")
    return EngineOptions(row.engine, base_url, row.model) if row.engine != BUILTIN else EngineOptions()


def _selected(connection: Connection, corpus: Corpus, ids: Sequence[str]) -> list[int]:
    """The keys of items by their ids, as pages know them (which begin with the key)."""
    wanted: dict[int, str] = {}
    for each in ids:
        with suppress(NotFound):  # it may have been deleted since
            wanted[number_of(each)] = each
    found = []
    for part in chunks(wanted):
        query = select(item.c.pk, item.c.id).where(item.c.pk.in_(part), item.c.corpus == corpus.pk, item.c.deleted == 0)
        found += [int(row.pk) for row in connection.execute(query) if wanted[row.pk] == row.id]
    return found


def _newest(connection: Connection, keys: Sequence[int]) -> dict[tuple[int, str], Any]:
    """(item, style) → its newest caption."""
    query = (
        select(item_caption, suggestion.c.detail, run.c.engine, run.c.model, run.c.parameters)
        .join(run, run.c.id == item_caption.c.run)
        .outerjoin(suggestion, suggestion.c.pk == item_caption.c.suggestion)
        .where(item_caption.c.item.in_(keys), item_caption.c.field.in_(_STYLE_OF))
    )
    return {(int(row.item), _STYLE_OF[row.field]): row for row in connection.execute(query)}


def _rounds(shown: Any, request: CaptionRequest) -> int:
    """How often what is wrong with a caption was fed back to whoever writes now; another model begins anew."""
    same = (shown.engine, shown.model) == (request.engine.engine, request.engine.model or "builtin")
    return int(orjson.loads(shown.detail or "{}").get("rounds") or 0) if same else 0


def _decided(connection: Connection, keys: Sequence[int]) -> set[tuple[int, str]]:
    """(item, style) of which a person has written or taken a caption, or wants none."""
    query = select(current.c.item, current.c.boxes).where(current.c.item.in_(keys), current.c.field == CAPTIONS)
    rows = connection.execute(query.where(current.c.boxes.is_not(None)))
    return {(int(row.item), style) for row in rows for style in orjson.loads(row.boxes)}


def _tried(connection: Connection, keys: Sequence[int]) -> dict[tuple[int, str], tuple[int, int]]:
    """(item, style) → (the highest number of a candidate so far, runs that have answered)."""
    numbers: dict[tuple[int, str], int] = {}
    query = select(suggestion.c.item, suggestion.c.field, suggestion.c.detail)
    for row in connection.execute(query.where(suggestion.c.item.in_(keys), suggestion.c.field.in_(_STYLE_OF))):
        key = (int(row.item), _STYLE_OF[row.field])
        numbers[key] = max(numbers.get(key, -1), int(orjson.loads(row.detail or "{}").get("variant") or 0))
    answered: dict[tuple[int, str], int] = {}
    runs = (
        select(run_item.c.item, run.c.method)
        .join(run, run.c.id == run_item.c.run)
        .where(and_(run_item.c.item.in_(keys), run.c.task == "captions", run_item.c.state != "failed"))
    )
    for pk, style in connection.execute(runs):
        answered[pk, style] = answered.get((pk, style), 0) + 1
    return {key: (numbers.get(key, -1), answered.get(key, 0)) for key in numbers.keys() | answered.keys()}

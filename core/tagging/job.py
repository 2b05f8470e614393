"""The tagging job: the builtin selective tagger over a corpus, in batches that can be stopped and resumed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from core.corpora.catalog import Corpus, find_corpus, status_counts
from core.corpora.clues import TaggableItem, read_items, sample_items
from core.embedding.encoder import TextEncoder
from core.embedding.locate import find_model
from core.embedding.service import cached_encoder
from core.errors import InvalidInput
from core.jobs.context import JobContext
from core.settings import Settings
from core.store.database import BulkPace, Database
from core.store.runs import Answer, Recipe, answered, run_counts, start_run, store_answers
from core.tagging.selective import SelectiveTagger, TagEntry, TagSuggestion
from core.vocabulary.store import all_tags

METHODS = ("selective",)
ENGINES = ("builtin",)
BATCH = 32
TRY_ITEMS = 10
TRY_SAMPLE = 200  # unlabelled items that a trial learns the corpus' ways of speaking from
RUN_SAMPLE = 5000
LEAST_SAMPLE = 400
_seconds_per_item: dict[str, float] = {}  # what trials of this process measured, by corpus id


def check_request(arguments: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a tagging request, checked.

    Returns:
        {method, engine, top_k, threshold (None: the method's own), limit}

    Raises:
        InvalidInput: one of them is out of range or unknown.
    """
    method, engine = arguments.get("method") or "selective", arguments.get("engine") or "builtin"
    top_k, threshold, limit = arguments.get("top_k"), arguments.get("threshold"), arguments.get("limit")
    top_k = 8 if top_k is None else top_k
    if method not in METHODS:
        raise InvalidInput(f"There is no method “{method}”.", f"Methods: {', '.join(METHODS)}.")
    if engine not in ENGINES:
        raise InvalidInput(f"There is no engine “{engine}”.", f"Engines: {', '.join(ENGINES)}.")
    if type(top_k) is not int or not 1 <= top_k <= 50:  # isinstance would take true for 1
        raise InvalidInput("The number of tags per item is from 1 to 50.", "Choose such a number.")
    if threshold is not None and not (type(threshold) in (int, float) and 0 <= threshold <= 1):
        raise InvalidInput("The least score is from 0 to 1.", "Choose such a number, or leave it out.")
    if limit is not None and not (type(limit) is int and limit >= 1):
        raise InvalidInput("The number of items is at least 1.", "Leave it out to tag all items.")
    return {"method": method, "engine": engine, "top_k": top_k, "threshold": threshold, "limit": limit}


def tag_entries(database: Database) -> list[TagEntry]:
    """The active vocabulary as the tagger may see it.

    Raises:
        InvalidInput: it is empty.
    """
    with database.read() as connection:
        tags = all_tags(connection)
    if not tags:
        raise InvalidInput(
            "The vocabulary is empty: there is nothing to choose from.",
            "Import a vocabulary first, or take a corpus' gold tags.",
        )
    return [TagEntry(str(tag.id), tag.name, tag.aliases, tag.description) for tag in tags]


def _row(suggestion: TagSuggestion) -> dict[str, Any]:
    evidence = [
        {
            "field": e.field,
            "passage": e.passage[:300],
            "start": e.start,
            "end": e.end,
            "match": e.match,
            "similarity": round(e.similarity, 4),
        }
        for e in suggestion.evidence
    ]
    return {
        "field": "tags",
        "tag": int(suggestion.tag_id),
        "score": round(float(suggestion.score), 6),
        "rank": suggestion.rank,
        "evidence": orjson.dumps(evidence).decode(),
        "validity": "valid",
    }


def _answer(tagger: SelectiveTagger, items: list[TaggableItem], top_k: int, threshold: float | None) -> list[Answer]:
    """Answers for a batch; an item that cannot be tagged fails alone."""
    try:
        tagged = tagger.tag([i.clues for i in items], top_k=top_k, threshold=threshold)
        return [Answer(i.pk, rows=[_row(s) for s in found]) for i, found in zip(items, tagged, strict=True)]
    except (ValueError, ArithmeticError, LookupError) as error:
        if len(items) == 1:
            return [Answer(items[0].pk, "failed", f"{type(error).__name__}: {error}"[:500])]
        return [answer for i in items for answer in _answer(tagger, [i], top_k, threshold)]


def _batches(items: Iterator[TaggableItem]) -> Iterator[list[TaggableItem]]:
    while batch := list(islice(items, BATCH)):
        yield batch


def tag_job(job: JobContext) -> dict[str, Any]:
    """Arguments: corpus (name or id), method, engine, top_k, threshold, limit.

    Result: {run, corpus, corpus_id, items, ok, invalid, refused, failed, suggestions, requests, tokens, cost}
    """
    request = check_request(job.arguments)
    database = job.database
    entries = tag_entries(database)
    with database.read() as connection:
        corpus = find_corpus(connection, job.arguments["corpus"])
    encoder = cached_encoder(job.host.settings)
    recipe = Recipe(
        task="tags",
        method=request["method"],
        engine=request["engine"],
        model=encoder.name,
        parameters={k: request[k] for k in ("top_k", "threshold", "limit")},
    )
    run_id = database.write(lambda c: start_run(c, corpus.pk, recipe, job.job.person, job.job.id))
    with database.read() as connection:
        done, position = answered(connection, run_id)
    total = _items(database, corpus, request["limit"])
    job.progress(done, total, force=True)
    job.log(f"{total} items, {len(entries)} tags, {encoder.name}")
    tagger = _prepared(job, database, corpus, entries, encoder, request["limit"])
    left = None if request["limit"] is None else request["limit"] - done
    pace = BulkPace(database)
    for batch in _batches(read_items(database, corpus, after=position, limit=left)):
        answers = _answer(tagger, batch, request["top_k"], request["threshold"])
        started = time.perf_counter()
        database.write(lambda c, a=answers: store_answers(c, run_id, a))  # type: ignore[misc]
        pace(time.perf_counter() - started)
        done += len(batch)
        job.progress(done, total)
    with database.read() as connection:
        counts = run_counts(connection, run_id)
    job.progress(done, total, force=True)
    job.log(f"{counts['suggestions']} suggestions for {counts['ok']} items, {counts['failed']} failed")
    named = {"run": str(run_id), "corpus": corpus.name, "corpus_id": corpus.id}
    return {**named, **counts, "requests": 0, "tokens": 0, "cost": 0}


def _items(database: Database, corpus: Corpus, limit: int | None) -> int:
    with database.read() as connection:
        items = sum(status_counts(connection, corpus.pk).values())
    return items if limit is None else min(limit, items)


def _prepared(
    job: JobContext,
    database: Database,
    corpus: Corpus,
    entries: list[TagEntry],
    encoder: TextEncoder,
    limit: int | None,
) -> SelectiveTagger:
    """The tagger with the corpus' unlabelled statistics; stored with the job, so that a resumed run answers
    exactly as the first attempt would have."""
    stored = job.folder / "tagger.json"
    if stored.exists():
        return SelectiveTagger.from_state(orjson.loads(stored.read_bytes()), encoder)
    tagger = SelectiveTagger(entries, encoder)
    # a run over few items must not read a whole corpus first; a full run reads these items anyway
    most = RUN_SAMPLE if limit is None else min(RUN_SAMPLE, max(LEAST_SAMPLE, 2 * limit))
    sample = sample_items(database, corpus, most)
    job.log(f"Reading how {len(sample)} items of “{corpus.name}” speak")
    tagger.prepare([i.clues for i in sample], progress=lambda: job.progress(job.done))
    _write_whole(stored, orjson.dumps(tagger.state()))
    return tagger


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def try_on_ten(database: Database, settings: Settings, corpus_name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a run would say of ten items, spread over the corpus; nothing is stored.

    Returns:
        {items: [{id, title, suggestions}], seconds_per_item, total_items, estimate_seconds, note}
    """
    request = check_request(arguments)
    entries = tag_entries(database)
    names = {entry.id: entry.name for entry in entries}
    with database.read() as connection:
        corpus = find_corpus(connection, corpus_name)
    encoder = cached_encoder(settings)
    sample = sample_items(database, corpus, TRY_SAMPLE)
    if not sample:
        raise InvalidInput(f"“{corpus.name}” has no items.", "Import some first.")
    chosen = sample[:: max(1, len(sample) // TRY_ITEMS)][:TRY_ITEMS]
    encoder.encode(["warm"])  # loading the model is paid once, not per item
    started = time.perf_counter()
    tagger = SelectiveTagger(entries, encoder)
    tagger.prepare([i.clues for i in sample])
    tagged = tagger.tag([i.clues for i in chosen], top_k=request["top_k"], threshold=request["threshold"])
    # a second try finds its vectors in the cache; the run will not, so the slowest try is what counts
    seconds = max((time.perf_counter() - started) / len(sample), _seconds_per_item.get(corpus.id, 0.0))
    _seconds_per_item[corpus.id] = seconds
    total = _items(database, corpus, request["limit"])
    model = find_model(settings.embedding_model, allow_downloads=settings.allow_downloads)
    return {
        "items": [
            {"id": i.id, "title": i.title, "suggestions": [_shown(s, names) for s in found]}
            for i, found in zip(chosen, tagged, strict=True)
        ],
        "seconds_per_item": seconds,
        "total_items": total,
        "estimate_seconds": seconds * total,
        "note": None if model.found else f"{model.reason} {model.remedy}",
    }


def _shown(suggestion: TagSuggestion, names: dict[str, str]) -> dict[str, Any]:
    row = _row(suggestion)
    return {
        "tag": suggestion.tag_id,
        "name": names[suggestion.tag_id],
        "score": row["score"],
        "rank": row["rank"],
        "agent": "S",
        "method": "selective",
        "evidence": orjson.loads(row["evidence"]),
    }

"""The builtin selective tagger over a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from core.corpora.clues import TaggableItem, sample_items
from core.store.runs import Answer
from core.tagging.job import TagRun, each_alone, run_batches
from core.tagging.selective import SelectiveTagger, TagSuggestion
from core.vocabulary.entries import TagEntry

RUN_SAMPLE = 5000
LEAST_SAMPLE = 400


def run_selective(run: TagRun) -> None:
    """Tag every item by choosing from the vocabulary."""
    run.start(run.encoder.name)
    request = run.request

    def prepare() -> Any:
        tagger = prepared_tagger(run)

        def answer(items: list[TaggableItem]) -> list[Answer]:
            tagged = tagger.tag([i.clues for i in items], top_k=request.top_k, threshold=request.threshold)
            return [Answer(i.pk, rows=[row_of(s) for s in found]) for i, found in zip(items, tagged, strict=True)]

        return lambda items: each_alone(answer, items)

    run_batches(run, prepare)


def prepared_tagger(run: TagRun) -> SelectiveTagger:
    """The tagger with the corpus' unlabelled statistics; stored with the job, so that a resumed run answers
    exactly as the first attempt would have."""
    job, limit = run.job, run.request.limit
    stored = job.folder / "tagger.json"
    if stored.exists():
        return SelectiveTagger.from_state(orjson.loads(stored.read_bytes()), run.encoder)
    tagger = SelectiveTagger(run.entries, run.encoder)
    sample = sample_items(run.database, run.corpus, sample_size(limit))
    job.log(f"Reading how {len(sample)} items of “{run.corpus.name}” speak")
    tagger.prepare([i.clues for i in sample], progress=lambda: job.progress(job.done))
    write_whole(stored, orjson.dumps(tagger.state()))
    return tagger


def sample_size(limit: int | None) -> int:
    """Items from which a run learns how a corpus speaks. A run over few items must not read a whole corpus first;
    a full run reads these items anyway."""
    return RUN_SAMPLE if limit is None else min(RUN_SAMPLE, max(LEAST_SAMPLE, 2 * limit))


def frozen_entries(run: TagRun) -> list[TagEntry]:
    """The vocabulary as it was when the run began; stored with the job."""
    stored = run.job.folder / "vocabulary.json"
    if stored.exists():
        found = orjson.loads(stored.read_bytes())
        return [TagEntry(id_, name, tuple(aliases), about) for id_, name, aliases, about in found]
    tags = [[tag.id, tag.name, list(tag.aliases), tag.description] for tag in run.entries]
    write_whole(stored, orjson.dumps(tags))
    return run.entries


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is either there whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def row_of(suggestion: TagSuggestion) -> dict[str, Any]:
    """A suggestion as the store has it."""
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

"""The builtin generative tagger over a corpus: keyphrases, matched to the vocabulary."""

from __future__ import annotations

from typing import Any

import orjson

from core.corpora.clues import TaggableItem, sample_items
from core.store.runs import Answer
from core.tagging.generative import BuiltinGenerative
from core.tagging.job import TagRun, each_alone, run_batches
from core.tagging.selective_run import frozen_entries, sample_size, write_whole
from core.vocabulary.keyphrases import KeyphraseExtractor
from core.vocabulary.matching import MEANING, TagMatcher


def run_generative(run: TagRun) -> None:
    """Tag every item with keyphrases of its own."""
    run.start(run.encoder.name)

    def prepare() -> Any:
        tagger = prepared_generative(run)

        def answer(items: list[TaggableItem]) -> list[Answer]:
            return tagger.answers(items, run.request.top_k)

        return lambda items: each_alone(answer, items)

    run_batches(run, prepare)


def prepared_generative(run: TagRun) -> BuiltinGenerative:
    """The tagger; what it has learned of the corpus, and the vocabulary it matches to, are stored with the job."""
    job, stored = run.job, run.job.folder / "keyphrases.json"
    if stored.exists():
        extractor = KeyphraseExtractor.from_state(orjson.loads(stored.read_bytes()), run.encoder)
    else:
        extractor = KeyphraseExtractor(run.encoder)
        sample = sample_items(run.database, run.corpus, sample_size(run.request.limit))
        job.log(f"Reading how {len(sample)} items of “{run.corpus.name}” speak")
        extractor.prepare((i.clues for i in sample), progress=lambda: job.progress(job.done))
        write_whole(stored, orjson.dumps(extractor.state()))
    threshold = MEANING if run.request.threshold is None else run.request.threshold
    return BuiltinGenerative(extractor, TagMatcher(frozen_entries(run), run.encoder, threshold))

"""The tagging job: a method (selective, generative) by an engine (builtin, openai) over a corpus, in batches that
can be stopped and resumed. Which method and engine does what stands in the files that this one chooses from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from core.corpora.catalog import Corpus, find_corpus, status_counts
from core.corpora.clues import TaggableItem, read_items
from core.embedding.service import cached_encoder
from core.embedding.vectors import TextEncoder
from core.engines.prompting.prompts import Prompt
from core.jobs.context import JobContext
from core.review.agreement import update_agreement
from core.store.database import BulkPace, Database
from core.store.runs import Answer, Recipe, answered, flag_counts, note_spent, run_counts, start_run, store_answers
from core.tagging.request import TagRequest, check_request, request_of, tag_entries
from core.vocabulary.entries import TagEntry

__all__ = ["check_request", "tag_entries", "tag_job"]

BATCH = 32


@dataclass
class TagRun:
    """A run under way: what every method needs.

    Attributes:
        total: items that the run is about.
        done: items answered so far, earlier attempts included.
        spent: what all attempts of the job have used, for its result.
    """

    job: JobContext
    database: Database
    corpus: Corpus
    request: TagRequest
    entries: list[TagEntry]
    encoder: TextEncoder
    id: int = 0
    total: int = 0
    done: int = 0
    spent: dict[str, Any] = field(default_factory=lambda: {"requests": 0, "tokens": 0, "cost": 0})
    live: Callable[[], dict[str, Any]] | None = None  # what has been spent by now, while an engine answers
    _pace: BulkPace | None = None

    def start(self, model: str, prompt: Prompt | None = None) -> None:
        """Write the run down, or find it again when the job goes on."""
        recipe = Recipe(
            task="tags",
            method=self.request.method,
            engine=self.request.engine.engine,
            model=model,
            parameters=self.request.parameters(),
            prompt=prompt.name if prompt else None,
            prompt_hash=prompt.hash if prompt else None,
        )
        job = self.job.job
        self.id = self.database.write(lambda c: start_run(c, self.corpus.pk, recipe, job.person, job.id))
        self.job.log(f"{self.total} items, {len(self.entries)} tags, {model}")

    def store(self, answers: list[Answer]) -> None:
        """Store a batch of answers and report.

        Raises:
            JobCancelled: a person has asked the job to stop; the batch is stored.
        """
        self.keep(answers)
        self.report()

    def report(self, *, force: bool = False) -> None:
        """Report how far the run is, and what it has spent.

        Raises:
            JobCancelled: a person has asked the job to stop.
        """
        self.job.progress(self.done, self.total, force=force, spent=self.live)

    def keep(self, answers: list[Answer]) -> None:
        """Store a batch of answers and what follows from them."""
        if not answers:
            return

        def write(connection: Any) -> None:
            store_answers(connection, self.id, answers)
            update_agreement(connection, [answer.item for answer in answers])

        self._pace = self._pace or BulkPace(self.database)
        started = time.perf_counter()
        self.database.write(write)
        self._pace(time.perf_counter() - started)
        self.done += len(answers)

    def note(self, spent: dict[str, Any]) -> None:
        """Keep what the run has spent."""
        self.database.write(lambda c: note_spent(c, self.id, spent))


def tag_job(job: JobContext) -> dict[str, Any]:
    """Arguments: corpus (name or id), method, engine (with base_url, model), top_k, threshold, limit, samples,
    use_case, language.

    Result: {run, job, corpus, corpus_id, items, ok, invalid, refused, failed, suggestions, flags: {flag: items},
        requests, tokens, cost; of a model as `core.engines.money.spending.Meter.total`}
    """
    request = request_of(job.arguments)
    database = job.database
    entries = tag_entries(database, needed=request.method == "selective")
    with database.read() as connection:
        corpus = find_corpus(connection, job.arguments["corpus"])
    run = TagRun(job, database, corpus, request, entries, cached_encoder(job.host.settings))
    run.total = items_of(database, corpus, request.limit)
    _runner(request)(run)
    with database.read() as connection:
        counts = run_counts(connection, run.id)
        flags = flag_counts(connection, run.id)
    run.report(force=True)
    states = ", ".join(f"{counts[state]} {state}" for state in ("failed", "invalid", "refused") if counts[state])
    job.log(f"{counts['suggestions']} suggestions for {counts['ok']} items{f'; {states}' if states else ''}")
    if flags:
        job.log(f"Odd on the way: {', '.join(f'{n:,} {flag}' for flag, n in flags.items())}")
    named = {"run": str(run.id), "job": job.job.id, "corpus": corpus.name, "corpus_id": corpus.id}
    return {**named, **counts, "flags": flags, **run.spent}


def _runner(request: TagRequest) -> Callable[[TagRun], None]:
    if request.by_model:
        from core.tagging.llm import run_by_model

        return run_by_model
    if request.method == "generative":
        from core.tagging.generative_run import run_generative

        return run_generative
    from core.tagging.selective_run import run_selective

    return run_selective


def items_of(database: Database, corpus: Corpus, limit: int | None) -> int:
    """How many items a run over the corpus is about."""
    with database.read() as connection:
        items = sum(status_counts(connection, corpus.pk).values())
    return items if limit is None else min(limit, items)


def run_batches(run: TagRun, prepare: Callable[[], Callable[[list[TaggableItem]], list[Answer]]]) -> None:
    """A run by an engine of this machine: item by item in order; it goes on after the last one answered.

    Args:
        prepare: makes what answers a batch, once the run is written down and its first progress shown.
    """
    with run.database.read() as connection:
        run.done, position = answered(connection, run.id)
    run.job.progress(run.done, run.total, force=True)
    answer = prepare()
    left = None if run.request.limit is None else run.request.limit - run.done
    items = read_items(run.database, run.corpus, after=position, limit=left)
    for batch in _batches(items):
        run.store(answer(batch))


def _batches(items: Iterator[TaggableItem]) -> Iterator[list[TaggableItem]]:
    while batch := list(islice(items, BATCH)):
        yield batch


def each_alone(answer: Callable[[list[TaggableItem]], list[Answer]], items: list[TaggableItem]) -> list[Answer]:
    """Answers for a batch; an item that cannot be tagged fails alone."""
    try:
        return answer(items)
    except (ValueError, ArithmeticError, LookupError) as error:
        if len(items) == 1:
            return [Answer(items[0].pk, "failed", f"{type(error).__name__}: {error}"[:500])]
        return [found for item in items for found in each_alone(answer, [item])]

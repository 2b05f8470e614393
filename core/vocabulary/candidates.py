"""Candidate tags for a vocabulary: what an engine or the builtin keyphrases say of each item, stored as suggestions of
a run, so that a build that goes on, or begins again at a later stage, asks for nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from core.corpora.catalog import Corpus
from core.corpora.clues import TaggableItem, read_items, sample_items
from core.embedding.service import cached_encoder
from core.engines import Call, EngineOptions, Outcome, connect
from core.engines.calls import flags_of
from core.engines.connecting.keys import ENGINE_KEY
from core.engines.money.spending import Meter
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_job
from core.engines.prompting.prompts import Prompt
from core.errors import JobCancelled
from core.jobs.context import JobContext
from core.store.database import BulkPace, Database
from core.store.runs import Answer, Recipe, answered_items, note_spent, spent_of, start_run, store_answers
from core.vocabulary.names import name_key

TASK = "candidates"
FIELD = "candidates"
BATCH = 32
SAMPLE = 5000  # items that the builtin engine learns the corpus' ways of speaking from
MOST_PER_ITEM = 8
LONGEST_SAID = 400


def recipe_of(options: EngineOptions, model: str, parameters: dict[str, Any], prompt: Prompt | None) -> Recipe:
    """The run's recipe; for an engine with the prompt that asks for free tags."""
    if prompt is None:
        return Recipe(TASK, "keyphrases", "builtin", model, parameters)
    return Recipe(
        TASK, "free-tags", options.engine, options.model, parameters, prompt=prompt.name, prompt_hash=prompt.hash
    )


class CandidateRun:
    """The candidates of a build: `gather` goes on where an earlier attempt of the same job stopped."""

    def __init__(self, job: JobContext, corpus: Corpus, options: EngineOptions, request: dict[str, Any]) -> None:
        self.job = job
        self.database: Database = job.database
        self.corpus = corpus
        self.options = options
        self.request = request
        model = options.model or cached_encoder(job.host.settings).name
        parameters = {n: request[n] for n in ("samples", "use_case", "language", "limit")}
        self.prompt: Prompt | None = None
        if options.engine != "builtin":
            from core.vocabulary.free_tags import PROMPT

            self.prompt = of_job(self.database, PROMPT, job.job.id)
        recipe = recipe_of(options, model, parameters, self.prompt)
        self.run: int = self.database.write(lambda c: start_run(c, corpus.pk, recipe, job.job.person, job.job.id))
        with self.database.read() as connection:
            self.known = answered_items(connection, self.run)
            self._before = spent_of(connection, self.run)
        self.done = len(self.known)
        self.requests = {name: self._before.get(name, 0) for name in ("requests", "cached")}  # of all attempts
        self._pace = BulkPace(self.database)

    def gather(self, total: int) -> None:
        """Ask about every item that is not answered yet.

        Raises:
            JobCancelled: a person has asked the job to stop; what was paid for is stored.
            EngineError: the server cannot answer any question.
        """
        self.total = total
        self.job.progress(self.done, total, force=True)
        if self.options.engine == "builtin":
            self._keyphrases()
        else:
            self._ask()
        self.job.progress(self.done, total, force=True)

    def _items(self) -> Iterator[TaggableItem]:
        for item in read_items(self.database, self.corpus, limit=self.request["limit"]):
            if item.pk not in self.known:
                yield item

    def _store(self, answers: list[Answer]) -> None:
        if not answers:
            return
        import time

        started = time.perf_counter()
        self.database.write(lambda c: store_answers(c, self.run, answers))
        self._pace(time.perf_counter() - started)
        self.done += len(answers)

    # builtin

    def _keyphrases(self) -> None:
        extractor = self._extractor()
        items = self._items()
        while batch := list(islice(items, BATCH)):
            found = extractor.extract([item.clues for item in batch], top_k=MOST_PER_ITEM)
            self._store(
                [
                    Answer(item.pk, rows=[_row(p.text, p.score, rank, 1, 1) for rank, p in enumerate(phrases, start=1)])
                    for item, phrases in zip(batch, found, strict=True)
                ]
            )
            self.job.progress(self.done, self.total)

    def _extractor(self) -> Any:
        """The extractor with the corpus' statistics, stored with the job so that a resumed one answers alike."""
        from core.vocabulary.keyphrases import KeyphraseExtractor

        encoder = cached_encoder(self.job.host.settings)
        stored = self.job.folder / "keyphrases.json"
        if stored.exists():
            return KeyphraseExtractor.from_state(orjson.loads(stored.read_bytes()), encoder)
        extractor = KeyphraseExtractor(encoder)
        sample = sample_items(self.database, self.corpus, SAMPLE)
        self.job.log(f"Reading how {len(sample):,} items of “{self.corpus.name}” speak")
        extractor.prepare((item.clues for item in sample), progress=lambda *_: self.job.progress(self.job.done))
        write_whole(stored, orjson.dumps(extractor.state()))
        return extractor

    # a language model

    def _ask(self) -> None:
        from core.vocabulary.free_tags import free_tag_calls

        prompt = self.prompt
        assert prompt is not None
        samples = self.request["samples"]
        key = self.job.secrets.get(ENGINE_KEY)
        engine = connect(self.job.host, self.options, key, self.database, job=self.job.job.id)
        fitter = Fitter.of(self.job.host, engine.endpoint, engine.model)
        meter = Meter(self.database, self.job.job.id, engine, self._before, samples)
        finished: list[Answer] = []
        waiting: dict[int, list[Outcome]] = {}
        stopped: list[JobCancelled] = []

        def beat() -> bool:
            """Report, also while everybody waits for the server; True once a person has asked the job to stop."""
            done = self.done + len(finished)
            try:
                if not stopped:
                    self.job.progress(done, self.total, spent=lambda: meter.live(done, self.total))
            except JobCancelled as error:
                stopped.append(error)
            return bool(stopped)

        def calls() -> Iterator[Call]:
            for item in self._items():
                made = list(
                    free_tag_calls(
                        [item],
                        prompt,
                        samples,
                        use_case=self.request["use_case"],
                        language=self.request["language"],
                        fitter=fitter,
                    )
                )
                if not made:
                    finished.append(Answer(item.pk))  # an item without text
                yield from made

        try:
            for outcome in engine.answers(calls(), stop=beat):
                pk = outcome.call.key[0]  # type: ignore[index]
                outcomes = waiting.setdefault(pk, [])
                outcomes.append(outcome)
                if len(outcomes) == samples:
                    finished.append(answer_of(pk, waiting.pop(pk)))
                if len(finished) >= BATCH:
                    self._store(finished)
                    finished.clear()
                beat()
        finally:
            self._store(finished)
            engine.close()
            spent = meter.total()
            self.requests = {name: spent[name] for name in ("requests", "cached")}
            self.database.write(lambda c: note_spent(c, self.run, spent))
            for sentence in fitter.told():
                self.job.log(sentence)
        if stopped:
            raise stopped[0]
        self.job.progress(self.done, self.total, force=True, spent=lambda: meter.live(self.done, self.total))


def answer_of(pk: int, outcomes: list[Outcome]) -> Answer:
    """What the samples of one item say together: each candidate once, with the samples that named it as its votes."""
    from core.vocabulary.free_tags import read_free_tags

    votes: Counter[str] = Counter()
    said: dict[str, str] = {}
    refused, problems, faults = 0, [], []
    replies = {}
    odd: list[str] = []
    ordered = sorted(outcomes, key=lambda outcome: outcome.call.key[1])  # type: ignore[index]
    for sample, outcome in enumerate(ordered):
        if outcome.reply is not None:
            replies[sample] = outcome.reply.id
        parsed = read_free_tags(outcome)
        refused += parsed.refused
        odd += parsed.flags
        if outcome.error is not None and not parsed.refused:
            faults.append(outcome.error.message)
        elif parsed.problem:
            problems.append(parsed.problem)
        keys = list(dict.fromkeys(name_key(text) for text in parsed.tags))
        for text in parsed.tags:
            said.setdefault(name_key(text), text)
        votes.update(keys)
    ranked = sorted(votes, key=lambda key: -votes[key])  # stable: among equals, as the first sample said them
    rows = [
        _row(said[key], votes[key] / len(outcomes), rank, votes[key], len(outcomes))
        for rank, key in enumerate(ranked, start=1)
    ]
    flags = flags_of(ordered, odd)
    if rows:
        note = f"{len(faults)} of {len(outcomes)} samples failed: {faults[0]}" if faults else None
        return Answer(pk, "ok", note, rows, replies, flags)
    if faults:
        return Answer(pk, "failed", faults[0], replies=replies)
    if refused:
        return Answer(pk, "refused", "The model would not answer.", replies=replies, flags=flags)
    problem = problems[0] if problems else None
    return Answer(pk, "invalid" if problems else "ok", problem, replies=replies, flags=flags)


def _row(text: str, score: float, rank: int, votes: int, samples: int) -> dict[str, Any]:
    return {
        "field": FIELD,
        "tag": None,
        "value": text[:LONGEST_SAID].replace("\0", ""),
        "score": round(float(score), 6),
        "rank": rank,
        "evidence": "[]",
        "validity": "valid",
        "detail": orjson.dumps({"votes": votes, "samples": samples}).decode(),
    }


def write_whole(path: Path, content: bytes) -> None:
    """A file that is either whole or not there."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)

"""The captioning job: four styles of captions for the pieces of a music corpus, by the builtin writer or a language
model, in batches that can be stopped and resumed. A job has one run for each style."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from core.captions.builtin import PREDICTING, BuiltinWriter, learned_from
from core.captions.candidates import Openers
from core.captions.checks import CheckOptions
from core.captions.items import MusicReader, music_corpus
from core.captions.music_llm import Judge, MusicLLM, Unit
from core.captions.names import NameIndex
from core.captions.planning import Plan, plan_of
from core.captions.projection import Caption, project
from core.captions.request import CaptionRequest, Controls, request_of
from core.captions.styles import field_of
from core.corpora.catalog import Corpus
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_job
from core.engines.prompting.prompts import Prompt
from core.jobs.context import JobContext
from core.store.database import BulkPace, Database
from core.store.runs import (
    STATES,
    Recipe,
    answered_items,
    flag_counts,
    note_spent,
    run_counts,
    spent_of,
    start_run,
    store_answers,
)
from core.store.schema import item_caption, suggestion
from core.tagging.asking import ask_about

TASK = "captions"
UNIT = "captions"  # what a job's progress counts
BATCH = 64  # captions by the builtin writer that are stored together
VERDICTS = ("pass", "warn", "fail", "none")


@dataclass
class CaptionRun:
    """A captioning job under way; see `core.tagging.asking.ModelRun`.

    Attributes:
        runs: the run of each style.
        known: the items that each style's run has answered.
        total: captions that the job is about; `done` of them are there, earlier attempts included.
        spent: what all attempts of the job have used, for its result.
    """

    job: JobContext
    database: Database
    corpus: Corpus
    request: CaptionRequest
    reader: MusicReader
    judge: Judge
    plan: Plan
    runs: dict[str, int] = field(default_factory=dict)
    known: dict[str, set[int]] = field(default_factory=dict)
    openers: dict[str, Openers] = field(default_factory=dict)
    total: int = 0
    done: int = 0
    spent: dict[str, Any] = field(default_factory=lambda: {"requests": 0, "tokens": 0, "cost": 0})
    live: Callable[[], dict[str, Any]] | None = None
    _pace: BulkPace | None = None

    def start(self, model: str, prompts: dict[str, Prompt]) -> None:
        """Write the runs down, or find them again when the job goes on."""
        job, request = self.job.job, self.request

        def write(connection: Connection) -> dict[str, int]:
            runs = {}
            for style in request.styles:
                prompt = prompts.get(style)
                recipe = Recipe(
                    task=TASK,
                    method=style,
                    engine=request.engine.engine,
                    model=model,
                    parameters=request.parameters(),
                    prompt=prompt.name if prompt else None,
                    prompt_hash=prompt.hash if prompt else None,
                )
                runs[style] = start_run(connection, self.corpus.pk, recipe, job.person, job.id)
            return runs

        self.runs = self.database.write(write)
        with self.database.read() as connection:
            self.known = {style: answered_items(connection, run) for style, run in self.runs.items()}
            self.openers = {style: Openers(_chosen(connection, run)) for style, run in self.runs.items()}
        self.done = sum(len(known) for known in self.known.values())
        self.job.log(f"{self.total:,} captions ({request.title}) for “{self.corpus.name}”")

    def left(self) -> Iterator[Unit]:
        """What has no answer yet."""
        return (u for u in self.plan.units(self.reader) if u.item.pk not in self.known[u.style])

    def report(self, *, force: bool = False) -> None:
        """Report how far the job is, and what it has spent.

        Raises:
            JobCancelled: a person has asked the job to stop.
        """
        self.job.progress(self.done, self.total, force=force, spent=self.live)

    def keep(self, captions: list[Caption]) -> None:
        """Store captions, and show them as the newest ones."""
        if not captions:
            return
        by_style: dict[str, list[Caption]] = {}
        for caption in captions:
            by_style.setdefault(caption.style, []).append(caption)

        def write(connection: Connection) -> None:
            for style, mine in by_style.items():
                store_answers(connection, self.runs[style], [caption.answer for caption in mine])
                project(connection, self.corpus.pk, self.runs[style], mine)

        self._pace = self._pace or BulkPace(self.database)
        started = time.perf_counter()
        self.database.write(write)
        self._pace(time.perf_counter() - started)
        self.done += len(captions)

    def note(self, spent: dict[str, Any]) -> None:
        """Keep what the job has spent, with the first of its runs: one engine wrote all styles."""
        self.database.write(lambda c: note_spent(c, next(iter(self.runs.values())), spent))


def caption_job(job: JobContext) -> dict[str, Any]:
    """Arguments: corpus (name or id), and a request as `core.captions.request.check_request` has it, with base_url
    and model of the engine.

    Result: {job, corpus, corpus_id, runs: {style: run}, items (captions that the job was about), ok, invalid, refused,
        failed, flags, verdicts: {style: {pass, warn, fail, none}}, left_out, requests, tokens, cost; of a model as
        `core.engines.money.spending.Meter.total`}
    """
    request = request_of(job.arguments)
    database = job.database
    corpus = music_corpus(database, str(job.arguments["corpus"]))
    run = prepared(job, database, corpus, request)
    if request.by_model:
        _by_model(run)
    else:
        _by_builtin(run)
    run.report(force=True)
    return _result(run)


def prepared(job: JobContext, database: Database, corpus: Corpus, request: CaptionRequest) -> CaptionRun:
    """A job's run, with what it is about; which captions these are is written down, so that a resumed job goes on
    with them."""
    reader = MusicReader(database, corpus)
    with database.read() as connection:
        names = NameIndex.of(connection, corpus)
    judge = Judge(names, check_options(request.controls))
    plan = plan_of(database, corpus, request, reader, job.folder)
    run = CaptionRun(job, database, corpus, request, reader, judge, plan, total=plan.total)
    for sentence in plan.told():
        job.log(sentence)
    return run


def check_options(controls: Controls) -> CheckOptions:
    """How the checks judge captions that were written as the controls say."""
    return CheckOptions(
        banned=controls.banned,
        words=controls.words,
        language=controls.language,
        hype=controls.tone != "marketing",
    )


def _by_model(run: CaptionRun) -> None:
    request = run.request
    prompts = {style: of_job(run.database, request.prompt(style), run.job.job.id) for style in request.styles}
    run.start(request.engine.model, prompts)
    with run.database.read() as connection:
        before = spent_of(connection, next(iter(run.runs.values())))

    def method(fitter: Fitter) -> MusicLLM:
        return MusicLLM(request, prompts, run.judge, run.database, run.openers, fitter)

    ask_about(run, before, method, run.left, UNIT)


def _by_builtin(run: CaptionRun) -> None:
    run.start("builtin", {})
    run.report(force=True)
    counts = learned_from(run.reader, run.job.folder) if PREDICTING in run.request.styles else None
    writer = BuiltinWriter(run.request, run.judge, counts, run.openers)
    if run.request.controls.as_dict().keys() & {"tone", "tense", "language", "length"}:
        run.job.log("The builtin writer keeps to its own length, tone and tense, and writes English")
    for batch in _batches(run.left()):
        run.keep([writer.caption(unit) for unit in batch])
        run.report()


def _batches(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    batch: list[Unit] = []
    for unit in units:
        batch.append(unit)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _chosen(connection: Connection, run: int) -> Iterator[str]:
    """The captions that a run has chosen so far."""
    query = select(suggestion.c.value).where(suggestion.c.run == run, suggestion.c.rank == 1).order_by(suggestion.c.pk)
    return (str(text) for text in connection.execute(query.execution_options(yield_per=1000)).scalars())


def _result(run: CaptionRun) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    verdicts: dict[str, dict[str, int]] = {}
    with run.database.read() as connection:
        for style, id_ in run.runs.items():
            found = run_counts(connection, id_)
            counts.update(found)
            flags.update(flag_counts(connection, id_))
            verdicts[style] = _verdicts(connection, run.corpus.pk, id_, style, found)
    for style, said in verdicts.items():
        run.job.log(f"{style}: {', '.join(f'{said[name]:,} {name}' for name in VERDICTS if said[name]) or 'nothing'}")
    states = ", ".join(f"{counts[state]:,} {state}" for state in ("failed", "invalid", "refused") if counts[state])
    run.job.log(f"{counts['ok']:,} captions{f'; {states}' if states else ''}")
    if flags:
        run.job.log(f"Odd on the way: {', '.join(f'{n:,} {flag}' for flag, n in flags.most_common())}")
    named = {"job": run.job.job.id, "corpus": run.corpus.name, "corpus_id": run.corpus.id}
    return {
        **named,
        "runs": {style: str(id_) for style, id_ in run.runs.items()},
        "items": counts["items"],
        **{state: counts[state] for state in STATES},
        "suggestions": counts["suggestions"],
        "flags": dict(flags.most_common()),
        "verdicts": verdicts,
        "left_out": run.plan.left_out,
        **run.spent,
    }


def _verdicts(connection: Connection, corpus: int, run: int, style: str, counts: dict[str, int]) -> dict[str, int]:
    """How many of a run's captions pass, warn and fail, of those that are still the newest; `none`: items that have
    no caption."""
    where = (item_caption.c.corpus == corpus, item_caption.c.field == field_of(style), item_caption.c.run == run)
    query = select(item_caption.c.verdict, func.count()).where(*where).group_by(item_caption.c.verdict)
    found: dict[str, int] = {verdict: int(n) for verdict, n in connection.execute(query)}
    return {**{name: found.get(name, 0) for name in VERDICTS[:3]}, "none": counts["items"] - counts["ok"]}

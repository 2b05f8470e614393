"""A tagging run by a language model: questions out, answers in, every item with a state that can be traced.

Items are asked about in any order and stored in batches. What failed is asked again when the run is resumed; what
is answered is never paid for again, because the engine finds it among the stored replies.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, cast

from core.corpora.clues import TaggableItem, read_items
from core.engines import connect
from core.engines.calls import Call, Engine, Outcome
from core.engines.connecting.keys import ENGINE_KEY
from core.engines.money.spending import Meter, Purse, limits_for
from core.engines.prompting.fitting import Fitter
from core.engines.prompting.prompt_copies import of_job
from core.engines.prompting.prompts import Prompt
from core.errors import EngineError
from core.store.runs import Answer, answered_items, note_spent, spent_of
from core.tagging.batching import hand_in, stored_only
from core.tagging.job import BATCH, TagRun
from core.tagging.selective_run import frozen_entries
from core.vocabulary.free_tags import PROMPT

PROMPTS = {"selective": "select-tags", "generative": PROMPT}
STORE_SECONDS = 2.0  # answers wait at most so long to be stored and seen


@dataclass(frozen=True, slots=True)
class Asked:
    """An item with what became of its questions, by sample."""

    item: TaggableItem
    outcomes: tuple[Outcome, ...]

    @property
    def replies(self) -> dict[int, int]:
        return {o.call.request.sample: o.replies[-1] for o in self.outcomes if o.replies}


class Method(Protocol):
    """What is asked about an item, and what the answers say."""

    def calls(self, items: Iterable[TaggableItem]) -> Iterator[Call]:
        """Questions under the key (item's pk, sample), one item after another."""

    def answers(self, asked: list[Asked]) -> list[Answer]:
        """What a run says of items whose questions have all come back."""


def method_of(run: TagRun, prompt: Prompt, fitter: Fitter) -> Method:
    """The method that the run's request names, ready to ask."""
    if run.request.method == "generative":
        from core.tagging.generative_llm import GenerativeLLM

        return GenerativeLLM(run.request, frozen_entries(run), run.encoder, prompt, fitter)
    from core.tagging.selective_llm import prepared_method

    return prepared_method(run, prompt, fitter)


def run_by_model(run: TagRun) -> None:
    """Ask about every item that has no answer yet."""
    request, job = run.request, run.job
    prompt = of_job(run.database, PROMPTS[request.method], job.job.id)
    run.start(request.engine.model, prompt)
    with run.database.read() as connection:
        known, before = answered_items(connection, run.id), spent_of(connection, run.id)
    purse = Purse.of(request.budget, before)
    engine = connect(
        job.host,
        request.engine,
        job.secrets.get(ENGINE_KEY),
        run.database,
        limits_for(job.host, request.engine, purse.cap),
        job=job.job.id,
    )
    fitter = Fitter.of(job.host, engine.endpoint, engine.model)
    meter = Meter(run.database, job.job.id, engine, before, request.samples)
    run.live = lambda: meter.live(run.done, run.total)
    try:
        run.done = len(known)
        run.report(force=True)
        method = method_of(run, prompt, fitter)
        stop = hand_in(run, engine, method.calls, lambda: _left(run, known), meter, purse) if request.batch else None
        _Asking(run, engine, method, only_stored=stop is not None).all(_left(run, known))
        if stop is not None:
            raise stop
    except EngineError as error:
        if error.kind != "budget" or request.budget is None:
            raise
        purse = purse.refilled()
        message = f"{error.message} {run.done:,} of {run.total:,} items are answered, and kept."
        remedy = f"Resume spends up to ${request.budget:f} more; or start it anew with another limit."
        raise EngineError(message, remedy, error.kind) from error
    finally:
        engine.close()
        run.spent = {**meter.total(), **purse.kept()}
        run.database.write(lambda c: note_spent(c, run.id, run.spent))
        for sentence in fitter.told():
            job.log(sentence)
        if engine.spent.requests or engine.spent.cached:
            job.log(f"{engine.spent.requests} requests, {engine.spent.cached} answers that were there already")


def _left(run: TagRun, known: set[int]) -> Iterator[TaggableItem]:
    return (i for i in read_items(run.database, run.corpus, limit=run.request.limit) if i.pk not in known)


class _Asking:
    """Matches answers to their items and stores them in batches."""

    def __init__(self, run: TagRun, engine: Engine, method: Method, *, only_stored: bool = False) -> None:
        self.run = run
        self.engine = engine
        self.method = method
        self.only_stored = only_stored
        self._open: dict[int, TaggableItem] = {}
        self._came: dict[int, dict[int, Outcome]] = {}
        self._ready: list[Asked] = []
        self._silent: list[Answer] = []
        self._stored = time.monotonic()
        self._noted = 0

    def all(self, items: Iterator[TaggableItem]) -> None:
        """Ask about every item. Whatever ends this early, what is answered by then is kept."""
        try:
            calls = self.method.calls(self._with_text(items))
            if self.only_stored:
                calls = stored_only(self.run.database, calls, self.engine.endpoint, self.engine.model)
            with closing(self.engine.answers(calls, stop=self._beat)) as outcomes:
                for outcome in outcomes:
                    self._take(outcome)
                    self._beat()
        except BaseException:
            self.run.keep(self._answers())
            raise
        self.run.store(self._answers())

    def _beat(self) -> bool:
        """Store what is due and report, also while everybody waits for the server; never a wish to stop: a cancelled
        job leaves by an error, and what is paid for then is kept by the engine.

        Raises:
            JobCancelled: a person has asked the job to stop.
        """
        self._tell()
        if self._due():
            self.run.store(self._answers())
        else:
            self.run.report()
        return False

    def _with_text(self, items: Iterator[TaggableItem]) -> Iterator[TaggableItem]:
        for item in items:
            if any(clue.text.strip() for clue in item.clues):
                self._open[item.pk] = item
                yield item
            else:
                self._silent.append(Answer(item.pk, error="The item has no text."))

    def _take(self, outcome: Outcome) -> None:
        pk, sample = cast("tuple[int, int]", outcome.call.key)
        outcomes = self._came.setdefault(pk, {})
        outcomes[sample] = outcome
        if len(outcomes) == self.run.request.samples:
            del self._came[pk]
            self._ready.append(Asked(self._open.pop(pk), tuple(outcomes[s] for s in sorted(outcomes))))

    def _due(self) -> bool:
        waiting = len(self._ready) + len(self._silent)
        return waiting >= BATCH or (waiting > 0 and time.monotonic() - self._stored > STORE_SECONDS)

    def _answers(self) -> list[Answer]:
        ready, silent = self._ready, self._silent
        self._ready, self._silent, self._stored = [], [], time.monotonic()
        return [*silent, *(self.method.answers(ready) if ready else [])]

    def _tell(self) -> None:
        for note in self.engine.spent.notes[self._noted :]:
            self.run.job.log(note)
        self._noted = len(self.engine.spent.notes)


def state_of(asked: Asked, usable: int, refused: int, problems: list[str]) -> tuple[str, str | None]:
    """(state, what to tell) of an item, from how its samples went: one usable answer is enough."""
    faults = [o.error.message for o in asked.outcomes if o.error is not None and o.error.kind != "refused"]
    n = len(asked.outcomes)
    if usable:
        if usable == n:
            return "ok", None
        why = (faults or problems or ["the model would not answer"])[0]
        return "ok", f"{n - usable} of {n} samples have no answer: {why}"[:500]
    if faults:
        return "failed", faults[0][:500]
    if refused:
        return "refused", "The model would not answer."
    return "invalid", f"The answer could not be used: {(problems or ['it is not understood'])[0]}"[:500]

"""A tagging run by a language model: questions out, answers in, every item with a state that can be traced.

Items are asked about in any order and stored in batches. What failed is asked again when the run is resumed; what
is answered is never paid for again, because the engine finds it among the stored replies.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, cast

from core.corpora.clues import TaggableItem, read_items
from core.engines import connect
from core.engines.calls import Call, Engine, Outcome, Spent
from core.engines.cost import price_of
from core.engines.keys import ENGINE_KEY
from core.engines.prompts import load
from core.store.runs import Answer, answered_items
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


def method_of(run: TagRun) -> Method:
    """The method that the run's request names, ready to ask."""
    if run.request.method == "generative":
        from core.tagging.generative_llm import GenerativeLLM

        return GenerativeLLM(run.request, frozen_entries(run), run.encoder)
    from core.tagging.selective_llm import prepared_method

    return prepared_method(run)


def run_by_model(run: TagRun) -> None:
    """Ask about every item that has no answer yet."""
    request, job = run.request, run.job
    engine = connect(job.host, request.engine, job.secrets.get(ENGINE_KEY), run.database, job=job.job.id)
    try:
        run.start(request.engine.model, load(PROMPTS[request.method]))
        with run.database.read() as connection:
            known = answered_items(connection, run.id)
        run.done = len(known)
        job.progress(run.done, run.total, force=True)
        method = method_of(run)
        items = (i for i in read_items(run.database, run.corpus, limit=request.limit) if i.pk not in known)
        _Asking(run, engine, method).all(items)
    finally:
        run.spent = spent_of(engine.spent, request.engine.base_url, request.engine.model)
        engine.close()
        if engine.spent.requests or engine.spent.cached:
            job.log(f"{engine.spent.requests} requests, {engine.spent.cached} answers that were there already")


def spent_of(spent: Spent, base_url: str, model: str) -> dict[str, Any]:
    """What a run's attempt used, for the job's result; the cost is None where no price is known."""
    cost, _ = price_of(base_url, model, spent.prompt_tokens, spent.completion_tokens)
    return {
        "requests": spent.requests,
        "cached": spent.cached,
        "tokens": spent.prompt_tokens + spent.completion_tokens,
        "cost": None if cost is None else float(cost),
    }


class _Asking:
    """Matches answers to their items and stores them in batches."""

    def __init__(self, run: TagRun, engine: Engine, method: Method) -> None:
        self.run = run
        self.engine = engine
        self.method = method
        self._open: dict[int, TaggableItem] = {}
        self._came: dict[int, dict[int, Outcome]] = {}
        self._ready: list[Asked] = []
        self._silent: list[Answer] = []
        self._stored = time.monotonic()
        self._noted = 0

    def all(self, items: Iterator[TaggableItem]) -> None:
        """Ask about every item. Whatever ends this early, what is answered by then is kept."""
        try:
            with closing(self.engine.answers(self.method.calls(self._with_text(items)))) as outcomes:
                for outcome in outcomes:
                    self._take(outcome)
                    self._tell()
                    if self._due():
                        self.run.store(self._answers())
                    else:
                        self.run.job.progress(self.run.done, self.run.total)
        except BaseException:
            self.run.keep(self._answers())
            raise
        self.run.store(self._answers())

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

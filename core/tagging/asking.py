"""A run by a language model: questions out, answers in, every item with a state that can be traced. What is asked, and
what the answers say, is the method's; what is answered about (an item of text, a style of caption of a piece of music)
is nobody's business here but for its key.

Items are asked about in any order and stored in batches. What failed is asked again when the run is resumed; what
is answered is never paid for again, because the engine finds it among the stored replies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, cast

from core.engines import connect
from core.engines.calls import Call, Engine, Outcome
from core.engines.connecting.endpoints import EngineOptions
from core.engines.connecting.keys import ENGINE_KEY
from core.engines.money.spending import Meter, Purse, limits_for
from core.engines.prompting.fitting import Fitter
from core.errors import EngineError
from core.jobs.context import JobContext
from core.store.database import Database
from core.tagging.batching import hand_in, stored_only

BATCH = 32
STORE_SECONDS = 2.0  # answers wait at most so long to be stored and seen


class Wish(Protocol):
    """What was asked for of a run by a language model."""

    @property
    def engine(self) -> EngineOptions: ...
    @property
    def samples(self) -> int: ...
    @property
    def budget(self) -> Decimal | None: ...
    @property
    def batch(self) -> bool: ...


class ModelRun(Protocol):
    """A run under way, as whoever asks needs it. `live`: what has been spent by now; `spent`: what all attempts have
    used, when this one is over."""

    job: JobContext
    database: Database
    total: int
    done: int
    live: Callable[[], dict[str, Any]] | None
    spent: dict[str, Any]

    @property
    def request(self) -> Wish: ...

    def keep(self, answers: list[Any]) -> None: ...
    def report(self, *, force: bool = False) -> None: ...
    def note(self, spent: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """An item with what became of its questions, by sample."""

    item: Any
    outcomes: tuple[Outcome, ...]

    @property
    def replies(self) -> dict[int, int]:
        return {o.call.request.sample: o.replies[-1] for o in self.outcomes if o.replies}


class Method(Protocol):
    """What is asked about an item, and what the answers say."""

    def key(self, item: Any) -> Hashable:
        """What an item is known by within its run."""

    def silent(self, item: Any) -> Any | None:
        """The answer about an item of which nothing can be asked; None for all others."""

    def calls(self, items: Iterable[Any]) -> Iterator[Call]:
        """Questions under the key (item's key, sample), one item after another."""

    def answers(self, asked: list[Asked]) -> list[Any]:
        """What a run says of items whose questions have all come back."""


def ask_about(
    run: ModelRun,
    before: Mapping[str, Any],
    method_of: Callable[[Fitter], Method],
    left: Callable[[], Iterator[Any]],
    unit: str = "items",
) -> None:
    """Ask about everything that is left.

    Args:
        before: what earlier attempts of the job have spent (`core.store.runs.spent_of`).
        method_of: makes the method, once the engine is there.
        left: what has no answer yet; asked for it again for every round of a batch.

    Raises:
        EngineError, JobCancelled: what is answered by then is kept.
    """
    request, job = run.request, run.job
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
        run.report(force=True)
        method = method_of(fitter)
        stop = hand_in(run, engine, method.calls, left, meter, purse) if request.batch else None
        _Asking(run, engine, method, only_stored=stop is not None).all(left())
        if stop is not None:
            raise stop
    except EngineError as error:
        if error.kind != "budget" or request.budget is None:
            raise
        purse = purse.refilled()
        message = f"{error.message} {run.done:,} of {run.total:,} {unit} are answered, and kept."
        remedy = f"Resume spends up to ${request.budget:f} more; or start it anew with another limit."
        raise EngineError(message, remedy, error.kind) from error
    finally:
        engine.close()
        run.spent = {**meter.total(), **purse.kept()}
        run.note(run.spent)
        for sentence in fitter.told():
            job.log(sentence)
        if engine.spent.requests or engine.spent.cached:
            job.log(f"{engine.spent.requests} requests, {engine.spent.cached} answers that were there already")


class _Asking:
    """Matches answers to their items and stores them in batches."""

    def __init__(self, run: ModelRun, engine: Engine, method: Method, *, only_stored: bool = False) -> None:
        self.run = run
        self.engine = engine
        self.method = method
        self.only_stored = only_stored
        self._open: dict[Hashable, Any] = {}
        self._came: dict[Hashable, dict[int, Outcome]] = {}
        self._ready: list[Asked] = []
        self._silent: list[Any] = []
        self._stored = time.monotonic()
        self._noted = 0

    def all(self, items: Iterator[Any]) -> None:
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
        self.run.keep(self._answers())
        self.run.report()

    def _beat(self) -> bool:
        """Store what is due and report, also while everybody waits for the server; never a wish to stop: a cancelled
        job leaves by an error, and what is paid for then is kept by the engine.

        Raises:
            JobCancelled: a person has asked the job to stop.
        """
        self._tell()
        if self._due():
            self.run.keep(self._answers())
        self.run.report()
        return False

    def _with_text(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            silent = self.method.silent(item)
            if silent is None:
                self._open[self.method.key(item)] = item
                yield item
            else:
                self._silent.append(silent)

    def _take(self, outcome: Outcome) -> None:
        key, sample = cast("tuple[Hashable, int]", outcome.call.key)
        outcomes = self._came.setdefault(key, {})
        outcomes[sample] = outcome
        if len(outcomes) == self.run.request.samples:
            del self._came[key]
            self._ready.append(Asked(self._open.pop(key), tuple(outcomes[s] for s in sorted(outcomes))))

    def _due(self) -> bool:
        waiting = len(self._ready) + len(self._silent)
        return waiting >= BATCH or (waiting > 0 and time.monotonic() - self._stored > STORE_SECONDS)

    def _answers(self) -> list[Any]:
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

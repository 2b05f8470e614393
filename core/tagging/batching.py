"""A tagging run whose questions are handed in together: what a batch brings lands among the stored answers, where the
run then finds it; only what is unusable is asked again, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from core.engines import replies
from core.engines.batch.batches import Batches, Progress, offered
from core.engines.calls import Call, Engine
from core.engines.connecting.endpoints import host_of
from core.engines.connecting.keys import ENGINE_KEY
from core.engines.money.spending import Meter, Purse
from core.errors import EngineError, InvalidInput
from core.store.database import Database
from core.store.projects import Host
from core.store.schema import reply

if TYPE_CHECKING:
    from core.tagging.asking import ModelRun

FEW = 20  # questions that are asked plainly when a batch has left them unanswered
FEW_SHARE = 0.01
LOOKED_UP = 200

Calls = Callable[[Iterable[Any]], Iterator[Call]]


def check_offered(host: Host, base_url: str) -> None:
    """Raises: InvalidInput: nothing is known of the server that says that it takes batches."""
    if not offered(host, base_url):
        raise InvalidInput(
            f"It is not known whether {host_of(base_url)} takes batches.",
            "Check its connection in Settings (or `tagloom connections check`): that finds out.",
        )


def hand_in(
    run: ModelRun, engine: Engine, calls: Calls, items: Callable[[], Iterator[Any]], meter: Meter, purse: Purse
) -> EngineError | None:
    """Hand in whatever has no stored answer, and wait for it.

    Returns:
        None when the run can go on and find its answers; else why it must stop once what has come is stored.

    Raises:
        EngineError, JobCancelled: see `Batches.run`.
    """
    job, database = run.job, run.database
    last: dict[str, Any] = {}

    def asked() -> Iterator[Call]:
        return calls(items())

    def report(progress: Progress) -> None:
        last.update(progress.as_dict())
        job.progress(run.done, run.total, spent=run.live)

    def live() -> dict[str, Any]:
        where = host_of(engine.endpoint)
        now = {**meter.live(run.done, run.total), "batch": dict(last)}
        return {**now, "why": f"{where} answers a batch: {last.get('answered', 0):,} of {last.get('handed_in', 0):,}"}

    before, run.live = run.live, live
    batches = Batches(
        job.host,
        engine.endpoint,
        engine.model,
        job.secrets.get(ENGINE_KEY),
        database,
        job=job.job.id,
        folder=job.folder,
        report=report,
        log=job.log,
        budget=lambda: None if purse.cap is None else purse.cap - meter.spent(),
    )
    _learn(engine, batches, asked)
    try:
        left = batches.run(asked)
    finally:
        meter.refresh()
        run.live = before
    if not left or (not batches.out_of_budget and left <= max(FEW, FEW_SHARE * batches.progress.handed_in)):
        if left:
            job.log(f"{left:,} questions had no answer in a batch: they are asked one by one")
        return None
    if batches.out_of_budget:
        message = f"The budget keeps {left:,} questions from being handed in (${meter.spent():.4f} is spent)."
        return EngineError(message, kind="budget")
    message = f"{left:,} questions have no answer, though {host_of(engine.endpoint)} had them in several batches."
    return EngineError(message, "Resume hands them in once more; or run it without a batch.", kind="batch")


def _learn(engine: Engine, batches: Batches, asked: Callable[[], Iterator[Call]]) -> None:
    """Ask the first question plainly where nobody has asked this model before: what it does not take would otherwise
    come out a day later, in every line of the batch."""
    known = batches.capabilities.record().get("updated_at")
    if known or replies.measured(batches.database, engine.endpoint, engine.model):
        return
    first = next(asked(), None)
    if first is not None:
        for _ in engine.answers([first]):
            pass


def stored_only(database: Database, calls: Iterable[Call], endpoint: str, model: str) -> Iterator[Call]:
    """The questions that have a stored answer."""
    source = iter(calls)
    while group := list(islice(source, LOOKED_UP)):
        keys = [call.request.key(endpoint, model) for call in group]
        with database.read() as connection:
            found = set(connection.execute(select(reply.c.key).where(reply.c.key.in_(keys))).scalars())
        yield from (call for call, key in zip(group, keys, strict=True) if key in found)

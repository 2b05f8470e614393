"""Questions handed in together (/v1/batches): cheaper, answered within a day, landing among the stored answers under
the keys that the plain engine asks by. Whoever asks afterwards finds them there, and re-asks the few that are unusable.

Every step is written down before and after it is taken (table `batch`), so that a process that is killed at any point
goes on there: what was uploaded is not uploaded again, and what was handed in is found again by its file or its mark
and never handed in twice.

States: prepared → uploaded → creating → submitted (→ cancelling) → ended → landed; or failed: the server took it not,
or lost: the server does not know it any more.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.engines.batch import batch_rows
from core.engines.batch.batch_files import Meant, Question, read_lines, write_part
from core.engines.batch.batch_landing import Landing
from core.engines.batch.batch_remote import MARK, Remote
from core.engines.batch.batch_rows import BatchRow
from core.engines.calls import Call, EngineFault
from core.engines.capabilities import Capabilities
from core.engines.connecting.connections import all_connections, health_of, settings_for
from core.engines.connecting.endpoints import host_of, is_openai
from core.engines.money.cost import MILLION, pricing_of, request_tokens
from core.engines.server import shared_limits
from core.engines.server.faults import Verdict, judge_status, said_by
from core.engines.server.http_client import CannotConnect, CutOff, TimedOut
from core.engines.server.wire import Quirks
from core.errors import EngineError, JobCancelled
from core.store.database import Database
from core.store.projects import Host
from core.store.schema import reply

OVER = ("completed", "failed", "expired", "cancelled")
LANDED_AT_ONCE = 200
LOOKED_UP = 500


@dataclass(frozen=True, slots=True)
class Pace:
    """How batches are made and looked after; servers take 50,000 lines and 200 MB a file.

    Attributes:
        poll, first_poll: seconds between two looks at a batch; soon at first, for small ones.
        rounds: batches in a row that bring nothing, or are kept small by a budget, after which what is left is not
            handed in again.
        patience: seconds without any answer from the server, after which the run ends (and can be resumed).
    """

    most_lines: int = 50_000
    most_bytes: int = 190_000_000
    poll: float = 30.0
    first_poll: float = 3.0
    rounds: int = 2
    patience: float = 900.0


@dataclass(slots=True)
class Progress:
    """How far the batches of a run are: questions handed in, answered by the server, landed here."""

    handed_in: int = 0
    answered: int = 0
    landed: int = 0
    batches: int = 0
    states: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"handed_in": self.handed_in, "answered": self.answered, "landed": self.landed, "batches": self.batches}


def offered(host: Host, base_url: str) -> bool:
    """True where a server is known to take batches: OpenAI's own, and those of which a check has found it."""
    if is_openai(base_url):
        return True
    ids = [row.id for row in all_connections(host) if row.base_url == base_url]
    return any(found.get("batches") is True for found in health_of(host, ids).values())


class Batches:
    """Hands in what has no stored answer, waits, and lands the answers. Make one per run.

    Args:
        job: under which the batches are kept, and found again by the job's next attempt.
        folder: the job's own; files lie in its folder `batches` while they are needed.
        report: told of every step and every half second of waiting; what it raises (a cancelled job) cancels the
            batches at the server and passes on.
        log: for sentences.
        budget: gives the US dollars that may still be spent; None for no limit.
    """

    def __init__(
        self,
        host: Host,
        endpoint: str,
        model: str,
        key: str | None,
        database: Database,
        *,
        job: str,
        folder: Path,
        report: Callable[[Progress], object],
        log: Callable[[str], object] = lambda line: None,
        budget: Callable[[], Decimal | None] = lambda: None,
        pace: Pace | None = None,
    ) -> None:
        self.host, self.endpoint, self.model, self.database = host, endpoint, model, database
        self.job, self.folder = job, folder / "batches"
        self.pace = pace or Pace()
        self.progress = Progress()
        self._key, self._report, self._log, self._budget = key, report, log, budget
        settings = settings_for(host, endpoint, model)
        self.pricing = pricing_of(settings, endpoint, model, batch=True)
        self._seconds, self._total_budget = settings.seconds, settings.budget
        self.capabilities = Capabilities.of(host, endpoint, model)
        self._given_up: set[str] = set()  # questions that the server refuses in themselves
        self._fatal: EngineFault | None = None
        self._most_lines = self.pace.most_lines
        self._rows: dict[str, BatchRow] = {}
        self.out_of_budget = False

    def run(self, calls: Callable[[], Iterable[Call]]) -> int:
        """Hand in all of `calls()` (it is asked again for every round) that have no stored answer, and wait.

        Returns:
            How many questions are left without an answer: the budget kept them back (`out_of_budget`), or the server
            leaves them unanswered whatever is done. Those that it refuses for themselves do not count: asked plainly,
            they are refused again, at no cost.

        Raises:
            EngineError: the server does not take batches, or no question; what has landed is kept, and the same again
                goes on from there.
        """
        self.remote = Remote(
            self.endpoint, self.model, self._key, self._seconds, self.pace.patience, lambda s: self._pause(s, [])
        )
        try:
            earlier = batch_rows.open_of(self.database, self.job)
            self._tidy({row.id for row in earlier})
            self._settle(earlier)
            in_vain = 0
            while in_vain < self.pace.rounds:
                before = (self.progress.landed, self._most_lines)
                rows = self._hand_in(calls())
                if not rows:
                    break
                self._settle(rows)
                # what a budget lets through gets less from round to round, and never ends by itself
                vain = (self.progress.landed, self._most_lines) == before or self.out_of_budget
                in_vain = in_vain + 1 if vain else 0
            return sum(1 for _ in self._missing(calls()))
        finally:
            self.remote.close()

    def _tidy(self, known: set[str]) -> None:
        """Remove what a killed process wrote, but did not write down."""
        for path in self.folder.glob(f"{MARK}-*"):
            if path.name.partition(".")[0] not in known:
                path.unlink(missing_ok=True)

    # what to hand in

    def _missing(self, calls: Iterable[Call]) -> Iterator[Question]:
        """Questions without a stored answer, each key once."""
        seen: set[str] = set()
        source = iter(calls)
        while group := list(islice(source, LOOKED_UP)):
            keyed = {each.request.key(self.endpoint, self.model): each.request for each in group}
            with self.database.read() as connection:
                found = connection.execute(select(reply.c.key).where(reply.c.key.in_(list(keyed)))).scalars()
                stored = set(found)
            for key, request in keyed.items():
                if key not in stored and key not in seen and key not in self._given_up:
                    seen.add(key)
                    yield Question(key, request)

    def _hand_in(self, calls: Iterable[Call]) -> list[BatchRow]:
        """Write what is missing into as many batches as it takes, and hand them in."""
        quirks = self.capabilities.quirks
        purse = _Purse(self._may_spend(), self._reserved)
        questions = purse.affordable(self._missing(calls))
        rows: list[BatchRow] = []
        over: Question | None = None
        while not rows or (over is not None and self._most_lines == self.pace.most_lines):
            name = f"{MARK}-{secrets.token_hex(8)}"
            source = questions if over is None else chain([over], questions)
            part, over = write_part(
                source, self.folder, name, self.model, quirks, self._most_lines, self.pace.most_bytes
            )
            if part is None:
                break
            detail = {"sends": sorted(part.sends), "quirks": asdict(quirks)}
            row = BatchRow(name, self.job, self.endpoint, self.model, "prepared", part.questions, detail=detail)
            batch_rows.add(self.database, row)
            rows.append(row)
            self._submit(row, fresh=True)
        self.out_of_budget = purse.kept_back
        return rows

    def _may_spend(self) -> Decimal | None:
        """US dollars that this run, and the connection in all, may still spend; None for no limit."""
        left = [] if (own := self._budget()) is None else [own]
        if self._total_budget is not None:
            spent = shared_limits.spent(self.host, self.endpoint, self.model)
            left.append(self._total_budget - spent / MILLION)
        return min(left, default=None)

    def _reserved(self, question: Question) -> Decimal:
        """What a question can cost at most.

        Raises:
            EngineError: no price is known, so that a budget cannot hold.
        """
        cost = self.pricing.cost(request_tokens(question.request), question.request.max_tokens)
        if cost is None:
            raise EngineError(
                f"A budget cannot hold: {self.pricing.source}.",
                "Set the model's price with its connection in Settings, or leave the budget out.",
                kind="budget",
            )
        return cost

    # one batch, step by step

    def _submit(self, row: BatchRow, fresh: bool = False) -> None:
        """Take a batch from wherever it stands until the server has it."""
        if row.state == "prepared":
            path = self.folder / f"{row.id}.jsonl"
            row.remote_file = None if fresh else self.remote.uploaded(row)
            if row.remote_file is None:
                if not path.exists():  # nothing was handed in yet: its questions are still missing, and come again
                    return self._change(row, "lost")
                row.remote_file = self.remote.upload(path)
            self._change(row, "uploaded")
            path.unlink(missing_ok=True)
        if row.state == "uploaded":
            self._change(row, "creating")
            row.remote_batch = self.remote.create(row)
        elif row.state == "creating":  # a process ended here: the server may have the batch, or not
            row.remote_batch = self.remote.created(row) or self.remote.create(row)
        if row.state == "creating":
            self._change(row, "submitted")
            self._log(f"{row.requests:,} questions handed in to {host_of(self.endpoint)} ({row.remote_batch})")
        self._tell([row])

    # waiting

    def _settle(self, rows: list[BatchRow]) -> None:
        """Wait for batches, and land what they bring."""
        self._tell(rows)
        for row in rows:
            if row.state in ("prepared", "uploaded", "creating"):
                self._submit(row)
        waiting = [row for row in rows if row.state in ("submitted", "cancelling")]
        try:
            self._wait(waiting)
        except JobCancelled:  # anything else leaves the batches where they are: they are found again
            self._cancel([row for row in waiting if row.state == "submitted"])
            raise
        for row in rows:
            if row.state == "ended":
                self._land(row)
        self._tell(rows)
        if self._fatal is not None:
            raise EngineError(self._fatal.message, self._fatal.remedy, kind=self._fatal.kind)

    def _wait(self, rows: list[BatchRow]) -> None:
        heard, pause = time.monotonic(), self.pace.first_poll
        left = list(rows)
        while left:
            for row in list(left):
                try:
                    answer = self.remote.run(self.remote.wire.get(f"/batches/{row.remote_batch}"))
                except (TimedOut, CutOff, CannotConnect) as error:
                    if time.monotonic() - heard > self.pace.patience:
                        raise self.remote.gone(str(error)) from error
                    break
                if answer.status >= 500 or answer.status in (408, 409, 429):
                    if time.monotonic() - heard > self.pace.patience:
                        raise self.remote.gone(f"it answers {answer.status}")
                    break
                heard = time.monotonic()
                if answer.status == 404:
                    self._log(f"{host_of(self.endpoint)} does not know the batch {row.remote_batch} any more")
                    self._change(row, "lost")
                else:
                    self._seen(row, self.remote.object(answer, "the batch"))
                if row.state not in ("submitted", "cancelling"):
                    left.remove(row)
            self._tell(rows)
            if left:
                self._pause(pause, rows)
                pause = min(self.pace.poll, pause * 1.5)

    def _seen(self, row: BatchRow, said: dict[str, Any]) -> None:
        counts = said.get("request_counts")
        if isinstance(counts, dict):
            row.answered = sum(int(counts.get(name) or 0) for name in ("completed", "failed"))
        status = said.get("status")
        if status not in OVER:
            return
        row.detail |= {"status": status, "output": said.get("output_file_id"), "errors": said.get("error_file_id")}
        if status == "failed":
            self._refused(row, said)
        else:
            if status in ("expired", "cancelled"):
                self._log(f"The batch {row.remote_batch} has {status}: what it has answered is taken")
            self._change(row, "ended")

    def _refused(self, row: BatchRow, said: dict[str, Any]) -> None:
        """The server took a batch, looked at it and refused it as a whole."""
        errors = said.get("errors")
        first: dict[str, Any] = next(iter(errors.get("data") or []), {}) if isinstance(errors, dict) else {}
        words = f"{first.get('message') or 'it does not say why'}"[:300]
        code = str(first.get("code") or "")
        self._change(row, "failed")
        if "limit" in code and self._most_lines > 1:  # too much at once for this account: less, one after another
            self._most_lines = max(1, min(self._most_lines, row.requests) // 2)
            self._log(f"{host_of(self.endpoint)} refused {row.requests:,} questions at once: {words}")
            return
        self._fatal = EngineFault(
            "batch",
            f"{host_of(self.endpoint)} refused the batch: “{words}”.",
            "Correct that, then resume; or run it without a batch.",
            retriable=False,
            fatal=True,
        )

    def _cancel(self, rows: list[BatchRow]) -> None:
        """Ask the server to stop; what it has answered by then is fetched when the job goes on."""
        for row in rows:
            try:
                answer = self.remote.run(self.remote.wire.post({}, f"/batches/{row.remote_batch}/cancel"))
            except (TimedOut, CutOff, CannotConnect):
                self._log(f"The batch {row.remote_batch} could not be cancelled: the server does not answer")
                continue
            if answer.status == 200:
                self._change(row, "cancelling")
                self._log(f"The batch {row.remote_batch} is cancelled at {host_of(self.endpoint)}")

    # landing

    def _land(self, row: BatchRow) -> None:
        """Store the answers of a batch that is over, each line once, whenever this is begun anew."""
        paths = []
        for name in ("output", "errors"):
            remote, path = row.detail.get(name), self.folder / f"{row.id}.{name}.jsonl"
            if remote:
                answer = self.remote.ask(partial(self.remote.wire.stream_to, f"/files/{remote}/content", path))
                if answer.status == 404:
                    self._log(f"{host_of(self.endpoint)} has thrown away what the batch {row.remote_batch} brought")
                elif answer.status != 200:
                    raise self.remote.unexpected(answer, "the answers")
                paths.append(path)
        kept = self.folder / f"{row.id}.meant.jsonl"
        if not kept.exists():
            self._log(f"The questions of the batch {row.remote_batch} are gone from this job's folder")
            return self._change(row, "lost")
        with Meant(kept) as meant:
            lines = islice(read_lines(paths), row.landed, None)
            while group := list(islice(lines, LANDED_AT_ONCE)):
                landing = Landing(self, meant, row)
                for line in group:
                    landing.take(line)
                row.landed += len(group)
                self._store(landing)
                self.progress.landed += len(landing.answers)
                self._tell([row])
        self._change(row, "landed")
        for path in [*paths, kept]:
            path.unlink(missing_ok=True)

    def _store(self, landing: Landing) -> None:
        self.database.write(landing.store)
        if landing.micros:
            shared_limits.add_spent(self.host, self.endpoint, self.model, landing.micros)

    def judge(self, status: int, body: str, sent: frozenset[str], quirks: Quirks, key: str) -> Verdict:
        """What an error line means, and what follows for the next batch."""
        verdict = judge_status(status, {}, body, self.endpoint, self.model, sent)
        if verdict.action == "negotiate" and verdict.change is not None:
            note = self.capabilities.refused(quirks, verdict.change, said_by(body)[0])
            if note:
                self._log(note)
        elif verdict.action == "fatal":
            self._fatal = self._fatal or verdict.fault
        elif verdict.action == "fail":
            self._given_up.add(key)
        return verdict

    # within

    def _tell(self, rows: list[BatchRow]) -> None:
        for row in rows:
            self._rows[row.id] = row
        known = list(self._rows.values())
        self.progress.batches = len(known)
        self.progress.handed_in = sum(row.requests for row in known if row.remote_batch)
        self.progress.answered = sum(
            row.requests if row.state in ("ended", "landed") and not row.answered else row.answered for row in known
        )
        self._report(self.progress)

    def _pause(self, seconds: float, rows: list[BatchRow]) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(0.5, left))
            self._tell(rows)

    def _change(self, row: BatchRow, state: str) -> None:
        row.state = state
        batch_rows.save(self.database, row)


class _Purse:
    """Lets questions through until what they can cost reaches the budget."""

    def __init__(self, left: Decimal | None, price: Callable[[Question], Decimal]) -> None:
        self.left, self.price = left, price
        self.kept_back = False

    def affordable(self, questions: Iterator[Question]) -> Iterator[Question]:
        for question in questions:
            if self.left is not None:
                self.left -= self.price(question)
                if self.left < 0:
                    self.kept_back = True
                    return
            yield question

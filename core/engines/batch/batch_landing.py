"""What a batch has brought, line by line: answers among the stored ones, and a row of the ledger for each."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from core.engines import replies
from core.engines.answers.envelope import read_envelope
from core.engines.batch import batch_rows
from core.engines.batch.batch_files import Line, Meant
from core.engines.batch.batch_rows import BatchRow
from core.engines.calls import Usage, text_of
from core.engines.money import ledger
from core.engines.money.cost import MILLION, estimate_tokens
from core.engines.server.wire import Quirks

if TYPE_CHECKING:
    from core.engines.batch.batches import Batches


class Landing:
    """A group of lines of one batch, read, and stored in one transaction: each line once, whatever happens between."""

    def __init__(self, batches: Batches, meant: Meant, row: BatchRow) -> None:
        self._batches, self._meant, self._row = batches, meant, row
        self._sent = frozenset(row.detail.get("sends") or ())
        self._quirks = Quirks.from_dict(row.detail.get("quirks") or {})
        self.answers: dict[str, replies.Landed] = {}
        self._attempts: list[ledger.Attempt] = []
        self.micros = 0  # what these answers cost

    def take(self, line: Line | None) -> None:
        """Read a line; one that is none, or that answers a question which we did not ask, counts for nothing."""
        found = self._meant.find(line.key) if line is not None else None
        if line is None or found is None or line.key in self.answers:
            return
        request, wire = found
        raw = self._batches.remote.clean(line.body)
        envelope = read_envelope(raw) if line.status == 200 else None
        if envelope is not None and envelope.usable:
            prompt, completion = envelope.prompt_tokens, envelope.completion_tokens
            told = prompt is not None and completion is not None
            if prompt is None or completion is None:
                prompt = estimate_tokens("".join(text_of(m) for m in request.messages))
                completion = estimate_tokens(envelope.text)
            usage = Usage(prompt, completion, not told, 0)
            self.answers[line.key] = replies.landed(line.key, request, {**wire, "batch": True}, raw, usage)
            cost = self._batches.pricing.cost(prompt, completion, envelope.cached_tokens)
            self._note(line, ledger.ANSWERED, "yes", usage, cost)
        elif line.status == 200:  # no answer in it, and nobody says whether it was billed
            self._note(line, "server", "unknown", Usage(), None)
        elif line.status:
            verdict = self._batches.judge(line.status, raw, self._sent, self._quirks, line.key)
            self._note(line, verdict.fault.kind, "no", Usage(), None)
        # status 0: the batch expired or was cancelled before the question was asked at all

    def _note(self, line: Line, outcome: str, billed: str, usage: Usage, cost: Decimal | None) -> None:
        of, micros = self._batches, None if cost is None else round(cost * MILLION)
        self.micros += micros or 0
        self._attempts.append(
            ledger.Attempt(
                key=line.key,
                endpoint=of.endpoint,
                model=of.model,
                job=of.job,
                at=time.time(),
                milliseconds=0,
                outcome=outcome,
                status=line.status,
                billed=billed,
                prompt_tokens=usage.prompt,
                completion_tokens=usage.completion,
                cost_micros=micros,
            )
        )

    def store(self, connection: Connection) -> None:
        """Write answers and ledger, and how many of the batch's lines have been read by now."""
        if self.answers:
            replies.store(connection, self._batches.endpoint, self._batches.model, list(self.answers.values()))
        if self._attempts:
            ledger.store(connection, self._attempts)
        batch_rows.note_landed(connection, self._row.id, self._row.landed)

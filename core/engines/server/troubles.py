"""What is done when a question was not answered: who waits, what is tried again, and when it is over."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from core.engines.calls import EngineFault, Request, Spent
from core.engines.capabilities import Capabilities
from core.engines.money.cost import request_tokens
from core.engines.server.faults import Verdict
from core.engines.server.limiter import Limiter, backoff
from core.engines.server.limits import Limits
from core.engines.server.shortening import shortened_by
from core.engines.server.wire import Quirks

FAILED_IN_A_ROW = 12  # calls that failed after all their tries, with no answer in between: the server is down
MOST_NEGOTIATED = 16
UNCOUNTED = 1_000_000
STOPPED = "stopped"
TRUNCATED = "truncated"


@dataclass(slots=True)
class Tries:
    """What has happened to one question so far.

    Attributes:
        tries: that count.
        waited: seconds, because the server asked for it.
        replaced: a connection that was closed while it was idle has been replaced.
        cut: the question with less of the item in it; `flags` says so.
    """

    tries: int = 0
    negotiated: int = 0
    waited: float = 0.0
    replaced: bool = False
    cut: Request | None = None
    flags: tuple[str, ...] = ()


class Troubles:
    """What one engine's questions go through together.

    Attributes:
        fatal: why nothing can be asked any more.
    """

    def __init__(self, limiter: Limiter, capabilities: Capabilities, limits: Limits, spent: Spent) -> None:
        self.limiter = limiter
        self.capabilities = capabilities
        self.limits = limits
        self.spent = spent
        self.fatal: EngineFault | None = None
        self._in_a_row = 0
        self._waiting_since = 0.0
        self._never_there = 0

    def over(self) -> None:
        """A question was answered."""
        self._in_a_row = 0
        self._waiting_since = 0.0

    def react(self, verdict: Verdict, quirks: Quirks, tries: Tries, request: Request) -> float | None:
        """Tell everybody who has to wait; returns the seconds after which the question is asked again, None for never.

        Args:
            quirks: how the question was asked.
        """
        never_there = verdict.holds and not self.spent.answered
        if verdict.action not in ("negotiate", "fatal") and not never_there:
            self.limiter.open()
        if verdict.action == "negotiate" and verdict.change is not None:
            return self._negotiate(verdict, verdict.change, quirks, tries)
        if verdict.action == "shorten":
            return self._shorten(verdict, tries, request)
        if verdict.action == "pause":
            return self._pause(verdict, tries)
        if verdict.action == "retry":
            return self._retry(verdict, tries)
        if verdict.action == "fatal":
            self.end(verdict.fault)
        if verdict.fault.kind == "modality":
            self.capabilities.note_vision(False)
        return None

    def failed(self, verdict: Verdict) -> EngineFault:
        """A question has no answer after all its tries. A server that answers nobody ends the run: going on would mark
        every item of a corpus as failed."""
        fault = verdict.fault
        if self.fatal is not None:
            return self.fatal
        if verdict.action == "fatal" or (verdict.status == 422 and not self.spent.answered):
            return self.end(fault)
        if fault.kind in ("refused", "too_long"):
            return fault
        self._in_a_row += 1
        if self._in_a_row < FAILED_IN_A_ROW:
            return fault
        return self.end(replace(fault, message=f"{self._in_a_row} questions in a row had no answer. {fault.message}"))

    def end(self, fault: EngineFault) -> EngineFault:
        """No question can be answered any more; returns why."""
        self.fatal = self.fatal or replace(fault, fatal=True)
        self.limiter.end(self.fatal)
        return self.fatal

    def _negotiate(self, verdict: Verdict, change: str, quirks: Quirks, tries: Tries) -> float | None:
        tries.negotiated += 1
        note = self.capabilities.refused(quirks, change, verdict.fault.message)
        if note:
            self.spent.notes.append(note)
        return 0.0 if tries.negotiated < MOST_NEGOTIATED else None

    def _pause(self, verdict: Verdict, tries: Tries) -> float | None:
        now = time.monotonic()
        wait = self.limiter.pause(verdict.pause, verdict.fault.message, self.limits.first_pause)
        self._waiting_since = self._waiting_since or now
        tries.waited += max(wait, 0.05)
        if now + wait - self._waiting_since > self.limits.longest_wait:  # nobody had an answer for so long
            message = f"{verdict.fault.message} It has been asking for that for {in_words(self.limits.longest_wait)}."
            self.end(replace(verdict.fault, message=message, remedy="Resume later; what is answered is kept."))
            return None
        return 0.0 if tries.waited <= self.limits.longest_wait else None

    def _retry(self, verdict: Verdict, tries: Tries) -> float | None:
        limits, kind = self.limits, verdict.fault.kind
        away = False
        if verdict.outage:
            if not self.spent.answered and verdict.holds:
                self._never_there += 1
                if self._never_there >= 2 or kind == "address":  # a wrong address rather than a server that is away
                    self.end(verdict.fault)
                    return None
            away = self.limiter.failed(verdict.fault)
        if kind == "timeout" and verdict.retries != UNCOUNTED:
            self.limiter.shrink()
        if not away:
            tries.tries += 1
        if tries.tries > verdict.retries:
            if not verdict.holds:
                return None
            away, tries.tries = self.limiter.failed(verdict.fault, at_once=True), 0
        if away:
            return 0.0
        if verdict.stale and not tries.replaced:
            tries.replaced = True
            tries.tries -= 1
            return 0.0
        if verdict.outage and not verdict.holds:
            pause = (
                verdict.pause if verdict.pause is not None else limits.busy_pause * (1 + 1.5 * (1 - backoff(1, 1.0)))
            )
            self.limiter.pause(pause, verdict.fault.message, 1.0, shrink=False)
        return backoff(max(1, tries.tries), limits.first_backoff)

    def _shorten(self, verdict: Verdict, tries: Tries, request: Request) -> float | None:
        """The question with less of the item in it, once."""
        if verdict.context is not None:
            self.capabilities.note_context(verdict.context)
        if tries.cut is not None:
            return None
        share = verdict.fits or 0.5
        if verdict.context is not None:
            asked = verdict.context / verdict.fits if verdict.fits else request_tokens(request) + request.max_tokens
            prompt = asked - request.max_tokens if asked > request.max_tokens else asked
            share = min(share, max(0.1, (verdict.context - request.max_tokens) / max(1.0, prompt)))
        tries.cut = shortened_by(request, share)
        if tries.cut is None:
            return None
        tries.flags = (*tries.flags, TRUNCATED)
        return 0.0


def in_words(seconds: float) -> str:
    """A time for people: "40 seconds", "15 minutes"."""
    number, unit = (seconds, "second") if seconds < 90 else (seconds / 60, "minute")
    shown = f"{number:.1f}" if number < 1 else f"{number:.0f}"
    return f"{shown} {unit}{'' if shown == '1' else 's'}"

"""What a job spends: live while its engine answers, and afterwards from the ledger, over all its attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.engines.calls import Engine
from core.engines.connecting.connections import settings_for
from core.engines.connecting.endpoints import EngineOptions
from core.engines.money.cost import MILLION
from core.engines.money.ledger import spent_by
from core.store.database import Database
from core.store.projects import Host

if TYPE_CHECKING:
    from core.engines.server.limits import Limits

_COUNTED = ("requests", "answered", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Purse:
    """What a job may spend in all: so much at first, and as much again each time that a person resumes it after that.

    Attributes:
        each: US dollars, None for no limit.
        cap: what all attempts together may have spent before nothing more is sent.
    """

    each: Decimal | None
    cap: Decimal | None

    @classmethod
    def of(cls, each: Decimal | None, before: Mapping[str, Any]) -> Purse:
        """Args: before: what earlier attempts of the job have left (`kept`)."""
        return cls(each, each if each is None or "cap" not in before else Decimal(str(before["cap"])))

    def refilled(self) -> Purse:
        """For the next attempt, after this one came to its end."""
        return self if self.each is None or self.cap is None else Purse(self.each, self.cap + self.each)

    def kept(self) -> dict[str, str]:
        return {} if self.cap is None else {"cap": format(self.cap, "f")}


def limits_for(host: Host, options: EngineOptions, budget: Decimal | None) -> Limits | None:
    """The limits of the connection with a budget of one job's own; None where there is no budget, and the engine finds
    the connection's limits itself."""
    if budget is None or not options.base_url:
        return None
    from core.engines.server.limits import Limits

    return Limits.of(settings_for(host, options.base_url, options.model), budget)


class Meter:
    """Watches one attempt of a job.

    Args:
        database: the project, whose ledger knows what earlier attempts have used.
        job: the job's id, under which the engine writes the ledger.
        before: what an earlier attempt left behind (`total`), for what the ledger does not know.
        each: requests that an item takes, for what is still to come.
    """

    def __init__(
        self, database: Database, job: str, engine: Engine, before: Mapping[str, Any] | None = None, each: int = 1
    ) -> None:
        self._database = database
        self._job = job
        self._engine = engine
        self._before = dict(before or {})
        self._each = each
        self._zero: dict[str, Any] = {"cost": None, **dict.fromkeys(_COUNTED, 0)}
        self._earlier = self._ledger()

    def live(self, done: int, total: int | None) -> dict[str, Any]:
        """What the job has used so far, and what it will have used when all `total` items are done.

        Returns:
            requests, cached, answered, tokens, estimated, cost (US dollars, None: no price is known), projected (as
            cost, at most; None before there is anything to go by), in_flight, allowed, waiting (seconds), why, faults
            {kind: how many}
        """
        spent, now = self._engine.spent, self._sums()
        projected = None
        if now["cost"] is not None and now["answered"] and total is not None:
            projected = now["cost"] + now["cost"] / now["answered"] * max(0, total - done) * self._each
        return {
            **{name: now[name] for name in ("requests", "answered", "tokens")},
            "cached": int(self._before.get("cached", 0)) + spent.cached,
            "estimated": bool(self._before.get("estimated")) or spent.estimated,
            "cost": _dollars(now["cost"]),
            "projected": _dollars(projected),
            "in_flight": spent.in_flight,
            "allowed": spent.allowed,
            "waiting": round(spent.waiting, 1),
            "why": spent.why,
            "faults": dict(spent.faults),
        }

    def spent(self) -> Decimal:
        """US dollars that the ledger knows of by now, what may have been billed included."""
        now = self._ledger()
        return (now["cost"] or Decimal(0)) + now["unknown_cost"]

    def refresh(self) -> None:
        """Look into the ledger again: something else than the engine has written there (a batch)."""
        self._earlier = self._ledger()
        self._zero = {name: getattr(self._engine.spent, name) for name in _COUNTED}
        self._zero["cost"] = self._engine.spent.cost

    def _sums(self) -> dict[str, Any]:
        """What the ledger knew when it was looked into, and what the engine has used since."""
        spent, earlier, zero = self._engine.spent, self._earlier, self._zero
        since = {name: getattr(spent, name) - zero[name] for name in _COUNTED}
        sums = {name: earlier[name] + since[name] for name in _COUNTED}
        cost = None if spent.cost is None else spent.cost - (zero["cost"] or 0)
        unpriced = (earlier["cost"] is None and earlier["answered"]) or (cost is None and since["answered"])
        sums["cost"] = None if unpriced else (earlier["cost"] or Decimal(0)) + (cost or Decimal(0))
        return {**sums, "tokens": sums["prompt_tokens"] + sums["completion_tokens"]}

    def total(self) -> dict[str, Any]:
        """What all attempts of the job have used, for its result and its run.

        Returns:
            requests, cached, answered, tokens, prompt_tokens, completion_tokens, estimated, cost (of what was
            certainly billed), unpriced, unknown_billed (requests of which nobody knows), unknown_cost (what these can
            have cost at most), faults
        """
        spent, now = self._engine.spent, self._ledger()
        sums = self._sums()
        if now["requests"] < sums["requests"]:  # of an engine that keeps no ledger: nothing of it is paid for
            now |= sums
        faults = Counter(self._before.get("faults") or {}) + Counter(spent.faults)
        return {
            **now,
            "cached": int(self._before.get("cached", 0)) + spent.cached,
            "estimated": bool(self._before.get("estimated")) or spent.estimated,
            "cost": _dollars(now["cost"]),
            "unknown_cost": _dollars(now["unknown_cost"]),
            "faults": dict(faults),
        }

    def _ledger(self) -> dict[str, Any]:
        with self._database.read() as connection:
            found = spent_by(connection, self._job)
        micros = found["cost_micros"]
        return {
            "requests": found["requests"],
            "answered": found["answered"],
            "tokens": found["prompt_tokens"] + found["completion_tokens"],
            "prompt_tokens": found["prompt_tokens"],
            "completion_tokens": found["completion_tokens"],
            "cost": None if micros is None else Decimal(micros) / MILLION,
            "unpriced": found["unpriced"],
            "unknown_billed": found["unknown_billed"],
            "unknown_cost": Decimal(found["unknown_micros"]) / MILLION,
        }


def _dollars(value: Decimal | None) -> float | None:
    return None if value is None else float(value)

"""How an engine treats its server: what a person has set, and how long things may take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from core.engines.connecting.connections import ConnectionSettings


@dataclass(frozen=True, slots=True)
class Limits:
    """How an engine treats its server. What is measured in seconds can be shortened for tests.

    Attributes:
        concurrency: requests under way at most, over all processes of this host.
        seconds: for one request; longer where most of the answers take more than a third of it.
        first_backoff: before a request is tried again; doubled each time.
        first_pause: of everybody, when the server asks for fewer requests without saying when; doubled each time.
        busy_pause: of everybody, when the server is overloaded; up to 2.5 times as long.
        probe_seconds: between two looks at whether a server is back.
        give_up_seconds: without any answer, after which the run ends.
        longest_wait: of one call, in pauses that the server asked for.
        longest_pause: that a server may ask for; the run ends where it wants more.
        grace: for answers that are paid for when a run is stopped.
        connect_seconds: to get a connection.
        store_seconds: that answers are kept in memory while the database cannot be written.
        woken_seconds: for what was under way when this machine slept.
        rpm, tpm: requests and tokens a minute at most, over all processes.
        budget: US dollars that this run may spend.
        total_budget: US dollars that may be spent on this model in all, by every process and run.
    """

    concurrency: int = 16
    seconds: float = 120.0
    first_backoff: float = 0.5
    first_pause: float = 1.0
    busy_pause: float = 2.0
    probe_seconds: float = 15.0
    give_up_seconds: float = 900.0
    longest_wait: float = 900.0
    longest_pause: float = 600.0
    grace: float = 5.0
    connect_seconds: float = 10.0
    store_seconds: float = 60.0
    woken_seconds: float = 10.0
    rpm: int | None = None
    tpm: int | None = None
    budget: Decimal | None = None
    total_budget: Decimal | None = None

    @classmethod
    def of(cls, settings: ConnectionSettings, budget: Decimal | None = None) -> Limits:
        """What was set for a connection, and `budget` for the run."""
        return cls().given(settings, budget)

    def given(self, settings: ConnectionSettings, budget: Decimal | None = None) -> Limits:
        """These, with what was set for a connection."""
        return replace(
            self,
            concurrency=settings.concurrency,
            seconds=settings.seconds,
            rpm=settings.rpm,
            tpm=settings.tpm,
            budget=budget,
            total_budget=settings.budget,
        )

    @property
    def strict(self) -> bool:
        """Every single request must be counted over all processes before it starts."""
        return any(limit is not None for limit in (self.rpm, self.tpm, self.budget, self.total_budget))

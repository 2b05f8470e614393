"""What all processes of this host know together about a server: how many requests it bears, until when it wants to be
left alone, what has been spent, and which questions are under way.

One small SQLite file of its own, `HOME/limits.db`, also where the projects are in Postgres. It holds nothing that could
not be made anew (what was spent stands in the ledgers), so it is not flushed at every commit. Times are those of the
steady clock, which all processes of a machine share; where the wall clock has gone another way meanwhile (sleep, a
clock set anew, another boot), they mean nothing any more and are dropped.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engines.server.limits_file import ADD_SPENT, FILE, add_spent, fair_share, opened, process_started, spent
from core.errors import StoreError

__all__ = ["FILE", "Server", "SharedLimits", "add_spent", "spent", "steady", "wall"]

JUMP = 5.0  # seconds that the clocks may drift apart before times of the steady clock are dropped
DEAD_CHECK = 1.0
BREAK_AFTER = 5  # failures of the server in a row, over everybody, before it is left alone
LONGEST_STEP = 60.0


def steady() -> float:
    """Seconds of a clock that nobody sets and that all processes share."""
    return time.monotonic()


def wall() -> float:
    """Seconds of the clock on the wall."""
    return time.time()


@dataclass(slots=True)
class Server:
    """A server's row: see `SharedLimits`."""

    allowed: float = 1.0
    doubling: int = 1
    paused_until: float = 0.0
    why: str = ""
    pauses: int = 0
    shrunk_at: float = 0.0
    failures: int = 0
    open_since: float = 0.0
    probe_at: float = 0.0
    requests: float = 0.0
    tokens: float = 0.0
    filled_at: float = 0.0
    clock: float = 0.0


_COLUMNS = tuple(Server.__dataclass_fields__)


class SharedLimits:
    """One engine's part in what everybody knows about its server. For one thread; another may close it.

    Args:
        path: the file.
        endpoint, model: what is asked; limits hold per endpoint, money per model of it.
        place: the database that answers are stored in: a question is under way for that one only.
        start: requests at a time to begin with, when nobody else is asking.
        user: the id of an engine that has joined already, for a second thread of it.
    """

    def __init__(
        self, path: Path, endpoint: str, model: str, place: str, start: float = 1.0, user: str | None = None
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.place = place
        self.user = user or secrets.token_hex(8)
        self._start = start
        self._pid = os.getpid()
        self._started = process_started(self._pid) or ""
        self._looked_for_dead = 0.0
        self._lock = threading.RLock()  # a connection that is closed while it is used takes the process with it
        self._version = -1
        self._connection = opened(path)
        self.server = Server()
        self.others: list[tuple[str, int, int]] = []  # (id, holding, wanted)
        if user is None:
            self._join()

    def close(self, *, leave: bool = True) -> None:
        """Forget this engine (`leave`), and close the file."""
        with contextlib.suppress(sqlite3.Error, StoreError):
            if leave:
                with self._changing() as connection:
                    self._forget(connection, [self.user])
        with self._lock:
            self._connection.close()

    # what is known

    def changed(self) -> bool:
        """Has another process, or another engine, written since the last look? Costs next to nothing."""
        version = self._reading("PRAGMA data_version")[0][0]
        if version == self._version:
            return False
        self._version = version
        return True

    def look(self) -> Server:
        """What everybody knows now."""
        with self._lock:
            self._load(self._connection)
        return self.server

    def spent(self) -> tuple[int, int]:
        """(micros spent on this model, micros reserved for requests under way), over all processes."""
        row = self._reading(
            "SELECT (SELECT micros FROM spend WHERE endpoint = ?1 AND model = ?2),"
            " (SELECT sum(reserved) FROM user WHERE endpoint = ?1 AND model = ?2)",
            (self.endpoint, self.model),
        )[0]
        return int(row[0] or 0), int(row[1] or 0)

    def set_spent(self, micros: int) -> None:
        """What the ledgers say was spent before, where this file does not know (or knows less)."""
        with self._changing() as connection:
            connection.execute(
                "INSERT INTO spend VALUES (?, ?, ?) ON CONFLICT (endpoint, model)"
                " DO UPDATE SET micros = max(micros, excluded.micros)",
                (self.endpoint, self.model, micros),
            )

    # places

    def share(self, active: int, wanted: int, most: int, grown: float = 0.0, spent: int = 0) -> int:
        """Say what is wanted, add what was learned, and get the number of places that may be held now.

        Args:
            active: requests under way here; as many places are kept in any case.
            wanted: places that could be used here.
            most: requests at a time over all processes at most.
            grown: how much the server's limit may grow by what went well here.
            spent: micros that were paid since the last call.
        """
        with self._changing() as connection:
            self._drop_dead(connection)
            self._load(connection)
            server = self.server
            before = server.allowed
            server.allowed = min(float(most), server.allowed + grown)
            total = max(1, int(min(server.allowed, most)))
            users = sorted([*self.others, (self.user, 0, wanted)])
            shares = fair_share([row[2] for row in users], total, int(steady()))
            target = shares[[row[0] for row in users].index(self.user)]
            held = sum(holding for _, holding, _ in self.others)
            holding = max(active, min(target, total - held))
            connection.execute(
                "UPDATE user SET holding = ?, wanted = ? WHERE id = ? AND (holding <> ?1 OR wanted <> ?2)",
                (holding, wanted, self.user),
            )
            if connection.execute("SELECT 1 FROM user WHERE id = ?", (self.user,)).fetchone() is None:
                self._enter(connection, holding, wanted)  # somebody took us for dead
            if server.allowed != before:
                connection.execute("UPDATE server SET allowed = ? WHERE endpoint = ?", (server.allowed, self.endpoint))
            if spent:
                self._add_spent(connection, spent)
        return holding

    # trouble

    def pause(self, seconds: float | None, why: str, first: float, *, shrink: bool = True) -> float:
        """Nobody starts for so long; without a number, for twice as long as the last time (`first` at first).

        Returns:
            Seconds until requests start again.
        """
        with self._changing() as connection:
            self._load(connection)
            server, now = self.server, steady()
            if seconds is None:
                if now >= server.paused_until:
                    server.pauses += 1
                seconds = min(LONGEST_STEP * first, first * 2 ** min(max(0, server.pauses - 1), 6))
            if now + seconds > server.paused_until:
                server.paused_until, server.why = now + seconds, why
            if shrink:
                self._shrink(now)
            self._store(connection)
            return server.paused_until - now

    def shrink(self) -> None:
        """The server bears less than it was given."""
        with self._changing() as connection:
            self._load(connection)
            self._shrink(steady())
            self._store(connection)

    def failed(self, why: str, probe_seconds: float, *, at_once: bool = False) -> bool:
        """The server failed, whoever asked; True when it is left alone now but for a probe now and then."""
        with self._changing() as connection:
            self._load(connection)
            server, now = self.server, steady()
            server.failures += 1
            if server.open_since:
                server.probe_at = now + probe_seconds
            elif at_once or server.failures >= BREAK_AFTER:
                server.open_since, server.probe_at, server.why = now, now + probe_seconds, why
                server.allowed = self._start
            self._store(connection)
            return server.open_since > 0

    def take_probe(self, probe_seconds: float) -> bool:
        """True for the one who may try whether the server is back."""
        with self._changing() as connection:
            self._load(connection)
            server, now = self.server, steady()
            if not server.open_since:
                return True
            if now < server.probe_at:
                return False
            server.probe_at = now + probe_seconds
            self._store(connection)
            return True

    def recovered(self) -> None:
        """The server answered."""
        with self._changing() as connection:
            self._load(connection)
            server = self.server
            server.failures = server.pauses = 0
            server.open_since = server.probe_at = 0.0
            self._store(connection)

    # rates and money

    def take(
        self,
        tokens: int,
        reserve: int,
        *,
        rpm: int | None = None,
        tpm: int | None = None,
        budget: int | None = None,
    ) -> tuple[float, bool]:
        """Take one request and so many tokens out of the minute's allowance, and reserve so many micros.

        Returns:
            (0, True) when that is done; (seconds to wait, True) where the minute's allowance is used up or what is
            reserved must come in first; (0, False) where the budget is spent.
        """
        with self._changing() as connection:
            self._load(connection)
            server, now = self.server, steady()
            if budget is not None:
                spent, reserved = self.spent()
                if spent + reserve > budget or (spent >= budget):
                    return (0.05, True) if reserved else (0.0, False)
                if spent + reserved + reserve > budget:
                    return 0.05, True
            passed = max(0.0, now - server.filled_at)
            wait = 0.0
            if rpm:
                burst = max(1.0, rpm / 60)
                server.requests = min(burst, server.requests + passed * rpm / 60)
                wait = max(0.0, (1.0 - server.requests) * 60 / rpm)
            if tpm:
                server.tokens = min(max(1.0, tpm / 60), server.tokens + passed * tpm / 60)
                if server.tokens <= 0:
                    wait = max(wait, (1.0 - server.tokens) * 60 / tpm)
            server.filled_at = now
            if wait <= 1e-6:
                server.requests -= 1.0 if rpm else 0.0
                server.tokens -= float(tokens) if tpm else 0.0
                wait = 0.0
                if reserve:
                    connection.execute("UPDATE user SET reserved = reserved + ? WHERE id = ?", (reserve, self.user))
            self._store(connection)
            return wait, True

    def settle(self, reserved: int, spent: int, tokens_back: int) -> None:
        """A request has ended: give back what was reserved, count what was spent, and correct the tokens."""
        with self._changing() as connection:
            if reserved:
                connection.execute(
                    "UPDATE user SET reserved = max(0, reserved - ?) WHERE id = ?", (reserved, self.user)
                )
            if spent:
                self._add_spent(connection, spent)
            if tokens_back:
                connection.execute(
                    "UPDATE server SET tokens = tokens + ? WHERE endpoint = ?", (tokens_back, self.endpoint)
                )

    # questions under way

    def claim(self, keys: Iterable[str]) -> set[str]:
        """Say that these questions are asked here; returns those that somebody else is asking already."""
        wanted = list(keys)
        with self._changing() as connection:
            self._drop_dead(connection)
            connection.executemany(
                "INSERT OR IGNORE INTO under_way VALUES (?, ?, ?)", [(self.place, key, self.user) for key in wanted]
            )
            return self._elsewhere(connection, wanted)

    def elsewhere(self, keys: Iterable[str]) -> set[str]:
        """Those of the questions that somebody else is asking (who lives)."""
        wanted = list(keys)
        if steady() - self._looked_for_dead > DEAD_CHECK:
            with self._changing() as connection:
                self._drop_dead(connection)
        with self._lock:
            return self._elsewhere(self._connection, wanted)

    def release(self, keys: Iterable[str]) -> None:
        """These questions are answered, or given up."""
        rows = [(self.place, key, self.user) for key in keys]
        if rows:
            with self._changing() as connection:
                connection.executemany("DELETE FROM under_way WHERE place = ? AND key = ? AND user = ?", rows)

    # inside

    def _elsewhere(self, connection: sqlite3.Connection, keys: list[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            query = f"SELECT key FROM under_way WHERE place = ? AND user <> ? AND key IN ({','.join('?' * len(part))})"
            found.update(row[0] for row in connection.execute(query, (self.place, self.user, *part)))
        return found

    def _shrink(self, now: float) -> None:
        server = self.server
        server.doubling = 0
        if now - server.shrunk_at > 1.0:
            server.shrunk_at = now
            server.allowed = max(1.0, server.allowed * 0.6)

    def _add_spent(self, connection: sqlite3.Connection, micros: int) -> None:
        connection.execute(ADD_SPENT, (self.endpoint, self.model, micros))

    def _join(self) -> None:
        with self._changing() as connection:
            self._drop_dead(connection)
            alone = (
                connection.execute("SELECT 1 FROM user WHERE endpoint = ? LIMIT 1", (self.endpoint,)).fetchone() is None
            )
            known = connection.execute("SELECT 1 FROM server WHERE endpoint = ?", (self.endpoint,)).fetchone()
            if known is None:
                fresh = Server(allowed=self._start, clock=wall() - steady())
                marks = ", ".join("?" * (1 + len(_COLUMNS)))
                values = [getattr(fresh, name) for name in _COLUMNS]
                connection.execute(f"INSERT INTO server VALUES ({marks})", (self.endpoint, *values))
            self._enter(connection, 0, 0)
            self._load(connection)
            if alone and known is not None:  # what the last run learned may be over; a pause that was asked for is not
                server = self.server
                server.allowed, server.doubling, server.failures = self._start, 1, 0
                server.open_since = server.probe_at = 0.0
                self._store(connection)

    def _enter(self, connection: sqlite3.Connection, holding: int, wanted: int) -> None:
        row = (self.user, self.endpoint, self.model, self._pid, self._started, holding, wanted, 0)
        connection.execute("INSERT OR REPLACE INTO user VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _forget(self, connection: sqlite3.Connection, users: Iterable[str]) -> None:
        for user in users:
            connection.execute("DELETE FROM under_way WHERE user = ?", (user,))
            connection.execute("DELETE FROM user WHERE id = ?", (user,))

    def _drop_dead(self, connection: sqlite3.Connection) -> None:
        """Let go what processes held that are no more. What they had reserved may have been paid: it is counted."""
        now = steady()
        if now - self._looked_for_dead < DEAD_CHECK:
            return
        self._looked_for_dead = now
        dead = []
        for user, endpoint, model, pid, started, reserved in connection.execute(
            "SELECT id, endpoint, model, pid, started, reserved FROM user"
        ).fetchall():
            if pid != self._pid and process_started(pid) != started:
                dead.append(user)
                if reserved:
                    connection.execute(ADD_SPENT, (endpoint, model, reserved))
        self._forget(connection, dead)

    def _load(self, connection: sqlite3.Connection) -> None:
        row = connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM server WHERE endpoint = ?", (self.endpoint,)
        ).fetchone()
        self.server = Server(*row) if row else Server(allowed=self._start, clock=wall() - steady())
        self.others = connection.execute(
            "SELECT id, holding, wanted FROM user WHERE endpoint = ? AND id <> ?", (self.endpoint, self.user)
        ).fetchall()
        clock = wall() - steady()
        if abs(clock - self.server.clock) > JUMP:
            server = self.server
            server.clock = clock
            server.paused_until = server.shrunk_at = server.filled_at = 0.0
            server.pauses = server.failures = 0
            server.open_since = server.probe_at = 0.0

    def _store(self, connection: sqlite3.Connection) -> None:
        self.server.clock = wall() - steady()
        names = ", ".join(f"{name} = ?" for name in _COLUMNS)
        values = [getattr(self.server, name) for name in _COLUMNS]
        connection.execute(f"UPDATE server SET {names} WHERE endpoint = ?", (*values, self.endpoint))

    def _reading(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"The file of shared limits cannot be read: {error}.", "Resume.") from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        try:
            with self._lock:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise StoreError(
                f"The file of shared limits cannot be written: {error}.", "Free some disk space, then resume."
            ) from error

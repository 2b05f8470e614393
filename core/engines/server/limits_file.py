"""The file `HOME/limits.db`: its tables, how it is opened, and how the processes in it are told from dead ones."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from core.errors import StoreError
from core.store.projects import Host

VERSION = 1
BUSY_SECONDS = 10.0

_TABLES = """
CREATE TABLE server (
    endpoint TEXT PRIMARY KEY, allowed REAL NOT NULL, doubling INTEGER NOT NULL, paused_until REAL NOT NULL,
    why TEXT NOT NULL, pauses INTEGER NOT NULL, shrunk_at REAL NOT NULL, failures INTEGER NOT NULL,
    open_since REAL NOT NULL, probe_at REAL NOT NULL, requests REAL NOT NULL, tokens REAL NOT NULL,
    filled_at REAL NOT NULL, clock REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE spend (
    endpoint TEXT NOT NULL, model TEXT NOT NULL, micros INTEGER NOT NULL, PRIMARY KEY (endpoint, model)
) WITHOUT ROWID;
CREATE TABLE user (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, model TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
    holding INTEGER NOT NULL, wanted INTEGER NOT NULL, reserved INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE under_way (
    place TEXT NOT NULL, key TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (place, key)
) WITHOUT ROWID;
CREATE INDEX under_way_user ON under_way (user);
"""
ADD_SPENT = (
    "INSERT INTO spend VALUES (?, ?, ?) ON CONFLICT (endpoint, model) DO UPDATE SET micros = micros + excluded.micros"
)


def process_started(pid: int) -> str | None:
    """What tells a process from a later one of the same number; None where there is no such process.

    Not the time of day on Linux: that is worked out from the wall clock, and would differ after it was set."""
    try:
        if sys.platform == "linux":
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            fields = text.rpartition(")")[2].split()
            return None if fields[0] in "ZX" else fields[19]
        return f"{psutil.Process(pid).create_time():.1f}"
    except (OSError, IndexError, psutil.Error):
        return None


def fair_share(demands: Sequence[int], total: int, turn: int) -> list[int]:
    """`total` places among those who want so many each: nobody gets more than wanted, and nobody less than another
    who has more. What cannot be shared evenly goes round by `turn`."""
    shares = [0] * len(demands)
    left = total
    hungry = [i for i, demand in enumerate(demands) if demand > 0]
    while hungry and left >= len(hungry):
        each = min(left // len(hungry), min(demands[i] - shares[i] for i in hungry))
        for i in hungry:
            shares[i] += each
        left -= each * len(hungry)
        hungry = [i for i in hungry if shares[i] < demands[i]]
    for n in range(min(left, len(hungry))):
        shares[hungry[(turn + n) % len(hungry)]] += 1
    return shares


FILE = "limits.db"


def spent(host: Host, endpoint: str, model: str) -> int:
    """Micros that this host has spent on a model in all, as far as its requests were counted."""
    with contextlib.closing(opened(host.settings.home / FILE)) as connection:
        query = "SELECT micros FROM spend WHERE endpoint = ? AND model = ?"
        row = connection.execute(query, (endpoint, model)).fetchone()
    return int(row[0]) if row else 0


def add_spent(host: Host, endpoint: str, model: str, micros: int) -> None:
    """Count what was paid for other than by an engine's requests (a batch).

    Raises:
        StoreError: the file cannot be written.
    """
    with contextlib.closing(opened(host.settings.home / FILE)) as connection:
        try:
            connection.execute(ADD_SPENT, (endpoint, model, micros))
        except sqlite3.Error as error:
            raise StoreError(
                f"The file of shared limits cannot be written: {error}.", "Free some disk space."
            ) from error


def opened(path: Path) -> sqlite3.Connection:
    """The file, made when it is new; made anew when it is of another version or was damaged."""
    for attempt in (1, 2):
        connection = None
        try:
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                connection.execute("BEGIN IMMEDIATE")
                if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:  # nobody else has, meanwhile
                    for table in ("server", "spend", "user", "under_way"):
                        connection.execute(f"DROP TABLE IF EXISTS {table}")
                    for statement in _TABLES.split(";"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("COMMIT")
            return connection
        except sqlite3.OperationalError as error:  # full, not writable, locked
            if connection is not None:
                connection.close()
            raise StoreError(
                f"The file {path} cannot be used: {error}.", "Check the disk's space and rights."
            ) from error
        except sqlite3.DatabaseError as error:  # no database any more, after a power cut
            if connection is not None:
                connection.close()
            if attempt == 2:
                raise StoreError(f"The file {path} cannot be used: {error}.", "Remove it: it is made anew.") from error
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                with contextlib.suppress(OSError):
                    path.with_name(name).unlink()
    raise AssertionError("unreachable")

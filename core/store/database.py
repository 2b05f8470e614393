"""One database: how it is opened, read and written.

Reading: `with database.read() as connection`, a snapshot that never blocks the writer.
Writing: `database.write(function)` hands the function to the process's one writer thread, which commits
several of them together (group commit) and answers only after the commit. A function that raises is rolled
back alone. SQLite's own busy wait is unfair to many writers; one writer removes the multi-second tails
(measured: docs/architecture.md, "One writer").
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from core.errors import StoreError

T = TypeVar("T")
BUSY_SECONDS = 30
_UNUSABLE = (OperationalError, DatabaseError)  # full, locked, gone, damaged; not what a statement did wrong
GROUP_LIMIT = 200  # functions committed together at most, so that one commit stays short


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=24,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: Python's own guess splits migrations
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
            "temp_store=MEMORY",
            "cache_size=-32768",
            "wal_autocheckpoint=4000",  # bulk imports would copy the log back at nearly every commit otherwise
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("tagloom_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _postgres_engine(url: str, schema: str) -> Engine:
    url = "postgresql+psycopg://" + url.split("://", 1)[1]
    return create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        connect_args={"options": f"-csearch_path={schema}", "connect_timeout": 10},
    )


class Database:
    """A project's or the host's database; use `core.store.projects` to get one.

    Args:
        path: the SQLite file (its folder must exist), or None for Postgres.
        url: the Postgres address, or None for SQLite.
        schema: the Postgres schema.
    """

    def __init__(self, path: Path | None = None, *, url: str | None = None, schema: str = "") -> None:
        self.path = path
        self.schema = schema
        self.engine = _sqlite_engine(path) if path else _postgres_engine(url or "", schema)
        self.dialect = self.engine.dialect.name
        self._queue: queue.SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading one consistent snapshot. Keep it short: a long one lets the log grow."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            if type(error) not in _UNUSABLE:
                raise
            raise self._explain(error) from error

    def write(self, function: Callable[[Connection], T]) -> T:
        """Run `function` in the writer thread; returns its result once it is durable.

        Raises:
            StoreError: the database is full, locked for longer than 30 s, or not there.
            Exception: whatever `function` raised; its changes are rolled back.
        """
        return self.submit(function).result()

    def submit(self, function: Callable[[Connection], T]) -> Future[T]:
        """As `write`, without waiting: the future is done once the change is durable."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise StoreError("The database is closed.", "Open the project again.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="tagloom-writer", daemon=True)
                self._thread.start()
            self._queue.put((function, future))
        return future

    def close(self) -> None:
        """Finish what was submitted and close every connection."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()
        self.engine.dispose()

    def _work(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            stop = False
            while len(group) < GROUP_LIMIT:
                try:
                    entry = self._queue.get_nowait()
                except queue.Empty:
                    break
                if entry is None:
                    stop = True
                    break
                group.append(entry)
            self._commit(group)
            if stop:
                return

    def _commit(self, group: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        # a request whose browser went away has cancelled its future; answering that would kill this thread
        group = [entry for entry in group if entry[1].set_running_or_notify_cancel()]
        if not group:
            return
        answers: list[tuple[Future[Any], Any]] = []
        failures: list[tuple[Future[Any], BaseException]] = []
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(tagloom_writing=True)
                with connection.begin():
                    for function, future in group:
                        try:
                            if len(group) == 1:
                                answers.append((future, function(connection)))
                            else:
                                with connection.begin_nested():
                                    answers.append((future, function(connection)))
                        except DBAPIError as error:
                            if len(group) == 1 or error.connection_invalidated or not _still_open(connection):
                                raise
                            explained = self._explain(error) if type(error) in _UNUSABLE else error
                            failures.append((future, explained))
                        except Exception as error:
                            if len(group) == 1:
                                raise
                            failures.append((future, error))
        except Exception as error:
            failure: Exception = error
            if isinstance(error, DatabaseError) and type(error) in _UNUSABLE:
                failure = self._explain(_first_cause(error))
            for _, future in group:
                future.set_exception(failure)
            return
        for future, answer in answers:
            future.set_result(answer)
        for future, reason in failures:
            future.set_exception(reason)

    def _explain(self, error: DBAPIError) -> StoreError:
        said = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        where = str(self.path) if self.path else f"Postgres schema {self.schema}"
        if "locked" in said:
            remedy = "Another program holds it; close that program and try again."
        elif "full" in said:
            remedy = "Free some disk space; what was saved before is safe."
        elif "readonly" in said or "unable to open" in said:
            remedy = "Check that the folder exists and may be written by this user."
        elif "not a database" in said or "malformed" in said:
            remedy = "Put the newest copy from the folder backups in its place."
        else:
            remedy = "Run `tagloom doctor` to see what is wrong."
        return StoreError(f"The database {where} cannot be used: {said}.", remedy)


def _still_open(connection: Connection) -> bool:
    """False when SQLite has rolled the whole transaction back by itself, as it may on a full disk: then nothing of
    the group is stored, and none of its functions may be told that it was."""
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", True))


def _first_cause(error: DatabaseError) -> DatabaseError:
    """What made SQLite roll everything back, behind the complaint that a savepoint is gone."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DatabaseError) and "no such savepoint" not in str(cause):
            return cause
        cause = cause.__context__
    return error


def allocate(connection: Connection, table: str, column: str, n: int) -> list[int]:
    """`n` free keys of `table.column`, rising, inside the writing transaction.

    Rows are never removed from the tables this is used for, so max + 1 is free on SQLite, where the write
    lock is held; Postgres takes them from the column's sequence (which other writers may use at once).
    """
    if connection.dialect.name == "sqlite":
        last = int(connection.exec_driver_sql(f"SELECT coalesce(max({column}), 0) FROM {table}").scalar_one())
        return list(range(last + 1, last + 1 + n))
    keys = connection.execute(
        text("SELECT nextval(pg_get_serial_sequence(:t, :c)) FROM generate_series(1, :n)"),
        {"t": table, "c": column, "n": n},
    ).scalars()
    return sorted(int(key) for key in keys)


def insert_many(connection: Connection, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert rows given as tuples, straight through the driver: for bulk work, where SQLAlchemy's handling of
    each row's parameters would cost as much as the insert. `table` and `columns` are names from our own code."""
    if not rows:
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


class BulkPace:
    """Keeps a worker's bulk writes from delaying people's decisions.

    Call it after each committed batch with the seconds the commit took: it pauses 20 ms while anyone is
    reviewing (a decision in the last 30 s), and `batch` shrinks when a transaction took over 50 ms.
    """

    PAUSE_SECONDS = 0.02
    REVIEWING_SECONDS = 30.0
    LONGEST_SECONDS = 0.05

    def __init__(self, database: Database, largest: int = 500) -> None:
        self.database = database
        self.largest = largest
        self.batch = largest
        self._asked = 0.0
        self._reviewing = False

    def __call__(self, seconds: float) -> None:
        if seconds > self.LONGEST_SECONDS:
            self.batch = max(min(50, self.largest), self.batch * 3 // 4)
        elif seconds < self.LONGEST_SECONDS / 2:
            self.batch = min(self.largest, self.batch + 50)
        now = time.monotonic()
        if now - self._asked > 0.5:
            self._asked = now
            self._reviewing = self._anyone()
        if self._reviewing:
            time.sleep(self.PAUSE_SECONDS)

    def _anyone(self) -> bool:
        with self.database.read() as connection:
            # what an import brings with it has no client_time; it must not take itself for a reviewer
            last = connection.exec_driver_sql(
                "SELECT at FROM decision WHERE client_time IS NOT NULL "
                "AND seq > (SELECT coalesce(max(seq), 0) - 20000 FROM decision) ORDER BY seq DESC LIMIT 1"
            ).scalar()
        return last is not None and time.time() - float(last) < self.REVIEWING_SECONDS

"""Answers on their way into the database: several are committed together, each with its row of the ledger, and while
the database cannot be written they are kept and tried again. Used inside one event loop only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from core.engines import replies
from core.engines.calls import Reply
from core.engines.money import ledger
from core.engines.money.ledger import Attempt
from core.engines.replies import Landed
from core.errors import StoreError
from core.store.database import Database

APART = 0.004  # seconds between the beginnings of commits when answers come fast; a lone one is not kept waiting
AGAIN_SECONDS = 0.5
MOST_TOGETHER = 200


@dataclass(slots=True)
class _Waiting:
    attempt: Attempt
    answer: Landed | None
    done: asyncio.Future[Reply] | None


class Landing:
    """Where answers of one model are stored.

    Args:
        keep_seconds: how long answers are kept in memory while the database cannot be written.
        on_trouble: called with a sentence when storing begins to fail, and with "" when it works again.
    """

    def __init__(
        self,
        database: Database,
        endpoint: str,
        model: str,
        keep_seconds: float,
        on_trouble: Callable[[str], None],
    ) -> None:
        self._database = database
        self._endpoint = endpoint
        self._model = model
        self._keep_seconds = keep_seconds
        self._on_trouble = on_trouble
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._out = 0  # commits under way
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._troubled_since = 0.0
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, answer: Landed, attempt: Attempt) -> asyncio.Future[Reply]:
        """Store an answer; what is returned is done once it is durable. Wait for it with `asyncio.shield`.

        A StoreError in it: the database could not be written for `keep_seconds`.
        """
        done: asyncio.Future[Reply] = self._loop.create_future()
        self._add(_Waiting(attempt, answer, done))
        return done

    def note(self, attempt: Attempt) -> None:
        """Write a row of the ledger that no answer came of; nobody waits for it."""
        self._add(_Waiting(attempt, None, None))

    async def settled(self) -> None:
        """Wait until everything is stored, or has failed to be."""
        await self._idle.wait()

    def _add(self, entry: _Waiting) -> None:
        self._idle.clear()
        self._waiting.append(entry)
        if not self._out and self._timer is None:
            wait = self._last + APART - time.monotonic()
            if wait <= 0 and entry.done is not None:
                self._flush()
            else:
                self._timer = self._loop.call_later(max(wait, APART), self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._out or not self._waiting:
            return
        group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        self._send(group, len(group) > 1)

    def _send(self, group: list[_Waiting], several: bool) -> None:
        self._out += 1
        self._last = time.monotonic()
        answers = list({each.answer.key: each.answer for each in group if each.answer is not None}.values())
        attempts = [each.attempt for each in group]

        def write(connection: Connection) -> dict[str, Reply]:
            stored = replies.store(connection, self._endpoint, self._model, answers) if answers else {}
            ledger.store(connection, attempts)
            return stored

        def landed(future: Future[dict[str, Reply]]) -> None:
            self._loop.call_soon_threadsafe(self._landed, group, several, future)

        try:
            self._database.submit(write).add_done_callback(landed)
        except StoreError as error:  # the project was closed
            failed: Future[Any] = Future()
            failed.set_exception(error)
            self._landed(group, several, failed)

    def _landed(self, group: list[_Waiting], several: bool, future: Future[dict[str, Reply]]) -> None:
        self._out -= 1
        error = future.exception()
        if error is None:
            stored = future.result()
            for each in group:
                if each.done is not None and each.answer is not None and not each.done.done():
                    each.done.set_result(stored[each.answer.key])
            if self._troubled_since:
                self._troubled_since = 0.0
                self._on_trouble("")
        elif isinstance(error, StoreError):
            return self._keep(group, error)
        elif several:  # one of them cannot be stored: the others can
            for each in group:
                self._send([each], False)
        else:
            for each in group:
                if each.done is not None and not each.done.done():
                    each.done.set_exception(error)
        self._go_on()
        return None

    def _keep(self, group: list[_Waiting], error: StoreError) -> None:
        """Keep what could not be stored, and try again; give up in the end."""
        now = time.monotonic()
        self._troubled_since = self._troubled_since or now
        self._waiting = [*group, *self._waiting]
        if now - self._troubled_since < self._keep_seconds:
            self._on_trouble(error.message)
            if self._timer is None:
                self._timer = self._loop.call_later(min(AGAIN_SECONDS, self._keep_seconds / 4), self._flush)
            return
        lost = sum(each.answer is not None for each in self._waiting)
        message = f"{error.message} {lost} answers that had come could not be stored." if lost else error.message
        for each in self._waiting:
            if each.done is not None and not each.done.done():
                each.done.set_exception(StoreError(message, error.remedy))
                each.done.exception()
        self._waiting.clear()
        self._troubled_since = 0.0
        if not self._out:
            self._idle.set()

    def _go_on(self) -> None:
        if self._out or self._timer is not None:
            return
        if not self._waiting:
            self._idle.set()
            return
        wait = self._last + APART - time.monotonic()
        if wait <= 0:
            self._flush()
        else:
            self._timer = self._loop.call_later(wait, self._flush)

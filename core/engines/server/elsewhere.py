"""Questions that another process is asking already: its answers are waited for. Used inside one event loop only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from core.engines import replies
from core.engines.calls import Reply
from core.engines.server.shared_limits import SharedLimits
from core.errors import StoreError
from core.store.database import Database

LOOK_SECONDS = 0.1


class Elsewhere:
    """Waits for answers that others get, with one look for all of them.

    Args:
        given_up: whether nobody waits any more, because the run is over.
    """

    def __init__(self, database: Database, shared: SharedLimits, given_up: Callable[[], bool]) -> None:
        self._database = database
        self._shared = shared
        self._given_up = given_up
        self._waiting: dict[str, asyncio.Future[Reply | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def reply(self, key: str) -> Reply | None:
        """The answer that another process gets; None where it has given up, and this one may ask.

        Raises:
            StoreError: the database cannot be read.
        """
        loop = asyncio.get_running_loop()
        waiter = self._waiting[key] = loop.create_future()
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())
        try:
            return await waiter
        finally:
            self._waiting.pop(key, None)

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if self._given_up():
                    self._tell(dict.fromkeys(self._waiting))
                else:
                    await self._look_once()
            except StoreError as error:
                for waiter in self._waiting.values():
                    if not waiter.done():
                        waiter.set_exception(error)
                return

    async def _look_once(self) -> None:
        self._tell(await asyncio.to_thread(replies.find, self._database, list(self._waiting)))
        left = {key for key, waiter in self._waiting.items() if not waiter.done()}
        free = left - self._shared.elsewhere(left)
        free -= self._shared.claim(free) if free else set()
        if free:  # said first, looked up again then: it may have been answered in between
            found: dict[str, Reply | None] = dict.fromkeys(free)
            found.update(await asyncio.to_thread(replies.find, self._database, list(free)))
            self._tell(found)

    def _tell(self, found: dict[str, Any]) -> None:
        for key, reply in found.items():
            waiter = self._waiting.get(key)
            if waiter is not None and not waiter.done():
                waiter.set_result(reply)

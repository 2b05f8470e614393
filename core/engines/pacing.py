"""How many requests are under way at one server, and when everybody waits. Used inside one event loop only."""

from __future__ import annotations

import asyncio
import random
import time


class Gate:
    """Bounded concurrency with a shared pause.

    A server that asks for fewer requests pauses all of them, and afterwards gets 60 % of the requests at a time,
    growing again by one for every round that goes well (as TCP does). The first request goes alone: what a server does
    not take, or a key that it refuses, is found out once and not by everybody.

    Args:
        most: requests under way at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.allowed = 1.0
        self.opened = False
        self.active = 0
        self.resumes = 0.0  # time.monotonic()
        self._shrunk = 0.0
        self._free = asyncio.Condition()

    async def enter(self) -> None:
        """Wait until a request may start."""
        while True:
            async with self._free:
                await self._free.wait_for(lambda: self.active < max(1, int(self.allowed)))
                wait = self.resumes - time.monotonic()
                if wait <= 0:
                    self.active += 1
                    return
            await asyncio.sleep(wait + random.uniform(0, 0.05))

    async def leave(self, well: bool) -> None:
        async with self._free:
            self.active -= 1
            if well and not self.opened:
                self.opened, self.allowed = True, float(self.most)
            elif well:
                self.allowed = min(float(self.most), self.allowed + 1 / max(1.0, self.allowed))
            self._free.notify_all()

    async def open(self) -> None:
        """The server is there and lets us in: everybody may go."""
        async with self._free:
            if not self.opened:
                self.opened, self.allowed = True, float(self.most)
                self._free.notify_all()

    def pause(self, seconds: float, *, shrink: bool = True) -> None:
        """Nobody starts for so long; several complaints of one moment count as one."""
        now = time.monotonic()
        self.resumes = max(self.resumes, now + seconds)
        if shrink and now - self._shrunk > 1.0:
            self._shrunk = now
            self.allowed = max(1.0, self.allowed * 0.6)

    @property
    def waiting(self) -> float:
        """Seconds until requests start again."""
        return max(0.0, self.resumes - time.monotonic())


def backoff(attempt: int, first: float = 0.5, longest: float = 20.0) -> float:
    """Seconds before try `attempt` + 1: doubling, with a quarter of chance."""
    return float(min(longest, first * 2 ** (attempt - 1)) * random.uniform(0.75, 1.0))

"""A chat-completions server for the engine benchmark, in a process of its own: a fixed delay, or a limited rate.

It parses no more of HTTP than it must, so that what is measured is the client. `POST …/reset` clears its counters and
sets {"delay": seconds, "rate": answers a second or null, "retry_after": seconds}; `GET …/counts` tells them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

TAGS = [
    "river valley",
    "stone bridge",
    "village school",
    "spring flood",
    "grain mill",
    "ferry boat",
    "old harbour",
    "market square",
    "glass workshop",
    "narrow lane",
    "summer fair",
    "wool trade",
    "mountain pass",
    "bell tower",
    "fishing rights",
    "orchard",
    "town archive",
    "wedding song",
    "salt road",
    "winter storm",
    "chalk quarry",
    "letter from home",
    "first railway",
    "weather diary",
]
ANSWER = json.dumps({"tags": TAGS})
BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 750, "completion_tokens": 180, "total_tokens": 930},
    }
).encode()


class State:
    """Counters and manners of the whole server."""

    delay = 0.05
    rate: float | None = None
    retry_after = 1.0
    answered = 0
    refused = 0
    tokens = 0.0
    filled = 0.0

    def admits(self) -> bool:
        """A token bucket of one second's worth."""
        if self.rate is None:
            return True
        now = time.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


state = State()


def _response(status: str, body: bytes, extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request at a time."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = b""
        self.answer(head.split(b"\r\n", 1)[0], body)

    def answer(self, line: bytes, body: bytes) -> None:
        if b"/reset" in line:
            for name, value in json.loads(body).items():
                setattr(state, name, value)
            state.answered = state.refused = 0
            state.tokens, state.filled = 0.0, time.monotonic()
            self.send(_response("200 OK", b"{}"))
        elif b"/counts" in line:
            counts = {"answered": state.answered, "refused": state.refused}
            self.send(_response("200 OK", json.dumps(counts).encode()))
        elif not state.admits():
            state.refused += 1
            problem = b'{"error": {"message": "Too many requests", "type": "rate_limit"}}'
            self.send(_response("429 Too Many Requests", problem, f"retry-after: {state.retry_after:g}\r\n"))
        else:
            asyncio.get_running_loop().call_later(state.delay, self.finish)

    def finish(self) -> None:
        state.answered += 1
        self.send(_response("200 OK", BODY))

    def send(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    try:
        import uvloop

        uvloop.install()
    except ImportError:
        pass
    asyncio.run(_serve(parser.parse_args().port))

"""A real HTTP server that does what a fault table says: every way in which servers of chat completions go wrong.

`with FaultServer(script=[{"status": 429, "headers": {"retry-after": "1"}}]) as server: … server.base_url …`

What becomes of a request is looked up in this order: `rules` (what this server never takes), `script` (the first
requests, in the order in which they arrive), `each` (the first tries of every question), `always`, and else a proper
answer made of the item's own words. All of it is data (tests/faults.toml), see `Behaviour` and `Rule`.

It speaks HTTP/1.1 byte by byte, so that answers can be cut, dripped, mislabelled and reset at any place.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.engine_server import candidates_of, chosen, free_tags, item_of

MODEL = "mock-small"
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one request.

    Attributes:
        wait: seconds before the first byte.
        status, headers, kind: of the HTTP answer; `retry_date`: seconds from now as Retry-After's HTTP date.
        text: the model's words instead of a proper answer; `content_json`: the same as JSON source, for what no text
            can hold (lone surrogates); `fill`: [piece, times], put behind the text.
        message: fields of the message instead of content.
        finish, model, usage: of the completion; usage False leaves it out, a table replaces it.
        error, code, shape: an error's words, code, and where they stand: "openai", "string", "detail".
        body: the whole body, whatever it is.
        cut: "length" (content-length promises more), "chunked" (no last chunk), "reset" (RST in the middle), "before"
            (RST instead of an answer), "silent" (no answer ever).
        drip: seconds between ten bytes each.
        stale: the connection is kept after this answer, and dead by the time the next request comes: "fin" or "rst".
        times: how often in a script.
    """

    wait: float = 0.0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_date: float | None = None
    kind: str = "application/json"
    text: str | None = None
    content_json: str | None = None
    fill: tuple[str, int] | None = None
    message: Mapping[str, Any] | None = None
    finish: str | None = "stop"
    model: str | None = None
    usage: Any = True
    error: str | None = None
    code: str | int | None = None
    shape: str = "openai"
    body: str | None = None
    cut: str = ""
    drip: float = 0.0
    stale: str = ""
    times: int = 1

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Behaviour:
        return cls(**{**data, **({"fill": tuple(data["fill"])} if "fill" in data else {})})


@dataclass(frozen=True)
class Rule:
    """A behaviour for the requests to which all of this applies.

    Attributes:
        has: a place in the body, as "response_format.json_schema".
        format: type of response_format.
        contains: words of the messages.
        longer: characters of all messages.
        below: max_tokens is less.
        image: there is a picture.
        turns: user messages at most so many.
        role: a message of this role.
        no_key: the Authorization header is not "Bearer <this>".
        other_model: the model is not this one.
    """

    do: Behaviour
    has: str = ""
    format: str = ""
    contains: str = ""
    longer: int = 0
    below: int = 0
    image: bool = False
    turns: int = 0
    role: str = ""
    no_key: str = ""
    other_model: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Rule:
        return cls(**{**data, "do": Behaviour.of(data["do"])})

    def applies(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
        messages = body.get("messages") or []
        text = "\n".join(_text(m) for m in messages)
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 0
        return not (
            (self.has and _at(body, self.has) is None)
            or (self.format and (body.get("response_format") or {}).get("type") != self.format)
            or (self.contains and self.contains not in text)
            or (self.longer and len(text) <= self.longer)
            or (self.below and limit >= self.below)
            or (self.image and not _has_image(messages))
            or (self.turns and sum(m.get("role") == "user" for m in messages) > self.turns)
            or (self.role and not any(m.get("role") == self.role for m in messages))
            or (self.no_key and headers.get("authorization") == f"Bearer {self.no_key}")
            or (self.other_model and body.get("model") == self.other_model)
        )


@dataclass(frozen=True)
class Seen:
    """A request as it came: its body, headers, when, on which connection, how many were under way with it."""

    body: dict[str, Any]
    raw: bytes
    headers: dict[str, str]
    at: float
    connection: int
    under_way: int

    @property
    def texts(self) -> str:
        return "\n".join(_text(m) for m in self.body.get("messages") or [])


class FaultServer:
    """The server; its attributes may be changed while it runs.

    Attributes:
        requests: every POST to chat completions, in order.
        answered: answers that were sent whole with status 200.
        gets: paths of the GET requests.
        rate: requests a second; beyond it 429 with Retry-After `rate_wait`.
        latency: seconds of a proper answer.
        models: ids listed at /models, or a Behaviour's data.
        tls: file with a private key and its certificate; the server speaks TLS with it.
        base: path that everything is below; every server of a test that shares its project with others needs its own,
            since ports come back.
    """

    def __init__(
        self,
        *,
        script: Iterable[Mapping[str, Any]] = (),
        each: Iterable[Mapping[str, Any]] = (),
        rules: Iterable[Mapping[str, Any]] = (),
        always: Mapping[str, Any] | None = None,
        models: Any = (MODEL, "mock-large"),
        rate: float = 0.0,
        rate_wait: float = 0.5,
        latency: float = 0.0,
        tls: Path | None = None,
        base: str = "/v1",
    ) -> None:
        self.requests: list[Seen] = []
        self.gets: list[str] = []
        self.answered = 0
        self.rate, self.rate_wait, self.latency, self.models = rate, rate_wait, latency, models
        self.base = base
        self._tls: ssl.SSLContext | None = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls)
        self._lock = threading.Lock()
        self._tries: Counter[str] = Counter()
        self._window: deque[float] = deque()
        self._under_way = 0
        self._connections = 0
        self.order(script=script, each=each, rules=rules, always=always)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-server", daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # orders

    def order(
        self,
        *,
        script: Iterable[Mapping[str, Any]] = (),
        each: Iterable[Mapping[str, Any]] = (),
        rules: Iterable[Mapping[str, Any]] = (),
        always: Mapping[str, Any] | None = None,
    ) -> None:
        """What to do from now on; nothing given: proper answers."""
        steps = [Behaviour.of(step) for step in script]
        self._script = deque(step for step in steps for _ in range(step.times))
        self._each = [Behaviour.of(step) for step in each]
        self._rules = [Rule.of(rule) for rule in rules]
        self._always = None if always is None else Behaviour.of(always)

    def well(self) -> None:
        """No faults any more."""
        self.order()
        self.rate = self.latency = 0.0
        self._tries.clear()

    # life

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.address}{self.base}"

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def up(self) -> None:
        """Listen (again)."""

        async def listen() -> None:
            # small buffers would change nothing; a long queue keeps many clients from being refused at once
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512, ssl=self._tls)

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(timeout=10)

    def down(self) -> None:
        """Nobody listens any more, and every connection is gone."""

        async def leave() -> None:
            self._listener.close()
            for writer in list(self._open):
                _reset(writer)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(leave(), self._loop).result(timeout=10)

    # figures

    @property
    def asked(self) -> int:
        with self._lock:
            return len(self.requests)

    @property
    def most_under_way(self) -> int:
        with self._lock:
            return max((seen.under_way for seen in self.requests), default=0)

    # requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        self._connections += 1
        number, dead = self._connections, ""
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                came = await self._read(reader)
                if came is None:
                    break
                if not came[0]:  # as servers answer what is not HTTP: TLS, say
                    writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                    break
                verb, path, headers, raw = came
                if verb == "POST" and path.endswith("/chat/completions"):
                    body = json.loads(raw)
                    behaviour = self._note(body, raw, headers, number)
                    try:
                        if dead:
                            if dead == "rst":
                                _reset(writer)
                            return
                        known = path == f"{self.base}/chat/completions"
                        kept = await self._answer(writer, body, behaviour if known else _NOT_FOUND)
                    finally:
                        self._under_way -= 1
                    dead = behaviour.stale
                    if not kept:
                        break
                else:
                    self.gets.append(path)
                    await self._other(writer, path)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the server goes: nobody waits for this task
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            with suppress(Exception):
                writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
        try:
            begun = await reader.readexactly(1)
            if not begun.isalpha():
                return "", "", {}, b""
            head = begun + await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        verb, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        raw = await reader.readexactly(int(headers.get("content-length") or 0))
        return verb, path, headers, raw

    def _note(self, body: dict[str, Any], raw: bytes, headers: dict[str, str], connection: int) -> Behaviour:
        question = sha256(json.dumps((body.get("messages") or [])[:2], sort_keys=True).encode()).hexdigest()
        now = time.monotonic()
        with self._lock:
            self._under_way += 1
            self.requests.append(Seen(body, raw, headers, now, connection, self._under_way))
            tried = self._tries[question]
            ruled = next((rule.do for rule in self._rules if rule.applies(body, headers)), None)
            if ruled is not None:
                return ruled
            if self.rate:
                while self._window and now - self._window[0] >= 1.0:
                    self._window.popleft()
                if len(self._window) >= self.rate:
                    wait = {"retry-after": str(self.rate_wait)}
                    return Behaviour(status=429, headers=wait, error="Slow down.", code="rate_limit_exceeded")
                self._window.append(now)
            if self._script:
                return self._script.popleft()
            self._tries[question] += 1
            if tried < len(self._each):
                return self._each[tried]
            return self._always or Behaviour(wait=self.latency)

    async def _other(self, writer: asyncio.StreamWriter, path: str) -> None:
        if path != f"{self.base}/models":
            await self._answer(writer, {}, _NOT_FOUND)
        elif isinstance(self.models, Mapping):
            await self._answer(writer, {}, Behaviour.of(self.models))
        else:
            listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            await self._answer(writer, {}, Behaviour(body=json.dumps(listed)))

    async def _answer(self, writer: asyncio.StreamWriter, body: dict[str, Any], how: Behaviour) -> bool:
        """Answer as ordered; False where the connection ends with it."""
        if how.wait:
            await asyncio.sleep(how.wait)
        if how.cut == "silent":
            await asyncio.sleep(3600)
        if how.cut == "before":
            _reset(writer)
            return False
        data = self._body(body, how).encode("utf-8", "surrogatepass")
        headers = {"content-type": how.kind, **how.headers}
        if how.retry_date is not None:
            headers["retry-after"] = formatdate(time.time() + how.retry_date, usegmt=True)
        if how.cut == "chunked":
            headers["transfer-encoding"] = "chunked"
        else:
            headers["content-length"] = str(len(data) + (4000 if how.cut == "length" else 0))
        head = f"HTTP/1.1 {how.status} {REASONS.get(how.status, 'Whatever')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        if how.status == 200 and not how.cut and not how.drip:
            self.answered += 1
        writer.write(head.encode())
        if how.cut:
            part = data[: max(1, len(data) // 2)]
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n" if how.cut == "chunked" else part)
            await writer.drain()
            await asyncio.sleep(0.01)  # what was written must have left before a reset throws it away
            if how.cut == "reset":
                _reset(writer)
            return False
        if how.drip:
            for start in range(0, len(data), 10):
                writer.write(data[start : start + 10])
                await writer.drain()
                await asyncio.sleep(how.drip)
            return True
        writer.write(data)
        await writer.drain()
        return True

    def _body(self, body: dict[str, Any], how: Behaviour) -> str:
        if how.body is not None:
            return how.body
        if how.error is not None or how.status >= 300:
            words = how.error if how.error is not None else "as ordered"
            if how.shape == "detail":
                return json.dumps({"detail": words})
            inner: Any = {"message": words, "type": how.code or "error", "code": how.code}
            return json.dumps({"error": words if how.shape == "string" else inner})
        text = how.text if how.text is not None else proper_answer(body["messages"])
        if how.fill is not None:
            text += how.fill[0] * how.fill[1]
        prompt, given = sum(len(_text(m)) for m in body["messages"]) // 4, max(1, len(text) // 4)
        usage = {"prompt_tokens": prompt, "completion_tokens": given, "total_tokens": prompt + given}
        message = {"role": "assistant", "content": text, **(how.message or {})}
        source = json.dumps(message)
        if how.content_json is not None:
            source = '{"role": "assistant", "content": ' + how.content_json + "}"
        choice = f'{{"index": 0, "message": {source}, "finish_reason": {json.dumps(how.finish)}}}'
        said = dict(how.usage) if isinstance(how.usage, Mapping) else usage if how.usage else None
        rest = {"object": "chat.completion", "created": 1, "model": how.model or body.get("model")}
        rest |= {} if said is None else {"usage": said}
        return f'{{"id": "chatcmpl-1", "choices": [{choice}], ' + json.dumps(rest)[1:]


def proper_answer(messages: list[dict[str, Any]]) -> str:
    """Tags of the item's own words, or of the list where there is one."""
    flat = [{"role": m["role"], "content": _text(m)} for m in messages]
    item, candidates = item_of(flat), candidates_of(flat)
    tags: list[Any] = chosen(item, candidates, 8) if candidates else free_tags(item, 5)
    return json.dumps({"tags": tags}, ensure_ascii=False)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content or [] if part.get("type") == "text")


def _has_image(messages: Iterable[Mapping[str, Any]]) -> bool:
    parts = [m["content"] for m in messages if isinstance(m.get("content"), list)]
    return any(part.get("type") != "text" for content in parts for part in content)


def _at(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    with suppress(Exception):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(Exception):
        writer.transport.abort()


_NOT_FOUND = Behaviour(status=404, error="Not Found", shape="detail")

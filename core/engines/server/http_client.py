"""Requests to one server through the openai SDK, with nothing taken from the environment: what is sent is ours.

The SDK would add the key, organisation, project and headers that it finds in OPENAI_* variables to requests for any
server, follow redirects, and retry on its own. None of that happens here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

CONNECT_SECONDS = 10.0
LARGEST_ANSWER = 4 * 1024 * 1024  # characters
_SENT_HEADERS = frozenset(
    ("host", "accept", "accept-encoding", "connection", "content-type", "content-length", "transfer-encoding")
)


class TimedOut(Exception):
    """No whole answer in time.

    Attributes:
        begun: an answer had begun to come.
        hurried: the time was cut short by `Connection.hurry`.
    """

    def __init__(self, begun: bool = False, hurried: bool = False) -> None:
        super().__init__()
        self.begun = begun
        self.hurried = hurried


class CannotConnect(Exception):
    """Nobody answers there, or not in a way that can be trusted."""


class CutOff(Exception):
    """The connection broke before the whole answer was there.

    Attributes:
        stale: it was closed before anything was answered, as servers do with connections that were idle.
    """

    def __init__(self, stale: bool = False) -> None:
        super().__init__()
        self.stale = stale


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer; the text holds no trace of our key. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A request of this moment."""

    deadline: asyncio.Timeout | None = None
    fresh: bool = False  # over a connection of its own
    begun: bool = False
    hurried: bool = False


_current: ContextVar[_UnderWay | None] = ContextVar("tagloom_request", default=None)


class Connection:
    """One client for one event loop.

    Args:
        base_url: the normalised address.
        key: the key, or None.
        seconds: for one request, from the first byte sent to the last one read.
        connect_seconds: to get a connection.
        most: requests under way at most.
    """

    def __init__(
        self, base_url: str, key: str | None, seconds: float, connect_seconds: float = CONNECT_SECONDS, most: int = 100
    ) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

        from core.engines.server.network import transport

        self._key = key
        self._seconds = seconds
        self._response_type = httpx2.Response
        self._under_way: set[_UnderWay] = set()

        def opened() -> None:
            current = _current.get()
            if current is not None:
                current.fresh = True

        async def only_ours(request: httpx2.Request) -> None:
            headers = request.headers
            for name in list(headers):
                if name not in _SENT_HEADERS:
                    del headers[name]
            headers["user-agent"] = "Tagloom"
            if key is not None:
                headers["authorization"] = f"Bearer {key}"

        async def begun(_response: httpx2.Response) -> None:
            current = _current.get()
            if current is not None:
                current.begun = True

        # our own total timeout ends a request; one between two bytes would end answers that take long to begin
        timeout = httpx2.Timeout(None, connect=connect_seconds)
        limits = httpx2.Limits(max_connections=max(100, 2 * most), max_keepalive_connections=max(20, most))
        self._client = AsyncOpenAI(
            api_key=key or "none",
            admin_api_key="",
            organization="",
            project="",
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAsyncHttpx2Client(
                follow_redirects=False,
                event_hooks={"request": [only_ours], "response": [begun]},
                timeout=timeout,
                limits=limits,
                transport=transport(limits, opened),
            ),
        )

    async def post(
        self, body: dict[str, Any], path: str = "/chat/completions", seconds: float | None = None
    ) -> Answered:
        """Send a request.

        Args:
            seconds: instead of those of the connection.

        Raises:
            TimedOut, CannotConnect, CutOff: there is no whole answer.
        """
        content = orjson.dumps(body)
        send, response_type = self._client.post, self._response_type
        # the SDK would make a random key for every request, which is not sent
        options: Any = {"idempotency_key": "none"}
        return await self._guarded(lambda: send(path, cast_to=response_type, content=content, options=options), seconds)

    async def get(self, path: str) -> Answered:
        """As `post`, for reading."""
        return await self._guarded(lambda: self._client.get(path, cast_to=self._response_type))

    async def post_file(self, path: str, file: Path, purpose: str, seconds: float = 600.0) -> Answered:
        """Hand in a file (multipart form with the fields "purpose" and "file"), read as it is sent.

        Raises:
            as `post`; OSError: the file cannot be read.
        """
        with file.open("rb") as opened:
            files = {"file": (file.name, opened, "application/jsonl")}
            options: Any = {"headers": {"content-type": "multipart/form-data"}}
            return await self._guarded(
                lambda: self._client.post(
                    path, cast_to=self._response_type, body={"purpose": purpose}, files=files, options=options
                ),
                seconds,
            )

    async def stream_to(self, path: str, target: Path, seconds: float = 3600.0) -> Answered:
        """Fetch a file of any size into `target`; the answer's text is empty where it was written (status 200).

        Raises:
            as `post`; OSError: the target cannot be written.
        """

        async def fetch() -> Any:
            url = self._client.base_url.join(path.lstrip("/"))
            async with self._client._client.stream("GET", url) as response:
                if response.status_code != 200:
                    await response.aread()
                    return response
                with target.open("wb") as opened:
                    async for chunk in response.aiter_bytes():
                        opened.write(chunk)
                return self._response_type(200, headers=response.headers)

        return await self._guarded(fetch, seconds)

    def hurry(self, seconds: float) -> None:
        """What is under way gets so long to come in: this machine slept, and nobody may be at the other end."""
        at = asyncio.get_running_loop().time() + seconds
        for each in self._under_way:
            if each.deadline is not None and not each.deadline.expired():
                when = each.deadline.when()
                if when is None or when > at:
                    each.hurried = True
                    each.deadline.reschedule(at)

    async def close(self) -> None:
        await self._client.close()

    async def _guarded(self, send: Any, seconds: float | None = None) -> Answered:
        import httpx2
        import openai

        current = _UnderWay()
        token = _current.set(current)
        self._under_way.add(current)
        try:
            async with asyncio.timeout(seconds or self._seconds) as current.deadline:
                response = await send()
                return self._answered(response)
        except openai.APIStatusError as error:
            return self._answered(error.response)
        except (TimeoutError, openai.APITimeoutError) as error:
            if isinstance(error.__cause__, (httpx2.ConnectTimeout, httpx2.PoolTimeout)):
                raise CannotConnect("no answer to the attempt to connect") from None
            raise TimedOut(current.begun, current.hurried) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__
            if isinstance(cause, (httpx2.ConnectError, httpx2.UnsupportedProtocol)):
                raise CannotConnect(self._clean(str(cause))) from None
            raise CutOff(not current.begun and not current.fresh) from None
        except httpx2.ConnectError as error:
            raise CannotConnect(self._clean(str(error))) from None
        except (httpx2.HTTPError, UnicodeError, openai.OpenAIError):
            raise CutOff from None
        finally:
            self._under_way.discard(current)
            _current.reset(token)

    def _answered(self, response: Any) -> Answered:
        try:
            content = response.content
            text = content.decode("utf-8", "replace") if len(content) < LARGEST_ANSWER else response.text
        except Exception:  # the SDK has closed an error's body unread, or its encoding is no encoding
            text = ""
        headers = {name: self._clean(value) for name, value in response.headers.items()}
        return Answered(int(response.status_code), headers, self._clean(text[:LARGEST_ANSWER]))

    def _clean(self, text: str) -> str:
        """Words of a server without our key: some echo it."""
        return text.replace(self._key, "[key]") if self._key else text

"""Requests to one server through the openai SDK, with nothing taken from the environment: what is sent is ours.

The SDK would add the key, organisation, project and headers that it finds in OPENAI_* variables to requests for any
server, follow redirects, and retry on its own. None of that happens here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONNECT_SECONDS = 10.0
LARGEST_ANSWER = 4 * 1024 * 1024  # characters
_SENT_HEADERS = ("host", "accept", "accept-encoding", "connection", "content-type", "content-length", "authorization")


class TimedOut(Exception):
    """No whole answer in time."""


class CannotConnect(Exception):
    """Nobody answers there, or not in a way that can be trusted."""


class CutOff(Exception):
    """The connection broke before the whole answer was there."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer; the text holds no trace of our key."""

    status: int
    headers: Mapping[str, str]
    text: str


class Connection:
    """One client for one event loop.

    Args:
        base_url: the normalised address.
        key: the key, or None.
        seconds: for one request, from the first byte sent to the last one read.
    """

    def __init__(self, base_url: str, key: str | None, seconds: float) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

        self._key = key
        self._seconds = seconds
        self._response_type = httpx2.Response

        async def only_ours(request: httpx2.Request) -> None:
            for name in list(request.headers):
                if name.lower() not in _SENT_HEADERS:
                    del request.headers[name]
            request.headers["user-agent"] = "Tagloom"
            if key is None:
                request.headers.pop("authorization", None)
            else:
                request.headers["authorization"] = f"Bearer {key}"

        self._client = AsyncOpenAI(
            api_key=key or "none",
            admin_api_key="",
            organization="",
            project="",
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
            http_client=DefaultAsyncHttpx2Client(
                follow_redirects=False, event_hooks={"request": [only_ours]}, timeout=None
            ),
        )

    async def post(self, body: dict[str, Any], path: str = "/chat/completions") -> Answered:
        """Send a request.

        Raises:
            TimedOut, CannotConnect, CutOff: there is no whole answer.
        """
        return await self._guarded(lambda: self._client.post(path, cast_to=self._response_type, body=body))

    async def get(self, path: str) -> Answered:
        """As `post`, for reading."""
        return await self._guarded(lambda: self._client.get(path, cast_to=self._response_type))

    async def close(self) -> None:
        await self._client.close()

    async def _guarded(self, send: Any) -> Answered:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self._seconds):
                response = await send()
                return self._answered(response)
        except openai.APIStatusError as error:
            return self._answered(error.response)
        except (TimeoutError, openai.APITimeoutError) as error:
            if isinstance(error.__cause__, httpx2.ConnectTimeout):
                raise CannotConnect("no answer to the attempt to connect") from None
            raise TimedOut from None
        except openai.APIConnectionError as error:
            cause = error.__cause__
            if isinstance(cause, (httpx2.ConnectError, httpx2.UnsupportedProtocol)):
                raise CannotConnect(self._clean(str(cause))) from None
            raise CutOff from None
        except (httpx2.HTTPError, UnicodeError, openai.OpenAIError):
            raise CutOff from None

    def _answered(self, response: Any) -> Answered:
        try:
            text = response.text
        except Exception:  # the SDK has closed an error's body unread, or its encoding is no encoding
            text = ""
        headers = {name.lower(): self._clean(value) for name, value in response.headers.items()}
        return Answered(int(response.status_code), headers, self._clean(text[:LARGEST_ANSWER]))

    def _clean(self, text: str) -> str:
        """Words of a server without our key: some echo it."""
        return text.replace(self._key, "[key]") if self._key else text

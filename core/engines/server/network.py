"""Connections for the HTTP client, straight on asyncio.

What the client brings along asks the operating system, for every request, about every idle connection whether it was
closed; asyncio knows, because it is told. With dozens of connections that took as long as all the rest of a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore2
import httpx2


@contextlib.contextmanager
def _named(timeout: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """Errors of the system as the client knows them."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:  # a certificate that is not trusted is one, too
        raise broken(str(error) or type(error).__name__) from error


class _Stream(httpcore2.AsyncNetworkStream):
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _named(httpcore2.ReadTimeout, httpcore2.ReadError):
            if timeout is None:
                return await self._reader.read(max_bytes)
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        with _named(httpcore2.WriteTimeout, httpcore2.WriteError):
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()

    async def aclose(self) -> None:
        self._writer.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            with _named(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                async with asyncio.timeout(timeout):
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            self._writer.transport.abort()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: there is nothing to read but its end
            reader = self._reader
            return reader.at_eof() or reader.exception() is not None or self._writer.is_closing()
        names = {"ssl_object": "ssl_object", "client_addr": "sockname", "server_addr": "peername", "socket": "socket"}
        return self._writer.get_extra_info(names[info]) if info in names else None


class _Backend(httpcore2.AsyncNetworkBackend):
    """Opens connections, and tells that it does."""

    def __init__(self, on_connect: Callable[[], None]) -> None:
        self._on_connect = on_connect

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self._on_connect()
        local = (local_address, 0) if local_address else None
        with _named(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(
                    host, port, local_addr=local, happy_eyeballs_delay=0.25, limit=2**20
                )
        for option in socket_options or ():
            writer.get_extra_info("socket").setsockopt(*option)
        return _Stream(reader, writer)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@functools.cache
def _trusted(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Whom this machine trusts; read once for all connections of the process (it takes a tenth of a second)."""
    return httpx2.create_ssl_context()


def transport(limits: httpx2.Limits, on_connect: Callable[[], None]) -> httpx2.AsyncHTTPTransport:
    """What a client sends its requests through.

    Args:
        on_connect: called in a request's own task when it opens a connection.
    """
    trusted = _trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    made = httpx2.AsyncHTTPTransport(verify=trusted, limits=limits)
    pool: Any = getattr(made, "_pool", None)
    if hasattr(pool, "_network_backend"):  # else it goes on with its own connections, which is only slower
        pool._network_backend = _Backend(on_connect)
    return made

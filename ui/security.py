"""Who may talk to this server: an ASGI middleware in front of every route, Gradio's own included.

* Host: loopback names, IP addresses, the configured names, a Space's own name. Anything else is refused, so a
  foreign page cannot reach a local server by DNS rebinding.
* Origin: whatever changes something must come from a page of this server (CSRF; Gradio's own check lets a
  cross-site multipart upload pass).
* A content security policy: the page loads and calls nothing but this server, except that it may play sound from
  links in the data, which the page asks for only when a person presses play.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from core.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; media-src 'self' data: blob: http: https:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)


def host_name(authority: str) -> str:
    """The name in a Host header or origin, lower case, without port and brackets."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """The middleware; `settings` say under which names the server may be reached."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.names = {*LOOPBACK, settings.host.lower(), *settings.hosts, *filter(None, [settings.space_host])}
        ancestors = "'self' https://huggingface.co https://*.hf.space" if settings.space_id else "'self'"
        self.headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"content-security-policy", f"{POLICY}; frame-ancestors {ancestors}".encode()),
        ]

    def allows_host(self, authority: str) -> bool:
        """An IP address cannot be rebound; a name must be one of ours."""
        name = host_name(authority)
        if name in self.names:
            return True
        if self.settings.space_id and name.endswith(".hf.space"):
            return True
        return _is_address(name) and (not self.settings.loopback or ipaddress.ip_address(name).is_loopback)

    def allows_origin(self, origin: str, authority: str) -> bool:
        """The page that sends must be of the same host and port (behind a proxy: of one of our names)."""
        if not origin.startswith(("http://", "https://")):
            return False
        sender = origin.split("://", 1)[1]
        return sender.lower() == authority.lower() or (
            host_name(sender) in {*self.settings.hosts, *filter(None, [self.settings.space_host])}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        authority = headers.get(b"host", "")
        if not self.allows_host(authority):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await _refuse(send, 400, "This server is not known by that name.", "Open it by the address it printed.")
            return
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site", "none")
            foreign = (
                not self.allows_origin(origin, authority) if origin is not None else site not in ("none", "same-origin")
            )
            if foreign and scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            if foreign:
                await _refuse(send, 403, "Another site's page may not change anything here.", "Open Tagloom itself.")
                return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        await self.app(scope, receive, with_headers)


async def _refuse(send: Send, status: int, message: str, remedy: str) -> None:
    body = orjson.dumps({"error": "NotAllowed", "message": message, "remedy": remedy})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""A real HTTP server whose every answer a test writes itself: `ScriptedServer(get=…, post=…)`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
"""(status, body as text or for JSON[, headers])"""
MISSING: Answer = (404, {"detail": "Not Found"})


def said(text: str, **more: Any) -> Answer:
    """A chat completion with that text."""
    message = {"role": "assistant", "content": text}
    return 200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more}


def models(*names: str) -> Callable[[str], Answer]:
    """A server that lists these models at /v1/models."""
    listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
    return lambda path: (200, listed) if path == "/v1/models" else MISSING


class ScriptedServer:
    """`get(path)` and `post(path, body)` say what to answer; `asked` holds the bodies of all POSTs."""

    def __init__(
        self,
        get: Callable[[str], Answer] = lambda path: MISSING,
        post: Callable[[str, dict[str, Any]], Answer] = lambda path, body: MISSING,
        tls: SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.asked: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.answer(*get(self.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
                server.asked.append(body)
                self.answer(*post(self.path, body))

            def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                kind = "text/html" if isinstance(body, str) else "application/json"
                for name, value in {"content-type": kind, "content-length": str(len(data)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # who speaks another protocol is answered by silence

        self._http = Server(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

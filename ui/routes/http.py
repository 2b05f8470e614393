"""How a plain function becomes a route: JSON in and out, the project and person found, errors as sentences."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import InvalidInput, NotAllowed, NotFound, TagloomError
from core.store.database import Database
from core.store.projects import Person
from ui.context import COOKIE, AppContext

LARGEST_BODY = 8 * 1024 * 1024
log = logging.getLogger("tagloom")


@dataclass
class Call:
    """One request: its query, its body, and who sends it."""

    app: AppContext
    request: Request
    body: dict[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """A value of the query, without NUL characters, which Postgres takes nowhere."""
        return self.request.query_params.get(name, default).replace("\0", "")

    def part(self, name: str) -> str:
        """A value that stands in the path."""
        return str(self.request.path_params[name]).replace("\0", "")

    def number(self, name: str, default: int, least: int = 0, most: int = 1_000_000_000) -> int:
        """A whole number of the query.

        Raises:
            InvalidInput: it is none, or out of range.
        """
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or len(text) > 15 or not least <= int(text) <= most:
            raise InvalidInput(f"“{name}” is not a number from {least} to {most}.", "Correct the address.")
        return int(text)

    def given(self, name: str, kind: type[Any], default: Any = ...) -> Any:
        """A value of the body, of the right type.

        Raises:
            InvalidInput: it is missing or of another type.
        """
        value = self.body.get(name)
        if value is None and default is not ...:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise InvalidInput(f"The request's “{name}” is missing or not of the right kind.", "Reload the page.")
        return value.replace("\0", "") if isinstance(value, str) else value

    @cached_property
    def project(self) -> str:
        """The slug of the project that the page shows."""
        return self.text("project") or self.app.default_project()

    @cached_property
    def database(self) -> Database:
        return self.app.host.open(self.project)

    @cached_property
    def person(self) -> Person:
        """Who sends: from the signed cookie, never from the request's text.

        Raises:
            NotAllowed: the browser has no identity yet.
        """
        person = self.app.person_of(self.request.cookies.get(COOKIE))
        if person is None:
            raise NotAllowed("This browser has not said who it is.", "Reload the page.")
        return person


Handler = Callable[[Call], "dict[str, Any] | Response"]


def json_response(data: dict[str, Any], status: int = 200) -> Response:
    """JSON that no cache keeps."""
    return Response(orjson.dumps(data), status, media_type="application/json", headers={"cache-control": "no-store"})


def error_response(error: Exception) -> Response:
    """A TagloomError as it is; anything else as our mistake, with the details in the server's log only."""
    if isinstance(error, TagloomError):
        return json_response(error.as_dict(), error.http_status)
    log.exception("A route failed", exc_info=error)
    message = f"Tagloom made a mistake here ({type(error).__name__})."
    return json_response(
        {"error": "Mistake", "message": message, "remedy": "The server's log has the details; try again."}, 500
    )


async def read_body(request: Request) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        InvalidInput: it is too large, not declared as JSON, or not an object.
    """
    if request.method in ("GET", "HEAD"):
        return {}
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise InvalidInput("The request is not declared as JSON.", "Send content-type: application/json.")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise InvalidInput("The request is larger than 8 MB.", "Send less at once.")
        parts.append(part)
    try:
        body = orjson.loads(b"".join(parts) or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The request is not JSON ({error}).", "Reload the page.") from error
    if not isinstance(body, dict):
        raise InvalidInput("The request is not a JSON object.", "Reload the page.")
    return body


def unknown_route() -> Route:
    """The last route: what no other one answers, be it the address or the method."""

    async def endpoint(request: Request) -> Response:
        what = f"{request.method} {request.url.path[:200]}"
        return error_response(NotFound(f"There is no route {what}.", "Reload the page: it may be of an older version."))

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Route("/tagloom/api/{rest:path}", endpoint, methods=methods)


def route(app: AppContext, method: str, path: str, handler: Handler) -> Route:
    """`handler(call)` as a route below /tagloom/api/, run in a thread (it may read and write the store)."""
    from starlette.concurrency import run_in_threadpool

    async def endpoint(request: Request) -> Response:
        try:
            call = Call(app, request, await read_body(request))
            answer = await run_in_threadpool(handler, call)
        except Exception as error:
            return error_response(error)
        return answer if isinstance(answer, Response) else json_response(answer)

    return Route(f"/tagloom/api/{path}", endpoint, methods=[method])

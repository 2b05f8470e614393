"""The review protocol: the queue read ahead, decisions taken in batches, the way back."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.captions.pages import queue_condition, shower
from core.corpora.catalog import find_corpus
from core.errors import InvalidInput
from core.review.decisions import record
from core.review.events import FIELDS
from core.review.queue import history, review_page
from core.store.projects import Person
from ui.context import AppContext
from ui.routes.http import Call, error_response, json_response, read_body, route
from ui.routes.media import playable


def with_names(app: AppContext, states: list[dict[str, Any]]) -> None:
    """People's names instead of their ids, for showing."""
    names = {person.id: person.name for person in app.host.people()} | {"import": "the import"}
    for state in states:
        for key in ("person", "by"):
            if state.get(key):
                state[key] = names.get(state[key], "somebody")


def _name_people(app: AppContext, person: Person, results: list[dict[str, Any]]) -> None:
    """Names in the answers; the sender's own is known without asking the store."""
    others = []
    for part in [part for result in results if "state" in result for part in (result, result["state"])]:
        if part.get("person") == person.id:
            part["person"] = person.name
        elif part.get("person") or part.get("by"):
            others.append(part)
    if others:
        with_names(app, others)


def queue(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.text("corpus"))
        page = review_page(
            connection,
            corpus,
            status=call.text("status", "pending"),
            queue=call.text("queue", "all"),
            cursor=call.text("cursor"),
            direction="previous" if call.text("direction") == "previous" else "next",
            start_at=call.text("item"),
            limit=call.number("limit", 40, 1, 60),
            show=shower(corpus),
            only=queue_condition(connection, corpus, call.text("queue", "all")),
        )
    with_names(call.app, [entry["state"] for entry in page["items"]])
    playable(call, page["items"])
    return page


def undoable(call: Call) -> dict[str, Any]:
    before, field = call.number("before", 0), call.text("field")
    if field and field not in FIELDS:
        raise InvalidInput(f"“{field[:40]}” is nothing that is decided.", f"Fields: {', '.join(FIELDS)}.")
    fields = {"fields": (field,)} if field else {}
    with call.database.read() as connection:
        return history(connection, call.person.id, before or None, call.number("limit", 50, 1, 200), **fields)


def decisions_route(app: AppContext) -> Route:
    """The hot path: no thread is held while the writer commits; the answer leaves when the batch is durable."""

    async def endpoint(request: Request) -> Response:
        try:
            call = Call(app, request, await read_body(request))
            events = call.given("events", list)
            if not events:
                raise InvalidInput("No decision was sent.", "Reload the page.")
            person = call.person
            results = await asyncio.wrap_future(call.database.submit(lambda c: record(c, events, person.id)))
            _name_people(app, person, results)
            return json_response({"results": results})
        except Exception as error:
            return error_response(error)

    return Route("/tagloom/api/review/decisions", endpoint, methods=["POST"])


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        decisions_route(app),
        route(app, "GET", "review/queue", queue),
        route(app, "GET", "review/history", undoable),
    ]

"""The vocabulary: paged, searched, completed while typing, imported and exported."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from core.errors import InvalidInput
from core.vocabulary.importing import export_csv, import_gold, import_new, parse, preview_gold, read_text
from core.vocabulary.store import complete, page_of_tags, statistics
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.uploads import find_typed, find_upload

SORTS = ("name", "items")


def tags(call: Call) -> dict[str, Any]:
    sort, state = call.text("sort", "name"), call.text("state", "active")
    if sort not in SORTS or state not in ("active", "archived"):
        raise InvalidInput("The vocabulary cannot be listed like that.", f"Sort by {' or '.join(SORTS)}.")
    with call.database.read() as connection:
        page = page_of_tags(
            connection,
            query=call.text("q"),
            state=state,
            sort=sort,
            offset=call.number("cursor", 0),
            limit=call.number("limit", 50, 1, 100),
        )
        return {**page, "stats": statistics(connection)}


def completions(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        return complete(connection, call.text("q"), call.number("limit", 10, 1, 50))


def import_vocabulary(call: Call) -> dict[str, Any]:
    if call.body.get("text") is not None:
        text = call.given("text", str)
    elif call.body.get("upload"):
        text = read_text(find_upload(call.app.settings, call.given("upload", str))[0])
    else:
        text = read_text(find_typed(call.app, call.given("path", str))[0])
    new, first = parse(text)
    return import_new(call.database, new, call.person.id, first).as_dict()


def gold(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        return preview_gold(connection, call.text("corpus"), call.number("min_items", 5, 1))


def take_gold(call: Call) -> dict[str, Any]:
    changes = import_gold(call.database, call.given("corpus", str), call.given("min_items", int), call.person.id)
    return changes.as_dict()


def export(call: Call) -> Response:
    with call.database.read() as connection:
        text = export_csv(connection)
    headers = {"content-disposition": 'attachment; filename="vocabulary.csv"'}
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "tags", tags),
        route(app, "GET", "tags/complete", completions),
        route(app, "POST", "vocabulary/import", import_vocabulary),
        route(app, "GET", "vocabulary/gold", gold),
        route(app, "POST", "vocabulary/gold", take_gold),
        route(app, "GET", "vocabulary/export.csv", export),
    ]

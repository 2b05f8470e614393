"""The vocabulary: paged, searched, completed while typing, edited with a history, imported and exported."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute

from core.errors import InvalidInput
from core.review.agreement import update_agreement_since
from core.vocabulary.applying import refresh
from core.vocabulary.deciding import undo_batch
from core.vocabulary.editing import apply_edit
from core.vocabulary.importing import export_csv, import_gold, import_new, parse, preview_gold, read_text
from core.vocabulary.listing import STATES, complete, page_of_tags, statistics
from core.vocabulary.store import revision
from core.vocabulary.taggpt import looks_like_taggpt
from core.vocabulary.undoing import history
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.jobs import describe_job
from ui.uploads import find_typed, find_upload


def tags(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        page = page_of_tags(
            connection,
            query=call.text("q"),
            state=call.text("state", "active"),
            sort=call.text("sort", "name"),
            facet=call.text("facet"),
            uses=call.text("uses"),
            offset=call.number("cursor", 0),
            limit=call.number("limit", 50, 1, 100),
        )
        return {**page, "stats": statistics(connection), "states": list(STATES)}


def completions(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        return complete(connection, call.text("q"), call.number("limit", 10, 1, 50))


def edit(call: Call) -> dict[str, Any]:
    """One edit of a tag; proposals that it makes pointless are outdated with it."""
    person = call.person.id

    def write(connection: Any) -> dict[str, Any]:
        before = revision(connection)
        answer = apply_edit(connection, call.body, person)
        stale = refresh(connection, [answer["batch"]]) if answer["batch"] else []
        update_agreement_since(connection, before)
        return {**answer, "stale": [str(pk) for pk in stale]}

    return call.database.write(write)


def undo(call: Call) -> dict[str, Any]:
    batch, person = call.given("batch", str), call.person.id

    def write(connection: Any) -> dict[str, Any]:
        before = revision(connection)
        answer = undo_batch(connection, batch, person)
        update_agreement_since(connection, before)
        return answer

    return call.database.write(write)


def edits(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        answer = history(connection, call.number("cursor", 0) or None, call.number("limit", 30, 1, 100))
    names = {person.id: person.name for person in call.app.host.people()}
    for batch in answer["batches"]:
        batch["person"] = names.get(batch["person"], batch["person"])
    return {**answer, "next": str(answer["next"]) if answer["next"] else None}


# in and out


def _given_file(call: Call) -> tuple[str, Path | None, str]:
    """(text, the file if it is one, its name)."""
    if call.body.get("text") is not None:
        return call.given("text", str), None, "pasted text"
    if call.body.get("upload"):
        path, name = find_upload(call.app.settings, call.given("upload", str))
    else:
        path, name = find_typed(call.app, call.given("path", str))
    return read_text(path), path, name


def import_vocabulary(call: Call) -> dict[str, Any]:
    text, path, name = _given_file(call)
    if looks_like_taggpt(text):
        return _import_taggpt(call, text, path, name)
    new, first = parse(text)
    return import_new(call.database, new, call.person.id, first).as_dict()


def _import_taggpt(call: Call, text: str, path: Path | None, name: str) -> dict[str, Any]:
    """A `final_tags.csv`: at once when it is small, else as a job."""
    from core.vocabulary.taggpt_files import FEW_ROWS, KIND, import_final_tags

    person = call.person.id
    if text.count("\n") <= FEW_ROWS:
        return import_final_tags(call.database, text, person, name=name)
    path = path or _kept(call, text, name)
    arguments = {"path": str(path), "name": name}
    job = call.app.enqueue(call.project, KIND, f"Import {name} (TagGPT)", arguments, person, "rows")
    return {"job": describe_job(job)}


def _kept(call: Call, text: str, name: str) -> Path:
    """Pasted text as an upload, for a job to read; tidied away with them."""
    folder = call.app.settings.uploads / secrets.token_hex(16)
    folder.mkdir()
    (folder / "data").write_text(text, encoding="utf-8")
    (folder / "about.json").write_bytes(orjson.dumps({"name": name, "size": len(text)}))
    return folder / "data"


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


def export_taggpt(call: Call) -> Response:
    from core.vocabulary.taggpt_files import export_final_tags

    with call.database.read() as connection:
        text, count = export_final_tags(connection)
    if not count:
        raise InvalidInput("The vocabulary is empty.", "Add some tags first.")
    headers = {"content-disposition": 'attachment; filename="final_tags.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "tags", tags),
        route(app, "GET", "tags/complete", completions),
        route(app, "POST", "tags/edit", edit),
        route(app, "POST", "vocabulary/undo", undo),
        route(app, "GET", "vocabulary/history", edits),
        route(app, "POST", "vocabulary/import", import_vocabulary),
        route(app, "GET", "vocabulary/gold", gold),
        route(app, "POST", "vocabulary/gold", take_gold),
        route(app, "GET", "vocabulary/export.csv", export),
        route(app, "GET", "vocabulary/final_tags.csv", export_taggpt),
    ]

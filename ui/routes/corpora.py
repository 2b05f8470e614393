"""Corpora: looked into before the import, imported, browsed, deleted with undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from core.captions.export_options import check_export
from core.captions.pages import whole_item
from core.corpora.browsing import PAGE, Filter, list_items
from core.corpora.catalog import KINDS, describe, find_corpus, list_corpora
from core.corpora.companions import Companions
from core.corpora.deleting import delete_corpus, delete_items, restore_corpus, restore_items, undelete_items
from core.corpora.formats.options import ReadOptions
from core.corpora.mapping import Mapping, check_kind
from core.corpora.preview import inspect_with_mapping
from core.errors import InvalidInput
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.jobs import describe_job
from ui.routes.media import playable
from ui.uploads import find_typed, find_upload, upload_route


def _source(call: Call) -> tuple[Path, str]:
    if call.body.get("upload"):
        return find_upload(call.app.settings, call.given("upload", str))
    return find_typed(call.app, call.given("path", str), folders=True)


def _beside(call: Call) -> dict[str, dict[str, str]]:
    """Files that go with the one to import: {"labels" | "split" | "names": {upload | path}} → their paths and names."""
    found: dict[str, dict[str, str]] = {}
    for kind, source in call.given("beside", dict, {}).items():
        if kind not in ("labels", "split", "names") or not isinstance(source, dict):
            raise InvalidInput("The file beside the music is not understood.", "Choose the file again.")
        if isinstance(source.get("upload"), str):
            path, name = find_upload(call.app.settings, source["upload"])
        else:
            path, name = find_typed(call.app, str(source.get("path", "")))
        found[kind] = {"path": str(path), "name": name}
    return found


def corpora(call: Call) -> dict[str, Any]:
    return {"corpora": list_corpora(call.database)}


def inspect(call: Call) -> dict[str, Any]:
    path, name = _source(call)
    mapping = call.given("mapping", dict, None)
    options = ReadOptions.from_json(call.given("reading", dict, {}))
    given = Mapping.from_json(mapping) if mapping else None
    kind = call.given("kind", str, "") or None
    if kind is not None and kind not in KINDS:
        raise InvalidInput(f"“{kind}” is no kind of corpus.", f"Kinds: {', '.join(KINDS)}.")
    beside = _beside(call)
    labels = beside.pop("labels", None)
    answer = inspect_with_mapping(
        path,
        name,
        given,
        options,
        kind=kind,
        companions=Companions.read(beside),
        labels=(Path(labels["path"]), labels["name"]) if labels else None,
    )
    source = {key: call.body[key] for key in ("upload", "path") if call.body.get(key)}
    return {"source": source, **answer}


def start_import(call: Call) -> dict[str, Any]:
    path, name = _source(call)
    mapping = Mapping.from_json(call.given("mapping", dict))
    corpus = " ".join(call.given("corpus", str).split())
    if not corpus or len(corpus) > 80:
        raise InvalidInput("A corpus' name has 1 to 80 characters.", "Type such a name.")
    kind = call.given("kind", str, "items")
    check_kind(mapping, kind)
    beside = _beside(call)
    beside.pop("labels", None)  # they are part of the mapping
    arguments = {
        "path": str(path),
        "name": name,
        "corpus": corpus,
        "kind": kind,
        "mapping": mapping.to_json(),
        "companions": beside,
    }
    job = call.app.enqueue(call.project, "import", f"Import {name} into {corpus}", arguments, call.person.id, "rows")
    return {"job": describe_job(job)}


def items(call: Call) -> dict[str, Any]:
    tag = call.number("tag", 0)
    wanted = Filter(call.text("q"), call.text("status", "all"), call.text("labelled"), tag or None)
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.text("corpus"))
        return list_items(connection, corpus, wanted, call.text("cursor"), call.number("limit", PAGE, 1, 100))


def item(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        detail = whole_item(connection, call.part("item"))
    names = {person.id: person.name for person in call.app.host.people()}
    for event in detail["history"]:
        event["person"] = names.get(event["person"], event["person"])
    detail["state"]["person"] = names.get(detail["state"]["person"], detail["state"]["person"])
    playable(call, [detail])
    return detail


def _ids(call: Call) -> list[str]:
    ids = call.given("ids", list)
    if not all(isinstance(i, str) for i in ids):
        raise InvalidInput("The items' ids are not texts.", "Reload the page.")
    return ids


def delete(call: Call) -> dict[str, Any]:
    return delete_items(call.database, _ids(call), call.person.id)


def restore(call: Call) -> dict[str, Any]:
    if call.body.get("ids"):
        return undelete_items(call.database, _ids(call))
    return restore_items(call.database, call.given("undo", str))


def delete_whole(call: Call) -> dict[str, Any]:
    return delete_corpus(call.database, call.given("corpus", str), call.person.id)


def restore_whole(call: Call) -> dict[str, Any]:
    corpus = restore_corpus(call.database, call.given("undo", str))
    with call.database.read() as connection:
        return {"corpus": describe(connection, corpus)}


def export(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.given("corpus", str))
    kinds = {"format": str, "status": str, "suggestions": bool, "provenance": bool}
    kinds |= {"styles": list, "captions": str, "predicted": bool, "extension": str}
    given = {name: call.given(name, kind, None) for name, kind in kinds.items()}
    arguments = {"corpus": corpus.id, **check_export(corpus.kind, given)}
    title = f"Export {corpus.name} as {arguments['format']}"
    return {"job": describe_job(call.app.enqueue(call.project, "export", title, arguments, call.person.id, "items"))}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        upload_route(app),
        route(app, "GET", "corpora", corpora),
        route(app, "POST", "corpora/delete", delete_whole),
        route(app, "POST", "corpora/restore", restore_whole),
        route(app, "POST", "inspect", inspect),
        route(app, "POST", "import", start_import),
        route(app, "POST", "export", export),
        route(app, "GET", "items", items),
        route(app, "POST", "items/delete", delete),
        route(app, "POST", "items/restore", restore),
        route(app, "GET", "items/{item}", item),
    ]

"""Sound of items: files of this machine, in parts as players ask for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from core.captions.media import TYPES, find_sound
from core.corpora.browsing import find_item
from core.errors import NotFound
from core.store.schema import item
from ui.context import AppContext
from ui.folders import allowed_folders
from ui.routes.http import Call, route


def sound(call: Call) -> Response:
    """The sound file that an item names: only below the folder of its corpus' file, the folders that a person allowed,
    and those that the operator named. FileResponse answers Range requests."""
    with call.database.read() as connection:
        row = find_item(connection, call.part("item"))
    path = _finder(call)(row.media, row.imported_by)
    headers = {"cache-control": "private, max-age=0, must-revalidate", "content-disposition": "inline"}
    return FileResponse(path, media_type=TYPES[path.suffix.lower()], headers=headers)


def playable(call: Call, entries: list[dict[str, Any]]) -> None:
    """Take the player away from items whose file cannot be played here; `player_problem` says why."""
    wanted = {entry["position"]: entry for entry in entries if (entry.get("player") or "").startswith("media/")}
    if not wanted:
        return
    query = select(item.c.pk, item.c.media, item.c.imported_by).where(item.c.pk.in_(list(wanted)))
    with call.database.read() as connection:
        rows = connection.execute(query).all()
    find = _finder(call)
    for row in rows:
        try:
            find(row.media, row.imported_by)
        except NotFound as error:
            wanted[row.pk].update(player=None, player_problem=f"{error} {error.remedy}")


def _finder(call: Call) -> Callable[[str | None, str], Path]:
    """A function from what an item names and the import that brought it to the file itself."""
    folders = [*call.app.settings.roots, *allowed_folders(call.app)]
    sources: dict[str, Path | None] = {}

    def find(media: str | None, import_id: str) -> Path:
        if import_id not in sources:
            sources[import_id] = _source(call, import_id)
        return find_sound(media, sources[import_id], folders)

    return find


def _source(call: Call, import_id: str) -> Path | None:
    """The folder of the file that an import read; None for an upload, which lies alone, and where it is not known."""
    try:
        typed = call.app.queue.get(import_id).arguments.get("path")
    except NotFound:
        return None
    if not isinstance(typed, str):
        return None
    path = Path(typed)
    folder = path if path.is_dir() else path.parent
    uploaded = path.is_relative_to(call.app.settings.home)
    return None if uploaded or folder == folder.parent else folder


def routes(app: AppContext) -> list[BaseRoute]:
    return [route(app, "GET", "media/{item}", sound)]

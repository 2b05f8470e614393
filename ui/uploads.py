"""Files that a person gives: streamed to disk under a name of ours, and found again by a token."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import InvalidInput, NotAllowed, NotFound, StoreError
from core.settings import Settings
from ui.context import COOKIE, AppContext
from ui.folders import check

KEEP_SECONDS = 7 * 24 * 3600
SPARE_BYTES = 200 * 1024 * 1024  # the databases must stay able to write
_TOKEN = re.compile(r"[0-9a-f]{32}")


def shown_name(name: str) -> str:
    """The last part of a file's name, without anything that a screen or file system takes for more."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:200] or "file"


async def receive(app: AppContext, request: Request) -> dict[str, Any]:
    """Store the request's body; {upload, name, size}.

    Raises:
        NotAllowed: nobody known sends it.
        InvalidInput: it is empty or larger than allowed.
        StoreError: the disk is full.
    """
    if app.person_of(request.cookies.get(COOKIE)) is None:
        raise NotAllowed("This browser has not said who it is.", "Reload the page.")
    settings = app.settings
    token = secrets.token_hex(16)
    folder = settings.uploads / token
    folder.mkdir()
    size = 0
    try:
        room = shutil.disk_usage(settings.uploads).free - SPARE_BYTES
        with (folder / "data").open("wb") as file:
            async for part in request.stream():
                size += len(part)
                if size > settings.max_upload_bytes:
                    megabytes = settings.max_upload_bytes // 1024 // 1024
                    raise InvalidInput(f"The file is larger than {megabytes} MB.", "Split it, or type its path.")
                if size > room:
                    raise StoreError("The disk has too little room for this file.", "Free some space and try again.")
                file.write(part)
        if not size:
            raise InvalidInput("The file is empty.", "Choose a file with at least one row.")
        name = shown_name(request.query_params.get("name", "file"))
        (folder / "about.json").write_bytes(orjson.dumps({"name": name, "size": size}))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {"upload": token, "name": name, "size": size}


def find_upload(settings: Settings, token: str) -> tuple[Path, str]:
    """(path, name as the person knows it) of an upload.

    Raises:
        NotFound: there is none, or it was tidied away.
    """
    folder = settings.uploads / token
    if not _TOKEN.fullmatch(token) or not (folder / "about.json").is_file():
        raise NotFound("That upload is not here any more.", "Choose the file again.")
    return folder / "data", orjson.loads((folder / "about.json").read_bytes())["name"]


def find_typed(app: AppContext, typed: str, *, folders: bool = False) -> tuple[Path, str]:
    """(path, name) of a file on the server that a person typed: below TAGLOOM_ROOTS, and on a local server below
    the folders that the person allowed.

    Args:
        folders: a folder of files will do, too.

    Raises:
        NotAllowed: the server does not let it be read; FolderNotAllowed where the person may allow it.
        NotFound: there is no such file.
    """
    path = check(app, typed)
    try:
        found = path.is_file() or (folders and path.is_dir())
    except OSError:  # a name longer than any file's, a folder that may not be looked into
        found = False
    if not found:
        remedy = "Check the spelling." if folders else "Check the spelling; it must be a file."
        raise NotFound(f"There is no file {typed.strip()[:200]}.", remedy)
    return path, path.name


def tidy(settings: Settings) -> None:
    """Remove uploads of more than a week ago."""
    for folder in settings.uploads.iterdir():
        if _TOKEN.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def upload_route(app: AppContext) -> Route:
    from ui.routes.http import error_response, json_response  # ui.routes imports this module

    async def endpoint(request: Request) -> Response:
        try:
            return json_response(await receive(app, request))
        except Exception as error:
            return error_response(error)

    return Route("/tagloom/api/uploads", endpoint, methods=["POST"])

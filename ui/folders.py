"""Which folders of this machine typed paths may lead into: what the operator named, and what a person allowed."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from core.errors import InvalidInput, NotAllowed, NotFound
from ui.context import AppContext

SETTING = "allowed_folders"
MOST = 200


class FolderNotAllowed(NotAllowed):
    """Nobody has allowed this folder yet; on a local server the page asks."""


def allowed_folders(app: AppContext) -> list[Path]:
    """The folders that a person allowed on this machine; none where the server is not for its person alone."""
    if not app.local:
        return []
    try:
        found = orjson.loads(app.host.setting(SETTING, "[]"))
    except orjson.JSONDecodeError:
        found = []
    return [Path(each) for each in found if isinstance(each, str)]


def allow(app: AppContext, typed: str) -> Path:
    """Remember that files may be read from the folder that was typed, or that a typed file lies in.

    Raises:
        NotAllowed: the server is shared: its operator names the folders.
        NotFound: there is nothing of that name.
        InvalidInput: it is the whole disk.
    """
    if not app.local:
        raise NotAllowed("On a shared server its operator names the folders.", "Set TAGLOOM_ROOTS, or upload the file.")
    path = resolved(typed)
    if not _exists(path):
        raise NotFound(f"There is no file or folder {typed.strip()[:200]}.", "Check the spelling.")
    folder = path if path.is_dir() else path.parent
    if folder == folder.parent:
        raise InvalidInput("That would be the whole disk.", "Move the file into a folder of its own.")
    known = allowed_folders(app)
    if not any(folder.is_relative_to(each) for each in known):
        rest = [each for each in known if not each.is_relative_to(folder)]
        _store(app, [*rest[-MOST + 1 :], folder])
    return folder


def forget(app: AppContext, folder: str) -> None:
    """Take back what was allowed; jobs that are under way go on."""
    _store(app, [each for each in allowed_folders(app) if str(each) != folder])


def _store(app: AppContext, folders: list[Path]) -> None:
    app.host.remember(SETTING, orjson.dumps([str(each) for each in sorted(folders)]).decode())


def check(app: AppContext, typed: str) -> Path:
    """The file or folder that was typed, with all links followed, if it may be read.

    Raises:
        FolderNotAllowed: nobody allowed its folder yet, and this person may.
        NotAllowed: it lies outside the folders of a shared server, or is a link that leads out of an allowed one.
        NotFound: there is nothing of that name.
    """
    path = resolved(typed)
    folders = [*app.settings.roots, *allowed_folders(app)]
    if any(path.is_relative_to(each) for each in folders):
        return path
    if not app.local:
        raise NotAllowed(
            "This server reads typed paths only below the folders that its operator named.", "Upload the file instead."
        )
    if not _exists(path):
        raise NotFound(f"There is no file {typed.strip()[:200]}.", "Check the spelling.")
    standing = Path(os.path.abspath(Path(_plain(typed)).expanduser()))  # noqa: PTH100 - links are not to be followed
    if any(standing.is_relative_to(each) for each in folders):
        raise NotAllowed(
            f"{standing} is a link that leads out of the folder it stands in.", "Type the path of the file itself."
        )
    folder = path if path.is_dir() else path.parent
    raise FolderNotAllowed(
        f"Tagloom has not read files from {folder} before.", "Allow the folder, or upload the file instead."
    )


def resolved(typed: str) -> Path:
    """A typed path, with all links followed. Raises InvalidInput for none, NotFound for one that cannot be."""
    text = _plain(typed)
    if not text or "\0" in text:
        raise InvalidInput("No path was typed.", "Type the path of a file.")
    try:
        return Path(text).expanduser().resolve()
    except (OSError, RuntimeError) as error:  # no such user behind ~, links that lead in a circle
        raise NotFound(f"There is no file {text[:200]}.", "Check the spelling.") from error


def _plain(typed: str) -> str:
    return typed.strip().strip("\"'")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than any file's, a folder that may not be looked into
        return False

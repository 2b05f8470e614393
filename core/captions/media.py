"""Sound of an item: a file of this machine that the page may play, or a link to one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import NotFound

TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".webm": "audio/webm",
    ".weba": "audio/webm",
}
"""Files that are played → their content type; nothing else is ever handed out."""


def sound_link(address: str | None) -> str | None:
    """The address of a sound file on the web, or None for anything else (a page, a file of this machine)."""
    if not address:
        return None
    try:
        parts = urlsplit(address.strip())
    except ValueError:  # brackets that are no IPv6 address
        return None
    playable = Path(parts.path).suffix.lower() in TYPES
    return address.strip() if parts.scheme in ("http", "https") and parts.hostname and playable else None


def names_sound(media: str | None) -> bool:
    """Whether a value looks like the name of a sound file of this machine."""
    return bool(media) and "://" not in str(media) and Path(str(media)).suffix.lower() in TYPES


def find_sound(media: str | None, source: Path | None, folders: Iterable[Path]) -> Path:
    """The sound file that an item names, with all links followed.

    Args:
        media: as the corpus' file says it: a whole path, or one beside that file or below a folder.
        source: the folder of the corpus' file, where it is known; files below it may be played.
        folders: others below which files may be played.

    Raises:
        NotFound: there is none, or none that may be played.
    """
    remedy = "Put the file beside the corpus' file, or below a folder named by TAGLOOM_ROOTS."
    if media is None or not names_sound(media) or "\0" in media:
        raise NotFound("This item names no sound file.", "Give the column with the file's name the role for sound.")
    allowed = [folder.resolve() for folder in ([source] if source else []) + list(folders)]
    # both slashes: files are made on other systems, too
    written = Path(media) if Path(media).is_absolute() else Path(media.replace("\\", "/"))
    for folder in allowed:
        try:
            path = (folder / written).resolve()
            inside = any(path.is_relative_to(each) for each in allowed)
            if inside and path.suffix.lower() in TYPES and path.is_file():
                return path
        except (OSError, RuntimeError, ValueError):  # a name that cannot be, links in a circle
            continue
    raise NotFound(f"There is no sound file {media[:200]} that may be played.", remedy)

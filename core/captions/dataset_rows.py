"""One track as other programs want it: a row of LP-MusicCaps, of a Hugging Face audio folder, AudioCraft's json."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from core.captions.export_options import PREDICTING, wanted_styles
from core.captions.standing import Standing, Track
from core.corpora.formulas import guard
from core.corpora.known_columns import normalise
from core.corpora.rendering import field_text

LONGEST_NAME = 180  # bytes of a file's name without its ending; systems take 255
_HARMLESS_ID = re.compile(r"-[^(|!\t\r\n]*")
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)
_TITLES = frozenset({"title", "song", "song_title", "track_title", "track_name", "name"})
_ARTISTS = frozenset({"artist", "artist_name", "artists", "performer", "composer", "author"})
_KEYS = frozenset({"key", "keyscale", "key_scale"})
_TEMPI = frozenset({"bpm", "tempo", "tempo_bpm"})


def guard_id(text: str) -> str:
    """An id or a file name as a cell of a csv that programs read. What begins with "-" and can call nothing stays as it
    is: with an apostrophe it would find no track."""
    return text if _HARMLESS_ID.fullmatch(text) else guard(text)


def caption_columns(styles: tuple[str, ...], predicted: bool) -> tuple[str, ...]:
    """The columns of LP-MusicCaps for these styles. What nobody gave is only in them where it is asked for."""
    names = [f"caption_{style}" for style in wanted_styles(styles, predicted)]
    return (*names, *(["pseudo_attribute"] if predicted and PREDICTING in styles else []))


def caption_values(track: Track, styles: tuple[str, ...], wanted: str, predicted: bool) -> dict[str, Any]:
    """{column: caption} of the captions that a filter lets through; the others are missing."""
    found: dict[str, Any] = {}
    for style in wanted_styles(styles, predicted):
        caption = track.captions[style]
        if caption.passes(wanted):
            found[f"caption_{style}"] = caption.text
            if style == PREDICTING:
                found["pseudo_attribute"] = list(dict.fromkeys((*caption.predicted, *caption.taken)))
    return found


def audio_name(track: Track, extension: str) -> str:
    """The track's sound file as a path inside a data set, else its id with `extension`."""
    return _sound_file(track) or f"{file_stem(track.id)}.{extension}"


def audio_stem(track: Track) -> str:
    """The same without the ending: what files beside the sound file are called."""
    folder, slash, name = _sound_file(track).rpartition("/")
    return f"{folder}{slash}{name[:1]}{name[1:].rpartition('.')[0] or name[1:]}" if name else file_stem(track.id)


def _sound_file(track: Track) -> str:
    """The sound file's path without what would lead out of a folder; "" where there is none."""
    media = track.row.media or ""
    if _LINK.match(media):
        media = unquote(PurePosixPath(urlsplit(media).path).name)
    media = media.replace("\\", "/")
    if media.startswith("/") or re.match(r"[A-Za-z]:/", media) or ".." in media.split("/"):
        media = media.rsplit("/", 1)[-1]
    return "/".join(part for part in media.split("/") if part not in ("", "."))


def file_stem(name: str) -> str:
    """A name as that of a file, on any system; letters, digits, spaces and most signs stay."""
    clean = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", name).strip(" .")
    if re.fullmatch(r"(?i)con|prn|aux|nul|com[0-9]|lpt[0-9]", clean.split(".")[0]):
        clean = f"_{clean}"
    return clean.encode()[:LONGEST_NAME].decode(errors="ignore") or "_"


def audiocraft(track: Track, caption: Standing | None) -> dict[str, Any]:
    """What AudioCraft's music data set reads beside a sound file; what is not known is null."""
    by_facet: dict[str, list[str]] = {}
    for tag in track.tags.present:
        by_facet.setdefault(tag.facet, []).append(tag.name)
    return {
        "name": track.id,
        "title": _named(track, _TITLES),
        "artist": _named(track, _ARTISTS),
        "key": _first(track, _KEYS),
        "bpm": _number(_first(track, _TEMPI)),
        "genre": ", ".join(by_facet.get("genre", [])) or None,
        "instrument": ", ".join(by_facet.get("instrument", [])) or None,
        "moods": by_facet.get("mood", []),
        "keywords": track.tag_names,
        "description": caption.text if caption else None,
    }


def _first(track: Track, names: frozenset[str]) -> str | None:
    for column, value in track.fields.items():
        if normalise(column) in names and (text := " ".join(field_text(value).split())):
            return text
    return None


def _named(track: Track, names: frozenset[str]) -> str | None:
    found = _first(track, names)
    return found or (track.row.title or None if names is _TITLES else None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < 1000 else None

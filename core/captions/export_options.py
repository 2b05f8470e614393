"""What may be asked of an export of music, checked. Light: the command line reads it to say what it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.captions.styles import STYLES, style_of
from core.corpora.writing import FORMATS
from core.errors import InvalidInput
from core.review import exporting

KIND = "music"
PREDICTING = "attribute_prediction"
MUSIC_FORMATS = {
    "lp-musiccaps-csv": "csv",
    "lp-musiccaps-jsonl": "jsonl",
    "hf-csv": "csv",
    "hf-jsonl": "jsonl",
    "text": "zip",
    "audiocraft": "zip",
    "failures": "csv",
}
"""Shapes that only a music corpus has → the ending of their file."""

FILTERS = {
    "all": "every caption",
    "valid": "captions that a person called valid",
    "pass": "captions that pass every check",
    "no-fail": "captions that fail no check",
}
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export of music is to hold.

    Attributes:
        status: of the items; "done" are the reviewed ones.
        captions: one of FILTERS.
        predicted: captions with predicted attributes, too.
        extension: of the sound file of a track that has none in the corpus.
        where: only items whose stored field has one of the values: (field, values), as a captioning job takes it.
    """

    styles: tuple[str, ...] = STYLES
    status: str = "all"
    captions: str = "all"
    predicted: bool = False
    extension: str = "wav"
    where: tuple[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        if self.captions not in FILTERS:
            raise InvalidInput(f"“{self.captions[:40]}” is no choice of captions.", f"One of: {', '.join(FILTERS)}.")
        if not _EXTENSION.fullmatch(self.extension):
            raise InvalidInput(f"“{self.extension[:20]}” is no ending of a sound file.", "For example wav or mp3.")


def check_export(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an export job, checked for a corpus of that kind.

    Raises:
        InvalidInput: the format, the status, a style or a filter is unknown, or not of this kind of corpus.
    """
    format, status = arguments.get("format") or "jsonl", arguments.get("status") or "all"
    plain: dict[str, Any] = {
        "format": format,
        "status": status,
        "suggestions": bool(arguments.get("suggestions")),
        "provenance": bool(arguments.get("provenance")),
    }
    if kind != KIND:
        if format in MUSIC_FORMATS:
            raise InvalidInput(
                f"“{format}” is a format for corpora of music.", f"Formats of this one: {', '.join(FORMATS)}."
            )
        exporting.check_export(format, status)
        return plain
    if format not in (*FORMATS, *MUSIC_FORMATS):
        raise InvalidInput(f"“{format}” is no export format.", f"Formats: {', '.join((*FORMATS, *MUSIC_FORMATS))}.")
    exporting.check_export("jsonl", status)
    wanted = Wanted(
        _styles(arguments.get("styles")),
        status,
        str(arguments.get("captions") or "all"),
        bool(arguments.get("predicted")),
        str(arguments.get("extension") or "wav").removeprefix("."),
        where_of(arguments.get("where")),
    )
    if not wanted_styles(wanted.styles, wanted.predicted) and format != "failures":
        raise InvalidInput(
            "Attribute prediction says things that nobody gave, so it is only written where that is asked for.",
            "Ask for predicted content, too (--predicted), or choose other styles.",
        )
    return {
        **plain,
        "styles": list(wanted.styles),
        "captions": wanted.captions,
        "predicted": wanted.predicted,
        "extension": wanted.extension,
        **({"where": {"field": wanted.where[0], "value": list(wanted.where[1])}} if wanted.where else {}),
    }


def where_of(given: Any) -> tuple[str, tuple[str, ...]] | None:
    """{"field": name, "value": [values]} of a job's arguments, checked.

    Raises:
        InvalidInput: it is no such thing.
    """
    if given is None:
        return None
    name, values = (given.get("field"), given.get("value")) if isinstance(given, Mapping) else (None, None)
    if not isinstance(name, str) or not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise InvalidInput("“where” names no field and values.", 'For example {"field": "split", "value": ["train"]}.')
    return name, tuple(values)


def wanted_styles(styles: tuple[str, ...], predicted: bool) -> tuple[str, ...]:
    """The styles that go into a data set. What nobody gave is only in it where it is asked for."""
    return tuple(style for style in STYLES if style in styles and (predicted or style != PREDICTING))


def _styles(given: Any) -> tuple[str, ...]:
    if given is None or given == ["all"]:
        return STYLES
    if not isinstance(given, list | tuple) or not given or not all(isinstance(name, str) for name in given):
        raise InvalidInput("The styles are not a list of names.", f"Styles: {', '.join(STYLES)}.")
    named = {style_of(name) for name in given}
    return tuple(style for style in STYLES if style in named)

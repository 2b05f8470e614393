"""Decoding JSON as files hold it: exact integers, no NaN, no half characters; shared by both JSON formats."""

from __future__ import annotations

import json
import re

from core.corpora.formats.base import (
    MAX_CELL,
    JsonValue,
    Problem,
    clean_value,
    json_constant,
    json_integer,
    largest_text,
    too_large,
)

MAX_DEPTH = 100
"""Levels of lists and objects a row may nest; what stores and shows rows has its limits too."""

DECODER = json.JSONDecoder(parse_int=json_integer, parse_constant=json_constant, strict=False)
"""Takes control characters inside texts; integers beyond 64 bits and the infinities become text."""

_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def may_need_cleaning(text: str) -> bool:
    """Whether JSON text may hold NUL characters or lone surrogates; quick, errs on the side of yes."""
    return "\0" in text or _ESCAPED.search(text) is not None


def cleaned(value: JsonValue) -> tuple[JsonValue, bool]:
    """The value without NUL characters and lone surrogates, and whether there were any."""
    clean = clean_value(value)
    return clean, clean != value


def refusal(file: str, number: int, value: JsonValue, text: str | None) -> Problem | None:
    """Why a decoded element cannot be a row; None where it can.

    Args:
        file: for the problem.
        number: data row, for the problem.
        value: the element.
        text: the JSON it was decoded from; its length spares the closer look at most rows.
            None looks closely.
    """
    if type(value) is not dict:
        return Problem(
            file,
            number,
            None,
            "not_an_object",
            f"The row is {_kind(value)}, not an object with named fields.",
            'Write each row as an object such as {"title": "…"}.',
        )
    if (text is None or text.count("[") + text.count("{") > MAX_DEPTH) and _deeper(value, MAX_DEPTH):
        return Problem(
            file,
            number,
            None,
            "nested_too_deeply",
            f"The row holds lists or objects nested more than {MAX_DEPTH} deep.",
            "Flatten the row, or leave that field out.",
        )
    if (text is None or len(text) > MAX_CELL) and largest_text(value) > MAX_CELL:
        return too_large(file, number)
    return None


def _deeper(value: JsonValue, levels: int) -> bool:
    if not isinstance(value, list | dict):
        return False
    if levels == 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_deeper(each, levels - 1) for each in inner)


def _kind(value: JsonValue) -> str:
    names = {str: "a text", list: "a list", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")

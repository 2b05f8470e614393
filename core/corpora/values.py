"""From cells to lists of tags, to texts and ids: one place that knows how files write lists."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable

from core.corpora.formats.base import JsonValue

SPLITS = ("python-list", "json-list", "bare-list", "comma", "semicolon", "pipe", "newline", "tab", "single")
"""How a text cell can hold a list: `['a', 'b']`, `["a", "b"]`, `[a,b]`, `a, b`, `a; b`, `a|b`, a line each, set apart
by tabs, or one tag that is the whole cell. Any other separator is written as `sep:` and the separator."""

CUSTOM = "sep:"
LONGEST_SEPARATOR = 10

MAX_LIST_TEXT = 1_000_000
"""Characters of a cell that is read as a list."""

_SEPARATORS = {
    "comma": re.compile("[,，、]"),
    "semicolon": re.compile("[;；]"),
    "pipe": re.compile("[|｜]"),
    "newline": re.compile(r"[\r\n]+"),
    "tab": re.compile(r"\t+"),
}
_STRING = re.compile(r"""[uU]?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)
_NAMES = ("name", "label", "tag", "title", "text", "value")  # of an object that stands for a tag


def is_absent(value: JsonValue) -> bool:
    """Whether a cell counts as missing: None, the empty text, NaN."""
    return value is None or value == "" or value != value


def split_cell(value: JsonValue, how: str) -> tuple[str, ...]:
    """The tags that a cell holds: stripped, without empty and repeated ones, in their order.

    Args:
        value: a text, or a list as JSON and parquet hold it; those are taken as they are.
        how: one of SPLITS, for texts.

    Raises ValueError with the reason where the cell does not hold what `how` says.
    """
    return clean_tags(cell_parts(value, how))


def cell_parts(value: JsonValue, how: str) -> list[str]:
    """The same as the cell has them: repeated ones stay, and space around them."""
    if isinstance(value, list):
        return _names(value)
    if isinstance(value, dict):
        raise ValueError("it is an object, not a list")
    if not isinstance(value, str):
        return [as_text(value)]
    text = value.strip()
    if not text:
        return []
    if how == "single":
        return [text]
    separator = separator_of(how)
    if separator is not None:
        return separator.split(text)
    if len(text) > MAX_LIST_TEXT:
        raise ValueError(f"it is longer than {MAX_LIST_TEXT:,} characters")
    if how == "json-list":
        return _names(_json_list(text))
    if how == "bare-list":
        return _inside(text).split(",")
    if how == "python-list":
        return _names(_python_list(text))
    raise ValueError(f"“{how}” is not a way to write lists")


def separator_of(how: str) -> re.Pattern[str] | None:
    """What sets the parts of a text apart; None for ways to write lists that are no separators."""
    if how.startswith(CUSTOM) and how != CUSTOM:
        return re.compile(re.escape(how[len(CUSTOM) :]))
    return _SEPARATORS.get(how)


def is_split(how: str) -> bool:
    """Whether `how` is one of SPLITS or `sep:` and a separator of at most LONGEST_SEPARATOR characters."""
    return how in SPLITS or (how.startswith(CUSTOM) and 0 < len(how) - len(CUSTOM) <= LONGEST_SEPARATOR)


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Stripped, without empty and repeated ones, in their order."""
    return tuple(dict.fromkeys(tag for each in tags if (tag := each.strip())))


def guess_split(values: Iterable[JsonValue]) -> str:
    """How the cells of a column most likely hold lists; `json-list` where they are real lists.

    Args:
        values: some cells of the column.
    """
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    if not texts:
        return "json-list"
    brackets = [text for text in texts if text[0] == "[" and text[-1] == "]"]
    if len(brackets) * 2 > len(texts):
        filled = [text for text in brackets if text[1:-1].strip()]
        for how in ("json-list", "python-list"):
            if filled and all(_splits(text, how) for text in filled):
                return how
        return "bare-list" if filled else "json-list"
    counts = {how: sum(1 for text in texts if separator.search(text)) for how, separator in _SEPARATORS.items()}
    best = max(("pipe", "semicolon", "comma", "tab", "newline"), key=lambda how: counts[how])
    if not counts[best]:
        return "single"
    parts = sum(len(_SEPARATORS[best].split(text)) for text in texts)
    prose = sum(map(len, texts)) > 60 * parts or sum(len(text.split()) for text in texts) > 5 * parts
    return "single" if prose else best


def as_text(value: JsonValue) -> str:
    """A value as text: texts as they are, whole floats without the point, lists and objects as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return "" if value is None else str(value)


def _names(values: Iterable[object]) -> list[str]:
    """The elements of a list as tags; an object stands for the name in it. Raises ValueError."""
    names = []
    for value in values:
        if isinstance(value, str):
            names.append(value)
        elif isinstance(value, dict):
            name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
            if name is None:
                raise ValueError("it holds an object without a name")
            names.append(name)
        elif isinstance(value, list | tuple | set):
            raise ValueError("it holds a list in a list")
        elif value is not None and value == value:
            names.append(as_text(value))
    return names


def _json_list(text: str) -> list[object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError('it is not a JSON list such as ["a", "b"]') from None
    return value if isinstance(value, list) else [value]


def _python_list(text: str) -> Iterable[object]:
    """The elements of a list as Python prints it, or numpy (without commas between them)."""
    inside = _bracketed(text)
    if inside is not None and inside[:1] == inside[-1:] == "'" and '"' not in inside and "\\" not in inside:
        parts = inside[1:-1].split("', '")
        if not any("'" in part for part in parts):
            return parts  # the usual case, about 20 times quicker than parsing it
    if inside is not None and _spaced(inside):
        return [ast.literal_eval(found[1]) for found in _STRING.finditer(inside)]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        raise ValueError("it is not a Python list such as ['a', 'b']") from None
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, str | int | float):
        return [value]
    raise ValueError("it is not a Python list such as ['a', 'b']")


def _spaced(inside: str) -> bool:
    """Whether the list is nothing but quoted texts of which some are set apart by space alone."""
    rest = _STRING.sub("\0", inside).split("\0")
    return len(rest) > 2 and not "".join(rest).strip(" \r\n\t,") and any(gap and not gap.strip() for gap in rest[1:-1])


def _inside(text: str) -> str:
    inside = _bracketed(text)
    if inside is None:
        raise ValueError("it is not a list in brackets such as [a,b]")
    return inside


def _bracketed(text: str) -> str | None:
    return text[1:-1] if text[:1] == "[" and text[-1:] == "]" else None


def _splits(text: str, how: str) -> bool:
    try:
        return bool(split_cell(text, how))
    except ValueError:
        return False

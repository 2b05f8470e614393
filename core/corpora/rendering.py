"""An item's fields as people see them and as engines are sent them, always in the same order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.corpora.formats.base import JsonValue
from core.corpora.roles import CLUE_ROLES
from core.corpora.values import as_text, is_absent

LABELS = {
    "title": "Title",
    "caption": "Description",
    "category": "Category",
    "ocr": "Text in the picture",
    "speech": "Speech",
    "body": "Text",
}
"""What the first column of a role is called; further ones, and other clues, go by their column's name."""

SEARCH_LIMIT = 200_000
"""Characters of an item that can be searched."""

TITLE_LIMIT = 120

_RANK = {role: rank for rank, role in enumerate(CLUE_ROLES)}


@dataclass(frozen=True, slots=True)
class RenderedField:
    """One clue field of an item, ready to show.

    Attributes:
        name: the column.
        label: what people call it.
        kind: its role, one of CLUE_ROLES.
        text: never empty.
    """

    name: str
    label: str
    kind: str
    text: str


def render(fields: Mapping[str, JsonValue], roles: Mapping[str, str]) -> list[RenderedField]:
    """The clue fields that hold text: by role in the order of CLUE_ROLES, within a role by column.

    Args:
        fields: column to value, as in `DraftItem.fields`.
        roles: column to role; its order is the columns' order.
    """
    rendered = []
    for role in CLUE_ROLES:
        label = LABELS.get(role)
        for name in (column for column, its_role in roles.items() if its_role == role):
            text = field_text(fields.get(name))
            if text.strip():
                rendered.append(RenderedField(name, label or prettify(name), role, text))
                label = None
    return rendered


def field_text(value: JsonValue) -> str:
    """A value as text: lists joined by commas, objects as compact JSON, nothing for a missing value."""
    if isinstance(value, str):
        return value
    if is_absent(value):
        return ""
    if isinstance(value, list):
        return ", ".join(as_text(each) for each in value if not is_absent(each))
    return as_text(value)


def search_text(fields: Iterable[JsonValue]) -> str:
    """All texts in the values as search compares them; queries go through the same function.

    NFKC-normalised, case folded, white space collapsed, at most SEARCH_LIMIT characters.
    """
    parts: list[str] = []
    left = SEARCH_LIMIT
    for text in _texts(fields):
        if left <= 0:
            break
        parts.append(text[:left])
        left -= len(text) + 1
    joined = unicodedata.normalize("NFKC", " ".join(parts)).casefold()
    return " ".join(unicodedata.normalize("NFKC", joined).split())[:SEARCH_LIMIT].rstrip()


def display_title(fields: Mapping[str, JsonValue], roles: Mapping[str, str]) -> str:
    """What an item is called in lists: the start of its first clue field, at most TITLE_LIMIT characters."""
    best, found = len(CLUE_ROLES), ""
    for name, role in roles.items():
        rank = _RANK.get(role, best)
        if rank < best:
            text = " ".join(field_text(fields.get(name))[: 20 * TITLE_LIMIT].split())
            if text:
                best, found = rank, text
                if rank == 0:
                    break
    return shorten(found, TITLE_LIMIT)


def music_title(names: Iterable[str], external_id: str | None, otherwise: str) -> str:
    """What a piece of music is called in lists: title and artist where they are known, else its id."""
    joined = " · ".join(names) or (external_id or "") or otherwise
    return shorten(" ".join(joined[: 20 * TITLE_LIMIT].split()), TITLE_LIMIT)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words where that costs little, with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > limit * 0.7 else cut).rstrip() + "…"


def prettify(name: str) -> str:
    """A column's name as a label: `first_levelName` becomes `First level name`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").split()
    words = [word if word.isupper() else word.lower() for word in words]
    pretty = " ".join(words) or name
    return pretty[:1].upper() + pretty[1:]


def _texts(values: Iterable[JsonValue]) -> Iterable[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _texts(value)
        elif isinstance(value, dict):
            yield from _texts(value.values())
        elif not is_absent(value):
            yield as_text(value)

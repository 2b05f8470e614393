"""Guesses what the columns of a file are: first by their names in five languages, then by what they hold.

Every guess comes with its reason in a few words; the person has the last word on the mapping screen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.corpora.formats.base import JsonValue
from core.corpora.known_columns import ROLE_OF, normalise
from core.corpora.reading import Column, Inspection
from core.corpora.roles import CLUE_ROLES
from core.corpora.values import guess_split

_ID_WORDS = frozenset({"id", "uid", "uuid", "guid", "identifier"})
_FOREIGN = frozenset(  # an id of one of these is not the item's own
    {"user", "author", "category", "parent", "group", "channel", "owner", "brand", "artist", "album", "customer"}
    | {"session", "batch", "level", "cluster", "label", "tag", "topic", "speaker", "annotator", "class", "type"}
    | {"person"}
)
_GOLD_WORDS = frozenset({"tags", "tag", "labels", "keywords", "hashtags", "etiquetas", "schlagworte", "etiquettes"})
_CATEGORY_WORDS = frozenset({"category", "categoria", "kategorie", "categorie", "genre"})
_TEXT_ROLES = frozenset({"caption", "ocr", "speech", "body", "clue", "category"})
ROW_NUMBERS = re.compile(r"(?:unnamed_0|index|row|row_number|column_1)")

ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S+\s*", re.IGNORECASE)
MEDIA_FILE = re.compile(
    r"[^\n]{1,1000}\.(?:jpe?g|png|gif|webp|bmp|tiff?|avif|heic|svg|mp3|wav|flac|ogg|m4a|opus|mp4|mkv|webm|mov|avi)"
    r"(?:\?\S*)?\s*",
    re.IGNORECASE,
)

_OWN = {"id": "id", "tags": "tags", "gold_tags": "gold", "link": "link", "media": "media", "status": "status"}


__all__ = ["Guess", "guess_roles", "normalise"]


@dataclass(slots=True)
class Guess:
    """Roles, ways to split lists, and the reason for each role, all by column."""

    roles: dict[str, str] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)
    explain: dict[str, str] = field(default_factory=dict)

    def give(self, column: str, role: str, reason: str) -> None:
        """Set a column's role and say why."""
        self.roles[column] = role
        self.explain[column] = reason


def guess_roles(inspection: Inspection) -> Guess:
    """The likely role of every column, in the order of the file.

    Args:
        inspection: of the file; its first rows tell how cells hold lists.
    """
    guess = Guess({column.name: "keep" for column in inspection.columns})
    cells = {c.name: [row[c.name] for row in inspection.rows if c.name in row] for c in inspection.columns}
    rest = list(inspection.columns)
    if inspection.tagloom_export:
        rest = own_columns(guess, rest)
    else:
        guess_id(guess, rest)
    for column in rest:
        if column.name not in guess.explain:
            _guess_column(guess, column, cells[column.name], inspection.tagloom_export)
    only_one(guess, "link")
    only_one(guess, "gold", prefer=_whole_name)
    only_one(guess, "media")
    _ensure_clue(guess, inspection.columns)
    in_csv = inspection.delimiter is not None
    for name, role in guess.roles.items():
        if role == "gold" or role == "tags":
            guess.split[name] = "json-list" if inspection.tagloom_export and in_csv else guess_split(cells[name])
    return guess


def _whole_name(column: str) -> bool:
    return ROLE_OF.get(normalise(column)) == "gold"


def own_columns(guess: Guess, columns: list[Column]) -> list[Column]:
    """Give the columns that a Tagloom export adds their roles; the ones that are left."""
    names = {column.name for column in columns}
    for plain, role in _OWN.items():
        own = next((name for name in (f"tagloom_{plain}", plain) if name in names), None)
        if own is not None and not (plain == "status" and own == plain):
            guess.give(own, role, "written by Tagloom's export")
    for name in ("tagloom_suggestions", "tagloom_provenance"):
        if name in names:
            guess.give(name, "ignore", "written by Tagloom's export, not part of the items")
    return [column for column in columns if column.name not in guess.explain]


def guess_id(guess: Guess, columns: list[Column]) -> None:
    """Find the one column that names each row."""
    ranked: list[tuple[int, int, str]] = []
    for place, column in enumerate(columns):
        name = normalise(column.name)
        words = name.split("_")
        exact = ROLE_OF.get(name) == "id"
        named = exact or (words[-1] in _ID_WORDS and not _FOREIGN & set(words))
        if not named:
            continue
        if column.filled < 1 or column.distinct < 1:
            why = "some rows have none" if column.filled < 1 else "its values repeat"
            guess.give(column.name, "keep", f"named like an id, but {why}")
        elif column.kind in ("text", "number", "mixed", "bool"):
            ranked.append((0 if name == "id" else 1 if exact else 2, place, column.name))
    for position, (_, _, name) in enumerate(sorted(ranked)):
        if position == 0:
            guess.give(name, "id", "every value differs; named like an id")
        else:
            guess.give(name, "keep", "named like an id, but another column already is the id")


def _guess_column(guess: Guess, column: Column, cells: list[JsonValue], own_export: bool) -> None:
    name = normalise(column.name)
    words = name.split("_")
    if is_idle(guess, column):
        return
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    role = ROLE_OF.get(name) or _by_words(words)
    if role == "id" or (own_export and role in ("gold", "link", "media")):
        guess.give(column.name, "keep", "stored and exported with the item")
        return
    if mostly(texts, MEDIA_FILE) and (role in ("media", "link", None) or len(texts) == len(cells)) and not own_export:
        guess.give(column.name, "media", "its values name pictures, sounds or videos")
        return
    if mostly(texts, ADDRESS):
        if own_export:
            guess.give(column.name, "keep", "its values are addresses")
        elif role == "media":
            guess.give(column.name, "media", "named like a file; its values are addresses")
        else:
            guess.give(column.name, "link", "its values are addresses")
        return
    if role == "media":
        if column.kind == "object":
            guess.give(column.name, "media", "named like a picture, sound or video")
        else:
            guess.give(column.name, "keep", "named like a file, but its values do not look like one")
        return
    if role == "gold" and column.kind != "object" and not (column.kind == "number" and column.mean_length > 6):
        guess.give(column.name, "gold", _named(role))
        return
    if role == "title" or (role in _TEXT_ROLES and column.kind not in ("number", "bool", "object")):
        guess.give(column.name, role, _named(role))
        return
    guess.give(column.name, "keep", "not recognised; stored and exported, not shown to engines")


def is_idle(guess: Guess, column: Column) -> bool:
    """Whether a column holds nothing or only numbers the rows; then it is given the role `ignore`."""
    if column.filled == 0 and re.fullmatch(r"column_\d+(?: \(\d+\))?", column.name):
        guess.give(column.name, "ignore", "it has no name and holds nothing")
    elif ROW_NUMBERS.fullmatch(normalise(column.name)) and column.kind == "number" and column.distinct == 1:
        guess.give(column.name, "ignore", "it only numbers the rows")
    return column.name in guess.explain


def _by_words(words: list[str]) -> str | None:
    """The role that single words of a column's name suggest."""
    have = set(words)
    if have & _ID_WORDS:
        return None
    if "ocr" in have or ("text" in have and have & {"cover", "image", "picture", "screen", "thumbnail"}):
        return "ocr"
    if have & {"asr", "transcript", "transcription", "speech"}:
        return "speech"
    if words[-1] in _GOLD_WORDS:
        return "gold"
    if have & _CATEGORY_WORDS:
        return "category"
    for role in ("title", "caption", "link"):
        if ROLE_OF.get(words[-1]) == role:
            return role
    return None


def _named(role: str | None) -> str:
    names = {
        "title": "a title",
        "caption": "a description",
        "category": "a category",
        "ocr": "text in a picture",
        "speech": "spoken text",
        "body": "the main text",
        "gold": "tags",
    }
    return f"named like {names[role]}" if role in names else "named like something that says what the item is about"


def mostly(texts: list[str], pattern: re.Pattern[str]) -> bool:
    return bool(texts) and sum(1 for text in texts if pattern.fullmatch(text)) >= 0.8 * len(texts)


def only_one(guess: Guess, role: str, prefer: object = None) -> None:
    """Leave a role to its first column, or to the first one that `prefer` picks."""
    columns = [column for column, its_role in guess.roles.items() if its_role == role]
    if len(columns) < 2:
        return
    chosen = next((column for column in columns if callable(prefer) and prefer(column)), columns[0])
    for column in columns:
        if column != chosen:
            guess.give(column, "keep", f"another column, “{chosen}”, was taken before it")


def _ensure_clue(guess: Guess, columns: tuple[Column, ...]) -> None:
    """Where names tell too little, take the columns that read like texts."""
    roles = set(guess.roles.values())
    free = [c for c in columns if guess.roles[c.name] == "keep" and c.kind in ("text", "mixed") and c.filled > 0]
    if not roles & {"body", "caption", "ocr", "speech"}:
        prose = [column for column in free if column.mean_length >= 40 and column.distinct > 0.5]
        for column in sorted(prose, key=lambda each: -each.mean_length)[:2]:
            guess.give(column.name, "body" if column.mean_length >= 200 else "caption", "it holds the longest texts")
    if roles & {*CLUE_ROLES, "media"} or set(guess.roles.values()) & set(CLUE_ROLES):
        return
    spare = free or [c for c in columns if guess.roles[c.name] in ("keep", "gold")] or list(columns)
    longest = max(spare, key=lambda column: column.mean_length * column.distinct)
    guess.split.pop(longest.name, None)
    guess.give(longest.name, "clue", "no column reads like text to tag; this one comes nearest")

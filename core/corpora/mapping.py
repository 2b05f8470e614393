"""What each column of a corpus is: its role, how its cells hold lists, and the item a row becomes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from core.corpora.formats.base import JsonValue, Problem, Row
from core.corpora.formats.options import FOUND_OUT, ReadOptions
from core.corpora.formulas import unguard
from core.corpora.given import GIVEN_SPLITS, BadCell, GivenReader, flag_weight, guess_given_split
from core.corpora.guessing import guess_roles
from core.corpora.guessing_music import guess_music
from core.corpora.known_columns import normalise
from core.corpora.reading import Inspection
from core.corpora.roles import CLUE_ROLES, FACT_ROLES, LIST_ROLES, ROLE_LABELS, ROLES, SINGLE_ROLES, SPLIT_ROLES
from core.corpora.values import as_text, guess_split, is_split, split_cell
from core.corpora.youtube import youtube_link
from core.errors import InvalidInput

__all__ = [
    "CLUE_ROLES",
    "ROLES",
    "CompiledMapping",
    "DraftItem",
    "Mapping",
    "apply_mapping",
    "guess_mapping",
]


_WORTH_A_ROW = (*CLUE_ROLES, "given", "flag", "media")


@dataclass(frozen=True)
class Mapping:
    """The role of each column. Checked when made: raises InvalidInput that names column and role.

    Attributes:
        roles: column to role; columns it does not name are kept.
        split: for `gold` and `tags` columns, how their text cells hold lists, one of SPLITS, and for `given` ones
            of GIVEN_SPLITS; where it says nothing, each cell is judged by itself.
        unguard_formulas: take away the apostrophes that Tagloom's csv export put before formulas.
        reading: how a person said that the file is to be read.
        labels: for `given` and `flag` columns, what codes or the places of a vector stand for (a label file).
        explain: column to the reason why it was guessed; not part of the mapping.
    """

    roles: dict[str, str]
    split: dict[str, str] = field(default_factory=dict)
    unguard_formulas: bool = False
    explain: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    reading: ReadOptions = FOUND_OUT
    labels: dict[str, Sequence[str] | dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, role in self.roles.items():
            if role not in ROLES:
                raise InvalidInput(
                    f"The column “{column}” has the unknown role “{role}”.", f"Roles are: {', '.join(ROLES)}."
                )
        for role in SINGLE_ROLES:
            columns = self.columns(role)
            if len(columns) > 1:
                named = " and ".join(f"“{column}”" for column in columns)
                raise InvalidInput(
                    f"The role “{role}” is given to {named}, but only one column can have it.",
                    "Give the others another role, for example “keep”.",
                )
        for column, how in self.split.items():
            role = self.roles.get(column, "keep")
            if role not in SPLIT_ROLES:
                raise InvalidInput(
                    f"The column “{column}” has the role “{role}”, which holds no lists to split.",
                    "Give it the role “given”, “gold” or “tags”, or leave the way to split out.",
                )
            if not (is_split(how) or (role == "given" and how in GIVEN_SPLITS)):
                raise InvalidInput(
                    f"The lists in the column “{column}” (role “{role}”) cannot be split by “{how}”.",
                    f"Choose one of: {', '.join(GIVEN_SPLITS)}; or write sep: and the separator.",
                )
        if not any(role in _WORTH_A_ROW for role in self.roles.values()):
            raise InvalidInput(
                "No column holds anything to tag.",
                f"Give at least one column one of the roles {_named([*CLUE_ROLES, 'given', 'media'])}.",
            )

    def columns(self, *roles: str) -> list[str]:
        """The columns that have one of the roles, in the order of the file."""
        return [column for column, role in self.roles.items() if role in roles]

    def to_json(self) -> dict[str, Any]:
        """The mapping as a JSON object; `from_json` takes it back."""
        mapping: dict[str, Any] = {
            "roles": dict(self.roles),
            "split": dict(self.split),
            "unguard_formulas": self.unguard_formulas,
        }
        if self.labels:
            named = {c: dict(each) if isinstance(each, dict) else list(each) for c, each in self.labels.items()}
            mapping["labels"] = named
        reading = self.reading.to_json()
        return {**mapping, "reading": reading} if reading else mapping

    @classmethod
    def from_json(cls, value: str | bytes | AnyMapping[str, Any]) -> Mapping:
        """A mapping from its JSON object, or from the text of one. Raises InvalidInput."""
        if isinstance(value, str | bytes):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise InvalidInput(f"The field mapping is not valid JSON: {error}.", "Map the fields again.") from error
        if not isinstance(value, AnyMapping):
            raise InvalidInput("The field mapping is not a JSON object.", "Map the fields again.")
        roles, split = value.get("roles"), value.get("split", {})
        unguard_formulas = value.get("unguard_formulas", False)
        if not _texts(roles) or not _texts(split) or not isinstance(unguard_formulas, bool):
            raise InvalidInput(
                "The field mapping must hold “roles” and “split”, each from column to text, and “unguard_formulas”.",
                "Map the fields again.",
            )
        reading = ReadOptions.from_json(value.get("reading") or {})
        return cls(dict(roles), dict(split), unguard_formulas, reading=reading, labels=_labels(value.get("labels")))

    def changed(self, roles: AnyMapping[str, str], rows: Iterable[AnyMapping[str, JsonValue]] = ()) -> Mapping:
        """The mapping with other roles for some columns.

        A column that had a role which only one can have, and loses it to another, is kept instead.

        Args:
            roles: column to its new role. Raises InvalidInput for a column that the mapping does not know.
            rows: some rows, to tell how new `given`, `gold` and `tags` columns hold lists.
        """
        for column in roles:
            if column not in self.roles:
                raise InvalidInput(
                    f"There is no column “{column}”.", f"The columns are: {', '.join(self.roles) or 'none'}."
                )
        taken = {role for role in roles.values() if role in SINGLE_ROLES}
        kept = {column: "keep" if role in taken else role for column, role in self.roles.items()}
        merged = {**kept, **roles}
        split = {column: how for column, how in self.split.items() if merged[column] in SPLIT_ROLES}
        rows = list(rows)
        for column, role in merged.items():
            if role in SPLIT_ROLES and (column not in split or (role in LIST_ROLES and not is_split(split[column]))):
                guess = guess_given_split if role == "given" else guess_split
                split[column] = guess(row.get(column) for row in rows)
        explain = {**self.explain, **dict.fromkeys(roles, "chosen by a person")}
        return Mapping(merged, split, self.unguard_formulas, explain, self.reading, self.labels)

    def with_shapes(self, rows: Sequence[AnyMapping[str, JsonValue]]) -> Mapping:
        """The mapping with a shape for every `given` column that has none yet, found out from some rows."""
        missing = [column for column in self.columns("given") if column not in self.split]
        found = {column: guess_given_split(row.get(column) for row in rows) for column in missing}
        return replace(self, split={**self.split, **found}) if found else self

    def with_split(self, split: AnyMapping[str, str]) -> Mapping:
        """The mapping with other ways to split for some columns. Raises InvalidInput."""
        for column in split:
            if column not in self.roles:
                raise InvalidInput(
                    f"There is no column “{column}”.", f"The columns are: {', '.join(self.roles) or 'none'}."
                )
        return replace(self, split={**self.split, **split})


def guess_mapping(inspection: Inspection, kind: str = "items") -> Mapping:
    """The mapping that a file's columns suggest, with a reason for each in `explain`.

    A Tagloom export is recognised and mapped back exactly, see DraftItem for its roles.

    Args:
        inspection: of the file.
        kind: of the corpus that it goes into; columns of "music" mean other things (see `guess_kind`).
    """
    guess = guess_music(inspection) if kind == "music" else guess_roles(inspection)
    restore = inspection.tagloom_export and inspection.delimiter is not None
    return Mapping(guess.roles, guess.split, restore, guess.explain, inspection.options)


def check_kind(mapping: Mapping, kind: str) -> None:
    """Refuse a mapping that leaves a corpus of that kind without what it is for. Raises InvalidInput."""
    if kind == "music" and not mapping.columns("given", "flag"):
        raise InvalidInput(
            "No column holds the tags that captions are written from.",
            f"Give a column the role {_named(['given'])}, or a column of 0 and 1 the role {_named(['flag'])}.",
        )


def _named(roles: list[str]) -> str:
    """Roles as the page calls them: “Title”, “Description” or “Picture or sound”."""
    *most, last = (f"“{ROLE_LABELS[role]}”" for role in roles)
    return f"{', '.join(most)} or {last}" if most else last


def _labels(value: object) -> dict[str, Sequence[str] | dict[str, str]]:
    """Labels from their JSON object. Raises InvalidInput."""
    wrong = InvalidInput(
        "The labels of a mapping must be lists of names, or objects from code to name, by column.",
        "Choose the label file again.",
    )
    if value is None:
        return {}
    if not isinstance(value, AnyMapping):
        raise wrong
    labels: dict[str, Sequence[str] | dict[str, str]] = {}
    for column, names in value.items():
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            labels[str(column)] = tuple(names)
        elif _texts(names):
            labels[str(column)] = dict(names)
        else:
            raise wrong
    return labels


def _texts(value: object) -> TypeGuard[AnyMapping[str, str]]:
    return isinstance(value, AnyMapping) and all(
        isinstance(key, str) and isinstance(each, str) for key, each in value.items()
    )


@dataclass(frozen=True, slots=True)
class DraftItem:
    """What a row becomes, before it is compared with the items that are there.

    Attributes:
        external_id: stripped text of the id cell; None where no column is the id.
        fields: column to value for clue, kept and music columns, without missing values and without the zeros of
            `flag` columns, otherwise exactly as read.
        gold: gold tags, None where the row says nothing of them (an empty list says that there are none).
        tags: tags that people accepted, None as for gold.
        status: of the review, as the file says it.
        media: path or address of a picture, sound or video.
        link: address of the item's page, stripped.
        problems: cells that could not be used; the row's own notes stay with the row.
    """

    external_id: str | None
    fields: dict[str, JsonValue]
    gold: tuple[str, ...] | None
    tags: tuple[str, ...] | None
    status: str | None
    media: str | None
    link: str | None
    problems: tuple[Problem, ...]


_CLUE, _KEEP, _IGNORE, _ID, _GOLD, _TAGS, _STATUS, _MEDIA, _LINK, _FLAG = range(10)
_CODES = dict.fromkeys(CLUE_ROLES, _CLUE) | {
    **dict.fromkeys(FACT_ROLES, _KEEP),
    "flag": _FLAG,
    "keep": _KEEP,
    "ignore": _IGNORE,
    "id": _ID,
    "gold": _GOLD,
    "tags": _TAGS,
    "status": _STATUS,
    "media": _MEDIA,
    "link": _LINK,
}


class CompiledMapping:
    """A mapping made ready to be applied to many rows: `compiled(row)`, about 2 µs for six text columns.

    None, the empty text and NaN are missing values: they are dropped. Everything else is left as read.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._codes = {column: _CODES[role] for column, role in mapping.roles.items()}
        self._id_column = next(iter(mapping.columns("id")), None)
        self._id_needed = not mapping.columns("status")
        self._unguard = mapping.unguard_formulas
        self._given = GivenReader(mapping) if mapping.columns("given", "flag") else None
        self._names = mapping.columns("names")
        self._youtube = self._id_column is not None and not mapping.columns("link") and self._given is not None
        self._plain_columns = {normalise(column): column for column in mapping.roles}

    def __call__(self, row: Row) -> DraftItem | Problem:
        """The item, or the problem that costs the row: no text in any clue field and no media, no id, or given tags
        that cannot be read. An item of music may have no tags: it is one without a caption.

        In a Tagloom export (it has a status column) an item may have come without an id of its own.
        """
        codes, restore = self._codes, self._unguard
        fields: dict[str, JsonValue] = {}
        special: list[tuple[int, str, JsonValue]] = []
        has_text = False
        for column, value in row.values.items():
            if value is None or value == "" or (value.__class__ is float and value != value):
                continue
            if restore and value.__class__ is str and value[0] == "'":
                value = unguard(value)
            code = codes.get(column, _KEEP)
            if code == _CLUE:
                fields[column] = value
                has_text = has_text or _has_text(value)
            elif code == _KEEP:
                fields[column] = value
            elif code == _FLAG:
                if not _is_zero(value):
                    fields[column] = value
            elif code != _IGNORE:
                special.append((code, column, value))
        external_id = media = link = status = None
        gold: tuple[str, ...] | None = None
        tags: tuple[str, ...] | None = None
        problems: tuple[Problem, ...] = ()
        for code, column, value in special:
            if code == _ID:
                external_id = as_text(value).strip() or None
            elif code == _LINK:
                link = as_text(value).strip() or None
            elif code == _MEDIA:
                media = media or _media(value)
            elif code == _STATUS:
                status = as_text(value).strip() or None
            else:
                found = self._split(row, column, value)
                if isinstance(found, Problem):
                    problems = (*problems, found)
                elif code == _GOLD:
                    gold = found if gold is None else tuple(dict.fromkeys(gold + found))
                else:
                    tags = found if tags is None else tuple(dict.fromkeys(tags + found))
        if not external_id and self._id_column is not None and self._id_needed:
            return _refused(row, self._id_column, "no_id", "The id is empty.", "Give the row an id of its own.")
        if self._given is not None:
            try:
                has_text = bool(self._given.strict(fields)) or has_text
            except BadCell as error:
                return _refused(
                    row,
                    error.column,
                    "bad_tags",
                    f"The tags in “{error.column}” cannot be read: {error}.",
                    "Correct the cell, or choose another shape for the column.",
                )
            known = external_id is not None or any(_has_text(fields.get(name, "")) for name in self._names)
            has_text = has_text or known
            if self._youtube and external_id is not None:
                link = link or youtube_link(external_id, self._id_column or "", row.values, self._plain_columns)
        if not has_text and not media:
            cause = "The row has no text in any of the fields to tag, and no picture or sound."
            return _refused(row, None, "no_text", cause, "Fill one of the fields, or map another column to them.")
        return DraftItem(external_id, fields, gold, tags, status, media, link, problems)

    def _split(self, row: Row, column: str, value: JsonValue) -> tuple[str, ...] | Problem:
        how = self.mapping.split.get(column)
        try:
            return split_cell(value, how or guess_split((value,)))
        except ValueError as error:
            return _refused(
                row,
                column,
                "bad_list",
                f"The tags in “{column}” cannot be read: {error}.",
                "Correct the cell, or choose another way to split the column; the row was read without it.",
            )


def apply_mapping(mapping: Mapping, row: Row) -> DraftItem | Problem:
    """One row as an item; for many rows make one `CompiledMapping`."""
    return CompiledMapping(mapping)(row)


def _has_text(value: JsonValue) -> bool:
    if value.__class__ is str:
        return bool(value) and not value.isspace()
    if isinstance(value, list):
        return any(each is not None and _has_text(each) for each in value)
    return bool(value) or value == 0


def _is_zero(value: JsonValue) -> bool:
    try:
        return flag_weight(value) == 0
    except ValueError:
        return False  # the reader says what is wrong with it


def _media(value: JsonValue) -> str | None:
    """The path or address in a cell; the first one of a list, the `path` or `url` of an object."""
    if isinstance(value, list):
        return next((found for each in value if (found := _media(each))), None)
    if isinstance(value, dict):
        return next((found for key in ("path", "url", "src", "file_name") if (found := _media(value.get(key)))), None)
    return value.strip() or None if isinstance(value, str) else None


def _refused(row: Row, column: str | None, code: str, cause: str, remedy: str) -> Problem:
    return Problem(row.file, row.number, column, code, cause, remedy)

"""Label files: what the places of a vector, or codes of tags, are called.

Labels become part of a mapping, so that nothing has to be read again when tags are.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.corpora.formats.base import JsonValue, Problem, file_source
from core.corpora.formats.text import open_text, scan
from core.corpora.given import literal, number_list, weighted_parts
from core.corpora.guessing_music import CODE
from core.corpora.known_columns import normalise
from core.corpora.mapping import Mapping as ColumnMapping
from core.corpora.values import as_text, is_absent
from core.errors import InvalidInput

MAX_BYTES = 64 * 1024 * 1024
MOST_LABELS = 100_000
_LABEL_NAMES = frozenset(
    {"display_name", "name", "label", "tag", "title", "class", "class_name", "text", "names", "tags"}
)
_CODE_NAMES = frozenset({"mid", "code", "key", "id", "index", "tag_id", "class_id", "label_id"})


def read_labels(path: Path, name: str | None = None) -> Sequence[str] | dict[str, str]:
    """The names in a label file: by place, or by code.

    One name a line; a line of names; a JSON or Python list; an object from code (or place) to name or from name to
    place; a table with a column of codes or places and one of names, as AudioSet's `class_labels_indices.csv`.

    Raises:
        InvalidInput: the file holds no names.
    """
    shown = name or path.name
    text = _text(path, shown)
    stripped = text.strip()
    labels: Sequence[str] | dict[str, str] = ()
    if stripped[:1] in "[{":
        try:
            labels = _labels_of(literal(stripped))
        except ValueError as error:
            raise InvalidInput(
                f"{shown} begins like a list of labels, but {error}.", "Write one label a line."
            ) from None
    else:
        labels = _labels_of_lines([line.strip("\r") for line in stripped.split("\n") if line.strip()])
    if not labels:
        raise InvalidInput(f"{shown} holds no labels.", "Write one label a line, in the order of the vector's places.")
    if len(labels) > MOST_LABELS:
        raise InvalidInput(f"{shown} holds {len(labels):,} labels.", f"At most {MOST_LABELS:,} can be used.")
    return labels


def _text(path: Path, shown: str) -> str:
    source = file_source(path, shown)
    if (source.size or 0) > MAX_BYTES:
        raise InvalidInput(f"{shown} is larger than {MAX_BYTES >> 20} MB.", "Choose the file with the labels only.")
    with open_text(source, scan(source)) as stream:
        return stream.read().lstrip("\ufeff")


def _labels_of(value: JsonValue) -> Sequence[str] | dict[str, str]:
    if isinstance(value, list | tuple):
        if all(isinstance(each, dict) for each in value) and value:
            found = {}
            for each in value:
                code = next((each[key] for key in each if normalise(str(key)) in _CODE_NAMES), None)
                label = next((each[key] for key in each if normalise(str(key)) in _LABEL_NAMES), None)
                if code is not None and label is not None:
                    found[as_text(code)] = as_text(label).strip()
            return _by_place(found)
        return tuple(as_text(each).strip() for each in value if not isinstance(each, list | dict))
    if isinstance(value, dict):
        if all(isinstance(each, int) and not isinstance(each, bool) for each in value.values()):
            return _by_place({str(place): str(label) for label, place in value.items()})
        for each in value.values():  # a list of labels under one key
            if isinstance(each, list) and len(value) == 1:
                return _labels_of(each)
        return _by_place({str(code): label for code, label in value.items() if isinstance(label, str)})
    return ()


def _labels_of_lines(lines: list[str]) -> Sequence[str] | dict[str, str]:
    for delimiter in ("\t", ",", ";"):
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
        if len(rows) == 1 and len(rows[0]) > 1:
            return tuple(cell for cell in rows[0] if cell)
        if rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows):
            found = _table(rows)
            if found:
                return found
    names = [line.strip().strip('"').strip() for line in lines]
    if len(names) > 1 and normalise(names[0]) in _LABEL_NAMES:
        names = names[1:]
    return tuple(names)


def _table(rows: list[list[str]]) -> Sequence[str] | dict[str, str]:
    """Codes or places and names from the columns of a table; nothing where it has no two such columns."""
    heads = [normalise(cell) for cell in rows[0]]
    labels = next((i for i, head in enumerate(heads) if head in _LABEL_NAMES), None)
    codes = [i for i, head in enumerate(heads) if head in _CODE_NAMES]
    if labels is not None and codes:
        code = next((i for i in codes if heads[i] in ("mid", "code")), codes[0])
        return _by_place({row[code]: row[labels] for row in rows[1:]})
    if labels is not None:
        return tuple(row[labels] for row in rows[1:])
    columns = list(zip(*rows, strict=True))
    code = next((i for i, cells in enumerate(columns) if all(re.fullmatch(r"\d+|/[mtg]/\S+", c) for c in cells)), -1)
    if code < 0:
        return ()
    other = [i for i in range(len(columns)) if i != code and not all(re.fullmatch(r"[\d.]+", c) for c in columns[i])]
    return _by_place({row[code]: row[other[-1]] for row in rows}) if other else ()


def _by_place(found: dict[str, str]) -> Sequence[str] | dict[str, str]:
    """A tuple where the codes number places from 0 or 1 without a gap."""
    if found and all(code.isdecimal() for code in found):
        places = sorted(found, key=int)
        first = int(places[0])
        if first in (0, 1) and [int(place) for place in places] == list(range(first, first + len(places))):
            return tuple(found[place] for place in places)
    return found


def attach_labels(
    mapping: ColumnMapping, labels: Sequence[str] | dict[str, str], rows: Sequence[Mapping[str, JsonValue]], shown: str
) -> ColumnMapping:
    """The mapping with the labels at every column that they fit: vectors of that many places, cells or names of
    columns that are codes of theirs.

    Raises:
        InvalidInput: they fit none.
    """
    fitting: dict[str, Sequence[str] | dict[str, str]] = {}
    lengths: set[int] = set()
    for column, role in mapping.roles.items():
        cells = [row[column] for row in rows if not is_absent(row.get(column))]
        vector = mapping.split.get(column) == "vector"
        if vector:
            sizes = {len(number_list(cell)) for cell in cells if _is_list_of_numbers(cell)}
            lengths |= sizes
            names = labels if not isinstance(labels, dict) else ()
            if names and (len(names) in sizes or not sizes):
                fitting[column] = names
        elif isinstance(labels, dict):
            own = role == "flag" and column in labels
            if own or any(
                entry in labels for cell in cells[:20] for entry in _entries(cell, mapping.split.get(column))
            ):
                fitting[column] = {column: labels[column]} if own else labels
        elif role == "flag" and re.fullmatch(r"\D*\d+", column):  # columns that are only numbered
            flags = mapping.columns("flag")
            if len(flags) == len(labels):
                fitting[column] = {column: labels[flags.index(column)]}
    if not fitting:
        sizes_found = " or ".join(map(str, sorted(lengths)))
        why = f"the vectors in the file have {sizes_found} places" if lengths else "no column holds codes that it names"
        raise InvalidInput(
            f"{shown} names {len(labels):,} labels, but {why}.", "Choose the label file that belongs to this file."
        )
    return replace(mapping, labels={**mapping.labels, **fitting})


def _is_list_of_numbers(cell: JsonValue) -> bool:
    try:
        return bool(number_list(cell))
    except ValueError:
        return False


def _entries(cell: JsonValue, how: str | None) -> list[str]:
    try:
        return [name for name, _ in weighted_parts(cell, how)]
    except ValueError:
        return []


def nameless(file: str, mapping: ColumnMapping, rows: Sequence[Mapping[str, JsonValue]]) -> Iterator[Problem]:
    """A remark for each column of given tags whose places or codes have no names."""
    for column in mapping.columns("given"):
        cells = [row[column] for row in rows if not is_absent(row.get(column))]
        if column in mapping.labels or not cells:
            continue
        if mapping.split.get(column) == "vector":
            cause = f"The places of the lists in “{column}” have no names; they are called “tag 1”, “tag 2” and so on."
        else:
            codes = [entry for cell in cells for entry in _entries(cell, mapping.split.get(column))]
            if not codes or not all(CODE.fullmatch(code) for code in codes):
                continue
            cause = f"“{column}” holds codes; they are kept as they are."
        yield Problem(file, None, column, "no_labels", cause, "Add a label file that names them.")

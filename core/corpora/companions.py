"""Files that go with a file of music: labels for codes and vectors, a track split, titles and artists.

Labels become part of the mapping. A split and names are joined to the rows by their ids while they are read, as
columns of their own; a value that a row has itself stays.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from core.corpora.attribution import split_attributions
from core.corpora.formats.base import JsonValue, Problem, Row, file_source
from core.corpora.formats.text import open_text, scan
from core.corpora.given import literal, number_list, weighted_parts
from core.corpora.guessing_music import CODE, NAME_COLUMNS, guess_music
from core.corpora.known_columns import ROLE_OF, normalise
from core.corpora.mapping import Mapping as ColumnMapping
from core.corpora.reading import Column, Inspection, describe_columns, inspect, read_rows
from core.corpora.values import as_text, is_absent
from core.errors import InvalidInput

SPLIT = "split"
MOST_LABELS = 100_000
MAX_BYTES = 64 * 1024 * 1024
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "tr": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
    "extra": "extra",
}
_LABEL_NAMES = frozenset(
    {"display_name", "name", "label", "tag", "title", "class", "class_name", "text", "names", "tags"}
)
_CODE_NAMES = frozenset({"mid", "code", "key", "id", "index", "tag_id", "class_id", "label_id"})
_NUMBERED = re.compile(r"(.*?)0*(\d+)")


# labels


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


# files that are joined by id


class ById:
    """Values by id, found by the id itself or by its number: `215` is `track_0000215`."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._numbers: dict[tuple[str, str], str | None] = {}
        self._stems: set[str] = set()

    def add(self, key: str, value: Any) -> None:
        self.values[key] = value
        found = _NUMBERED.fullmatch(key)
        if found:
            numbered = (found[1], found[2])
            self._stems.add(found[1])
            self._numbers[numbered] = key if self._numbers.get(numbered, key) == key else None

    def get(self, key: str) -> Any | None:
        """The value for an id; ids with another word before the number do not count as the same."""
        if key in self.values:
            return self.values[key]
        found = _NUMBERED.fullmatch(key)
        if found is None:
            return None
        stem, number = found[1], found[2]
        wanted = [(stem, number), ("", number)]
        if not stem and len(self._stems) == 1:
            wanted.append((next(iter(self._stems)), number))
        same = next((self._numbers[each] for each in wanted if each in self._numbers), None)
        return None if same is None else self.values[same]


def read_split(path: Path, name: str | None = None) -> ById:
    """Which part of a data set each id belongs to: "train", "valid", "test", "extra", or as the file says.

    An object of lists of ids (`train_track`, `valid_track`, `test_track`), an object from id to part, a table with
    both, or a list of ids in a file that is named after the part.

    Raises:
        InvalidInput: the file says no such thing.
    """
    shown = name or path.name
    found = ById()
    value = _json(path, shown)
    if isinstance(value, dict) and value and all(isinstance(each, list) for each in value.values()):
        for part, ids in value.items():
            for each in ids:
                found.add(as_text(each).strip(), split_name(part))
    elif isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        for key, part in value.items():
            found.add(key.strip(), split_name(part))
    else:
        _split_rows(path, shown, found)
    if not found.values:
        raise InvalidInput(f"{shown} names no ids.", 'Write it as {"train_track": ["id", …], "test_track": […]}.')
    return found


def _split_rows(path: Path, shown: str, found: ById) -> None:
    look = inspect(path, name=shown)
    columns = [column.name for column in look.columns]
    part = next((c for c in columns if normalise(c) in ("split", "subset", "partition", "fold", "set", "part")), None)
    ids = next((c.name for c in look.columns if c.name != part and c.distinct == 1), columns[0])
    stem = split_name(re.split(r"[_\W]+", Path(shown).stem)[-1])
    if part is None and stem not in _SPLIT_NAMES.values():
        raise InvalidInput(
            f"{shown} has no column that says which part of the data set a row belongs to.",
            "Call the column “split”, or write one list of ids for each part.",
        )
    for row in read_rows(path, name=shown, options=look.options):
        if isinstance(row, Row) and not is_absent(key := row.values.get(ids)):
            value = row.values.get(part) if part else stem
            if not is_absent(value):
                found.add(as_text(key).strip(), split_name(as_text(value)))


def split_name(name: str) -> str:
    """What a part is called here: `train_track` and `TRAIN` are "train", `validation` is "valid"."""
    plain = normalise(name)
    plain = re.sub(r"_(?:tracks?|ids?|set|split|songs?|clips?)$", "", plain)
    return _SPLIT_NAMES.get(plain, plain or name.strip())


def _json(path: Path, shown: str) -> JsonValue:
    """The whole file where it is one JSON object; None for everything else."""
    import orjson

    source = file_source(path, shown)
    if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{" or (source.size or 0) > 4 * MAX_BYTES:
        return None
    try:
        return orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None


@dataclass(slots=True)
class Names:
    """Titles and artists by id, the columns that hold them, and what could not be read of the file."""

    columns: tuple[str, ...]
    rows: ById
    problems: tuple[Problem, ...] = ()


def read_names(path: Path, name: str | None = None) -> Names:
    """Titles and artists from a table with ids; `title by artist` in one column is taken apart.

    Raises:
        InvalidInput: the file has no ids or no names.
    """
    shown = name or path.name
    value = _json(path, shown)
    rows = ById()
    if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        for key, title in value.items():
            rows.add(key.strip(), {"title": title.strip()})
        return Names(("title",), rows)
    look = inspect(path, name=shown)
    roles = guess_music(look).roles
    ids = next((column for column, role in roles.items() if role == "id"), None)
    both = next((c for c in roles if normalise(c) in ("attribution", "credit")), None)
    columns = [c for c in roles if normalise(c) in NAME_COLUMNS or ROLE_OF.get(normalise(c)) == "title"]
    columns = [c for c in columns if c not in (ids, both)]
    if ids is None or not (both or columns):
        what = "ids" if ids is None else "titles or artists"
        raise InvalidInput(
            f"{shown} has no column with {what}.",
            "It needs a column called id (or track_id) and one called title, artist or attribution.",
        )
    problems: list[Problem] = []
    keys: list[str] = []
    found: list[dict[str, JsonValue]] = []
    credits: list[str] = []
    for row in read_rows(path, name=shown, options=look.options):
        if isinstance(row, Problem):
            problems.append(row)
        elif not is_absent(key := row.values.get(ids)):
            keys.append(as_text(key).strip())
            found.append({c: row.values[c] for c in columns if not is_absent(row.values.get(c))})
            credits.append(as_text(row.values.get(both)) if both else "")
    if both:
        for entry, (title, artist) in zip(found, split_attributions(credits), strict=True):
            entry.update({k: v for k, v in (("title", title), ("artist", artist)) if v and k not in entry})
    for key, entry in zip(keys, found, strict=True):
        rows.add(key, entry)
    return Names(tuple(dict.fromkeys(chain(columns, ("title", "artist") if both else ()))), rows, tuple(problems))


@dataclass(slots=True)
class Companions:
    """What is joined to the rows of a file by their ids.

    Attributes:
        split, names: None where there is no such file.
        shown: what the files are called, by "split" and "names".
    """

    split: ById | None = None
    names: Names | None = None
    shown: dict[str, str] = field(default_factory=dict)
    _seen: int = 0
    _met: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, files: Mapping[str, Mapping[str, str]]) -> Companions:
        """From `{"split": {"path": …, "name": …}, "names": …}`. Raises InvalidInput."""
        made = cls()
        for kind, file in files.items():
            path, shown = Path(file["path"]), file.get("name") or Path(file["path"]).name
            if kind == "split":
                made.split = read_split(path, shown)
            elif kind == "names":
                made.names = read_names(path, shown)
            else:
                raise InvalidInput(f"There is no companion file called “{kind}”.", "Name a split or a names file.")
            made.shown[kind] = shown
        return made

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are added, with their roles."""
        names = dict.fromkeys(self.names.columns, "names") if self.names else {}
        return names | ({SPLIT: "keep"} if self.split else {})

    def joined(self, values: Mapping[str, JsonValue], id_column: str | None) -> dict[str, JsonValue]:
        """A row with what the files know of its id."""
        key = as_text(values.get(id_column)).strip() if id_column else ""
        added: dict[str, JsonValue] = {}
        self._seen += 1
        if self.names is not None and (entry := self.names.rows.get(key)):
            self._met["names"] = self._met.get("names", 0) + 1
            added.update(entry)
        if self.split is not None and (part := self.split.get(key)):
            self._met["split"] = self._met.get("split", 0) + 1
            added[SPLIT] = part
        return (
            {
                **added,
                **{column: value for column, value in values.items() if column not in added or not is_absent(value)},
            }
            if added
            else dict(values)
        )

    def rows(self, records: Iterable[Row | Problem], id_column: str | None) -> Iterator[Row | Problem]:
        """The rows with what the files know of them; at the end a problem for each file that missed some."""
        if self.names is not None:
            yield from (replace(problem, row=None, cause=_where(problem)) for problem in self.names.problems)
        for record in records:
            if isinstance(record, Row):
                yield Row(record.file, record.number, self.joined(record.values, id_column), record.notes)
            else:
                yield record
        yield from self.missed()

    def missed(self) -> Iterator[Problem]:
        """What the files did not know of the rows so far."""
        what = {"names": "title or artist", "split": "part of a split"}
        for kind, shown in self.shown.items():
            met = self._met.get(kind, 0)
            if met < self._seen:
                cause = f"{self._seen - met:,} of {self._seen:,} rows have no {what[kind]} in {shown}."
                remedy = "Check that both files name the same ids." if not met else "Nothing to do if that is right."
                yield Problem(shown, None, None, f"no_{kind}", cause, remedy)

    def inspection(self, found: Inspection, id_column: str | None) -> Inspection:
        """The inspection of a file with the columns that are added."""
        if not self.columns:
            return found
        rows = [self.joined(row, id_column) for row in found.rows]
        self._seen, self._met = 0, {}
        added = {column.name: column for column in describe_columns(rows) if column.name in self.columns}
        own = [added.get(column.name, column) for column in found.columns]
        names = {column.name for column in own}
        blank = [Column(name, (), 0.0, 0.0, "text", 0.0) for name in self.columns if name not in added]
        more = [*added.values(), *blank]
        columns = (*own, *(column for column in more if column.name not in names))
        return replace(found, columns=columns, rows=tuple(rows))

    def mapping(self, mapping: ColumnMapping) -> ColumnMapping:
        """The mapping with the roles of the columns that are added; what a person said of them stays."""
        if self.columns and not mapping.columns("id"):
            raise InvalidInput(
                f"{' and '.join(self.shown.values())} cannot be joined: no column is the id.",
                "Give the column with the tracks' ids the role “Id”.",
            )
        roles = {c: role for c, role in self.columns.items() if mapping.roles.get(c, "keep") in ("keep", "ignore")}
        explain = dict.fromkeys(roles, "from the file beside it, joined by id")
        return replace(mapping, roles={**mapping.roles, **roles}, explain={**mapping.explain, **explain})


NO_COMPANIONS = Companions()


def _where(problem: Problem) -> str:
    return problem.cause if problem.row is None else f"Row {problem.row}: {problem.cause}"


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

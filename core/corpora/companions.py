"""Files that go with a file of music and are joined to it by id: a split of the data set, titles and artists.

They become columns of the rows while these are read; a value that a row has itself stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from core.corpora.attribution import split_attributions
from core.corpora.formats.base import JsonValue, Problem, Row, file_source
from core.corpora.guessing_music import NAME_COLUMNS, guess_music
from core.corpora.known_columns import ROLE_OF, normalise
from core.corpora.mapping import Mapping as ColumnMapping
from core.corpora.reading import Column, Inspection, describe_columns, inspect, read_rows
from core.corpora.values import as_text, is_absent
from core.errors import InvalidInput

SPLIT = "split"
MAX_JSON = 256 * 1024 * 1024
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
_NUMBERED = re.compile(r"(.*?)0*(\d+)")


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
    if source.head(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{" or (source.size or 0) > MAX_JSON:
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

"""A folder of files as one corpus: all files of the kind that most of them have; each row keeps its file's name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.corpora.formats.base import ACCEPTED, Problem, Row, Source, file_source
from core.corpora.formats.detect import LINE_EXTENSIONS, TABLE_EXTENSIONS, WORKBOOK_EXTENSIONS
from core.errors import InvalidInput

COLUMN = "file"
"""The field that holds the file's path below the folder; `source file` where the rows have a field of that name."""
MOST_FILES = 20_000
_SHOWN = 20  # problems with single files

_KINDS = {
    **dict.fromkeys(TABLE_EXTENSIONS, "tables"),
    **dict.fromkeys(LINE_EXTENSIONS, "texts"),
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
    **dict.fromkeys(WORKBOOK_EXTENSIONS, "workbooks"),
    **dict.fromkeys(("feather", "ft", "arrow", "ipc"), "feather"),
    "json": "json",
    "parquet": "parquet",
}


@contextmanager
def members(path: Path, name: str) -> Iterator[tuple[list[Source], list[Problem]]]:
    """The files to read, in the order of their names, and problems with the others.

    Links, hidden files and files of other kinds are left out. Raises InvalidInput for a folder without any file to
    read, or with more than MOST_FILES.

    Args:
        path: of the folder.
        name: as people know it.
    """
    kinds: dict[str, list[Path]] = {}
    problems: list[Problem] = []
    for file in _walk(path, name):
        shown = f"{name}/{file.relative_to(path).as_posix()}"
        if file.is_symlink():
            problems.append(_left_out(shown, "link", "It is a link."))
        elif file.is_file():
            kinds.setdefault(_KINDS.get(file.suffix[1:].lower(), ""), []).append(file)
    others = kinds.pop("", [])
    if not kinds:
        raise InvalidInput(f"The folder {name} holds no file that can be read.", f"Accepted are {ACCEPTED}.")
    chosen = max(kinds, key=lambda kind: (len(kinds[kind]), kind))
    sources = []
    for file in kinds[chosen]:
        shown = f"{name}/{file.relative_to(path).as_posix()}"
        try:
            sources.append(replace(file_source(file, shown), column=COLUMN))
        except InvalidInput as error:
            problems.append(_left_out(shown, "bad_member", error.message))
    others += [file for kind, files in kinds.items() if kind != chosen for file in files]
    for file in others[:_SHOWN]:
        shown = f"{name}/{file.relative_to(path).as_posix()}"
        problems.append(_left_out(shown, "other_kind", f"Most files in the folder are {chosen}; this one is not."))
    if len(others) > _SHOWN:
        problems.append(_left_out(name, "other_kind", f"{len(others) - _SHOWN:,} more files are of another kind."))
    yield sources, problems


def with_name(source: Source, each: Row | Problem) -> Row | Problem:
    """A row with the name of its file as one more field."""
    if not isinstance(each, Row):
        return each
    column = f"source {source.column}" if source.column in each.values else source.column
    return replace(each, values={**each.values, column: source.name.partition("/")[2]})


def _walk(path: Path, name: str) -> list[Path]:
    found: list[Path] = []
    for folder, below, files in os.walk(path):
        below[:] = sorted(each for each in below if not each.startswith(".") and each != "__MACOSX")
        found += [Path(folder, each) for each in files if not each.startswith(".")]
        if len(found) > MOST_FILES:
            raise InvalidInput(f"The folder {name} holds more than {MOST_FILES:,} files.", "Choose a folder in it.")
    return sorted(found)


def _left_out(file: str, code: str, cause: str) -> Problem:
    return Problem(file, None, None, code, cause, "Import it on its own.")

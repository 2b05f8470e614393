"""Reading corpora: what a file holds, and its rows as a stream. Formats are told apart by content.

A broken row costs that row: it comes as a `Problem` between the rows. Memory does not grow with the file.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

from core.corpora.formats import (
    archive,
    delimited,
    detect,
    feather,
    folder,
    json_array,
    json_lines,
    lines,
    parquet,
    xlsx,
)
from core.corpora.formats.base import EXPORT_MARK, CountingReader, JsonValue, Problem, Row, Source, file_source
from core.corpora.formats.dialect import Dialect
from core.corpora.formats.options import FOUND_OUT, ReadOptions
from core.corpora.formats.text import TextShape, encoding_problem, sample_text, scan
from core.errors import InvalidInput, UnsafeInput

__all__ = ["Column", "Inspection", "JsonValue", "Problem", "Row", "inspect", "read_rows"]

_SAMPLE = 1 << 17  # characters from which format and delimiter are told
_SCAN = 16 << 20  # bytes from which `inspect` tells the encoding; reading looks at all of them
_ESTIMATE = 4 << 20  # bytes to read before the number of rows is estimated
_MEMBERS = 50  # members of an archive that `inspect` looks into
_PROBLEMS = 100  # problems that `inspect` reports
_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as far as the looked-at rows show it.

    Attributes:
        name: unique in the file.
        samples: up to three different values, shortened.
        filled: share of the rows that have a value, 0 to 1.
        distinct: share of different values among those that are there, 0 to 1.
        kind: `text`, `number`, `list`, `object`, `bool` or `mixed`; in delimited files what the text looks like.
        mean_length: mean length of the values as text, in characters.
    """

    name: str
    samples: tuple[str, ...]
    filled: float
    distinct: float
    kind: str
    mean_length: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the first rows of a file tell.

    Attributes:
        format: `csv`, `tsv`, `txt`, `json`, `jsonl`, `xlsx`, `parquet`, `feather`, `zip` or `folder`.
        files: the file, or the data files in an archive or folder as `archive.zip/member.csv`.
        columns: in the order of the file.
        rows: the first good rows, at most 20.
        problems: found on the way, at most 100.
        encoding: codec name of the (first) text file, None for parquet.
        delimiter: of the (first) delimited file, None for other formats.
        estimated_rows: from the size; exact where the whole file was looked at, and for parquet.
        header: whether the first row of the (first) delimited file holds names; None for other formats.
        sheets: of a workbook.
        options: what a person said of the file.
        tagloom_export: Tagloom wrote the file, by its `tagloom_status` column.
    """

    format: str
    files: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[dict[str, JsonValue], ...]
    problems: tuple[Problem, ...]
    encoding: str | None
    delimiter: str | None
    estimated_rows: int | None
    tagloom_export: bool
    header: bool | None = None
    sheets: tuple[str, ...] = ()
    options: ReadOptions = FOUND_OUT


def read_rows(path: Path, *, name: str | None = None, options: ReadOptions = FOUND_OUT) -> Iterator[Row | Problem]:
    """Stream the rows of a file, with a Problem in the place of each row that cannot be read.

    Args:
        path: of a file in one of the formats, of a zip of such files, or of a folder that holds them.
        name: the name people know the file by, where it differs from the path's (an upload).
        options: what a person said of the file; the rest is found out.

    Problems with `row` None concern the file and cost no single row. Raises InvalidInput for a file that is
    something else or holds no rows, UnsafeInput for an archive that could do harm: both on the first step,
    except for archives that turn out to be bombs while they are unpacked.
    """
    several = _several(path, name)
    if several is None:
        source = file_source(path, name)
        plan = _identify(source, None, options)
        if plan.format != "zip":
            yield from _read(source, plan, options)
            return
        several = archive.members(source)
    found = False
    refused: Problem | None = None
    with several as (sources, problems):
        yield from problems
        for member in sources:
            for each in _read_member(member, None, options):
                found = found or each.__class__ is Row or cast(Problem, each).row is not None
                refused = each if not found and isinstance(each, Problem) else refused
                yield each
    if not found:
        raise _empty(name or path.name, refused or next(iter(problems), None))


def _several(path: Path, name: str | None) -> AbstractContextManager[tuple[list[Source], list[Problem]]] | None:
    """The files of a folder; None where the path is no folder."""
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError):
        return None
    return folder.members(path, name or path.name) if is_folder else None


def inspect(path: Path, *, name: str | None = None, look_at: int = 200, options: ReadOptions = FOUND_OUT) -> Inspection:
    """Look at the first rows of a file: its format, columns, and what is wrong with it.

    Args:
        path: as for `read_rows`.
        name: as for `read_rows`.
        look_at: rows that the columns are judged by; of an archive or folder shared among its files.
        options: as for `read_rows`.

    Raises what `read_rows` raises, and InvalidInput where none of the rows looked at could be read.
    """
    several = _several(path, name)
    kind = "folder"
    shown = name or path.name
    if several is None:
        source = file_source(path, name)
        plan = _identify(source, _SCAN, options)
        kind = plan.format
        if kind != "zip":
            look = _Look(options=options)
            _look_into(source, look, look_at)
            return _inspection(shown, kind, (source.name,), look)
        several = archive.members(source)
    with several as (sources, problems):
        look = _Look(problems=list(problems), options=options)
        each = max(10, look_at // max(1, len(sources)))
        for member in sources[:_MEMBERS]:
            try:
                _look_into(member, look, each)
            except UnsafeInput:
                raise
            except InvalidInput as error:
                look.problems.append(_refused(member, error))
            except archive.MEMBER_ERRORS as error:
                look.problems.append(_damaged(member, error))
        seen = sum(member.size or 0 for member in sources[:_MEMBERS])
        if look.estimate and seen:
            look.estimate = round(look.estimate * sum(member.size or 0 for member in sources) / seen)
        return _inspection(shown, kind, tuple(member.name for member in sources), look)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to read one source: its format and what goes with it."""

    format: str
    shape: TextShape | None = None
    dialect: Dialect | None = None


def _identify(source: Source, limit: int | None, options: ReadOptions) -> _Plan:
    head = source.head(4096)
    if not head:
        raise InvalidInput(f"{source.name} is empty.", "Choose a file that holds rows.")
    kind = detect.binary_format(source, head)
    if kind == "zip":
        workbook = source.extension in detect.WORKBOOK_EXTENSIONS
        office = archive.office_kind(_seekable(source)) if source.seekable or workbook else None
        if office == archive.WORKBOOK:
            return _Plan("xlsx")
        if office:
            raise detect.unaccepted(source, office, "Save the table in it as xlsx or csv.")
        return _Plan("zip")
    if kind is not None:
        return _Plan(kind)
    shape = scan(source, limit, options.encoding)
    sample, whole = sample_text(source, shape, _SAMPLE)
    kind, dialect = detect.text_format(source, sample, whole, options)
    if dialect is not None:
        kind = "tsv" if dialect.delimiter == "\t" else "csv"
    return _Plan(kind, shape, dialect)


def _seekable(source: Source) -> Source:
    return source if source.seekable else archive.spooled(source)


_BINARY = ("parquet", "feather", "xlsx")


def _read(source: Source, plan: _Plan, options: ReadOptions) -> Generator[Row | Problem, None, None]:
    if plan.format == "parquet":
        yield from parquet.read(_seekable(source))
        return
    if plan.format == "feather":
        yield from feather.read(_seekable(source))
        return
    if plan.format == "xlsx":
        yield from xlsx.read(_seekable(source), options.sheet, options.header)
        return
    assert plan.shape is not None  # all other formats are text
    guessed = encoding_problem(source, plan.shape)
    if guessed is not None:
        yield guessed
    if plan.format == "jsonl":
        yield from json_lines.read(source, plan.shape)
    elif plan.format == "json":
        yield from json_array.read(source, plan.shape, options.header)
    elif plan.format == "txt":
        yield from lines.read(source, plan.shape)
    elif plan.dialect is not None:
        yield from delimited.read(source, plan.shape, plan.dialect)


def _read_member(member: Source, limit: int | None, options: ReadOptions) -> Iterator[Row | Problem]:
    """The rows of one of several files; what would stop a file of its own becomes a problem here."""
    try:
        plan = _identify(member, limit, options)
        if plan.format == "zip":
            raise InvalidInput(f"{member.name} is an archive in an archive.", archive.UNPACK)
        for each in _read(member, plan, options):
            yield folder.with_name(member, each) if member.column else each
    except UnsafeInput:
        raise
    except InvalidInput as error:
        yield _refused(member, error)
    except archive.MEMBER_ERRORS as error:
        yield _damaged(member, error)


def _refused(member: Source, error: InvalidInput) -> Problem:
    return archive.member_problem(member.name, "bad_member", error.message, error.remedy)


def _damaged(member: Source, error: Exception) -> Problem:
    cause = f"The file in the archive is damaged ({error}); what could be read before that was read."
    return archive.member_problem(member.name, "bad_member", cause, "Pack the archive again.")


def _empty(name: str, problem: Problem | None) -> InvalidInput:
    why = f" {problem.file}: {problem.cause}" if problem else ""
    return InvalidInput(
        f"{name} holds no file with rows.{why}", "Put csv, txt, json, jsonl, xlsx or parquet files in it."
    )


@dataclass(slots=True)
class _Look:
    """What has been seen of a file, or of several in an archive."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    options: ReadOptions = FOUND_OUT
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    sheets: tuple[str, ...] = ()
    estimate: int = 0


def _look_into(source: Source, look: _Look, look_at: int) -> None:
    """Add the first rows of one source to what has been seen. Raises InvalidInput as reading does."""
    counters: list[CountingReader] = []

    def opener() -> BinaryIO:
        counters.append(CountingReader(source.open()))
        return cast(BinaryIO, io.BufferedReader(counters[-1], 1 << 16))

    options = look.options
    plan = _identify(source, _SCAN, options)
    if plan.format == "zip":
        raise InvalidInput(f"{source.name} is an archive in an archive.", archive.UNPACK)
    look.encoding = look.encoding or (plan.shape.encoding if plan.shape else None)
    look.delimiter = look.delimiter or (plan.dialect.delimiter if plan.dialect else None)
    rows_in_sheet = 0
    if look.header is None and plan.dialect:
        look.header = plan.dialect.header
    if plan.format == "xlsx":
        sheets, rows_in_sheet = xlsx.about(_seekable(source), options.sheet)
        look.sheets = look.sheets or tuple(sheets)
    counted = source if plan.format in _BINARY else replace(source, opener=opener)
    good = seen = 0
    ended = True
    with closing(_read(counted, plan, options)) as stream:
        for each in stream:
            if source.column:
                each = folder.with_name(source, each)
            if isinstance(each, Problem):
                if len(look.problems) < _PROBLEMS:
                    look.problems.append(each)
                seen += each.row is not None
            else:
                seen += 1
                if good < look_at:
                    good += 1
                    look.rows.append(each)
                    look.problems.extend(each.notes[: _PROBLEMS - len(look.problems)])
            enough = good >= look_at or seen >= 50 * look_at
            if enough and (plan.format in _BINARY or counters[-1].total >= _ESTIMATE):
                ended = False
                break
    if ended or not source.size:
        look.estimate += seen
    elif plan.format == "parquet":
        look.estimate += parquet.count(_seekable(source))
    elif plan.format == "feather":
        look.estimate += feather.count(_seekable(source)) or seen
    elif plan.format == "xlsx":
        look.estimate += max(seen, rows_in_sheet - 1)
    elif len(counters) <= 3:  # a file of columns is read in many places at once: nothing can be said of it
        look.estimate += max(seen, round(seen * source.size / max(1, counters[-1].total)))


def _inspection(name: str, kind: str, files: tuple[str, ...], look: _Look) -> Inspection:
    if not look.rows:
        problem = look.problems[0] if look.problems else None
        if kind in ("zip", "folder"):
            raise _empty(name, problem)
        why = f" The first problem: {problem.cause}" if problem else ""
        remedy = problem.remedy if problem else "Choose another file."
        raise InvalidInput(f"None of the rows looked at in {name} can be read.{why}", remedy)
    columns = describe_columns([row.values for row in look.rows])
    if not columns:
        raise InvalidInput(f"The rows of {name} have no fields.", "Choose a file whose rows hold something.")
    return Inspection(
        format=kind,
        files=files,
        columns=columns,
        rows=tuple(row.values for row in look.rows[:_SHOWN_ROWS]),
        problems=tuple(look.problems),
        encoding=look.encoding,
        delimiter=look.delimiter,
        estimated_rows=look.estimate or None,
        header=look.header,
        sheets=look.sheets,
        options=look.options,
        tagloom_export=any(column.name == EXPORT_MARK for column in columns),
    )


_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][+-]?\d+)?\s*")
_BOOL = frozenset({"true", "false", "yes", "no"})


def describe_columns(rows: list[dict[str, JsonValue]]) -> tuple[Column, ...]:
    """What the columns of some rows hold, in the order in which they occur."""
    names = dict.fromkeys(name for row in rows for name in row)
    return tuple(_column(name, [row.get(name) for row in rows]) for name in names)


def _column(name: str, cells: list[JsonValue]) -> Column:
    values = [cell for cell in cells if cell is not None and cell != "" and cell == cell]
    texts = [value if isinstance(value, str) else _as_text(value) for value in values]
    samples = list(dict.fromkeys(_short(text) for text in texts if text.strip()))[:3]
    kinds = {_kind(value) for value in values}
    several = "text" if all(isinstance(value, str) for value in values) else "mixed"
    kind = kinds.pop() if len(kinds) == 1 else several
    return Column(
        name=name,
        samples=tuple(samples),
        filled=len(values) / len(cells),
        distinct=len(set(texts)) / len(texts) if texts else 0.0,
        kind=kind,
        mean_length=sum(map(len, texts)) / len(texts) if texts else 0.0,
    )


def _kind(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "object"
    text = value.strip()
    if text[:1] == "[" and text[-1:] == "]":
        return "list"
    if text[:1] == "{" and text[-1:] == "}":
        return "object"
    if len(text) < 40 and _NUMBER.fullmatch(text):
        return "number"
    return "bool" if text.lower() in _BOOL else "text"


def _as_text(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str, size: int = 80) -> str:
    text = " ".join(text[: 4 * size].split())
    return text if len(text) <= size else text[: size - 1] + "…"

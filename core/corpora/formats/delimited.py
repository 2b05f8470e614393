"""Reading csv, tsv and other files with a one-character delimiter: a streaming loop around csv.reader.

Beyond csv.reader: the delimiter is found from the file, a carriage return inside a cell stays in the cell,
and a quote that is never closed costs its own row instead of swallowing the rows after it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TextIO

from core.corpora.formats.base import (
    EXPORT_MARK,
    MAX_CELL,
    MAX_ROW,
    REPLACEMENT,
    Problem,
    Row,
    Source,
    repaired,
    too_large,
    unique_names,
)
from core.corpora.formats.text import TextShape, open_text
from core.corpora.formulas import unguard
from core.errors import InvalidInput

DELIMITERS = (",", ";", "\t", "|")

_HINT = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # the first line by which a spreadsheet names it


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a file are set apart.

    Attributes:
        delimiter: one character.
        quoted: double quotes enclose cells; False where they are ordinary characters.
        skip_space: space before a cell does not belong to it, so that a quote may follow it.
        columns: cells in the header of the sample.
        rows: data rows in the sample.
        consistency: share of those rows with as many cells as the header.
    """

    delimiter: str
    quoted: bool = True
    skip_space: bool = False
    columns: int = 1
    rows: int = 0
    consistency: float = 1.0

    def reader(self, lines: Iterable[str], strict: bool = False) -> Iterator[list[str]]:
        """A csv.reader over the lines; a strict one raises csv.Error where quotes are not well formed."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            skipinitialspace=self.skip_space,
            strict=strict,
        )


def sniff(sample: str, whole: bool, extension: str = "") -> Dialect:
    """Find the delimiter from the start of a file: the one that gives its rows as many cells as its header.

    Args:
        sample: the first characters.
        whole: the sample is the whole file; otherwise its last record may be cut and is left out.
        extension: of the file name; settles a tie for `tsv`.
    """
    lines = io.StringIO(sample, newline="").readlines()
    hint = _HINT.fullmatch(lines[0]) if lines else None
    if hint:
        lines = lines[1:]
    if not whole and len(lines) > 1:
        lines.pop()
    if hint and hint[1] != '"':
        return _measure(lines, hint[1], whole)

    def merit(dialect: Dialect) -> tuple[bool, float, bool, int]:
        tab = dialect.delimiter == "\t" and extension in ("tsv", "tab")
        return dialect.columns > 1, round(dialect.consistency, 1), tab, dialect.columns

    return max((_measure(lines, delimiter, whole) for delimiter in DELIMITERS), key=merit)


def _measure(lines: list[str], delimiter: str, whole: bool) -> Dialect:
    """The dialect with this delimiter.

    Quotes are ordinary characters if no cell is wholly quoted and only without them all rows come out even.
    Space before a quote is skipped if that makes more rows come out even.
    """
    dialect, well_formed = _try(lines, Dialect(delimiter), whole)
    if not well_formed:
        bare, _ = _try(lines, Dialect(delimiter, quoted=False), whole)
        if bare.columns > 1 and bare.rows and bare.consistency == 1 and not _quotes_cells(lines, delimiter):
            return bare
    if dialect.consistency < 1 and any(f'{delimiter} "' in line for line in lines):
        skipping, _ = _try(lines, Dialect(delimiter, skip_space=True), whole)
        if skipping.consistency > dialect.consistency:
            return skipping
    return dialect


def _try(lines: list[str], dialect: Dialect, whole: bool) -> tuple[Dialect, bool]:
    """The dialect with what it makes of the sample, and whether the quotes in it are well formed."""
    csv.field_size_limit(MAX_CELL)
    try:
        counts = [len(cells) for cells in dialect.reader(lines) if cells]
    except csv.Error:
        return dialect, False
    if not whole and len(counts) > 2:
        counts.pop()  # may be cut inside a quoted cell
    if not counts:
        return dialect, True
    well_formed = True
    try:
        for _ in dialect.reader(lines, strict=True):
            pass
    except csv.Error as error:
        well_formed = not whole and "unexpected end" in str(error)
    columns, data = counts[0], counts[1:]
    consistency = sum(1 for count in data if count == columns) / len(data) if data else 1.0
    return replace(dialect, columns=columns, rows=len(data), consistency=consistency), well_formed


def _quotes_cells(lines: list[str], delimiter: str) -> bool:
    cells = (cell.rstrip("\r\n") for line in lines for cell in line.split(delimiter))
    return any(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)


def read(source: Source, shape: TextShape, dialect: Dialect) -> Iterator[Row | Problem]:
    """The rows of a delimited file, each cell as text.

    Args:
        source: the file.
        shape: its encoding, from a scan of the whole file.
        dialect: its delimiter.

    Raises InvalidInput where there is no header or no row below it.
    """
    csv.field_size_limit(MAX_CELL)
    with open_text(source, shape) as stream:
        feed = _Feed(stream, shape, dialect)
        header = feed.header()
        if header is None:
            raise InvalidInput(f"{source.name} holds no rows.", "Choose a file with a header and rows below it.")
        if EXPORT_MARK in header:
            header = [unguard(name) for name in header]
        names, changed = unique_names(header)
        for given, used in changed:
            yield _renamed(source.name, given, used)
        yield from _rows(source.name, feed, names)


def _rows(file: str, feed: _Feed, names: list[str]) -> Iterator[Row | Problem]:
    expected, number = len(names), 0
    record, careful = feed.record, feed.careful
    while True:
        fault = ""
        cells: list[str] = []
        try:
            for cells in feed.reader():
                if len(record) != 1 or feed.ended:
                    fault = feed.judge(cells, expected)
                    if fault:
                        break
                record.clear()
                if not cells:
                    continue
                number += 1
                notes = feed.mend(cells, file, number) if careful else ()
                if len(cells) == expected:
                    yield Row(file, number, dict(zip(names, cells, strict=True)), notes)
                else:
                    yield _ragged(file, number, feed.line, len(cells), expected)
        except (csv.Error, _TooLargeRecord):
            fault = feed.judge(None, expected) or "cell_too_large"
        if not fault:
            break
        number += 1
        line = feed.recover(fault)
        yield too_large(file, number) if fault == "cell_too_large" else _unclosed(file, number, line)
    if number == 0:
        raise InvalidInput(f"{file} has a header but no rows.", "Choose a file with rows below its header.")


class _TooLargeRecord(Exception):
    """The lines of one record pass MAX_ROW."""


class _Feed:
    """Hands physical lines to csv.reader and remembers those of the record that is being read."""

    def __init__(self, stream: TextIO, shape: TextShape, dialect: Dialect) -> None:
        self.readline = partial(stream.readline, MAX_ROW)
        self.dialect = dialect
        self.careful = shape.nul or shape.lone_cr or shape.lossy
        self.lone_cr = shape.lone_cr
        self.lossy = shape.lossy
        self.record: list[str] = []
        self.pending: list[str] = []
        self.ended = False
        self.line = 0
        self.had_nul = False

    def header(self) -> list[str] | None:
        """The first record that is not blank, after the `sep=` line where there is one."""
        first = self.readline()
        if first and not _HINT.fullmatch(first):
            self.pending.append(first)
        else:
            self.line += 1
        try:
            for cells in self.reader():
                if len(self.record) > 1 and self.judge(cells, len(cells)):
                    break
                if self.careful:
                    self.mend(cells, "", 0)
                self.record.clear()
                if any(cell.strip() for cell in cells):
                    return cells
        except (csv.Error, _TooLargeRecord):
            pass
        if not self.record:
            return None
        line = self.record[0].rstrip("\r\n").replace('"', "")  # a quote left open: take the line as it is
        self._push_back()
        self.record.clear()
        self.ended = False
        return line.split(self.dialect.delimiter)

    def _push_back(self) -> None:
        """Read the lines of the record after its first one again."""
        back = self.record[1:]
        if self.lone_cr:
            back = [line.replace("\0", "\r") for line in back]
        self.pending.extend(reversed(back))
        self.line -= len(back)

    def reader(self) -> Iterator[list[str]]:
        """A csv.reader over the lines that are left."""
        return self.dialect.reader(self._lines())

    def _lines(self) -> Iterator[str]:
        readline, pending, record = self.readline, self.pending, self.record
        careful, size = self.careful, 0
        while True:
            line = pending.pop() if pending else readline()
            if not line:
                self.ended = bool(record)
                return
            self.line += 1
            if careful:
                line = self._protect(line)
            if record:
                size += len(line)
                record.append(line)
                if size > MAX_ROW:
                    raise _TooLargeRecord
            else:
                size = len(line)
                record.append(line)
                if size >= MAX_ROW and not line.endswith("\n"):
                    raise _TooLargeRecord
            yield line

    def _protect(self, line: str) -> str:
        """Take NUL characters out, and write a lone carriage return as NUL so that it does not end the row."""
        if "\0" in line:
            line = line.replace("\0", "")
            self.had_nul = True
        if self.lone_cr and "\r" in line:
            end = "\r\n" if line.endswith("\r\n") else line[-1] if line[-1] in "\r\n" else ""
            body = line[: len(line) - len(end)]
            line = body.replace("\r", "\0") + end
        return line

    def mend(self, cells: list[str], file: str, row: int) -> tuple[Problem, ...]:
        """Give the cells their carriage returns back, in place; a note where characters were lost."""
        if self.lone_cr:
            for position, cell in enumerate(cells):
                if "\0" in cell:
                    cells[position] = cell.replace("\0", "\r")
        broken = self.had_nul or (self.lossy and any(REPLACEMENT in cell for cell in cells))
        self.had_nul = False
        return (repaired(file, row),) if broken else ()

    def judge(self, cells: list[str] | None, expected: int) -> str:
        """What is wrong with a record of several lines, or one that the end of the file cut: "" if nothing.

        A record whose quotes are not well formed is one whose quote was left open, if the lines it
        swallowed are rows in their own right. Otherwise it is a loosely quoted cell and is taken as it is.
        """
        lines = self.record
        if cells is not None and self._well_formed(lines):
            return ""
        following = lines[1:22]
        fitting = sum(1 for line in following if self._cells(line) == expected)
        cut = cells is None or self.ended
        if fitting * 2 > len(following) and (expected > 1 or cut):
            return "unclosed_quote"
        if cells is None:
            return "cell_too_large"
        return "cut_off" if self.ended else ""

    def _well_formed(self, lines: list[str]) -> bool:
        try:
            return len(list(self.dialect.reader(lines, strict=True))) == 1
        except csv.Error:
            return False

    def _cells(self, line: str) -> int:
        try:
            return len(next(self.dialect.reader([line]), []))
        except csv.Error:
            return 0

    def recover(self, fault: str) -> int:
        """Go on after a broken record; the number of the line on which that record began."""
        lines = self.record
        begin = self.line - len(lines) + 1
        if fault == "unclosed_quote":
            self._push_back()
        elif fault == "cell_too_large":
            self._skip(lines)
        lines.clear()
        self.ended = False
        self.had_nul = False
        return begin

    def _skip(self, lines: list[str]) -> None:
        """Read past the rest of a cell that is too large: to the end of its line, and of its quotes."""
        inside = self.dialect.quoted and sum(line.count('"') for line in lines) % 2 == 1
        complete = lines[-1].endswith(("\n", "\r"))
        while inside or not complete:
            line = self.pending.pop() if self.pending else self.readline()
            if not line:
                return
            if complete:
                self.line += 1
            if self.dialect.quoted and line.count('"') % 2 == 1:
                inside = not inside
            complete = line.endswith(("\n", "\r"))


def _ragged(file: str, number: int, line: int, found: int, expected: int) -> Problem:
    cells = "1 cell" if found == 1 else f"{found} cells"
    return Problem(
        file,
        number,
        None,
        "ragged_row",
        f"The row has {cells}, the header has {expected} (line {line} of the file).",
        "Check the separators and quotes in this row.",
    )


def _unclosed(file: str, number: int, line: int) -> Problem:
    return Problem(
        file,
        number,
        None,
        "unclosed_quote",
        f"A quote in this row is not closed (line {line} of the file).",
        'Close the quote, or double it ("") where it belongs to the text.',
    )


def _renamed(file: str, given: str, used: str) -> Problem:
    what = f"There are two columns named {given}" if given else "A column has no name"
    return Problem(
        file,
        None,
        used,
        "duplicate_column" if given else "unnamed_column",
        f"{what}; it is read as {used}.",
        "Name each column once in the first line of the file.",
    )

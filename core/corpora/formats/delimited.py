"""Reading csv, tsv and other delimited files: a streaming loop around csv.reader.

Beyond csv.reader: the delimiter is found from the file and may have several characters, a first row that is data
is told from a header, a carriage return inside a cell stays in the cell, and a quote that is never closed costs
its own row instead of swallowing the rows after it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from typing import TextIO

from core.corpora.formats.base import (
    EXPORT_MARK,
    MAX_CELL,
    MAX_ROW,
    REPLACEMENT,
    JsonValue,
    Problem,
    Row,
    Source,
    column_names,
    repaired,
    too_large,
    unique_names,
)
from core.corpora.formats.dialect import HINT, STANDS_FOR_SEVERAL, Dialect
from core.corpora.formats.headers import no_header
from core.corpora.formats.text import TextShape, open_text
from core.corpora.formulas import unguard
from core.errors import InvalidInput


def read(source: Source, shape: TextShape, dialect: Dialect) -> Iterator[Row | Problem]:
    """The rows of a delimited file, each cell as text.

    Args:
        source: the file.
        shape: its encoding, from a scan of the whole file.
        dialect: its delimiter, and whether it has a header.

    Raises InvalidInput where there is no row, or a header and no row below it.
    """
    csv.field_size_limit(MAX_CELL)
    with open_text(source, shape) as stream:
        feed = _Feed(stream, shape, dialect)
        if not dialect.header:
            feed.skip_hint()
            if dialect.found_no_header:
                yield no_header(source.name)
            yield from _rows(source.name, feed, column_names(dialect.columns))
            return
        header = feed.header()
        if header is None:
            raise InvalidInput(f"{source.name} holds no rows.", "Choose a file with a header and rows below it.")
        if EXPORT_MARK in header:
            header = [unguard(name) for name in header]
        names, changed = unique_names(header)
        for given, used in changed:
            yield _renamed(source.name, given, used)
        if dialect.open_ended:
            yield _open_ended(source.name, names[-1])
        yield from _rows(source.name, feed, names)


def _rows(file: str, feed: _Feed, names: list[str]) -> Iterator[Row | Problem]:
    expected, number = len(names), 0
    record, careful, open_ended = feed.record, feed.careful, feed.dialect.open_ended and feed.dialect.header
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
                if open_ended and len(cells) >= expected:
                    values: dict[str, JsonValue] = dict(zip(names, cells, strict=False))
                    values[names[-1]] = [cell for cell in cells[expected - 1 :] if cell]
                    yield Row(file, number, values, notes)
                    continue
                if len(cells) > expected and not any(cells[expected:]):
                    del cells[expected:]  # separators at the end of a row
                if len(cells) == expected:
                    yield Row(file, number, dict(zip(names, cells, strict=True)), notes)
                else:
                    others = "the header has" if feed.dialect.header else "the others have"
                    yield _ragged(file, number, feed.line, len(cells), f"{others} {expected}")
        except (csv.Error, _TooLargeRecord):
            fault = feed.judge(None, expected) or "cell_too_large"
        if not fault:
            break
        number += 1
        line = feed.recover(fault)
        yield too_large(file, number) if fault == "cell_too_large" else _unclosed(file, number, line)
    if number == 0:
        if not feed.dialect.header:
            raise InvalidInput(f"{file} holds no rows.", "Choose a file that holds rows.")
        raise InvalidInput(f"{file} has a header but no rows.", "Choose a file with rows below its header.")


class _TooLargeRecord(Exception):
    """The lines of one record pass MAX_ROW."""


class _Feed:
    """Hands physical lines to csv.reader and remembers those of the record that is being read."""

    def __init__(self, stream: TextIO, shape: TextShape, dialect: Dialect) -> None:
        self.readline = partial(stream.readline, MAX_ROW)
        self.dialect = dialect
        self.several = len(dialect.delimiter) > 1
        self.careful = shape.nul or shape.lone_cr or shape.lossy or self.several
        self.lone_cr = shape.lone_cr
        self.lossy = shape.lossy
        self.record: list[str] = []
        self.pending: list[str] = []
        self.ended = False
        self.line = 0
        self.had_nul = False

    def skip_hint(self) -> None:
        """Pass over the `sep=` line where there is one."""
        first = self.readline()
        if first and not HINT.fullmatch(first):
            self.pending.append(first)
        else:
            self.line += 1

    def header(self) -> list[str] | None:
        """The first record that is not blank, after the `sep=` line where there is one."""
        self.skip_hint()
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
        return line.split(self.dialect.single)

    def _push_back(self) -> None:
        """Read the lines of the record after its first one again."""
        back = self.record[1:]
        if self.lone_cr:
            back = [line.replace("\0", "\r") for line in back]
        if self.several:
            back = [line.replace(STANDS_FOR_SEVERAL, self.dialect.delimiter) for line in back]
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
        return self.dialect.prepared(line) if self.several else line

    def mend(self, cells: list[str], file: str, row: int) -> tuple[Problem, ...]:
        """Give the cells their carriage returns back, in place; a note where characters were lost."""
        if self.lone_cr:
            for position, cell in enumerate(cells):
                if "\0" in cell:
                    cells[position] = cell.replace("\0", "\r")
        if self.several:
            for position, cell in enumerate(cells):
                if STANDS_FOR_SEVERAL in cell:  # inside quotes
                    cells[position] = cell.replace(STANDS_FOR_SEVERAL, self.dialect.delimiter)
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


def _ragged(file: str, number: int, line: int, found: int, wanted: str) -> Problem:
    cells = "1 cell" if found == 1 else f"{found} cells"
    return Problem(
        file,
        number,
        None,
        "ragged_row",
        f"The row has {cells}, {wanted} (line {line} of the file).",
        "Check the separators and quotes in this row.",
    )


def _open_ended(file: str, column: str) -> Problem:
    return Problem(
        file,
        None,
        column,
        "open_list",
        f"Rows go on past the last column, {column}; its cells and those after it are read as one list.",
        "Nothing to do if they are, for example, tags.",
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

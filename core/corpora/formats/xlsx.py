"""Reading Excel workbooks (xlsx, xlsm): one sheet as a table, row by row, with openpyxl, loaded for the first one.

Formulas give the results that the program stored with them. Before a sheet is read, its bytes are looked through
once for what openpyxl's streaming reader does not tell: merged cells, formulas without a result, the number of
rows, and cells placed outside any sheet.
"""

from __future__ import annotations

import datetime
import io
import math
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from core.corpora.formats.archive import LIMITS, check_archive
from core.corpora.formats.base import (
    MAX_CELL,
    JsonValue,
    Problem,
    Row,
    Source,
    clean_value,
    column_names,
    json_constant,
    repaired,
    too_large,
    unique_names,
)
from core.corpora.formats.headers import is_header, no_header
from core.errors import InvalidInput, UnsafeInput

CHUNK = 1 << 20
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
"""What a sheet has at most."""
LARGEST_PART = 512 << 20
"""Bytes that a part which is held in memory (texts, styles) may unpack to; sheets are read as they unpack."""
MOST_MERGES = 100_000
_LOOK = 30  # rows in which the header is looked for
_BEYOND = 64  # columns after the last one of those rows in which longer rows are noticed

_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_PLACE = re.compile(rb'<(?:\w+:)?c r="([A-Z]{1,3})')
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^<>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_NO_RESULT = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f(?:\s[^<>]*)?/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_OUTSIDE = re.compile(rb'<(?:\w+:)?(?:c|row)\s(?:[^<>]*\s)?r="(?:[A-Z]{4,}\d|[A-Z]{0,3}\d{8,}")')
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_OVERLAP = 300  # bytes; longer than anything the patterns match in a file that is not made to deceive

_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA"})
_WRECK = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, TypeError,
    LookupError, AttributeError, SyntaxError, struct.error, OverflowError, AssertionError, RecursionError,
)  # fmt: skip
"""What openpyxl raises over broken files; SyntaxError is the parent of XML's ParseError."""


def read(source: Source, sheet: str | None = None, header: bool | None = None) -> Iterator[Row | Problem]:
    """The rows of one sheet. Raises InvalidInput for a broken or empty workbook, UnsafeInput for a bomb.

    Args:
        source: must be seekable.
        sheet: its name; None for the first one that is not hidden.
        header: whether the first row holds the names; None to find out.
    """
    with _opened(source) as (book, archive):
        chosen = _choose(source, book, sheet)
        facts = _survey(source, archive, chosen._worksheet_path)
        facts.others = [each.title for each in _ordered(book) if each is not chosen]
        chosen.reset_dimensions()
        try:
            yield from _rows(source.name, chosen, facts, header)
        except (InvalidInput, GeneratorExit):
            raise
        except _WRECK as error:
            cause = f"The sheet “{chosen.title}” cannot be read further: {_reason(error)}."
            if not facts.given:
                raise InvalidInput(f"{source.name}: {cause}", "Save the workbook again.") from error
            yield Problem(source.name, None, None, "truncated", cause, "Save the workbook again, or as csv.")
    if not facts.given:
        raise InvalidInput(
            f"The sheet “{chosen.title}” of {source.name} holds no rows.",
            f"Choose another sheet: {', '.join(facts.others)}." if facts.others else "Choose a file that holds rows.",
        )


def about(source: Source, sheet: str | None = None) -> tuple[list[str], int]:
    """The names of the workbook's sheets, those that are not hidden first, and the rows of one, header included."""
    with _opened(source) as (book, archive):
        rows = _survey(source, archive, _choose(source, book, sheet)._worksheet_path).rows
        return [each.title for each in _ordered(book)], rows


@dataclass(slots=True)
class _Facts:
    """What a look over a sheet's bytes tells."""

    rows: int = 0
    columns: int = 0
    without_result: int = 0
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)  # first and last row and column, from 1
    others: list[str] = field(default_factory=list)
    given: int = 0


@contextmanager
def _opened(source: Source) -> Iterator[tuple[Any, zipfile.ZipFile]]:
    from openpyxl import load_workbook

    with source.open() as stream:
        size = stream.seek(0, io.SEEK_END)
        archive = check_archive(source.name, stream, size)
        with archive:
            _refuse_bombs(source.name, archive, size)
            stream.seek(0)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # on styles and extensions that it leaves out
                    book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            except _WRECK as error:
                raise InvalidInput(
                    f"{source.name} begins like an Excel workbook but cannot be read as one: {_reason(error)}.",
                    "Open it in its program and save it again, or save the sheet as csv.",
                ) from error
            try:
                yield book, archive
            finally:
                book.close()


def _refuse_bombs(file: str, archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what unpacks to too much: zipfile never gives more than an entry's stated size, so that counts."""
    total = 0
    texts = _parts_of_texts(archive)
    for entry in archive.infolist():
        total += entry.file_size
        held = not entry.filename.lower().startswith("xl/worksheets/") or entry.filename in texts
        media = entry.filename.lower().startswith(("xl/media/", "xl/embeddings/"))
        swollen = entry.file_size > LIMITS.ratio_from and entry.file_size > LIMITS.ratio * max(1, entry.compress_size)
        if (held and not media and entry.file_size > LARGEST_PART) or entry.file_size > 4 * LIMITS.member or swollen:
            raise UnsafeInput(
                f"{file} holds a part ({entry.filename[:80]}) that unpacks to {entry.file_size >> 20:,} MB.",
                "Save the sheet as csv if it is what you expect.",
            )
        if entry.filename.lower().endswith((".xml", ".rels")):
            try:
                with archive.open(entry) as part:
                    start = part.read(4096)
            except _WRECK:
                continue  # it is refused, or not needed, when it is read
            if _DOCTYPE.search(start):
                raise UnsafeInput(
                    f"{file} declares entities, as workbooks made to do harm do.", "Save the sheet as csv."
                )
    if total > 2 * LIMITS.total:
        raise UnsafeInput(f"{file} unpacks to {total >> 20:,} MB in all.", "Save the sheet as csv.")


def _parts_of_texts(archive: zipfile.ZipFile) -> set[str]:
    """The parts that hold the workbook's shared texts, wherever it says that they lie."""
    try:
        with archive.open("[Content_Types].xml") as part:
            declared = part.read(1 << 20)
    except (KeyError, *_WRECK):
        return set()
    tags = (each for each in re.findall(rb"<[^<>]*>", declared) if b"sharedStrings" in each)
    return {
        name.decode("utf-8", "replace").lstrip("/") for tag in tags for name in re.findall(rb'PartName="([^"]+)"', tag)
    }


def _ordered(book: Any) -> list[Any]:
    found = [each for each in book.worksheets if hasattr(each, "_worksheet_path")]
    return sorted(found, key=lambda each: each.sheet_state != "visible")


def _choose(source: Source, book: Any, sheet: str | None) -> Any:
    found = _ordered(book)
    if not found:
        raise InvalidInput(f"{source.name} holds no sheet with cells.", "Choose a workbook with a table in it.")
    if sheet is None:
        return found[0]
    for each in found:
        if each.title == sheet:
            return each
    raise InvalidInput(
        f"{source.name} has no sheet “{sheet[:80]}”.", f"Its sheets are: {', '.join(each.title for each in found)}."
    )


def _survey(source: Source, archive: zipfile.ZipFile, path: str) -> _Facts:
    """One pass over the bytes of a sheet."""
    facts = _Facts()
    try:
        with archive.open(path.lstrip("/")) as part:
            rest = b""
            while True:
                data = part.read(CHUNK)
                text = rest + data
                # what lies in the overlap is left for the next piece, except at the end
                upto = len(text) - _OVERLAP if data else len(text)
                if upto <= 0 and data:
                    rest = text
                    continue
                _look(source, text, upto, facts)
                if not data:
                    return facts
                rest = text[upto:]
    except _WRECK as error:
        raise InvalidInput(f"{source.name} cannot be unpacked: {_reason(error)}.", "Get the file again.") from error


def _look(source: Source, text: bytes, upto: int, facts: _Facts) -> None:
    facts.columns = max([facts.columns, *map(_column, set(_PLACE.findall(text)))])
    facts.rows += sum(1 for each in _ROW.finditer(text) if each.start() < upto)
    facts.without_result += sum(1 for each in _NO_RESULT.finditer(text) if each.start() < upto)
    if _OUTSIDE.search(text):
        raise UnsafeInput(f"{source.name} places cells outside any sheet.", "Save the sheet as csv.")
    for each in _MERGE.finditer(text):
        if each.start() < upto and len(facts.merges) < MOST_MERGES:
            left, top, right, bottom = each.groups()
            facts.merges.append((int(top), int(bottom), _column(left), _column(right)))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _rows(file: str, sheet: Any, facts: _Facts, header: bool | None) -> Iterator[Row | Problem]:
    # a row is made as wide as its last cell: without a bound, one that claims to lie far out would fill the memory
    top = list(sheet.iter_rows(max_row=_LOOK, max_col=MOST_COLUMNS, values_only=True))
    wide = min(MOST_COLUMNS, max(map(_length, top), default=0) + _BEYOND)
    numbered = enumerate(sheet.iter_rows(max_row=MOST_ROWS, max_col=wide, values_only=True), 1)
    merged = _Merged(facts.merges)
    filled = ((number, merged.fill(number, cells)) for number, cells in numbered)
    first = list(islice(filled, _LOOK))
    start = _header_place(first)
    if start is None:
        return
    shown = [[_text(cell) for cell in cells] for _, cells in first[start:]]
    named = is_header(shown[0], [each for each in shown[1:] if any(each)]) if header is None else header
    width = _width(first[start:]) if not named else _length(first[start][1])
    names, changed = unique_names(shown[0][:width]) if named else (column_names(width), [])
    skipped = sum(1 for _, cells in first[:start] if _length(cells))
    if skipped:
        yield _note(file, "rows_above_header", _above(skipped), "Nothing to do.")
    for given, used in changed:
        what = f"There are two columns named {given}" if given else "A column has no name"
        remedy = "Name each column once in the header."
        code = "duplicate_column" if given else "unnamed_column"
        yield Problem(file, None, used, code, f"{what}; it is read as {used}.", remedy)
    if header is None and not named:
        yield no_header(file)
    if facts.columns > wide:
        cause = f"Some cells stand far to the right, beyond the column {wide}; they are not read."
        yield _note(file, "cells_far_out", cause, "Move them nearer to the table if they belong to it.")
    if facts.without_result:
        cause = f"{facts.without_result:,} cells hold formulas without a stored result; they are read as empty."
        yield _note(file, "no_result", cause, "Open the workbook in its program, save it, and import it again.")
    if any(top < bottom for top, bottom, _, _ in facts.merges):
        cause = "Some cells are merged over several rows; each of the rows gets their value."
        yield _note(file, "merged_cells", cause, "Nothing to do.")
    rest = first[start + named :]
    for _, cells in chain(rest, filled):
        yield from _row(file, cells, names, facts)


def _row(file: str, cells: list[Any], names: list[str], facts: _Facts) -> Iterator[Row | Problem]:
    width = _length(cells)
    if not width:
        return
    facts.given += 1
    number = facts.given
    if width > len(names):
        yield Problem(
            file,
            number,
            None,
            "ragged_row",
            f"The row has {width} cells, the header has {len(names)}.",
            "Give every column a name in the header.",
        )
        return
    notes: list[Problem] = []
    values: dict[str, JsonValue] = {}
    for place, name in enumerate(names):
        cell = cells[place] if place < width else None
        if cell is None:
            values[name] = None
            continue
        value = _value(cell)
        if isinstance(value, str):
            if len(value) > MAX_CELL:
                yield too_large(file, number)
                return
            if value in _ERRORS:
                notes.append(_error_cell(file, number, name, value))
                value = None
            elif (clean := clean_value(value)) != value:
                value = clean
                notes.append(repaired(file, number))
        values[name] = value
    yield Row(file, number, values, tuple(notes))


def _value(cell: Any) -> JsonValue:
    if isinstance(cell, bool | int | str):
        return cell if not isinstance(cell, int) or abs(cell) < 2**63 else str(cell)
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return json_constant("NaN" if math.isnan(cell) else "Infinity")
        return cell
    if isinstance(cell, datetime.datetime):
        midnight = not (cell.hour or cell.minute or cell.second or cell.microsecond)
        return cell.date().isoformat() if midnight else cell.isoformat()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds()
    return str(cell)


def _text(cell: Any) -> str:
    return "" if cell is None else str(_value(cell))


def _length(cells: Any) -> int:
    """Cells up to the last one that holds something."""
    for place in range(len(cells), 0, -1):
        cell = cells[place - 1]
        if cell is not None and cell != "":
            return place
    return 0


def _width(rows: list[tuple[int, list[Any]]]) -> int:
    return max((_length(cells) for _, cells in rows), default=0)


def _header_place(rows: list[tuple[int, list[Any]]]) -> int | None:
    """The row that the table begins with: the first with as many cells as most, after any lines of title."""
    filled = [sum(1 for cell in cells if cell is not None and cell != "") for _, cells in rows]
    several = [count for count in filled if count > 1]
    if not several:
        return next((place for place, count in enumerate(filled) if count), None)
    enough = max(2, sorted(several)[len(several) // 2] / 2)
    return next(place for place, count in enumerate(filled) if count >= enough)


class _Merged:
    """Gives the rows below the first one of merged cells the value that stands in the first."""

    def __init__(self, merges: list[tuple[int, int, int, int]]) -> None:
        self.waiting = sorted((top, bottom, left) for top, bottom, left, _ in merges if top < bottom)
        self.next = 0
        self.open: dict[int, tuple[int, Any]] = {}  # column → last row, value

    def fill(self, number: int, cells: tuple[Any, ...]) -> list[Any]:
        row = list(cells)
        for column, (last, value) in list(self.open.items()):
            if number > last:
                del self.open[column]
            elif _length(row):  # a row of nothing else is none
                row.extend([None] * (column - len(row)))
                if row[column - 1] is None:
                    row[column - 1] = value
        while self.next < len(self.waiting) and self.waiting[self.next][0] <= number:
            top, bottom, column = self.waiting[self.next]
            self.next += 1
            if top == number and column <= min(len(row), MOST_COLUMNS) and row[column - 1] is not None:
                self.open[column] = (bottom, row[column - 1])
        return row


def _above(skipped: int) -> str:
    return f"{'1 row' if skipped == 1 else f'{skipped} rows'} above the header left out."


def _note(file: str, code: str, cause: str, remedy: str) -> Problem:
    return Problem(file, None, None, code, cause, remedy)


def _error_cell(file: str, number: int, name: str, value: str) -> Problem:
    cause = f"The formula in the cell failed ({value}); the cell is read as empty."
    return Problem(file, number, name, "error_cell", cause, "Correct the formula, or nothing if it may be empty.")


def _reason(error: BaseException) -> str:
    text = str(error).splitlines()[0][:200] if str(error) else ""
    return text.rstrip(".") or type(error).__name__

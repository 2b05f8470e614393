"""Which delimiter, quotes and header a table has: told from its first lines by what makes its rows come out even."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from core.corpora.formats.base import MAX_CELL, REPLACEMENT
from core.corpora.formats.headers import is_header
from core.corpora.formats.options import FOUND_OUT, ReadOptions
from core.corpora.known_columns import ROLE_OF, normalise

DELIMITERS = (",", ";", "\t", "|")
RARE_DELIMITERS = ("~", "^", "¦", "¬", "\x01", "\x02", "\x1e", "\x1f", "\x07")
"""Taken only where every row of several fits; so are several signs in a row, such as `||` or `::`."""

STANDS_FOR_SEVERAL = "\ufdd0"  # a code point that is no character: csv.reader takes delimiters of one only
_SIGNS = re.compile(r"[^\s\w\"'()\[\]{}]{2,10}")
HINT = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # the first line by which a spreadsheet names it


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a file are set apart.

    Attributes:
        delimiter: one character or several.
        quoted: double quotes enclose cells; False where they are ordinary characters.
        skip_space: space before a cell does not belong to it, so that a quote may follow it.
        columns: cells in the header of the sample.
        rows: data rows in the sample.
        consistency: share of those rows with as many cells as the header.
        header: the first row holds the names of the columns.
        found_no_header: nobody said that it does not; its cells did.
        open_ended: rows go on past the last column, which holds lists (tags set apart by tabs, as the rest is).
    """

    delimiter: str
    quoted: bool = True
    skip_space: bool = False
    columns: int = 1
    rows: int = 0
    consistency: float = 1.0
    header: bool = True
    found_no_header: bool = False
    open_ended: bool = False

    @property
    def single(self) -> str:
        """The one character that stands for the delimiter in lines that `prepare` has made ready."""
        return self.delimiter if len(self.delimiter) == 1 else STANDS_FOR_SEVERAL

    def prepare(self, lines: Iterable[str]) -> Iterable[str]:
        """The lines with one character for a delimiter of several."""
        if len(self.delimiter) == 1:
            return lines
        return (self.prepared(line) for line in lines)

    def prepared(self, line: str) -> str:
        """One line with one character for a delimiter of several."""
        if STANDS_FOR_SEVERAL in line:
            line = line.replace(STANDS_FOR_SEVERAL, REPLACEMENT)
        return line.replace(self.delimiter, STANDS_FOR_SEVERAL)

    def reader(self, lines: Iterable[str], strict: bool = False) -> Iterator[list[str]]:
        """A csv.reader over prepared lines; a strict one raises csv.Error where quotes are not well formed."""
        return csv.reader(
            lines,
            delimiter=self.single,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            skipinitialspace=self.skip_space,
            strict=strict,
        )


def sniff(sample: str, whole: bool, extension: str = "", options: ReadOptions = FOUND_OUT) -> Dialect:
    """Find the delimiter from the start of a file: the one that gives its rows as many cells as its header.

    Args:
        sample: the first characters.
        whole: the sample is the whole file; otherwise its last record may be cut and is left out.
        extension: of the file name; settles a tie for `tsv`.
        options: what a person said of the delimiter and the header.
    """
    lines = io.StringIO(sample, newline="").readlines()
    hint = HINT.fullmatch(lines[0]) if lines else None
    if hint:
        lines = lines[1:]
    if not whole and len(lines) > 1:
        lines.pop()
    if options.delimiter is not None:
        dialect = _measure(lines, options.delimiter, whole)
    elif hint and hint[1] != '"':
        dialect = _measure(lines, hint[1], whole)
    else:
        dialect = _best(lines, whole, extension)
    return _with_header(dialect, lines, options.header)


def _best(lines: list[str], whole: bool, extension: str) -> Dialect:
    def merit(dialect: Dialect) -> tuple[bool, float, bool, bool, int]:
        tab = dialect.delimiter == "\t" and extension in ("tsv", "tab")
        whole_lists = not _cuts_lists(dialect, lines)
        return dialect.columns > 1, round(dialect.consistency, 1), tab, whole_lists, dialect.columns

    best = max((_measure(lines, delimiter, whole) for delimiter in DELIMITERS), key=merit)
    first = next((line for line in lines if line.strip()), "")
    several = {each.group() for each in _SIGNS.finditer(first[:10_000])}
    for delimiter in (*RARE_DELIMITERS, *sorted(several, key=len)):
        if delimiter not in first or _splits_cells(first, delimiter):
            continue
        dialect = _measure(lines, delimiter, whole)
        if dialect.columns < 2 or not dialect.rows or dialect.consistency < max(0.9, round(best.consistency, 1)):
            continue
        # `||` is made of `|`, which then finds as many cells again, all of them empty
        if best.columns == 1 or best.consistency < 0.9 or best.delimiter in delimiter:
            best = dialect
    return best


def _cuts_lists(dialect: Dialect, lines: list[str]) -> bool:
    """Whether the cells of most rows open brackets that other cells close: then it separates what is in lists."""
    try:
        rows = [cells for cells in islice(dialect.reader(dialect.prepare(lines[:40])), 20) if cells]
    except csv.Error:
        return False
    cut = sum(1 for cells in rows if any(cell.count("[") != cell.count("]") for cell in cells))
    return cut * 2 > len(rows)


def _splits_cells(first: str, delimiter: str) -> bool:
    """Whether a sign of several also stands alone in the first line: then it is cells that are empty."""
    if len(delimiter) == 1:
        return False
    return any(sign in first.replace(delimiter, "") for sign in set(delimiter) if sign in (*DELIMITERS, "~", "^"))


def _with_header(dialect: Dialect, lines: list[str], said: bool | None) -> Dialect:
    """The dialect that knows whether there is a header; without one, its columns are what most rows have."""
    csv.field_size_limit(MAX_CELL)
    rows: list[list[str]] = []
    try:
        for cells in dialect.reader(dialect.prepare(lines[:200])):
            if any(cell.strip() for cell in cells):
                rows.append(cells)
            if len(rows) > 50:
                break
    except csv.Error:
        return dialect
    counts = [len(row) for row in rows[1:]]
    if dialect.columns > 1 and counts and min(counts) >= dialect.columns:
        longer = sum(1 for count in counts if count > dialect.columns)
        tags = ROLE_OF.get(normalise(rows[0][-1])) == "gold"
        if dialect.delimiter == "\t":
            dialect = replace(dialect, open_ended=longer * 5 >= len(counts) or (tags and longer > 0))
        elif tags and longer * 2 > len(counts):
            dialect = replace(dialect, open_ended=True)
    if not rows or said or (said is None and is_header(rows[0], [row for row in rows[1:] if len(row) == len(rows[0])])):
        return dialect
    columns = Counter(map(len, rows)).most_common(1)[0][0]
    return replace(dialect, header=False, found_no_header=said is None, columns=columns, rows=dialect.rows + 1)


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
        counts = [len(cells) for cells in dialect.reader(dialect.prepare(lines)) if cells]
    except csv.Error:
        return dialect, False
    if not whole and len(counts) > 2:
        counts.pop()  # may be cut inside a quoted cell
    if not counts:
        return dialect, True
    well_formed = True
    try:
        for _ in dialect.reader(dialect.prepare(lines), strict=True):
            pass
    except csv.Error as error:
        well_formed = not whole and "unexpected end" in str(error)
    columns, data = counts[0], counts[1:]
    consistency = sum(1 for count in data if count == columns) / len(data) if data else 1.0
    return replace(dialect, columns=columns, rows=len(data), consistency=consistency), well_formed


def _quotes_cells(lines: list[str], delimiter: str) -> bool:
    cells = (cell.rstrip("\r\n") for line in lines for cell in line.split(delimiter))
    return any(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)

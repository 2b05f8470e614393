"""Whether the first row of a table holds the names of its columns, or is data already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from core.corpora.formats.base import EXPORT_MARK, Problem
from core.corpora.known_columns import ROLE_OF, normalise

LONGEST_NAME = 60
"""Characters; people give columns shorter names."""

_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:[.,]\d+)*|\.\d+)(?:[eE][+-]?\d+)?\s*%?\s*")
_LIST = re.compile(r"\s*[\[{(].*[\]})]\s*", re.DOTALL)
_ADDRESS = re.compile(r"\s*(?:https?://|www\.)\S+\s*", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?。！？…]\s*$|[,，。！？;；]\s|\n")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Judge the first row by its cells and by what stands below them; in doubt it is a header.

    A known column name, or a word above numbers, lists or addresses, speaks for a header; a number above numbers,
    a list, an address, a long text or a sentence, or a value that comes again below, against it.

    Args:
        first: cells of the first row.
        rows: some of the rows below it.
    """
    cells = [cell.strip() for cell in first]
    if not any(cells):
        return True
    if any(cell == EXPORT_MARK or normalise(cell) in ROLE_OF for cell in cells):
        return True
    numbers = [cell for cell in cells if _NUMBER.fullmatch(cell)]
    if len(cells) > 2 and len(numbers) == len(cells) and _counts_on(cells):
        return True  # 0, 1, 2, …: names that a program gave
    years = _years(numbers)
    against = 0
    for place, cell in enumerate(cells):
        below = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
        if not cell:
            continue
        found = _kind(cell)
        under = _common_kind(below)
        if found == "text":
            if under in ("number", "list", "address"):
                return True
            long = len(cell) > (LONGEST_NAME // 2 if _WIDE.search(cell) else LONGEST_NAME)
            sentence = len(cell) > 20 and _SENTENCE.search(cell)
            again = len(below) > 2 and cell in below and len(set(below)) * 2 > len(below)
            against += bool(long or sentence or again)
        elif found in ("list", "address") or (under in ("number", "") and not years):
            against += 1
    return against == 0


def no_header(file: str) -> Problem:
    """The note for a table whose first row was found to be data."""
    return Problem(
        file,
        None,
        None,
        "no_header",
        "The first row looks like data, not like names; the columns are called column_1, column_2, ….",
        "If it does hold the names, say so when importing.",
    )


def _kind(cell: str) -> str:
    if _NUMBER.fullmatch(cell):
        return "number"
    if _LIST.fullmatch(cell):
        return "list"
    return "address" if _ADDRESS.fullmatch(cell) else "text"


def _common_kind(cells: Sequence[str]) -> str:
    """What nine in ten of the cells are; empty for no cells."""
    if not cells:
        return ""
    kinds = [_kind(cell) for cell in cells]
    for kind in ("number", "list", "address"):
        if kinds.count(kind) >= 0.9 * len(kinds):
            return kind
    return "text"


def _counts_on(cells: Sequence[str]) -> bool:
    return all(cell.isdecimal() for cell in cells) and [int(cell) for cell in cells] == list(
        range(int(cells[0]), int(cells[0]) + len(cells))
    )


def _years(numbers: Sequence[str]) -> bool:
    """Whether the numbers are years that follow each other, as above a table of figures."""
    if len(numbers) < 2 or not all(re.fullmatch(r"(?:19|20)\d\d", number) for number in numbers):
        return False
    years = [int(number) for number in numbers]
    steps = {after - before for before, after in pairwise(years)}
    return len(steps) == 1 and steps != {0}

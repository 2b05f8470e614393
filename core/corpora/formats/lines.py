"""Reading plain text: every line is an item of its own, in the one column `text`. Blank lines are counted, not read."""

from __future__ import annotations

from collections.abc import Iterator

from core.corpora.formats.base import MAX_CELL, MAX_ROW, REPLACEMENT, Problem, Row, Source, repaired, too_large
from core.corpora.formats.text import TextShape, open_text
from core.errors import InvalidInput

COLUMN = "text"


def read(source: Source, shape: TextShape) -> Iterator[Row | Problem]:
    """The lines of a text file. Raises InvalidInput where all are blank.

    Args:
        source: the file.
        shape: its encoding.
    """
    file, number, blank = source.name, 0, 0
    with open_text(source, shape) as stream:
        readline = stream.readline
        while line := readline(MAX_ROW):
            whole = line.endswith(("\n", "\r"))
            text = line.rstrip("\r\n")
            had_nul = shape.nul and "\0" in text
            if had_nul:
                text = text.replace("\0", "")
            if not text.strip("\ufeff \t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u3000") and (whole or len(line) < MAX_ROW):
                blank += 1
                continue
            number += 1
            if len(text) > MAX_CELL or not (whole or len(line) < MAX_ROW):
                yield too_large(file, number, "The line")
                while line and not line.endswith(("\n", "\r")):
                    line = readline(MAX_ROW)
                continue
            notes = (repaired(file, number),) if had_nul or (shape.lossy and REPLACEMENT in text) else ()
            yield Row(file, number, {COLUMN: text}, notes)
    if number == 0:
        raise InvalidInput(f"{file} holds no text.", "Choose a file with an item on each line.")
    if blank:
        lines = "1 blank line was" if blank == 1 else f"{blank:,} blank lines were"
        yield Problem(file, None, None, "blank_lines", f"{lines} left out.", "Nothing to do.")

"""Reading jsonl: one JSON object a line; a broken line costs that line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from core.corpora.formats.base import (
    MAX_ROW,
    REPLACEMENT,
    KnownColumns,
    Problem,
    Row,
    Source,
    repaired,
    too_large,
)
from core.corpora.formats.json_values import DECODER, cleaned, may_need_cleaning, refusal
from core.corpora.formats.text import TextShape, open_text
from core.errors import InvalidInput


def read(source: Source, shape: TextShape) -> Iterator[Row | Problem]:
    """The rows of a jsonl file. Raises InvalidInput where it holds none.

    Args:
        source: the file.
        shape: its encoding.
    """
    file, number, line_number = source.name, 0, 0
    columns, decode, lossy = KnownColumns(), DECODER.decode, shape.lossy
    with open_text(source, shape) as stream:
        readline = stream.readline
        while line := readline(MAX_ROW):
            line_number += 1
            if len(line) == MAX_ROW and not line.endswith(("\n", "\r")):
                number += 1
                yield too_large(file, number, "The line")
                while line and not line.endswith(("\n", "\r")):
                    line = readline(MAX_ROW)
                continue
            try:
                value = decode(line)
            except (ValueError, RecursionError) as error:
                if not line.strip():
                    continue
                number += 1
                yield _broken(file, number, line_number, error)
                continue
            number += 1
            refused = refusal(file, number, value, line)
            if refused is not None:
                yield refused
                continue
            notes: tuple[Problem, ...] = ()
            if may_need_cleaning(line):
                value, changed = cleaned(value)
                notes = (repaired(file, number),) if changed else ()
            if lossy and not notes and REPLACEMENT in line:
                notes = (repaired(file, number),)
            yield Row(file, number, columns.apply(value), notes)
    if number == 0:
        raise InvalidInput(f"{file} holds no rows.", "Choose a file with one JSON object on each line.")


def _broken(file: str, number: int, line: int, error: Exception) -> Problem:
    cause = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
    at = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
    return Problem(
        file,
        number,
        None,
        "bad_json",
        f"Line {line} is not valid JSON: {cause}{at}.",
        "Correct the line; the lines around it were read.",
    )

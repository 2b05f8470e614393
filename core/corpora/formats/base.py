"""What every file format shares: the rows and problems it yields, where it reads from, its limits."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from core.errors import InvalidInput

JsonValue = Any
"""A JSON value: None, bool, int, float, str, list or dict with text keys."""

MAX_CELL = 10_000_000
"""Characters one cell may hold; a longer one costs its row."""

MAX_ROW = 32 * 1024 * 1024
"""Characters one row may hold in the file; a longer one costs that row, so that memory stays bounded."""

ACCEPTED = "csv and other delimited text, txt, json, jsonl, xlsx, parquet, feather, or a zip of these"
"""The formats as they are named to people."""

EXPORT_MARK = "tagloom_status"
"""A column of this name says that Tagloom wrote the file."""

REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that cost a row, or that a person should know of.

    Attributes:
        file: name of the file as people know it, `archive.zip/member.csv` inside an archive.
        row: 1-based data row, None where the problem concerns the file as a whole and costs no known row.
        field: the column, None where it is not about one.
        code: short stable slug, for example `ragged_row`.
        cause: what was found, one sentence.
        remedy: what can be done about it, one sentence.
    """

    file: str
    row: int | None
    field: str | None
    code: str
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Row:
    """One data row: column name to JSON value, exactly as the file holds it.

    Attributes:
        file: as in `Problem`.
        number: 1-based data row; a header is not counted, an unreadable row is.
        values: column name to value; text everywhere in delimited files.
        notes: what was repaired in the row; it still counts as read.
    """

    file: str
    number: int
    values: dict[str, JsonValue]
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that can be opened more than once, with the name people know them by.

    Attributes:
        name: shown in problems.
        opener: returns a fresh binary stream at the start of the bytes.
        size: bytes, as claimed by the file system or archive; None where unknown.
        seekable: False for members of an archive, whose streams only run forwards.
        column: where the file's own name is a field of its rows, that field's name.
    """

    name: str
    opener: Callable[[], BinaryIO]
    size: int | None = None
    seekable: bool = True
    column: str = ""

    @property
    def extension(self) -> str:
        """Lower-case file extension without the dot, empty where there is none."""
        return PurePosixPath(self.name.replace("\\", "/")).suffix[1:].lower()

    def open(self) -> BinaryIO:
        """A fresh stream over the bytes; the caller closes it."""
        return self.opener()

    def head(self, size: int = 65536) -> bytes:
        """Up to `size` bytes from the start."""
        with self.open() as stream:
            return stream.read(size)


def file_source(path: Path, name: str | None = None) -> Source:
    """A regular file as a source. Raises InvalidInput where it cannot be opened."""
    shown = name or path.name
    try:
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "does not exist or is not a regular file"
            raise InvalidInput(f"{shown} {what}.", "Choose a file: " + ACCEPTED + ".")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        raise InvalidInput(
            f"{shown} cannot be opened: {reason}.", "Check that the file exists and may be read."
        ) from error
    if size == 0:
        raise InvalidInput(f"{shown} is empty.", "Choose a file that holds rows.")
    return Source(shown, lambda: path.open("rb"), size)


class CountingReader(io.RawIOBase):
    """Passes a stream through and counts the bytes that were really read.

    Args:
        stream: what to read from; closed together with this reader.
        check: called with the running total after each read; raises to refuse more.
    """

    def __init__(self, stream: BinaryIO, check: Callable[[int], None] | None = None) -> None:
        self.stream = stream
        self.total = 0
        self.check = check

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """As the stream is."""
        return self.stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move in the stream; what is passed over is not counted."""
        return self.stream.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the stream; the number of bytes, 0 at the end."""
        data = self.stream.read(len(buffer))
        size = len(data)
        buffer[:size] = data
        self.total += size
        if self.check is not None:
            self.check(self.total)
        return size

    def close(self) -> None:
        """Close this reader and the stream below it."""
        if not self.closed:
            self.stream.close()
        super().close()


def clean_text(text: str) -> str:
    """The text without NUL characters, and with lone surrogates replaced by U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = "".join(REPLACEMENT if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def clean_value(value: JsonValue) -> JsonValue:
    """`clean_text` for every text and key inside a JSON value; numbers that JSON lacks become None or text."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_value(each) for each in value]
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_value(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else json_constant("Infinity" if value > 0 else "-Infinity")
    return value


def json_constant(name: str) -> str | None:
    """`NaN` is a missing value, the infinities are kept as text: JSON has none of the three."""
    return None if name == "NaN" else name


def json_integer(digits: str) -> int | str:
    """An integer, or its digits as text where 64 bits do not hold it: ids must not lose digits."""
    if len(digits) < 19:
        return int(digits)
    if len(digits) > 20:
        return digits
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else digits


def largest_text(value: JsonValue) -> int:
    """Length of the longest text inside a JSON value, in characters."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return max(map(largest_text, value), default=0)
    if isinstance(value, dict):
        return max((max(len(key), largest_text(each)) for key, each in value.items()), default=0)
    return 0


def unique_names(raw: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Column names as they are used: stripped, never empty, never twice.

    Returns the names in order, and (given, used) for each name that had to be changed because it was
    empty or taken: an empty third one becomes `column_3`, a second `name` becomes `name (2)`.
    """
    given = [clean_text(name).strip() for name in raw]
    taken = {name for name in given if name}
    seen: set[str] = set()
    names: list[str] = []
    changed: list[tuple[str, str]] = []
    for position, name in enumerate(given, 1):
        used = name
        if not name:
            used, again = f"column_{position}", 2
            while used in taken or used in seen:
                used, again = f"column_{position} ({again})", again + 1
        elif name in seen:
            again = 2
            while (used := f"{name} ({again})") in taken or used in seen:
                again += 1
        if used != name:
            changed.append((name, used))
        seen.add(used)
        names.append(used)
    return names, changed


def column_names(count: int) -> list[str]:
    """The names of the columns of a table without a header: `column_1`, `column_2`, …"""
    return [f"column_{position}" for position in range(1, count + 1)]


class KnownColumns:
    """Column names of object rows, cleaned once per name instead of once per row."""

    def __init__(self) -> None:
        self._clean: set[str] = set()

    def apply(self, values: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """The same values under usable names; the very dict where nothing had to change."""
        if values.keys() <= self._clean:
            return values
        names, changed = unique_names(values)
        if not changed and names == list(values):
            self._clean.update(names)
            return values
        return dict(zip(names, values.values(), strict=True))


def repaired(file: str, row: int) -> Problem:
    """The note for a row from which NUL characters or lone surrogates were taken out."""
    return Problem(
        file,
        row,
        None,
        "bad_characters",
        "The row held characters that are not text (NUL or half of a character pair).",
        "They were removed or replaced by �; check the text where it matters.",
    )


def too_large(file: str, row: int | None, what: str = "A cell") -> Problem:
    """The problem of a row that passes `MAX_CELL` or `MAX_ROW`."""
    return Problem(
        file,
        row,
        None,
        "cell_too_large",
        f"{what} is larger than {MAX_CELL // 1_000_000} MB.",
        "Shorten the cell, or keep such data in a file and refer to it by its path.",
    )

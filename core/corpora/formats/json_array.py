"""Reading a JSON list of objects, or an object that holds one such list, without holding the file in memory.

Elements are decoded one after the other from a text buffer that is refilled in chunks. That keeps the speed
and exactness of the json module, and tells how far a truncated or broken file could be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TextIO

from core.corpora.formats.base import (
    MAX_ROW,
    REPLACEMENT,
    JsonValue,
    KnownColumns,
    Problem,
    Row,
    Source,
    repaired,
)
from core.corpora.formats.json_values import DECODER, cleaned, may_need_cleaning, refusal
from core.corpora.formats.text import TextShape, open_text
from core.errors import InvalidInput

CHUNK = 1 << 18

_SPACE = re.compile(r"[ \t\r\n]*")
_CUT = re.compile(r"[\w.+\\-]*\s*")  # what may be left of a word, a number or an escape at the end of a file
_NEAR = 32  # characters from the end of the buffer within which an error may just mean "not all there yet"


class _Broken(Exception):
    """The text at `position` of the buffer cannot go on as JSON."""

    def __init__(self, position: int, cause: str, truncated: bool = False) -> None:
        super().__init__(cause)
        self.position = position
        self.cause = cause
        self.truncated = truncated


class _Ended(Exception):
    """Reading cannot go on; the problem that says why was delivered."""


def read(source: Source, shape: TextShape) -> Iterator[Row | Problem]:
    """The rows of a JSON file.

    Args:
        source: the file.
        shape: its encoding.

    After a break, reading goes on at the next row where rows begin on lines of their own; otherwise a
    problem names the byte at which reading ended. Raises InvalidInput where there is no list of objects
    or it is empty.
    """
    with open_text(source, shape) as stream:
        buffer = _Buffer(stream, shape.encoding, source.size)
        rows = _Rows(source.name, buffer, shape.lossy)
        opening = buffer.peek()
        try:
            if opening == "[":
                yield from rows.elements()
            else:
                yield from _wrapped(source.name, buffer, rows)
            if buffer.peek():
                yield _file_problem(
                    source.name,
                    "trailing_data",
                    f"The JSON ends at byte {buffer.offset(buffer.position):,}, but the file goes on.",
                    "Keep one list in a file, or write one object a line (jsonl).",
                )
        except _Broken as broken:
            problem = _break(source.name, buffer, broken, None)
            if rows.number == 0:
                raise InvalidInput(f"{source.name}: {problem.cause}", problem.remedy) from None
            yield problem
        except _Ended:
            pass
    if rows.number == 0:
        raise InvalidInput(
            f"{source.name} holds no list of objects, or an empty one.",
            'Write the rows as [{"title": "…"}, …], one object each.',
        )


class _Buffer:
    """A window of text that is refilled from a stream."""

    def __init__(self, stream: TextIO, encoding: str, size: int | None) -> None:
        self.stream = stream
        self.size = size
        self.encoding = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
        self.before = {"utf-8-sig": 3, "utf-16": 2, "utf-32": 4}.get(encoding, 0)  # bytes before the window
        self.text = ""
        self.position = 0
        self.ended = False
        self.dirty = False

    def offset(self, position: int) -> int:
        """The byte of the file at which a position of the window lies."""
        return self.before + len(self.text[:position].encode(self.encoding, "replace"))

    def refill(self) -> bool:
        """Drop what is behind the position and read on; False at the end of the stream."""
        if self.ended:
            return False
        more = self.stream.read(max(CHUNK, len(self.text) - self.position))
        if not more:
            self.ended = True
            return False
        self.before = self.offset(self.position)
        self.text = self.text[self.position :] + more
        self.position = 0
        self.dirty = may_need_cleaning(self.text)
        return True

    def peek(self) -> str:
        """The next character that is not space, without taking it; empty at the end."""
        while True:
            found = _SPACE.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.refill():
                return ""

    def value(self) -> tuple[JsonValue, str]:
        """Take one JSON value; it and the text it was read from. Raises _Broken."""
        while True:
            text, begin = self.text, self.position
            try:
                value, end = DECODER.raw_decode(text, begin)
            except json.JSONDecodeError as error:
                at, cause = error.pos, error.msg
                unsure = cause.startswith("Unterminated string") or at >= len(text) - _NEAR
                if unsure and len(text) - begin > MAX_ROW:
                    raise _Broken(begin, f"A value is larger than {MAX_ROW >> 20} MB") from error
                if unsure and self.refill():
                    continue
                cut = cause.startswith("Unterminated string") or _CUT.fullmatch(text, at) is not None
                raise _Broken(at, cause, cut and self.ended) from error
            except (ValueError, RecursionError) as error:
                raise _Broken(begin, "A value is nested too deeply") from error
            if end >= len(text) and self.refill():
                continue  # a number may go on in the next chunk
            self.position = end
            return value, text[begin:end]


class _Rows:
    """Turns the elements of a list into rows, and finds the next one after a break."""

    def __init__(self, file: str, buffer: _Buffer, lossy: bool) -> None:
        self.file = file
        self.buffer = buffer
        self.lossy = lossy
        self.number = 0
        self.columns = KnownColumns()
        self.line_start: str | None = None  # newline, indentation and brace with which every row so far began

    def elements(self) -> Iterator[Row | Problem]:
        """The rows of the list whose bracket is next; ends behind its closing bracket. Raises _Broken."""
        buffer = self.buffer
        buffer.position += 1
        while True:
            start = self._space()
            following = buffer.text[buffer.position : buffer.position + 1]
            if following == "]":
                buffer.position += 1
                return
            if not following:
                raise _Broken(buffer.position, "The list is not closed", True)
            self._learn(start, following)
            try:
                value, text = buffer.value()
            except _Broken as broken:
                yield from self._break_off(broken)
                continue
            self.number += 1
            yield self._row(value, text)
            following = buffer.peek()
            if following == ",":
                buffer.position += 1
            elif not following:
                raise _Broken(buffer.position, "The list is not closed", True)
            elif following != "]":
                missing = _Broken(buffer.position, "A comma is missing between two rows")
                if following == "{":
                    yield _break(self.file, buffer, missing, None, True)
                else:
                    yield from self._break_off(missing)

    def _break_off(self, broken: _Broken) -> Iterator[Problem]:
        """Deliver the problem and go to the next row that begins as the rows before did.

        The search begins at the value that could not be taken, where the buffer still stands.
        Raises _Broken or _Ended where there is no such row.
        """
        if not self.line_start:
            raise broken
        buffer = self.buffer
        lost, goes_on = (_break(self.file, buffer, broken, self.number + 1, on) for on in (False, True))
        if self._resume(buffer.position):
            self.number += 1
            yield goes_on
            return
        if self.number == 0:
            raise InvalidInput(f"{self.file}: {lost.cause}", lost.remedy)
        yield lost
        raise _Ended

    def _space(self) -> str:
        """Skip space; what was skipped, as far as the window shows it."""
        buffer = self.buffer
        skipped = ""
        while True:
            begin = buffer.position
            found = _SPACE.match(buffer.text, begin)
            end = found.end() if found else begin
            skipped += buffer.text[begin:end]
            buffer.position = end
            if end < len(buffer.text) or not buffer.refill():
                return skipped[-1000:]

    def _learn(self, space: str, first: str) -> None:
        """Remember how rows begin, as long as all begin alike: on a line of their own."""
        begins = space[space.rfind("\n") :] + first if "\n" in space and first == "{" else ""
        if self.line_start is None or self.line_start == begins:
            self.line_start = begins
        else:
            self.line_start = ""

    def _resume(self, position: int) -> bool:
        """Go to the next row that begins as the rows before did; False where there is none."""
        buffer, mark = self.buffer, self.line_start or ""
        buffer.position = position
        while True:
            found = buffer.text.find(mark, buffer.position)
            if found >= 0:
                buffer.position = found
                return True
            buffer.position = max(buffer.position, len(buffer.text) - len(mark))
            if not buffer.refill():
                return False

    def _row(self, value: JsonValue, text: str) -> Row | Problem:
        refused = refusal(self.file, self.number, value, text)
        if refused is not None:
            return refused
        notes: tuple[Problem, ...] = ()
        if self.buffer.dirty and may_need_cleaning(text):
            value, changed = cleaned(value)
            notes = (repaired(self.file, self.number),) if changed else ()
        if self.lossy and not notes and REPLACEMENT in text:
            notes = (repaired(self.file, self.number),)
        return Row(self.file, self.number, self.columns.apply(value), notes)


def _wrapped(file: str, buffer: _Buffer, rows: _Rows) -> Iterator[Row | Problem]:
    """The rows of the one list of objects inside an object such as {"data": [...]}."""
    buffer.position += 1
    used = ""
    while True:
        following = buffer.peek()
        if following == "}":
            buffer.position += 1
            return
        if following == ",":
            buffer.position += 1
            continue
        if following != '"':
            raise _Broken(buffer.position, "A field name is missing", not following)
        name, _ = buffer.value()
        if buffer.peek() != ":":
            raise _Broken(buffer.position, "A colon is missing", not buffer.peek())
        buffer.position += 1
        if buffer.peek() != "[" or not _opens_objects(buffer):
            buffer.value()
        elif not used:
            used = str(name)
            yield from rows.elements()
        else:
            buffer.value()
            yield _file_problem(
                file,
                "second_list",
                f"The file holds more than one list of objects; “{used}” was read, “{name}” was not.",
                "Save the other list as a file of its own.",
            )


def _opens_objects(buffer: _Buffer) -> bool:
    """Whether the list whose bracket is next begins with an object."""
    while True:
        found = _SPACE.match(buffer.text, buffer.position + 1)
        if found and found.end() < len(buffer.text):
            return buffer.text[found.end()] == "{"
        if not buffer.refill():
            return False


def _break(file: str, buffer: _Buffer, broken: _Broken, row: int | None, goes_on: bool = False) -> Problem:
    offset = buffer.offset(broken.position)
    if broken.truncated and not goes_on:
        offset = buffer.size or buffer.offset(len(buffer.text))
        cause = f"The file ends at byte {offset:,} in the middle of its list; the rows before that were read."
        return _file_problem(file, "truncated", cause, "The file may not have been copied whole; get it again.")
    rest = "the rows around it were read" if goes_on else "the rows after it were not read"
    return Problem(
        file,
        row,
        None,
        "bad_json",
        f"Not valid JSON at byte {offset:,}: {broken.cause}.",
        f"Correct the file at that place; {rest}.",
    )


def _file_problem(file: str, code: str, cause: str, remedy: str) -> Problem:
    return Problem(file, None, None, code, cause, remedy)

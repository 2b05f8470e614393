"""A window over JSON text that is refilled from a stream: one value after the other, without holding the file.

That keeps the speed and exactness of the json module, and tells how far a truncated or broken file could be read.
"""

from __future__ import annotations

import json
import re
from typing import TextIO

from core.corpora.formats.base import MAX_ROW, JsonValue, Problem
from core.corpora.formats.json_values import DECODER, may_need_cleaning

CHUNK = 1 << 18

SPACE = re.compile(r"[ \t\r\n]*")
_CUT = re.compile(r"[\w.+\\-]*\s*")  # what may be left of a word, a number or an escape at the end of a file
_NEAR = 32  # characters from the end of the buffer within which an error may just mean "not all there yet"
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*("?)|[\[\]{}]', re.DOTALL)  # a text, whole or cut, or a bracket


class Broken(Exception):
    """The text at `position` of the buffer cannot go on as JSON."""

    def __init__(self, position: int, cause: str, truncated: bool = False) -> None:
        super().__init__(cause)
        self.position = position
        self.cause = cause
        self.truncated = truncated


class Buffer:
    """A window of text that is refilled from a stream."""

    def __init__(self, stream: TextIO, encoding: str, size: int | None, chunk: int = 0) -> None:
        self.stream = stream
        self.chunk = chunk or CHUNK
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
        more = self.stream.read(max(self.chunk, len(self.text) - self.position))
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
            found = SPACE.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.refill():
                return ""

    def value(self) -> tuple[JsonValue, str]:
        """Take one JSON value; it and the text it was read from. Raises Broken."""
        while True:
            text, begin = self.text, self.position
            try:
                value, end = DECODER.raw_decode(text, begin)
            except json.JSONDecodeError as error:
                at, cause = error.pos, error.msg
                unsure = cause.startswith("Unterminated string") or at >= len(text) - _NEAR
                if unsure and len(text) - begin > MAX_ROW:
                    raise Broken(begin, f"A value is larger than {MAX_ROW >> 20} MB") from error
                if unsure and self.refill():
                    continue
                cut = cause.startswith("Unterminated string") or _CUT.fullmatch(text, at) is not None
                raise Broken(at, cause, cut and self.ended) from error
            except (ValueError, RecursionError) as error:
                raise Broken(begin, "A value is nested too deeply") from error
            if end >= len(text) and self.refill():
                continue  # a number may go on in the next chunk
            self.position = end
            return value, text[begin:end]

    def after_bracket(self) -> str:
        """What stands first inside the list or object whose bracket is next, without taking anything."""
        while True:
            found = SPACE.match(self.text, self.position + 1)
            if found and found.end() < len(self.text):
                return self.text[found.end()]
            if not self.refill():
                return ""

    def name(self) -> str:
        """Take a field's name and its colon. Raises Broken."""
        following = self.peek()
        if following != '"':
            raise Broken(self.position, "A field name is missing", not following)
        name, _ = self.value()
        if self.peek() != ":":
            raise Broken(self.position, "A colon is missing", not self.peek())
        self.position += 1
        return str(name)

    def skip(self, depth: int = 0) -> None:
        """Pass over a value, or over the rest of one of which `depth` brackets are open. Raises Broken."""
        if depth == 0 and self.peek() not in ("[", "{"):
            self.value()
            return
        while True:
            end = len(self.text)
            for found in _TOKEN.finditer(self.text, self.position):
                sign = found.group()
                if sign[0] == '"':
                    if not found.group(1):  # it goes on in the next chunk
                        end = found.start()
                        break
                elif sign in "[{":
                    depth += 1
                else:
                    depth -= 1
                    if depth == 0:
                        self.position = found.end()
                        return
            if len(self.text) - end > MAX_ROW:
                raise Broken(end, f"A value is larger than {MAX_ROW >> 20} MB")
            self.position = end
            if not self.refill():
                raise Broken(end, "The file ends inside a value", True)


def break_problem(file: str, buffer: Buffer, broken: Broken, row: int | None, goes_on: bool = False) -> Problem:
    offset = buffer.offset(broken.position)
    if broken.truncated and not goes_on:
        offset = buffer.size or buffer.offset(len(buffer.text))
        cause = f"The file ends at byte {offset:,} in the middle of its list; the rows before that were read."
        return file_problem(file, "truncated", cause, "The file may not have been copied whole; get it again.")
    rest = "the rows around it were read" if goes_on else "the rows after it were not read"
    return Problem(
        file,
        row,
        None,
        "bad_json",
        f"Not valid JSON at byte {offset:,}: {broken.cause}.",
        f"Correct the file at that place; {rest}.",
    )


def file_problem(file: str, code: str, cause: str, remedy: str) -> Problem:
    return Problem(file, None, None, code, cause, remedy)

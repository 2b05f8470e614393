"""Reading JSON files: a list of objects, or an object that holds rows in one of several ways (json_shapes.py).

After a break, reading goes on at the next row where rows begin on lines of their own; otherwise a problem names the
byte at which reading ended.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.corpora.formats.base import (
    REPLACEMENT,
    JsonValue,
    KnownColumns,
    Problem,
    Row,
    Source,
    clean_value,
    column_names,
    repaired,
    unique_names,
)
from core.corpora.formats.headers import is_header
from core.corpora.formats.json_buffer import SPACE, Broken, Buffer, break_problem, file_problem
from core.corpora.formats.json_values import cleaned, may_need_cleaning, refusal
from core.corpora.formats.text import TextShape, open_text
from core.errors import InvalidInput

TEXT_COLUMN = "text"
"""The column of a list of plain texts."""


class _Ended(Exception):
    """Reading cannot go on; the problem that says why was delivered."""


def read(source: Source, shape: TextShape, header: bool | None = None) -> Iterator[Row | Problem]:
    """The rows of a JSON file.

    Args:
        source: the file; read from its start as often as its shape needs.
        shape: its encoding.
        header: whether the first of a list of lists holds the names; None to find out.

    Raises InvalidInput where there are no rows.
    """
    from core.corpora.formats import json_shapes  # it reads its parts with this module's rows

    with open_text(source, shape) as stream:
        opening = Buffer(stream, shape.encoding, source.size).peek()
    if opening == "{":
        kind = json_shapes.survey(source, shape).kind
        if kind in json_shapes.PARALLEL:
            yield from json_shapes.read_parallel(source, shape)
            return
    else:
        kind = "list"
    with open_text(source, shape) as stream:
        buffer = Buffer(stream, shape.encoding, source.size)
        rows = Rows(source.name, buffer, shape.lossy, header)
        buffer.peek()
        try:
            if kind == "list":
                yield from rows.elements()
            elif kind == "objects":
                yield from rows.members()
            elif kind == "sequence":
                yield from rows.sequence()
            else:
                yield from _wrapped(source.name, buffer, rows)
            if buffer.peek():
                yield file_problem(
                    source.name,
                    "trailing_data",
                    f"The JSON ends at byte {buffer.offset(buffer.position):,}, but the file goes on.",
                    "Keep one list in a file, or write one object a line (jsonl).",
                )
        except Broken as broken:
            problem = break_problem(source.name, buffer, broken, None)
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


class Rows:
    """Turns the elements of a list into rows, and finds the next one after a break."""

    def __init__(self, file: str, buffer: Buffer, lossy: bool, header: bool | None = None) -> None:
        self.file = file
        self.buffer = buffer
        self.lossy = lossy
        self.header = header
        self.number = 0
        self.columns = KnownColumns()
        self.names: list[str] | None = None  # of the columns, where rows are lists
        self.texts = False  # rows are plain texts
        self.line_start: str | None = None  # newline, indentation and brace with which every row so far began

    def elements(self) -> Iterator[Row | Problem]:
        """The rows of the list whose bracket is next; ends behind its closing bracket. Raises Broken."""
        buffer = self.buffer
        buffer.position += 1
        while True:
            start = self._space()
            following = buffer.text[buffer.position : buffer.position + 1]
            if following == "]":
                buffer.position += 1
                return
            if not following:
                raise Broken(buffer.position, "The list is not closed", True)
            self._learn(start, following)
            try:
                value, text = buffer.value()
            except Broken as broken:
                yield from self._break_off(broken)
                continue
            if self.number == 0 and self.names is None and not self.texts and self._takes_names(value):
                pass
            else:
                self.number += 1
                yield self._row(value, text)
            following = buffer.peek()
            if following == ",":
                buffer.position += 1
            elif not following:
                raise Broken(buffer.position, "The list is not closed", True)
            elif following != "]":
                missing = Broken(buffer.position, "A comma is missing between two rows")
                if following == "{":
                    yield break_problem(self.file, buffer, missing, None, True)
                else:
                    yield from self._break_off(missing)

    def sequence(self) -> Iterator[Row | Problem]:
        """Objects that follow each other, with or without commas between them. Raises Broken."""
        buffer = self.buffer
        while True:
            start = self._space()
            following = buffer.text[buffer.position : buffer.position + 1]
            if not following:
                return
            if following == "," and self.number:
                buffer.position += 1
                continue
            self._learn(start if self.number else "\n", following)
            try:
                value, text = buffer.value()
            except Broken as broken:
                yield from self._break_off(broken)
                continue
            self.number += 1
            yield self._row(value, text)

    def members(self) -> Iterator[Row | Problem]:
        """The objects in the object whose bracket is next, each with its name as one more field. Raises Broken."""
        buffer = self.buffer
        buffer.position += 1
        column = ""
        while True:
            following = buffer.peek()
            if following == "}":
                buffer.position += 1
                return
            if following == ",":
                buffer.position += 1
                continue
            name = buffer.name()
            buffer.peek()
            value, text = buffer.value()
            self.number += 1
            if isinstance(value, dict):
                column = column or ("key" if "id" in value else "id")
                value = {("key" if column in value else column): name, **value}
            elif isinstance(value, list):  # tags by id
                value = {"id": name, "tags": value}
            yield self._row(value, text)

    def made(self, values: dict[str, JsonValue]) -> Row | Problem:
        """A row put together from parts; counts it."""
        self.number += 1
        refused = refusal(self.file, self.number, values, None)
        if refused is not None:
            return refused
        clean = clean_value(values)
        notes = (repaired(self.file, self.number),) if clean != values else ()
        return Row(self.file, self.number, clean, notes)

    def _takes_names(self, first: JsonValue) -> bool:
        """Look at the first element of a list: lists and texts are rows, too. True where it holds the names."""
        if isinstance(first, str):
            self.texts = True
        elif isinstance(first, list) and first:
            cells = [cell if isinstance(cell, str) else str(cell) for cell in first]
            texts = all(isinstance(cell, str) for cell in first)
            if self.header is True or (self.header is None and texts and is_header(cells, [])):
                self.names = unique_names(cells)[0]
                return True
            self.names = column_names(len(first))
        return False

    def _break_off(self, broken: Broken) -> Iterator[Problem]:
        """Deliver the problem and go to the next row that begins as the rows before did.

        The search begins at the value that could not be taken, where the buffer still stands.
        Raises Broken or _Ended where there is no such row.
        """
        if not self.line_start:
            raise broken
        buffer = self.buffer
        lost, goes_on = (break_problem(self.file, buffer, broken, self.number + 1, on) for on in (False, True))
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
            found = SPACE.match(buffer.text, begin)
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
        if self.texts and isinstance(value, str):
            value = {TEXT_COLUMN: value}
        elif self.names is not None and isinstance(value, list):
            if len(value) != len(self.names):
                return ragged(self.file, self.number, len(value), len(self.names))
            value = dict(zip(self.names, value, strict=True))
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


def _wrapped(file: str, buffer: Buffer, rows: Rows) -> Iterator[Row | Problem]:
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
        name = buffer.name()
        if buffer.peek() != "[" or buffer.after_bracket() != "{":
            buffer.skip()
        elif not used:
            used = name
            yield from rows.elements()
        else:
            buffer.skip()
            yield file_problem(
                file,
                "second_list",
                f"The file holds more than one list of objects; “{used}” was read, “{name}” was not.",
                "Save the other list as a file of its own.",
            )


def ragged(file: str, number: int, found: int, expected: int) -> Problem:
    """The problem of a row that is a list of another length than the others."""
    cause = f"The row has {found} values instead of {expected}."
    return Problem(file, number, None, "ragged_row", cause, "Give every row as many values as there are names.")

"""The ways in which one JSON object holds many rows, told by a look at its members before any row is read.

    wrapped    {"data": [{…}, {…}], …}                           the first list of objects
    objects    {"a": {…}, "b": {…}}                              the names become a field
    columns    {"title": ["…", "…"], "year": [1, 2]}             a list for each column
    indexed    {"title": {"0": "…", "1": "…"}, "year": {…}}      the same, as pandas writes it
    split      {"columns": ["title"], "data": [["…"], ["…"]]}
    sequence   {…} {…} {…}                                       objects one after the other, or just one

Columns are read side by side, each from its own place in the file, so that memory stays bounded.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from core.corpora.formats.base import JsonValue, Problem, Row, Source, unique_names
from core.corpora.formats.json_array import Rows, ragged
from core.corpora.formats.json_buffer import CHUNK, Broken, Buffer, break_problem, file_problem
from core.corpora.formats.text import TextShape, open_text
from core.corpora.known_columns import ROLE_OF, normalise
from core.errors import InvalidInput

PARALLEL = ("columns", "indexed", "split")
"""Shapes whose rows lie in several places of the file."""

MOST_COLUMNS = 500
_ENOUGH = 200  # members to look at where they are objects
_END = object()


@dataclass(slots=True)
class Member:
    """A field of the object.

    Attributes:
        name: the field's.
        kind: `list`, `object`, `text` or `other`.
        place: the byte at which its value begins.
        first: what the list or object begins with: a bracket, a quote, a digit; empty where it holds nothing.
        key: the first name in an object.
    """

    name: str
    kind: str
    place: int
    first: str = ""
    key: str = ""


@dataclass(slots=True)
class Shape:
    """How an object holds rows: one of the kinds above, and its members as far as they were looked at."""

    kind: str = "wrapped"
    members: list[Member] = field(default_factory=list)


def survey(source: Source, shape: TextShape) -> Shape:
    """Tell the shape of the object that a file begins with; `wrapped` also where there is none to tell.

    Args:
        source: the file.
        shape: its encoding.
    """
    found = Shape()
    goes_on = False
    with open_text(source, shape) as stream:
        buffer = Buffer(stream, shape.encoding, source.size)
        buffer.peek()
        with suppress(Broken):  # reading comes to the same place and says so
            goes_on = _look(buffer, found)
    members = found.members
    objects = [each for each in members if each.kind == "object"]
    lists = [each for each in members if each.kind == "list"]
    if any(each.first == "{" for each in lists):
        return found
    if goes_on:
        found.kind = "sequence"
    elif _tags_by_id(lists, len(members)):
        found.kind = "objects"
    elif lists and len(lists) == len(members):
        names = {each.name: each for each in members}
        split = {"columns", "data"} <= names.keys() and names["data"].first == "["
        found.kind = "split" if split else "columns"
    elif objects and len(objects) == len(members) and _indexed(objects):
        found.kind = "indexed"
    elif (len(objects) > 1 or any(each.first not in ("[", "{", "") for each in objects)) and (
        len(objects) >= 0.8 * len(members)
    ):
        found.kind = "objects"
    elif any(each.kind == "text" for each in members) and all(each.first for each in lists):
        found.kind = "sequence"
    return found


def _tags_by_id(lists: list[Member], members: int) -> bool:
    """Whether the object holds a list of texts for each id: no member is called as columns are."""
    if len(lists) < 3 or len(lists) < members or any(each.first not in ('"', "") for each in lists):
        return False
    return not any(normalise(each.name) in (*ROLE_OF, "columns", "data", "index") for each in lists)


def _look(buffer: Buffer, found: Shape) -> bool:
    """Pass over the members of the object; True where another object follows it."""
    buffer.position += 1
    while True:
        following = buffer.peek()
        if following == "}":
            buffer.position += 1
            return buffer.peek() in ("{", ",")
        if following == ",":
            buffer.position += 1
            continue
        name = buffer.name()
        opening = buffer.peek()
        member = Member(name, "other", buffer.offset(buffer.position))
        if opening == "[":
            member.kind, first = "list", buffer.after_bracket()
            member.first = "" if first == "]" else first
        elif opening == "{":
            member.kind = "object"
        elif opening == '"':
            member.kind = "text"
        found.members.append(member)
        if member.first == "{":
            return False
        if opening == "{":
            buffer.position += 1
            if buffer.peek() == '"':
                member.key = buffer.name()
                member.first = buffer.peek()
            buffer.skip(1)
            if len(found.members) >= _ENOUGH and all(each.kind == "object" for each in found.members):
                return False
        else:
            buffer.skip()


def _indexed(objects: list[Member]) -> bool:
    """Whether the objects are columns whose values go by the numbers of their rows."""
    keys = {each.key for each in objects}
    numbered = all(each.name.isdecimal() for each in objects)
    return len(keys) == 1 and keys.pop().isdecimal() and not numbered and all(each.first != "{" for each in objects)


def read_parallel(source: Source, shape: TextShape) -> Iterator[Row | Problem]:
    """The rows of a file whose columns, or names and rows, lie in several places.

    Args:
        source: the file.
        shape: its encoding.
    """
    with _plain(source, shape) as (plain, encoding):
        found = survey(plain, encoding)
        if len(found.members) > MOST_COLUMNS:
            raise InvalidInput(f"{source.name} has more than {MOST_COLUMNS} columns.", "Write one object a row.")
        with ExitStack() as opened:
            chunk = max(1 << 12, CHUNK // max(1, len(found.members)))
            at = {each.name: _at(opened, plain, each.place, chunk) for each in found.members}
            rows = Rows(source.name, next(iter(at.values())), shape.lossy)
            try:
                if found.kind == "split":
                    yield from _split(rows, at["columns"], at["data"])
                else:
                    yield from _columns(rows, at, found.kind == "indexed")
            except _InColumn as error:
                problem = break_problem(source.name, error.buffer, error.broken, None)
                if rows.number == 0:
                    raise InvalidInput(f"{source.name}: {problem.cause}", problem.remedy) from None
                yield problem
    if rows.number == 0:
        raise InvalidInput(f"{source.name} holds no rows.", "Choose a file that holds rows.")


class _InColumn(Exception):
    """Where the text of a column cannot go on as JSON."""

    def __init__(self, buffer: Buffer, broken: Broken) -> None:
        super().__init__(broken.cause)
        self.buffer = buffer
        self.broken = broken


def _columns(rows: Rows, at: dict[str, Buffer], indexed: bool) -> Iterator[Row | Problem]:
    given = list(at)
    names, _ = unique_names(given)
    read = [_members(buffer) if indexed else _elements(buffer) for buffer in at.values()]
    counts = [0] * len(read)
    keeps_index = False
    while True:
        cells = [next(column, _END) for column in read]
        there = [cell is not _END for cell in cells]
        if not any(there):
            break
        for place, present in enumerate(there):
            counts[place] += present
        values: dict[str, JsonValue] = {}
        if indexed:
            keys = {cast(tuple[str, JsonValue], cell)[0] for cell in cells if cell is not _END}
            if len(keys) > 1 or not all(there):
                cause = "The columns do not go by the same row numbers from here on; the rows before were read."
                yield Problem(rows.file, rows.number + 1, None, "uneven_columns", cause, "Write one object a row.")
                return
            (key,) = keys
            keeps_index = keeps_index or (rows.number == 0 and key not in ("0", "1"))
            if keeps_index:
                values["index" if "index" not in names else "row index"] = key
            cells = [cast(tuple[str, JsonValue], cell)[1] for cell in cells]
        values |= {name: None if cell is _END else cell for name, cell in zip(names, cells, strict=True)}
        yield rows.made(values)
    if len(set(counts)) > 1:
        short, long = names[counts.index(min(counts))], names[counts.index(max(counts))]
        cause = f"The column {short} holds {min(counts):,} values, the column {long} {max(counts):,}."
        yield file_problem(rows.file, "uneven_columns", cause, "What is missing was read as empty; check the rows.")


def _split(rows: Rows, columns: Buffer, data: Buffer) -> Iterator[Row | Problem]:
    texts = [" ".join(map(str, each)) if isinstance(each, list) else str(each) for each in _elements(columns)]
    names, _ = unique_names(texts)
    for row in _elements(data):
        if not isinstance(row, list) or len(row) != len(names):
            rows.number += 1
            yield ragged(rows.file, rows.number, len(row) if isinstance(row, list) else 1, len(names))
        else:
            values = dict(zip(names, row, strict=True))
            yield rows.made(values)


def _elements(buffer: Buffer) -> Iterator[JsonValue]:
    """The values of the list whose bracket is next."""
    try:
        buffer.peek()
        buffer.position += 1
        while True:
            following = buffer.peek()
            if following == "]":
                return
            if following == ",":
                buffer.position += 1
                buffer.peek()
            elif not following:
                raise Broken(buffer.position, "The list is not closed", True)
            yield buffer.value()[0]
    except Broken as broken:
        raise _InColumn(buffer, broken) from None


def _members(buffer: Buffer) -> Iterator[tuple[str, JsonValue]]:
    """The names and values of the object whose bracket is next."""
    try:
        buffer.peek()
        buffer.position += 1
        while True:
            following = buffer.peek()
            if following == "}":
                return
            if following == ",":
                buffer.position += 1
            name = buffer.name()
            buffer.peek()
            yield name, buffer.value()[0]
    except Broken as broken:
        raise _InColumn(buffer, broken) from None


def _at(opened: ExitStack, source: Source, place: int, chunk: int) -> Buffer:
    """A window over a UTF-8 file that begins at a byte of it."""
    stream = opened.enter_context(source.open())
    stream.seek(place)
    text = opened.enter_context(io.TextIOWrapper(cast(Any, stream), encoding="utf-8", errors="replace", newline="\n"))
    buffer = Buffer(text, "utf-8", source.size, chunk)
    buffer.before = place
    return buffer


@contextmanager
def _plain(source: Source, shape: TextShape) -> Iterator[tuple[Source, TextShape]]:
    """The source as a UTF-8 file with places to go to: itself where it is one, else a temporary copy."""
    if source.seekable and shape.encoding in ("utf-8", "utf-8-sig") and not shape.lossy:
        yield source, shape
        return
    handle, name = tempfile.mkstemp(prefix="tagloom-")
    path = Path(name)
    try:
        with (
            os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as copy,
            open_text(source, shape) as text,
        ):
            shutil.copyfileobj(text, copy, CHUNK)

        def opener() -> BinaryIO:
            return path.open("rb")

        yield Source(source.name, opener, path.stat().st_size), TextShape("utf-8", nul=shape.nul)
    finally:
        path.unlink(missing_ok=True)

"""Reading feather and other Arrow files, one record batch after the other; pyarrow is loaded for the first one.

Version 2 (and what other programs call .arrow or .ipc) is a stream of messages between two marks, so it is read
forwards, also out of an archive, and a file that was cut off gives its rows up to the cut. Before that, the
messages' own headers are looked through: what they claim to unpack to is known before anything is unpacked.
Version 1 is one uncompressed table and is read a slice at a time.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from core.corpora.formats.arrow import BATCH, BATCH_BYTES, MAX_RATIO, MAX_UNPACKED, rows_of_batches, written_as_json
from core.corpora.formats.base import Problem, Row, Source, unique_names
from core.errors import InvalidInput, UnsafeInput

FILE, STREAM, OLD = b"ARROW1", b"\xff\xff\xff\xff", b"FEA1"
STARTS = (FILE, STREAM, OLD)
"""First bytes of an Arrow file, an Arrow stream, and a feather file of version 1."""

MAX_ROWS_PER_BYTE = 1000
"""No file holds more rows than this per byte: columns of nothing but nulls may claim any number of them."""
MAX_OLD = 2 << 30
"""Bytes of a version 1 file, which is one piece."""

_DICTIONARY, _BATCH = 2, 3  # kinds of message
_END = struct.pack("<i", 0)


def read(source: Source) -> Iterator[Row | Problem]:
    """The rows of an Arrow or feather file.

    Raises InvalidInput for a broken or empty one, UnsafeInput for one that claims to unpack to far more than it is.

    Args:
        source: must be seekable.
    """
    import pyarrow as pa

    with source.open() as stream:
        try:
            schema, batches = _open(source, stream)
        except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, EOFError, MemoryError) as error:
            raise InvalidInput(
                f"{source.name} begins like an Arrow (feather) file but cannot be read as one.",
                "The file may not have been copied whole; get it again.",
            ) from error
        names, _ = unique_names(schema.names)
        json_columns = written_as_json(schema)
        yield from rows_of_batches(source.name, _sound(batches), names, json_columns)


def _sound(batches: Iterator[Any]) -> Iterator[Any]:
    """Batches in slices, each looked through first: offsets that point elsewhere would end the process."""
    for batch in batches:
        batch.validate(full=True)
        yield from _slices(batch)


def count(source: Source) -> int | None:
    """The number of rows that the file says it holds; None where it does not say."""
    with source.open() as stream:
        if stream.read(4) == OLD:
            return None
        return _survey(stream, _size(stream)).rows


def _open(source: Source, stream: BinaryIO) -> tuple[Any, Iterator[Any]]:
    """The schema and the record batches of a file. Raises UnsafeInput for a bomb, pyarrow's errors for a wreck."""
    import pyarrow as pa

    size = _size(stream)
    start = stream.read(8)
    if start.startswith(OLD):
        from pyarrow import feather

        if size > MAX_OLD:
            raise UnsafeInput(
                f"{source.name} is a feather file of version 1 and larger than {MAX_OLD >> 30} GB.",
                "Write it as feather version 2 or as parquet.",
            )
        stream.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyarrow would have people write version 2
            table = feather.read_table(stream)
        return table.schema, iter(table.to_batches(max_chunksize=BATCH))
    found = _survey(stream, size)
    if found.largest > max(MAX_UNPACKED, MAX_RATIO * size):
        raise UnsafeInput(
            f"{source.name} unpacks to {found.largest >> 20:,} MB from {size >> 10:,} kB.",
            "Write the file with smaller batches of rows if it is what you expect.",
        )
    if found.rows > MAX_ROWS_PER_BYTE * size:
        raise UnsafeInput(f"{source.name} claims to hold {found.rows:,} rows in {size >> 10:,} kB.", "Write it again.")
    stream.seek(8 if start.startswith(FILE) else 0)
    reader = pa.ipc.open_stream(_Upto(stream, found.end))
    return reader.schema, _batches(reader, found.whole)


def _batches(reader: Any, whole: bool) -> Iterator[Any]:
    yield from reader
    if not whole:
        raise EOFError("its next part is cut off or broken")


def _slices(batch: Any) -> Iterator[Any]:
    """A record batch in pieces small enough to become Python values."""
    rows = batch.num_rows
    each = max(1, min(BATCH, BATCH_BYTES * rows // max(1, batch.nbytes)))
    for start in range(0, rows, each):
        yield batch.slice(start, each)


@dataclass(slots=True)
class _Contents:
    """What the headers of a file's messages say, up to the end or to the first that cannot be."""

    rows: int = 0
    largest: int = 0  # bytes that one message unpacks to
    end: int = 0
    whole: bool = False


def _survey(stream: BinaryIO, size: int) -> _Contents:
    """Look through the headers of all messages; their bodies are skipped."""
    found = _Contents()
    stream.seek(0)
    stream.seek(8 if stream.read(6) == FILE else 0)
    while True:
        found.end = stream.tell()
        head = stream.read(4)
        if head == STREAM:
            head = stream.read(4)  # files of before 2019 lack the mark
        if head in (b"", _END):
            found.whole = True
            return found
        length = struct.unpack("<i", head)[0] if len(head) == 4 else 0
        data = stream.read(length) if 0 < length <= size else b""
        body = stream.tell()
        try:
            rows, unpacked, body_length = _message(stream, data, body)
        except (struct.error, IndexError):
            return found
        if not 0 <= body_length <= size - body:
            return found
        found.rows += rows
        found.largest = max(found.largest, unpacked)
        stream.seek(body + body_length)


def _message(stream: BinaryIO, data: bytes, body: int) -> tuple[int, int, int]:
    """Rows, bytes when unpacked, and bytes in the file of one message. Raises struct.error for a broken one."""
    message = _Table(data, struct.unpack_from("<I", data)[0])
    kind, body_length = message.scalar(1, "<B"), message.scalar(3, "<q")
    batch = message.table(2) if kind in (_DICTIONARY, _BATCH) else None
    if kind == _DICTIONARY and batch is not None:
        batch = batch.table(1)
    if batch is None:
        return 0, 0, body_length
    rows = max(0, batch.scalar(0, "<q")) if kind == _BATCH else 0
    return rows, _unpacked(stream, body, batch, batch.table(3) is not None), body_length


class _Upto(io.RawIOBase):
    """A stream that ends at a byte: what lies beyond must not be believed, such as lengths to make room for."""

    def __init__(self, stream: BinaryIO, end: int) -> None:
        self.stream = stream
        self.end = end

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.end - self.stream.tell())
        return self.stream.read(left if size < 0 else min(size, left))


def _unpacked(stream: BinaryIO, body: int, batch: _Table, packed: bool) -> int:
    """Bytes that the buffers of a batch take in memory: compressed ones say so in their first eight bytes."""
    total = 0
    for offset, length in batch.pairs(2):
        if packed and length > 8:
            stream.seek(body + max(0, offset))
            prefix = stream.read(8)
            (claimed,) = struct.unpack("<q", prefix) if len(prefix) == 8 else (0,)
            total += claimed if claimed >= 0 else length
        else:
            total += max(0, length)
    return total


class _Table:
    """A table of a flatbuffer, as far as message headers need it. Raises struct.error where it is cut off."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.fields = at - struct.unpack_from("<i", data, at)[0]
        if not 0 <= self.fields < len(data):
            raise struct.error("the table lies outside its buffer")
        self.size = struct.unpack_from("<H", data, self.fields)[0]

    def _place(self, field: int) -> int:
        slot = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.fields + slot)[0] if slot + 2 <= self.size else 0
        return self.at + offset if offset else 0

    def scalar(self, field: int, kind: str) -> int:
        place = self._place(field)
        return int(struct.unpack_from(kind, self.data, place)[0]) if place else 0

    def table(self, field: int) -> _Table | None:
        place = self._place(field)
        return _Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) if place else None

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """A vector of two long integers each."""
        place = self._place(field)
        if place:
            start = place + struct.unpack_from("<I", self.data, place)[0]
            for index in range(struct.unpack_from("<I", self.data, start)[0]):
                first, second = struct.unpack_from("<qq", self.data, start + 4 + 16 * index)
                yield first, second


def _size(stream: BinaryIO) -> int:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size

"""Arrow tables as rows: parquet and feather hold the same types.

Types become JSON: dates and times ISO 8601 text, decimals text, durations seconds, NaN a missing value.
Binary cells are refused with a note, the row stays.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core.corpora.formats.base import (
    MAX_CELL,
    REPLACEMENT,
    JsonValue,
    Problem,
    Row,
    clean_value,
    json_constant,
    largest_text,
    repaired,
    too_large,
)
from core.corpora.formats.json_values import DECODER
from core.errors import InvalidInput

BATCH = 1024
BATCH_BYTES = 64 << 20
"""At most `BATCH` rows become Python values at once, fewer where they would pass this."""
MAX_UNPACKED = 1 << 30
"""Bytes one part of a file may unpack to when that is more than `MAX_RATIO` times the file."""
MAX_RATIO = 200
JSON_COLUMNS = b"tagloom_json_columns"
"""Key of a Tagloom export's metadata: the columns whose cells are JSON text."""


def written_as_json(schema: Any) -> list[int]:
    """The places of the columns that Tagloom's export wrote as JSON text; the file names them itself."""
    try:
        named = json.loads((schema.metadata or {}).get(JSON_COLUMNS, b"[]"))
    except ValueError:
        return []
    return [place for place, name in enumerate(schema.names) if name in named] if isinstance(named, list) else []


def rows_of_batches(
    file: str, batches: Iterable[Any], names: Sequence[str], json_columns: Sequence[int]
) -> Iterator[Row | Problem]:
    """The rows of record batches up to where the file breaks, and then what broke.

    Raises:
        InvalidInput: it breaks before the first row, or holds none.
    """
    import pyarrow as pa

    number = 0
    try:
        for batch in batches:
            for each in batch_rows(file, batch, names, json_columns, number):
                number += 1
                yield each
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, EOFError, MemoryError) as error:
        cause = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if number == 0:
            raise InvalidInput(f"{file} cannot be read: {cause}", "Write the file again.") from error
        said = f"The file cannot be read after row {number:,}: {cause}"
        yield Problem(file, None, None, "truncated", said, "The file may be damaged; get it again.")
    if number == 0:
        raise InvalidInput(f"{file} holds no rows.", "Choose a file that holds rows.")


def batch_rows(
    file: str, batch: Any, names: Sequence[str], json_columns: Sequence[int], number: int
) -> Iterator[Row | Problem]:
    """The rows of one record batch.

    Args:
        names: of the columns, as they are used.
        json_columns: places of the columns whose cells are JSON text.
        number: of the last row before these.
    """
    refused: dict[int, list[str]] = {}
    broken: set[int] = set()
    columns = [_cells(batch.column(place), name, refused, broken) for place, name in enumerate(names)]
    for place in json_columns:
        columns[place] = [_decoded(cell) for cell in columns[place]]
    for place, cells in enumerate(zip(*columns, strict=True)):
        number += 1
        notes = [_binary(file, number, field) for field in refused.get(place, ())]
        if place in broken:
            notes.append(repaired(file, number))
        if any(type(cell) is not float and _huge(cell) for cell in cells):
            yield too_large(file, number)
        else:
            yield Row(file, number, dict(zip(names, cells, strict=True)), tuple(notes))


def _decoded(cell: JsonValue) -> JsonValue:
    if not isinstance(cell, str):
        return cell
    try:
        return DECODER.decode(cell)
    except (ValueError, RecursionError):
        return cell


def _cells(array: Any, name: str, refused: dict[int, list[str]], broken: set[int]) -> list[JsonValue]:
    """The cells of one column of a batch as JSON values; where cells were refused or repaired is noted."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        array = array.storage
        kind = array.type
    if pa.types.is_uint64(kind):
        return [cell if cell is None or cell < 2**63 else str(cell) for cell in array.to_pylist()]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return array.to_pylist()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        for place, valid in enumerate(array.is_valid().to_pylist()):
            if valid:
                refused.setdefault(place, []).append(name)
        return [None] * len(array)
    if _nanoseconds(kind):
        return _exact_times(array)
    if pa.types.is_floating(kind):
        return [cell if cell is None or math.isfinite(cell) else _odd(cell) for cell in array.to_pylist()]
    try:
        cells = array.to_pylist()
    except UnicodeDecodeError:
        binary = pa.large_binary() if pa.types.is_large_string(kind) else pa.binary()
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise InvalidInput(
                f"The column {name} holds text that is not valid UTF-8.", "Write the file again with valid text."
            ) from None
        cells = [None if cell is None else cell.decode("utf-8", "replace") for cell in array.cast(binary).to_pylist()]
        broken.update(place for place, cell in enumerate(cells) if cell and REPLACEMENT in cell)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        for place, cell in enumerate(cells):
            if cell and "\0" in cell:
                cells[place] = clean_value(cell)
                broken.add(place)
        return cells
    for place, cell in enumerate(cells):
        if cell is None:
            continue
        dropped: list[bytes] = []
        cells[place] = _plain(cell, dropped)
        if dropped:
            refused.setdefault(place, []).append(name)
    return cells


def _nanoseconds(kind: Any) -> bool:
    import pyarrow as pa

    return (pa.types.is_timestamp(kind) or pa.types.is_time64(kind)) and kind.unit == "ns"


def _exact_times(array: Any) -> list[JsonValue]:
    """Nanosecond times as ISO text, with nine digits only where six would lose some."""
    import pyarrow as pa

    kind = array.type
    coarser = pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
    try:
        return [None if cell is None else cell.isoformat() for cell in array.cast(coarser).to_pylist()]
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return [None if cell is None else cell.replace(" ", "T", 1) for cell in array.cast(pa.string()).to_pylist()]


def _odd(number: float) -> JsonValue:
    return json_constant("NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity")


def _plain(value: Any, dropped: list[bytes]) -> JsonValue:
    """A Python value that pyarrow made, as a JSON value; `dropped` grows by one for each binary part."""
    if isinstance(value, str):
        return clean_value(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _odd(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        dropped.append(b"")
        return None
    if isinstance(value, dict):
        return {str(key): _plain(each, dropped) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, dropped) for each in value]
    return str(value)


def _huge(cell: JsonValue) -> bool:
    if type(cell) is str:
        return len(cell) > MAX_CELL
    return isinstance(cell, list | dict) and largest_text(cell) > MAX_CELL


def _binary(file: str, row: int, field: str) -> Problem:
    return Problem(
        file,
        row,
        field,
        "binary_cell",
        "The cell holds binary data, which was left out.",
        "Keep pictures and sound in files, and name the file in the row.",
    )

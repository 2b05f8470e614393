"""Reading parquet in batches; pyarrow is loaded when the first such file is opened. See arrow.py for the types."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from core.corpora.formats.arrow import (
    BATCH,
    BATCH_BYTES,
    JSON_COLUMNS,
    MAX_RATIO,
    MAX_UNPACKED,
    rows_of_batches,
    written_as_json,
)
from core.corpora.formats.base import Problem, Row, Source, unique_names
from core.errors import InvalidInput, UnsafeInput

__all__ = ["JSON_COLUMNS", "count", "read"]


def read(source: Source) -> Iterator[Row | Problem]:
    """The rows of a parquet file. Raises InvalidInput for a broken or empty one, UnsafeInput for a bomb.

    Args:
        source: must be seekable.
    """
    with source.open() as stream:
        parquet, names, json_columns = _open(source, stream)
        _refuse_bombs(source.name, stream.seek(0, io.SEEK_END), parquet.metadata)
        batches = parquet.iter_batches(batch_size=_batch(parquet.metadata), use_threads=False)
        yield from rows_of_batches(source.name, batches, names, json_columns)


def count(source: Source) -> int:
    """The number of rows that the file says it holds. Raises InvalidInput for a broken file."""
    with source.open() as stream:
        return int(_open(source, stream)[0].metadata.num_rows)


def _open(source: Source, stream: BinaryIO) -> tuple[Any, list[str], list[int]]:
    """The open file, the names of its columns, and the places of those that hold JSON text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(stream, pre_buffer=False)
        schema = parquet.schema_arrow
        names, _ = unique_names(schema.names)
        return parquet, names, written_as_json(schema)
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            f"{source.name} begins like a parquet file but cannot be read as one.",
            "The file may not have been copied whole; get it again.",
        ) from error


def _refuse_bombs(file: str, size: int, metadata: Any) -> None:
    # By row group: asking pyarrow for a damaged file's column metadata ends the process.
    for group in range(metadata.num_row_groups):
        unpacked = metadata.row_group(group).total_byte_size
        if unpacked > max(MAX_UNPACKED, MAX_RATIO * size):
            raise UnsafeInput(
                f"{file} unpacks to {unpacked >> 20:,} MB from {size >> 10:,} kB.",
                "Write the file with smaller row groups if it is what you expect.",
            )


def _batch(metadata: Any) -> int:
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    each = max(1, size // max(1, metadata.num_rows))
    return max(1, min(BATCH, BATCH_BYTES // each))

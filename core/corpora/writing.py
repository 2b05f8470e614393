"""Writing rows as jsonl, csv or parquet, one at a time, so that memory does not grow with the corpus.

jsonl and parquet keep every value exactly. A csv is for spreadsheets: values that are not text are written as
JSON, and cells that a spreadsheet would run as a formula get an apostrophe in front (core.corpora.formulas),
which an import of a Tagloom export takes away again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import orjson

from core.corpora.formulas import guard
from core.errors import InvalidInput

FORMATS = ("jsonl", "csv", "parquet")
JSON_COLUMNS = b"tagloom_json_columns"
_ROW_GROUP = 5000


class Writer(Protocol):
    """Takes rows (column → value) and closes the file."""

    def write(self, rows: Iterable[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


class _JsonLines:
    def __init__(self, path: Path, columns: list[str]) -> None:
        self._file = path.open("wb")

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        self._file.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))

    def close(self) -> None:
        self._file.close()


class _Csv:
    def __init__(self, path: Path, columns: list[str]) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")  # the BOM tells Excel that it is UTF-8
        self._columns = columns
        self._writer = csv.writer(self._file)
        self._writer.writerow([guard(column) for column in columns])

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        columns = self._columns
        self._writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)

    def close(self) -> None:
        self._file.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return guard(value if isinstance(value, str) else orjson.dumps(value).decode())


class _Parquet:
    """Columns in which every value is text are text; all others hold JSON and are named in the file's metadata."""

    def __init__(self, path: Path, columns: list[str], text_columns: set[str], list_columns: set[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._pa = pa
        self._json = [c for c in columns if c not in text_columns and c not in list_columns]
        kinds = {c: pa.list_(pa.string()) if c in list_columns else pa.string() for c in columns}
        metadata = {JSON_COLUMNS: orjson.dumps(self._json)}
        self._schema = pa.schema([pa.field(c, kinds[c]) for c in columns], metadata=metadata)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._pending: list[dict[str, Any]] = []

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            for column in self._json:
                if column in row:
                    row[column] = orjson.dumps(row[column]).decode()
            self._pending.append(row)
        if len(self._pending) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._writer.write_table(self._pa.Table.from_pylist(self._pending, schema=self._schema))
            self._pending = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


class RowFile:
    """A file being written: `with RowFile(path, "csv", columns) as file: file.write(rows)`.

    The rows go to a neighbour `<name>.part`, which takes the name only when all is written.

    Args:
        columns: every column, in order.
        text_columns: columns whose every value is text (parquet stores these as they are).
        list_columns: columns whose every value is a list of texts.

    Raises:
        InvalidInput: the format is unknown, or the file cannot be written there.
    """

    def __init__(
        self, path: Path, format: str, columns: list[str], text_columns: set[str], list_columns: set[str]
    ) -> None:
        if format not in FORMATS:
            raise InvalidInput(f"“{format}” is no export format.", f"Formats: {', '.join(FORMATS)}.")
        self.path = path
        self._part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer: Writer
            if format == "parquet":
                self._writer = _Parquet(self._part, columns, text_columns, list_columns)
            else:
                self._writer = (_JsonLines if format == "jsonl" else _Csv)(self._part, columns)
        except OSError as error:
            raise InvalidInput(
                f"{path} cannot be written: {error.strerror or error}.", "Choose a folder that you may write."
            ) from error

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        self._writer.write(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if error is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)

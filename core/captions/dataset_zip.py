"""A zip of small files, one or several of each track, with a list of whose each one is."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from core.captions.dataset_rows import file_stem, guard_id

LIST = "files.csv"


class Folder:
    """`with Folder(path) as folder: folder.add(…)`; `files.csv` in it says which file is of which track.

    Names are made safe; two tracks of one name get different ones, whatever case a system cares for.
    """

    def __init__(self, path: Path) -> None:
        self._zip = ZipFile(path, "w", ZIP_DEFLATED)
        self._taken: set[str] = {LIST}
        self._numbers: dict[str, int] = {}  # the last number given to a name that several tracks have
        self._list = io.StringIO(newline="")
        self._rows = csv.writer(self._list)
        self._rows.writerow(("id", "style", "file"))

    def add(self, stem: str, ending: str, content: bytes, track: str, style: str) -> str:
        """Write one file; returns its name. `stem` may hold folders."""
        safe = "/".join(file_stem(part) for part in stem.split("/"))
        name = plain = f"{safe}.{ending}"
        while name.casefold() in self._taken:
            number = self._numbers[plain.casefold()] = self._numbers.get(plain.casefold(), 1) + 1
            name = f"{safe}-{number}.{ending}"
        self._taken.add(name.casefold())
        self._write(name, content)
        self._rows.writerow((guard_id(track), style, guard_id(name)))
        return name

    def _write(self, name: str, content: bytes) -> None:
        info = ZipInfo(name)  # no time of day: the same captions make the same file
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write(LIST, self._list.getvalue().encode())
        self._zip.close()

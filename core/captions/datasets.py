"""Data sets in the layouts of LP-MusicCaps: where their files lie, where their tags stand, what their parts are.

`msd` is the ECALS subset of the Million Song Dataset, `mtat` MagnaTagATune, `musiccaps` MusicCaps: each an annotation
file {track: {…, tags}} beside a file of its parts {"train_track": [track], …}.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.corpora.catalog import Corpus
from core.errors import InvalidInput, NotFound
from core.store.schema import item

SPLITS = ("TRAIN", "VALID", "TEST")
_READ_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: the key that holds a track's tags, the folder it is usually in, and what its files are called."""

    tags: str
    folder: str
    annotations: tuple[str, ...]
    splits: tuple[str, ...]


LAYOUTS = {
    "msd": Layout("tag", "ecals_annotation", ("annotation.json",), ("ecals_track_split.json", "track_split.json")),
    "mtat": Layout(
        "extra_tag",
        "mtat",
        ("codified_annotation.json", "annotation.json"),
        ("codified_track_split.json", "track_split.json"),
    ),
    "musiccaps": Layout("aspect_list", "musiccaps", ("annotation.json",), ("track_split.json",)),
}
_PARTS = {
    "train": ("train", "training", "train_track"),
    "valid": ("valid", "validation", "val", "dev", "valid_track"),
    "test": ("test", "testing", "eval", "evaluation", "test_track"),
    "extra": ("extra", "extra_track"),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file of tracks that is to be imported.

    Attributes:
        tags: the column that holds the tags; "" where the import is to find it.
        split_file: which track is of which part, where there is such a file.
        corpus: the corpus' name.
    """

    path: Path
    corpus: str
    tags: str = ""
    split_file: Path | None = None


def find_dataset(path: Path, kind: str | None, split_file: Path | None = None, corpus: str | None = None) -> Dataset:
    """The data set at a path: a file, or with a layout's name also the folder of such a data set.

    Raises:
        NotFound: there is no such file or folder, or the folder holds no annotations.
    """
    if not path.exists():
        raise NotFound(f"There is no file or folder {path}.", "Check the spelling.")
    if kind is None:
        return Dataset(path, corpus or path.stem, split_file=split_file)
    layout = LAYOUTS[kind]
    if path.is_dir():
        folders = [path, path / layout.folder, path / "dataset" / layout.folder]
        found = next((f / name for f in folders for name in layout.annotations if (f / name).is_file()), None)
        if found is None:
            raise NotFound(
                f"{path} holds no annotations of {kind}.",
                f"Looked for {' and '.join(layout.annotations)}, also in {layout.folder}. Or name the file itself.",
            )
        path = found
    if split_file is None:
        split_file = next((path.parent / name for name in layout.splits if (path.parent / name).is_file()), None)
    return Dataset(path, corpus or kind, layout.tags, split_file)


def split_condition(connection: Connection, corpus: Corpus, split: str, kind: str | None = None) -> dict[str, Any]:
    """Which items are of a part: {"field": column, "value": [values]}, as a captioning job takes it.

    TRAIN of `msd` includes its extra tracks, as in the original. MusicCaps' own csv says by `is_audioset_eval` what is
    of the test set.

    Raises:
        InvalidInput: the corpus has no such part.
    """
    wanted = {_PART_OF.get(split.strip().casefold(), split.strip().casefold())}
    if kind == "msd" and wanted == {"train"}:
        wanted.add("extra")
    columns = [column for column in corpus.roles if column.casefold() in ("split", "subset", "partition")]
    column = columns[0] if columns else next((c for c in corpus.roles if c == "is_audioset_eval"), None)
    if column is None:
        raise InvalidInput(
            f"“{corpus.name}” does not say which track is of which part.", "Import it with --split-file FILE."
        )
    values = list(_values(connection, corpus, column))
    if column == "is_audioset_eval":
        test = [value for value in values if value.casefold() in ("true", "1")]
        found = test if wanted == {"test"} else [value for value in values if value not in test]
        found = found if wanted <= {"test", "train"} else []
    else:
        found = [value for value in values if _PART_OF.get(value.casefold(), value.casefold()) in wanted]
    if not found:
        known = ", ".join(sorted(values)[:20]) or "none"
        raise InvalidInput(f"No track of “{corpus.name}” is of the part {split}.", f"In its column {column}: {known}.")
    return {"field": column, "value": found}


def _values(connection: Connection, corpus: Corpus, column: str) -> Iterator[str]:
    """The different values of a column, as text."""
    seen: set[str] = set()
    position = 0
    while True:
        query = (
            select(item.c.pk, item.c.fields)
            .where(item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.pk > position)
            .order_by(item.c.pk)
            .limit(_READ_AT_ONCE)
        )
        rows = connection.execute(query).all()
        for row in rows:
            value = orjson.loads(row.fields).get(column)
            if value is not None and (text := str(value)) not in seen:
                seen.add(text)
                yield text
        if len(rows) < _READ_AT_ONCE:
            return
        position = rows[-1].pk

"""The export job: of any corpus as `core.review.exporting` writes it, and of music in the shapes that others read.

What a person decided wins over what a run said. Captions that hold predicted attributes are written only where that is
asked for. Every row and every file is named by the track's id; nothing goes by position.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from sqlalchemy import Connection

from core.captions.dataset_rows import (
    audio_name,
    audio_stem,
    audiocraft,
    caption_columns,
    caption_values,
    guard_id,
)
from core.captions.dataset_zip import Folder
from core.captions.export_options import KIND, MUSIC_FORMATS, Wanted, check_export, wanted_styles, where_of
from core.captions.items import fits
from core.captions.pages import Facts
from core.captions.standing import Track, load_tracks, styles_asked
from core.corpora.catalog import Corpus, find_corpus, status_counts
from core.corpora.formulas import guard
from core.corpora.writing import FORMATS
from core.errors import InvalidInput
from core.jobs.context import JobContext
from core.review import exporting
from core.review.exporting import MoreColumns, export_corpus, item_chunks
from core.store.database import Database


def export_job(job: JobContext) -> dict[str, Any]:
    """Arguments: as `check_export` makes them, corpus, and path where it is not the job's own folder.

    Result: {items, bytes, name, path}; of music also captions (how many were written) and left_out (items without any).
    """
    with job.database.read() as connection:
        corpus = find_corpus(connection, job.arguments["corpus"])
    if corpus.kind != KIND:
        return exporting.export_job(job)
    arguments = check_export(corpus.kind, job.arguments)
    wanted = Wanted(
        tuple(arguments["styles"]),
        arguments["status"],
        arguments["captions"],
        arguments["predicted"],
        arguments["extension"],
        where_of(arguments.get("where")),
    )
    format = arguments["format"]
    path = Path(job.arguments["path"]) if job.arguments.get("path") else job.folder / file_name(corpus, format)
    counts = export_music(
        job.database,
        corpus,
        path,
        format,
        wanted,
        suggestions=arguments["suggestions"],
        provenance=arguments["provenance"],
        on_progress=job.progress,
    )
    job.log(f"{counts['items']} items written, {counts['left_out']} left out")
    return {**counts, "bytes": path.stat().st_size, "name": path.name, "path": str(path)}


def file_name(corpus: Corpus, format: str) -> str:
    """What a download is called."""
    if format.startswith("hf-"):
        return f"metadata.{MUSIC_FORMATS[format]}"  # the one name by which such a folder is found
    name = re.sub(r"[^\w.-]+", "-", corpus.name).strip("-.") or "corpus"
    return f"{name}.{format}" if format in FORMATS else f"{name}-{format.rsplit('-', 1)[0]}.{MUSIC_FORMATS[format]}"


def export_music(
    database: Database,
    corpus: Corpus,
    path: Path,
    format: str,
    wanted: Wanted | None = None,
    *,
    suggestions: bool = False,
    provenance: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write a music corpus to a file.

    In Tagloom's own formats all items of the status are written; in the others, and with a filter of captions, those
    that have at least one caption. `failures` has a row for each caption that is missing, fails its checks, or was
    called not valid; styles that nobody has asked for are none of its matter.

    Returns:
        {items, captions, left_out}: items and captions written, and items without a caption to write. Of `failures`:
        the items and captions that failed.

    Raises:
        InvalidInput: the format or the status is unknown, or the file cannot be written.
    """
    wanted = wanted or Wanted()
    counts = {"items": 0, "captions": 0, "left_out": 0}
    if format in FORMATS:
        more = _own_columns(corpus, wanted, counts, suggestions)
        counts["items"] = export_corpus(
            database,
            corpus,
            path,
            format,
            status=wanted.status,
            provenance=provenance,
            on_progress=on_progress,
            more=more,
        )
        return counts
    if format == "failures":
        with database.read() as connection:
            asked = styles_asked(connection, corpus)
        wanted = replace(wanted, styles=tuple(style for style in wanted.styles if style in asked))
    with _opened(path, format, corpus, wanted) as write:
        for tracks in read_tracks(database, corpus, wanted.status, on_progress, tags=format != "failures"):
            for track in tracks:
                if wanted.where is not None and not fits(track.fields, wanted.where):
                    continue
                written = write(track)
                counts["captions"] += written
                if written or format != "failures":
                    counts["items" if written else "left_out"] += 1
    return counts


def read_tracks(
    database: Database,
    corpus: Corpus,
    status: str = "all",
    on_progress: Callable[[int, int], None] | None = None,
    *,
    tags: bool = True,
) -> Iterator[list[Track]]:
    """All tracks of a status in the order of the corpus, in parts; `tags` as for `load_tracks`."""
    with database.read() as connection:
        counts = status_counts(connection, corpus.pk)
    total, done = sum(counts.values()) if status == "all" else counts[status], 0
    for rows in item_chunks(database, corpus, status):
        with database.read() as connection:
            tracks = load_tracks(connection, Facts(connection, corpus), rows, tags=tags)
        yield tracks
        done += len(rows)
        if on_progress:
            on_progress(done, total)


def _own_columns(corpus: Corpus, wanted: Wanted, counts: dict[str, int], suggestions: bool) -> MoreColumns:
    """The captions beside an item's own fields, in the formats that Tagloom reads back."""
    columns = caption_columns(wanted.styles, wanted.predicted)
    names = {name: "list" if name == "pseudo_attribute" else "text" for name in columns}
    names |= {"tagloom_captions": "json"} if suggestions else {}

    def values(connection: Connection, rows: list[Any]) -> dict[int, dict[str, Any]]:
        found = {}
        for track in load_tracks(connection, Facts(connection, corpus), rows, tags=False):
            if wanted.where is not None and not fits(track.fields, wanted.where):
                continue
            said = caption_values(track, wanted.styles, wanted.captions, wanted.predicted)
            if not said and wanted.captions != "all":
                counts["left_out"] += 1
                continue
            counts["captions"] += sum(name in said for name in names if name != "pseudo_attribute")
            if suggestions:
                shown = wanted_styles(wanted.styles, wanted.predicted)
                told = {style: track.captions[style] for style in shown}
                said["tagloom_captions"] = {s: c.as_dict() for s, c in told.items() if c.state != "missing"}
            found[track.row.pk] = said
        return found

    return MoreColumns(names, values)


# files of other programs


def _opened(path: Path, format: str, corpus: Corpus, wanted: Wanted) -> _Output:
    if format not in MUSIC_FORMATS:
        raise InvalidInput(f"“{format}” is no export format.", f"Formats: {', '.join((*FORMATS, *MUSIC_FORMATS))}.")
    kinds: dict[str, Callable[[], _Output]] = {
        "text": lambda: _Sidecars(path, wanted),
        "audiocraft": lambda: _AudioCraft(path, wanted),
        "failures": lambda: _Failures(path, wanted),
    }
    if format in kinds:
        return kinds[format]()
    return _Rows(path, MUSIC_FORMATS[format], corpus, wanted, folder=format.startswith("hf-"))


class _Output:
    """A file being written: call it with a track, and it says how many captions it has taken. The file gets its name
    when all is written."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.path = path
        self.wanted = wanted
        self.part = path.with_name(path.name + ".part")
        self.open_files = ExitStack()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.begin()
        except OSError as error:
            raise InvalidInput(
                f"{path} cannot be written: {error.strerror or error}.", "Choose a folder that you may write."
            ) from error

    def begin(self) -> None: ...

    def __call__(self, track: Track) -> int:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open_files.close()
        if error is None:
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)

    def said(self, track: Track) -> dict[str, Any]:
        return caption_values(track, self.wanted.styles, self.wanted.captions, self.wanted.predicted)


class _Rows(_Output):
    """csv or jsonl: `id` (or `file_name` and `id`), `tags`, the captions, and `split` where the corpus has one."""

    def __init__(self, path: Path, ending: str, corpus: Corpus, wanted: Wanted, *, folder: bool) -> None:
        self.ending = ending
        self.folder = folder
        self.split = next((column for column in corpus.roles if column.casefold() == "split"), None)
        self.columns = [*(["file_name"] if folder else []), "id", "tags"]
        self.columns += [*caption_columns(wanted.styles, wanted.predicted), *(["split"] if self.split else [])]
        super().__init__(path, wanted)

    def begin(self) -> None:
        self.file = self.open_files.enter_context(self.part.open("w", encoding="utf-8", newline=""))
        if self.ending == "csv":
            self.writer = csv.writer(self.file)
            self.writer.writerow(self.columns)

    def __call__(self, track: Track) -> int:
        said = self.said(track)
        if not said:
            return 0
        row = {"id": track.id, "tags": track.tag_names, **said}
        if self.folder:
            row["file_name"] = audio_name(track, self.wanted.extension)
        if self.split:
            row["split"] = track.fields.get(self.split)
        if self.ending == "csv":
            self.writer.writerow([_cell(name, row.get(name)) for name in self.columns])
        else:  # every row has every column: what reads types from the first row finds them all
            self.file.write(orjson.dumps({name: row.get(name) for name in self.columns}).decode() + "\n")
        return _captions_in(said)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in ("id", "file_name"):
        return guard_id(value)
    return guard(value if isinstance(value, str) else orjson.dumps(value).decode())


def _captions_in(said: dict[str, Any]) -> int:
    return len(said) - ("pseudo_attribute" in said)


class _Sidecars(_Output):
    """A zip of text files beside the sound files: `<stem>.txt`, in a folder of each style where there are several."""

    def begin(self) -> None:
        self.folder = self.open_files.enter_context(Folder(self.part))
        self.styles = wanted_styles(self.wanted.styles, self.wanted.predicted)

    def __call__(self, track: Track) -> int:
        said = self.said(track)
        stem = audio_stem(track)
        for style in self.styles:
            if f"caption_{style}" in said:
                name = f"{style}/{stem}" if len(self.styles) > 1 else stem
                self.folder.add(name, "txt", f"{said[f'caption_{style}']}\n".encode(), track.id, style)
        return _captions_in(said)


class _AudioCraft(_Output):
    """A zip of one json beside each sound file. `description` is the first of the wanted styles that a track has."""

    def begin(self) -> None:
        self.folder = self.open_files.enter_context(Folder(self.part))

    def __call__(self, track: Track) -> int:
        said = self.said(track)
        styles = wanted_styles(self.wanted.styles, self.wanted.predicted)
        style = next((style for style in styles if f"caption_{style}" in said), None)
        if style is None:
            return 0
        content = orjson.dumps(audiocraft(track, track.captions[style]), option=orjson.OPT_INDENT_2)
        self.folder.add(audio_stem(track), "json", content, track.id, style)
        return 1


class _Failures(_Output):
    """A csv of what has no usable caption, and why: id, style, state, reason."""

    def begin(self) -> None:
        self.file = self.open_files.enter_context(self.part.open("w", encoding="utf-8", newline=""))
        self.writer = csv.writer(self.file)
        self.writer.writerow(("id", "style", "state", "reason"))

    def __call__(self, track: Track) -> int:
        rows = [(style, *why) for style in self.wanted.styles if (why := self._why(track, style))]
        self.writer.writerows((guard_id(track.id), style, state, guard(reason)) for style, state, reason in rows)
        return len(rows)

    def _why(self, track: Track, style: str) -> tuple[str, str] | None:
        caption = track.captions[style]
        if caption.text is None:
            return caption.state, caption.reason or "There is no caption."
        if caption.valid is False:
            return "not_valid", "A person called it not valid."
        if caption.verdict == "fail":
            return "fails_checks", " ".join(caption.reasons) or "It fails its checks."
        return None

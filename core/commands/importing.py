"""`tagloom import` and `tagloom corpora`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.commands.session import SHOWN_FAILURES, Command, MakeParser, Outcome, Session
from core.corpora.catalog import KINDS, find_corpus, list_corpora
from core.corpora.companions import Companions
from core.corpora.formats.base import ACCEPTED
from core.corpora.formats.options import ReadOptions
from core.corpora.given import GIVEN_SPLITS
from core.corpora.labels import attach_labels, read_labels
from core.corpora.mapping import Mapping, check_kind
from core.corpora.preview import prepare
from core.errors import InvalidInput, NotFound
from core.store.schema import import_note

HARMLESS = ("repeated_id", "repeated_row", "deleted")  # skipped on purpose: nothing is wrong with such a row


def add_options(command: MakeParser) -> None:
    importing = command("import", "Import a file into a corpus; importing again updates it.")
    importing.add_argument("path", metavar="PATH", help=f"a file ({ACCEPTED}) or a folder of files")
    importing.add_argument("--corpus", required=True, metavar="C", help="the corpus' name; made when new")
    importing.add_argument("--kind", choices=KINDS, help="what the corpus holds (default: as it is, else found out)")
    importing.add_argument("--map", action="append", metavar="ROLE=COLUMN", help="give a column another role")
    shapes = f"how a column's lists are written: {', '.join(GIVEN_SPLITS)}, or sep: and a separator"
    importing.add_argument("--shape", action="append", metavar="SHAPE=COLUMN", help=shapes)
    importing.add_argument("--id", metavar="COL", help="the column that names an item for good")
    importing.add_argument("--gold", action="append", metavar="COL", help="a column with the true tags")
    header = importing.add_mutually_exclusive_group()
    header.add_argument("--no-header", action="store_true", help="the first row is data; columns are column_1, …")
    header.add_argument("--header", action="store_true", help="the first row holds the names, whatever it looks like")
    importing.add_argument("--encoding", metavar="E", help="of a text file (default: found out)")
    importing.add_argument(
        "--delimiter", metavar="D", help="what sets cells apart, for example '||' (default: found out)"
    )
    importing.add_argument("--sheet", metavar="S", help="of a workbook (default: the first)")
    importing.add_argument("--labels", metavar="FILE", help="music: names of a vector's places, or of codes of tags")
    importing.add_argument("--split-file", metavar="FILE", help="music: which part of the data set each id belongs to")
    importing.add_argument("--names-file", metavar="FILE", help="music: titles and artists by id; never sent anywhere")
    importing.add_argument("--lines", action="store_true", help="every line of the text file is an item")

    command("corpora", "List the project's corpora.")


def import_command(session: Session) -> Outcome:
    options = session.options
    path = _path(options.path)
    if not path.is_file() and not path.is_dir():
        raise NotFound(f"There is no file or folder {path}.", "Check the spelling.")
    beside = {"split": options.split_file, "names": options.names_file}
    files = {kind: {"path": str(file), "name": file.name} for kind, name in beside.items() if (file := _file(name))}
    labels = _file(options.labels)
    kind, found, mapping, _ = prepare(
        path,
        path.name,
        kind=options.kind or _kind_of(session),
        options=_read_options(options),
        companions=Companions.read(files),
    )
    mapping = _mapping(options, mapping, list(found.rows))
    if labels:
        mapping = attach_labels(mapping, read_labels(labels), found.rows, labels.name)
    check_kind(mapping, kind)
    session.ensure_project()
    arguments = {
        "path": str(path),
        "name": path.name,
        "corpus": options.corpus,
        "kind": kind,
        "mapping": mapping.to_json(),
        "companions": files,
    }
    job = session.run_job("import", f"Import {path.name} into {options.corpus}", arguments, "rows")
    result = job.result
    query = select(import_note).where(import_note.c.import_run == job.id, import_note.c.outcome == "skipped")
    with session.host.open(session.project).read() as connection:
        broken = [
            {k: getattr(n, k) for k in ("file", "row", "field", "code", "cause", "remedy")}
            for n in connection.execute(query.where(import_note.c.code.not_in(HARMLESS)).limit(1000))
        ]
    counts = ("new", "updated", "unchanged", "skipped")
    text = f"{result['corpus']}: " + ", ".join(f"{result[name]:,} {name}" for name in counts)
    lines = [f"  {b['file']} row {b['row']}: {b['cause']} {b['remedy']}" for b in broken[:SHOWN_FAILURES]]
    if len(broken) > SHOWN_FAILURES:
        lines.append(f"  … and {len(broken) - SHOWN_FAILURES} more")
    answer = {"job": job.id, **result, "failures": broken}
    return answer, "\n".join([text, *lines]), 1 if broken else 0


def _path(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _file(text: str | None) -> Path | None:
    """The file that goes with another one. Raises NotFound."""
    if text is None:
        return None
    path = _path(text)
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", "Check the spelling.")
    return path


def _kind_of(session: Session) -> str | None:
    """The kind of the corpus that is added to; None where it is new."""
    try:
        with session.host.open(session.project).read() as connection:
            return find_corpus(connection, session.options.corpus).kind
    except NotFound:
        return None


def _read_options(options: argparse.Namespace) -> ReadOptions:
    delimiter = options.delimiter and options.delimiter.replace("\\t", "\t")
    header = False if options.no_header else True if options.header else None
    return ReadOptions(options.encoding, header, delimiter, options.sheet, options.lines or None)


def _mapping(options: argparse.Namespace, guessed: Mapping, rows: list[dict[str, Any]]) -> Mapping:
    """The guessed mapping with the command's corrections."""
    changes: dict[str, str] = {}
    for entry in options.map or []:
        role, equals, column = entry.partition("=")
        if not equals or not column:
            raise InvalidInput(f"--map {entry} is not ROLE=COLUMN.", "For example: --map title=headline.")
        changes[column] = role
    if options.id:
        changes[options.id] = "id"
    if options.gold:
        changes |= {column: "keep" for column in guessed.columns("gold") if column not in options.gold}
        changes |= dict.fromkeys(options.gold, "gold")
    mapping = guessed.changed(changes, rows) if changes else guessed
    splits: dict[str, str] = {}
    for entry in options.shape or []:
        how, equals, column = entry.partition("=")
        if not equals or not column:
            raise InvalidInput(f"--shape {entry} is not SHAPE=COLUMN.", "For example: --shape semicolon=tags.")
        splits[column] = how
    return mapping.with_split(splits) if splits else mapping


def corpora_command(session: Session) -> Outcome:
    found = list_corpora(session.host.open(session.project))
    lines = [f"{c['name']}: {c['items']:,} {c['kind']}, {c['status']['done']:,} reviewed" for c in found]
    return {"corpora": found}, "\n".join(lines) or "No corpus yet: `tagloom import FILE --corpus NAME`.", 0


COMMANDS: dict[str, Command] = {"import": import_command, "corpora": corpora_command}

"""`tagloom export`."""

from __future__ import annotations

from pathlib import Path

from core.captions.export_options import FILTERS, MUSIC_FORMATS, check_export
from core.commands.session import Command, MakeParser, Outcome, Session
from core.corpora.catalog import find_corpus
from core.corpora.writing import FORMATS
from core.errors import InvalidInput


def add_options(command: MakeParser) -> None:
    export = command("export", "Write a corpus with its accepted tags to a file.")
    export.add_argument("--corpus", required=True, metavar="C", help="the corpus to write")
    formats = (*FORMATS, *MUSIC_FORMATS)
    export.add_argument("--format", required=True, choices=formats, help="the file's format (after parquet: of music)")
    export.add_argument("--out", required=True, metavar="PATH", help="the file to write")
    export.add_argument("--status", default="all", help="all, or only items of one status such as done")
    export.add_argument("--suggestions", action="store_true", help="add what agents suggested")
    export.add_argument("--provenance", action="store_true", help="add who decided what, when, on what was shown")
    music = export.add_argument_group("captions of music")
    music.add_argument("--style", action="append", metavar="STYLE", help="only captions of this style (or several)")
    music.add_argument("--captions", choices=tuple(FILTERS), default="all", help="which captions: all, valid, …")
    music.add_argument("--predicted", action="store_true", help="captions with predicted attributes, too")
    music.add_argument("--extension", default="wav", help="ending of a track's file where none is known (default wav)")


def export_command(session: Session) -> Outcome:
    options = session.options
    path = Path(options.out).expanduser().resolve()
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", "Give the name of the file to write.")
    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, options.corpus)
    names = ("format", "status", "suggestions", "provenance", "captions", "predicted", "extension")
    given = {name: getattr(options, name) for name in names}
    arguments = {
        "corpus": corpus.id,
        "path": str(path),
        **check_export(corpus.kind, {**given, "styles": options.style}),
    }
    result = session.run_job("export", f"Export {corpus.name} as {options.format}", arguments, "items").result
    text = f"{result['items']:,} items written to {result['path']}"
    if options.format == "failures":
        text = f"{result['captions']:,} captions that failed written to {result['path']}"
    elif result.get("left_out"):
        text += f", {result['left_out']:,} left out (no caption to write)"
    return result, text, 0


COMMANDS: dict[str, Command] = {"export": export_command}

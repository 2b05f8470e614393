"""`tagloom export`."""

from __future__ import annotations

from pathlib import Path

from core.commands.session import Command, MakeParser, Outcome, Session
from core.corpora.catalog import find_corpus
from core.corpora.writing import FORMATS
from core.errors import InvalidInput


def add_options(command: MakeParser) -> None:
    export = command("export", "Write a corpus with its accepted tags to a file.")
    export.add_argument("--corpus", required=True, metavar="C", help="the corpus to write")
    export.add_argument("--format", required=True, choices=FORMATS, help="the file's format")
    export.add_argument("--out", required=True, metavar="PATH", help="the file to write")
    export.add_argument("--status", default="all", help="all, or only items of one status such as done")
    export.add_argument("--suggestions", action="store_true", help="add what agents suggested")
    export.add_argument("--provenance", action="store_true", help="add who decided what, when, on what was shown")


def export_command(session: Session) -> Outcome:
    options = session.options
    path = Path(options.out).expanduser().resolve()
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", "Give the name of the file to write.")
    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, options.corpus)
    arguments = {
        "corpus": corpus.id,
        "format": options.format,
        "path": str(path),
        "status": options.status,
        "suggestions": options.suggestions,
        "provenance": options.provenance,
    }
    result = session.run_job("export", f"Export {corpus.name} as {options.format}", arguments, "items").result
    return result, f"{result['items']:,} items written to {result['path']}", 0


COMMANDS: dict[str, Command] = {"export": export_command}

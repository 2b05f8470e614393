"""The options of the command `tagloom`; docs/cli.md lists each of them (a test holds it so)."""

from __future__ import annotations

import argparse
from typing import NoReturn

from core.corpora.catalog import KINDS
from core.corpora.writing import FORMATS
from core.errors import InvalidInput


class Parser(argparse.ArgumentParser):
    """Raises InvalidInput where argparse would print its own lines and exit: with --json an error is JSON, too."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{self.prog}: {message}.", f"`{self.prog} --help` lists what it takes.")


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    shared = Parser(add_help=False)
    shared.add_argument("--project", default=argparse.SUPPRESS, help="the project to work in (default: demo)")
    shared.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print exactly one JSON object")
    main = Parser(prog="tagloom", description="Turn raw corpora into tagged, reviewed datasets.")
    main.add_argument("--project", default=None, help="the project to work in (default: demo)")
    main.add_argument("--json", action="store_true", help="print exactly one JSON object on standard output")
    main.add_argument("--version", action="store_true", help="print Tagloom's version")
    commands = main.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared])

    serve = command("serve", "Open the app in the browser.")
    serve.add_argument("--host", help="address to serve on (default: HOST, else 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to serve on (default: PORT, else 7860)")
    serve.add_argument("--public", action="store_true", help="allow an address beyond this machine without a login")
    serve.add_argument("--no-demo", action="store_true", help="do not make the demo project")

    importing = command("import", "Import a file into a corpus; importing again updates it.")
    importing.add_argument("path", metavar="PATH", help="csv, tsv, json, jsonl, parquet, or a zip of these")
    importing.add_argument("--corpus", required=True, metavar="C", help="the corpus' name; made when new")
    importing.add_argument("--kind", choices=KINDS, default="items", help="what the corpus holds (default: items)")
    importing.add_argument("--map", action="append", metavar="ROLE=COLUMN", help="give a column another role")
    importing.add_argument("--id", metavar="COL", help="the column that names an item for good")
    importing.add_argument("--gold", action="append", metavar="COL", help="a column with the true tags")

    command("corpora", "List the project's corpora.")

    vocabulary = command("vocabulary", "Import, export or list the vocabulary.")
    vocabulary.add_argument("action", choices=("import", "export", "list"))
    vocabulary.add_argument("file", nargs="?", metavar="FILE", help="a plain list, or csv with a name column")
    vocabulary.add_argument("--gold", action="store_true", help="take the gold tags of a corpus")
    vocabulary.add_argument("--corpus", metavar="C", help="the corpus whose gold tags are taken")
    vocabulary.add_argument("--min-items", type=int, default=1, metavar="N", help="used on N items or more (default 1)")

    tag = command("tag", "Tag a corpus with the vocabulary.")
    tag.add_argument("--corpus", required=True, metavar="C", help="the corpus to tag")
    tag.add_argument("--method", default="selective", help="selective: choose from the vocabulary")
    tag.add_argument("--engine", default="builtin", help="builtin: no model server, no key")
    tag.add_argument("--top-k", type=int, default=8, metavar="K", help="at most K tags an item (default 8)")
    tag.add_argument("--threshold", type=float, metavar="X", help="least score, 0 to 1 (default: the method's own)")
    tag.add_argument("--limit", type=int, metavar="N", help="only the first N items")

    evaluate = command("evaluate", "Score runs against the gold tags: exact micro figures, newest first.")
    evaluate.add_argument("--corpus", required=True, metavar="C", help="the corpus that was tagged")
    evaluate.add_argument("--run", action="append", metavar="ID", help="only this run (may be given again)")

    export = command("export", "Write a corpus with its accepted tags to a file.")
    export.add_argument("--corpus", required=True, metavar="C", help="the corpus to write")
    export.add_argument("--format", required=True, choices=FORMATS, help="the file's format")
    export.add_argument("--out", required=True, metavar="PATH", help="the file to write")
    export.add_argument("--status", default="all", help="all, or only items of one status such as done")
    export.add_argument("--suggestions", action="store_true", help="add what agents suggested")
    export.add_argument("--provenance", action="store_true", help="add who decided what, when, on what was shown")

    runs = command("runs", "List tagging runs, the newest first.")
    runs.add_argument("--corpus", metavar="C", help="only runs of this corpus")

    jobs = command("jobs", "List jobs, or cancel, resume or retry one.")
    jobs.add_argument("action", nargs="?", choices=("cancel", "resume", "retry"))
    jobs.add_argument("job", nargs="?", metavar="ID")

    command("doctor", "Say what this installation has and lacks.")
    return main

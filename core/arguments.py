"""The options of the command `tagloom`; docs/cli.md lists each of them (a test holds it so)."""

from __future__ import annotations

import argparse
from typing import NoReturn

from core.commands import captioning, connections, evaluating, exporting, importing, jobs, prompts, tagging, vocabulary
from core.errors import InvalidInput

PARTS = (importing, vocabulary, tagging, captioning, evaluating, exporting, connections, prompts, jobs)


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
    serve.add_argument("--host", help="address to serve on (default: HOST, else api_host, else 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to serve on (default: PORT, else api_port, else 7860)")
    serve.add_argument("--public", action="store_true", help="allow an address beyond this machine without a login")
    serve.add_argument("--no-demo", action="store_true", help="do not make the demo project")

    for part in PARTS:
        part.add_options(command)
    return main

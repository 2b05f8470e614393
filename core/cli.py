"""The command `tagloom`: every capability without a browser, by the same functions and jobs.

Exit codes: 0 fine, 1 some items failed (the output says which), 2 the request is wrong.
With --json exactly one JSON object stands on standard output; everything else goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from dataclasses import replace

import orjson

from core.arguments import PARTS, parser
from core.commands.session import Command, Session
from core.errors import InvalidInput, TagloomError
from core.settings import Settings, installed_version, load_settings

COMMANDS: dict[str, Command] = {name: function for part in PARTS for name, function in part.COMMANDS.items()}


def serve_command(settings: Settings, options: argparse.Namespace) -> None:
    """Open the app; this door alone reaches up to the page."""
    from ui.server import serve

    settings = replace(
        settings,
        host=options.host or settings.host,
        port=options.port or settings.port,
        public=settings.public or options.public,
    )
    serve(settings, demo=not options.no_demo)


def _refuse(error: TagloomError, as_json: bool) -> int:
    """Say what is wrong; returns the exit code."""
    if as_json:
        print(orjson.dumps(error.as_dict()).decode())
    else:
        print(error, file=sys.stderr)
    return error.exit_code


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        options = parser().parse_args(given)
    except InvalidInput as error:
        return _refuse(error, "--json" in given)
    if options.version:
        version = installed_version()
        print(orjson.dumps({"version": version}).decode() if options.json else f"tagloom {version}")
        return 0
    try:
        if options.command is None:
            raise InvalidInput("No command was given.", "`tagloom --help` lists them.")
        settings = load_settings()
        if options.command == "serve":
            serve_command(settings, options)
            return 0
        session = Session(settings, options)
        try:
            answer, text, code = COMMANDS[options.command](session)
        finally:
            session.host.close()
    except TagloomError as error:
        return _refuse(error, options.json)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if not options.json:
            raise
        traceback.print_exc()  # to standard error; who reads the JSON still gets an object
        message = f"Tagloom made a mistake here ({type(error).__name__})."
        return _refuse(TagloomError(message, "The details are on standard error."), True)
    try:
        print(orjson.dumps(answer).decode() if options.json else text, flush=True)
    except BrokenPipeError:  # whoever read it has read enough (`tagloom … | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


if __name__ == "__main__":
    sys.exit(main())

"""The options that name an engine, shared by every command that asks one (`tag`, `vocabulary build`)."""

from __future__ import annotations

import argparse

from core.commands.session import Session
from core.engines.connecting.connections import BUILTIN, find_connection
from core.engines.connecting.endpoints import ENGINES, EngineOptions
from core.engines.connecting.keys import ENGINE_KEY, connection_of, key_for
from core.errors import InvalidInput


def add_engine_choice(parser: argparse.ArgumentParser) -> None:
    """Add --engine, --connection, --base-url and --model."""
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=BUILTIN,
        help="builtin: no server, no key; openai: a compatible server; transformers: a model in this process",
    )
    parser.add_argument("--connection", metavar="NAME", help="one of `tagloom connections`, instead of --engine")
    parser.add_argument("--base-url", metavar="U", help="the server's address (default: the connection in use)")
    parser.add_argument("--model", metavar="M", help="the model's name there, or a folder or hub id for transformers")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add --engine, --connection, --base-url, --model, --samples, --use-case and --language."""
    add_engine_choice(parser)
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="ask N times an item and count the votes")
    parser.add_argument("--use-case", default="", metavar="T", help="one sentence: what the tags are for")
    parser.add_argument("--language", default="", metavar="L", help="the tags' language (default: the items' own)")


def engine_options(session: Session) -> EngineOptions:
    """The engine named on the command line, completed by the settings and by what the page was told.

    Raises:
        InvalidInput: the address cannot be used, or no model is named.
        NotFound: there is no such connection.
    """
    options = session.options
    if options.connection:
        if options.engine != BUILTIN or options.base_url or options.model:
            raise InvalidInput(
                "--connection says engine, address and model already.", "Leave out --engine, --base-url and --model."
            )
        if options.connection.strip().casefold() == BUILTIN:
            return EngineOptions()
        return find_connection(session.host, options.connection).options
    given = EngineOptions(options.engine, options.base_url or "", options.model or "")
    return connection_of(session.host, given)


def engine_secrets(session: Session, options: EngineOptions) -> dict[str, str]:
    """What a job needs to be let in, for `session.run_job(…, secrets=…)`: never stored, never printed."""
    key, _ = key_for(session.host, options.base_url, options.model)
    return {ENGINE_KEY: key} if key else {}

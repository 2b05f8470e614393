"""The options that name an engine, shared by every command that asks one (`tag`, `vocabulary build`)."""

from __future__ import annotations

import argparse

from core.commands.session import Session
from core.engines.endpoints import ENGINES, EngineOptions
from core.engines.keys import ENGINE_KEY, connection_of, key_for


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add --engine, --base-url, --model, --samples, --use-case and --language."""
    parser.add_argument(
        "--engine", choices=ENGINES, default="builtin", help="builtin: no server, no key; openai: a compatible server"
    )
    parser.add_argument("--base-url", metavar="U", help="the server's address (default: TAGLOOM_BASE_URL, or Settings)")
    parser.add_argument("--model", metavar="M", help="the model's name there (default: TAGLOOM_MODEL, or Settings)")
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="ask N times an item and count the votes")
    parser.add_argument("--use-case", default="", metavar="T", help="one sentence: what the tags are for")
    parser.add_argument("--language", default="", metavar="L", help="the tags' language (default: the items' own)")


def engine_options(session: Session) -> EngineOptions:
    """The engine named on the command line, completed by the settings and by what the page was told.

    Raises:
        InvalidInput: the address cannot be used, or no model is named.
    """
    options = session.options
    given = EngineOptions(options.engine, options.base_url or "", options.model or "")
    return connection_of(session.host, given)


def engine_secrets(session: Session, options: EngineOptions) -> dict[str, str]:
    """What a job needs to be let in, for `session.run_job(…, secrets=…)`: never stored, never printed."""
    key, _ = key_for(session.host.settings, options.base_url)
    return {ENGINE_KEY: key} if key else {}

"""What answers questions in words: engines behind one interface, and what they are asked with.

`connect` gives the engine that a job was told to use. `prompting` makes requests, `connecting` knows where they go and
with which key, `server`, `batch` and `local` have them answered, `answers` reads what came, `money` says what it costs.
Nothing here knows what the questions are about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engines.calls import Call, Engine, EngineFault, Outcome, Reply, Request
from core.engines.connecting.endpoints import EngineOptions
from core.errors import InvalidInput
from core.store.database import Database
from core.store.projects import Host

if TYPE_CHECKING:
    from core.engines.server.openai_engine import Limits

__all__ = ["Call", "Engine", "EngineFault", "EngineOptions", "Outcome", "Reply", "Request", "asked_at", "connect"]


def connect(
    host: Host,
    options: EngineOptions,
    key: str | None,
    database: Database,
    limits: Limits | None = None,
    *,
    job: str = "",
) -> Engine:
    """The engine that the options name; close it when the work is done. Nothing is sent yet.

    Args:
        options: as `core.engines.connecting.keys.connection_of` completed them.
        key: `job.secrets.get(ENGINE_KEY)` in a job; None for a server that asks for none.
        database: the project whose stored answers are used and added to.
        limits: instead of those of the connection, for tests.
        job: the job that asks, for the ledger.

    Raises:
        InvalidInput: the builtin engine was named, which is asked in other ways.
        EngineError: the model for this process is not on this machine.
    """
    if options.engine == "openai" and options.base_url and options.model:
        from core.engines.server.openai_engine import OpenAIEngine

        return OpenAIEngine(host, options.base_url, options.model, key, database, limits, job)
    if options.engine == "transformers" and options.model:
        from core.engines.local.transformers_engine import TransformersEngine

        return TransformersEngine(host, options.model, database, limits, job)
    raise InvalidInput("The builtin engine is asked in other ways.", "Name a server, or a model for this process.")


def asked_at(host: Host, options: EngineOptions) -> tuple[str, str]:
    """(endpoint, model) under which the answers of an engine are kept: what `Request.key` takes.

    Raises:
        EngineError: the model for this process is not on this machine.
    """
    if options.engine != "transformers":
        return options.base_url, options.model
    from core.engines.local.local_files import find

    found = find(host.settings, options.model)
    return found.endpoint, found.name

"""Which engine answers, for forms that know one engine only; `ui.routes.connections` has all of them."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.engines.connections import all_connections
from core.engines.endpoints import ENGINES
from ui.context import AppContext
from ui.routes.connections import engine_in_use
from ui.routes.http import Call, route

LABELS = {
    "builtin": "Builtin engine",
    "openai": "Language model (OpenAI-compatible server)",
    "transformers": "Language model (in this process)",
}


def engines(call: Call) -> dict[str, Any]:
    there = {row.engine for row in all_connections(call.app.host) if "text" in row.roles}
    return {
        "engine": engine_in_use(call.app),
        "kinds": [{"name": n, "label": LABELS[n], "ready": n == "builtin" or n in there} for n in ENGINES],
        "may_change": call.app.local,
    }


def routes(app: AppContext) -> list[BaseRoute]:
    return [route(app, "GET", "engines", engines)]

"""Insights: every figure of one corpus in one answer."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.corpora.catalog import find_corpus
from core.tagging.insights import insights
from ui.context import AppContext
from ui.routes.http import Call, route


def evaluate(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        return insights(connection, find_corpus(connection, call.text("corpus")))


def routes(app: AppContext) -> list[BaseRoute]:
    return [route(app, "GET", "evaluate", evaluate)]

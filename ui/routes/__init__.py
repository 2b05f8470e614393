"""Plain JSON routes below /tagloom/api/: what the surfaces' JavaScript talks with (docs/protocol.md)."""

from __future__ import annotations

from starlette.routing import BaseRoute

from ui.context import AppContext
from ui.routes import (
    captioning,
    captions,
    cleaning,
    connections,
    corpora,
    folders,
    host,
    insights,
    jobs,
    media,
    prompts,
    proposals,
    review,
    tagging,
    vocabulary,
)
from ui.routes.http import unknown_route


def all_routes(app: AppContext) -> list[BaseRoute]:
    """Every route of the page."""
    parts = (
        host,
        connections,
        jobs,
        folders,
        corpora,
        vocabulary,
        prompts,
        proposals,
        tagging,
        review,
        insights,
        captions,
        captioning,
        cleaning,
        media,
    )
    return [*(route for part in parts for route in part.routes(app)), unknown_route()]

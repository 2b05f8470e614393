"""How a music corpus' tags are cleaned: the options, and what they would change."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.captions.cleaning import CleaningOptions, options_of, save_options
from core.captions.cleaning_preview import preview
from core.captions.items import music_corpus
from ui.context import AppContext
from ui.routes.http import Call, route


def show(call: Call) -> dict[str, Any]:
    """The options that hold, and what they do."""
    corpus = music_corpus(call.database, call.text("corpus"))
    with call.database.read() as connection:
        options = options_of(connection, corpus)
    return {"options": options.to_json(), "preview": preview(call.database, corpus, options), "saved": True}


def change(call: Call) -> dict[str, Any]:
    """What other options would do; with `save` they hold from now on."""
    corpus = music_corpus(call.database, call.given("corpus", str))
    options = CleaningOptions.from_json(call.given("options", dict))
    save = call.given("save", bool, False)
    if save:
        call.database.write(lambda connection: save_options(connection, corpus, options))
    return {"options": options.to_json(), "preview": preview(call.database, corpus, options), "saved": save}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "captions/cleaning", show),
        route(app, "POST", "captions/cleaning", change),
    ]

"""Captions of music: the list of tracks, one track, checks while typing, two systems compared blind, figures."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.captions.comparing import pairs, results, systems
from core.captions.figures import caption_figures
from core.captions.loading import load_captions
from core.captions.pages import PAGE, CaptionFilter, caption_list, check_typed, music_corpus, one_item
from core.corpora.catalog import Corpus, find_corpus
from core.errors import InvalidInput
from core.review.boxes import LONGEST_TEXT, MOST_TAKEN
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.media import playable
from ui.routes.review import with_names
from ui.uploads import find_typed, find_upload


def _corpus(call: Call, connection: Any) -> Corpus:
    return music_corpus(find_corpus(connection, call.text("corpus")))


def tracks(call: Call) -> dict[str, Any]:
    wanted = CaptionFilter(call.text("q"), call.text("status", "all"), call.text("verdict"), call.text("style"))
    with call.database.read() as connection:
        corpus = _corpus(call, connection)
        page = caption_list(connection, corpus, wanted, call.text("cursor"), call.number("limit", PAGE, 1, 100))
    playable(call, page["items"])
    return page


def track(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        shown = one_item(connection, call.part("item"))
    with_names(call.app, [shown["state"]])
    playable(call, [shown])
    return shown


def check(call: Call) -> dict[str, Any]:
    text, predicted = call.given("text", str), call.given("predicted", list, [])
    if len(text) > LONGEST_TEXT or len(predicted) > MOST_TAKEN or not all(isinstance(p, str) for p in predicted):
        raise InvalidInput(f"A caption has at most {LONGEST_TEXT} characters.", "Shorten it.")
    item, typed = call.given("item", str, ""), call.given("tags", str, "")
    if len(typed) > LONGEST_TEXT:
        raise InvalidInput(f"The tags are longer than {LONGEST_TEXT} characters.", "Leave some out.")
    if not item and not typed.strip():
        raise InvalidInput("Neither an item nor tags were sent.", "Type some tags.")
    with call.database.read() as connection:
        checks = check_typed(
            connection, style=call.given("style", str), text=text, predicted=predicted, item_id=item, typed=typed
        )
    return {"checks": checks}


def compare(call: Call) -> dict[str, Any]:
    a, b = call.text("a"), call.text("b")
    person = call.person.id
    with call.database.read() as connection:
        corpus = _corpus(call, connection)
        answer: dict[str, Any] = {"pair": None, "pairs": [], "left_to_rate": 0, "rated": 0}
        if a or b:
            limit = call.number("limit", 20, 1, 50)
            answer = pairs(connection, corpus, person, a, b, limit=limit, rated=call.text("all") == "1")
        answer["systems"] = systems(connection, corpus)
    playable(call, answer["pairs"])
    return answer


def compare_results(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        return results(connection, _corpus(call, connection))


def insights(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        return caption_figures(connection, _corpus(call, connection))


def load(call: Call) -> dict[str, Any]:
    """Captions that another system made, from an uploaded or a typed file."""
    name = " ".join(call.given("name", str).split())
    if call.body.get("upload"):
        path, file = find_upload(call.app.settings, call.given("upload", str))
    else:
        path, file = find_typed(call.app, call.given("path", str))
    with call.database.read() as connection:
        corpus = music_corpus(find_corpus(connection, call.given("corpus", str)))
    return {"file": file, **load_captions(call.database, corpus, path, name, call.person.id)}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "captions/items", tracks),
        route(app, "GET", "captions/item/{item}", track),
        route(app, "POST", "captions/check", check),
        route(app, "GET", "captions/compare", compare),
        route(app, "GET", "captions/compare/results", compare_results),
        route(app, "GET", "captions/insights", insights),
        route(app, "POST", "captions/load", load),
    ]

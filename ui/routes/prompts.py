"""The prompt workbench: a project's prompts, drafts drawn for an item, copies saved, reset, brought in and out."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from core.engines.connecting.connections import find_connection
from core.engines.connecting.endpoints import EngineOptions
from core.engines.connecting.keys import remembered
from core.engines.prompting import prompt_copies
from core.engines.prompting.prompt_imports import export_text, read_file
from core.engines.prompting.prompt_kinds import KINDS, kind_of
from core.engines.prompting.prompts import LONGEST, Example
from core.errors import InvalidInput
from ui.context import AppContext
from ui.routes.http import Call, route

MOST_NAME = 60


def prompts(call: Call) -> dict[str, Any]:
    found = [prompt_copies.described(call.database, name) for name in prompt_copies.names_of(call.database)]
    names = {person.id: person.name for person in call.app.host.people()}
    for each in found:
        each["person"] = names.get(each["person"], each["person"])
    kinds = [{"name": k.name, "title": k.title, "about": k.about, "styles": k.styles} for k in KINDS.values()]
    return {"prompts": found, "kinds": kinds}


def prompt(call: Call) -> dict[str, Any]:
    return _opened(call, call.part("name"))


def _opened(call: Call, name: str) -> dict[str, Any]:
    from core.tagging.workbench import opened

    answer = opened(call.database, name)
    names = {person.id: person.name for person in call.app.host.people()}
    for each in (answer, *answer["versions"]):
        each["person"] = names.get(each["person"], each["person"])
    return answer


def _text(call: Call) -> str:
    text = call.given("text", str)
    if len(text) > 4 * LONGEST:
        raise InvalidInput(f"A prompt has at most {LONGEST:,} characters.", "Shorten it.")
    return str(text)


def _examples(call: Call, name: str) -> tuple[Example, ...]:
    """The examples that the request names by their items' ids; none named: those that the copy has."""
    from core.tagging.workbench import chosen_examples

    items = call.given("examples", list, None)
    if items is None:
        return prompt_copies.examples_now(call.database, name)
    if len(items) > 4 * prompt_copies.MOST_EXAMPLES or not all(isinstance(each, str) for each in items):
        raise InvalidInput("The examples' ids are not texts, or too many.", "Reload the page.")
    return chosen_examples(call.database, name, items)


def _engine(call: Call) -> EngineOptions:
    """The model whose context is meant: of the connection that the form shows, else of the one in use."""
    chosen = call.given("connection", str, "")
    if chosen and chosen != "builtin":
        return find_connection(call.app.host, chosen).options
    return remembered(call.app.host)


def draw(call: Call) -> dict[str, Any]:
    from core.tagging.workbench import Draft, drawn

    name = call.part("name")
    draft = Draft(
        name,
        _text(call),
        _examples(call, name),
        call.given("corpus", str, ""),
        call.given("item", str, ""),
        call.given("step", int, 0),
        call.given("asked", dict, {}),
    )
    asks = None
    if (kind := kind_of(name)) is not None and kind.name == "caption-music":
        from core.captions.workbench import music_questions

        asks = music_questions(call.database, draft.corpus)
    return drawn(call.database, call.app.host, draft, _engine(call), asks)


def example(call: Call) -> dict[str, Any]:
    """A reviewed item as it would be shown to the model; nothing is stored until the prompt is saved."""
    from core.tagging.examples import example_of
    from core.tagging.workbench import shown_example

    return {"example": shown_example(example_of(call.database, call.part("name"), call.given("item", str)))}


def save(call: Call) -> dict[str, Any]:
    name = call.part("name")
    base = call.given("base", str, None)
    prompt_copies.save(call.database, name, _text(call), _examples(call, name), call.person.id, base)
    return _opened(call, name)


def reset(call: Call) -> dict[str, Any]:
    _ = call.person
    name = call.part("name")
    prompt_copies.reset(call.database, name)
    return _opened(call, name)


def bring_in(call: Call) -> dict[str, Any]:
    """Prompts out of a file's text, saved as the project's own."""
    file, name = call.given("file", str, "") or "The file", call.given("name", str, "").strip()
    if len(name) > MOST_NAME:
        raise InvalidInput(f"A prompt's name has at most {MOST_NAME} characters.", "Shorten it.")
    person = call.person.id
    found = read_file(call.given("text", str), file[:120], name)
    for each in found:
        prompt_copies.save(call.database, each.name, each.text, each.examples, person)
    return {"imported": [each.name for each in found]}


def take_out(call: Call) -> Response:
    """The prompt as a file, with its examples."""
    found = prompt_copies.of_project(call.database, call.part("name"))
    headers = {"content-disposition": f'attachment; filename="{found.name}.md"', "cache-control": "no-store"}
    return Response(export_text(found).encode(), media_type="text/markdown; charset=utf-8", headers=headers)


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "prompts", prompts),
        route(app, "POST", "prompts/import", bring_in),
        route(app, "GET", "prompts/{name}", prompt),
        route(app, "POST", "prompts/{name}", save),
        route(app, "POST", "prompts/{name}/draw", draw),
        route(app, "POST", "prompts/{name}/example", example),
        route(app, "POST", "prompts/{name}/reset", reset),
        route(app, "GET", "prompts/{name}/file", take_out),
    ]

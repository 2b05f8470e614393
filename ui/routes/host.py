"""What belongs to the host: which project and person the page has, settings, checks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from core.doctor import host_facts
from core.embedding.locate import find_model
from core.errors import InvalidInput, NotFound
from core.store.projects import Person, Project
from ui.context import COOKIE, AppContext
from ui.routes.connections import engine_in_use
from ui.routes.http import Call, json_response, route

YEAR = 365 * 24 * 3600


def _project(project: Project) -> dict[str, str]:
    return {"slug": project.slug, "name": project.name}


def _with_cookie(call: Call, person: Person, data: dict[str, Any]) -> Response:
    """An answer that tells the browser who it is. In a Space the page is framed by another site: the cookie must
    be allowed there, which browsers only do over https."""
    response = json_response(data)
    framed = call.app.settings.space_id is not None
    response.set_cookie(
        COOKIE,
        call.app.sign(person.id),
        max_age=YEAR,
        httponly=True,
        samesite="none" if framed else "lax",
        secure=framed or call.request.url.scheme == "https",
    )
    return response


def state(call: Call) -> Response:
    """Everything that the page needs to draw its frame; gives a new visitor an identity."""
    app = call.app
    person = app.person_of(call.request.cookies.get(COOKIE))
    if person is None:
        person = app.host.add_person(f"Guest {len(app.host.people()) + 1}")
    projects = app.host.projects()
    try:
        project = app.host.project(call.project)
    except NotFound:
        project = next((p for p in projects if p.slug == app.default_project()), projects[0])
    model = find_model(app.settings.embedding_model, allow_downloads=app.settings.allow_downloads)
    data = {
        "project": _project(project),
        "projects": [_project(p) for p in projects],
        "person": {"id": person.id, "name": person.name},
        "engine": engine_in_use(app),
        "embedding": {k: getattr(model, k) for k in ("name", "found", "source", "reason", "remedy")},
        "local": app.local,
        "version": app.version,
        "limits": {"upload_bytes": app.settings.max_upload_bytes},
        "warnings": [],
    }
    return _with_cookie(call, person, data)


def set_person(call: Call) -> Response:
    person = call.app.named_person(call.given("name", str))
    return _with_cookie(call, person, {"person": {"id": person.id, "name": person.name}})


def new_project(call: Call) -> dict[str, Any]:
    if not call.app.local and len(call.app.host.projects()) >= 200:
        raise InvalidInput("This server has 200 projects already.", "Use one of them.")
    _ = call.person  # somebody known
    return {"project": _project(call.app.host.create_project(call.given("name", str)))}


def settings(call: Call) -> dict[str, Any]:
    facts = host_facts(call.app.host)
    return {
        **facts,
        "person": asdict(call.person),
        "people": [asdict(person) for person in call.app.host.people()] if call.app.local else [],
    }


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "state", state),
        route(app, "POST", "person", set_person),
        route(app, "POST", "projects", new_project),
        route(app, "GET", "settings", settings),
    ]

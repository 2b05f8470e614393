"""The folders that typed paths may lead into: allowed once, forgotten in the settings."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from ui.context import AppContext
from ui.folders import allow, allowed_folders, forget
from ui.routes.http import Call, route


def _folders(app: AppContext) -> dict[str, Any]:
    roots = [str(each) for each in app.settings.roots] if app.local else []
    return {"folders": [str(each) for each in allowed_folders(app)], "roots": roots}


def folders(call: Call) -> dict[str, Any]:
    return _folders(call.app)


def allow_folder(call: Call) -> dict[str, Any]:
    _ = call.person  # somebody known
    folder = allow(call.app, call.given("path", str))
    return {"folder": str(folder), **_folders(call.app)}


def forget_folder(call: Call) -> dict[str, Any]:
    _ = call.person
    forget(call.app, call.given("folder", str))
    return _folders(call.app)


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "GET", "folders", folders),
        route(app, "POST", "folders/allow", allow_folder),
        route(app, "POST", "folders/forget", forget_folder),
    ]

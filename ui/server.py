"""Serves the page: Gradio's own launch, with our middleware and plain routes beside Gradio's."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import InvalidInput
from core.settings import LOOPBACK_HOST, Settings

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def assets() -> Any:
    """The page's own files. A browser asks each time whether one has changed (a short answer by ETag): modules of
    two versions must never meet after an upgrade."""
    from starlette.responses import Response
    from starlette.staticfiles import StaticFiles
    from starlette.types import Scope

    class Assets(StaticFiles):
        async def get_response(self, path: str, scope: Scope) -> Response:
            response = await super().get_response(path, scope)
            response.headers["cache-control"] = "no-cache"
            return response

    return Assets(directory=ASSETS)


def reachable(settings: Settings) -> tuple[Settings, str | None]:
    """The settings with the address that is really served on, and why it is another one than was asked for.

    There is no login, so an address beyond this machine is taken only where that was meant (`--public`, a Space).
    """
    if settings.loopback or settings.public:
        return settings, None
    why = (
        f"Tagloom serves on {LOOPBACK_HOST} and not on {settings.host}: without a login everybody who reaches this "
        "machine could read and change everything. Say --public if that is meant."
    )
    return replace(settings, host=LOOPBACK_HOST), why


def check_bind(settings: Settings) -> None:
    """Try the address before anything is started.

    Raises:
        InvalidInput: the port is taken or the address is none of this machine, with what to do instead.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, OverflowError) as error:
            raise InvalidInput(
                f"Port {settings.port} on {settings.host} cannot be used ({getattr(error, 'strerror', error)}).",
                f"Is Tagloom running already? Otherwise choose another port: PORT={settings.port + 1}.",
            ) from error


def serve(settings: Settings, *, demo: bool = True, block: bool = True) -> Any:
    """Start the app and print its address; returns at once with the Blocks when `block` is false.

    Raises:
        InvalidInput: the address cannot be served on.
    """
    settings, why = reachable(settings)
    if why:
        print(why, file=sys.stderr, flush=True)  # noqa: T201
    check_bind(settings)
    os.environ["GRADIO_TEMP_DIR"] = str(settings.home / "cache" / "gradio")  # never the shared /tmp
    from starlette.middleware import Middleware
    from starlette.routing import Mount

    from ui import routes
    from ui.api import Arguments, add_endpoints
    from ui.context import AppContext
    from ui.page import HEAD, build
    from ui.security import Guard
    from ui.theme import theme
    from ui.uploads import tidy

    app = AppContext(settings, demo=demo)
    tidy(settings)
    app.start()
    blocks = build()
    add_endpoints(blocks, app)
    blocks.launch(
        server_name=settings.host,
        server_port=settings.port,
        app_kwargs={
            "middleware": [Middleware(Guard, settings=settings), Middleware(Arguments)],
            "routes": [*routes.all_routes(app), Mount("/tagloom/assets", assets())],
        },
        head=HEAD,
        theme=theme(),
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        show_error=False,
        max_file_size=1024,  # Gradio's own upload is not used
        blocked_paths=[str(settings.home)],
        favicon_path=ASSETS / "icons" / "tagloom.svg",
        quiet=True,
        prevent_thread_lock=True,
    )
    shown = LOOPBACK_HOST if settings.host == "0.0.0.0" else settings.host
    print(f"Tagloom is open on http://{shown}:{settings.port}  (data: {settings.home})", flush=True)  # noqa: T201
    if not block:
        return blocks
    try:
        blocks.block_thread()
    finally:
        app.stop()
    return blocks

"""The four styles of music captions as named endpoints of the app, for gradio_client and plain HTTP (docs/api.md).

They stand in the Blocks as `gr.api` functions: no component, nothing on the page. Gradio reads the types of the
parameters from the functions' own annotations, so this module must not postpone their evaluation
(`from __future__ import annotations` would turn what they return into text).
"""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import gradio as gr
import orjson

from core.captions.styles import ABOUT, STYLES, TITLES
from core.engines.connecting.connections import BUILTIN
from core.engines.connecting.keys import key_for
from core.errors import InvalidInput, TagloomError
from ui.context import AppContext
from ui.security import App, Receive, Scope, Send

ENDPOINTS = {f"caption_{style}": style for style in STYLES}
DEFAULTS: dict[str, Any] = {"tags": "", "engine": BUILTIN, "project": "", "corpus": ""}
"""The parameters of every endpoint, in their order."""
AT_ONCE = 4  # captions that are written at the same time; the others wait their turn
LARGEST_BODY = 1024 * 1024

_ADDRESS = re.compile(r"^(?:/gradio_api)?/(call/v2|call|run|api)/(caption_\w+)/?$")
log = logging.getLogger("tagloom")


def add_endpoints(blocks: gr.Blocks, app: AppContext) -> None:
    """Add the endpoints to the page's Blocks."""
    with blocks:
        for name, style in ENDPOINTS.items():
            gr.api(
                _endpoint(app, style),
                api_name=name,
                api_description=f"{TITLES[style]} of music from its tags. {ABOUT[style]}",
                concurrency_limit=AT_ONCE,
                concurrency_id="captions",
            )


def _endpoint(app: AppContext, style: str) -> Callable[..., dict[str, Any]]:
    def caption(
        tags: str | list[str] = "", engine: str = BUILTIN, project: str = "", corpus: str = ""
    ) -> dict[str, Any]:
        try:
            return answer(app, style, tags, engine, project, corpus)
        except TagloomError as error:
            raise gr.Error(f"{error.message} {error.remedy}", print_exception=False) from None
        except Exception as error:
            log.exception("An endpoint failed", exc_info=error)
            message = f"Tagloom made a mistake here ({type(error).__name__}). The server's log has the details."
            raise gr.Error(message, print_exception=False) from None

    return caption


def answer(
    app: AppContext, style: str, tags: Any, engine: Any = BUILTIN, project: Any = "", corpus: Any = ""
) -> dict[str, Any]:
    """One caption in one style.

    Args:
        tags: comma text, or a list of tags.
        engine: "builtin", or the name or id of one of this host's connections; no address can be given.
        project: whose prompts are used; "" is the one that the page opens.
        corpus: of music, in that project: its cleaning is used, its names must not be said, and the builtin writer
            predicts from its tags; "" for none.

    Returns:
        {caption, style, engine, tags: [name], absent: [name], contradictions: [sentence], verdict, reasons: [{code,
        level, message}], note}, and for attribute prediction `predicted`: [name], which were not given.

    Raises:
        InvalidInput: a parameter is not of its kind, or there is no tag.
        NotFound: there is no such connection or project.
        EngineError: the connection's server cannot answer.
    """
    from core.captions.trial import caption_tags

    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        tags = "\n".join(tag.replace("\n", " ") for tag in tags)
    for name, value in (("tags", tags), ("engine", engine), ("project", project), ("corpus", corpus)):
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"“{name}” is not text.", 'For example: {"tags": "happy, piano", "engine": "builtin"}.')
    chosen = app.engine(BUILTIN, (engine or BUILTIN).strip())
    key = key_for(app.host, chosen.base_url, chosen.model)[0] if chosen.base_url else None
    database = app.host.open((project or "").strip() or app.default_project())
    text, of = ((value or "").replace("\0", "") for value in (tags, corpus))
    found = caption_tags(app.host, database, text, [style], chosen, key=key, corpus=of.strip())
    said = found["captions"][style]
    if said["state"] != "ok" or not said["candidates"]:
        raise InvalidInput(said["error"] or "There is no caption.", "Try other tags or another engine.")
    best = said["candidates"][0]
    result = {
        "caption": best["text"],
        "style": style,
        "engine": chosen.label,
        "tags": [tag["name"] for tag in found["tags"]["present"]],
        "absent": [tag["name"] for tag in found["tags"]["absent"]],
        "contradictions": found["tags"]["contradictions"],
        "verdict": best["checks"]["verdict"],
        "reasons": [{name: r[name] for name in ("code", "level", "message")} for r in best["checks"]["reasons"]],
        "note": found["note"],
    }
    return {**result, "predicted": best["predicted"]} if style == "attribute_prediction" else result


class Arguments:
    """An ASGI middleware that reads what is sent to our endpoints before Gradio does.

    Gradio answers a missing or an unknown parameter with an error without words; here a missing one has its default
    and what is wrong is said.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _ADDRESS.match(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if asked is None:
            await self.app(scope, receive, send)
            return
        try:
            if asked[2] not in ENDPOINTS:
                raise InvalidInput(f"There is no endpoint {asked[2]}.", f"Endpoints: {', '.join(ENDPOINTS)}.")
            body = arguments(await _read(receive), by_name=asked[1] == "call/v2")
        except InvalidInput as error:
            await _refuse(send, error)
            return
        headers = [(n, v) for n, v in scope["headers"] if n.lower() not in (b"content-length", b"content-type")]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        sent = False

        async def again() -> Any:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app({**scope, "headers": headers}, again, send)


def arguments(body: bytes, *, by_name: bool) -> bytes:
    """A request's JSON with every parameter in its place.

    Args:
        by_name: the object's names are the parameters' (`call/v2`); else they stand in its list `data`.

    Raises:
        InvalidInput: it is no such JSON.
    """
    example = '{"tags": "happy, piano"}' if by_name else '{"data": ["happy, piano"]}'
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InvalidInput("The request is not JSON.", f"For example: {example}.") from None
    if not isinstance(given, dict):
        raise InvalidInput("The request is not a JSON object.", f"For example: {example}.")
    if by_name:
        unknown = [name for name in given if name not in DEFAULTS]
        if unknown:
            raise InvalidInput(f"There is no parameter “{unknown[0][:80]}”.", f"Parameters: {', '.join(DEFAULTS)}.")
        return orjson.dumps({**DEFAULTS, **given})
    data = given.get("data")
    if not isinstance(data, list) or not 1 <= len(data) <= len(DEFAULTS):
        raise InvalidInput(f"“data” is not a list of 1 to {len(DEFAULTS)} values.", f"For example: {example}.")
    return orjson.dumps({**given, "data": [*data, *list(DEFAULTS.values())[len(data) :]]})


async def _read(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise InvalidInput("The request is larger than 1 MB.", "Send the tags of one piece of music.")
        more = message.get("more_body", False)
    return b"".join(parts)


async def _refuse(send: Send, error: InvalidInput) -> None:
    body = orjson.dumps(error.as_dict())
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

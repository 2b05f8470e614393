"""Writing captions: what it would take, tried on typed tags or ten tracks, run over a corpus."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.captions.items import music_corpus
from core.captions.pages import as_utf16
from core.captions.request import check_request, request_of
from core.engines.batch.batches import offered
from core.engines.connecting.endpoints import EngineOptions
from core.engines.connecting.keys import key_for
from core.store.runs import list_runs
from core.tagging.batching import check_offered
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.jobs import describe_job


def _arguments(call: Call) -> dict[str, Any]:
    """The request, checked, with the address and model of its engine. These are the host's: a browser names the
    engine, or one of the host's connections, not where it is."""
    request = check_request(call.body)
    engine = _same_writer(call, request)
    if engine is None:
        engine = call.app.engine(request["engine"], call.given("connection", str, ""))
    if engine.engine != request["engine"]:  # a connection says by itself of what kind it is
        request = check_request({**call.body, "engine": engine.engine})
    if request.get("batch"):
        check_offered(call.app.host, engine.base_url)
    return {**request, **engine.as_arguments()}


def _same_writer(call: Call, request: dict[str, Any]) -> EngineOptions | None:
    """One box again, with no engine named: by the engine that wrote it."""
    if request["only"] != "selected" or call.body.get("engine") or call.body.get("connection"):
        return None
    from core.captions.planning import writer_of

    with call.database.read() as connection:
        return writer_of(connection, request["ids"][0], request["styles"][0])


def try_captions(call: Call) -> dict[str, Any]:
    """For typed tags, or for ten tracks of a corpus."""
    from core.captions.trial import try_on_ten, try_tags

    arguments = _arguments(call)
    key, _ = key_for(call.app.host, arguments["base_url"], arguments["model"])
    corpus, tags = call.given("corpus", str, ""), call.given("tags", str, None)
    if tags is not None:
        answer = try_tags(call.app.host, call.database, tags, request_of(arguments), key, corpus)
        _for_page(answer["captions"])
        return answer
    answer = try_on_ten(call.database, call.app.host, call.given("corpus", str), arguments, key)
    for each in answer["items"]:
        _for_page(each["captions"])
    return answer


def _for_page(captions: dict[str, Any]) -> None:
    """Places in checks as browsers count them."""
    for caption in captions.values():
        for candidate in caption["candidates"]:
            candidate["checks"] = as_utf16(candidate["checks"], candidate["text"])


def estimate(call: Call) -> dict[str, Any]:
    from core.captions.estimate import estimate_captions

    arguments = _arguments(call)
    found = estimate_captions(call.database, call.given("corpus", str), arguments, call.app.host)
    return {**found, "batches": bool(arguments["base_url"]) and offered(call.app.host, arguments["base_url"])}


def start(call: Call) -> dict[str, Any]:
    arguments = _arguments(call)
    corpus = music_corpus(call.database, call.given("corpus", str))
    title = f"Caption {corpus.name} ({request_of(arguments).title})"
    arguments = {"corpus": corpus.id, **arguments}
    job = call.app.enqueue(call.project, "caption-music", title, arguments, call.person.id, "captions")
    return {"job": describe_job(job)}


def runs(call: Call) -> dict[str, Any]:
    corpus = music_corpus(call.database, call.text("corpus"))
    with call.database.read() as connection:
        found = list_runs(connection, corpus.pk, task="captions")
    states = {job.id: job.state for job in call.app.queue.recent(call.project, limit=500)}
    for entry in found:
        entry["state"] = states.get(entry["job"], "done")
        entry.pop("corpus")
    return {"runs": found}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "POST", "captions/estimate", estimate),
        route(app, "POST", "captions/try", try_captions),
        route(app, "POST", "captions/run", start),
        route(app, "GET", "captions/runs", runs),
    ]

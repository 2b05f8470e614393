"""Tagging: what it would take, tried on ten items, run over all of them, and scored where there is gold."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.corpora.catalog import find_corpus
from core.engines.batch.batches import offered
from core.engines.connecting.keys import key_for
from core.store.runs import list_runs
from core.tagging.batching import check_offered
from core.tagging.evaluation import evaluate_run
from core.tagging.request import check_request, request_of, tag_entries
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.jobs import describe_job

SCORED_RUNS = 5  # the newest ones; older scores are a command away (`tagloom evaluate`)


def _arguments(call: Call) -> dict[str, Any]:
    """The request, checked, with the address and model of its engine. These are the host's: a browser names the
    engine, or one of the host's connections, not where it is."""
    request = check_request(call.body)
    engine = call.app.engine(request["engine"], call.given("connection", str, ""))
    if engine.engine != request["engine"]:  # a connection says by itself of what kind it is
        request = check_request({**call.body, "engine": engine.engine})
    if request.get("batch"):
        check_offered(call.app.host, engine.base_url)
    return {**request, **engine.as_arguments()}


def try_tagging(call: Call) -> dict[str, Any]:
    from core.tagging.trial import try_on_ten

    arguments = _arguments(call)
    key, _ = key_for(call.app.host, arguments["base_url"], arguments["model"])
    return try_on_ten(call.database, call.app.host, call.given("corpus", str), arguments, key)


def estimate(call: Call) -> dict[str, Any]:
    from core.tagging.estimate import estimate_run

    arguments = _arguments(call)
    found = estimate_run(call.database, call.given("corpus", str), arguments, call.app.host)
    return {**found, "batches": bool(arguments["base_url"]) and offered(call.app.host, arguments["base_url"])}


def start_tagging(call: Call) -> dict[str, Any]:
    arguments = _arguments(call)
    request = request_of(arguments)
    tag_entries(call.database, needed=request.method == "selective")
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.given("corpus", str))
    title = f"Tag {corpus.name} ({request.title})"
    arguments = {"corpus": corpus.id, **arguments}
    return {"job": describe_job(call.app.enqueue(call.project, "tag", title, arguments, call.person.id, "items"))}


def runs(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.text("corpus"))
        found = list_runs(connection, corpus.pk, task=corpus.task)
        for entry in found[:SCORED_RUNS] if corpus.task == "tags" else ():
            entry["scores"] = evaluate_run(connection, int(entry["id"]))
    states = {job.id: job.state for job in call.app.queue.recent(call.project, limit=500)}
    for entry in found:
        entry["state"] = states.get(entry.pop("job"), "done")
        entry.setdefault("scores", None)
        entry.pop("corpus")
    return {"runs": found}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "POST", "tag/estimate", estimate),
        route(app, "POST", "tag/try", try_tagging),
        route(app, "POST", "tag/run", start_tagging),
        route(app, "GET", "runs", runs),
    ]

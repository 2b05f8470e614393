"""Tagging: tried on ten items, run over all of them, and scored where there is gold."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.corpora.catalog import find_corpus
from core.store.runs import list_runs
from core.tagging.evaluation import evaluate_run
from core.tagging.job import check_request, tag_entries, try_on_ten
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.jobs import describe_job

SCORED_RUNS = 5  # the newest ones; older scores are a command away (`tagloom evaluate`)


def try_tagging(call: Call) -> dict[str, Any]:
    return try_on_ten(call.database, call.app.settings, call.given("corpus", str), call.body)


def start_tagging(call: Call) -> dict[str, Any]:
    request = check_request(call.body)
    tag_entries(call.database)
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.given("corpus", str))
    arguments = {"corpus": corpus.id, **request}
    title = f"Tag {corpus.name} ({request['method']}, {request['engine']})"
    return {"job": describe_job(call.app.enqueue(call.project, "tag", title, arguments, call.person.id, "items"))}


def runs(call: Call) -> dict[str, Any]:
    with call.database.read() as connection:
        corpus = find_corpus(connection, call.text("corpus"))
        found = list_runs(connection, corpus.pk)
        for entry in found[:SCORED_RUNS]:
            entry["scores"] = evaluate_run(connection, int(entry["id"]))
    states = {job.id: job.state for job in call.app.queue.recent(call.project, limit=500)}
    for entry in found:
        entry["state"] = states.get(entry.pop("job"), "done")
        entry.setdefault("scores", None)
        entry.pop("corpus")
    return {"runs": found}


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "POST", "tag/try", try_tagging),
        route(app, "POST", "tag/run", start_tagging),
        route(app, "GET", "runs", runs),
    ]

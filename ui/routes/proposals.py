"""Building a vocabulary from a corpus, and deciding what is proposed for it."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from core.corpora.catalog import find_corpus
from core.errors import InvalidInput
from core.review.agreement import keeping_agreement, update_agreement_since
from core.vocabulary.deciding import accept_above, decide
from core.vocabulary.proposals import page_of_proposals
from core.vocabulary.store import revision
from ui.context import AppContext
from ui.routes.http import Call, route
from ui.routes.jobs import describe_job

SHOWN_BUILDS = 20


def start_build(call: Call) -> dict[str, Any]:
    """Queue a build; one that continues another (`build`, `from_stage`) keeps what it does not name anew."""
    from core.vocabulary.building import KIND, check_request, continued

    body = call.body
    request = check_request(body)
    arguments: dict[str, Any] = {}
    if request["build"] is not None:
        stage = request["from_stage"] or "cleaned"
        earlier = continued(call.app.queue, call.project, request["build"], stage)
        given = {k: v for k, v in request.items() if body.get(k) is not None}
        arguments = {**earlier.arguments, **given, "from_stage": stage, "build": earlier.id}
        corpus_id = earlier.arguments["corpus"]
    else:
        corpus_id = call.given("corpus", str)
        arguments = request
    with call.database.read() as connection:
        corpus = find_corpus(connection, corpus_id)
    if "engine" not in arguments or request["build"] is None:
        engine = call.app.engine(call.given("engine", str, "builtin"), call.given("connection", str, ""))
        arguments |= engine.as_arguments()
    title = f"Vocabulary from {corpus.name}"
    job = call.app.enqueue(call.project, KIND, title, {**arguments, "corpus": corpus.id}, call.person.id, "items")
    return {"job": describe_job(job)}


def builds(call: Call) -> dict[str, Any]:
    """The project's builds, the newest first, each with its stages."""
    from core.vocabulary.building import KIND, describe_build

    queue = call.app.queue
    jobs = [job for job in queue.recent(call.project, limit=500) if job.kind == KIND]
    jobs.sort(key=lambda job: -job.created_at)
    shown = [
        {"job": describe_job(job), "corpus": job.arguments.get("corpus"), **describe_build(queue, job)}
        for job in jobs[:SHOWN_BUILDS]
    ]
    return {"builds": shown}


def proposals(call: Call) -> dict[str, Any]:
    line: str = call.text("line")
    try:
        drawn = float(line) if line else None
    except ValueError:
        raise InvalidInput("The line is a number from 0 to 1.", "Correct the address.") from None
    with call.database.read() as connection:
        page = page_of_proposals(
            connection,
            state=call.text("state", "open"),
            kind=call.text("kind"),
            sort=call.text("sort", "score"),
            line=drawn,
            cursor=call.text("cursor"),
            limit=call.number("limit", 20, 1, 100),
        )
    _name_people(call, page["proposals"])
    return page


def _name_people(call: Call, entries: list[dict[str, Any]]) -> None:
    wanted = {entry.get(key) for entry in entries for key in ("person", "by")} - {None}
    if not wanted:
        return
    names = {person.id: person.name for person in call.app.host.people()}
    for entry in entries:
        for key in ("person", "by"):
            if entry.get(key):
                entry[key] = names.get(entry[key], "somebody")


def decisions(call: Call) -> dict[str, Any]:
    events, person = call.given("events", list), call.person.id

    def write(connection: Any) -> list[dict[str, Any]]:
        before = revision(connection)
        results = decide(connection, events, person)
        update_agreement_since(connection, before)
        return results

    results = call.database.write(write)
    _name_people(call, results)
    return {"results": results}


def accept_all_above(call: Call) -> dict[str, Any]:
    line = call.body.get("line")
    if not isinstance(line, (int, float)) or isinstance(line, bool):
        raise InvalidInput("The request's “line” is missing or not of the right kind.", "Reload the page.")
    kind, uuid = call.given("kind", str, ""), call.given("uuid", str)
    person = call.person.id
    return keeping_agreement(call.database, lambda: accept_above(call.database, float(line), kind, person, uuid))


def readability(call: Call) -> dict[str, Any]:
    """How well the embedding model reads the vocabulary, or a corpus, in plain words."""
    from core.embedding.readability import measure
    from core.embedding.service import cached_encoder
    from core.vocabulary.reading import strings_of_corpus, strings_of_vocabulary

    if call.text("corpus"):
        with call.database.read() as connection:
            corpus = find_corpus(connection, call.text("corpus"))
        texts = strings_of_corpus(call.database, corpus)
    else:
        texts = strings_of_vocabulary(call.database)
    return measure(texts, cached_encoder(call.app.settings)).as_dict()


def routes(app: AppContext) -> list[BaseRoute]:
    return [
        route(app, "POST", "vocabulary/build", start_build),
        route(app, "GET", "vocabulary/builds", builds),
        route(app, "GET", "proposals", proposals),
        route(app, "POST", "proposals/decide", decisions),
        route(app, "POST", "proposals/accept-above", accept_all_above),
        route(app, "GET", "readability", readability),
    ]

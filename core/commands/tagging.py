"""`tagloom tag` and `tagloom runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.commands.engine_options import add_engine_options, engine_options, engine_secrets
from core.commands.session import SHOWN_FAILURES, Command, MakeParser, Outcome, Session
from core.corpora.catalog import find_corpus
from core.errors import NotFound
from core.store.schema import item, run_item

METHODS = ("selective", "generative")


def add_options(command: MakeParser) -> None:
    tag = command("tag", "Tag a corpus: choose from the vocabulary, or write tags and match them to it.")
    tag.add_argument("--corpus", required=True, metavar="C", help="the corpus to tag")
    tag.add_argument("--method", choices=METHODS, default="selective", help="selective: choose; generative: write")
    add_engine_options(tag)
    tag.add_argument("--top-k", type=int, default=8, metavar="K", help="at most K tags an item (default 8)")
    tag.add_argument("--threshold", type=float, metavar="X", help="least score, 0 to 1 (default: the method's own)")
    tag.add_argument("--limit", type=int, metavar="N", help="only the first N items")
    tag.add_argument("--budget", metavar="X", help="stop when a model's answers have cost X US dollars")
    tag.add_argument("--batch", action="store_true", help="hand all questions in together: cheaper, within a day")
    tag.add_argument("--estimate", action="store_true", help="say what it would take, and stop")
    tag.add_argument("--replies", metavar="FILE", help="take the answers of a TagGPT tag_gen.txt instead of asking")

    runs = command("runs", "List tagging runs, the newest first.")
    runs.add_argument("--corpus", metavar="C", help="only runs of this corpus")


def tag_command(session: Session) -> Outcome:
    from core.tagging.batching import check_offered
    from core.tagging.request import check_request, request_of, tag_entries

    options = session.options
    names = ("method", "engine", "top_k", "threshold", "limit", "samples", "use_case", "language", "budget", "batch")
    given = {name: getattr(options, name) for name in names}
    if not options.replies:
        engine = engine_options(session)
        given["engine"] = engine.engine
    request = check_request(given)
    database = session.host.open(session.project)
    with database.read() as connection:
        corpus = find_corpus(connection, options.corpus)
    if options.replies:
        return _replies(session, Path(options.replies).expanduser().resolve(), corpus.id, request)
    if request.get("batch"):
        check_offered(session.host, engine.base_url)
    arguments = {"corpus": corpus.id, **request, **engine.as_arguments()}
    if options.estimate:
        return _estimate(session, corpus.id, arguments)
    tag_entries(database, needed=request["method"] == "selective")
    title = f"Tag {corpus.name} ({request_of(arguments).title})"
    secrets = engine_secrets(session, engine)
    result = session.run_job("tag", title, arguments, "items", secrets).result
    return _told(session, result)


def _told(session: Session, result: dict[str, Any]) -> Outcome:
    """A run's result with what failed, for people and for --json."""
    failed = result["items"] - result["ok"]
    failures: list[dict[str, Any]] = []
    if failed:
        query = (
            select(item.c.id, item.c.external_id, run_item.c.state, run_item.c.error)
            .join(run_item, run_item.c.item == item.c.pk)
            .where(run_item.c.run == int(result["run"]), run_item.c.state != "ok")
            .limit(1000)
        )
        with session.host.open(session.project).read() as connection:
            names = ("id", "external_id", "state", "error")
            failures = [dict(zip(names, row, strict=True)) for row in connection.execute(query)]
    text = f"Run {result['run']}: {result['ok']:,} of {result['items']:,} items, {result['suggestions']:,} suggestions"
    if result["requests"] or result.get("cached"):
        cost = ", unknown price" if result["cost"] is None else f", {dollars(result['cost'])}"
        guessed = " (estimated)" if result.get("estimated") else ""
        text += f", {result['requests']:,} requests, {result['tokens']:,} tokens{guessed}{cost}"
        if result.get("cached"):
            text += f", {result['cached']:,} answers were there already"
    if result.get("flags"):
        text += f" ({', '.join(f'{n:,} {flag}' for flag, n in result['flags'].items())})"
    lines = [f"  {f['external_id'] or f['id']}: {f['state']} {f['error'] or ''}" for f in failures[:SHOWN_FAILURES]]
    if result["failed"]:
        lines.append(f"  `tagloom jobs resume {result['job']}` tries what failed again, and nothing else.")
    return {**result, "failures": failures}, "\n".join([text, *lines]), 1 if failed else 0


def _estimate(session: Session, corpus: str, arguments: dict[str, Any]) -> Outcome:
    from core.tagging.estimate import estimate_run

    found = estimate_run(session.host.open(session.project), corpus, arguments, session.host)
    left = found["requests"] - found["cached_requests"]
    cost = "unknown price" if found["cost"] is None else dollars(found["cost"])
    if found["cost_high"]:
        cost += f", probably below {dollars(found['cost_high'])}"
    tokens = f"{found['prompt_tokens']:,} + {found['completion_tokens']:,} tokens"
    notes = "; ".join(note for note in (found["cost_note"], found["token_note"]) if note)
    text = f"{found['items']:,} items, about {left:,} requests, {tokens}, {cost} ({notes})"
    if found["cached_requests"]:
        text += f"\n{found['cached_requests']:,} of {found['requests']:,} answers are there already."
    elif found["cached_note"]:
        text += f"\n{found['cached_note']}"
    return found, text, 0


def dollars(amount: float) -> str:
    """US dollars for people."""
    return "less than $0.01" if 0 < amount < 0.01 else f"${amount:,.2f}"


def _replies(session: Session, path: Path, corpus: str, request: dict[str, Any]) -> Outcome:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", "Check the spelling.")
    arguments = {"corpus": corpus, "path": str(path), "name": path.name, **request, "method": "generative"}
    result = session.run_job("taggpt_replies", f"Read {path.name}", arguments, "items").result
    answer, text, code = _told(session, result)
    problems = result["problems"]
    lines = [f"  line {p['row']}: {p['cause']} {p['remedy']}" for p in problems[:SHOWN_FAILURES]]
    return answer, "\n".join([text, *lines]), 1 if problems else code


def runs_command(session: Session) -> Outcome:
    from core.store.runs import list_runs

    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, session.options.corpus) if session.options.corpus else None
        runs = list_runs(connection, corpus.pk if corpus else None, limit=500)
    lines = [
        f"{r['id']}  {r['method']}/{r['engine']}  {r['ok']:,} items, {r['suggestions']:,} suggestions" for r in runs
    ]
    return {"runs": runs}, "\n".join(lines) or "No run yet: `tagloom tag --corpus NAME`.", 0


COMMANDS: dict[str, Command] = {"tag": tag_command, "runs": runs_command}

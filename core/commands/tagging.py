"""`tagloom tag` and `tagloom runs`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.commands.session import SHOWN_FAILURES, Command, MakeParser, Outcome, Session
from core.corpora.catalog import find_corpus
from core.store.schema import item, run_item


def add_options(command: MakeParser) -> None:
    tag = command("tag", "Tag a corpus with the vocabulary.")
    tag.add_argument("--corpus", required=True, metavar="C", help="the corpus to tag")
    tag.add_argument("--method", default="selective", help="selective: choose from the vocabulary")
    tag.add_argument("--engine", default="builtin", help="builtin: no model server, no key")
    tag.add_argument("--top-k", type=int, default=8, metavar="K", help="at most K tags an item (default 8)")
    tag.add_argument("--threshold", type=float, metavar="X", help="least score, 0 to 1 (default: the method's own)")
    tag.add_argument("--limit", type=int, metavar="N", help="only the first N items")

    runs = command("runs", "List tagging runs, the newest first.")
    runs.add_argument("--corpus", metavar="C", help="only runs of this corpus")


def tag_command(session: Session) -> Outcome:
    from core.tagging.job import check_request, tag_entries

    options = session.options
    request = check_request(
        {name: getattr(options, name) for name in ("method", "engine", "top_k", "threshold", "limit")}
    )
    database = session.host.open(session.project)
    tag_entries(database)
    with database.read() as connection:
        corpus = find_corpus(connection, options.corpus)
    title = f"Tag {corpus.name} ({request['method']}, {request['engine']})"
    result = session.run_job("tag", title, {"corpus": corpus.id, **request}, "items").result
    failed = result["items"] - result["ok"]
    failures: list[dict[str, Any]] = []
    if failed:
        query = (
            select(item.c.id, item.c.external_id, run_item.c.state, run_item.c.error)
            .join(run_item, run_item.c.item == item.c.pk)
            .where(run_item.c.run == int(result["run"]), run_item.c.state != "ok")
            .limit(1000)
        )
        with database.read() as connection:
            names = ("id", "external_id", "state", "error")
            failures = [dict(zip(names, row, strict=True)) for row in connection.execute(query)]
    text = f"Run {result['run']}: {result['ok']:,} of {result['items']:,} items, {result['suggestions']:,} suggestions"
    lines = [f"  {f['external_id'] or f['id']}: {f['state']} {f['error'] or ''}" for f in failures[:SHOWN_FAILURES]]
    return {**result, "failures": failures}, "\n".join([text, *lines]), 1 if failed else 0


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

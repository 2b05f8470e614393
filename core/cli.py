"""The command `tagloom`: every capability without a browser, by the same functions and jobs.

Exit codes: 0 fine, 1 some items failed (the output says which), 2 the request is wrong.
With --json exactly one JSON object stands on standard output; everything else goes to standard error.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from core import errors
from core.arguments import parser
from core.corpora.catalog import find_corpus, list_corpora
from core.corpora.mapping import Mapping, guess_mapping
from core.corpora.reading import inspect
from core.errors import InvalidInput, NotFound, TagloomError
from core.jobs.execute import execute
from core.jobs.queue import RESERVED, Job, JobQueue
from core.settings import Settings, installed_version, load_settings
from core.store.projects import DEMO, Host
from core.store.schema import import_note, item, run_item
from core.worker import KINDS

PERSON = "command line"
HARMLESS = ("repeated_id", "repeated_row", "deleted")  # skipped on purpose: nothing is wrong with such a row
SHOWN_FAILURES = 20
JOB_FIELDS = ("id", "project", "kind", "title", "state", "done", "total", "unit", "message", "remedy", "result")


class Session:
    """One invocation: the host's store, the project named, and what was asked for."""

    def __init__(self, settings: Settings, options: argparse.Namespace) -> None:
        self.host = Host(settings)
        self.queue = JobQueue(self.host)
        self.options = options
        self.project: str = options.project or DEMO
        for project in self.host.projects():
            if self.project in (project.slug, project.name):
                self.project = project.slug  # by which the page finds its jobs
                break

    def ensure_project(self) -> None:
        """Make the project when it is new."""
        self.project = self.host.ensure_project(self.project).slug

    def run_job(self, kind: str, title: str, arguments: dict[str, Any], unit: str) -> Job:
        """Run a job in this process; it stands in the job list like any other.

        Raises:
            TagloomError: it failed.
        """
        job = self.queue.create(self.project, kind, title, arguments, person=PERSON, unit=unit, state=RESERVED)
        return self.follow(job)

    def follow(self, job: Job) -> Job:
        """Execute a job made by this command, showing its progress on a terminal."""
        over = threading.Event()
        if sys.stderr.isatty():
            threading.Thread(target=self._watch, args=(job.id, over), daemon=True).start()
        try:
            ended = execute(self.queue, job.id, KINDS)
        finally:
            over.set()
        while ended is None or ended.active:  # a running server took it first
            time.sleep(0.3)
            ended = self.queue.get(job.id)
        if ended.state != "done":
            kind = getattr(errors, str(ended.result.get("error")), TagloomError)
            raise kind(ended.message or f"The job ended as {ended.state}.", ended.remedy or "Resume or retry it.")
        return ended

    def _watch(self, job_id: str, over: threading.Event) -> None:
        while not over.wait(1.0):
            job = self.queue.get(job_id)
            rate = f", {job.rate:.0f}/s" if job.rate else ""
            of = f" of {job.total:,}" if job.total else ""
            print(f"\r{job.done:,}{of} {job.unit}{rate}   ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


Outcome = tuple[dict[str, Any], str, int]  # (for --json, for people, exit code)


def import_command(session: Session) -> Outcome:
    options = session.options
    path = Path(options.path).expanduser().resolve()
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", "Check the spelling.")
    found = inspect(path)
    mapping = _mapping(options, guess_mapping(found), list(found.rows))
    session.ensure_project()
    arguments = {
        "path": str(path),
        "name": path.name,
        "corpus": options.corpus,
        "kind": options.kind,
        "mapping": mapping.to_json(),
    }
    job = session.run_job("import", f"Import {path.name} into {options.corpus}", arguments, "rows")
    result = job.result
    query = select(import_note).where(import_note.c.import_run == job.id, import_note.c.outcome == "skipped")
    with session.host.open(session.project).read() as connection:
        broken = [
            {k: getattr(n, k) for k in ("file", "row", "field", "code", "cause", "remedy")}
            for n in connection.execute(query.where(import_note.c.code.not_in(HARMLESS)).limit(1000))
        ]
    counts = ("new", "updated", "unchanged", "skipped")
    text = f"{result['corpus']}: " + ", ".join(f"{result[name]:,} {name}" for name in counts)
    lines = [f"  {b['file']} row {b['row']}: {b['cause']} {b['remedy']}" for b in broken[:SHOWN_FAILURES]]
    if len(broken) > SHOWN_FAILURES:
        lines.append(f"  … and {len(broken) - SHOWN_FAILURES} more")
    answer = {"job": job.id, **result, "failures": broken}
    return answer, "\n".join([text, *lines]), 1 if broken else 0


def _mapping(options: argparse.Namespace, guessed: Mapping, rows: list[dict[str, Any]]) -> Mapping:
    """The guessed mapping with the command's corrections."""
    changes: dict[str, str] = {}
    for entry in options.map or []:
        role, equals, column = entry.partition("=")
        if not equals or not column:
            raise InvalidInput(f"--map {entry} is not ROLE=COLUMN.", "For example: --map title=headline.")
        changes[column] = role
    if options.id:
        changes[options.id] = "id"
    if options.gold:
        changes |= {column: "keep" for column in guessed.columns("gold") if column not in options.gold}
        changes |= dict.fromkeys(options.gold, "gold")
    return guessed.changed(changes, rows) if changes else guessed


def corpora_command(session: Session) -> Outcome:
    found = list_corpora(session.host.open(session.project))
    lines = [f"{c['name']}: {c['items']:,} {c['kind']}, {c['status']['done']:,} reviewed" for c in found]
    return {"corpora": found}, "\n".join(lines) or "No corpus yet: `tagloom import FILE --corpus NAME`.", 0


def vocabulary_command(session: Session) -> Outcome:
    from core.vocabulary import importing
    from core.vocabulary.store import all_tags

    options = session.options
    if options.action == "import" and not options.gold and not options.file:
        raise InvalidInput("Nothing to import was named.", "Give a FILE, or --gold --corpus C --min-items N.")
    if options.action == "import" and options.gold and not options.corpus:
        raise InvalidInput("--gold needs a corpus.", "Add --corpus NAME.")
    if options.action == "export" and not options.file:
        raise InvalidInput("No file to write was named.", "tagloom vocabulary export FILE")
    if options.action == "import":
        session.ensure_project()
    database = session.host.open(session.project)
    if options.action == "import":
        if options.gold:
            changes = importing.import_gold(database, options.corpus, options.min_items, PERSON)
        else:
            tags, first = importing.parse(importing.read_text(Path(options.file)))
            changes = importing.import_new(database, tags, PERSON, first)
        lines = [f"{changes.added:,} added, {changes.updated:,} updated, {changes.unchanged:,} unchanged"]
        lines += [f"  row {p['row']}: {p['cause']} {p['remedy']}" for p in changes.problems[:SHOWN_FAILURES]]
        return changes.as_dict(), "\n".join(lines), 1 if changes.skipped else 0
    with database.read() as connection:
        if options.action == "export":
            text = importing.export_csv(connection)
            count = len(all_tags(connection))
        else:
            tags_now = all_tags(connection)
    if options.action == "export":
        try:
            Path(options.file).write_text("\ufeff" + text, encoding="utf-8", newline="")
        except OSError as error:
            raise InvalidInput(
                f"{options.file} cannot be written: {error.strerror}.", "Choose another file."
            ) from error
        return {"tags": count, "path": str(Path(options.file).resolve())}, f"{count:,} tags written", 0
    listed = [{"id": str(t.id), "name": t.name, "aliases": list(t.aliases), "parent": t.parent} for t in tags_now]
    return {"tags": listed}, "\n".join(t.name for t in tags_now) or "The vocabulary is empty.", 0


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


def evaluate_command(session: Session) -> Outcome:
    from core.tagging.evaluation import evaluate

    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, session.options.corpus)
        runs = evaluate(connection, corpus, session.options.run)
    lines = [
        f"run {r['run']} {r['method']}/{r['engine']}: P {r['precision']:.3f}  R {r['recall']:.3f}  F1 {r['f1']:.3f}"
        f"  ({r['scored_items']:,} items)"
        for r in runs
    ]
    return {"runs": runs}, "\n".join(lines), 0


def export_command(session: Session) -> Outcome:
    options = session.options
    path = Path(options.out).expanduser().resolve()
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", "Give the name of the file to write.")
    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, options.corpus)
    arguments = {
        "corpus": corpus.id,
        "format": options.format,
        "path": str(path),
        "status": options.status,
        "suggestions": options.suggestions,
        "provenance": options.provenance,
    }
    result = session.run_job("export", f"Export {corpus.name} as {options.format}", arguments, "items").result
    return result, f"{result['items']:,} items written to {result['path']}", 0


def runs_command(session: Session) -> Outcome:
    from core.tagging.runs import list_runs

    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, session.options.corpus) if session.options.corpus else None
        runs = list_runs(connection, corpus, limit=500)
    lines = [
        f"{r['id']}  {r['method']}/{r['engine']}  {r['ok']:,} items, {r['suggestions']:,} suggestions" for r in runs
    ]
    return {"runs": runs}, "\n".join(lines) or "No run yet: `tagloom tag --corpus NAME`.", 0


def jobs_command(session: Session) -> Outcome:
    options = session.options
    if options.action and not options.job:
        raise InvalidInput(f"Which job to {options.action} was not said.", "`tagloom jobs` lists their ids.")
    if options.action == "cancel":
        jobs = [session.queue.cancel(options.job)]
    elif options.action in ("resume", "retry"):
        queued = getattr(session.queue, options.action)(options.job)
        jobs = [session.follow(queued)]
    else:
        jobs = session.queue.recent(session.project if options.project else None, limit=200)
    shown = [
        {
            name: getattr(job, name)
            for name in (
                "id",
                "project",
                "kind",
                "title",
                "state",
                "done",
                "total",
                "unit",
                "message",
                "remedy",
                "result",
            )
        }
        for job in jobs
    ]
    lines = [
        f"{j.id}  {j.state:<11}  {j.done:,}{f' of {j.total:,}' if j.total else ''} {j.unit}  {j.title}" for j in jobs
    ]
    return {"jobs": shown}, "\n".join(lines) or "No job yet.", 0


def doctor_command(session: Session) -> Outcome:
    from core.doctor import host_facts

    facts = host_facts(session.host)
    signs = {True: "ok  ", False: "NOT ", None: "    "}
    lines = [f"{signs[c['ok']]} {c['name']}: {c['detail']} {c['remedy']}".rstrip() for c in facts["checks"]]
    return facts, "\n".join(lines), 0 if all(c["ok"] is not False for c in facts["checks"]) else 1


COMMANDS: dict[str, Callable[[Session], Outcome]] = {
    "import": import_command,
    "corpora": corpora_command,
    "vocabulary": vocabulary_command,
    "tag": tag_command,
    "evaluate": evaluate_command,
    "export": export_command,
    "runs": runs_command,
    "jobs": jobs_command,
    "doctor": doctor_command,
}


def serve_command(settings: Settings, options: argparse.Namespace) -> None:
    """Open the app; this door alone reaches up to the page."""
    from ui.server import serve

    settings = replace(
        settings,
        host=options.host or settings.host,
        port=options.port or settings.port,
        public=settings.public or options.public,
    )
    serve(settings, demo=not options.no_demo)


def _refuse(error: TagloomError, as_json: bool) -> int:
    """Say what is wrong; returns the exit code."""
    if as_json:
        print(orjson.dumps(error.as_dict()).decode())
    else:
        print(error, file=sys.stderr)
    return error.exit_code


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        options = parser().parse_args(given)
    except InvalidInput as error:
        return _refuse(error, "--json" in given)
    if options.version:
        version = installed_version()
        print(orjson.dumps({"version": version}).decode() if options.json else f"tagloom {version}")
        return 0
    try:
        if options.command is None:
            raise InvalidInput("No command was given.", "`tagloom --help` lists them.")
        settings = load_settings()
        if options.command == "serve":
            serve_command(settings, options)
            return 0
        session = Session(settings, options)
        try:
            answer, text, code = COMMANDS[options.command](session)
        finally:
            session.host.close()
    except TagloomError as error:
        return _refuse(error, options.json)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if not options.json:
            raise
        traceback.print_exc()  # to standard error; who reads the JSON still gets an object
        message = f"Tagloom made a mistake here ({type(error).__name__})."
        return _refuse(TagloomError(message, "The details are on standard error."), True)
    print(orjson.dumps(answer).decode() if options.json else text)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""`tagloom vocabulary`: bring tags in and out, build them from a corpus, decide what is proposed."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from core.commands.engine_options import add_engine_options, engine_options, engine_secrets
from core.commands.session import PERSON, SHOWN_FAILURES, Command, MakeParser, Outcome, Session
from core.errors import InvalidInput
from core.store.database import Database

ACTIONS = ("import", "export", "list", "build", "proposals")
LISTED = 50


def add_options(command: MakeParser) -> None:
    vocabulary = command("vocabulary", "Import, export, list or build the vocabulary; decide what is proposed.")
    vocabulary.add_argument("action", choices=ACTIONS)
    vocabulary.add_argument("file", nargs="?", metavar="FILE", help="a plain list, csv with a name column, or TagGPT's")
    vocabulary.add_argument("--gold", action="store_true", help="import: take the gold tags of a corpus")
    vocabulary.add_argument("--taggpt", action="store_true", help="FILE is a final_tags.csv (import sees it by itself)")
    vocabulary.add_argument("--corpus", metavar="C", help="the corpus to build from, or whose gold tags are taken")
    vocabulary.add_argument("--min-items", type=int, metavar="N", help="gold: used on N items or more; build: at least")
    vocabulary.add_argument("--limit", type=int, metavar="N", help="build: only the first N items")
    vocabulary.add_argument("--size", type=int, metavar="N", help="build: at most N new tags (default: by the items)")
    vocabulary.add_argument("--from-stage", metavar="S", help="build: begin at this stage of an earlier build")
    vocabulary.add_argument("--build", metavar="JOB", help="build: the earlier build to go on from")
    vocabulary.add_argument(
        "--accept-above", type=float, metavar="X", help="proposals: accept all that score X or more"
    )
    vocabulary.add_argument("--kind", metavar="K", help="proposals: only add, alias, merge, parent or archive")
    add_engine_options(vocabulary)


def vocabulary_command(session: Session) -> Outcome:
    options = session.options
    actions = {"import": _import, "export": _export, "list": _list, "build": _build, "proposals": _proposals}
    if options.action in ("import", "export") and not options.file and not options.gold:
        what = "Nothing to import" if options.action == "import" else "No file to write"
        remedy = "Give a FILE, or --gold --corpus C --min-items N." if options.action == "import" else "Give a FILE."
        raise InvalidInput(f"{what} was named.", remedy)
    if options.gold and not options.corpus:
        raise InvalidInput("--gold needs a corpus.", "Add --corpus NAME.")
    if options.action == "import":
        session.ensure_project()
    return actions[options.action](session, session.host.open(session.project))


def _import(session: Session, database: Database) -> Outcome:
    from core.vocabulary import importing
    from core.vocabulary.taggpt import looks_like_taggpt

    options = session.options
    if options.gold:
        least = 1 if options.min_items is None else options.min_items
        changes = importing.import_gold(database, options.corpus, least, PERSON)
    else:
        text = importing.read_text(Path(options.file))
        if options.taggpt or looks_like_taggpt(text):
            return _import_taggpt(session)
        tags, first = importing.parse(text)
        changes = importing.import_new(database, tags, PERSON, first)
    lines = [f"{changes.added:,} added, {changes.updated:,} updated, {changes.unchanged:,} unchanged"]
    lines += [f"  row {p['row']}: {p['cause']} {p['remedy']}" for p in changes.problems[:SHOWN_FAILURES]]
    return changes.as_dict(), "\n".join(lines), 1 if changes.skipped else 0


def _import_taggpt(session: Session) -> Outcome:
    from core.vocabulary.taggpt_files import KIND

    path = Path(session.options.file).resolve()
    job = session.run_job(KIND, f"Import {path.name} (TagGPT)", {"path": str(path), "name": path.name}, "rows")
    report = job.result
    found, clashes = report["proposals"], report["collisions"]
    lines = [
        f"{report['rows']:,} rows: {report['added']:,} tags added, {report['unchanged']:,} here already, "
        f"{report['repeated']:,} repeated",
        f"{found['alias']:,} aliases and {found['archive']:,} to archive are proposed (`tagloom vocabulary proposals`)",
        f"{clashes['ambiguous']:,} absorbed strings had several owners; {clashes['opposites']:,} were their opposites "
        "and are not proposed",
    ]
    lines += [f"  row {p['row']}: {p['cause']} {p['remedy']}" for p in report["problems"][:SHOWN_FAILURES]]
    return {"job": job.id, **report}, "\n".join(lines), 1 if report["skipped"] else 0


def _export(session: Session, database: Database) -> Outcome:
    from core.vocabulary.importing import export_csv
    from core.vocabulary.store import all_tags
    from core.vocabulary.taggpt_files import export_final_tags

    options = session.options
    with database.read() as connection:
        if options.taggpt:
            text, count = export_final_tags(connection)
        else:
            text, count = "\ufeff" + export_csv(connection), len(all_tags(connection))
    try:
        Path(options.file).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"{options.file} cannot be written: {error.strerror}.", "Choose another file.") from error
    return {"tags": count, "path": str(Path(options.file).resolve())}, f"{count:,} tags written", 0


def _list(session: Session, database: Database) -> Outcome:
    from core.vocabulary.store import all_tags

    with database.read() as connection:
        tags = all_tags(connection)
    listed = [{"id": str(t.id), "name": t.name, "aliases": list(t.aliases), "parent": t.parent} for t in tags]
    return {"tags": listed}, "\n".join(t.name for t in tags) or "The vocabulary is empty.", 0


def _build(session: Session, database: Database) -> Outcome:
    from core.corpora.catalog import find_corpus
    from core.vocabulary.building import KIND, STAGES, check_request, continued

    options = session.options
    given = {name: getattr(options, name) for name in ("samples", "limit", "use_case", "language", "size")}
    request = check_request(
        {**given, "least": options.min_items, "from_stage": options.from_stage, "build": options.build}
    )
    if request["build"]:
        stage = request["from_stage"] or "cleaned"
        earlier = continued(session.queue, session.project, request["build"], stage)
        changed = {name: request[name] for name in ("size", "least") if request[name] is not None}
        arguments = {**earlier.arguments, **changed, "from_stage": stage, "build": earlier.id}
        secrets: dict[str, str] = {}
    else:
        if not options.corpus:
            raise InvalidInput("No corpus was named.", "Add --corpus NAME.")
        engine = engine_options(session)
        arguments = {**request, **engine.as_arguments(), "corpus": options.corpus}
        secrets = engine_secrets(session, engine)
    with database.read() as connection:
        corpus = find_corpus(connection, arguments["corpus"])
    arguments["corpus"] = corpus.id
    job = session.run_job(KIND, f"Vocabulary from {corpus.name}", arguments, "items", secrets)
    result = job.result
    lines = [_line(label, result["stages"][name]) for name, label in STAGES]
    lines.append("Decide them in the page, or with `tagloom vocabulary proposals --accept-above X`.")
    return {"job": job.id, **result}, "\n".join(lines), 1 if result["failed"] else 0


def _line(label: str, counts: dict[str, Any]) -> str:
    return f"{label}: " + ", ".join(f"{n.replace('_', ' ')} {v:,}" for n, v in counts.items() if type(v) is int and v)


def _proposals(session: Session, database: Database) -> Outcome:
    from core.review.agreement import keeping_agreement
    from core.vocabulary.deciding import accept_above
    from core.vocabulary.proposals import page_of_proposals

    options = session.options
    if options.accept_above is not None:
        line, kind, key = options.accept_above, options.kind or "", str(uuid.uuid4())
        answer = keeping_agreement(database, lambda: accept_above(database, line, kind, PERSON, key))
        lines = [f"{answer['accepted']:,} accepted, {answer['failed']:,} not (edits {answer['batch']})"]
        lines += [f"  {p['name']}: {p['message']} {p['remedy']}" for p in answer["problems"][:SHOWN_FAILURES]]
        return answer, "\n".join(lines), 1 if answer["failed"] else 0
    with database.read() as connection:
        page = page_of_proposals(connection, kind=options.kind or "", limit=LISTED)
    lines = [
        f"{p['score']:.2f}  {p['kind']:<7} {p['name']}{' → ' + p['into'] if p['into'] else ''}  ({p['items']:,} items)"
        for p in page["proposals"]
    ]
    total = sum(n for kind, n in page["counts"]["open"].items() if not options.kind or kind == options.kind)
    if total > len(lines):
        lines.append(f"… {total - len(lines):,} more")
    return {**page, "open": total}, "\n".join(lines) or "Nothing is proposed: `tagloom vocabulary build`.", 0


COMMANDS: dict[str, Command] = {"vocabulary": vocabulary_command}

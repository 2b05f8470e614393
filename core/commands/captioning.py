"""`tagloom caption-music`: captions from typed tags, from a file of tracks, or for a corpus."""

from __future__ import annotations

import argparse
import copy
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from core.captions.datasets import LAYOUTS, SPLITS, Dataset, find_dataset, split_condition
from core.captions.export_options import MUSIC_FORMATS, check_export
from core.captions.styles import STYLES, style_of
from core.commands.engine_options import add_engine_choice, engine_options, engine_secrets
from core.commands.importing import import_command
from core.commands.session import SHOWN_FAILURES, Command, MakeParser, Outcome, Session
from core.commands.tagging import dollars
from core.corpora.catalog import find_corpus
from core.corpora.writing import FORMATS
from core.engines.connecting.connections import BUILTIN
from core.errors import InvalidInput, NotFound
from core.store.projects import Host
from core.store.schema import item, run, run_item

BY_ENDING = {".csv": "lp-musiccaps-csv", ".jsonl": "lp-musiccaps-jsonl", ".zip": "text", ".parquet": "parquet"}
"""What --out writes where --format does not say it."""


def add_options(command: MakeParser) -> None:
    music = command("caption-music", "Write captions of music from tags: of one set of tags, of a file, of a corpus.")
    music.add_argument("path", nargs="?", metavar="FILE", help="tracks with tags, or the folder of such a data set")
    music.add_argument("--tags", metavar="T", help='tags of one piece, such as "happy, piano": prints its captions')
    music.add_argument("--corpus", metavar="C", help="the music corpus to write for, or to import FILE into")
    music.add_argument(
        "--style",
        "--prompt",
        dest="style",
        action="append",
        metavar="S",
        help=f"{', '.join(STYLES)}, or all (default); may be given several times",
    )
    music.add_argument("--dataset-type", choices=tuple(LAYOUTS), help="FILE is of that layout of LP-MusicCaps")
    music.add_argument("--split", metavar="S", help=f"only this part of the data set: {', '.join(SPLITS)}")
    music.add_argument("--split-file", metavar="F", help="which track is of which part (default: found beside FILE)")
    add_engine_choice(music)
    music.add_argument("--candidates", type=int, metavar="N", help="captions to choose from, 1 to 5 (default 1)")
    music.add_argument("--retry-failing", type=int, metavar="N", help="ask again for what fails its checks, 0 to 2")
    music.add_argument("--only", choices=("all", "missing", "failing"), default="all", help="which captions to write")
    music.add_argument("--limit", type=int, metavar="N", help="only the first N tracks")
    music.add_argument("--length", metavar="L", help="short, medium, long, or about so many words")
    music.add_argument("--tone", metavar="T", help="neutral, prompt, marketing, academic, or in your own words")
    music.add_argument("--tense", metavar="T", help="present or past")
    music.add_argument("--language", metavar="L", help="the captions' language")
    music.add_argument("--banned", metavar="W", help="words that must not occur, separated by commas")
    music.add_argument("--budget", metavar="X", help="stop when a model's answers have cost X US dollars")
    music.add_argument("--batch", action="store_true", help="hand all questions in together: cheaper, within a day")
    music.add_argument("--estimate", action="store_true", help="say what it would take, and stop")
    music.add_argument("--out", metavar="PATH", help="write the captions to a file")
    formats = (*FORMATS, *MUSIC_FORMATS)
    music.add_argument("--format", choices=formats, help="of --out (default: by its ending, LP-MusicCaps' columns)")
    music.add_argument("--predicted", action="store_true", help="with captions that hold predicted attributes in --out")
    music.add_argument("--failures", metavar="PATH", help="write a csv of what has no usable caption, and why")


def caption_command(session: Session) -> Outcome:
    options = session.options
    if options.tags is not None:
        return _one(session)
    if options.path is None and options.corpus is None:
        raise InvalidInput(
            "There is nothing to write about.",
            'Give --tags "happy, piano", a FILE, or --corpus NAME; or several styles.',
        )
    styles = _styles(options.style)
    outputs = _outputs(options, styles)
    request = _request(session, styles)
    dataset = _dataset(options)
    told: dict[str, Any] = {}
    lines: list[str] = []
    code = 0
    if dataset is not None:
        told["import"], text, code = _import(session, dataset)
        lines.append(text)
    name = options.corpus if dataset is None else dataset.corpus
    database = session.host.open(session.project)
    with database.read() as connection:
        corpus = find_corpus(connection, name)
        if options.split:
            request["where"] = split_condition(connection, corpus, options.split, options.dataset_type)
    answer, text, failed = _run(session, corpus.id, corpus.name, request)
    lines.append(text)
    written = {}
    for kind, (path, arguments) in outputs.items() if not options.estimate else ():
        checked = check_export(corpus.kind, {**arguments, "where": request.get("where")})
        title = f"Export {corpus.name} as {checked['format']}"
        job = session.run_job("export", title, {"corpus": corpus.id, "path": str(path), **checked}, "items")
        written[kind] = job.result
        lines.append(f"{job.result['captions']:,} {kind} written to {job.result['path']}")
    return {**answer, **told, **({"written": written} if written else {})}, "\n".join(lines), max(code, failed)


# one set of tags


def _one(session: Session) -> Outcome:
    from core.captions.trial import caption_tags

    options = session.options
    if options.path or options.split or options.split_file or options.estimate or options.failures:
        raise InvalidInput("--tags is about one piece of music alone.", "Leave out FILE, --split and --failures.")
    styles = _styles(options.style)
    engine = engine_options(session)
    with ExitStack() as stack:
        host, project = session.host, session.project
        if not options.project and all(each.slug != project for each in host.projects()):
            if engine.engine == BUILTIN:  # it keeps nothing, so a first word with Tagloom needs no project
                host, project = _scratch(session, stack)
            else:
                session.ensure_project()
        found = caption_tags(
            host,
            host.open(project),
            options.tags,
            styles,
            engine,
            key=next(iter(engine_secrets(session, engine).values()), None),
            controls=_controls(options),
            candidates=1 if options.candidates is None else options.candidates,
            retry_failing=options.retry_failing or 0,
            corpus=options.corpus or "",
        )
    texts, lines, notes = [], [], []
    for style, caption in found["captions"].items():
        best = caption["candidates"][0] if caption["state"] == "ok" and caption["candidates"] else None
        said = best["text"] if best else f"no caption: {caption['error']}"
        texts.append(said if best else "")
        lines.append(said if len(styles) == 1 else f"{style}: {said}")
        if best and best["predicted"]:
            notes.append(f"Predicted, not given: {', '.join(best['predicted'])}.")
        if best:
            notes += [f"{style}, {best['checks']['verdict']}: {r['message']}" for r in best["checks"]["reasons"]]
    notes += [*found["tags"]["contradictions"], *filter(None, [found["note"]])]
    if options.out:
        path = Path(options.out).expanduser().resolve()
        try:
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{path} cannot be written: {error.strerror}.", "Choose another file.") from error
    return found, "\n".join([*lines, *(f"  {note}" for note in notes)]), 0 if all(texts) else 1


def _scratch(session: Session, stack: ExitStack) -> tuple[Host, str]:
    """A host with an empty project that is gone afterwards."""
    folder = stack.enter_context(TemporaryDirectory(prefix="tagloom-", ignore_cleanup_errors=True))
    host = Host(replace(session.host.settings, home=Path(folder), database_url=None))
    stack.callback(host.close)
    return host, host.create_project("Typed tags").slug


# many


def _styles(given: list[str] | None) -> tuple[str, ...]:
    names = [name for entry in given or ["all"] for name in entry.split(",") if name.strip()]
    if any(name.strip().lower() == "all" for name in names):
        return STYLES
    wanted = {style_of(name) for name in names}
    return tuple(style for style in STYLES if style in wanted)


def _controls(options: argparse.Namespace) -> dict[str, Any]:
    names = ("length", "tone", "tense", "language", "banned")
    return {name: value for name in names if (value := getattr(options, name))}


def _request(session: Session, styles: tuple[str, ...]) -> dict[str, Any]:
    """The checked request with its engine."""
    from core.captions.request import check_request
    from core.tagging.batching import check_offered

    options = session.options
    engine = engine_options(session)
    names = ("candidates", "retry_failing", "only", "limit", "budget", "batch")
    given = {name: getattr(options, name) for name in names}
    request = check_request(
        {**given, "styles": list(styles), "controls": _controls(options), "engine": engine.engine},
    )
    if request.get("batch"):
        check_offered(session.host, engine.base_url)
    return {**request, **engine.as_arguments()}


def _dataset(options: argparse.Namespace) -> Dataset | None:
    """The data set that FILE or --dataset-type names; None where a corpus is there already.

    Raises:
        NotFound: there is no such file.
    """
    if options.path is None and options.dataset_type is None:
        return None
    if options.path is None and options.corpus is not None:
        return None  # --dataset-type then only says what TRAIN means
    path = Path(options.path or ".").expanduser().resolve()
    split_file = Path(options.split_file).expanduser().resolve() if options.split_file else None
    if split_file is not None and not split_file.is_file():
        raise NotFound(f"There is no file {split_file}.", "Check the spelling.")
    return find_dataset(path, options.dataset_type, split_file, options.corpus)


def _import(session: Session, dataset: Dataset) -> Outcome:
    """Import a data set as music, by the same command as `tagloom import`."""
    from core.arguments import parser

    words = ["import", str(dataset.path), "--corpus", dataset.corpus, "--kind", "music"]
    words += [f"--map=given={dataset.tags}"] if dataset.tags else []
    words += [f"--split-file={dataset.split_file}"] if dataset.split_file else []
    importing = copy.copy(session)
    importing.options = parser().parse_args(words)
    outcome = import_command(importing)
    session.project = importing.project
    return outcome


def _outputs(options: argparse.Namespace, styles: tuple[str, ...]) -> dict[str, tuple[Path, dict[str, Any]]]:
    """{what: (path, an export's arguments)}, checked before anything is spent."""
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    if options.out:
        path = Path(options.out).expanduser().resolve()
        format = options.format or BY_ENDING.get(path.suffix.lower())
        if format is None:
            raise InvalidInput(
                f"The ending of {path.name} says no format.", f"Use {', '.join(BY_ENDING)}, or --format."
            )
        # who asks for nothing but predictions wants them
        predicted = options.predicted or styles == ("attribute_prediction",)
        arguments = {"format": format, "styles": list(styles), "predicted": predicted}
        found["captions"] = (path, arguments)
    if options.failures:
        path = Path(options.failures).expanduser().resolve()
        found["failures"] = (path, {"format": "failures", "styles": list(styles)})
    for path, arguments in found.values():
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder.", "Give the name of the file to write.")
        check_export("music", arguments)
    return found


def _run(session: Session, corpus: str, name: str, request: dict[str, Any]) -> Outcome:
    from core.captions.request import request_of

    arguments = {"corpus": corpus, **request}
    if session.options.estimate:
        return _estimate(session, corpus, arguments)
    asked = request_of(arguments)
    secrets = engine_secrets(session, asked.engine)
    result = session.run_job("caption-music", f"Caption {name} ({asked.title})", arguments, "captions", secrets).result
    failures = _failures(session, result)
    text = f"{result['ok']:,} of {result['items']:,} captions"
    if result.get("requests") or result.get("cached"):
        cost = ", unknown price" if result["cost"] is None else f", {dollars(result['cost'])}"
        text += f", {result['requests']:,} requests, {result['tokens']:,} tokens{cost}"
    lines = [text]
    for style, counts in result["verdicts"].items():
        lines.append(f"  {style}: " + ", ".join(f"{n:,} {verdict}" for verdict, n in counts.items() if n))
    lines += [f"  {f['id']}, {f['style']}: {f['state']} {f['error'] or ''}" for f in failures[:SHOWN_FAILURES]]
    return {**result, "failures": failures}, "\n".join(lines), 1 if result["items"] > result["ok"] else 0


def _failures(session: Session, result: dict[str, Any]) -> list[dict[str, Any]]:
    runs = [int(each) for each in result["runs"].values()]
    query = (
        select(item.c.id, item.c.external_id, run.c.method, run_item.c.state, run_item.c.error)
        .join(run_item, run_item.c.item == item.c.pk)
        .join(run, run.c.id == run_item.c.run)
        .where(run_item.c.run.in_(runs), run_item.c.state != "ok")
        .order_by(item.c.pk, run.c.id)
        .limit(1000)
    )
    with session.host.open(session.project).read() as connection:
        rows = connection.execute(query).all()
    return [{"id": r.external_id or r.id, "style": r.method, "state": r.state, "error": r.error} for r in rows]


def _estimate(session: Session, corpus: str, arguments: dict[str, Any]) -> Outcome:
    from core.captions.estimate import estimate_captions

    found = estimate_captions(session.host.open(session.project), corpus, arguments, session.host)
    cost = "unknown price" if found["cost"] is None else dollars(found["cost"])
    tokens = f"{found['prompt_tokens']:,} + {found['completion_tokens']:,} tokens"
    return found, f"{found['items']:,} captions, about {found['requests']:,} requests, {tokens}, {cost}", 0


COMMANDS: dict[str, Command] = {"caption-music": caption_command}

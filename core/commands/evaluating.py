"""`tagloom evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.commands.session import Command, MakeParser, Outcome, Session
from core.corpora.catalog import find_corpus
from core.errors import InvalidInput, NotFound


def add_options(command: MakeParser) -> None:
    evaluate = command("evaluate", "Score runs against the gold tags, or captions against tags and reference captions.")
    evaluate.add_argument("--corpus", required=True, metavar="C", help="the corpus that was tagged or captioned")
    evaluate.add_argument("--run", action="append", metavar="ID", help="only this run (may be given again)")
    evaluate.add_argument(
        "--captions",
        metavar="FILE",
        help="score any system's captions of a music corpus: json, jsonl or csv with an id or the reference text, and "
        "a prediction",
    )
    evaluate.add_argument(
        "--style", metavar="S", help="with --captions: the style they are held to (summary: one sentence)"
    )
    evaluate.add_argument("--prediction", metavar="COLUMN", help="with --captions: the column that holds them")


def evaluate_command(session: Session) -> Outcome:
    if session.options.captions:
        return _captions(session)
    for option in ("style", "prediction"):
        if getattr(session.options, option):
            raise InvalidInput(f"--{option} is about captions.", "Give --captions FILE, too, or leave it out.")
    from core.tagging.comparing import agents_agreement
    from core.tagging.evaluation import evaluate

    with session.host.open(session.project).read() as connection:
        corpus = find_corpus(connection, session.options.corpus)
        runs = evaluate(connection, corpus, session.options.run)
        agreement = agents_agreement(connection, corpus)
    lines = [line for run in runs for line in _lines(run)]
    if agreement is not None:
        kappa = "undefined" if agreement["kappa"] is None else f"{agreement['kappa']:.3f}"
        lines.append(
            f"agents: mean Jaccard {agreement['mean_jaccard']:.3f}  kappa {kappa}  "
            f"{sum(agreement['disagree'].values()):,} of {agreement['items']:,} items below {agreement['below']}"
        )
    return {"runs": runs, "agreement": agreement}, "\n".join(lines), 0


def _captions(session: Session) -> Outcome:
    from core.captions.evaluating import evaluate_captions, told
    from core.captions.pages import music_corpus

    options = session.options
    if options.run:
        raise InvalidInput("--run is about tags.", "Leave it out, or leave --captions out.")
    path = Path(options.captions)
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", "Check the path.")
    with session.host.open(session.project).read() as connection:
        corpus = music_corpus(find_corpus(connection, options.corpus))
        figures = evaluate_captions(connection, corpus, path, style=options.style, prediction=options.prediction)
    return figures, "\n".join(told(figures)), 0


def _lines(run: dict[str, Any]) -> list[str]:
    """The figures of one run for reading: the first line is the one that counts."""

    def rates(figures: dict[str, Any]) -> str:
        return f"P {figures['precision']:.3f}  R {figures['recall']:.3f}  F1 {figures['f1']:.3f}"

    lines = [f"run {run['run']} {run['method']}/{run['engine']}: {rates(run)}  ({run['scored_items']:,} items)"]
    if run["interval"]:
        low, high = run["interval"]["f1"]
        lines[0] += f"  95 % of F1 {low:.3f}–{high:.3f}"
    others = {
        "exact names": run["exact"],
        "vocabulary only": run["in_vocabulary"],
        "before matching": run["before_matching"],
    }
    others |= {"macro over tags": run["macro"], "mean over items": run["per_item"]}
    lines += [f"  {name:16} {rates(figures)}" for name, figures in others.items() if figures is not None]
    at = "  ".join(f"{each['k']} {each['f1']:.3f}" for each in run["at_k"])
    coverage, redundancy = run["coverage"], run["redundancy"]
    lines.append(f"  F1 at k          {at}")
    lines.append(
        f"  coverage         {coverage['items_share']:.1%} of items have a tag, {coverage['vocabulary_used']:,} of "
        f"{coverage['vocabulary']:,} tags used, {coverage['tags_per_item']:.1f} per item, "
        f"{redundancy['share']:.1%} say again what another says"
    )
    lines.append(
        f"  gold             {run['gold_in_vocabulary']:.1%} of {run['gold_labels']:,} labels are in the vocabulary"
    )
    return lines


COMMANDS: dict[str, Command] = {"evaluate": evaluate_command}

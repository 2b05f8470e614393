"""`tagloom evaluate`."""

from __future__ import annotations

from core.commands.session import Command, MakeParser, Outcome, Session
from core.corpora.catalog import find_corpus


def add_options(command: MakeParser) -> None:
    evaluate = command("evaluate", "Score runs against the gold tags: exact micro figures, newest first.")
    evaluate.add_argument("--corpus", required=True, metavar="C", help="the corpus that was tagged")
    evaluate.add_argument("--run", action="append", metavar="ID", help="only this run (may be given again)")


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


COMMANDS: dict[str, Command] = {"evaluate": evaluate_command}

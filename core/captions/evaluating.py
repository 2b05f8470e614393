"""`tagloom evaluate --captions`: the figures of one file of captions, without storing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.captions import metrics
from core.captions.checks import CHECK_VERSION, check
from core.captions.figures import FLOOR_OF, Tally, references_of
from core.captions.loading import read_foreign
from core.captions.pages import Facts
from core.captions.styles import STYLES, style_of
from core.corpora.catalog import Corpus
from core.review.meanings import chunks
from core.store.schema import item

WHOLE = "captions"  # the kind of captions where no style is named: their number of sentences is not judged by one


def evaluate_captions(
    connection: Connection,
    corpus: Corpus,
    path: Path,
    *,
    style: str | None = None,
    prediction: str | None = None,
) -> dict[str, Any]:
    """Score a file of captions against a corpus' tags and reference captions.

    Args:
        style: the style to hold the captions to (a summary is one sentence); none by default.
        prediction: the column that holds them, where its name does not tell.

    Returns:
        {file, corpus, version, style, captions, …counts of `Foreign`, …`Tally.figures`, floor, floor_of}. Where the
        corpus has no reference of a track, the one in the file counts.

    Raises:
        InvalidInput: as `core.captions.loading.read_foreign`; or there is no such style.
    """
    held_to = style_of(style) if style else WHOLE
    found = read_foreign(connection, corpus, path, prediction=prediction)
    facts = Facts(connection, corpus)
    references = found.references | references_of(connection, corpus)
    tally = Tally()
    for part in chunks(sorted(found.captions)):
        query = select(item.c.pk, item.c.id, item.c.external_id, item.c.fields).where(item.c.pk.in_(part))
        for row in connection.execute(query.order_by(item.c.pk)):
            text = found.captions[row.pk]
            checks = check(text, facts.tags(orjson.loads(row.fields)), held_to, names=facts.names).as_dict()
            tally.add(row.external_id or row.id, text, checks, references.get(row.pk))
    others = [(reference, reference) for _, reference in tally.pairs]
    return {
        "file": path.name,
        "corpus": corpus.name,
        "version": CHECK_VERSION,
        "style": held_to if held_to in STYLES else None,
        "captions": len(found.captions),
        **found.counts(),
        **tally.figures(),
        "floor": metrics.shuffled_floor(others) or None,
        "floor_of": FLOOR_OF,
    }


def told(figures: dict[str, Any]) -> list[str]:
    """The figures as lines to read: checks first, because overlap with references says little about truth."""
    n = figures["captions"]
    verdicts, coverage = figures["verdicts"], figures["coverage"]
    left_out = [name for name in ("unknown", "ambiguous", "duplicates", "empty") if figures[name]]
    lines = [
        f"{n:,} captions of “{figures['corpus']}” from {figures['file']}"
        + "".join(f", {figures[name]:,} {name}" for name in left_out),
        "checks        " + "  ".join(f"{verdict} {verdicts[verdict] / n:.1%}" for verdict in ("pass", "warn", "fail")),
        f"tags said     {1 - coverage['missing']:.1%} ({coverage['verbatim']:.1%} word for word); all of them in "
        f"{figures['full']:.1%} of the captions",
        "no tag says   " + "  ".join(f"{facet} {count / n:.1%}" for facet, count in figures["unsupported"].items()),
    ]
    if scored := figures["metrics"]:
        lines.append(
            f"references    {scored['scored']:,}: BLEU-1…4 "
            + " / ".join(f"{scored[f'bleu{order}']:.2f}" for order in (1, 2, 3, 4))
            + f" (brevity {scored['brevity_penalty']:.2f})  ROUGE-L {scored['rouge_l']:.2f}  METEOR (no WordNet) "
            f"{scored['meteor']:.2f}  chrF {scored['chrf']:.2f}"
        )
        if floor := figures["floor"]:
            lines.append(
                f"floor         BLEU-1 {floor['bleu1']:.2f}  BLEU-4 {floor['bleu4']:.2f}  ROUGE-L "
                f"{floor['rouge_l']:.2f}  METEOR {floor['meteor']:.2f}  ({figures['floor_of']})"
            )
        if scored["novelty"] is not None:
            lines.append(f"words         {scored['vocabulary']:,}, {scored['novelty']:.1%} of them in no reference")
    texture = figures["texture"]
    length = texture["length"]
    lines.append(
        f"length        {length['mean']:.1f} ± {length['sd']:.1f} words  duplicates {texture['duplicates']:,}  "
        + "opener "
        + ", ".join(f"“{each['text']}” {each['share']:.1%}" for each in texture["openers"][:2])
    )
    return lines + figures["notes"]

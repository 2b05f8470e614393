"""The two agents beside each other: how far they agree, and what people made of what they said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from core.corpora.catalog import Corpus
from core.review.agreement import DISAGREE_BELOW, METHODS, disagreement_counts
from core.review.decisions import load_states
from core.review.suggestions import newest_runs, suggested_tags, suggestions_of
from core.store.schema import STATUS_CODE, item, item_agreement
from core.tagging.figures import kappa

BINS = 10
MOST_ITEMS = 5000  # items that kappa is worked out from, spread evenly
MOST_REVIEWED = 2000  # newest reviewed items that acceptance is counted on
PART = 500
EXPLAINED = (
    "Kappa asks of every tag on every item whether each agent says it, and measures their difference against what two "
    "agents that say each tag equally often, but at random, would show: 1 is full agreement, 0 is chance."
)


def agents_agreement(connection: Connection, corpus: Corpus) -> dict[str, Any] | None:
    """Agreement of the selective and the generative agent over a corpus; None where no item has both answers.

    Returns:
        {items, mean_jaccard, histogram: ten counts from 0–.1 to .9–1, disagree: by status, below, kappa, kappa_items,
        explained}
    """
    of_corpus = (item.c.corpus == corpus.pk, item.c.deleted == 0)
    joined = select(item_agreement).join(item, item.c.pk == item_agreement.c.item).where(*of_corpus).subquery()
    n, mean = connection.execute(select(func.count(), func.avg(joined.c.agreement))).one()
    if not n:
        return None
    histogram = [0] * BINS
    grouped = select(joined.c.agreement, func.count()).group_by(joined.c.agreement)
    for value, times in connection.execute(grouped):
        histogram[min(BINS - 1, int(value * BINS + 1e-9))] += int(times)
    keys = list(connection.execute(select(joined.c.item).order_by(joined.c.item)).scalars())
    step = max(1, -(-len(keys) // MOST_ITEMS))
    sample = keys[::step]
    return {
        "items": int(n),
        "mean_jaccard": round(float(mean), 4),
        "histogram": histogram,
        "disagree": disagreement_counts(connection, corpus.pk),
        "below": DISAGREE_BELOW,
        "kappa": _kappa(connection, sample),
        "kappa_items": len(sample),
        "explained": EXPLAINED,
    }


def _kappa(connection: Connection, keys: list[int]) -> float | None:
    pairs: list[tuple[set[int], set[int]]] = []
    for start in range(0, len(keys), PART):
        part = keys[start : start + PART]
        newest = newest_runs(connection, part)
        said = suggested_tags(connection, part, newest)
        for pk in part:
            if all((pk, method) in newest for method in METHODS):
                one, other = (said.get((pk, newest[pk, method]), set()) for method in METHODS)
                pairs.append((one, other))
    return kappa(pairs)


def acceptance(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """What people made of each agent's suggestions on the newest reviewed items.

    Returns:
        {items, tags_per_item, agents: [{agent, accepted, rejected, undecided}]}; `undecided` are new words that
        nobody has decided about, and suggestions that came after the review.
    """
    reviewed = select(item.c.pk, item.c.status).where(
        item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.status == STATUS_CODE["done"]
    )
    rows = connection.execute(reviewed.order_by(item.c.pk.desc()).limit(MOST_REVIEWED)).all()
    agents: dict[str, dict[str, int]] = {}
    tags = 0
    for start in range(0, len(rows), PART):
        codes = {row[0]: row[1] for row in rows[start : start + PART]}
        states = load_states(connection, codes)
        tags += sum(len(state.accepted) for state in states.values())
        for pk, suggestions in suggestions_of(connection, list(codes)).items():
            state = states[pk]
            for each in suggestions:
                counts = agents.setdefault(each["agent"], {"accepted": 0, "rejected": 0, "undecided": 0})
                if each["tag"] is None:
                    fate = "rejected" if each["key"] in state.dropped else "undecided"
                else:
                    decided = int(each["tag"])
                    fate = "accepted" if decided in state.accepted else "undecided"
                    fate = "rejected" if decided in state.rejected else fate
                counts[fate] += 1
    return {
        "items": len(rows),
        "tags_per_item": round(tags / len(rows), 2) if rows else 0.0,
        "agents": [{"agent": agent, **counts} for agent, counts in sorted(agents.items(), reverse=True)],
    }

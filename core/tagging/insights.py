"""What the Insights tab shows of one corpus; nothing of it is an error: what is not there yet is None or empty."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, exists, func, select

from core.corpora.catalog import Corpus, status_counts
from core.store.runs import list_runs
from core.store.schema import decision, item
from core.tagging.comparing import acceptance, agents_agreement
from core.tagging.evaluation import scored_runs

MOST_RUNS = 6


def insights(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """
    Returns:
        {corpus: {id, name, kind}, items, gold: does any item have gold labels, tagged: number of tagging runs,
        runs: the newest six with gold, with all figures, agreement: see `agents_agreement`,
        review: {counts by status, decisions, people, blind, acceptance}}
    """
    counts = status_counts(connection, corpus.pk)
    has_gold = exists().where(item.c.corpus == corpus.pk, item.c.deleted == 0, item.c.gold.is_not(None))
    runs = list_runs(connection, corpus.pk, limit=200, task="tags")
    gold = bool(connection.execute(select(has_gold)).scalar_one())
    return {
        "corpus": {"id": corpus.id, "name": corpus.name, "kind": corpus.kind},
        "items": sum(counts.values()),
        "gold": gold,
        "tagged": len(runs),
        "runs": scored_runs(connection, corpus, runs, MOST_RUNS) if gold else [],
        "agreement": agents_agreement(connection, corpus),
        "review": {"counts": counts, **_decisions(connection, corpus), "acceptance": acceptance(connection, corpus)},
    }


def _decisions(connection: Connection, corpus: Corpus) -> dict[str, Any]:
    """How many decisions, by how many people, how many of them blind; what came with a file is nobody's decision."""
    row = connection.execute(
        select(
            func.count(), func.count(func.distinct(decision.c.person)), func.coalesce(func.sum(decision.c.blind), 0)
        ).where(decision.c.corpus == corpus.pk, decision.c.applied == 1, decision.c.client_time.is_not(None))
    ).one()
    return {"decisions": int(row[0]), "people": int(row[1]), "blind": int(row[2])}

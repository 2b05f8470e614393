"""How well a run's suggestions meet the gold labels: exact micro precision, recall and F1.

Gold labels count by name or alias, and only those that the vocabulary has: a tagger that must choose from the
vocabulary cannot say others. Their share is reported as `gold_in_vocabulary`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select

from core.corpora.catalog import Corpus, corpus_by_pk
from core.errors import InvalidInput
from core.store.runs import find_run, list_runs
from core.store.schema import item, run_item, suggestion
from core.vocabulary.names import name_key
from core.vocabulary.store import owners


@dataclass(frozen=True, slots=True)
class Micro:
    """Sums over all items, then one division (micro average)."""

    correct: int
    suggested: int
    gold: int

    @property
    def precision(self) -> float:
        return self.correct / self.suggested if self.suggested else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """2·P·R / (P + R), written without the two divisions in between."""
        return 2 * self.correct / (self.suggested + self.gold) if self.suggested + self.gold else 0.0


def micro(pairs: Iterable[tuple[set[int], set[int]]]) -> Micro:
    """Micro figures of (suggested, gold) sets, one pair an item."""
    correct = suggested = gold = 0
    for said, true in pairs:
        correct += len(said & true)
        suggested += len(said)
        gold += len(true)
    return Micro(correct, suggested, gold)


def evaluate_run(connection: Connection, run_id: int) -> dict[str, Any] | None:
    """Scores of one run over the items that it answered and that have gold; None when there are none."""
    known = owners(connection)
    gold: dict[int, set[int]] = {}
    labels = inside = 0
    query = (
        select(item.c.pk, item.c.gold)
        .join(run_item, run_item.c.item == item.c.pk)
        .where(run_item.c.run == run_id, item.c.gold.is_not(None), item.c.deleted == 0)
    )
    for pk, names in connection.execute(query.execution_options(yield_per=2000)):
        keys = {name_key(name) for name in orjson.loads(names)}
        labels += len(keys)
        found = {known[key] for key in keys if key in known}
        inside += sum(key in known for key in keys)
        gold[pk] = found
    if not labels:
        return None
    said: dict[int, set[int]] = {pk: set() for pk in gold}
    rows = select(suggestion.c.item, suggestion.c.tag).where(
        suggestion.c.run == run_id, suggestion.c.validity == "valid"
    )
    for pk, tag in connection.execute(rows.execution_options(yield_per=5000)):
        if pk in said:
            said[pk].add(tag)
    score = micro((said[pk], gold[pk]) for pk in gold)
    return {
        "precision": round(score.precision, 6),
        "recall": round(score.recall, 6),
        "f1": round(score.f1, 6),
        "correct": score.correct,
        "suggested": score.suggested,
        "gold": score.gold,
        "scored_items": len(gold),
        "gold_in_vocabulary": round(inside / labels, 4),
    }


def evaluate(connection: Connection, corpus: Corpus, run_ids: list[str] | None = None) -> list[dict[str, Any]]:
    """Scores of a corpus' runs, the newest first.

    Raises:
        NotFound: a run does not exist.
        InvalidInput: a run is of another corpus, or the corpus has no gold labels or no run.
    """
    runs = list_runs(connection, corpus.pk, limit=1000)
    if run_ids:
        for wanted in run_ids:
            found = find_run(connection, wanted)
            if found.corpus != corpus.pk:
                other = corpus_by_pk(connection, found.corpus).name
                raise InvalidInput(f"Run {wanted} is of the corpus “{other}”.", f"Evaluate it with --corpus {other}.")
        runs = [r for r in runs if r["id"] in run_ids]
    if not runs:
        raise InvalidInput(f"“{corpus.name}” has not been tagged yet.", "Run `tagloom tag` first.")
    scored = []
    for entry in runs:
        scores = evaluate_run(connection, int(entry["id"]))
        if scores is not None:
            head = {"run": entry["id"], **{k: entry[k] for k in ("method", "engine", "model", "parameters", "items")}}
            scored.append({**head, **scores})
    if not scored:
        raise InvalidInput(
            f"No item of “{corpus.name}” that was tagged has gold labels.",
            "Import the corpus with a column mapped to gold (--gold COLUMN).",
        )
    return scored

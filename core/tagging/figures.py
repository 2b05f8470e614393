"""Precision, recall and F1 in the ways that a multi-label answer can be scored. Pure: sets in, figures out.

An item's answer is an ordered list of things said (best first), its truth a set; things are compared for equality.
*Micro* sums over items and divides once; *macro* averages over tags, so that a rare tag counts as much as a frequent
one; *per item* averages over items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

KS = range(1, 11)
RESAMPLES = 200
_RESAMPLED = 20_000_000  # items drawn for an interval at most, so that it stays a matter of a second
Pair = tuple[Sequence[Hashable], AbstractSet[Hashable]]


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

    def as_dict(self) -> dict[str, Any]:
        rates = {"precision": round(self.precision, 6), "recall": round(self.recall, 6), "f1": round(self.f1, 6)}
        return {**rates, "correct": self.correct, "suggested": self.suggested, "gold": self.gold}


def micro(pairs: Iterable[tuple[AbstractSet[Any], AbstractSet[Any]]]) -> Micro:
    """Micro figures of (suggested, gold) sets, one pair an item."""
    correct = suggested = gold = 0
    for said, true in pairs:
        correct += len(said & true)
        suggested += len(said)
        gold += len(true)
    return Micro(correct, suggested, gold)


def at_k(pairs: Sequence[Pair], ks: Iterable[int] = KS) -> list[dict[str, Any]]:
    """Micro figures of the first k things said of each item: [{k, precision, recall, f1}]."""
    wanted = sorted(set(ks))
    correct, said = Counter[int](), Counter[int]()  # by place: how often something was said there, and rightly
    gold = 0
    for answer, true in pairs:
        gold += len(true)
        for place, thing in enumerate(answer[: wanted[-1]], start=1):
            said[place] += 1
            correct[place] += thing in true
    found = []
    for k in wanted:
        figures = Micro(sum(correct[p] for p in range(1, k + 1)), sum(said[p] for p in range(1, k + 1)), gold)
        found.append({"k": k, **{n: round(getattr(figures, n), 6) for n in ("precision", "recall", "f1")}})
    return found


@dataclass(slots=True)
class TagCounts:
    """How often one thing was said, was true, and both."""

    correct: int = 0
    suggested: int = 0
    gold: int = 0


def by_tag(pairs: Iterable[Pair]) -> dict[Hashable, TagCounts]:
    """Counts of every thing that was said or true."""
    counts: dict[Hashable, TagCounts] = {}
    for answer, true in pairs:
        for thing in answer:
            entry = counts.setdefault(thing, TagCounts())
            entry.suggested += 1
            entry.correct += thing in true
        for thing in true:
            counts.setdefault(thing, TagCounts()).gold += 1
    return counts


def macro(counts: dict[Hashable, TagCounts]) -> dict[str, Any]:
    """Averages over the tags that some item truly has: {precision, recall, f1, tags}."""
    each = [Micro(c.correct, c.suggested, c.gold) for c in counts.values() if c.gold]
    return {**_means(each), "tags": len(each)}


def per_item(pairs: Iterable[Pair]) -> dict[str, Any]:
    """Averages over the items that truly have something: {precision, recall, f1, items}."""
    each = [Micro(sum(t in true for t in said), len(said), len(true)) for said, true in pairs if true]
    return {**_means(each), "items": len(each)}


def _means(each: list[Micro]) -> dict[str, float]:
    names = ("precision", "recall", "f1")
    return {n: round(sum(getattr(m, n) for m in each) / len(each), 6) if each else 0.0 for n in names}


def intervals(pairs: Sequence[Pair], seed: int = 0) -> dict[str, list[float]] | None:
    """95 % bootstrap intervals of the micro figures, by drawing items again: {precision: [low, high], …}; None with
    fewer than ten items, of which an interval would say nothing."""
    if len(pairs) < 10:
        return None
    import numpy as np

    sums = np.array([(sum(t in true for t in said), len(said), len(true)) for said, true in pairs], dtype=np.int64)
    random = np.random.default_rng(seed)
    n = len(sums)
    drawn = np.empty((max(50, min(RESAMPLES, _RESAMPLED // n)), 3))
    for row in drawn:
        row[:] = sums[random.integers(0, n, n)].sum(axis=0)
    correct, suggested, gold = drawn.T
    rates = {
        "precision": correct / np.maximum(suggested, 1),
        "recall": correct / np.maximum(gold, 1),
        "f1": 2 * correct / np.maximum(suggested + gold, 1),
    }
    return {name: [round(float(x), 4) for x in np.quantile(rate, (0.025, 0.975))] for name, rate in rates.items()}


def kappa(pairs: Iterable[tuple[AbstractSet[Hashable], AbstractSet[Hashable]]]) -> float | None:
    """Cohen's kappa of two agents over (item, tag) decisions, each tag with its own rates.

    Args:
        pairs: what each of the two said of an item. Tags that neither ever said change nothing.

    Returns:
        1 for full agreement, 0 for what chance alone would give; None where neither has said anything.
    """
    one, other, differing = Counter[Hashable](), Counter[Hashable](), 0
    items = 0
    for a, b in pairs:
        items += 1
        one.update(a)
        other.update(b)
        differing += len(a ^ b)
    # with rates p and q two independent agents differ in p·(1 − q) + q·(1 − p) of the items
    expected = 0.0
    for tag in one.keys() | other.keys():
        p, q = one[tag] / items, other[tag] / items
        expected += p * (1 - q) + q * (1 - p)
    return None if expected == 0 else round(1 - differing / items / expected, 6)

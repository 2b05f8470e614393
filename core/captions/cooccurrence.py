"""Which tags go together in a corpus, counted from its own tag sets: attribute prediction without a model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.captions.cleaning import same_tag
from core.captions.contradictions import contradictions_of
from core.captions.tags import MusicTag, TagSet

MOST = 3
LEAST_TOGETHER = 3
MOST_TAGS = 20_000
MOST_PARTNERS = 60
_FACETS = ("genre", "instrument", "mood", "rhythm", "use", "production", "voice")


@dataclass(frozen=True, slots=True)
class Counts:
    """How often tags stand in tag sets, alone and together.

    Attributes:
        sets: how many tag sets were counted.
        alone: tag to the number of sets that have it; only tags that `LEAST_TOGETHER` sets have.
        together: tag to {other tag: sets that have both}, the most frequent partners of each.
        facets: tag to what it speaks of.
    """

    sets: int
    alone: dict[str, int]
    together: dict[str, dict[str, int]]
    facets: dict[str, str]

    @classmethod
    def of(cls, sets: Iterable[TagSet]) -> Counts:
        """Counted from the tag sets of a corpus."""
        all_sets = [tags.present for tags in sets]
        counted = Counter(tag.name for tags in all_sets for tag in tags)
        alone = {name: n for name, n in counted.most_common(MOST_TAGS) if n >= LEAST_TOGETHER}
        facets = {tag.name: tag.facet for tags in all_sets for tag in tags if tag.name in alone}
        together: dict[str, Counter[str]] = {name: Counter() for name in alone}
        for tags in all_sets:
            names = [tag.name for tag in tags if tag.name in alone]
            for name in names:
                together[name].update(other for other in names if other != name)
        kept = {name: dict(partners.most_common(MOST_PARTNERS)) for name, partners in together.items()}
        return cls(len(all_sets), alone, kept, facets)

    def to_json(self) -> dict[str, Any]:
        return {"sets": self.sets, "alone": self.alone, "together": self.together, "facets": self.facets}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Counts:
        return cls(int(data["sets"]), dict(data["alone"]), dict(data["together"]), dict(data["facets"]))


def predict(tags: TagSet, counts: Counts, most: int = MOST) -> list[str]:
    """Tags that often stand beside these and are not among them, the likeliest first. None that repeats or contradicts
    a given tag, and none that something given says is absent.

    The likelihood is the mean share of sets with a given tag that also have the candidate, held against how common the
    candidate is anyway: what stands everywhere tells nothing.
    """
    known = [tag.name for tag in tags.present if tag.name in counts.alone]
    if not known or not counts.sets:
        return []
    shares: dict[str, float] = {}
    for name in known:
        for other, both in counts.together.get(name, {}).items():
            if both >= LEAST_TOGETHER:
                share = (both - 1) / counts.alone[name]
                shares[other] = shares.get(other, 0.0) + share  # less one: a few chance meetings are no habit
    scored: list[tuple[float, str]] = []
    for other, share in shares.items():
        mean, usual = share / len(known), counts.alone[other] / counts.sets
        if mean > 1.5 * usual and counts.facets.get(other) in _FACETS:
            scored.append((mean * math.log(mean / usual), other))
    given = {same_tag(tag.name) for tag in (*tags.present, *tags.absent)}
    words = {word for tag in (*tags.present, *tags.absent) for word in tag.name.split()}
    chosen: list[str] = []
    said = len(contradictions_of(tags))
    for _, name in sorted(scored, key=lambda pair: (-pair[0], pair[1])):
        if same_tag(name) in given or set(name.split()) & words:
            continue
        tag = MusicTag(name, counts.facets.get(name, "other"), name)
        if len(contradictions_of(TagSet((*tags.present, tag), tags.absent))) > said:
            continue
        chosen.append(name)
        words |= set(name.split())
        if len(chosen) == most:
            break
    return chosen

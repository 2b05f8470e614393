"""Which tags go together in a corpus, counted from its own tag sets: attribute prediction without a model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.captions.checks import check
from core.captions.cleaning import same_tag
from core.captions.contradictions import contradictions_of
from core.captions.tags import MusicTag, TagSet

MOST = 3
LEAST_TOGETHER = 2
NEAREST = 2  # given tags that speak for a candidate; the others need not know it
LIFT = 1.5  # times as often beside the given tags as anywhere
MOST_TAGS = 20_000
MOST_PARTNERS = 60
_ONE_OF = ("genre", "voice")
"""What nothing is guessed of where a tag already speaks of it: another genre is rather a contradiction than a guess."""
_FACETS = ("genre", "instrument", "mood", "rhythm", "use", "voice")


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

    The likelihood is the share of sets with a given tag that also have the candidate (the mean of the two given tags
    that speak for it most), held against how common the candidate is anyway: what stands everywhere tells nothing.
    """
    known = [tag.name for tag in tags.present if tag.name in counts.alone]
    if not known or not counts.sets:
        return []
    told = {tag.facet for tag in tags.present}
    shares: dict[str, list[float]] = {}
    for name in known:
        for other, both in counts.together.get(name, {}).items():
            if both >= LEAST_TOGETHER:
                # a little less: a few chance meetings are no habit
                shares.setdefault(other, []).append((both - 0.5) / counts.alone[name])
    scored: list[tuple[float, str]] = []
    for other, found in shares.items():
        near = sum(sorted(found, reverse=True)[:NEAREST]) / min(NEAREST, len(known))
        usual = counts.alone[other] / counts.sets
        facet = counts.facets.get(other)
        if near > LIFT * usual and facet in _FACETS and not (facet in _ONE_OF and facet in told):
            scored.append((near * math.log(near / usual), other))
    given = {same_tag(tag.name) for tag in (*tags.present, *tags.absent)}
    words = {word for tag in (*tags.present, *tags.absent) for word in tag.name.split()}
    chosen: list[str] = []
    said = len(contradictions_of(tags))
    for _, name in sorted(scored, key=lambda pair: (-pair[0], pair[1])):
        if same_tag(name) in given or set(name.split()) & words:
            continue
        tag = MusicTag(name, counts.facets.get(name, "other"), name)
        if len(contradictions_of(TagSet((*tags.present, tag), tags.absent))) > said or _denied(name, tags):
            continue
        chosen.append(name)
        words |= set(name.split())
        if len(chosen) == most:
            break
    return chosen


def _denied(name: str, tags: TagSet) -> bool:
    """Whether a caption with that tag would claim what is absent: “chanting” where there are no vocals."""
    if not tags.absent:
        return False
    reasons = check(f"It has {name}.", tags, "attribute_prediction", predicted=(name,)).reasons
    return any(reason.code == "negation" and reason.term for reason in reasons)

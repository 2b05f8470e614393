"""How evidence becomes a score: the constants of the selective tagger and what it learns from an unlabelled sample.

One set of constants serves every corpus; how they were chosen and how little each matters is in
benchmarks/tagging.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SelectiveParameters:
    """Constants of the selective tagger. Similarities are cosines; weights add to them.

    Attributes:
        passage_weight: share of the best passage in the similarity of an item with a tag; the lead has the rest.
        word_weights: what a tag's name in a field of a kind adds, before rarity.
        stem_weight: share of that for a word of the same family.
        rarity_power: how strongly a word that many items use counts less: rarity ** power, rarity from 0 to 1.
        common_share: how much of a tag's mean similarity with the sample is taken off: a tag that is near everything
            says little (the hubness of cosine neighbours, as CSLS corrects it: Conneau et al. 2018).
        neighbours, neighbour_power: how many of the sample's items most like an item are asked, weighted by
            cosine ** power.
        neighbour_words: what is added when all neighbours name the tag and a tenth of the sample does.
        neighbour_words_power, neighbour_words_floor: how strongly tags that the sample names often gain less.
        neighbour_tags: what is added when all neighbours have the tag among their own first `votes` tags.
        votes: see neighbour_tags.
        sample_trust: a sample of this size has half the say of a large one.
        midpoint, slope: score = 1 / (1 + exp(-(raw - midpoint) / slope)).
        threshold: the least score that is suggested when the caller names none.
    """

    passage_weight: float = 0.5
    word_weights: Mapping[str, float] = field(
        default_factory=lambda: {
            "title": 0.45,
            "category": 0.45,
            "caption": 0.35,
            "ocr": 0.35,
            "speech": 0.4,
            "body": 0.4,
            "clue": 0.35,
        }
    )
    stem_weight: float = 0.35
    rarity_power: float = 0.65
    common_share: float = 0.5
    neighbours: int = 20
    neighbour_power: float = 3.0
    neighbour_words: float = 0.2
    neighbour_words_power: float = 0.4
    neighbour_words_floor: float = 0.02
    neighbour_tags: float = 0.2
    votes: int = 6
    sample_trust: float = 25.0
    midpoint: float = 0.66
    slope: float = 0.19
    threshold: float = 0.2

    def strength(self, match: str) -> float:
        """How much a match counts: 1, less for a word of the same family."""
        return self.stem_weight if match == "stem" else 1.0

    def word_gain(self, kind: str, match: str) -> float:
        """What a match in a kind of clue adds before rarity; an unknown kind counts as "clue"."""
        return self.word_weights.get(kind, self.word_weights["clue"]) * self.strength(match)


DEFAULTS = SelectiveParameters()

TYPICAL_SIMILARITY = 0.13  # of a tag with an item it has nothing to do with; stands in until a sample is known
TYPICAL_SHARE = 0.01  # of items that name a tag
NAMED_SIMILARITY = 0.3  # of a tag with an item that names it; stands in where the model cannot read one of them
PRIOR_ITEMS = 50.0  # how many items these two assumptions are worth
REFERENCE_ITEMS = 2500.0  # a tag named by one in so many has rarity 1
SAME_ITEM = 0.999  # cosine above which a neighbour is the item itself or a copy, and is not asked


@dataclass(slots=True)
class SampleStatistics:
    """What an unlabelled sample of n items says of m tags. Made by `SelectiveTagger.prepare`.

    Attributes:
        leads: float32 (n, d), on the float16 grid, of unit length up to that rounding: leads of the sample's items.
        mean_similarity: float32 (m,): mean similarity of each tag with the sample's items.
        named: float32 (m,): share of the sample's items that name the tag by name or alias.
        strength: float32 (m,): mean strength of naming over the sample's items.
        word_starts, word_tags, word_strengths: int32 (n + 1,), int32 (h,), float32 (h,): the tags that item i names
            are word_tags[word_starts[i] : word_starts[i + 1]].
        first_tags: int32 (n, votes): the first tags of each item by its own evidence; -1 where there are fewer.
    """

    leads: Floats
    mean_similarity: Floats
    named: Floats
    strength: Floats
    word_starts: Integers
    word_tags: Integers
    word_strengths: Floats
    first_tags: Integers

    def __len__(self) -> int:
        return len(self.leads)

    @classmethod
    def empty(cls, tags: int) -> SampleStatistics:
        """Statistics of no items."""
        return cls(
            np.zeros((0, 0), np.float32),
            np.zeros(tags, np.float32),
            np.zeros(tags, np.float32),
            np.zeros(tags, np.float32),
            np.zeros(1, np.int32),
            np.zeros(0, np.int32),
            np.zeros(0, np.float32),
            np.zeros((0, 0), np.int32),
        )


class TagPriors:
    """What is known of each tag before an item is read, smoothed for small samples.

    Attributes:
        rarity: float32 (m,), in [0.05, 1] ** rarity_power: weight of the tag's name in a text.
        common: float32 (m,): what is taken off every similarity with the tag.
        neighbour_gain: float32 (m,): what a neighbour's naming of the tag counts.
        trust: 0 (no sample) to 1 (a large one): weight of the neighbours.
    """

    def __init__(self, sample: SampleStatistics, parameters: SelectiveParameters) -> None:
        n = len(sample)
        share = (sample.named * n + TYPICAL_SHARE * PRIOR_ITEMS) / (n + PRIOR_ITEMS)
        rarity = np.clip(-np.log(np.maximum(share, 1e-9)) / math.log(REFERENCE_ITEMS), 0.05, 1.0)
        self.rarity: Floats = (rarity**parameters.rarity_power).astype(np.float32)
        usual = sample.mean_similarity.mean() if n and len(share) else TYPICAL_SIMILARITY
        usual = (usual * n + TYPICAL_SIMILARITY * PRIOR_ITEMS) / (n + PRIOR_ITEMS)
        mean = (sample.mean_similarity * n + usual * PRIOR_ITEMS) / (n + PRIOR_ITEMS)
        self.common: Floats = (parameters.common_share * mean).astype(np.float32)
        often = (sample.strength + parameters.neighbour_words_floor) * 10
        self.neighbour_gain: Floats = (parameters.neighbour_words / often**parameters.neighbour_words_power).astype(
            np.float32
        )
        self.trust = n / (n + parameters.sample_trust)


def neighbours(leads: Floats, sample: SampleStatistics, parameters: SelectiveParameters) -> tuple[Integers, Floats]:
    """The sample's items most like each of b items, without copies of the item itself.

    Args:
        leads: float32 (b, d), rows of unit length; a row of zeros has no neighbours.

    Returns:
        indices int32 (b, k) and weights float32 (b, k) that sum to 1 in a row, or to 0 where nothing is alike.
    """
    k = min(parameters.neighbours, len(sample))
    if not k:
        return np.zeros((len(leads), 0), np.int32), np.zeros((len(leads), 0), np.float32)
    cosines = leads @ sample.leads.T
    cosines[cosines > SAME_ITEM] = -1.0
    nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    weights = np.maximum(np.take_along_axis(cosines, nearest, 1), 0.0) ** parameters.neighbour_power
    order = np.lexsort((nearest, -weights), axis=1)  # a fixed order of summation
    nearest, weights = np.take_along_axis(nearest, order, 1), np.take_along_axis(weights, order, 1)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1.0), 0.0)
    return nearest.astype(np.int32), weights.astype(np.float32)


def neighbour_words(row: Integers, weights: Floats, sample: SampleStatistics, tags: int) -> Floats:
    """How strongly an item's neighbours name each tag: float32 (tags,), from 0 to 1."""
    total = np.zeros(tags, np.float32)
    for neighbour, weight in zip(row, weights, strict=True):
        if weight > 0:
            start, end = sample.word_starts[neighbour], sample.word_starts[neighbour + 1]
            total[sample.word_tags[start:end]] += weight * sample.word_strengths[start:end]
    return total


def neighbour_tags(row: Integers, weights: Floats, sample: SampleStatistics, tags: int) -> Floats:
    """The share of an item's neighbours that have each tag among their first: float32 (tags,), from 0 to 1."""
    total = np.zeros(tags + 1, np.float32)  # the last place takes the -1 of short lists
    for neighbour, weight in zip(row, weights, strict=True):
        total[sample.first_tags[neighbour]] += weight
    return total[:tags]


def probability(raw: Floats, parameters: SelectiveParameters) -> Floats:
    """Raw sums of evidence as scores from 0 to 1 that mean the same for every item."""
    scores: Floats = 1.0 / (1.0 + np.exp(-(raw - parameters.midpoint) / parameters.slope))
    return scores


def order_by_score(raw: Floats, most: int) -> list[int]:
    """Positions of the `most` highest values, falling; equal values by position."""
    if most < len(raw):
        least = np.partition(raw, len(raw) - most)[len(raw) - most]
        candidates = np.flatnonzero(raw >= least)
    else:
        candidates = np.arange(len(raw))
    order = np.lexsort((candidates, -raw[candidates]))
    return [int(i) for i in candidates[order][:most]]


def pack(hits: Sequence[Mapping[int, float]]) -> tuple[Integers, Integers, Floats]:
    """{tag: strength} of each item as (word_starts, word_tags, word_strengths)."""
    starts = np.cumsum([0, *(len(item) for item in hits)], dtype=np.int32)
    tags = np.array([tag for item in hits for tag in sorted(item)], np.int32)
    strengths = np.array([item[tag] for item in hits for tag in sorted(item)], np.float32)
    return starts, tags, strengths


def parameters_from(stored: Mapping[str, Any]) -> SelectiveParameters:
    """Parameters as `dataclasses.asdict` wrote them."""
    return SelectiveParameters(**stored)

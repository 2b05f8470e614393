"""What is known of candidates for merging: their names, items, use and, where the encoder reads them, meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.embedding.vectors import Vectors
from core.vocabulary.merge_pairs import SAME_VECTOR
from core.vocabulary.spelling import variant_key
from core.vocabulary.variants import readability

Items = frozenset[int] | NDArray[np.int64]

_LEAST_SAMPLE = 20
_SAMPLE = 2000
_LEAST_SHARED = 2  # items on which two names must stand together before that says anything
_INSIDE, _BROADER = 0.9, 1.5  # share of the rarer one's items; how much oftener the other is used


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that may be one of several for the same.

    Attributes:
        name: as written.
        items: keys of the items that it stands on; empty where they are not known.
        vector: float32 (d,) of length 1; None without an encoder.
        readable: whether the encoder knows most of its tokens; otherwise its vector is no evidence.
        tag: id of the tag of the vocabulary that it is already.
        uses: how often it is used, where the items are not known.
    """

    name: str
    items: Items = frozenset()
    vector: Vectors | None = None
    readable: bool = True
    tag: int | None = None
    uses: int | None = None


class Evidence:
    """Candidates by position, with what can be said of one or two of them.

    Attributes:
        names, keys: as written, and what their spellings share.
        items: item keys of every candidate.
        uses: how often every candidate is used.
        rows: positions of the candidates whose vector says something; `vectors` in the same order.
        total_items: items on which any candidate stands.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self.names = [candidate.name for candidate in candidates]
        self.keys = [variant_key(name) for name in self.names]
        self.items = [_item_set(candidate.items) for candidate in candidates]
        self.uses = [
            len(items) if items or candidate.uses is None else candidate.uses
            for candidate, items in zip(candidates, self.items, strict=True)
        ]
        self.rows, self.vectors = _readable_vectors(candidates)
        self.row_of = {int(place): row for row, place in enumerate(self.rows)}
        self.sample = self.vectors[:: max(1, len(self.vectors) // _SAMPLE)]
        self.total_items = len(set().union(*self.items)) if any(self.items) else 0

    def standing(self, a: int, b: int) -> tuple[float, float] | None:
        """The cosine of two names, and the share of all names that are farther from the first."""
        cosine = self.cosine(a, b)
        if cosine is None or len(self.sample) < _LEAST_SAMPLE:
            return None
        others = self.sample @ self.vectors[self.row_of[a]]
        return cosine, float(np.mean(others < cosine))

    def cosine(self, a: int, b: int) -> float | None:
        """None where the encoder does not read one of the names or gives both one vector."""
        one, other = self.row_of.get(a), self.row_of.get(b)
        if one is None or other is None:
            return None
        cosine = float(self.vectors[one] @ self.vectors[other])
        return None if cosine >= SAME_VECTOR else cosine

    def shared(self, a: int, b: int) -> tuple[int, float]:
        one, other = self.items[a], self.items[b]
        if not one or not other:
            return 0, 0.0
        shared = len(one & other)
        return shared, shared / (len(one) + len(other) - shared)

    def company(self, a: int, b: int) -> float:
        """How much their items say that two names mean the same, 0..1: Jaccard, less for few items; nothing where the
        one is on most items of a rarer one and on many more: that is broader and narrower."""
        shared, jaccard = self.shared(a, b)
        if shared < _LEAST_SHARED:
            return 0.0
        fewer, more = sorted((len(self.items[a]), len(self.items[b])))
        if shared >= _INSIDE * fewer and more >= _BROADER * fewer:
            return 0.0
        return jaccard * (shared - 1) / (shared + 1)

    def order(self, place: int) -> tuple[object, ...]:
        """The smaller one of a pair stays: a tag of the vocabulary, the more used, the more readable."""
        candidate = self.candidates[place]
        return (self.new(place), -self.uses[place], readability(candidate.name), candidate.name, place)

    def new(self, place: int) -> bool:
        return self.candidates[place].tag is None


def _item_set(items: Items) -> frozenset[int]:
    return items if isinstance(items, frozenset) else frozenset(np.asarray(items).tolist())


def _readable_vectors(candidates: Sequence[Candidate]) -> tuple[NDArray[np.int64], Vectors]:
    """Positions of the candidates whose vector says something, and those vectors."""
    places = [i for i, c in enumerate(candidates) if c.readable and c.vector is not None and np.any(c.vector)]
    if not places:
        return np.zeros(0, np.int64), np.zeros((0, 1), np.float32)
    vectors = np.stack([np.asarray(candidates[i].vector, np.float32) for i in places])
    return np.array(places, np.int64), vectors

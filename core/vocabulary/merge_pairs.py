"""Which pairs of many names are worth a look: by nearness of meaning, by common items. Memory is bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from core.embedding.vectors import Vectors
from core.vocabulary.neighbours import blocks

SAME_VECTOR = 0.99999  # two texts with one token sequence have one vector: the encoder cannot tell them apart
_MOST_ON_ITEM = 40  # names of an item that are paired
_PAIRS_AT_ONCE = 4_000_000


def near_and_nearest(
    vectors: Vectors, alone: float, least: float, stop: Callable[[], bool]
) -> Iterator[tuple[int, int, float, int]]:
    """(i, j, cosine, for how many of the two the other is the nearest), where that or the cosine alone says something.

    Pairs of one vector are left out: the encoder cannot tell them apart.

    Args:
        vectors: float32 (n, d), rows of length 1.
        alone: cosine from which a pair comes whatever is nearest.
        least: cosine from which one comes that is nearest.
        stop: True ends the search early.
    """
    nearest = np.full(len(vectors), -1.0, np.float32)
    kept: list[NDArray[np.float64]] = []
    for pairs in blocks(vectors, least, stop=stop):
        apart = pairs.cosine < SAME_VECTOR
        i, j, cosine = pairs.i[apart], pairs.j[apart], pairs.cosine[apart]
        np.maximum.at(nearest, i, cosine)
        np.maximum.at(nearest, j, cosine)
        some = (cosine >= alone) | (cosine >= nearest[i]) | (cosine >= nearest[j])
        kept.append(np.stack([i[some], j[some], cosine[some]], axis=1).astype(np.float64))
    if not kept:
        return
    found = np.concatenate(kept)
    i, j, cosine = found[:, 0].astype(np.int64), found[:, 1].astype(np.int64), found[:, 2].astype(np.float32)
    times = (cosine >= nearest[i]).astype(np.int64) + (cosine >= nearest[j])
    some = (times > 0) | (cosine >= alone)
    yield from zip(i[some].tolist(), j[some].tolist(), cosine[some].tolist(), times[some].tolist(), strict=True)


def pairs_on_items(items: Sequence[frozenset[int]], least: int, most: float) -> list[tuple[int, int]]:
    """Pairs of names on at least `least` common items; names on more than `most` items are left out."""
    n = len(items)
    on: dict[int, list[int]] = defaultdict(list)
    for place, keys in enumerate(items):
        if least <= len(keys) <= most:
            for key in keys:
                on[key].append(place)
    counts: dict[int, int] = {}
    waiting: list[NDArray[np.int64]] = []
    size = 0
    for places in on.values():
        if len(places) < 2:
            continue
        row = np.array(places[:_MOST_ON_ITEM], np.int64)
        first, second = np.triu_indices(len(row), 1)
        waiting.append(row[first] * n + row[second])
        size += len(first)
        if size > _PAIRS_AT_ONCE:
            _add_counts(counts, waiting)
            waiting, size = [], 0
    _add_counts(counts, waiting)
    return [divmod(pair, n) for pair, times in sorted(counts.items()) if times >= least]


def _add_counts(counts: dict[int, int], waiting: Sequence[NDArray[np.int64]]) -> None:
    if not waiting:
        return
    values, times = np.unique(np.concatenate(waiting), return_counts=True)
    for value, number in zip(values.tolist(), times.tolist(), strict=True):
        counts[value] = counts.get(value, 0) + number

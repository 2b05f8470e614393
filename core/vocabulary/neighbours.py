"""All pairs of unit vectors whose cosine reaches a threshold: exact, in blocks, with bounded memory.

The vectors are turned so that their first axes hold most of their length (principal axes; cosines do not change).
With x = (head, tail), x·y ≤ head·head' + |tail||tail'|: one product over a few axes and one over tail lengths bounds
every cosine from above, and what stays below the threshold needs no full product. The bound never drops a pair; where
it rejects too little (vectors that all look alike), the full product is taken at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.embedding.vectors import Vectors
from core.errors import InvalidInput

LARGEST = 200_000
ROWS = 1024  # of a block; with COLUMNS floats of 4 bytes: 8 MB
COLUMNS = 2048
_HEAD_SHARES = (1 / 12, 1 / 8, 1 / 4)
_MARGIN = 1e-5  # more than what float32 products of unit vectors are off by
_CROWDED = 0.02  # share of a block that passes the bound from which the full product is cheaper
_SAMPLE = 4096

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows with i < j, by i and then j.

    Attributes:
        i, j: int64 (pairs,).
        cosine: float32 (pairs,).
    """

    i: Indices
    j: Indices
    cosine: Vectors

    def __len__(self) -> int:
        return len(self.i)


def near_duplicates(
    names: Sequence[str],
    vectors: Vectors,
    threshold: float,
    *,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[tuple[int, int, float]]:
    """Pairs (i, j, cosine) with i < j and a cosine of at least the threshold, in the order of i.

    Args:
        names: what the vectors stand for; only their number counts.
        vectors: float32 (n, d), rows of length 1; rows of zeros are near nothing.
        threshold: above 0.
        stop: asked between blocks; True ends the search early.
        progress: told the share that is done.

    Raises:
        InvalidInput: more than 200,000 strings.
    """
    if len(names) != len(vectors):
        raise ValueError(f"{len(names)} names and {len(vectors)} vectors")
    for pairs in blocks(vectors, threshold, stop=stop, progress=progress):
        yield from zip(pairs.i.tolist(), pairs.j.tolist(), pairs.cosine.tolist(), strict=True)


def near_pairs(vectors: Vectors, threshold: float) -> Pairs:
    """All of `blocks` in one; memory grows with the number of pairs."""
    parts = list(blocks(vectors, threshold))
    if not parts:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    return Pairs(*(np.concatenate([getattr(p, field) for p in parts]) for field in ("i", "j", "cosine")))


def blocks(
    vectors: Vectors,
    threshold: float,
    *,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Pairs]:
    """The pairs of `near_duplicates`, those of ROWS rows i at a time."""
    n = len(vectors)
    if n > LARGEST:
        raise InvalidInput(
            f"{n:,} strings are too many for an exact search; {LARGEST:,} is the most.",
            "Leave out strings that are used once.",
        )
    if threshold <= 0:
        raise ValueError("the threshold must be above 0")
    vectors = np.ascontiguousarray(vectors, np.float32)
    if n < 2:
        return
    table = _Table(vectors, threshold)
    done = 0
    for start in range(0, n, ROWS):
        if stop is not None and stop():
            return
        end = min(start + ROWS, n)
        parts = [table.pairs(start, end, column, min(column + COLUMNS, n)) for column in range(start, n, COLUMNS)]
        i, j, cosine = (np.concatenate(found) for found in zip(*parts, strict=True))
        order = np.lexsort((j, i))
        yield Pairs(i[order], j[order], cosine[order])
        done += (end - start) * (2 * n - start - end)
        if progress is not None:
            progress(min(1.0, done / (n * n)))


class _Table:
    """Vectors prepared for the bound."""

    def __init__(self, vectors: Vectors, threshold: float) -> None:
        self.vectors = vectors
        self.threshold = threshold
        self.bounds = _bounds(vectors, threshold)
        self._room = np.empty((ROWS, COLUMNS), np.float32)

    def pairs(self, start: int, end: int, first: int, last: int) -> tuple[Indices, Indices, Vectors]:
        """The pairs of rows start..end with columns first..last, above the diagonal."""
        least = self.threshold - _MARGIN
        room = self._room.ravel()[: (end - start) * (last - first)].reshape(end - start, last - first)
        if self.bounds is not None:
            np.matmul(self.bounds[start:end], self.bounds[first:last].T, out=room)
            flat = np.flatnonzero(room >= least)
            if len(flat) > _CROWDED * room.size:
                self.bounds = None  # it rejects too little here, and will again
        if self.bounds is None:
            np.matmul(self.vectors[start:end], self.vectors[first:last].T, out=room)
            flat = np.flatnonzero(room >= least)
        i, j = np.divmod(flat, last - first)
        i, j = i + start, j + first
        above = j > i
        i, j = i[above], j[above]
        cosine = _cosines(self.vectors, i, j)
        near = cosine >= self.threshold
        return i[near], j[near], cosine[near]


def _cosines(vectors: Vectors, i: Indices, j: Indices) -> Vectors:
    """Cosines of pairs, each by the same arithmetic wherever it stands."""
    found = np.empty(len(i), np.float32)
    for start in range(0, len(i), 65536):
        part = slice(start, start + 65536)
        found[part] = np.einsum("nd,nd->n", vectors[i[part]], vectors[j[part]], dtype=np.float32)
    return found


def _bounds(vectors: Vectors, threshold: float) -> Vectors | None:
    """Rows whose products bound the cosines from above: the leading axes, and the length of the rest. None where no
    number of axes rejects enough."""
    n, d = vectors.shape
    if d < 32 or n < 2 * ROWS:
        return None
    sample = vectors[:: max(1, n // _SAMPLE)].astype(np.float64)
    _, axes = np.linalg.eigh(sample.T @ sample)
    axes = np.ascontiguousarray(axes[:, ::-1], np.float32)
    small = vectors[:: max(1, n // 1024)][:1024]
    for share in _HEAD_SHARES:
        k = max(8, int(d * share))
        tested = _head(small, axes[:, :k])
        passed = float(np.mean(tested @ tested.T >= threshold)) - 1 / len(small)
        if passed < _CROWDED / 20:
            return np.ascontiguousarray(np.concatenate([_head(part, axes[:, :k]) for part in _parts(vectors)]))
    return None


def _head(vectors: Vectors, axes: Vectors) -> Vectors:
    head = vectors @ axes
    lengths = np.square(vectors.astype(np.float64)).sum(axis=1) - np.square(head.astype(np.float64)).sum(axis=1)
    tail = np.sqrt(np.maximum(lengths, 0)) + 1e-4  # rounding must not shorten it
    return np.concatenate([head, tail[:, None].astype(np.float32)], axis=1)


def _parts(vectors: Vectors) -> Iterator[Vectors]:
    for start in range(0, len(vectors), 16384):
        yield vectors[start : start + 16384]


def leaders(pairs: Pairs, n: int) -> list[tuple[int, list[int]]]:
    """Greedy clusters in the order of the rows: the first that no cluster took leads the next and takes all later ones
    near it, also those that another leader took before (as TagGPT's merge does, so that both can be compared).

    Args:
        pairs: all near pairs, by i.
        n: number of rows.

    Returns:
        every leader with what it takes, rising.
    """
    starts = np.searchsorted(pairs.i, np.arange(n + 1))
    taken = np.zeros(n, bool)
    found = []
    for row in range(n):
        if taken[row]:
            continue
        members = pairs.j[starts[row] : starts[row + 1]]
        taken[members] = True
        found.append((row, members.tolist()))
    return found

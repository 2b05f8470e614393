"""Exact nearest vectors by inner product."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embedding.vectors import Vectors

FLOATS_AT_ONCE = 16_000_000  # of the table of similarities that is held at a time


class VectorIndex:
    """Exact top-k inner-product search over fixed vectors (faiss IndexFlatIP, or numpy without faiss).

    Args:
        vectors: float32 (n, d); row i is found as i. With unit rows, inner products are cosines.
    """

    def __init__(self, vectors: Vectors) -> None:
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 2:
            raise ValueError(f"vectors must have the shape (n, d), not {vectors.shape}")
        self.vectors = vectors
        self._faiss: Any = None

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
        """The k nearest of each query.

        Args:
            queries: float32 (q, d).
            k: how many; at most n come back.

        Returns:
            similarities float32 (q, min(k, n)), falling along a row, and indices int64 of the same shape; equal
            similarities come in index order.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(f"queries must have the shape (q, {self.vectors.shape[1]}), not {queries.shape}")
        k = min(k, len(self))
        if k <= 0 or not len(queries):
            return np.zeros((len(queries), max(k, 0)), np.float32), np.zeros((len(queries), max(k, 0)), np.int64)
        similarities, indices = self._candidates(queries, k)
        order = np.lexsort((indices, -similarities), axis=1)
        return np.take_along_axis(similarities, order, 1), np.take_along_axis(indices, order, 1)

    def _candidates(self, queries: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
        if self._faiss is None:
            try:
                import faiss

                self._faiss = faiss.IndexFlatIP(self.vectors.shape[1])
                self._faiss.add(self.vectors)
            except ImportError:
                self._faiss = False
        if self._faiss:
            found: tuple[Vectors, NDArray[np.int64]] = self._faiss.search(queries, k)
            return found
        return top_k_numpy(queries, self.vectors, k)


def top_k_numpy(queries: Vectors, vectors: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
    """The same search in numpy, in blocks that keep memory bounded; rows are not in order.

    Args and returns: as `VectorIndex.search`, with 1 ≤ k ≤ n.
    """
    rows = max(1, FLOATS_AT_ONCE // max(1, len(vectors)))
    similarities = np.empty((len(queries), k), np.float32)
    indices = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), rows):
        block = queries[start : start + rows] @ vectors.T
        nearest = np.argpartition(-block, k - 1, axis=1)[:, :k]
        indices[start : start + rows] = nearest
        similarities[start : start + rows] = np.take_along_axis(block, nearest, 1)
    return similarities, indices

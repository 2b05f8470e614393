"""Exact nearest vectors."""

import numpy as np
import pytest

from core.embedding.index import VectorIndex, top_k_numpy


def unit(rng, n, d):
    vectors = rng.normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_search_is_exact():
    rng = np.random.default_rng(0)
    vectors, queries = unit(rng, 500, 32), unit(rng, 20, 32)
    similarities, indices = VectorIndex(vectors).search(queries, 7)
    full = queries @ vectors.T
    expected = np.sort(full, axis=1)[:, ::-1][:, :7]
    assert indices.shape == similarities.shape == (20, 7)
    assert np.allclose(similarities, expected, atol=1e-5)
    assert np.allclose(np.take_along_axis(full, indices, 1), similarities, atol=1e-5)


def test_numpy_gives_the_same():
    rng = np.random.default_rng(1)
    vectors, queries = unit(rng, 300, 16), unit(rng, 9, 16)
    similarities, indices = VectorIndex(vectors).search(queries, 5)
    other, positions = top_k_numpy(queries, vectors, 5)
    assert np.allclose(np.sort(other), np.sort(similarities), atol=1e-5)
    assert {tuple(sorted(row)) for row in positions} == {tuple(sorted(row)) for row in indices}


def test_fewer_vectors_than_asked_for():
    vectors = np.eye(3, dtype=np.float32)
    similarities, indices = VectorIndex(vectors).search(vectors[:1], 10)
    assert indices.tolist() == [[0, 1, 2]]
    assert similarities.tolist() == [[1, 0, 0]]


def test_nothing_to_search():
    empty = VectorIndex(np.zeros((0, 4), np.float32))
    assert empty.search(np.ones((2, 4), np.float32), 3)[1].shape == (2, 0)
    assert VectorIndex(np.eye(4, dtype=np.float32)).search(np.zeros((0, 4), np.float32), 3)[0].shape == (0, 3)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        VectorIndex(np.zeros(4, np.float32))
    with pytest.raises(ValueError, match="shape"):
        VectorIndex(np.eye(4, dtype=np.float32)).search(np.zeros((1, 3), np.float32), 1)

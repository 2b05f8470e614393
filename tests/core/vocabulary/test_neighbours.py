import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.errors import InvalidInput
from core.vocabulary import neighbours
from core.vocabulary.neighbours import leaders, near_duplicates, near_pairs


def unit(vectors):
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def brute(vectors, threshold):
    table = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    i, j = np.nonzero(np.triu(table >= threshold, 1))
    return set(zip(i.tolist(), j.tolist(), strict=True))


def clustered(n, d, seed=0, spread=0.25):
    """Vectors with near copies and falling variance of the axes, as encoders give them."""
    random = np.random.default_rng(seed)
    scale = 1 / np.sqrt(1 + np.arange(d))
    vectors = random.standard_normal((n, d)) * scale
    copies = random.integers(0, n, n // 4)
    vectors[random.integers(0, n, n // 4)] = vectors[copies] + spread * scale * random.standard_normal((n // 4, d))
    return unit(vectors)


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_the_same_pairs_as_all_cosines(threshold):
    vectors = clustered(3000, 64)
    found = list(near_duplicates([""] * 3000, vectors, threshold))
    table = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    sure = {(i, j) for i, j in brute(vectors, threshold + 1e-5)}
    maybe = {(i, j) for i, j in brute(vectors, threshold - 1e-5)}
    pairs = {(i, j) for i, j, _ in found}
    assert len(pairs) == len(found)
    assert sure <= pairs <= maybe
    assert all(abs(cosine - table[i, j]) < 1e-5 for i, j, cosine in found)
    assert [(i, j) for i, j, _ in found] == sorted(pairs)


def test_the_bound_is_used_where_it_helps_and_never_loses_a_pair():
    vectors = clustered(4000, 64, seed=3)
    assert neighbours._bounds(vectors, 0.95) is not None
    alike = unit(vectors + 3 * vectors[:1])  # all point one way: no bound rejects anything
    assert neighbours._bounds(alike, 0.9) is None or len(near_pairs(alike, 0.9))
    sure = brute(alike, 0.9 + 1e-5)
    pairs = near_pairs(alike, 0.9)
    assert sure <= set(zip(pairs.i.tolist(), pairs.j.tolist(), strict=True))


@settings(deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 12), st.integers(1, 5)), elements=st.floats(-1, 1, width=32)),
    st.floats(0.1, 0.99),
)
def test_few_vectors_of_any_kind(vectors, threshold):
    vectors = unit(vectors)
    pairs = near_pairs(vectors, threshold)
    found = set(zip(pairs.i.tolist(), pairs.j.tolist(), strict=True))
    assert brute(vectors, threshold + 1e-5) <= found <= brute(vectors, threshold - 1e-5)


def test_rows_of_zeros_are_near_nothing():
    vectors = np.zeros((5, 4), np.float32)
    vectors[0, 0] = vectors[3, 0] = 1
    assert [(i, j) for i, j, _ in near_duplicates(list("abcde"), vectors, 0.5)] == [(0, 3)]


def test_the_search_can_be_stopped_and_tells_how_far_it_is():
    vectors = clustered(3 * neighbours.ROWS, 32)
    told: list[float] = []
    list(near_duplicates([""] * len(vectors), vectors, 0.9, progress=told.append))
    assert told == sorted(told) and told[-1] == pytest.approx(1.0) and len(told) == 3
    seen = []
    parts = neighbours.blocks(vectors, 0.5, stop=lambda: len(seen) >= 1)
    for part in parts:
        seen.append(part)
    assert len(seen) == 1


def test_too_many_strings_are_refused():
    with pytest.raises(InvalidInput, match="200,000"):
        next(near_duplicates(range(200_001), np.zeros((200_001, 1), np.float32), 0.9))


def test_leaders_merge_as_a_loop_over_all_pairs_does():
    vectors = clustered(700, 16, spread=0.1)
    threshold = 0.9
    table = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    assert not np.any(np.abs(table - threshold) < 1e-6)
    marked, expected = set(), []
    for i in range(700):
        if i not in marked:
            members = [j for j in range(i + 1, 700) if table[i, j] > threshold]
            marked.update(members)
            expected.append((i, members))
    assert leaders(near_pairs(vectors, threshold), 700) == expected
    assert any(members for _, members in expected)

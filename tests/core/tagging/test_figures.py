"""Figures computed by hand, and their definitions beside them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tagging.figures import TagCounts, at_k, by_tag, intervals, kappa, macro, per_item

# a: said 1 (right), 2 (wrong), 3 (right); b: said nothing of 1; c: said 4 where nothing is true
PAIRS = [([1, 2, 3], {1, 3}), ([], {1}), ([4], set())]


def test_the_first_k_by_hand():
    found = at_k(PAIRS, (1, 2, 3, 10))
    assert [each["k"] for each in found] == [1, 2, 3, 10]
    assert [each["precision"] for each in found] == [0.5, round(1 / 3, 6), 0.5, 0.5]
    assert [each["recall"] for each in found] == [round(1 / 3, 6), round(1 / 3, 6), round(2 / 3, 6), round(2 / 3, 6)]
    assert found[2]["f1"] == round(4 / 7, 6)


def test_averages_by_hand():
    counts = by_tag(PAIRS)
    assert counts[1] == TagCounts(correct=1, suggested=1, gold=2) and counts[2] == TagCounts(suggested=1)
    # tags that are true somewhere: 1 (P 1, R 1/2, F1 2/3) and 3 (1, 1, 1)
    assert macro(counts) == {"precision": 1.0, "recall": 0.75, "f1": round(5 / 6, 6), "tags": 2}
    # items that truly have something: a (P 2/3, R 1, F1 4/5) and b (0, 0, 0)
    assert per_item(PAIRS) == {"precision": round(1 / 3, 6), "recall": 0.5, "f1": 0.4, "items": 2}
    assert macro({}) == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "tags": 0}
    assert per_item([])["f1"] == 0.0


def test_intervals_hold_the_figure_and_shrink_with_more_items():
    def some(n):
        source = random.Random(3)
        return [([source.randrange(4)], {source.randrange(4)}) for _ in range(n)]

    assert intervals(some(9)) is None
    few, many = intervals(some(40)), intervals(some(4000))
    for name in ("precision", "recall", "f1"):
        assert few[name][0] <= 0.25 <= few[name][1]
        assert many[name][1] - many[name][0] < (few[name][1] - few[name][0]) / 3
    assert intervals(some(40)) == few, "the same items, the same interval"
    assert intervals([([1], {1})] * 10)["f1"] == [1.0, 1.0]


def test_kappa_by_hand():
    # one tag, four items: both, one, other, neither. Differing 2 of 4; each says it in half: expected 1/2
    assert kappa([({1}, {1}), ({1}, set()), (set(), {1}), (set(), set())]) == 0.0
    assert kappa([({1}, {1}), (set(), set())]) == 1.0
    assert kappa([({1}, set()), (set(), {1})]) == -1.0
    assert kappa([]) is None and kappa([(set(), set())]) is None
    assert kappa([({1}, {1})]) is None, "a tag that both always say tells nothing"


sets = st.sets(st.integers(0, 4))


@given(st.lists(st.tuples(sets, sets), max_size=8))
def test_kappa_agrees_with_its_definition(pairs):
    """Per tag: observed and expected difference over all items; a tag that nobody says adds nothing to either."""
    n = len(pairs)
    observed = sum((t in a) != (t in b) for a, b in pairs for t in range(5))
    rates = [(sum(t in a for a, _ in pairs) / n, sum(t in b for _, b in pairs) / n) for t in range(5)] if n else []
    expected = sum(p * (1 - q) + q * (1 - p) for p, q in rates) * n
    found = kappa(pairs)
    if expected < 1e-12:
        assert found is None
    else:
        assert found == pytest.approx(1 - observed / expected, abs=1e-5) and found <= 1


@given(st.lists(st.tuples(st.lists(st.integers(0, 5), unique=True), sets)), st.integers(1, 6))
def test_the_first_k_are_what_is_left_when_the_rest_is_cut(pairs, k):
    (cut,) = at_k([(said[:k], true) for said, true in pairs], (10,))
    (whole,) = at_k(pairs, (k,))
    assert {**cut, "k": k} == whole

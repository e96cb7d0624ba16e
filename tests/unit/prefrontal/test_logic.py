from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.prefrontal.logic import (
    conjunction,
    disjunction,
    equivalence,
    exists,
    extremely,
    for_all,
    implication,
    negation,
    slightly,
    somewhat,
    very,
)

truth = st.floats(0.0, 1.0)


@given(truth, truth)
def test_de_morgan_holds(a, b):
    assert float(negation(conjunction(a, b))) == pytest.approx(float(disjunction(negation(a), negation(b))))


@given(truth, truth)
def test_implication_is_not_a_or_b(a, b):
    assert float(implication(a, b)) == pytest.approx(float(disjunction(negation(a), b)))


@pytest.mark.parametrize("a", [0.0, 1.0])
@pytest.mark.parametrize("b", [0.0, 1.0])
def test_connectives_are_boolean_at_the_corners(a, b):
    assert float(conjunction(a, b)) == float(bool(a) and bool(b))
    assert float(disjunction(a, b)) == float(bool(a) or bool(b))
    assert float(implication(a, b)) == float(not a or bool(b))
    assert float(equivalence(a, b)) == float(a == b)


@given(st.lists(truth, min_size=1, max_size=20), st.floats(1.0, 8.0))
def test_for_all_lies_between_minimum_and_mean_and_exists_between_mean_and_maximum(xs, p):
    assert min(xs) - 1e-9 <= for_all(xs, p) <= np.mean(xs) + 1e-9
    assert np.mean(xs) - 1e-9 <= exists(xs, p) <= max(xs) + 1e-9


def test_quantifiers_tend_to_minimum_and_maximum():
    xs = [0.2, 0.9, 0.6]
    assert for_all(xs, 200.0) == pytest.approx(0.2, abs=0.01)
    assert exists(xs, 200.0) == pytest.approx(0.9, abs=0.01)


def test_a_stricter_quantifier_is_never_more_permissive():
    xs = np.random.default_rng(0).random(10)
    values = [for_all(xs, p) for p in (1, 2, 4, 6)]
    assert values == sorted(values, reverse=True)


def test_empty_sets():
    assert for_all([]) == 1.0
    assert exists([]) == 0.0


@given(truth)
def test_hedges_are_ordered_and_bounded(x):
    assert 0.0 <= extremely(x) <= very(x) <= x <= somewhat(x) <= 1.0
    assert 0.0 <= slightly(x) <= 1.0 + 1e-12


def test_slightly_peaks_inside():
    grid = np.linspace(0, 1, 1001)
    assert slightly(0.0) == slightly(1.0) == 0.0
    assert grid[np.argmax(slightly(grid))] == pytest.approx((5 / 13) ** 0.5, abs=1e-3)

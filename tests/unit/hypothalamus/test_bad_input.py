"""The hypothalamus with input that is missing, constant, singular or no number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.unit.hypothalamus.test_hypothalamus import REGIME, action, book

from janus_trader.brain.hypothalamus import (
    Homeostasis,
    HomeostasisConfig,
    Hypothalamus,
    HypothalamusConfig,
    Vitals,
)


def days(h: Hypothalamus, rows: np.ndarray, present: np.ndarray | None = None):
    n = rows.shape[1]
    weights = np.zeros(n)
    for t, row in enumerate(rows):
        appetite = h.appetite(REGIME, book(t, 100.0, weights))
        correlation = h.correlate(row, np.ones(n, bool) if present is None else present)
        target = h.allocate(action(np.full(n, 0.1)), appetite, correlation, weights, np.full(n, 5.0))
        weights = target.weights
    return appetite, correlation, target


def make(n: int) -> Hypothalamus:
    return Hypothalamus(HypothalamusConfig(), n=n, bars_per_year=252.0, long_only=True)


def test_returns_that_are_no_numbers_are_absent() -> None:
    rng = np.random.default_rng(0)
    rows = 0.01 * rng.standard_normal((150, 4))
    rows[::3, 1] = np.nan
    rows[::5, 2] = np.inf
    appetite, correlation, target = days(make(4), rows)
    assert np.isfinite(correlation.covariance).all()
    assert np.isfinite(target.weights).all()
    assert 0.0 <= appetite.scalar <= 1.5


def test_a_book_that_never_trades_is_never_ready_and_holds_nothing() -> None:
    appetite, correlation, target = days(make(3), np.zeros((80, 3)), np.zeros(3, bool))
    assert not correlation.ready
    assert (target.weights == 0.0).all()
    assert np.isfinite(appetite.scalar)


def test_constant_prices_give_no_position_and_no_crash() -> None:
    _, correlation, target = days(make(3), np.zeros((120, 3)))
    assert correlation.average == 0.0
    assert (target.weights == 0.0).all()


def test_one_instrument() -> None:
    rows = 0.01 * np.random.default_rng(1).standard_normal((150, 1))
    appetite, correlation, target = days(make(1), rows)
    assert correlation.average == correlation.breakdown == 0.0
    assert 0.0 < target.weights[0] <= 0.15
    assert appetite.energy_factor > 0.9


def test_a_singular_covariance_is_allocated() -> None:
    common = 0.01 * np.random.default_rng(2).standard_normal((150, 1))
    _, correlation, target = days(make(4), np.repeat(common, 4, axis=1))
    assert np.isfinite(target.weights).all()
    assert target.weights.sum() > 0.0
    assert correlation.average > 0.85


def test_a_vital_sign_that_is_not_known_leaves_its_cut_as_it_was() -> None:
    h = Homeostasis(HomeostasisConfig())
    for _ in range(10):
        cut = h.update(Vitals(1.5, math.nan, math.nan, math.nan), 1.0)
    assert cut < 1.0
    assert h.update(Vitals(math.nan, math.nan, math.nan, math.nan), 1.0) == cut


@pytest.mark.parametrize("correlation", [math.nan, 0.2])
def test_a_missing_correlation_is_no_vital_sign(correlation: float) -> None:
    h = Homeostasis(HomeostasisConfig())
    assert h.update(Vitals(0.5, 0.5, 0.0, correlation), 1.0) == 1.0

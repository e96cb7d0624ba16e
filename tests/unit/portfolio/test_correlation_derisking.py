from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError, NotReady
from janus_trader.numerics.covariance import ledoit_wolf
from janus_trader.portfolio import (
    DeriskingConfig,
    align_by_time,
    covariance_allocation,
    derisk_correlated,
    min_variance,
)


def random_covariance(seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    b = rng.normal(size=(n, 2)) * 0.02
    return b @ b.T + np.diag(rng.uniform(0.005, 0.02, n) ** 2)


def test_defaults_are_those_of_the_mechanism():
    c = DeriskingConfig()
    assert (c.window, c.min_observations, c.target_variance) == (500, 50, 1e-4)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_equal_positions_that_are_one_bet_end_with_the_risk_of_independent_ones(m):
    w = derisk_correlated(np.full(m, 0.2), np.full((m, m), 0.04))
    assert w @ np.full((m, m), 0.04) @ w == pytest.approx(m * 0.2**2 * 0.04)


def test_hedges_and_mild_correlation_are_left_alone():
    cov = np.array([[1.0, 0.95], [0.95, 1.0]]) * 1e-4
    np.testing.assert_array_equal(derisk_correlated(np.array([0.3, -0.3]), cov), [0.3, -0.3])
    mild = np.array([[1.0, 0.7], [0.7, 1.0]]) * 1e-4
    np.testing.assert_allclose(derisk_correlated(np.array([0.3, 0.3]), mild), [0.3, 0.3], rtol=1e-15)


def test_a_short_position_in_an_opposite_instrument_is_the_same_bet():
    cov = np.array([[1.0, -1.0], [-1.0, 1.0]]) * 1e-4
    np.testing.assert_allclose(np.abs(derisk_correlated(np.array([0.3, -0.3]), cov)), 0.3 / np.sqrt(2))


def test_a_small_copy_hardly_cuts_a_large_position():
    cov = np.full((2, 2), 1e-4)
    w = derisk_correlated(np.array([1.0, 0.01]), cov)
    assert w[0] == pytest.approx(1.0 / np.sqrt(1.01))
    assert w[1] == pytest.approx(0.01 / np.sqrt(2.0))


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_positions_keep_their_sign_and_never_grow(seed, n):
    cov = random_covariance(seed, n)
    w = np.random.default_rng(seed).normal(0, 0.1, n)
    w[0] = 0.0
    cut = derisk_correlated(w, cov)
    assert (np.sign(cut) == np.sign(w)).all()
    assert (np.abs(cut) <= np.abs(w)).all()


@given(st.integers(0, 10_000), st.integers(1, 8), st.floats(0.05, 1.0), st.floats(0.2, 2.0))
def test_target_variance_is_met_or_a_cap_holds_and_nothing_is_broken(seed, n, cap, gross):
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal(np.zeros(n), random_covariance(seed, n), 120)
    c = DeriskingConfig(cap=cap, gross=gross)
    out = covariance_allocation(x, c)
    cov, _ = ledoit_wolf(x)
    assert out.variance == pytest.approx(out.weights @ cov @ out.weights, rel=1e-9)
    assert out.variance <= c.target_variance * (1 + 1e-9)
    assert out.weights.max() <= cap * (1 + 1e-12)
    assert out.weights.sum() <= gross * (1 + 1e-12)
    binding = {
        "target": out.variance / 1e-4,
        "cap": out.weights.max() / cap,
        "gross": out.weights.sum() / gross,
    }
    assert binding[out.limited_by] == pytest.approx(1.0)


def test_without_correlation_it_is_minimum_variance_at_the_target():
    x = np.random.default_rng(0).normal(0, [0.02, 0.03, 0.05], (500, 3))
    out = covariance_allocation(x, DeriskingConfig(gross=5.0, cap=5.0))
    shares = min_variance(ledoit_wolf(x)[0])
    np.testing.assert_allclose(out.weights / out.weights.sum(), shares, rtol=1e-9)
    assert out.limited_by == "target"


def test_only_the_window_counts():
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.02, (900, 2))
    a = covariance_allocation(x)
    b = covariance_allocation(np.vstack([rng.normal(0, 5.0, (100, 2)), x[-500:]]))
    np.testing.assert_array_equal(a.weights, b.weights)


def test_too_little_history_is_left_out_or_not_ready():
    rng = np.random.default_rng(2)
    x = rng.normal(0, 0.02, (200, 3))
    x[:160, 2] = np.nan
    out = covariance_allocation(x)
    assert out.weights[2] == 0.0
    assert out.observations.tolist() == [200, 200, 40]
    gaps = x[:, :2].copy()
    gaps[80:, 0] = np.nan
    gaps[:31, 1] = np.nan
    with pytest.raises(NotReady, match="49 common times"):
        covariance_allocation(gaps)
    with pytest.raises(NotReady):
        covariance_allocation(x[:49])


def test_an_instrument_that_does_not_move_has_no_weight():
    x = np.random.default_rng(3).normal(0, 0.02, (100, 2))
    x[:, 1] = 0.0
    assert covariance_allocation(x).weights[1] == 0.0
    assert not covariance_allocation(np.zeros((100, 2))).weights.any()


def test_series_are_aligned_by_time_not_by_position():
    rng = np.random.default_rng(4)
    common = rng.normal(0, 0.01, 300)
    times = np.arange(300) * 60_000_000_000
    late = times[100:]
    names, stamps, table = align_by_time({"b": (late, common[100:]), "a": (times, common)}, 250)
    assert names == ["a", "b"]
    np.testing.assert_array_equal(stamps, times[50:])
    both = ~np.isnan(table).any(axis=1)
    np.testing.assert_array_equal(table[both, 0], table[both, 1])
    assert both.sum() == 200


def test_alignment_of_series_that_never_meet_has_no_common_time():
    _, _, table = align_by_time({"a": (np.array([1, 3]), np.ones(2)), "b": (np.array([2]), np.ones(1))}, 9)
    assert not (~np.isnan(table)).all(axis=1).any()
    _, times, table = align_by_time({"a": (np.array([], np.int64), np.array([]))}, 9)
    assert times.size == 0
    assert table.shape == (0, 1)


@pytest.mark.parametrize(
    "series",
    [
        {},
        {"a": (np.array([1, 1]), np.zeros(2))},
        {"a": (np.array([2, 1]), np.zeros(2))},
        {"a": (np.array([1, 2]), np.zeros(3))},
    ],
)
def test_bad_series_are_refused(series):
    with pytest.raises(DataError):
        align_by_time(series, 10)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((5, 0)), np.full((60, 2), np.inf)])
def test_bad_tables_are_refused(bad):
    with pytest.raises(DataError):
        covariance_allocation(bad)


@pytest.mark.parametrize(
    ("w", "cov", "threshold"),
    [
        (np.zeros(3), np.eye(2), 0.7),
        (np.array([np.nan, 0.0]), np.eye(2), 0.7),
        (np.zeros(2), np.eye(2), 1.0),
        (np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]), 0.7),
    ],
)
def test_bad_positions_are_refused(w, cov, threshold):
    with pytest.raises(DataError):
        derisk_correlated(w, cov, threshold=threshold)

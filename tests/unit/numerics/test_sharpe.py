import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.sharpe import (
    calmar,
    deflated_sharpe_probability,
    max_sharpe_expected,
    minimum_track_record,
    probabilistic_sharpe,
    return_moments,
    sharpe,
    sortino,
    stationary_bootstrap_sharpe_difference,
)

DAILY = math.sqrt(250.0)


def test_ratios_against_their_definitions(rng):
    r = 0.001 + 0.01 * rng.standard_t(4, 500)
    assert sharpe(r, 252) == pytest.approx(math.sqrt(252) * r.mean() / r.std(ddof=1), rel=1e-12)
    downside = math.sqrt(np.mean(np.minimum(r - 0.0005, 0) ** 2))
    assert sortino(r, 252, 0.0005) == pytest.approx(
        math.sqrt(252) * (r.mean() - 0.0005) / downside, rel=1e-12
    )
    wealth = np.append(1.0, np.cumprod(1 + r))
    growth = wealth[-1] ** (252 / 500) - 1
    assert calmar(r, 252) == pytest.approx(
        growth / (1 - wealth / np.maximum.accumulate(wealth)).max(), rel=1e-12
    )


def test_moments_against_scipy(rng):
    r = 0.01 * rng.standard_t(6, 400)
    m = return_moments(r)
    assert m.n == 400
    assert m.skew == pytest.approx(stats.skew(r), rel=1e-10)
    assert m.kurtosis_raw == pytest.approx(stats.kurtosis(r, fisher=False), rel=1e-10)


def test_undefined_ratios_are_nan_never_zero():
    flat, rising = np.full(10, 0.1), np.array([0.1, 0.2, 0.3])
    assert math.isnan(sharpe(flat, 252))
    assert math.isnan(return_moments(flat).skew)
    assert math.isnan(sortino(rising, 252))
    assert math.isnan(calmar(rising, 252))
    assert calmar(np.array([0.5, -1.0]), 2) == -1.0  # ruin


@pytest.mark.parametrize("bad", [[], [0.1], [0.1, np.nan], [[0.1, 0.2]]])
def test_bad_returns_are_refused(bad):
    for ratio in (
        lambda r: sharpe(r, 252),
        lambda r: sortino(r, 252),
        lambda r: calmar(r, 252),
        return_moments,
    ):
        with pytest.raises(DataError, match="returns"):
            ratio(np.array(bad))
    with pytest.raises(DataError, match="periods_per_year"):
        sharpe(np.array([0.1, 0.2]), 0.0)


def test_deflated_sharpe_of_the_published_example():
    # Bailey & Lopez de Prado (2014): annualised SR 2.5 over 1250 days, variance 1/2 over the trials.
    spread = math.sqrt(0.5) / DAILY
    assert max_sharpe_expected(100, spread) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_probability(2.5 / DAILY, 1250, -3.0, 10.0, 100, spread) == pytest.approx(
        0.9004, abs=5e-5
    )
    assert deflated_sharpe_probability(2.5 / DAILY, 1250, -3.0, 10.0, 46, spread) == pytest.approx(
        0.9505, abs=5e-5
    )
    assert deflated_sharpe_probability(2.5 / DAILY, 1250, 0.0, 3.0, 88, spread) == pytest.approx(
        0.9505, abs=5e-5
    )


@pytest.mark.parametrize("n", [5, 50, 1000])
def test_expected_maximum_of_trials_against_simulation(n):
    best = np.random.default_rng(n).standard_normal((4000, n)).max(axis=1).mean()
    assert max_sharpe_expected(n, 1.0) == pytest.approx(best, abs=0.06)


def test_probability_is_calibrated_when_there_is_no_skill():
    r = np.random.default_rng(4).standard_normal((2000, 250))
    p = [probabilistic_sharpe(m.mean / m.std, m.n, m.skew, m.kurtosis_raw) for m in map(return_moments, r)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


@given(st.integers(1, 500), st.floats(0.0, 0.2), st.floats(-0.2, 0.4))
def test_more_trials_deflate_more(n, spread, ratio):
    one = deflated_sharpe_probability(ratio, 500, -0.5, 5.0, n, spread)
    assert 0.0 <= deflated_sharpe_probability(ratio, 500, -0.5, 5.0, n + 50, spread) <= one <= 1.0
    assert one <= probabilistic_sharpe(ratio, 500, -0.5, 5.0)


def test_impossible_moments_and_trials_are_refused():
    with pytest.raises(DataError, match="standard error"):
        probabilistic_sharpe(2.0, 100, 3.0, 1.0)
    with pytest.raises(DataError, match="standard error"):
        probabilistic_sharpe(0.1, 1, 0.0, 3.0)
    with pytest.raises(DataError, match="trials"):
        max_sharpe_expected(0, 1.0)


def resampled(a, b, mean_block, uniforms):
    """The stationary bootstrap written out: one uniform a step decides on and picks a new block."""
    n, out = len(a), []
    for row in uniforms:
        index = [int(row[0] * n)]
        for u in row[1:]:
            index.append(int(u * mean_block * n) if u < 1 / mean_block else (index[-1] + 1) % n)
        x, y = a[index], b[index]
        out.append(x.mean() / x.std(ddof=1) - y.mean() / y.std(ddof=1))
    return math.sqrt(252) * np.array(out)


def test_bootstrap_equals_a_written_out_one(rng):
    a, b = 0.01 * rng.standard_normal((2, 60)) + 0.001
    got = stationary_bootstrap_sharpe_difference(a, b, 252, 40, 4.0, np.random.default_rng(9))
    wanted = resampled(a, b, 4.0, np.random.default_rng(9).random((40, 60)))
    assert got == pytest.approx((wanted.mean(), *np.quantile(wanted, (0.025, 0.975))), rel=1e-9)


def test_bootstrap_agrees_with_another_library(rng):
    common = 0.01 * rng.standard_normal(400)
    a = common + 0.004 * rng.standard_normal(400) + 0.001
    mean, lo, hi = stationary_bootstrap_sharpe_difference(a, common, 252, 4000, 8.0, rng)
    other = StationaryBootstrap(8, a, common, seed=rng)
    draws = other.apply(lambda x, y: np.array([sharpe(x, 252) - sharpe(y, 252)]), 1500).ravel()
    wanted = (draws.mean(), *np.quantile(draws, (0.025, 0.975)))
    assert (mean, lo, hi) == pytest.approx(wanted, abs=0.25 * draws.std())


def test_bootstrap_symmetries():
    a, b = 0.01 * np.random.default_rng(1).standard_normal((2, 100)) + 0.0005

    def run(x, y):
        return stationary_bootstrap_sharpe_difference(x, y, 252, 200, 5.0, np.random.default_rng(3))

    mean, lo, hi = run(a, b)
    assert run(b, a) == pytest.approx((-mean, -hi, -lo), rel=1e-9)
    assert run(3.0 * a, 0.5 * b) == pytest.approx((mean, lo, hi), rel=1e-9)
    assert run(a, a) == (0.0, 0.0, 0.0)
    assert run(a, np.zeros(100))[0] == pytest.approx(sharpe(a, 252), rel=0.5)  # cash counts as 0


def test_bootstrap_refuses_bad_input(rng):
    r = rng.standard_normal(20)
    for args in ((r, r[:-1], 252, 10, 5.0), (r, r, 252, 1, 5.0), (r, r, 252, 10, 0.5)):
        with pytest.raises(DataError, match="bootstrap"):
            stationary_bootstrap_sharpe_difference(*args, rng)


def test_the_least_track_record_is_where_the_probability_reaches_the_confidence():
    for ratio, skew, kurtosis, benchmark, confidence in (
        (0.1, -1.0, 8.0, 0.0, 0.95),
        (0.3, 0.5, 3.0, 0.1, 0.99),
    ):
        n = minimum_track_record(ratio, skew, kurtosis, benchmark, confidence)
        below, above = (
            probabilistic_sharpe(ratio, int(m), skew, kurtosis, benchmark) for m in (np.floor(n), np.ceil(n))
        )
        assert below <= confidence <= above
    assert minimum_track_record(0.1, 0.0, 3.0, 0.1) == math.inf
    assert minimum_track_record(0.1, 0.0, 3.0, 0.2) == math.inf


def test_the_least_track_record_of_the_paper():
    """Bailey & Lopez de Prado (2012): 2.73 years of daily normal returns at 2 against 1, and 4.99 monthly."""
    daily = math.sqrt(252.0)
    assert minimum_track_record(2.0 / daily, 0.0, 3.0, 1.0 / daily) / 252 == pytest.approx(2.73, abs=0.01)
    monthly = math.sqrt(12.0)
    years = minimum_track_record(2.0 / monthly, -0.72, 5.78, 1.0 / monthly) / 12
    assert years == pytest.approx(4.99, abs=0.01)


def test_a_track_record_without_moments_is_refused():
    for args in ((np.nan, 0.0, 3.0), (0.1, 0.0, 3.0, 0.0, 1.0), (0.1, 0.0, 3.0, 0.0, 0.4), (1.0, 5.0, 3.0)):
        with pytest.raises(DataError):
            minimum_track_record(*args)

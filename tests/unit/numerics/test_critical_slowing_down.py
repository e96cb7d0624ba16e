import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.critical_slowing_down import (
    CriticalSlowingDown,
    kendall_dtype,
    kendall_step,
    slowing_alarm_level,
)

WINDOW, TREND = 60, 60


def ar1(shocks, phi):
    """Paths (k, n) of unit shocks; ``phi`` is a number or a value for every step."""
    phi = np.broadcast_to(phi, shocks.shape[1])
    x = np.empty_like(shocks)
    x[:, 0] = shocks[:, 0]
    for t in range(1, shocks.shape[1]):
        x[:, t] = phi[t] * x[:, t - 1] + shocks[:, t]
    return x


def alarms(paths, level):
    kernel = CriticalSlowingDown(WINDOW, TREND)
    return np.array([min(kernel.transform(x)[-1, 2:]) > level for x in paths])


def test_kendall_agrees_with_scipy_at_every_step(rng):
    x = rng.standard_normal(80)
    s = np.zeros(1, kendall_dtype(17))
    got = [kendall_step(s[0], v, 17) for v in x]
    for end in range(17, 81):
        wanted = kendalltau(np.arange(17), x[end - 17 : end]).statistic
        assert got[end - 1] == pytest.approx(wanted, abs=1e-14)


def test_equal_values_count_nothing():
    s = np.zeros(1, kendall_dtype(4))
    assert [kendall_step(s[0], 1.0, 4) for _ in range(9)][3:] == [0.0] * 6


def test_indicators_are_those_of_the_residuals_of_a_line(rng):
    x = 1e4 + np.cumsum(rng.standard_normal(120))
    got = CriticalSlowingDown(30, 20).transform(x)
    memory, spread = [], []
    for end in range(30, 121):
        part, t = x[end - 30 : end], np.arange(30.0)
        e = part - np.polyval(np.polyfit(t, part, 1), t)
        memory.append(np.sum(e[1:] * e[:-1]) / np.sum(e * e))
        spread.append(np.mean(e * e))
    np.testing.assert_allclose(got[49:, 0], memory[20:], rtol=1e-7)
    np.testing.assert_allclose(got[49:, 1], spread[20:], rtol=1e-7)
    assert got[-1, 2] == pytest.approx(kendalltau(np.arange(20), memory[-20:]).statistic)
    assert got[-1, 3] == pytest.approx(kendalltau(np.arange(20), spread[-20:]).statistic)


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_a_stationary_series_raises_the_alarm_at_the_stated_rate(phi):
    level = slowing_alarm_level(WINDOW, TREND, 0.1, np.random.default_rng(1), phi=phi, paths=2000)
    paths = ar1(np.random.default_rng(2).standard_normal((1500, WINDOW + TREND - 1)), phi)
    # Standard errors of level and rate together: sqrt(.09/2000 + .09/1500) = .010.
    assert alarms(paths, level).mean() == pytest.approx(0.1, abs=0.035)


def test_a_series_whose_memory_grows_raises_the_alarm():
    level = slowing_alarm_level(WINDOW, TREND, 0.05, np.random.default_rng(1), phi=0.3, paths=2000)
    drift = np.linspace(0.0, 1.0, WINDOW + TREND - 1)
    shocks = np.random.default_rng(3).standard_normal((300, drift.size))
    assert alarms(ar1(shocks, drift), level).mean() > 0.5
    assert alarms(ar1(shocks, 0.3), level).mean() < 0.12
    assert alarms(ar1(shocks, drift[::-1]), level).mean() < 0.02


def test_scale_level_and_line_change_no_trend(rng):
    x = np.cumsum(rng.standard_normal(100))
    base = CriticalSlowingDown(20, 15).transform(x)[-1]
    other = CriticalSlowingDown(20, 15).transform(4.0 * x + 0.5 * np.arange(100.0))[-1]
    np.testing.assert_allclose(other, base * [1.0, 16.0, 1.0, 1.0], rtol=1e-9)


@pytest.mark.parametrize("x", [np.full(40, 1e6), 1e6 + 0.1 * np.arange(40.0), np.zeros(40)])
def test_a_straight_line_has_neither_memory_nor_variance(x):
    got = CriticalSlowingDown(10, 5).transform(x)[-1]
    np.testing.assert_array_equal(got, np.zeros(4))


def test_bad_parameters_are_refused(rng):
    for bad in ((3, 10), (10, 1)):
        with pytest.raises(ConfigError):
            CriticalSlowingDown(*bad)
    for options in ({"rate": 0.0}, {"rate": 1.0}, {"phi": 1.0}, {"phi": math.nan}, {"paths": 100}):
        with pytest.raises(ConfigError):
            slowing_alarm_level(10, 10, **{"rate": 0.05, "paths": 500, **options}, generator=rng)

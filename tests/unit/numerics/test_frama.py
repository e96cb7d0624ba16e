import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.frama import FRAMA, SevcikAverage
from janus_trader.numerics.sevcik import sevcik_dimension


def ehlers(bars, n, slowest=0.01, fastest=1.0):
    """Ehlers's program, bar by bar: the average and its dimension from bar n on."""
    high, low = np.asarray(bars).T
    price, h, dimension = (high + low) / 2, n // 2, 1.0
    value, found = price[n - 1], []
    for t in range(n - 1, len(price)):
        n1 = np.ptp(np.r_[high[t - h + 1 : t + 1], low[t - h + 1 : t + 1]]) / h
        n2 = np.ptp(np.r_[high[t - n + 1 : t - h + 1], low[t - n + 1 : t - h + 1]]) / h
        n3 = np.ptp(np.r_[high[t - n + 1 : t + 1], low[t - n + 1 : t + 1]]) / n
        if n1 > 0 and n2 > 0 and n3 > 0:
            dimension = (np.log(n1 + n2) - np.log(n3)) / np.log(2)
        alpha = np.clip(np.exp(-4.6 * (dimension - 1)), slowest, fastest)
        value = alpha * price[t] + (1 - alpha) * value
        found.append(value)
    return np.array(found)


@pytest.mark.parametrize("window", [4, 16, 30])
def test_equals_ehlers_program(rng, window):
    bars = FRAMA.example_input(rng, 300)
    got = FRAMA(window).transform(bars)
    assert np.isnan(got[: window - 1]).all()
    np.testing.assert_allclose(got[window - 1 :], ehlers(bars, window), rtol=1e-12)


def test_a_steady_rise_is_followed_at_once_and_a_zigzag_hardly():
    line = np.arange(40.0)
    assert FRAMA(16).transform(np.column_stack([line, line]))[-1] > 38.0
    zigzag = np.where(np.arange(800) % 2, 1.0, -1.0)
    kernel = FRAMA(16)
    ys = [kernel.update(np.array([x, x])) for x in zigzag]
    assert kernel.dimension == pytest.approx(2.0)
    assert np.abs(ys[700:]).max() < 0.02


def test_without_a_range_the_last_dimension_is_kept(rng):
    bars = np.vstack([FRAMA.example_input(rng, 30), np.full((30, 2), 100.0)])
    kernel = FRAMA(8)
    for bar in bars[:34]:
        kernel.update(bar)
    before = kernel.dimension
    for bar in bars[34:]:
        kernel.update(bar)
    assert kernel.dimension == before
    np.testing.assert_allclose(kernel.transform(bars)[7:], ehlers(bars, 8), rtol=1e-12)
    assert FRAMA(4).transform(np.full((6, 2), 3.0))[3:].tolist() == [3.0] * 3


def test_an_upside_down_bar_is_ignored(rng):
    bars = FRAMA.example_input(rng, 40)
    worse = np.insert(bars, 20, [1.0, 2.0], axis=0)
    got = FRAMA(8).transform(worse)
    assert got[20] == got[19]
    np.testing.assert_array_equal(np.delete(got, 20), FRAMA(8).transform(bars))


@pytest.mark.parametrize("finite_length", [False, True])
def test_sevcik_average_equals_its_recursion(rng, finite_length):
    p = np.cumsum(rng.standard_normal(120)) + 100.0
    value, wanted = p[31], []
    for t in range(31, 120):
        d = sevcik_dimension(p[t - 31 : t + 1], finite_length)
        value += np.clip(np.exp(-4.6 * (d - 1)), 0.01, 0.5) * (p[t] - value)
        wanted.append(value)
    got = SevcikAverage(32, finite_length=finite_length).transform(p)
    np.testing.assert_allclose(got[31:], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (FRAMA, {"window": 5}),
        (FRAMA, {"window": 2}),
        (FRAMA, {"slowest": 0.0}),
        (FRAMA, {"fastest": 1.5}),
        (SevcikAverage, {"window": 2}),
        (SevcikAverage, {"slowest": 0.6}),
    ],
)
def test_bad_parameters_are_refused(cls, settings):
    with pytest.raises(ConfigError):
        cls(**settings)

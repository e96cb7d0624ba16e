import math

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.dsp_thresholds import Thresholds, standard_thresholds
from janus_trader.numerics.dsp_vector import DSP_NAMES, EW_SCORE_DTYPE, DSPVector, ew_score_step
from janus_trader.numerics.fractional_noise import fractional_noise


def written_out(prices, window, limits, *, ln2=False, decay=0.05, clip=3.0, slowest=0.01, fastest=0.5):
    """The eight features from their definitions, the scores by explicit weights."""
    offset = math.log(2.0) / math.log(2.0 * (window - 1)) if ln2 else 0.0
    average, divergences, alphas, rows = prices[window - 1], [], [], []
    for t in range(window - 1, len(prices)):
        w = prices[t - window + 1 : t + 1]
        steps = np.diff(w) / np.ptp(w)
        dimension = 1.0 + np.log(np.hypot(steps, 1.0 / (window - 1)).sum()) / np.log(2.0 * (window - 1))
        dimension = min(max(dimension - offset, 1.0), 2.0)
        alphas.append(min(max(math.exp(-4.6 * (dimension - 1.0)), slowest), fastest))
        average = alphas[-1] * prices[t] + (1.0 - alphas[-1]) * average
        divergences.append(prices[t] - average)
        scores = []
        for values in (np.array(divergences), np.array(alphas)):
            weights = decay * (1.0 - decay) ** np.arange(len(values))[::-1]
            weights[0] /= decay
            mean = weights @ values
            deviation = math.sqrt(weights @ (values - mean) ** 2)
            scores.append((values[-1] - mean) / deviation if deviation > 1e-12 else 0.0)
        h = 2.0 - dimension
        low, high = limits.reverting + offset, limits.trending + offset
        regime = 1.0 if h > high else -1.0 if h < low else 0.0
        confidence = h - high if regime > 0 else low - h if regime < 0 else 0.0
        first = float(np.clip(scores[0], -clip, clip))
        sign = float(np.sign(divergences[-1]))
        rows.append([first, scores[1], dimension, h, regime, sign, alphas[-1] - 0.25, confidence])
    return np.array(rows)


@pytest.mark.parametrize("ln2", [False, True])
@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.9])
def test_features_are_their_definitions(rng, hurst, ln2):
    prices = 100.0 + np.cumsum(fractional_noise(400, hurst, rng))
    dsp = DSPVector(finite_length=ln2)
    got = dsp.transform(prices)
    wanted = written_out(prices, 64, standard_thresholds(64), ln2=ln2)
    assert got.shape == (400, len(DSP_NAMES))
    assert np.isnan(got[:112]).all()
    np.testing.assert_allclose(got[112:], wanted[49:], rtol=0, atol=1e-8)


def test_other_parameters(rng):
    prices, limits = np.cumsum(rng.standard_normal(200)), Thresholds(0.62, 0.7, 0.5)
    dsp = DSPVector(20, 0.05, 0.7, decay=0.2, score_warmup=30, clip=0.5, thresholds=limits)
    wanted = written_out(prices, 20, limits, decay=0.2, clip=0.5, slowest=0.05, fastest=0.7)
    np.testing.assert_allclose(dsp.transform(prices)[48:], wanted[29:], rtol=0, atol=1e-9)
    assert {-1.0, 0.0, 1.0} == set(wanted[:, 4])


def test_random_walks_are_neutral_at_the_stated_rate(rng):
    dsp, n = DSPVector(), 2000
    regimes = [dsp.transform(np.cumsum(rng.standard_normal(dsp.warmup)))[-1, 4] for _ in range(n)]
    assert np.mean(np.array(regimes) != 0.0) == pytest.approx(0.1, abs=4.0 * math.sqrt(0.09 / n))


def test_persistence_and_reversion_have_their_sign(rng):
    for hurst, sign in ((0.1, -1.0), (0.95, 1.0)):
        paths = np.cumsum(fractional_noise(113, hurst, rng, series=200), axis=1)
        regimes = np.array([DSPVector().transform(path)[-1, 4] for path in paths])
        assert np.mean(regimes == sign) > 0.5
        assert not (regimes == -sign).any()


def test_both_forms_of_the_dimension_give_the_same_regimes(rng):
    prices = np.cumsum(rng.standard_normal(1500))
    published, other = (
        DSPVector().transform(prices)[112:],
        DSPVector(finite_length=True).transform(prices)[112:],
    )
    np.testing.assert_array_equal(published[:, 4], other[:, 4])
    np.testing.assert_allclose(published[:, 7], other[:, 7], rtol=0, atol=1e-12)
    assert published[:, 6].mean() == pytest.approx(0.0, abs=0.06)  # alpha is centred in the published form


def test_a_constant_price():
    limits = standard_thresholds(64)
    row = DSPVector().transform(np.full(200, 3.0))[-1]
    assert row.tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.25, 1.0 - limits.trending]


def test_a_straight_line_is_a_sure_trend_with_no_news():
    row = DSPVector().transform(np.linspace(100.0, 300.0, 2000))[-1]
    assert row[4:7].tolist() == [1.0, 1.0, 0.25]
    assert row[:2] == pytest.approx([0.0, 0.0], abs=1e-3)


def test_scores_are_bounded_even_by_a_jump():
    prices = np.r_[100.0 + np.tile([0.0, 0.1], 150), np.full(5, 1e6)]
    rows = DSPVector().transform(prices)
    assert np.abs(rows[112:, 0]).max() == 3.0
    assert (np.abs(rows[112:, 1]) <= math.sqrt(0.95 / 0.05) + 1e-12).all()


def test_a_gap_repeats_the_row(rng):
    dsp = DSPVector()
    for x in np.cumsum(rng.standard_normal(dsp.warmup)):
        before = dsp.update(x).copy()
    for gap in (math.nan, math.inf, -math.inf):
        np.testing.assert_array_equal(dsp.update(gap), before)


def test_scores_equal_weighted_moments(rng):
    state, values = np.zeros(1, EW_SCORE_DTYPE), rng.standard_normal(60)
    for x in values:
        score = ew_score_step(state[0], x, 0.1, 1.0)
    weights = 0.1 * 0.9 ** np.arange(60)[::-1]
    weights[0] /= 0.1
    mean = weights @ values
    assert score == pytest.approx((x - mean) / math.sqrt(weights @ (values - mean) ** 2), abs=1e-12)


@pytest.mark.parametrize(
    "bad",
    [
        {"window": 2},
        {"window": 65},
        {"slowest": 0.0},
        {"fastest": 1.5},
        {"decay": 0.0},
        {"decay": 1.0},
        {"score_warmup": 1},
        {"clip": 0.0},
        {"clip": math.inf},
        {"decay": math.nan},
        {"thresholds": Thresholds(0.7, 0.6, 0.1)},
        {"thresholds": Thresholds(math.nan, 0.6, 0.1)},
    ],
)
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        DSPVector(**bad)

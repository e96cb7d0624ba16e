"""Severities come up at stated rates, from past bars alone."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy.stats import chi2

from janus_trader.brain.amygdala import AmygdalaConfig, Calibration, DetectorBank, DetectorConfig
from janus_trader.brain.amygdala.calibration import ThresholdLearner
from janus_trader.brain.amygdala.detectors import ANOMALIES, DETECTORS, INPUTS, N_DETECTORS, detect
from janus_trader.contracts.memory import Episode

LEVELS = AmygdalaConfig().severity_levels
FUSED = DETECTORS.index("anomaly")
#: Independent markets, bars before any judgement, bars judged, bars between two calibrations.
MARKETS, BEFORE, JUDGED, MONTH = 12, 1260, 2500, 63


def bank(**changes) -> DetectorBank:
    return DetectorBank(DetectorConfig(**changes), LEVELS)


def rows(returns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x = np.full((len(returns), len(INPUTS)), np.nan)
    x[:, 0] = returns
    x[:, 1] = np.sqrt(rng.chisquare(10, len(returns)) / 29.6)  # a distance over its chi-square threshold
    x[:, 3] = 0.2 * rng.random(len(returns))
    x[:, 5:8], x[:, 8] = 100.0, 1.0
    return x


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal(n)


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_t(3, n)


def clustered(rng: np.random.Generator, n: int) -> np.ndarray:
    """GARCH(1, 1) with t shocks: neither independent nor light-tailed."""
    z, out, variance = rng.standard_t(5, n) / np.sqrt(5 / 3), np.empty(n), 1.0
    for t in range(n):
        out[t] = np.sqrt(variance) * z[t]
        variance = 0.02 + 0.08 * out[t] ** 2 + 0.9 * variance
    return out


def realised(law, seed: int, **changes) -> np.ndarray:
    """Share of the judged bars at each severity or worse, thresholds renewed as by deep nights: (4,)."""
    rng = np.random.default_rng(seed)
    b = bank(**changes)
    xs, fused = rows(0.01 * law(rng, BEFORE + JUDGED), rng), np.empty(BEFORE + JUDGED)
    for start in range(0, len(xs), MONTH):
        if start >= 252:
            found = b.calibration.estimate(b.history(start - 1), rng)
            assert found is not None
            b.calibration.adopt(found)
        k = b.calibration
        part = slice(start, min(start + MONTH, len(xs)))
        live(b._state, start, xs[part], b._alpha, b._c, b._f, b._b, b._severity, b._drawdown_at, b._ladders,
             b._absolute, k.scale, k.thresholds, k.bars > 0, k.forest, k.corroboration, fused[part])  # fmt: skip
    return np.array([(fused[BEFORE:] >= level).mean() for level in LEVELS])


@njit
def live(state, first, xs, alpha, c, f, b, severity, at, ladders, absolute, scale, thresholds, calibrated,
         forest, raise_, out):  # fmt: skip
    levels = np.empty(N_DETECTORS)
    for t in range(len(xs)):
        detect(state, first + t, xs[t], alpha, c, f, b, severity, at, ladders, absolute, scale, thresholds,
               calibrated, forest, raise_, levels)  # fmt: skip
        out[t] = levels[FUSED]


@pytest.mark.parametrize("law", [normal, heavy, clustered])
def test_each_severity_comes_up_at_its_stated_rate(law) -> None:
    shares = np.array([realised(law, seed) for seed in range(MARKETS)])
    stated = bank().calibration.rates
    np.testing.assert_allclose(stated, [0.01, 0.002, 0.0004, 0.00008])
    mean, error = shares.mean(axis=0), shares.std(axis=0, ddof=1) / np.sqrt(MARKETS)
    # markets are independent: a 99 % interval of the mean rate, widened by what a quantile of few is off
    for rate, m, e, off in zip(stated[:2], mean, error, (1.25, 1.6), strict=False):
        assert rate / off - 2.6 * e < m < off * rate + 2.6 * e
    # a dozen alarms in all: that the rarest two are not too common is all that can be shown
    assert mean[2] - 2.6 * error[2] < 1.6 * stated[2]
    assert mean[3] - 2.6 * error[3] < 2.0 * stated[3]


def test_another_stated_rate_is_met_as_well() -> None:
    shares = np.array([realised(heavy, 100 + s, false_positive_rate=0.05) for s in range(6)])
    assert shares[:, 0].mean() == pytest.approx(0.05, rel=0.2)


def test_no_threshold_uses_a_later_bar() -> None:
    rng = np.random.default_rng(5)
    xs = rows(0.01 * heavy(rng, 900), rng)
    other = xs.copy()
    other[600:, :4] = 7.0
    found = []
    for data in (xs, other):
        b = bank()
        for t, x in enumerate(data):
            b.update(x, t)
        found.append(b.calibration.estimate(b.history(599), np.random.default_rng(1)))
    assert found[0] is not None
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name], err_msg=name)
    later = b.calibration.estimate(b.history(800), np.random.default_rng(1))
    assert later["thresholds"][0] != found[0]["thresholds"][0]


def episode(step: int) -> Episode:
    empty = np.zeros(0)
    return Episode(
        step=step, ts_event=step, context=empty, posterior=empty, signals=empty, payoff=empty, weights=empty,
        reward=0.0, cost=0.0, fear=0.0, surprise=0.0, confidence=0.0,
    )  # fmt: skip


def test_the_learner_estimates_up_to_the_last_training_episode() -> None:
    rng = np.random.default_rng(6)
    b = bank()
    for t, x in enumerate(rows(0.01 * heavy(rng, 800), rng)):
        b.update(x, t)
    learner = ThresholdLearner(b)
    assert learner.deep_only
    assert learner.propose([], rng) is None
    assert learner.propose([episode(100)], rng) is None
    before = learner.parameters()
    candidate = learner.propose([episode(t) for t in range(500)], np.random.default_rng(2))
    direct = b.calibration.estimate(b.history(499), np.random.default_rng(2))
    np.testing.assert_array_equal(candidate["thresholds"], direct["thresholds"])
    np.testing.assert_array_equal(learner.parameters()["thresholds"], before["thresholds"])
    assert candidate["bars"] == 500
    learner.adopt(candidate)
    np.testing.assert_array_equal(learner.parameters()["scale"], candidate["scale"])
    assert learner.score(candidate, []) == learner.score(None, [episode(1)]) == 0.0


def test_before_enough_bars_the_floors_stand() -> None:
    calibration = Calibration(DetectorConfig(), LEVELS, 0.1)
    assert calibration.scale.tolist() == [4.0, 1e9, 3.0, 2.3, 1.0]
    assert tuple(calibration.thresholds) == LEVELS
    assert calibration.estimate(np.zeros((251, 7)), np.random.default_rng(0)) is None


def test_the_isolation_forest_sees_what_no_single_coordinate_shows() -> None:
    rng = np.random.default_rng(7)
    # return and breakdown each stay in their usual range; only their combination is new
    n = 1500
    b = bank()
    r = 0.01 * rng.standard_normal(n)
    xs = rows(r, rng)
    xs[:, 3] = np.where(r < 0.0, 0.3, 0.0) + 0.02 * rng.random(n)
    for t, x in enumerate(xs):
        b.update(x, t)
    b.calibration.adopt(b.calibration.estimate(b.history(n), rng))
    place = ANOMALIES.index("isolation_forest")

    def level(z: float, breakdown: float) -> float:
        c = bank()
        c.calibration.adopt(b.calibration.parameters())
        c.restore(b.snapshot())
        return float(
            c.update(np.array([0.01 * z, 0.6, np.nan, breakdown, np.nan, 1, 1, 1, 1, *[np.nan] * 4]), n)[
                place
            ]
        )

    assert level(1.8, 0.31) > level(-1.8, 0.31)
    assert level(1.8, 0.31) > level(0.5, 0.01)


def test_a_long_crisis_does_not_make_a_black_swan_usual() -> None:
    rng = np.random.default_rng(8)
    b = bank()
    xs = rows(0.01 * rng.standard_normal(1200), rng)
    xs[300:, 1] = 3.0 + 0.1 * rng.random(900)  # turbulence far above its chi-square threshold for years
    for t, x in enumerate(xs):
        b.update(x, t)
    b.calibration.adopt(b.calibration.estimate(b.history(1200), rng))
    levels = b.update(xs[-1], 1200)
    assert levels[FUSED] < LEVELS[0]
    assert levels[DETECTORS.index("black_swan")] >= LEVELS[2]


def test_constant_data_raise_no_alarm() -> None:
    rng = np.random.default_rng(9)
    b = bank()
    x = np.array([0.0, 0.5, np.nan, 0.1, np.nan, 1, 1, 1, 1, *[np.nan] * 4])
    for t in range(600):
        if t and t % 200 == 0:
            found = b.calibration.estimate(b.history(t), rng)
            if found is not None:
                b.calibration.adopt(found)
                assert (np.diff(found["thresholds"]) > 0).all()
        levels = b.update(x, t)
    assert np.nanmax(levels[FUSED:]) < LEVELS[0]


def test_danger_of_the_mahalanobis_distance_is_its_own_calibrated_quantile() -> None:
    """Specification eq. 51: a trigger at D > tau, tau found for a stated rate from earlier distances."""
    rng = np.random.default_rng(10)
    rates = []
    for _ in range(12):
        b = bank()
        xs = np.full((4520, len(INPUTS)), np.nan)
        xs[:, 1], xs[:, 5:8], xs[:, 8] = np.sqrt(rng.chisquare(10, 4520)), 1.0, 1.0
        for t in range(2520):
            b.update(xs[t], t)
        b.calibration.adopt(b.calibration.estimate(b.history(2520), rng))
        tau = b.calibration.scale[ANOMALIES.index("mahalanobis")]
        rates.append((xs[2520:, 1] > tau).mean())
        place = ANOMALIES.index("mahalanobis")
        assert (b.update(xs[3000], 3000)[place] >= 1.0) == (xs[3000, 1] >= tau)
    assert np.mean(rates) == pytest.approx(0.01, abs=3.0 * np.std(rates) / np.sqrt(12))
    assert tau == pytest.approx(np.sqrt(chi2.ppf(0.99, 10)), rel=0.05)

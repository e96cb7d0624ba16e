"""The correction: eq. 36 behind a Smith predictor; latency."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.brain.cerebellum import CostCorrection, LatencyConfig, LatencyModel
from janus_trader.contracts.errors import DataError

GAINS = (0.4, 0.3, 0.1, 3.0, 15.0)


def loop(correction: CostCorrection, residuals: np.ndarray, late: int) -> np.ndarray:
    """Correction in force at each batch, residuals reported ``late`` batches after it."""
    out = []
    for t in range(len(residuals)):
        out.append(correction.value)
        if t >= late:
            correction.update(residuals[t - late])
    return np.array(out)


@pytest.mark.parametrize("dead_time", [1, 4, 9])
def test_with_smith_the_loop_is_the_one_without_dead_time_later(dead_time: int) -> None:
    residuals = 5.0 + np.random.default_rng(0).standard_normal(200)
    free = loop(CostCorrection(*GAINS), residuals, 0)
    late = loop(CostCorrection(*GAINS, dead_time=dead_time), residuals, dead_time)
    assert (late[: dead_time + 1] == 0.0).all()
    np.testing.assert_allclose(late[dead_time:], free[: 200 - dead_time], atol=1e-9)


def test_without_it_the_same_gains_ring() -> None:
    residuals = np.full(300, 5.0)
    smith = loop(CostCorrection(*GAINS, dead_time=8), residuals, 8)
    plain = loop(CostCorrection(*GAINS, dead_time=8, smith=False), residuals, 8)
    assert np.abs(smith[100:] - 5.0).max() < 1e-3
    assert np.ptp(plain[100:]) > 10.0


def test_it_is_the_discrete_pid_of_the_residual_less_the_correction() -> None:
    kp, ki, kd, tau, most = 0.2, 0.1, 0.05, 3.0, 15.0
    c, u, integral, slope, before = CostCorrection(kp, ki, kd, tau, most), 0.0, 0.0, 0.0, None
    for r in np.random.default_rng(1).normal(3.0, 2.0, 100):
        e = r - u
        if before is not None:
            slope += ((u - before) - slope) / (tau + 1.0)
        before = u
        integral += ki * e
        u = kp * e + integral - kd * slope
        assert c.update(float(r)) == pytest.approx(u, abs=1e-9)


def test_a_residual_that_is_no_number_changes_nothing() -> None:
    c = CostCorrection(*GAINS, dead_time=2)
    for r in (1.0, 2.0):
        c.update(r)
    before = (c.value, c.state())
    for bad in (np.nan, np.inf, -np.inf):
        c.update(bad)
    assert (c.value, c.state()) == before


def test_state_round_trip() -> None:
    residuals = np.random.default_rng(2).normal(3.0, 2.0, 60)
    a, b = CostCorrection(*GAINS, dead_time=3), CostCorrection(*GAINS, dead_time=3)
    loop(a, residuals[:30], 0)
    b.put_state(a.state())
    assert loop(a, residuals[30:], 0).tolist() == loop(b, residuals[30:], 0).tolist()
    a.reset()
    assert a.state() == CostCorrection(*GAINS, dead_time=3).state()


def test_latency_quantiles_are_those_of_the_lognormal_law_and_are_met() -> None:
    rng = np.random.default_rng(3)
    model = LatencyModel(LatencyConfig(halflife=1e6))
    latencies = np.exp(14.0 + 0.4 * rng.standard_normal(5000))
    for x in latencies[:4000]:
        model.observe(float(x))
    for p in (0.1, 0.5, 0.99):
        truth = np.exp(14.0 + 0.4 * float(np.sqrt(2) * _erfinv(2 * p - 1)))
        assert model.quantile(p) == pytest.approx(truth, rel=0.05)
        met = float((latencies[4000:] <= model.quantile(p)).mean())
        assert met == pytest.approx(p, abs=0.05)


def _erfinv(x: float) -> float:
    from scipy.special import erfinv

    return float(erfinv(x))


def test_latency_follows_a_slower_venue_and_is_silent_before_its_warm_up() -> None:
    model = LatencyModel(LatencyConfig(halflife=20.0, warmup=10))
    for k in range(9):
        model.observe(1e6)
        model.observe(-1.0)
        model.observe(float("nan"))
        assert np.isnan(model.quantile(0.5)), k
    for _ in range(200):
        model.observe(5e6)
    assert model.quantile(0.5) == pytest.approx(5e6, rel=0.02)
    with pytest.raises(DataError):
        model.quantile(1.0)
    other = LatencyModel(model.config)
    other.put_state(model.state())
    assert other.quantile(0.9) == model.quantile(0.9)

from __future__ import annotations

import time

import numpy as np
import pytest

from janus_trader.brain.hypothalamus import (
    CorrelationConfig,
    CorrelationTracker,
    Hypothalamus,
    HypothalamusConfig,
)
from janus_trader.contracts.decision import Action, Target
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.protocols import Stateful
from janus_trader.contracts.regime import Regime, RegimeState

N = 20
BULL = tuple(float(x) for x in np.eye(7)[0])
REGIME = RegimeState(
    posterior=BULL,
    dominant=Regime.BULL,
    confidence=1.0,
    change_probability=0.0,
    turbulence=0.0,
    agreement=1.0,
    votes={},
    age=1,
    forecast=BULL,
)


def action(score: np.ndarray) -> Action:
    n = len(score)
    return Action(
        score=score,
        go=np.zeros(n),
        no_go=np.zeros(n),
        source_weights=np.zeros(1),
        released=np.ones(n, bool),
        no_go_reasons={},
        vetoes=(),
        dopamine=0.0,
    )


def book(ts: int, equity: float, weights: np.ndarray) -> PortfolioState:
    return PortfolioState(
        ts_event=ts,
        equity=equity,
        cash=equity * (1.0 - float(weights.sum())),
        peak_equity=equity,
        session_start_equity=equity,
        weights=tuple(weights.tolist()),
        quantities=tuple(weights.tolist()),
    )


def returns(bars: int, rho: float = 0.4, n: int = N, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((bars, 1))
    return 0.015 * (np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.standard_normal((bars, n)))


def live(h: Hypothalamus, r: np.ndarray, first: int = 0, seed: int = 2) -> list[Target]:
    rng = np.random.default_rng(seed)
    out: list[Target] = []
    weights, equity = np.zeros(r.shape[1]), 100.0
    present = np.ones(r.shape[1], bool)
    for t, row in enumerate(r):
        equity *= 1.0 + float(weights @ row)
        appetite = h.appetite(REGIME, book(first + t, equity, weights))
        correlation = h.correlate(row, present)
        score = rng.uniform(-0.2, 0.2, r.shape[1])
        out.append(h.allocate(action(score), appetite, correlation, weights, np.full(r.shape[1], 5.0)))
        weights = out[-1].weights
    return out


def make(n: int = N) -> Hypothalamus:
    return Hypothalamus(HypothalamusConfig(), n=n, bars_per_year=252.0, long_only=True)


def test_a_book_lives_at_the_volatility_its_targets_state() -> None:
    r = returns(900)
    targets = live(make(), r)
    weights = np.array([t.weights for t in targets])
    realised = np.sqrt(252) * (weights[200:-1] * r[201:]).sum(axis=1).std()
    stated = np.mean([t.expected_volatility for t in targets[200:]])
    assert 0.07 < stated < 0.17
    assert 0.85 < realised / stated < 1.15
    assert {t.method for t in targets[100:]} == {"mean_variance"}
    assert {t.method for t in targets[:62]} == {"equal_weight"}


def test_correlation_rises_and_its_breakdown_is_seen() -> None:
    tracker = CorrelationTracker(CorrelationConfig(), 8, 252.0)
    present = np.ones(8, bool)
    for row in returns(400, 0.2, 8):
        calm = tracker.update(row, present)
    assert 0.1 < calm.average < 0.3
    assert calm.breakdown < 0.2
    for row in returns(60, 0.95, 8, seed=5) * 3.0:
        broken = tracker.update(row, present)
    assert broken.average > calm.average + 0.3
    assert broken.breakdown > 0.5


def test_absent_instruments_and_numbers_that_are_none_change_nothing() -> None:
    r = returns(200, 0.3, 4)
    tracker = CorrelationTracker(CorrelationConfig(), 4, 252.0)
    present = np.array([True, True, True, False])
    r[:, 3] = 1e9  # whatever an absent instrument holds
    r[10, 0] = np.nan
    for row in r:
        out = tracker.update(row, present)
    assert np.isfinite(out.covariance).all()
    assert tracker.bars.tolist() == [199, 200, 200, 0]
    assert out.covariance[3, 3] < 1.0
    assert np.linalg.eigvalsh(out.covariance).min() > 0.0


def test_before_any_return_the_covariance_is_the_prior() -> None:
    out = make().correlate(np.zeros(N), np.zeros(N, bool))
    assert not out.ready
    np.testing.assert_allclose(out.covariance, np.eye(N) * 0.3**2 / 252)
    assert out.average == out.breakdown == 0.0


def test_an_instrument_without_history_gets_no_weight() -> None:
    h = make()
    r = returns(150)
    present = np.ones(N, bool)
    for t, row in enumerate(r):
        present[3] = t >= 120
        appetite = h.appetite(REGIME, book(t, 100.0, np.zeros(N)))
        correlation = h.correlate(row, present)
        target = h.allocate(action(np.zeros(N)), appetite, correlation, np.zeros(N), np.full(N, 5.0))
    assert target.weights[3] == 0.0
    assert (np.delete(target.weights, 3) > 0.0).all()


def test_snapshot_continues_identically() -> None:
    r = returns(220)
    a, b = make(), make()
    live(a, r[:150])
    b.restore(a.snapshot())
    x, y = live(a, r[150:], 150, 7), live(b, r[150:], 150, 7)
    for one, other in zip(x, y, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    assert a.snapshot() == b.snapshot()
    a.reset()
    assert a.snapshot() == make().snapshot()
    with pytest.raises(IntegrityError):
        make(5).restore(b.snapshot())


def test_the_past_does_not_depend_on_the_future() -> None:
    r = returns(120)
    other = r.copy()
    other[80:] *= -3.0
    x, y = live(make(), r), live(make(), other)
    for t in range(80):
        np.testing.assert_array_equal(x[t].weights, y[t].weights)


def test_the_three_calls_are_quick() -> None:
    h = make()
    r = returns(400)
    live(h, r)
    present, weights, cost = np.ones(N, bool), np.full(N, 0.04), np.full(N, 5.0)
    act = action(np.random.default_rng(3).uniform(-0.2, 0.2, N))
    best = np.inf
    for k in range(12):
        start = time.perf_counter()
        for t in range(10):
            i = 1000 + 10 * k + t
            appetite = h.appetite(REGIME, book(i, 100.0, weights))
            correlation = h.correlate(r[i % 400], present)
            h.allocate(act, appetite, correlation, weights, cost)
        best = min(best, (time.perf_counter() - start) / 10)
    assert isinstance(h, Stateful)
    assert best < 1e-3  # a guard against a slip, not a benchmark: about 180 us alone

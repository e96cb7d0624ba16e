"""The cost forecast: prior, correction by fills, the night's fit, and state."""

from __future__ import annotations

import time

import numpy as np
import pytest

from janus_trader.brain.cerebellum import Cerebellum, CerebellumConfig
from janus_trader.brain.cerebellum.fill_memory import FILL_DTYPE
from janus_trader.brain.cerebellum.impact_learner import fit_costs
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.orders import Fill, Side

SYMBOLS = ("A", "B", "C")
CONFIG = CerebellumConfig()


def book(weights=(0.0, 0.0, 0.0), equity=1e6):
    return PortfolioState(
        ts_event=0,
        equity=equity,
        cash=equity,
        peak_equity=equity,
        session_start_equity=equity,
        weights=weights,
        quantities=weights,
    )


def fill(symbol, value, bps):
    return Fill(
        order_id="x",
        symbol=symbol,
        side=Side.BUY,
        quantity=value / 50.0,
        price=50.0,
        cost=1e-4 * bps * value,
        ts_event=0,
        decision_price=50.0,
    )


def episode(step):
    empty = np.zeros(0)
    return Episode(
        step=step,
        ts_event=step,
        context=empty,
        posterior=empty,
        signals=empty,
        payoff=empty,
        weights=empty,
        reward=0.0,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def true_bps(sigma, value):
    return 3.0 + 0.02 * sigma * 1e4 + 0.05 * sigma * 1e4 * np.sqrt(value / 1e6)


def live(cerebellum, rng, first, last, noise=0.2):
    for ts in range(first, last):
        sigma = rng.uniform(0.005, 0.04, 3)
        fills = []
        for i, symbol in enumerate(SYMBOLS):
            value = float(rng.uniform(1e4, 5e5))
            fills.append(fill(symbol, value, true_bps(sigma[i], value) + noise * rng.standard_normal()))
        cerebellum.observe(fills, sigma, ts)


def test_before_any_fill_the_prior_answers():
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    forecast = cerebellum.forecast(np.array([0.1, 0.0, -0.2]), book((0.0, 0.0, 0.1)), np.full(3, 0.02))
    np.testing.assert_array_equal(forecast.cost_bps, 10.0)
    assert forecast.total == pytest.approx(1e-3 * (0.1 + 0.3) * 1e6)
    assert forecast.correction == 0.0
    np.testing.assert_array_equal(cerebellum.cost_bps(np.full(3, 0.02)), 10.0)


def test_forecast_is_the_stated_formula(rng):
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    cerebellum.adopt({"base_bps": 2.0, "per_sigma": 0.03, "per_impact": 0.07})
    allowed, held, sigma = rng.normal(0, 0.2, 3), rng.normal(0, 0.2, 3), rng.uniform(0, 0.05, 3)
    value = np.abs(allowed - held) * 2e6
    expected = 2.0 + 0.03 * sigma * 1e4 + 0.07 * sigma * 1e4 * np.sqrt(value / 1e6)
    forecast = cerebellum.forecast(allowed, book(tuple(held), 2e6), sigma)
    np.testing.assert_allclose(forecast.cost_bps, expected)
    assert forecast.total == pytest.approx(float((1e-4 * expected * value).sum()))
    np.testing.assert_allclose(cerebellum.cost_bps(sigma), 2.0 + 0.03 * sigma * 1e4)


@pytest.mark.parametrize("offset", [6.0, -7.0])
def test_correction_removes_a_steady_error_without_oscillation(offset):
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    errors = []
    for ts in range(80):
        errors.append(10.0 + offset - cerebellum.cost_bps(np.full(3, 0.02))[0])
        cerebellum.observe([fill("A", 1e5, 10.0 + offset)], np.full(3, 0.02), ts)
    assert abs(errors[-1]) < 0.05
    assert max(abs(e) for e in errors[20:]) < abs(offset) / 2
    assert min(e * np.sign(offset) for e in errors) > -0.15 * abs(offset)


def test_correction_is_clamped_and_does_not_wind_up():
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    for ts in range(300):
        cerebellum.observe([fill("A", 1e5, 250.0)], np.full(3, 0.02), ts)
    assert cerebellum.correction == CONFIG.max_correction_bps
    for ts in range(40):
        cerebellum.observe([fill("A", 1e5, 10.0)], np.full(3, 0.02), ts)
    assert abs(cerebellum.correction) < 1.0


def test_forecast_is_never_negative():
    cerebellum = Cerebellum(CerebellumConfig(prior_bps=0.0), 3, SYMBOLS)
    for ts in range(50):
        cerebellum.observe([fill("A", 1e5, -20.0)], np.full(3, 0.02), ts)
    assert cerebellum.correction < 0.0
    assert (cerebellum.cost_bps(np.full(3, 0.02)) == 0.0).all()


def test_unknown_volatility_counts_as_the_mean_of_the_others():
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    cerebellum.adopt({"base_bps": 0.0, "per_sigma": 0.1, "per_impact": 0.0})
    np.testing.assert_allclose(cerebellum.cost_bps(np.array([0.01, np.nan, 0.03])), [10.0, 20.0, 30.0])
    np.testing.assert_array_equal(cerebellum.cost_bps(np.full(3, np.nan)), 0.0)
    forecast = cerebellum.forecast(np.array([np.nan, 0.1, 0.1]), book(), np.array([0.01, np.nan, 0.03]))
    assert np.isfinite(forecast.cost_bps).all()
    assert np.isfinite(forecast.total)


def test_fills_that_say_nothing_are_left_out():
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    cerebellum.observe([fill("A", 0.0, 5.0)], np.full(3, 0.02), 1)
    cerebellum.observe([], np.full(3, 0.02), 2)
    cerebellum.observe([fill("A", 1e5, float("nan"))], np.full(3, 0.02), 3)
    assert len(cerebellum.memory) == 0
    assert cerebellum.correction == 0.0


def test_night_finds_the_coefficients_that_made_the_costs(rng):
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    live(cerebellum, rng, 0, 400)
    learner = cerebellum.learners()[0]
    candidate = learner.propose([episode(t) for t in range(300)], rng)
    assert candidate["base_bps"] == pytest.approx(3.0, abs=0.3)
    assert candidate["per_sigma"] == pytest.approx(0.02, rel=0.1)
    assert candidate["per_impact"] == pytest.approx(0.05, rel=0.1)
    held_back = [episode(t) for t in range(300, 400)]
    assert learner.score(candidate, held_back) > -0.3
    assert learner.score(None, held_back) < -1.0
    assert learner.parameters() == {"base_bps": 10.0, "per_sigma": 0.0, "per_impact": 0.0}
    learner.adopt(candidate)
    assert cerebellum.parameters_in_force == candidate
    assert cerebellum.correction == 0.0
    assert learner.score(None, held_back) == learner.score(candidate, held_back)


def test_a_proposal_uses_no_fill_after_its_last_episode(rng):
    one, other = Cerebellum(CONFIG, 3, SYMBOLS), Cerebellum(CONFIG, 3, SYMBOLS)
    live(one, np.random.default_rng(1), 0, 200)
    live(other, np.random.default_rng(1), 0, 100)
    for ts in range(100, 200):
        other.observe([fill("A", 1e5, 200.0)], np.full(3, 0.02), ts)
    train = [episode(t) for t in range(100)]
    assert one.learners()[0].propose(train, rng) == other.learners()[0].propose(
        [*train[:99], episode(99)], rng
    )
    assert one.learners()[0].propose(train[:90], rng) != one.learners()[0].propose(train, rng)


def test_scores_use_only_fills_within_the_held_back_span(rng):
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    for ts in range(50):
        cerebellum.observe([fill("A", 1e5, 10.0 if ts >= 40 else 90.0)], np.full(3, 0.02), ts)
    learner = cerebellum.learners()[0]
    assert learner.score(None, [episode(t) for t in range(40, 50)]) == pytest.approx(0.0, abs=1e-9)
    assert learner.score(None, [episode(0)]) == pytest.approx(-80.0)
    assert learner.score(None, [episode(1000)]) == 0.0
    assert learner.score(None, []) == 0.0


def test_too_few_fills_propose_nothing(rng):
    cerebellum = Cerebellum(CONFIG, 3, SYMBOLS)
    live(cerebellum, rng, 0, 5)
    assert cerebellum.learners()[0].propose([episode(9)], rng) is None
    assert cerebellum.learners()[0].propose([], rng) is None


def test_fit_agrees_with_a_brute_force_search(rng):
    fills = np.zeros(200, FILL_DTYPE)
    fills["sigma"] = rng.uniform(0.005, 0.04, 200)
    fills["value"] = rng.uniform(1e4, 1e6, 200)
    fills["bps"] = true_bps(fills["sigma"], fills["value"]) + rng.normal(0, 2.0, 200)
    s = fills["sigma"] * 1e4
    x = np.column_stack([np.ones(200), s, s * np.sqrt(fills["value"] / 1e6)])
    prior, ridge = np.array([10.0, 0.0, 0.0]), 0.1
    scale = ridge * (x**2).mean(axis=0)

    def loss(theta):
        return ((x @ theta - fills["bps"]) ** 2).mean() + (scale * (theta - prior) ** 2).sum()

    best = fit_costs(fills, prior, ridge, 1e6)
    assert (best >= 0.0).all()
    for _ in range(500):
        nearby = np.maximum(0.0, best * (1.0 + 0.05 * rng.standard_normal(3)))
        assert loss(nearby) >= loss(best) - 1e-12


def test_without_symbols_a_fill_has_the_mean_volatility():
    cerebellum = Cerebellum(CONFIG, 3)
    cerebellum.observe([fill("B", 1e5, 5.0)], np.array([0.01, np.nan, 0.03]), 7)
    (row,) = cerebellum.memory.rows()
    assert (row["ts"], row["sigma"]) == (7, pytest.approx(0.02))


def test_restored_state_continues_identically():
    config = CerebellumConfig(capacity=50)
    one, other = Cerebellum(config, 3, SYMBOLS), Cerebellum(config, 3, SYMBOLS)
    live(one, np.random.default_rng(1), 0, 40)
    one.adopt({"base_bps": 4.0, "per_sigma": 0.01, "per_impact": 0.0})
    live(one, np.random.default_rng(2), 40, 60)
    other.restore(one.snapshot())
    assert other.snapshot() == one.snapshot()
    for cerebellum in (one, other):
        live(cerebellum, np.random.default_rng(3), 60, 90)
    assert other.snapshot() == one.snapshot()
    assert other.correction == one.correction
    fresh = Cerebellum(config, 3, SYMBOLS)
    one.reset()
    assert one.snapshot() == fresh.snapshot()
    with pytest.raises(IntegrityError):
        Cerebellum(CONFIG, 3, SYMBOLS).restore(other.snapshot())


def test_ring_keeps_the_newest_in_order():
    cerebellum, again = (Cerebellum(CerebellumConfig(capacity=16), 3, SYMBOLS) for _ in range(2))
    for ts in range(40):
        cerebellum.observe([fill("A", 1e5, 5.0)], np.full(3, 0.01), ts)
    memory = cerebellum.memory
    assert memory.rows()["ts"].tolist() == list(range(24, 40))
    assert memory.between(30, 31)["ts"].tolist() == [30, 31]
    again.memory.load(memory.rows())
    for x in (cerebellum, again):
        x.observe([fill("A", 1e5, 5.0)] * 3, np.full(3, 0.01), 40)
    assert again.memory.rows().tobytes() == memory.rows().tobytes()


def test_wrong_shapes_and_books_are_refused():
    with pytest.raises(ConfigError):
        Cerebellum(CONFIG, 0)
    with pytest.raises(ConfigError):
        Cerebellum(CONFIG, 3, ("A", "A", "B"))
    cerebellum = Cerebellum(CONFIG, 3)
    with pytest.raises(DataError):
        cerebellum.forecast(np.zeros(2), book(), np.zeros(3))
    with pytest.raises(DataError):
        cerebellum.cost_bps(np.zeros(2))


def test_forecast_is_quick():
    cerebellum = Cerebellum(CONFIG, 20)
    state, allowed, sigma = book((0.0,) * 20), np.full(20, 0.05), np.full(20, 0.01)
    cerebellum.forecast(allowed, state, sigma)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        cerebellum.forecast(allowed, state, sigma)
        times.append(time.perf_counter() - start)
    assert np.median(times) < 100e-6

"""Fill probability: lifetimes of real limit orders in a simulated book, and planted ones."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.cerebellum.test_cerebellum import episode

from janus_trader.brain.cerebellum import Cerebellum, CerebellumConfig, FillProbability, FillProbabilityConfig
from janus_trader.brain.cerebellum.fill_probability import ORDER_DTYPE, FillLearner
from janus_trader.numerics import order_book_source as source
from janus_trader.simulation.book_market import BookMarket, MarketConfig, default_flow, engine, external
from janus_trader.simulation.book_market.state import LIMIT, WITHDRAW

STEP_S, LONGEST_S, SLOTS = 0.25, 8.0, 4
PLANTED = np.array([0.5, 0.35, 0.6, -0.5])


def book_orders(seed: int, rounds: int) -> np.ndarray:
    """Orders of one lot at up to three ticks behind the best bid, withdrawn after at most eight seconds."""
    config = MarketConfig(keep=False, volatility=0.5)
    market = BookMarket(default_flow(), [external()], np.random.Generator(np.random.Philox(seed)), config)
    rng, rows, state = np.random.default_rng(seed), [], market.state
    seen = np.zeros(4 + 6 + 3 * SLOTS)
    for _ in range(rounds):
        best = market.best()[0]
        if best < 0:
            market.run(seconds=STEP_S)
            continue
        away = rng.permutation(SLOTS)
        for slot in range(SLOTS):
            engine.submit(state, 1, LIMIT, source.BUY, slot, best - int(away[slot]), 1)
        market.run(seconds=0.01)
        engine.observe(state, 1, 1, seen)
        queue = seen[10:].reshape(SLOTS, 3)[:, 2].copy()
        alive, life, limit = (
            seen[10:].reshape(SLOTS, 3)[:, 1] > 0.0,
            np.zeros(SLOTS),
            rng.uniform(1.0, LONGEST_S),
        )
        entered, filled = alive.copy(), np.zeros(SLOTS, bool)
        while alive.any() and life.max() < limit:
            market.run(seconds=STEP_S)
            life[alive] += STEP_S
            engine.observe(state, 1, 1, seen)
            gone = alive & (seen[10:].reshape(SLOTS, 3)[:, 1] <= 0.0)
            filled |= gone
            alive &= ~gone
        for slot in range(SLOTS):
            engine.submit(state, 1, WITHDRAW, source.BUY, slot, 0, 0)
            if entered[slot]:
                rows.append((market.now_ns, life[slot], filled[slot], max(queue[slot], 0.0), away[slot], 0.5))
        market.run(seconds=0.05)
    return np.array(rows, ORDER_DTYPE)


def known(orders: np.ndarray) -> FillProbability:
    model = FillProbability(FillProbabilityConfig())
    for row in orders:
        model.observe(*row.item())
    found = model.fit(model.orders(0, 2**62))
    assert found is not None
    model.adopt(found)
    return model


def brier(p: np.ndarray, filled: np.ndarray) -> float:
    return float(np.mean((p - filled) ** 2))


def test_in_a_simulated_book_fills_are_foretold_better_than_by_their_share() -> None:
    orders = book_orders(1, 260)
    cut = len(orders) // 2
    model, later = known(orders[:cut]), orders[cut:]
    horizon = 2.0
    # those whose first two seconds are known
    judged = later[(later["life_s"] >= horizon) | (later["filled"] == 1)]
    truth = (judged["filled"] == 1) & (judged["life_s"] <= horizon)
    p = np.array([model.within(horizon, r["queue"], r["distance"], r["volatility"]) for r in judged])
    share = ((orders[:cut]["filled"] == 1) & (orders[:cut]["life_s"] <= horizon)).mean()
    assert brier(p, truth) < 0.9 * brier(np.full(len(truth), share), truth)
    low, high = p <= np.median(p), p > np.median(p)
    assert truth[high].mean() > truth[low].mean() + 0.1
    # calibrated: what is foretold on average happens on average, also in each half
    for half in (low, high):
        spread = 3.0 * np.sqrt(0.25 / half.sum()) + 0.06
        assert abs(p[half].mean() - truth[half].mean()) < spread
    near = model.within(horizon, 20.0, 0.0, 0.5)
    assert near > model.within(horizon, 20.0, 3.0, 0.5)
    assert near > model.within(horizon, 500.0, 0.0, 0.5)


def planted(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    orders = np.zeros(n, ORDER_DTYPE)
    orders["queue"], orders["distance"] = rng.integers(0, 200, n), rng.integers(0, 4, n)
    orders["volatility"], orders["ts"] = rng.uniform(0.2, 2.0, n), np.arange(n)
    x = np.column_stack(
        [np.ones(n), np.log1p(orders["queue"]), orders["distance"], np.log(orders["volatility"])]
    )
    life, end = np.exp(x @ PLANTED) * rng.weibull(0.9, n), rng.exponential(30.0, n)
    orders["life_s"], orders["filled"] = np.minimum(life, end), life <= end
    return orders


def test_planted_effects_of_queue_distance_and_volatility_come_back() -> None:
    model = known(planted(6000))
    p = model.parameters()
    error = np.sqrt(np.diag(p["covariance"]))[:-1]
    assert (np.abs(p["coefficients"] - PLANTED) < 3.5 * error).all()
    assert p["shape"] == pytest.approx(0.9, abs=0.05)
    q = [model.within(h, 10.0, 1.0, 1.0) for h in (0.0, 1.0, 5.0, 50.0, 1e9)]
    assert q == sorted(q)
    assert q[0] == 0.0
    assert q[-1] == pytest.approx(1.0)


def test_before_a_fit_and_on_nonsense_it_is_silent() -> None:
    model = FillProbability(FillProbabilityConfig())
    assert np.isnan(model.within(1.0, 1.0, 1.0, 1.0))
    for row in (
        (1, np.nan, True, 1, 1, 1),
        (1, 0.0, True, 1, 1, 1),
        (1, 1.0, True, -1, 1, 1),
        (1, 1.0, True, 1, 1, 0),
    ):
        model.observe(*row)
    assert model.count == 0
    assert model.fit(planted(60)[:20]) is None
    good = known(planted(500))
    assert np.isnan(good.within(1.0, np.nan, 1.0, 1.0))
    assert np.isnan(good.within(np.nan, 1.0, 1.0, 1.0))


def test_the_learner_trains_on_the_past_and_scores_what_was_held_back() -> None:
    cerebellum = Cerebellum(CerebellumConfig(), 1, ("A",))
    for row in planted(2000):
        cerebellum.fill_probability.observe(*row.item())
    learner = next(x for x in cerebellum.learners() if isinstance(x, FillLearner))
    rng = np.random.default_rng(0)
    candidate = learner.propose([episode(999)], rng)
    direct = cerebellum.fill_probability.fit(planted(2000)[:1000])
    np.testing.assert_allclose(candidate["coefficients"], direct["coefficients"])
    held_back = [episode(1000), episode(1999)]
    assert learner.score(candidate, held_back) > learner.score(
        None, held_back
    )  # silence scores below any fit
    worse = {**candidate, "coefficients": -candidate["coefficients"]}
    assert learner.score(candidate, held_back) > learner.score(worse, held_back)
    assert learner.score(candidate, []) == 0.0
    assert learner.propose([], rng) is None
    learner.adopt(candidate)
    assert cerebellum.fill_probability.ready
    again = Cerebellum(CerebellumConfig(), 1, ("A",))
    again.restore(cerebellum.snapshot())
    assert again.snapshot() == cerebellum.snapshot()
    assert again.fill_probability.within(2.0, 5, 1, 1) == cerebellum.fill_probability.within(2.0, 5, 1, 1)

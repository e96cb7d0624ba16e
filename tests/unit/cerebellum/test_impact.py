"""Permanent and temporary impact: planted coefficients come back, and their intervals are honest."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from tests.unit.cerebellum.test_cerebellum import book

from janus_trader.brain.cerebellum import Cerebellum, CerebellumConfig, ForwardModel, PermanentImpact
from janus_trader.brain.cerebellum.permanent_impact import PermanentImpactConfig
from janus_trader.contracts.errors import DataError
from janus_trader.contracts.orders import Fill, Side
from janus_trader.numerics.impact_estimation import estimate_impact, robust_least_squares
from janus_trader.simulation.environments import ExecutionConfig, ExecutionEnv


def executions(config: ExecutionConfig, orders: int, seed: int) -> tuple[np.ndarray, ...]:
    """Size, rate, drift and concession of every slice of many sales in the Almgren-Chriss world."""
    rng, rows = np.random.default_rng(seed), []
    tau = config.horizon / config.slices
    for _ in range(orders):
        env = ExecutionEnv(config)
        _, info = env.reset(seed=int(rng.integers(2**31)))
        before, left, shortfall, over = config.price, config.units, 0.0, False
        while not over:
            _, _, over, _, info = env.step([float(rng.uniform(0.0, 0.5))])
            units = float(info["units"])
            price, total = float(info["price"]), float(info["shortfall"])
            paid = total - shortfall + float(info["left"]) * (price - before)
            # what was paid is known through a quote that is a little stale
            noise = 0.02 * rng.standard_normal()
            rows.append((units, units / tau, before - price, paid / max(units, 1.0) + noise))
            before, left, shortfall = price, float(info["left"]), total
        assert left == 0.0
    kept = np.array([r for r in rows if r[0] > 1.0])
    return tuple(kept.T)


def test_planted_coefficients_are_recovered_within_their_intervals() -> None:
    config = ExecutionConfig(sigma=0.3)
    e = estimate_impact(*executions(config, 100, 0))
    assert abs(e.permanent - config.gamma) < 3.0 * e.permanent_error
    assert abs(e.temporary - config.eta) < 3.0 * e.temporary_error
    assert abs(e.half_spread - config.half_spread) < 3.0 * e.half_spread_error
    assert e.permanent > 4.0 * e.permanent_error  # told apart from nothing, and from the temporary part
    assert e.temporary > 5.0 * e.temporary_error


def test_without_permanent_impact_none_is_found() -> None:
    e = estimate_impact(*executions(ExecutionConfig(sigma=0.3, gamma=0.0), 60, 1))
    assert abs(e.permanent) < 3.0 * e.permanent_error
    assert e.temporary > 5.0 * e.temporary_error


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(2), []
    for _ in range(300):
        q = rng.exponential(1.0, 150)
        r = q / rng.uniform(0.5, 2.0, 150)
        drift = 0.4 * q + rng.standard_normal(150) * (0.5 + q)  # noise that grows with the size
        paid = 1.0 + 0.7 * r + 0.5 * 0.4 * q + 0.5 * rng.standard_normal(150)
        e = estimate_impact(q, r, drift, paid, permanent_share=0.5)
        covered.append(abs(e.permanent - 0.4) < 1.96 * e.permanent_error)
    assert 0.88 < np.mean(covered) < 0.98  # HC1 is a little short in 150 rows


def test_robust_errors_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(80), rng.exponential(1.0, 80)])
    y = 1.0 + 2.0 * x[:, 1] + x[:, 1] * rng.standard_normal(80)
    theta, error = robust_least_squares(x, y)
    oracle = sm.OLS(y, x).fit(cov_type="HC1")
    np.testing.assert_allclose(theta, oracle.params)
    np.testing.assert_allclose(error, oracle.bse)


def test_executions_of_one_size_identify_nothing() -> None:
    one = np.ones(50)
    with pytest.raises(DataError, match="identify"):
        estimate_impact(one, one, one, one)
    with pytest.raises(DataError):
        estimate_impact(one, one[:-1], one, one)


def test_the_streaming_regression_is_the_weighted_one() -> None:
    config = PermanentImpactConfig(horizon_ns=10, halflife=30.0, warmup=5)
    rng, p, xs, ys = np.random.default_rng(4), PermanentImpact(config), [], []
    for t in range(80):
        size, sigma = float(rng.exponential(1.0)), float(rng.uniform(50, 300))
        move = 0.3 * sigma * size + sigma * rng.standard_normal()
        p.fill(100 * t, "A", -1.0, 50.0, sigma, size)
        p.price(100 * t + 5, "A", 1.0)  # too early to say anything
        p.price(100 * t + 10, "A", 50.0 * (1.0 - 1e-4 * move))
        xs.append(size)
        ys.append(move / sigma)
    weight = 0.5 ** (np.arange(79, -1, -1) / 30.0)
    fit = sm.WLS(np.array(ys), np.array(xs)[:, None], weights=weight).fit()
    assert p.estimate().coefficient == pytest.approx(fit.params[0])


def fill(side: Side, value: float, ts: int) -> Fill:
    return Fill(
        order_id="x", symbol="A", side=side, quantity=value / 100.0, price=100.0, cost=0.0, ts_event=ts,
        decision_price=100.0,
    )  # fmt: skip


@pytest.mark.parametrize("planted", [0.0, 0.5])
def test_prices_are_predicted_only_where_fills_have_shown_an_impact(planted: float) -> None:
    config = CerebellumConfig(permanent=PermanentImpactConfig(horizon_ns=1))
    cerebellum, rng, sigma = Cerebellum(config, 1, ("A",)), np.random.default_rng(5), np.array([0.01])
    for t in range(400):
        value, side = float(rng.uniform(1e5, 2e6)), Side.BUY if rng.random() < 0.5 else Side.SELL
        cerebellum.observe([fill(side, value, 2 * t)], sigma, 2 * t)  # no prices: nothing is noted
        cerebellum.observe([fill(side, value, 2 * t)], sigma, 2 * t, np.array([100.0]))
        sign = 1.0 if side is Side.BUY else -1.0
        move = sign * planted * 0.01 * value / 1e6 + 0.002 * rng.standard_normal()
        cerebellum.observe([], sigma, 2 * t + 1, np.array([100.0 * (1.0 + move)]))
    known = cerebellum.permanent.estimate()
    predicted = cerebellum.predict_prices(np.array([100.0]), np.array([0.5]), book_of_one(), sigma)
    assert cerebellum.permanent.count == 400
    if planted:
        assert abs(known.coefficient - planted) < 3.0 * known.error
        assert predicted[0] == pytest.approx(100.0 * (1.0 + known.coefficient * 0.01 * 0.5))
    else:
        assert not known.known or known.coefficient < 3.0 * known.error
        assert predicted[0] == pytest.approx(100.0, abs=0.05)


def book_of_one():
    full = book()
    return type(full)(
        **{f: getattr(full, f) for f in full.__struct_fields__ if f not in ("weights", "quantities")},
        weights=(0.0,), quantities=(0.0,),
    )  # fmt: skip


def test_the_forward_model_is_odd_in_the_order_and_has_the_stated_shape() -> None:
    model = ForwardModel(permanent=0.3, temporary=0.5, half_spread=1e-4)
    buy, sell = model.move(4e6, 1e8, 0.02), model.move(-4e6, 1e8, 0.02)
    assert buy == tuple(-x for x in sell)
    assert buy.permanent == pytest.approx(0.3 * 0.02 * 0.04)
    assert buy.temporary == pytest.approx(1e-4 + 0.5 * 0.02 * 0.2)
    assert model.move(0.0, 1e8, 0.02) == (0.0, 0.0)
    double = model.move(8e6, 1e8, 0.02)
    assert double.permanent == pytest.approx(2.0 * buy.permanent)
    assert double.temporary - 1e-4 == pytest.approx(np.sqrt(2.0) * (buy.temporary - 1e-4))
    for liquidity, sigma in ((np.nan, 0.02), (0.0, 0.02), (1e8, np.nan)):
        assert model.move(1e6, liquidity, sigma) == (0.0, 1e-4)
    up = model.next_price(np.array([100.0, 50.0]), np.array([4e6, -4e6]), np.full(2, 1e8), np.full(2, 0.02))
    np.testing.assert_allclose(up, [100.0 * (1 + 2.4e-4), 50.0 * (1 - 2.4e-4)])

"""The compiled weight simulation against hand-made cases; parity with the venue is an integration test."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.execution.cost_model import CostConfig
from janus_trader.execution.weight_simulation import WeightSimulationConfig, simulate_weights

FREE = CostConfig(multiplier=0.0)


def flat_bars(prices):
    prices = np.asarray(prices, dtype=float)
    bars = np.zeros(prices.shape, BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = prices
    bars["volume"] = np.nan
    return bars, np.isfinite(prices)


def run(weights, prices, **kwargs):
    bars, present = flat_bars(prices)
    options = {"fills_at_open": False, "cost": FREE, "volume_known": False, "capital": 1000.0, **kwargs}
    return simulate_weights(np.asarray(weights, dtype=float), bars, present, **options)


def test_buy_and_hold_after_one_decision_follows_the_price():
    weights = [[1.0], [np.nan], [np.nan], [np.nan]]
    path = run(weights, [[10.0], [10.0], [12.0], [9.0]])
    np.testing.assert_allclose(path.equity, [1000.0, 1000.0, 1200.0, 900.0])
    np.testing.assert_allclose(path.turnover, [0.0, 1.0, 0.0, 0.0])


def test_the_return_of_the_decision_bar_is_never_earned():
    path = run([[0.0], [1.0], [0.0]], [[10.0], [20.0], [20.0]])
    np.testing.assert_allclose(path.equity, 1000.0)


def test_later_prices_do_not_change_earlier_equity(rng):
    prices = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (40, 3)), axis=0))
    weights = rng.normal(0, 0.3, (40, 3))
    whole = run(weights, prices, cost=CostConfig())
    other = prices.copy()
    other[25:] *= 3.0
    np.testing.assert_array_equal(run(weights, other, cost=CostConfig()).equity[:25], whole.equity[:25])


def test_cost_is_a_fraction_of_the_value_traded():
    flat_cost = CostConfig(commission_bps=30.0, half_spread_bps=0.0, spread_vol=0.0, impact=0.0)
    path = run([[0.5], [np.nan]], [[10.0], [10.0]], cost=flat_cost)
    np.testing.assert_allclose(path.costs, [0.0, 1.5])
    np.testing.assert_allclose(path.equity, [1000.0, 998.5])


def test_a_short_gains_when_the_price_falls():
    path = run([[-1.0], [np.nan], [np.nan]], [[10.0], [10.0], [9.0]])
    np.testing.assert_allclose(path.equity[-1], 1100.0)


def test_cash_earns_interest_per_bar():
    path = run(np.zeros((11, 1)), np.full((11, 1), 10.0), cash_rate=0.252)
    np.testing.assert_allclose(path.equity, 1000.0 * 1.001 ** np.arange(11))


def test_an_order_waits_for_its_instrument_and_then_goes_stale():
    prices = [[10.0], [np.nan], [np.nan], [20.0], [40.0]]
    weights = [[1.0], [np.nan], [np.nan], [np.nan], [np.nan]]
    kept = run(weights, prices, config=WeightSimulationConfig(stale_bars=2))
    np.testing.assert_allclose(kept.equity[-1], 1000.0 + 100.0 * 20.0)
    dropped = run(weights, prices, config=WeightSimulationConfig(stale_bars=1))
    np.testing.assert_allclose(dropped.equity, 1000.0)


def test_small_trades_are_left_out_but_exits_go():
    weights = [[0.5], [0.51], [0.0], [np.nan]]
    path = run(weights, np.full((4, 1), 10.0), config=WeightSimulationConfig(min_trade_frac=0.05))
    np.testing.assert_allclose(path.turnover, [0.0, 0.5, 0.0, 0.5])


def test_bankruptcy_takes_no_new_risk():
    weights = np.full((6, 1), -2.0)
    path = run(weights, [[10.0], [10.0], [30.0], [30.0], [30.0], [60.0]])
    assert path.equity[2] < 0.0
    assert path.turnover[4] == 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"capital": 0.0},
        {"bars_per_year": 0.0},
        {"cash_rate": float("nan")},
        {"weights": np.full((3, 1), np.inf)},
        {"weights": np.zeros((2, 1))},
        {"prices": [[10.0], [-1.0], [10.0]]},
    ],
)
def test_bad_input_is_refused(change):
    arguments = {"weights": np.zeros((3, 1)), "prices": [[10.0], [10.0], [10.0]], **change}
    with pytest.raises(DataError):
        run(**arguments)

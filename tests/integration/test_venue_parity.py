"""The compiled weight simulation and the venue are two accounts of the same rules."""

from __future__ import annotations

import math

import numpy as np
import pytest

from janus_trader.contracts.market import BAR_DTYPE, Instrument
from janus_trader.contracts.orders import OrderIntent, Side
from janus_trader.execution.cost_model import CostConfig, CostModel
from janus_trader.execution.weight_simulation import WeightSimulationConfig, simulate_weights
from janus_trader.trader.backtest import BacktestVenue, VenueConfig


class Allow:
    def refuse(self, order, portfolio):
        return None


def market(rng, periods, n, absent):
    bars = np.zeros((periods, n), BAR_DTYPE)
    close = rng.uniform(0.5, 300.0, n) * np.exp(np.cumsum(rng.normal(0, 0.02, (periods, n)), axis=0))
    bars["close"], bars["open"] = close, close * np.exp(rng.normal(0, 0.01, (periods, n)))
    bars["high"], bars["low"] = np.maximum(bars["open"], close), np.minimum(bars["open"], close)
    bars["volume"] = rng.uniform(1e4, 1e6, (periods, n))
    bars["session"] = np.arange(periods)[:, None] // 3
    present = rng.random((periods, n)) >= absent
    return bars, present


def rebalance(step, weights, state, bars, present, symbols, waiting):
    """Orders from target weights at these closes: change rounded towards zero, exits whole."""
    orders = []
    for i in np.flatnonzero(present & ~np.isnan(weights)):
        if symbols[i] in waiting:
            continue
        held = state.quantities[i]
        if weights[i] == 0.0:
            change = -held
        else:
            exact = weights[i] * state.equity / bars["close"][i] - held
            change = math.copysign(math.floor(abs(exact) * 1e6) / 1e6, exact)
        if change != 0.0:
            orders.append(
                OrderIntent(
                    order_id=f"{step}-{i}",
                    symbol=symbols[i],
                    side=Side.BUY if change > 0 else Side.SELL,
                    quantity=abs(change),
                    ts_event=step,
                    decision_price=float(bars["close"][i]),
                )
            )
    return orders


@pytest.mark.parametrize("at_open", [True, False])
@pytest.mark.parametrize("volume_known", [True, False])
def test_simulation_and_venue_agree(rng, at_open, volume_known):
    periods, n = 150, 5
    bars, present = market(rng, periods, n, absent=0.25)
    weights = rng.normal(0, 0.3, (periods, n))
    weights[rng.random((periods, n)) < 0.2] = 0.0
    weights[rng.random((periods, n)) < 0.3] = np.nan
    symbols = [f"X{i}" for i in range(n)]
    cost = CostConfig(commission_bps=2.0, multiplier=1.5)
    path = simulate_weights(
        weights,
        bars,
        present,
        fills_at_open=at_open,
        cost=cost,
        volume_known=volume_known,
        capital=1e6,
        cash_rate=0.04,
        bars_per_year=365.0,
        config=WeightSimulationConfig(stale_bars=1),
    )
    venue = BacktestVenue(
        [Instrument(symbol=s) for s in symbols],
        capital=1e6,
        cost_model=CostModel(cost, n, volume_known),
        fills_at_open=at_open,
        permission=Allow(),
        cash_rate=0.04,
        bars_per_year=365.0,
        config=VenueConfig(stale_bars=1),
    )
    equity, costs, traded, stale = np.empty(periods), np.zeros(periods), np.zeros(periods), 0
    for t in range(periods):
        result = venue.advance(t, bars[t], present[t])
        stale += len(result.refusals)
        costs[t] = sum(x.cost for x in result.fills)
        traded[t] = sum(x.quantity * x.price for x in result.fills)
        state = venue.portfolio(t)
        equity[t] = state.equity
        waiting = {x.symbol for x in venue.pending}
        assert venue.submit(rebalance(t, weights[t], state, bars[t], present[t], symbols, waiting)) == ()
    venue.close()
    assert stale > 0
    np.testing.assert_allclose(path.equity, equity, rtol=1e-7)
    np.testing.assert_allclose(path.costs, costs, rtol=1e-6, atol=1e-2)
    np.testing.assert_allclose(path.turnover[1:], traded[1:] / equity[:-1], rtol=1e-5, atol=1e-7)
    assert path.costs.sum() > 1000.0

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import Instrument, PortfolioState
from janus_trader.contracts.orders import Side
from janus_trader.execution.planner import OrderPlanner, PlannerConfig


def plan(weights, quantities, prices, *, equity=1000.0, present=None, decimals=2, **config):
    n = len(weights)
    symbols = tuple(f"S{i}" for i in range(n))
    book = PortfolioState(
        ts_event=0,
        equity=equity,
        cash=equity,
        peak_equity=1000.0,
        session_start_equity=1000.0,
        weights=(0.0,) * n,
        quantities=tuple(quantities),
    )
    return OrderPlanner(PlannerConfig(**config)).plan(
        np.array(weights, dtype=float),
        book,
        np.array(prices, dtype=float),
        np.ones(n, bool) if present is None else np.array(present),
        symbols,
        tuple(Instrument(symbol=s, size_decimals=decimals) for s in symbols),
        ts_event=5,
        step=12,
    )


def test_sells_stand_before_buys_with_deterministic_ids():
    orders = plan([0.1, 0.0, 0.2, 0.1], [0.0, 5.0, 0.0, 9.0], [10.0] * 4)
    assert [(o.order_id, o.symbol, o.side.value, o.quantity) for o in orders] == [
        ("0000012-000", "S1", "sell", 5.0),
        ("0000012-001", "S0", "buy", 10.0),
        ("0000012-002", "S2", "buy", 20.0),
        ("0000012-003", "S3", "buy", 1.0),
    ]
    assert {o.ts_event for o in orders} == {5}
    assert {o.decision_price for o in orders} == {10.0}


def test_truncation_never_overshoots():
    (buy,) = plan([0.1], [0.0], [7.0], decimals=0)
    assert buy.quantity == 14.0  # 14.28 wanted
    (sell,) = plan([-0.1], [0.0], [7.0], decimals=0)
    assert (sell.side, sell.quantity) == (Side.SELL, 14.0)


def test_reduces_only_when_it_ends_between_zero_and_what_is_held():
    up, down, flip, out = (plan([w], [10.0], [10.0])[0].reduces for w in (0.2, 0.05, -0.05, 0.0))
    assert (up, down, flip, out) == (False, True, False, True)
    assert plan([-0.05], [-10.0], [10.0])[0].reduces
    assert not plan([-0.2], [-10.0], [10.0])[0].reduces


def test_tiny_changes_are_dropped_but_an_exit_always_goes():
    assert plan([0.101], [10.0], [10.0]) == ()
    assert len(plan([0.103], [10.0], [10.0])) == 1
    (out,) = plan([0.0], [0.01], [10.0])
    assert (out.quantity, out.reduces) == (0.01, True)
    assert plan([0.0], [0.0], [10.0]) == ()


def test_exit_leaves_nothing_behind():
    held = 0.1 + 0.2  # 0.30000000000000004
    (out,) = plan([0.0], [held], [10.0])
    assert out.quantity == 0.3


def test_band_leaves_small_relative_changes_undone():
    assert plan([0.103], [10.0], [10.0], no_trade_band=0.1) == ()
    assert len(plan([0.12], [10.0], [10.0], no_trade_band=0.1)) == 1
    assert len(plan([0.0], [10.0], [10.0], no_trade_band=1.0)) == 1


def test_absent_instruments_are_not_read():
    orders = plan([np.nan, 0.1], [5.0, 0.0], [np.nan, 10.0], present=[False, True])
    assert [o.symbol for o in orders] == ["S1"]


@pytest.mark.parametrize("equity", [0.0, -50.0, np.nan])
def test_without_equity_only_exits(equity):
    orders = plan([0.5, 0.5], [3.0, 0.0], [10.0, 10.0], equity=equity)
    assert [(o.symbol, o.side.value, o.quantity, o.reduces) for o in orders] == [("S0", "sell", 3.0, True)]


@pytest.mark.parametrize(("weight", "price"), [(np.nan, 10.0), (0.1, 0.0), (0.1, np.nan), (np.inf, 1.0)])
def test_unusable_present_instrument_is_refused(weight, price):
    with pytest.raises(DataError, match="cannot plan an order in S0"):
        plan([weight], [0.0], [price])


def test_lengths_must_agree():
    with pytest.raises(DataError, match="lengths differ"):
        plan([0.1, 0.1], [0.0], [10.0, 10.0])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_executing_the_plan_lands_within_a_lot_of_the_target(seed, decimals):
    rng = np.random.default_rng(seed)
    n = 8
    weights, prices = rng.normal(0, 0.1, n), rng.uniform(1, 500, n)
    weights[0] = 0.0
    held = np.round(rng.normal(0, 5, n), decimals)
    orders = plan(weights, held, prices, decimals=decimals, min_trade_frac=0.0)
    after = held.copy()
    for o in orders:
        i = int(o.symbol[1:])
        assert o.quantity > 0
        assert abs(o.quantity * 10**decimals - round(o.quantity * 10**decimals)) < 1e-6
        after[i] += o.quantity if o.side == Side.BUY else -o.quantity
        assert o.reduces == (bool(after[i] * held[i] >= -1e-9) and bool(abs(after[i]) < abs(held[i])))
    ideal = weights * 1000.0 / prices
    np.testing.assert_allclose(after, ideal, atol=10.0**-decimals * 1.01)
    assert after[0] == pytest.approx(0.0, abs=1e-12)

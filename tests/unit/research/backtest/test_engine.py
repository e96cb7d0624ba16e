"""The compiled engine: what each kind of order does, what never happens, and what bad input does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from janus_trader.contracts.backtest import BacktestSettings, OrderKind, OrderState, agreement
from janus_trader.contracts.errors import ConfigError, DataError, StrategyError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.execution.order_rules import taker_price
from janus_trader.research.backtest import backtest, prepare_bars, run_targets
from janus_trader.research.backtest.stress import StressConfig, stress_strategy
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.order_strategy import OrderStrategy, market
from janus_trader.strategies.python_strategy import PythonStrategy

CENTS = {"tick_size": 0.01, "lot_size": 1.0, "leverage": 100.0}


def bars_of(*rows, volume=1e6, session=None):
    """Bars from (open, high, low, close)."""
    bars = np.zeros(len(rows), BAR_DTYPE)
    for k, name in enumerate(("open", "high", "low", "close")):
        bars[name] = [row[k] for row in rows]
    bars["volume"] = volume
    bars["session"] = 0 if session is None else session
    return bars


def walk(seed, periods, n=1, width=0.004):
    rng = np.random.default_rng(seed)
    bars = np.zeros((periods, n), BAR_DTYPE)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, width, (periods, n)), axis=0))
    bars["close"] = close
    bars["open"] = np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0, width / 2, (periods, n)))
    bars["high"] = np.maximum(bars["open"], close) * np.exp(np.abs(rng.normal(0, width / 2, (periods, n))))
    bars["low"] = np.minimum(bars["open"], close) * np.exp(-np.abs(rng.normal(0, width / 2, (periods, n))))
    bars["volume"] = np.round(rng.lognormal(6, 1, (periods, n)))
    bars["session"] = np.arange(periods)[:, None] // 24
    return bars


SCRIPT = np.dtype(
    [
        ("at", "i8"),
        ("kind", "i8"),
        ("quantity", "f8"),
        ("limit", "f8"),
        ("stop", "f8"),
        ("trail", "f8"),
        ("life", "i8"),
        ("stop_loss", "f8"),
        ("take_profit", "f8"),
        ("group", "i8"),
        ("target", "i8"),
    ],
    align=True,
)
LINES = 6
PARAMS = np.dtype([("lines", SCRIPT, (LINES,))], align=True)


@njit
def _scripted(params, state, bar, account, orders):
    k = 0
    for line in range(LINES):
        r = params.lines[line]
        if r.kind != 0 and r.at == account.bar:
            o = orders[k]
            o.kind, o.quantity, o.limit, o.stop, o.trail, o.life = (
                r.kind,
                r.quantity,
                r.limit,
                r.stop,
                r.trail,
                r.life,
            )
            o.stop_loss, o.take_profit, o.group, o.target = r.stop_loss, r.take_profit, r.group, r.target
            k += 1


def script(*lines):
    """A strategy that writes the given orders at the closes of the bars ``at``."""
    params = np.zeros(1, PARAMS)
    for k, line in enumerate(lines):
        for name, value in line.items():
            params[0]["lines"][k][name] = value
    return OrderStrategy("script", params, np.dtype([("unused", "f8")], align=True), _scripted)


def play(bars, *lines, **settings):
    return backtest(script(*lines), bars, BacktestSettings(**{**CENTS, **settings}))


def done(result):
    """(bar, quantity, price) of every fill."""
    return [(int(f["bar"]), float(f["quantity"]), float(f["price"])) for f in result.fills]


FLAT = (100.0, 101.0, 99.0, 100.0)
FALL = (100.0, 100.5, 95.0, 96.0)
GAP_DOWN = (94.0, 95.0, 93.0, 94.5)
MARKET, LIMIT, STOP = OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP
STOP_LIMIT, TRAILING = OrderKind.STOP_LIMIT, OrderKind.TRAILING_STOP


def test_a_market_order_fills_at_the_next_open_or_at_the_same_close():
    bars = bars_of((100, 101, 99, 100.5), (102, 103, 101, 102.5))
    order = {"at": 0, "kind": MARKET, "quantity": 2.0}
    assert done(play(bars, order)) == [(1, 2.0, 102.0)]
    assert done(play(bars, order, fill="same_close")) == [(0, 2.0, 100.5)]


@pytest.mark.parametrize(
    ("line", "bars", "fill"),
    [
        ({"kind": LIMIT, "quantity": 1.0, "limit": 98.0}, (FLAT, FLAT, FALL), (2, 1.0, 98.0)),
        ({"kind": LIMIT, "quantity": 1.0, "limit": 98.0}, (FLAT, FLAT, GAP_DOWN), (2, 1.0, 94.0)),
        ({"kind": LIMIT, "quantity": -1.0, "limit": 99.5}, (FLAT, FLAT), (1, -1.0, 100.0)),
        ({"kind": STOP, "quantity": -1.0, "stop": 98.0}, (FLAT, FLAT, FALL), (2, -1.0, 98.0)),
        ({"kind": STOP, "quantity": -1.0, "stop": 98.0}, (FLAT, FLAT, GAP_DOWN), (2, -1.0, 94.0)),
        ({"kind": STOP, "quantity": 1.0, "stop": 99.0}, (FLAT, FLAT), (1, 1.0, 100.0)),
        (
            {"kind": STOP_LIMIT, "quantity": -1.0, "stop": 98.0, "limit": 97.0},
            (FLAT, FLAT, FALL),
            (2, -1.0, 98.0),
        ),
        (
            {"kind": STOP_LIMIT, "quantity": -1.0, "stop": 98.0, "limit": 94.8},
            (FLAT, FLAT, GAP_DOWN),
            (2, -1.0, 94.8),
        ),
        ({"kind": TRAILING, "quantity": -1.0, "trail": 2.5}, (FLAT, FLAT, FALL), (2, -1.0, 98.5)),
        ({"kind": TRAILING, "quantity": -1.0, "trail": 0.8}, (FLAT, FLAT), (1, -1.0, 99.2)),
    ],
)
def test_where_each_kind_executes(line, bars, fill):
    assert done(play(bars_of(*bars), {"at": 0, **line})) == [fill]


def test_a_stop_limit_whose_limit_is_jumped_over_waits():
    result = play(
        bars_of(FLAT, GAP_DOWN, (94.0, 98.0, 93.5, 97.5)),
        {"at": 0, "kind": STOP_LIMIT, "quantity": -1.0, "stop": 98.0, "limit": 97.0},
    )
    assert done(result) == [(2, -1.0, 97.0)]
    assert result.fills["maker"].tolist() == [1]


@pytest.mark.parametrize(("path", "price"), [("high_first", 103.0), ("low_first", 97.0), ("nearest", 97.0)])
def test_the_path_decides_which_of_a_pair_executes(path, price):
    bars = bars_of(FLAT, (100.0, 104.0, 97.0, 100.0))
    pair = (
        {"at": 0, "kind": LIMIT, "quantity": -1.0, "limit": 103.0, "group": 1},
        {"at": 0, "kind": STOP, "quantity": -1.0, "stop": 97.0, "group": 1},
    )
    result = play(bars, *pair, path=path)
    assert done(result) == [(1, -1.0, price)]
    assert sorted(result.orders["state"].tolist()) == [OrderState.FILLED, OrderState.CANCELLED]


def test_exits_come_with_the_execution_and_only_one_executes():
    bars = bars_of(FLAT, FLAT, (100.0, 103.0, 96.0, 100.0))
    result = play(bars, {"at": 0, "kind": MARKET, "quantity": 3.0, "stop_loss": 98.5, "take_profit": 102.0})
    assert done(result) == [(1, 3.0, 100.0), (2, -3.0, 102.0)]
    assert result.orders["parent"].tolist() == [-1, 0, 0]
    assert result.quantity.tolist() == [0.0]


def test_an_exit_already_passed_at_the_open_executes_there():
    result = play(
        bars_of(FLAT, GAP_DOWN),
        {"at": 0, "kind": MARKET, "quantity": 1.0, "stop_loss": 97.0, "take_profit": 99.0},
    )
    assert done(result) == [(1, 1.0, 94.0), (1, -1.0, 94.0)]


def test_time_in_force():
    sessions = [0, 0, 1, 1]
    bars = bars_of(FLAT, FLAT, FALL, FALL, session=sessions)
    limit = {"at": 0, "kind": LIMIT, "quantity": 1.0, "limit": 97.0}
    for life, state, count in (
        (0, OrderState.FILLED, 1),
        (1, OrderState.EXPIRED, 0),
        (2, OrderState.FILLED, 1),
        (-1, OrderState.CANCELLED, 0),
        (-2, OrderState.EXPIRED, 0),
    ):
        result = play(bars, {**limit, "life": life})
        assert result.orders["state"].tolist() == [state]
        assert len(result.fills) == count


def test_cancelling_one_of_a_pair_cancels_both_and_an_unknown_id_nothing():
    pair = (
        {"at": 0, "kind": LIMIT, "quantity": 1.0, "limit": 97.0, "group": 1},
        {"at": 0, "kind": STOP, "quantity": 1.0, "stop": 103.0, "group": 1},
    )
    bars = bars_of(FLAT, FLAT, FALL)
    result = play(bars, *pair, {"at": 1, "kind": OrderKind.CANCEL, "target": 1})
    assert result.orders["state"].tolist() == [OrderState.CANCELLED] * 2
    result = play(bars, *pair, {"at": 1, "kind": OrderKind.CANCEL, "target": 7})
    assert done(result) == [(2, 1.0, 97.0)]


def test_partial_fills_take_their_share_of_the_volume():
    bars = bars_of(FLAT, FLAT, FALL, FALL, FALL, volume=100.0)
    limit = {"at": 0, "kind": LIMIT, "quantity": 25.0, "limit": 97.0}
    result = play(bars, limit, max_volume_frac=0.1)
    assert [(b, q) for b, q, _ in done(result)] == [(2, 10.0), (3, 10.0), (4, 5.0)]
    result = play(bars, {"at": 0, "kind": MARKET, "quantity": 25.0}, max_volume_frac=0.1)
    assert [(b, q) for b, q, _ in done(result)] == [(1, 10.0)]
    assert result.orders["state"].tolist() == [OrderState.CANCELLED]


def test_fees_and_slippage_in_closed_form():
    bars = bars_of(FLAT, FLAT, FALL)
    lines = (
        {"at": 0, "kind": MARKET, "quantity": 10.0},
        {"at": 0, "kind": LIMIT, "quantity": 10.0, "limit": 97.0},
    )
    result = play(
        bars,
        *lines,
        maker_fee=-0.0001,
        taker_fee=0.001,
        fee_per_unit=0.005,
        slippage="bps",
        slippage_size=10.0,
    )
    assert done(result) == [(1, 10.0, 100.1), (2, 10.0, 97.0)]
    np.testing.assert_allclose(result.fills["fee"], [1.001 + 0.05, -0.097 + 0.05], atol=1e-9)
    assert result.totals.slippage == pytest.approx(1.0)
    assert result.equity[-1] == pytest.approx(1e5 - 1001.0 - 970.0 - 1.004 + 20 * 96.0)
    assert play(bars, lines[0], min_fee=7.0).fills["fee"].tolist() == [7.0]


@pytest.mark.parametrize(
    ("model", "size", "price"),
    [
        ("none", 0.0, 50.0),
        ("bps", 20.0, 50.1),
        ("ticks", 3.0, 50.03),
        ("half_spread", 0.25, 50.25),
        ("volume_share", 0.1, 50.05),
    ],
)
def test_slippage_models(model, size, price):
    s = BacktestSettings(**CENTS, slippage=model, slippage_size=size).record()[0]
    assert taker_price(50.0, 1.0, 10.0, 100.0, s) == pytest.approx(price)
    assert taker_price(50.0, -1.0, 10.0, 100.0, s) == pytest.approx(100.0 - price)
    assert taker_price(0.02, -1.0, 10.0, 100.0, s) >= 0.01


def test_margin_refuses_what_leverage_does_not_carry():
    bars = bars_of(FLAT, FLAT, FLAT)
    result = play(bars, {"at": 0, "kind": MARKET, "quantity": 2001.0}, leverage=2.0)
    assert result.orders["state"].tolist() == [OrderState.REFUSED_MARGIN]
    assert len(play(bars, {"at": 0, "kind": MARKET, "quantity": 2000.0}, leverage=2.0).fills) == 1


def test_the_share_of_the_volume_is_at_most_one_and_no_volume_costs_the_whole():
    s = BacktestSettings(**CENTS, slippage="volume_share", slippage_size=0.1).record()[0]
    assert taker_price(50.0, 1.0, 1000.0, 100.0, s) == pytest.approx(55.0)
    assert taker_price(50.0, 1.0, 1.0, 0.0, s) == pytest.approx(55.0)


def test_a_step_that_does_not_repeat_itself_is_refused():
    @njit
    def step(params, state, bar, account, orders):
        if np.random.random() < 0.5:  # noqa: NPY002  what the rule is against is what is tested
            market(orders, 0, 1.0)

    strategy = OrderStrategy("dice", np.zeros(1, PARAMS), np.dtype([("unused", "f8")], align=True), step)
    with pytest.raises(StrategyError, match="does not repeat itself"):
        backtest(strategy, bars_of(*[FLAT] * 2000), BacktestSettings(**CENTS))


def test_maintenance_margin_liquidates_and_borrowing_costs():
    rise = (100.0, 140.0, 100.0, 140.0)
    result = play(
        bars_of(FLAT, FLAT, rise, rise),
        {"at": 0, "kind": MARKET, "quantity": -2000.0},
        maintenance_margin=0.25,
    )
    assert result.totals.liquidations == 1
    assert done(result) == [(1, -2000.0, 100.0), (3, 2000.0, 100.0)]
    short = play(bars_of(FLAT, FLAT, FLAT), {"at": 0, "kind": MARKET, "quantity": -100.0}, borrow_rate=0.252)
    assert short.totals.borrowed == pytest.approx(2 * 100 * 100.0 * 0.001)


@pytest.mark.parametrize(
    "line",
    [
        {"kind": MARKET, "quantity": 0.0},
        {"kind": MARKET, "quantity": math.nan},
        {"kind": MARKET, "quantity": 0.4},
        {"kind": LIMIT, "quantity": 1.0, "limit": -5.0},
        {"kind": LIMIT, "quantity": 1.0, "limit": math.nan},
        {"kind": STOP, "quantity": 1.0},
        {"kind": STOP, "quantity": 1.0, "stop": 99.0, "life": -1},
        {"kind": TRAILING, "quantity": 1.0, "trail": 0.0},
        {"kind": 9, "quantity": 1.0},
        {"kind": MARKET, "quantity": 1.0, "life": -3},
        {"kind": MARKET, "quantity": 1.0, "group": 64},
        {"kind": MARKET, "quantity": 1.0, "stop_loss": math.inf},
    ],
)
def test_malformed_orders_are_refused(line):
    result = play(bars_of(FLAT, FLAT), {"at": 0, **line})
    assert result.orders["state"].tolist() == [OrderState.REFUSED_INVALID]
    assert len(result.fills) == 0


def test_more_orders_than_may_wait_are_refused():
    lines = [{"at": 0, "kind": LIMIT, "quantity": 1.0, "limit": 50.0}] * 3
    result = play(bars_of(FLAT, FLAT), *lines, max_working=2)
    assert result.orders["state"].tolist() == [0, 0, OrderState.REFUSED_CAPACITY]


@pytest.mark.parametrize(
    "change", [("close", math.nan), ("open", -1.0), ("low", 0.0), ("high", 50.0), ("volume", math.nan)]
)
def test_bars_that_cannot_be_traded_are_refused(change):
    bars = bars_of(FLAT, FLAT)
    bars[change[0]][1] = change[1]
    with pytest.raises(DataError):
        backtest(script(), bars, BacktestSettings(max_volume_frac=0.1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: prepare_bars(np.zeros(3), BacktestSettings()),
        lambda: prepare_bars(np.zeros(0, BAR_DTYPE), BacktestSettings()),
        lambda: prepare_bars(bars_of(FLAT, FLAT), BacktestSettings(), times=np.array([2, 2])),
        lambda: prepare_bars(bars_of(FLAT, FLAT), BacktestSettings(), times=np.array([2])),
        lambda: prepare_bars(bars_of(FLAT, FLAT), BacktestSettings(), present=np.ones(3, bool)),
        lambda: prepare_bars(bars_of((0.001, 0.001, 0.001, 0.001)), BacktestSettings(tick_size=0.01)),
    ],
)
def test_other_bad_input_is_refused(call):
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize(
    "change",
    [
        {"capital": -1.0},
        {"fill": "now"},
        {"tick_size": math.nan},
        {"leverage": 0.0},
        {"max_working": 0},
        {"lot_size": 1e-12},
        {"taker_fee": math.inf},
    ],
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ConfigError):
        BacktestSettings(**change)


def test_brackets_need_levels():
    plain = PythonStrategy(
        name="plain",
        family="user",
        fields=frozenset(),
        horizon=(0.0, math.inf),
        regime_weights=(1.0,) * 7,
        step=lambda s, b: 0.0,
        path="x",
        line=1,
    )
    with pytest.raises(ConfigError, match="no stop and target"):
        backtest(plain, bars_of(FLAT, FLAT), form="brackets")


def test_the_loop_for_sweeps_is_the_same_engine():
    bars = walk(3, 2000)
    settings = BacktestSettings(
        tick_size=0.01, lot_size=0.01, taker_fee=0.0005, slippage="ticks", slippage_size=1.0
    )
    strategy = default_strategies()[0]
    whole = backtest(strategy, bars, settings)
    equity = np.empty(len(bars))
    matched = prepare_bars(bars, settings)[:, 0].copy()
    totals = run_targets(matched, strategy.scan(bars[:, 0].copy()), settings.record(), equity)
    assert totals == whole.totals
    np.testing.assert_array_equal(equity, whole.equity)
    assert whole.totals.fills == len(whole.fills) > 20


def ledger(bars, result, settings):
    """Equity from the fills alone: cash and positions, an account of its own."""
    cash, held = settings.capital, np.zeros(bars.shape[1])
    out, at = [], 0
    for t in range(len(bars)):
        while at < len(result.fills) and result.fills["bar"][at] == t:
            f = result.fills[at]
            cash -= f["quantity"] * f["price"] + f["fee"]
            held[f["instrument"]] += f["quantity"]
            at += 1
        out.append(cash + held @ bars["close"][t])
    return np.array(out), held


@given(seed=st.integers(1, 10**6), same=st.booleans(), limited=st.booleans(), n=st.integers(1, 3))
def test_what_always_holds(seed, same, limited, n):
    raw = walk(seed % 97, 160, n)
    settings = BacktestSettings(
        tick_size=0.01,
        lot_size=0.1,
        taker_fee=0.0004,
        maker_fee=-0.0001,
        leverage=3.0,
        fill="same_close" if same else "next_open",
        max_volume_frac=0.02 if limited else 0.0,
    )
    result = backtest(stress_strategy(StressConfig(seed=seed, width=0.01)), raw, settings)
    bars = prepare_bars(raw, settings)
    equity, held = ledger(bars, result, settings)
    np.testing.assert_allclose(result.equity, equity, atol=1e-6)
    np.testing.assert_allclose(result.quantity, held, atol=1e-9)
    at = (result.fills["bar"], result.fills["instrument"])
    assert (result.fills["price"] >= bars["low"][at]).all()
    assert (result.fills["price"] <= bars["high"][at]).all()
    assert (np.abs(result.fills["quantity"]) > 0).all()
    assert (result.orders["filled"] <= np.abs(result.orders["quantity"]) + 1e-9).all()
    late = result.orders["bar"][result.fills["order"]] + (0 if same else 1)
    assert (result.fills["bar"] >= late - (result.orders["parent"][result.fills["order"]] >= 0)).all()
    if limited:
        taken = np.zeros(bars.shape)
        np.add.at(taken, at, np.abs(result.fills["quantity"]))
        assert (taken <= 0.02 * bars["volume"] + 1e-9).all()
    else:
        exits = result.orders[(result.orders["parent"] >= 0) & (result.orders["filled"] > 0)]
        assert len(np.unique(exits["parent"])) == len(exits)


@given(seed=st.integers(1, 10**6), cut=st.integers(20, 140))
def test_the_future_does_not_reach_back(seed, cut):
    bars = walk(seed % 89, 160)
    other = bars.copy()
    other[cut:] = walk(seed % 83 + 1, 160)[cut:]
    settings = BacktestSettings(tick_size=0.01, lot_size=0.1, leverage=3.0)
    strategy = stress_strategy(StressConfig(seed=seed, width=0.01))
    a, b = backtest(strategy, bars, settings), backtest(strategy, other, settings)
    np.testing.assert_array_equal(a.equity[:cut], b.equity[:cut])
    for name in ("bar", "order", "quantity", "price"):
        early = a.fills["bar"] < cut
        np.testing.assert_array_equal(a.fills[name][early], b.fills[name][b.fills["bar"] < cut])
    written = ("bar", "kind", "quantity", "limit", "stop")
    for name in written:
        np.testing.assert_array_equal(
            a.orders[name][a.orders["bar"] < cut], b.orders[name][b.orders["bar"] < cut]
        )


def test_absent_instruments_keep_their_orders_waiting():
    bars = walk(5, 6, 2)
    present = np.ones((6, 2), bool)
    present[1:4, 1] = False
    bars["close"][1:4, 1] = math.nan
    strategy = script({"at": 0, "kind": MARKET, "quantity": 1.0})
    result = backtest(strategy, bars, BacktestSettings(**CENTS), present=present)
    assert result.fills["bar"].tolist() == [1, 4]
    assert np.isfinite(result.equity).all()


def test_agreement_names_the_first_difference():
    bars = bars_of(FLAT, FLAT)
    a = play(bars, {"at": 0, "kind": MARKET, "quantity": 1.0})
    b = play(bars, {"at": 0, "kind": MARKET, "quantity": 2.0})
    assert agreement(a, a).exact
    found = agreement(a, b)
    assert not found.exact
    assert "number 0" in found.first_difference
    assert found.quantity == 1.0

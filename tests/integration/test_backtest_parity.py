"""The compiled engine and nautilus_trader's matching give the same orders, fills and equity."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from janus_trader.contracts.backtest import DAY, BacktestSettings, OrderState, agreement
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.research.backtest import backtest, prepare_bars, run_targets
from janus_trader.research.backtest.stress import StressConfig, stress_strategy
from janus_trader.strategies.catalogue import NAMES, default_strategies
from janus_trader.strategies.config import Strategies
from janus_trader.strategies.order_strategy import (
    OrderStrategy,
    exits,
    limit,
    market,
    one_cancels_other,
    stop,
)
from janus_trader.trader.strategy_backtest import venue_backtest

#: Fees, financing and slippage that exercise every rule; the tick and lot come from the data.
VARIANTS = {
    "plain": {"taker_fee": 0.0005, "maker_fee": 0.0002},
    "same_close": {"fill": "same_close", "taker_fee": 0.0005, "min_fee": 0.01},
    "slipped": {"slippage": "bps", "slippage_size": 2.0, "path": "high_first", "borrow_rate": 0.1},
    "partial": {
        "max_volume_frac": 2e-4,
        "slippage": "volume_share",
        "slippage_size": 0.1,
        "maker_fee": -0.0001,
    },
    "partial_close": {"max_volume_frac": 1e-4, "max_working": 6, "fill": "same_close", "path": "low_first"},
    "margin": {"maintenance_margin": 0.3, "slippage": "ticks", "slippage_size": 2.0, "fee_per_unit": 0.001},
}


def compare(strategy, bars, settings, *, form="targets", least_fills=0, present=None):
    ours = backtest(strategy, bars, settings, form=form, present=present)
    theirs = venue_backtest(strategy, bars, settings, form=form, present=present)
    found = agreement(ours, theirs)
    assert found.exact, found.first_difference
    assert found.equity < settings.tick_size
    np.testing.assert_allclose(ours.totals, theirs.totals, rtol=1e-9, atol=1e-4)
    np.testing.assert_allclose(ours.quantity, theirs.quantity, atol=1e-9)
    assert len(ours.fills) >= least_fills
    return ours


def made_up(periods, n=1, level=100.0, width=0.004):
    rng = np.random.default_rng(11)
    bars = np.zeros((periods, n), BAR_DTYPE)
    close = level * np.exp(np.cumsum(rng.normal(0, width, (periods, n)), axis=0))
    bars["close"] = close
    bars["open"] = np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0, width / 2, (periods, n)))
    bars["high"] = np.maximum(bars["open"], close) * np.exp(np.abs(rng.normal(0, width / 2, (periods, n))))
    bars["low"] = np.minimum(bars["open"], close) * np.exp(-np.abs(rng.normal(0, width / 2, (periods, n))))
    bars["volume"] = np.round(rng.lognormal(9, 1, (periods, n)))
    bars["volume"][::97] = 0.0
    bars["session"] = np.arange(periods)[:, None] // 24
    bars["bar_of_session"] = np.arange(periods)[:, None] % 24
    return bars


def strategy_of(name):
    return default_strategies(Strategies(enabled=(name,)))[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_order_on_made_up_bars(variant):
    capital = 600.0 if variant == "margin" else 100_000.0
    leverage = 5.0 if variant == "margin" else 3.0
    settings = BacktestSettings(
        tick_size=0.01, lot_size=0.1, capital=capital, leverage=leverage, **VARIANTS[variant]
    )
    result = compare(stress_strategy(StressConfig(width=0.008)), made_up(900), settings, least_fills=200)
    assert set(result.orders["kind"]) == {1, 2, 3, 4, 5}


def test_several_instruments_with_gaps():
    bars = made_up(400, 3)
    present = np.random.default_rng(2).random((400, 3)) > 0.2
    settings = BacktestSettings(tick_size=0.01, lot_size=0.1, leverage=4.0, taker_fee=0.0003)
    compare(stress_strategy(StressConfig(width=0.008)), bars, settings, least_fills=200, present=present)
    compare(strategy_of("ema_flip"), bars, settings, least_fills=20, present=present)


@pytest.mark.parametrize("form", ["targets", "brackets"])
@pytest.mark.parametrize("name", NAMES)
def test_nine_strategies_on_made_up_bars(name, form):
    settings = BacktestSettings(tick_size=0.001, lot_size=0.01, taker_fee=0.0005)
    compare(strategy_of(name), made_up(500, width=0.02), settings, form=form)


def test_sizes_of_a_cheap_instrument_never_fall_on_the_other_side_of_a_rounding_edge():
    """A million units in lots of 1e-6: the venue rounds every amount, the sizes must not feel it."""
    settings = BacktestSettings(maker_fee=2e-4, taker_fee=4e-4, slippage="bps", slippage_size=2.0)
    compare(strategy_of("ema_flip"), made_up(4_000, level=0.1), settings, least_fills=150)


# -- rules of the account: the same in both engines, and as they are written ---------------------------

COUNT = np.dtype([("n", "i8")], align=True)


def writes(step):
    return OrderStrategy("once", np.zeros(1, COUNT), COUNT, step)


def flat(*closes, volume=1000.0):
    """Bars that stand still at each close."""
    bars = np.zeros(len(closes), BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = closes
    bars["volume"] = volume
    return bars


def states(result):
    return result.orders["state"].tolist()


def test_a_step_cannot_change_the_market_its_parameters_or_its_account():
    @njit
    def step(params, state, bar, account, orders):
        bar.close, bar.open = 2.0 * bar.close, 1.0
        account.equity, account.halted = 1e9, 1
        params.n += 1
        if params.n % 2 == 1:
            market(orders, 0, 1.0)

    bars, strategy = flat(100, 100, 100, 100, 100), writes(step)
    result = compare(strategy, bars, BacktestSettings(tick_size=0.01), least_fills=2)
    assert result.fills["price"].tolist() == [100.0, 100.0]
    assert result.orders["bar"].tolist() == [0, 2, 4]
    assert (bars["close"] == 100.0).all()
    assert strategy.params[0]["n"] == 0


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_leverage_bounds_all_orders_together(fill):
    @njit
    def step(params, state, bar, account, orders):
        if state.n < 2:
            k = 0
            for _ in range(3):
                k = limit(orders, k, 500.0, 99.0)
        state.n += 1

    result = compare(
        writes(step), flat(100, 100, 98, 60, 60), BacktestSettings(tick_size=0.01, fill=fill), least_fills=2
    )
    assert states(result) == [OrderState.FILLED] * 2 + [OrderState.REFUSED_MARGIN] * 4
    assert result.quantity.tolist() == [1000.0]


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_leverage_bounds_the_orders_of_all_instruments(fill):
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0:
            market(orders, 0, 600.0)
        state.n += 1

    bars = np.stack([flat(100, 100, 100), flat(100, 100, 100)], axis=1)
    result = compare(writes(step), bars, BacktestSettings(tick_size=0.01, fill=fill))
    assert states(result) == [OrderState.FILLED, OrderState.REFUSED_MARGIN]


def test_exits_and_one_of_a_group_always_have_room():
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0:
            k = limit(orders, 0, 1000.0, 100.0)
            k = stop(orders, k, 1000.0, 101.0)
            one_cancels_other(orders, 0, k, 1)
        if state.n == 1:
            k = stop(orders, 0, -1000.0, 90.0)
            limit(orders, k, -1000.0, 110.0)
        if state.n == 2:
            k = market(orders, 0, -1000.0)
            market(orders, k, -1000.0)
        state.n += 1

    result = compare(writes(step), flat(100, 100, 100, 100), BacktestSettings(tick_size=0.01))
    expected = [OrderState.FILLED, OrderState.CANCELLED, 0, 0, OrderState.FILLED, OrderState.REFUSED_MARGIN]
    assert states(result) == expected


def test_a_day_order_of_a_close_lives_until_its_session_ends():
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0 or state.n == 3:
            limit(orders, 0, 1.0, 95.0, DAY)
        state.n += 1

    bars = flat(100, 100, 94, 100, 100, 94)
    bars["session"] = [0, 0, 0, 0, 1, 1]
    result = compare(writes(step), bars, BacktestSettings(tick_size=0.01, fill="same_close"))
    assert result.fills["bar"].tolist() == [2]
    assert states(result) == [OrderState.FILLED, OrderState.EXPIRED]


@pytest.mark.parametrize(("fill", "first"), [("next_open", 3), ("same_close", 2)])
def test_a_liquidation_waits_for_the_bar_of_an_absent_instrument(fill, first):
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0:
            market(orders, 0, 3000.0)
        state.n += 1

    bars = np.stack([flat(100, 100, 50, 50, 50), flat(100, 100, 100, 100, 20)], axis=1)
    present = np.ones((5, 2), bool)
    present[2:4, 1] = False
    settings = BacktestSettings(tick_size=0.01, fill=fill, leverage=10, maintenance_margin=0.1)
    result = compare(writes(step), bars, settings, present=present)
    assert result.fills["bar"].tolist()[2:] == [first, 4]
    assert result.fills["price"].tolist()[2:] == [50.0, 20.0]
    assert (len(result.orders), result.totals.liquidations) == (4, 1)


def test_shares_and_cash_that_are_borrowed_cost_at_every_bar():
    @njit
    def sells(params, state, bar, account, orders):
        if state.n == 0:
            market(orders, 0, -100.0)
        state.n += 1

    @njit
    def levers(params, state, bar, account, orders):
        if state.n == 0:
            market(orders, 0, 2000.0)
        state.n += 1

    present = np.array([1, 1, 0, 0, 0, 1], bool)
    bars = flat(*[100] * 6)
    short = compare(writes(sells), bars, BacktestSettings(tick_size=0.01, borrow_rate=0.252), present=present)
    assert short.totals.borrowed == pytest.approx(5 * 10.0)
    settings = BacktestSettings(tick_size=0.01, debit_rate=0.252, leverage=2)
    long = compare(writes(levers), bars, settings)
    assert long.totals.borrowed == pytest.approx(1e5 * (1.001**5 - 1.0))


def test_a_part_of_the_target_leaves_the_rest_of_the_stop():
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0:
            k = market(orders, 0, 100.0)
            exits(orders, k, 90.0, 110.0)
        state.n += 1

    volume = [1000, 1000, 50, 1000, 1000]
    bars = flat(100, 100, 110, 108, 20, volume=volume)
    bars["low"][3] = bars["close"][3] = 50.0
    result = compare(writes(step), bars, BacktestSettings(tick_size=0.01, max_volume_frac=1.0))
    assert result.fills["quantity"].tolist() == [100.0, -50.0, -50.0]
    assert result.fills["price"].tolist() == [100.0, 110.0, 90.0]


def test_room_is_kept_for_exits_and_nothing_is_dropped_unseen():
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0:
            k = market(orders, 0, 1.0)
            exits(orders, k, 90.0, 110.0)
            k = market(orders, k, 1.0)
            exits(orders, k, 90.0, 110.0)
        if state.n == 1:
            k = 0
            for _ in range(40):
                k = limit(orders, k, 1.0, 50.0)
        state.n += 1

    result = compare(writes(step), flat(100, 100, 100), BacktestSettings(tick_size=0.01, max_working=5))
    counts = np.bincount(result.orders["state"], minlength=7)
    assert counts[OrderState.REFUSED_CAPACITY] == 1 + 37
    assert (result.orders["parent"] >= 0).sum() == 2
    assert (result.orders["kind"] == 0).sum() == 8


def test_an_exit_that_rounds_to_no_price_is_refused():
    @njit
    def step(params, state, bar, account, orders):
        if state.n == 0:
            k = market(orders, 0, 1.0)
            exits(orders, k, 0.001, 0.0)
        state.n += 1

    result = compare(writes(step), flat(100, 100), BacktestSettings(tick_size=0.01))
    assert states(result) == [OrderState.REFUSED_INVALID]


def native_equity(bars, exposure, fee):
    """Final equity of nautilus' own bar loop, without anything of ours: one unit, orders from ``on_bar``."""
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig, RiskEngineConfig
    from nautilus_trader.model.currencies import USDT
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import Venue
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    plain = TestInstrumentProvider.ethusdt_binance()
    values = {**plain.to_dict(plain), "taker_fee": str(fee), "maker_fee": str(fee), "min_notional": None}
    instrument = type(plain).from_dict(values)
    kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    data = []
    for t, bar in enumerate(bars, 1):  # at time 0 the engine would free memory that it never had
        prices = [Price(float(bar[name]), 2) for name in ("open", "high", "low", "close")]
        data.append(
            Bar(kind, *prices, Quantity(1e6, instrument.size_precision), t * 60 * 10**9, t * 60 * 10**9)
        )

    class Follow(Strategy):
        def __init__(self):
            super().__init__()
            self.t, self.held = 0, 0.0

        def on_start(self):
            self.subscribe_bars(kind)

        def on_bar(self, bar):
            change = exposure[self.t] - self.held
            if change:
                side = OrderSide.BUY if change > 0 else OrderSide.SELL
                self.submit_order(
                    self.order_factory.market(instrument.id, side, instrument.make_qty(abs(change)))
                )
                self.held = exposure[self.t]
            self.t += 1

    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    venue = Venue("BINANCE")
    engine.add_venue(venue, OmsType.NETTING, AccountType.MARGIN, [Money(100_000, USDT)])
    engine.add_instrument(instrument)
    engine.add_data(data)
    engine.add_strategy(Follow())
    engine.run()
    equity = engine.portfolio.account(venue).balance_total(USDT).as_double()
    profit = engine.portfolio.unrealized_pnls(venue).get(USDT)
    engine.dispose()
    return equity + (profit.as_double() if profit is not None else 0.0)


def test_nautilus_own_bar_loop_agrees_where_its_rules_are_the_same():
    settings = BacktestSettings(
        tick_size=0.01, lot_size=1.0, taker_fee=0.0005, fill="same_close", sizing="units", leverage=10.0
    )
    bars = prepare_bars(made_up(1500), settings)[:, 0].copy()
    exposure = np.sign(strategy_of("ema_flip").scan(bars))
    equity = np.empty(len(bars))
    totals = run_targets(bars, exposure, settings.record(), equity)
    assert totals.fills > 50
    assert totals.equity == pytest.approx(native_equity(bars, exposure, 0.0005), abs=1e-6)


# -- recorded data ------------------------------------------------------------------------------------


def table(path, columns):
    pandas = pytest.importorskip("pandas")
    return pandas.read_parquet(path, columns=columns)


def bars_from(frame, per_session):
    bars = np.zeros(len(frame), BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = frame[name].to_numpy()
    bars["volume"] = frame["volume"].to_numpy() if "volume" in frame else np.nan
    bars["session"] = np.arange(len(bars)) // per_session
    bars["bar_of_session"] = np.arange(len(bars)) % per_session
    return bars


def recorded(root):
    """(name, bars, tick, lot, units of the stress strategy) of each kind of data."""
    ohlcv = ["open", "high", "low", "close", "volume"]
    for label, per_session in (("1h", 24), ("30m", 48)):
        frame = table(
            root / f"crypto/binance_spot_{label}_BTC_ETH_SOL_20200920_20231231.parquet", ["symbol", *ohlcv]
        )
        for symbol, rows in frame.groupby("symbol"):
            yield f"{symbol}-{label}", bars_from(rows, per_session), 0.01, 1e-5, 0.5
    frame = table(root / "crypto/btc_perp_1m_20211231_20220201.parquet", ohlcv)
    yield "perp-1m", bars_from(frame, 1440), 0.01, 1e-3, 0.05
    for symbol in ("EURUSD_20070101_20181231", "XAUUSD_20060320_20190225"):
        quotes = table(root / f"fx/oanda_1h_bidask_{symbol}.parquet", None)
        middle = quotes[["bid_open"]].rename(columns={"bid_open": "open"})
        for name in ("open", "high", "low", "close"):
            middle[name] = 0.5 * (quotes[f"bid_{name}"] + quotes[f"ask_{name}"])
        tick = 1e-5 if symbol.startswith("EUR") else 1e-3
        yield symbol[:6], bars_from(middle, 24), tick, 1.0, 5000.0 if tick == 1e-5 else 5.0
    quotes = table(root / "fx/fxcm_1m_bidask_USDJPY_201302_GBPUSD_201202.parquet", None)
    for symbol, rows in quotes.groupby("symbol"):
        middle = rows[["bid_open"]].rename(columns={"bid_open": "open"})
        for name in ("open", "high", "low", "close"):
            middle[name] = 0.5 * (rows[f"bid_{name}"] + rows[f"ask_{name}"])
        low, high = middle[["open", "close"]].min(axis=1), middle[["open", "close"]].max(axis=1)
        middle["low"], middle["high"] = np.minimum(middle["low"], low), np.maximum(middle["high"], high)
        yield f"{symbol}-1m", bars_from(middle, 1440), 1e-5 if symbol == "GBPUSD" else 1e-3, 1.0, 100.0
    frame = table(
        root / "equities/us_58stocks_daily_ohlcv_20120904_20161230.parquet", ["symbol", *ohlcv]
    ).dropna()
    for symbol, rows in frame.groupby("symbol"):
        good = rows[
            (rows["low"] <= rows[["open", "close"]].min(axis=1))
            & (rows["high"] >= rows[["open", "close"]].max(axis=1))
        ]
        yield str(symbol), bars_from(good, 1), 1e-4, 1.0, 20.0


FAST = ("SOLUSDT-1h", "perp-1m", "EURUSD", "AAPL")


def test_strategies_and_stress_on_recorded_data(shared_data):
    fills = 0
    for name, bars, tick, lot, units in recorded(shared_data):
        if name not in FAST:
            continue
        settings = BacktestSettings(tick_size=tick, lot_size=lot, leverage=2.0, taker_fee=0.0005)
        part = bars[200:1000]
        fills += len(compare(stress_strategy(StressConfig(units=units, width=0.01)), part, settings).fills)
        for strategy in default_strategies():
            for form in ("targets", "brackets"):
                fills += len(compare(strategy, part, settings, form=form).fills)
    assert fills > 1000


@pytest.mark.slow
def test_everything_on_recorded_data(shared_data):
    names = []
    for name, bars, tick, lot, units in recorded(shared_data):
        names.append(name)
        part = bars[-6000:]
        for variant in ("plain", "same_close", "slipped"):
            settings = BacktestSettings(tick_size=tick, lot_size=lot, leverage=2.0, **VARIANTS[variant])
            compare(stress_strategy(StressConfig(units=units, width=0.01)), part[:3000], settings)
        settings = BacktestSettings(tick_size=tick, lot_size=lot, taker_fee=0.0005)
        for strategy in default_strategies():
            for form in ("targets", "brackets"):
                compare(strategy, part, settings, form=form)
    assert len(names) >= 60

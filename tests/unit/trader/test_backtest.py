"""The back-test venue: fill rule, accounting against an independent ledger, refusals, bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, JanusError
from janus_trader.contracts.market import BAR_DTYPE, Instrument
from janus_trader.contracts.orders import OrderIntent, RefusalReason, Side
from janus_trader.execution.cost_model import CostConfig, CostModel
from janus_trader.trader.backtest import BacktestVenue, VenueConfig


class Allow:
    def refuse(self, order, portfolio):
        return None


class Ledger:
    """Plain cash and quantities: an account kept without the engine."""

    def __init__(self, n, capital, rate, cost, at_open, stale=5):
        self.cash, self.quantity, self.close = capital, np.zeros(n), np.zeros(n)
        self.rate, self.cost, self.at_open, self.stale = rate, cost, at_open, stale
        self.queue, self.first, self.paid = [], True, 0.0

    def advance(self, bars, present):
        if not self.first:
            self.cash *= 1.0 + self.rate
        self.first = False
        waiting = []
        for i, signed, age in self.queue:
            if present[i]:
                price = round(float(bars["open" if self.at_open else "close"][i]), 6)
                charge = self.cost.fraction(i, abs(signed) * price) * abs(signed) * price
                self.cash -= signed * price + charge
                self.paid += charge
                self.quantity[i] += signed
            elif age < self.stale:
                waiting.append((i, signed, age + 1))
        self.queue = waiting
        self.close[present] = bars["close"][present]
        self.cost.observe(bars, present)

    @property
    def equity(self):
        return self.cash + float(np.sum(self.quantity * self.close))


def make_bars(rng, periods, n, *, absent=0.1, volatility=0.02):
    bars = np.zeros((periods, n), BAR_DTYPE)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, volatility, (periods, n)), axis=0))
    open_ = close * np.exp(rng.normal(0, 0.005, (periods, n)))
    bars["open"], bars["close"] = open_, close
    bars["high"], bars["low"] = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    bars["volume"] = rng.uniform(1e3, 1e5, (periods, n))
    bars["session"] = np.arange(periods)[:, None]
    present = rng.random((periods, n)) >= absent
    present[0] = True
    return bars, present


def make_venue(n, *, at_open=True, permission=None, cost=None, capital=1e6, cash_rate=0.0, **config):
    return BacktestVenue(
        [Instrument(symbol=f"S{i}/x y") for i in range(n)],
        capital=capital,
        cost_model=CostModel(cost or CostConfig(), n, True),
        fills_at_open=at_open,
        permission=permission or Allow(),
        cash_rate=cash_rate,
        bars_per_year=252.0,
        config=VenueConfig(**config),
    )


def order(k, i, signed, ts=0, price=50.0):
    return OrderIntent(
        order_id=f"{k:07d}",
        symbol=f"S{i}/x y",
        side=Side.BUY if signed > 0 else Side.SELL,
        quantity=abs(signed),
        ts_event=ts,
        decision_price=price,
    )


def random_orders(rng, t, bars, present, per_bar=3):
    """Orders of up to a fifth of the capital, both ways, in instruments that are here."""
    out = []
    here = np.flatnonzero(present)
    for j, i in enumerate(rng.permutation(here)[:per_bar]):
        signed = round(float(rng.normal() * 1e5 / bars["close"][i]), 6)
        out.append(order(10 * t + j, int(i), signed, ts=t + 1, price=float(bars["close"][i])))
    return out


def live(venue, bars, present, seed, per_bar=3):
    rng = np.random.default_rng(seed)
    fills, states, journal = [], [], []
    for t in range(len(bars)):
        fills.extend(venue.advance(t + 1, bars[t], present[t]).fills)
        orders = random_orders(rng, t, bars[t], present[t], per_bar)
        assert venue.submit(orders) == ()
        journal.append(orders)
        states.append(venue.portfolio(t + 1))
    return fills, states, journal


@pytest.mark.parametrize("at_open", [True, False])
@pytest.mark.parametrize("cash_rate", [0.05, -0.02])
def test_equity_agrees_with_an_independent_ledger(rng, at_open, cash_rate):
    n, periods = 5, 120
    bars, present = make_bars(rng, periods, n)
    venue = make_venue(n, at_open=at_open, cash_rate=cash_rate)
    ledger = Ledger(n, 1e6, cash_rate / 252.0, CostModel(CostConfig(), n, True), at_open)
    generator = np.random.default_rng(1)
    short_seen = False
    for t in range(periods):
        venue.advance(t + 1, bars[t], present[t])
        ledger.advance(bars[t], present[t])
        state = venue.portfolio(t + 1)
        assert state.equity == pytest.approx(ledger.equity, rel=1e-8)
        assert state.cash == pytest.approx(ledger.cash, rel=1e-6, abs=1e-2)
        assert state.realised_costs == pytest.approx(ledger.paid, rel=1e-7, abs=1e-3)
        assert state.quantities == pytest.approx(ledger.quantity, abs=1e-6)
        assert state.weights == pytest.approx(ledger.quantity * ledger.close / ledger.equity, abs=1e-7)
        short_seen |= min(state.quantities) < 0.0 < max(state.quantities)
        orders = random_orders(generator, t, bars[t], present[t])
        assert venue.submit(orders) == ()
        for x in orders:
            i = int(x.symbol[1])
            ledger.queue.append((i, x.quantity if x.side is Side.BUY else -x.quantity, 0))
    assert short_seen
    assert ledger.paid > 1000.0
    venue.close()


@pytest.mark.parametrize(("at_open", "name"), [(True, "open"), (False, "close")])
def test_a_decision_fills_at_the_next_bar_and_never_in_its_own(rng, at_open, name):
    bars, _ = make_bars(rng, 3, 1)
    here = np.array([True])
    venue = make_venue(1, at_open=at_open)
    assert venue.advance(10, bars[0], here).fills == ()
    venue.submit([order(1, 0, 100.0, ts=10)])
    assert venue.portfolio(10).quantities == (0.0,)
    (fill,) = venue.advance(20, bars[1], here).fills
    assert fill.ts_event == 20
    assert fill.price == pytest.approx(bars[name][1, 0], abs=1e-6)
    assert fill.price != pytest.approx(bars["close"][0, 0], rel=1e-5)
    assert venue.advance(30, bars[2], here).fills == ()
    venue.close()


def test_cost_is_that_of_the_bars_before_the_fill(rng):
    bars, _ = make_bars(rng, 30, 1)
    here = np.array([True])
    venue, shadow = make_venue(1), CostModel(CostConfig(), 1, True)
    for t in range(29):
        venue.advance(t + 1, bars[t], here)
        shadow.observe(bars[t], here)
    venue.submit([order(1, 0, 1000.0)])
    (fill,) = venue.advance(30, bars[29], here).fills
    value = fill.quantity * fill.price
    assert fill.cost == pytest.approx(shadow.fraction(0, value) * value, rel=1e-9, abs=1e-5)
    assert fill.cost_bps > 3.0
    venue.close()


def test_flipping_and_closing_a_position_in_one_order(rng):
    bars, _ = make_bars(rng, 4, 1)
    here = np.array([True])
    venue = make_venue(1, cost=CostConfig(multiplier=0.0))
    cash, held = 1e6, 0.0
    for t, signed in enumerate([10.0, -25.5, 15.5, None]):
        for fill in venue.advance(t + 1, bars[t], here).fills:
            sign = 1.0 if fill.side is Side.BUY else -1.0
            cash -= sign * fill.quantity * fill.price
            held += sign * fill.quantity
        state = venue.portfolio(t + 1)
        assert state.quantities[0] == pytest.approx(held, abs=1e-9)
        assert state.equity == pytest.approx(cash + held * bars["close"][t, 0], rel=1e-10)
        if signed is not None:
            venue.submit([order(t, 0, signed)])
    assert venue.portfolio(4).quantities == (0.0,)
    assert venue.cache_sizes()["positions"] == 0
    venue.close()


def test_same_inputs_give_identical_fills_and_portfolios(rng):
    bars, present = make_bars(rng, 60, 4)
    runs = []
    for _ in range(2):
        venue = make_venue(4, cash_rate=0.03)
        runs.append(live(venue, bars, present, seed=3)[:2])
        venue.close()
    assert runs[0] == runs[1]


def test_replaying_the_journal_gives_a_bit_equal_portfolio(rng):
    class Never:
        def refuse(self, order, portfolio):
            raise AssertionError("a replay asks nobody")

    bars, present = make_bars(rng, 80, 4)
    venue = make_venue(4, cash_rate=0.03, compact_fills=8)
    fills, states, journal = live(venue, bars, present, seed=5)
    again = make_venue(4, cash_rate=0.03, compact_fills=8, permission=Never())
    replayed = []
    for t in range(len(bars)):
        replayed.extend(again.replay(t + 1, bars[t], present[t], journal[t]).fills)
    assert replayed == fills
    assert again.portfolio(80) == states[-1]
    assert again.pending == venue.pending
    venue.close()
    again.close()


def test_replay_leaves_out_what_was_refused(rng):
    bars, _ = make_bars(rng, 2, 1)
    here = np.array([True])
    venue = make_venue(1)
    venue.replay(1, bars[0], here, [order(1, 0, 5.0), order(2, 0, 7.0)], refused={"0000002"})
    assert [x.order_id for x in venue.pending] == ["0000001"]
    venue.close()


def test_compaction_changes_nothing_but_memory(rng):
    bars, present = make_bars(rng, 100, 2, absent=0.0)
    equities = []
    for compact in (2, 10_000):
        venue = make_venue(2, compact_fills=compact)
        equities.append([s.equity for s in live(venue, bars, present, seed=9)[1]])
        venue.close()
    assert equities[0] == pytest.approx(equities[1], rel=1e-12)


def test_memory_of_the_engine_is_bounded_over_thousands_of_orders(rng):
    n, periods = 5, 450
    bars, present = make_bars(rng, periods, n, absent=0.0, volatility=0.002)
    venue = make_venue(n, capital=1e8, compact_fills=32)
    fills, _, _ = live(venue, bars, present, seed=2, per_bar=n)
    assert len(fills) == (periods - 1) * n
    sizes = venue.cache_sizes()
    assert sizes["orders"] == 0
    assert sizes["positions"] <= n
    assert sizes["account_events"] <= 2
    assert sizes["position_fills"] <= n * 32
    venue.close()


def test_permission_is_asked_for_each_order_and_fails_closed(rng):
    class Picky:
        def __init__(self):
            self.seen = []

        def refuse(self, order, portfolio):
            self.seen.append((order.order_id, portfolio.equity))
            if order.order_id.endswith("2"):
                return RefusalReason.PERMISSION_DENIED
            if order.order_id.endswith("3"):
                raise RuntimeError("no answer")
            return "maybe" if order.order_id.endswith("4") else None

    permission = Picky()
    bars, _ = make_bars(rng, 2, 1)
    venue = make_venue(1, permission=permission)
    venue.advance(1, bars[0], np.array([True]))
    refusals = venue.submit([order(k, 0, 1.0) for k in (1, 2, 3, 4)])
    assert [x.order_id[-1] for x in refusals] == ["2", "3", "4"]
    assert {x.reason for x in refusals} == {RefusalReason.PERMISSION_DENIED}
    assert "no answer" in refusals[1].detail
    assert [x[0][-1] for x in permission.seen] == ["1", "2", "3", "4"]
    assert [x.order_id[-1] for x in venue.advance(2, bars[1], np.array([True])).fills] == ["1"]
    venue.close()


@pytest.mark.parametrize(
    ("quantity", "symbol", "reason"),
    [
        (float("nan"), "S0/x y", RefusalReason.NOT_FINITE),
        (float("inf"), "S0/x y", RefusalReason.NOT_FINITE),
        (0.0, "S0/x y", RefusalReason.NOT_POSITIVE),
        (-3.0, "S0/x y", RefusalReason.NOT_POSITIVE),
        (1e-7, "S0/x y", RefusalReason.NOT_POSITIVE),
        (1.0, "nobody", RefusalReason.UNKNOWN_INSTRUMENT),
    ],
)
def test_orders_that_cannot_be_meant_are_refused(quantity, symbol, reason):
    venue = make_venue(1)
    bad = OrderIntent(
        order_id="1", symbol=symbol, side=Side.BUY, quantity=quantity, ts_event=1, decision_price=1.0
    )
    (refusal,) = venue.submit([bad])
    assert refusal.reason is reason
    assert venue.pending == ()
    venue.close()


def test_an_order_too_large_for_the_engine_is_a_refusal_not_a_crash(rng):
    bars, _ = make_bars(rng, 2, 1)
    here = np.array([True])
    venue = make_venue(1)
    venue.advance(1, bars[0], here)
    assert venue.submit([order(1, 0, 1e20)]) == ()
    result = venue.advance(2, bars[1], here)
    assert result.fills == ()
    assert [x.reason for x in result.refusals] == [RefusalReason.VENUE_REJECTED]
    assert venue.portfolio(2).equity == 1e6
    venue.close()


def bar(price):
    return np.array([(price, price, price, price, 1e6, 0, 0)], BAR_DTYPE)


def test_an_account_that_outgrows_the_engine_stops_with_a_message():
    here = np.array([True])
    venue = make_venue(1, capital=1e9, cost=CostConfig(multiplier=0.0), cash_rate=0.05)
    venue.advance(1, bar(1.0), here)
    venue.submit([order(1, 0, 1e9)])
    venue.advance(2, bar(1.0), here)
    venue.advance(3, bar(1e3), here)
    assert venue.portfolio(3).equity == pytest.approx(1e12)
    venue.submit([order(2, 0, -5e8)])
    assert len(venue.advance(4, bar(1e3), here).fills) == 1
    venue.submit([order(3, 0, -5e8)])
    (refusal,) = venue.advance(5, bar(1e6), here).refusals
    assert "more than the engine" in refusal.detail
    venue.close()
    rich = make_venue(1, capital=1e12, cash_rate=252.0 * 10.0)
    rich.advance(1, bar(1.0), here)
    with pytest.raises(JanusError, match="outgrown"):
        rich.advance(2, bar(1.0), here)
    rich.close()


@pytest.mark.parametrize("capital", [1e3, 1e6, 1e9])
def test_a_balance_that_grew_a_thousandfold_is_still_exact(capital):
    here = np.array([True])
    venue = make_venue(1, capital=capital, cost=CostConfig(multiplier=0.0), cash_rate=0.0)
    venue.advance(1, bar(1.0), here)
    venue.submit([order(1, 0, capital)])
    venue.advance(2, bar(1.0), here)
    venue.submit([order(2, 0, -capital)])
    venue.advance(3, bar(1e3 / 3), here)
    assert venue.portfolio(3).equity == pytest.approx(capital * round(1e3 / 3, 6), rel=1e-12)
    venue.close()


def test_interest_is_charged_on_a_negative_balance():
    here = np.array([True])
    venue = make_venue(1, capital=1000.0, cost=CostConfig(multiplier=0.0), cash_rate=2.52)
    venue.advance(1, bar(10.0), here)
    venue.submit([order(1, 0, -200.0)])
    venue.advance(2, bar(10.0), here)
    venue.advance(3, bar(20.0), here)
    venue.submit([order(2, 0, 200.0)])
    venue.advance(4, bar(20.0), here)
    owed = venue.portfolio(4).equity
    assert owed < -900.0
    venue.advance(5, bar(20.0), here)
    assert venue.portfolio(5).equity == pytest.approx(owed * 1.01, rel=1e-9)
    venue.close()


def test_orders_of_an_absent_instrument_wait_and_then_go_stale(rng):
    bars, _ = make_bars(rng, 8, 2)
    both, first = np.array([True, True]), np.array([True, False])
    venue = make_venue(2, stale_bars=2)
    venue.advance(1, bars[0], both)
    venue.submit([order(1, 1, 5.0)])
    assert venue.advance(2, bars[1], first) == ((), ())
    assert venue.advance(3, bars[2], both).fills[0].price == pytest.approx(bars["open"][2, 1], abs=1e-6)
    venue.submit([order(2, 1, 5.0), order(3, 0, 1.0)])
    assert [x.order_id[-1] for x in venue.advance(4, bars[3], first).fills] == ["3"]
    assert venue.advance(5, bars[4], first) == ((), ())
    (refusal,) = venue.advance(6, bars[5], first).refusals
    assert refusal.reason is RefusalReason.STALE_INSTRUMENT
    assert venue.pending == ()
    assert venue.portfolio(6).quantities[1] == 5.0
    venue.close()


def test_an_absent_instrument_is_marked_at_its_last_close(rng):
    bars, _ = make_bars(rng, 3, 1)
    venue = make_venue(1, cost=CostConfig(multiplier=0.0))
    venue.advance(1, bars[0], np.array([True]))
    venue.submit([order(1, 0, 10.0)])
    venue.advance(2, bars[1], np.array([True]))
    before = venue.portfolio(2).equity
    venue.advance(3, bars[2], np.array([False]))
    assert venue.portfolio(3).equity == before
    venue.close()


def test_with_no_equity_left_only_reductions_are_taken():
    here = np.array([True])
    venue = make_venue(1, cost=CostConfig(multiplier=0.0), capital=1000.0)
    venue.advance(1, bar(10.0), here)
    venue.submit([order(1, 0, -200.0)])
    venue.advance(2, bar(10.0), here)
    venue.advance(3, bar(20.0), here)
    state = venue.portfolio(3)
    assert state.equity == pytest.approx(-1000.0)
    assert state.drawdown > 1.0
    assert np.isfinite(state.weights).all()
    assert state.weights[0] < 0.0
    (refusal,) = venue.submit([order(2, 0, -1.0)])
    assert refusal.reason is RefusalReason.VENUE_REJECTED
    assert venue.submit([order(3, 0, 200.0)]) == ()
    assert len(venue.advance(4, bar(20.0), here).fills) == 1
    assert venue.portfolio(4).quantities == (0.0,)
    assert venue.portfolio(4).equity == pytest.approx(-1000.0)
    venue.close()


def test_a_repeated_waiting_order_id_is_refused():
    venue = make_venue(1)
    assert venue.submit([order(1, 0, 1.0)]) == ()
    assert venue.submit([order(1, 0, 1.0)])[0].reason is RefusalReason.VENUE_REJECTED
    venue.close()


def test_peak_session_and_drawdown(rng):
    bars, present = make_bars(rng, 60, 3, absent=0.0)
    venue = make_venue(3)
    _, states, _ = live(venue, bars, present, seed=4)
    equity = np.array([s.equity for s in states])
    assert [s.peak_equity for s in states] == np.maximum.accumulate(np.maximum(equity, 1e6)).tolist()
    assert states[-1].session_start_equity == 1e6
    venue.start_session()
    assert venue.portfolio(60).session_start_equity == equity[-1]
    venue.close()


def test_interest_on_idle_cash_compounds_per_bar():
    venue = make_venue(1, cash_rate=0.252)
    for t in range(11):
        venue.advance(t + 1, bar(10.0), np.array([True]))
    assert venue.portfolio(11).equity == pytest.approx(1e6 * 1.001**10, rel=1e-10)
    venue.close()


def test_broken_input_raises(rng):
    bars, present = make_bars(rng, 3, 2)
    venue = make_venue(2)
    venue.advance(5, bars[0], present[0])
    with pytest.raises(DataError, match="time does not increase"):
        venue.advance(5, bars[1], present[1])
    with pytest.raises(DataError, match="do not fit"):
        venue.advance(6, bars[1][:1], present[1])
    bad = bars[1].copy()
    bad["open"][1] = np.nan
    with pytest.raises(DataError, match="cannot be traded"):
        venue.advance(7, bad, np.array([True, True]))
    venue.close()
    venue.close()
    with pytest.raises(JanusError, match="closed"):
        venue.advance(8, bars[2], present[2])


@pytest.mark.parametrize(
    "change",
    [
        {"capital": 0.0},
        {"capital": 1e13},
        {"capital": float("nan")},
        {"bars_per_year": 0.0},
        {"cash_rate": float("nan")},
        {"currency": "EUR"},
        {"instruments": []},
        {"instruments": [Instrument(symbol="A"), Instrument(symbol="A")]},
        {"instruments": [Instrument(symbol="A", size_decimals=40)]},
    ],
)
def test_impossible_books_are_refused(change):
    arguments = {
        "instruments": [Instrument(symbol="A")],
        "capital": 1.0,
        "cost_model": CostModel(CostConfig(), 1, False),
        "fills_at_open": False,
        "permission": Allow(),
        "bars_per_year": 252.0,
        **change,
    }
    with pytest.raises(ConfigError):
        BacktestVenue(arguments.pop("instruments"), **arguments)


class Switch:
    """Permission that can be withdrawn."""

    def __init__(self):
        self.off = False

    def refuse(self, order, portfolio):
        return RefusalReason.PERMISSION_DENIED if self.off and not order.reduces else None


def _order(number, side, quantity, ts, reduces=False):
    return OrderIntent(
        order_id=str(number),
        symbol="S0",
        side=side,
        quantity=quantity,
        ts_event=ts,
        decision_price=50.0,
        reduces=reduces,
    )


def test_an_order_that_waits_is_asked_for_again_before_it_fills():
    switch = Switch()
    venue = BacktestVenue(
        [Instrument(symbol="S0"), Instrument(symbol="S1")],
        capital=1e5,
        cost_model=CostModel(CostConfig(), 2, volume_known=False),
        fills_at_open=False,
        permission=switch,
        bars_per_year=252.0,
    )
    bars, _ = make_bars(np.random.default_rng(0), 6, 2, absent=0.0)
    here, away = np.array([True, True]), np.array([False, True])
    venue.advance(1, bars[0], here)
    assert venue.submit([_order(1, Side.BUY, 10.0, 1)]) == ()
    venue.advance(2, bars[1], away)
    switch.off = True
    result = venue.advance(3, bars[2], here)
    assert result.fills == ()
    assert [r.reason for r in result.refusals] == [RefusalReason.PERMISSION_DENIED]
    assert venue.portfolio(3).quantities == (0.0, 0.0)
    switch.off = False
    venue.submit([_order(2, Side.BUY, 10.0, 3)])
    venue.advance(4, bars[3], here)
    venue.submit([_order(3, Side.SELL, 10.0, 4, reduces=True)])
    switch.off = True
    assert [f.order_id for f in venue.advance(5, bars[4], here).fills] == ["3"]
    venue.close()

"""Back-tests: an EMA cross over half a million one-minute bars, strategy and engine."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.numerics.ema import EMA_DTYPE, ema_step, span_alpha
from janus_trader.research.bench.work import Case, Work

BARS, FAST, SLOW, FEE, CAPITAL = 500_000, 20, 50, 2e-4, 1e5
STATE_DTYPE = np.dtype(
    [("n", "i8"), ("fast", EMA_DTYPE), ("slow", EMA_DTYPE), ("want", "f8"), ("stop", "f8"), ("target", "f8")],
    align=True,
)
PARAMS_DTYPE = np.dtype([("slow", "i8"), ("fast_alpha", "f8"), ("slow_alpha", "f8")], align=True)


@njit(cache=True)
def cross_step(params, state, bar) -> float:
    """Long while the fast average is above the slow one, once both have seen enough."""
    fast = ema_step(state.fast, bar.close, params.fast_alpha)
    slow = ema_step(state.slow, bar.close, params.slow_alpha)
    state.n += 1
    if state.n >= params.slow:
        want = 1.0 if fast > slow else 0.0
        if want > state.want:
            state.stop, state.target = bar.close * 0.98, bar.close * 1.04
        elif want < state.want:
            state.stop, state.target = 0.0, 0.0
        state.want = want
    return state.want


@njit(cache=True, nogil=True)
def cross_run(params, states, bars, out, stops, targets) -> None:
    """Take the step through the bars; levels too, where there is room for them."""
    state, p = states[0], params[0]
    levels = stops.size > 0
    for t in range(bars.size):
        out[t] = cross_step(p, state, bars[t])
        if levels:
            stops[t, 0], targets[t, 0] = state.stop, state.target


def market(periods: int) -> np.ndarray:
    """Made-up minute bars on a tick of 0.01, volume included."""
    rng = np.random.default_rng(3)
    bars = np.zeros(periods, BAR_DTYPE)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 4e-4, periods)))
    opened = np.concatenate((close[:1], close[:-1] * np.exp(rng.normal(0, 1e-4, periods - 1))))
    bars["close"], bars["open"] = np.round(close, 2), np.round(opened, 2)
    up, down = np.abs(rng.normal(0, 2e-4, (2, periods)))
    bars["high"] = np.round(np.maximum(opened, close) * (1.0 + up), 2)
    bars["low"] = np.round(np.minimum(opened, close) * (1.0 - down), 2)
    bars["volume"] = np.round(rng.lognormal(3, 1, periods)) + 4.0
    return bars


def _case(
    bracketed: bool, same_close: bool = False, periods: int = BARS, bars: np.ndarray | None = None
) -> Case:
    from janus_trader.research.backtest.loops import run_exposures, run_targets, totals_of
    from janus_trader.research.backtest.records import new_book

    bars = market(periods) if bars is None else np.ascontiguousarray(bars)
    periods = len(bars)
    settings = BacktestSettings(
        capital=CAPITAL,
        tick_size=0.01,
        lot_size=1.0,
        taker_fee=FEE,
        maker_fee=FEE,
        sizing="units",
        fill="same_close" if same_close else "next_open",
    ).record()
    params = np.zeros(1, PARAMS_DTYPE)
    params["slow"] = SLOW
    params["fast_alpha"], params["slow_alpha"] = span_alpha(FAST), span_alpha(SLOW)
    exposure, equity = np.zeros(periods), np.zeros(periods)
    shape = (periods, 1) if bracketed else (0, 0)
    stops, targets = np.zeros(shape), np.zeros(shape)
    here = np.ones((periods, 1), np.bool_)

    def ours() -> tuple[float, int]:
        states = np.zeros(1, STATE_DTYPE)
        cross_run(params, states, bars, exposure, stops, targets)
        if not bracketed:
            totals = run_targets(bars, exposure, settings, equity)
            return totals.equity, totals.fills
        book, instruments = new_book(settings, 1)
        run_exposures(
            settings[0],
            book[0],
            instruments,
            None,
            bars.reshape(-1, 1),
            here,
            exposure.reshape(-1, 1),
            stops,
            targets,
            equity,
        )
        totals = totals_of(book[0])
        return totals.equity, totals.fills

    def limit() -> float:
        return _touch(bars, equity)

    return Case(ours=ours, items=periods, inputs={"bars": bars, "same_close": same_close}, limit=limit)


def reference(bars: np.ndarray, *, same_close: bool) -> float:
    """Our final equity over these bars, for peers that take fewer."""
    case = _case(False, same_close, bars=bars)
    return float(case.ours()[0])


@njit(cache=True)
def _touch(bars, out) -> float:
    """Read every bar and write a value: what no engine can do without."""
    total = 0.0
    for t in range(bars.size):
        bar = bars[t]
        total += bar.close * (bar.open + bar.high + bar.low)
        out[t] = total
    return total


WORKS = (
    Work(
        name="backtest.ema_cross",
        title="EMA 20/50 cross, one unit, next open, fee 2 bps, 500 k minute bars, strategy step and engine",
        unit="bar",
        prepare=lambda: _case(False),
        goal_ns=20.0,
        growth=lambda n: _case(False, periods=n),
        sizes=(50_000, 200_000, 800_000),
    ),
    Work(
        name="backtest.ema_cross_close",
        title="the same, filled at the close decided on",
        unit="bar",
        prepare=lambda: _case(False, same_close=True),
        goal_ns=20.0,
    ),
    Work(
        name="backtest.ema_cross_brackets",
        title="the same at the next open, every entry with a stop at -2 % and a target at +4 %",
        unit="bar",
        prepare=lambda: _case(True),
        goal_ns=20.0,
    ),
)

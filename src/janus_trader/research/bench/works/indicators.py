"""The indicators of a bar: five averages, RSI, ATR, ADX, Bollinger bands, MACD."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

TICKS = 3_000
BARS = 100_000
SETTINGS = "EMA 8/13/21/50/200, RSI 14, ATR 14, ADX 14, Bollinger 20/2, MACD 12/26/9"


def _bars(n: int) -> np.ndarray:
    """Rows (open, high, low, close, volume) of a random walk."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, n)))
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) * (1.0 + np.abs(rng.normal(0.0, 5e-4, n)))
    low = np.minimum(opened, close) * (1.0 - np.abs(rng.normal(0.0, 5e-4, n)))
    return np.column_stack((opened, high, low, close, rng.exponential(50.0, n)))


def _each_tick() -> Case:
    from janus_trader.numerics.indicator_bundle import IndicatorBundle

    ticks = [tuple(row) for row in _bars(TICKS)[:, 1:4].tolist()]
    bundle = IndicatorBundle()

    def ours() -> np.ndarray:
        bundle.reset()
        tick = bundle.tick
        for high, low, close in ticks:
            row = tick(high, low, close)
        return row

    def nothing(high: float, low: float, close: float) -> None:
        return None

    def calls_alone() -> None:
        for high, low, close in ticks:
            nothing(high, low, close)

    return Case(ours, TICKS, {"ticks": ticks}, calls_alone)


def _kernel(n: int = BARS) -> Case:
    from janus_trader.numerics.indicator_bundle import OUTPUTS, IndicatorBundle, indicator_bundle_run

    bars, bundle = _bars(n), IndicatorBundle()
    for row in _bars(bundle.warmup):
        bundle.update(row)
    state, parameters, out = bundle.state[0], bundle.parameters[0], np.empty((n, len(OUTPUTS)))

    def ours() -> np.ndarray:
        indicator_bundle_run(state, parameters, bars, out)
        return out

    return Case(ours, n, {"bars": bars}, lambda: out.fill(1.0))


def _batch() -> Case:
    from janus_trader.numerics.indicator_bundle import OUTPUTS, IndicatorBundle

    bars, bundle = _bars(1_000_000), IndicatorBundle()
    shape = (len(bars), len(OUTPUTS))
    return Case(lambda: bundle.transform(bars), len(bars), {"bars": bars}, lambda: np.empty(shape).fill(1.0))


WORKS = (
    Work(
        "indicators.bundle.py",
        f"one tick, one call from Python: {SETTINGS}; limit: a Python function that does nothing",
        "tick",
        _each_tick,
        goal_ratio=3.8,
        goal_ns=250.0,
    ),
    Work(
        "indicators.bundle.kernel",
        f"one bar within a compiled loop, settled, 14 outputs kept: {SETTINGS}; limit: filling the outputs",
        "bar",
        _kernel,
        goal_ns=10.0,
        growth=_kernel,
        sizes=(1_000, 10_000, 100_000, 1_000_000),
    ),
    Work(
        "indicators.batch.1m",
        f"a million bars at once, in fresh memory: {SETTINGS}; limit: filling fresh outputs",
        "bar",
        _batch,
        goal_ratio=1.9,
    ),
)

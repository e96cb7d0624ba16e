"""A sweep over two moving averages: every pair of windows from 2 to 100, three instruments."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

FIRST, LAST = 2, 100
PAIRS = (LAST - FIRST + 1) * (LAST - FIRST) // 2
INSTRUMENTS, BARS = 3, 2978


def draw_closes(bars: int, instruments: int = INSTRUMENTS, seed: int = 0) -> np.ndarray:
    """Random walks (T, n) in steps of 1/64, so that sums of closes are exact and ties are ties."""
    g = np.random.default_rng(seed)
    walk = 100.0 * np.exp(np.cumsum(g.normal(0.0003, 0.015, (bars, instruments)), axis=0))
    return np.round(walk * 64.0) / 64.0


def case(bars: int, workers: int) -> Case:
    """The whole sweep: strategy, engine, figures and block sums of every pair, all in at the close."""
    from janus_trader.contracts.backtest import BacktestSettings
    from janus_trader.contracts.market import BAR_DTYPE
    from janus_trader.research.sweep.engine import Book, SweepEngine
    from janus_trader.research.sweep.moving_averages import MovingAverages, bare_sweep
    from janus_trader.research.sweep.space import Space, parse_axis
    from janus_trader.research.sweep.statistics import FIGURES

    closes = draw_closes(bars)
    columns = []
    for i in range(INSTRUMENTS):
        one = np.zeros(bars, BAR_DTYPE)
        for name in ("open", "high", "low", "close"):
            one[name] = closes[:, i]
        one["volume"], one["session"] = 1e6, np.arange(bars)
        columns.append(one)
    settings = BacktestSettings(capital=1e6, fill="same_close", lot_size=1e-9)
    rows = tuple(np.arange(bars) for _ in columns)
    names = tuple("ABC"[:INSTRUMENTS])
    book = Book(names, tuple(columns), tuple(columns), rows, bars, 252.0, settings)
    axes = [parse_axis(f"{name}={FIRST}:{LAST}:1") for name in ("fast", "slow")]
    space = Space(axes, where="fast < slow")
    engine = SweepEngine(MovingAverages(), book, blocks=16, state_dtype=None, workers=workers)
    column = FIGURES.index("total_return")

    def ours() -> np.ndarray:
        blocks = (space.block(number) for number in range(space.blocks))
        return np.concatenate([engine.run(*block).figures[:, column] for block in blocks])

    return Case(
        ours,
        PAIRS * INSTRUMENTS * bars,
        inputs={"closes": closes, "first": FIRST, "last": LAST},
        limit=lambda: bare_sweep(closes, FIRST, LAST),
    )


def _prepare() -> Case:
    return case(BARS, workers=0)


def _one_thread() -> Case:
    return case(BARS, workers=1)


def _growth(bars: int) -> Case:
    return case(bars, workers=0)


_TITLE = f"{PAIRS:,} pairs of moving averages x {INSTRUMENTS} instruments x {BARS:,} bars"
_SECOND = 1e9 / (PAIRS * INSTRUMENTS * BARS)

WORKS: tuple[Work, ...] = (
    Work(
        name="sweep.moving_averages",
        title=f"{_TITLE}: strategy, general engine, figures and block sums, one thread a core",
        unit="bar",
        prepare=_prepare,
        goal_ratio=12.5,
        goal_ns=round(_SECOND, 2),
        growth=_growth,
        sizes=(500, 1000, 2000, 4000),
    ),
    Work(
        name="sweep.moving_averages.one_thread",
        title=f"{_TITLE}: the same on one thread",
        unit="bar",
        prepare=_one_thread,
    ),
)

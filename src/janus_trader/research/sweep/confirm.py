"""The best trials once more through the venue's own matching engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from janus_trader.research.sweep.candidates import Values, typed
from janus_trader.research.sweep.engine import SweepEngine
from janus_trader.research.sweep.statistics import add_equity

#: Largest distance of two equities, as a fraction of the capital, that is rounding: less than one price
#: increment of one fill makes.
ROUNDING = 1e-10


def confirm(engine: SweepEngine, times: np.ndarray, rows: Sequence[Values]) -> list[dict[str, Any]]:
    """Back-test each point with nautilus_trader and compare the equity with the sweep's, bar by bar.

    Returns
    -------
    list of dict
        For each point the largest ``difference`` in currency, and whether it ``agrees``.
    """
    from janus_trader.trader.strategy_backtest import venue_backtest

    found, book = engine.candidates, engine.book
    out = []
    for values in rows:
        row = typed({n: np.array([float(v)]) for n, v in values.items()}, found.defaults)[0]
        strategy = found.define(row)
        total = np.zeros(book.length)
        for bars, at in zip(book.bars, book.rows, strict=True):
            result = venue_backtest(strategy, bars, book.settings, times=times[at])
            add_equity(total, np.ascontiguousarray(result.equity), at, book.settings.capital)
        difference = float(np.max(np.abs(total - engine.equity(values))))
        out.append({"difference": difference, "agrees": difference <= ROUNDING * book.capital})
    return out

"""What happened in each phase of a simulated market, in figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.simulation.scenarios.market import SimulatedMarket
from janus_trader.simulation.scenarios.phases import SESSION_MINUTES


def market_level(market: SimulatedMarket) -> np.ndarray:
    """Geometric equal-weight level of the instruments' last closes, 100 at the first: (T,)."""
    close = market.bars["close"].copy()
    last = np.maximum.accumulate(np.where(market.present, np.arange(len(market))[:, None], 0), axis=0)
    close = np.take_along_axis(close, last, axis=0)
    return 100.0 * np.exp(np.nanmean(np.log(close / close[0]), axis=1))


def phase_summaries(market: SimulatedMarket) -> list[dict[str, Any]]:
    """One row a phase: name, regime, start, end, bars, bars that traded, return and daily volatility of the
    market, mean spread in bps and volume over that of the first phase; None where nothing traded."""
    level = market_level(market)
    returns = np.diff(np.log(level), prepend=np.log(100.0))
    per_day = SESSION_MINUTES / market.bar_minutes
    traded = market.present.any(axis=1)
    usual = _mean_volume(market, market.phase == 0)
    rows = []
    for i, span in enumerate(market.spans):
        here = market.phase == i
        first, last = np.flatnonzero(here)[[0, -1]]
        before = level[first - 1] if first else 100.0
        volume = _mean_volume(market, here)
        silent = not (traded & here).any()
        rows.append(
            {
                "phase": span.name,
                "regime": span.regime.name.lower(),
                "start": _iso(span.start_ns),
                "end": _iso(span.end_ns),
                "bars": int(here.sum()),
                "traded": int((traded & here).sum()),
                "market_return": None if silent else float(level[last] / before - 1.0),
                "daily_volatility": None if silent else float(np.sqrt(np.mean(returns[here] ** 2) * per_day)),
                "spread_bps": None if silent else float(np.nanmean(market.bars["spread"][here])),
                "relative_volume": volume / usual if usual > 0.0 else None,
            }
        )
    return rows


def _mean_volume(market: SimulatedMarket, rows: np.ndarray) -> float:
    return float(market.bars["volume"][rows].mean())


def _iso(ts_ns: int) -> str:
    return str(np.datetime64(ts_ns, "ns").astype("datetime64[m]"))

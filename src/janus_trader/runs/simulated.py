"""A simulated market as the panel a run lives through: the same assembly as users' files, no labels in it."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.features import SourceSpec
from janus_trader.contracts.market import Field
from janus_trader.contracts.panel import MarketPanel
from janus_trader.data.assembly import InstrumentSeries, assemble
from janus_trader.simulation.scenarios import SESSION_MINUTES, SimulatedMarket

_FIELDS = frozenset({Field.CLOSE, Field.OPEN, Field.HIGH_LOW, Field.VOLUME})
_DAY_S, _MINUTE_S = 86_400.0, 60.0
_FEWEST = 2


def market_panel(market: SimulatedMarket) -> MarketPanel:
    """The bars as a `MarketPanel`; bars at which nobody traded are absent.

    Nothing of the truth goes in: the panel depends on times, bars and presence alone. O(T n).

    Raises
    ------
    DataError
        Fewer than two bars traded.
    """
    seconds = _DAY_S if market.bar_minutes == SESSION_MINUTES else _MINUTE_S * market.bar_minutes
    if np.count_nonzero(market.present.any(axis=1)) < _FEWEST:
        raise DataError(
            f"{market.name}: too few bars",
            got=int(market.present.any(axis=1).sum()),
            expected=f"{_FEWEST} or more",
            remedy="more days, or shorter bars",
        )
    series = [_series(market, i) for i in range(len(market.symbols))]
    traded = market.ts[market.present.any(axis=1)]
    sources = [
        SourceSpec(
            name=name, start_ns=int(traded[0]), end_ns=int(traded[-1]), availability_lag_ns=0, note=note
        )
        for name, note in (
            ("book", f"{market.name}: no real market"),
            ("market", "equal-weight book, cumulated from 100"),
            ("market_volume", "traded value of the book"),
        )
    ]
    return assemble(market.name, series, bar_seconds=seconds, sources=sources)


def _series(market: SimulatedMarket, column: int) -> InstrumentSeries:
    rows = np.flatnonzero(market.present[:, column])
    cells = market.bars[rows, column]
    prices = {name: cells[name].copy() for name in ("open", "high", "low", "close", "volume")}
    return InstrumentSeries(symbol=market.symbols[column], ts=market.ts[rows], fields=_FIELDS, **prices)

"""A whole history as arrays: what a data source delivers and a run lives through."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from janus_trader.contracts.features import FeatureSchema
from janus_trader.contracts.market import Field, Instrument

NS_PER_DAY = 86_400_000_000_000


@dataclass(frozen=True)
class Observations:
    """Values of one auxiliary source: ``value[i]`` may be used from ``available_ns[i]`` on.

    Both arrays have shape (m,); ``available_ns`` is sorted. NaN is not allowed.
    """

    source: str
    available_ns: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class MarketPanel:
    """Aligned bars of a book of ``n`` instruments over ``T`` bar times.

    Attributes
    ----------
    name : str
    instruments : tuple of Instrument
    ts : (T,) int64, close time of each bar, ns UTC, strictly increasing
    session : (T,) int64, number of the trading day, non-decreasing
    bars : (T, n) array of `BAR_DTYPE`; where absent, the last known bar is repeated flat
    present : (T, n) bool; False also before an instrument's first bar (its prices are NaN there)
    fields : what every instrument delivers
    bar_seconds : nominal length of a bar
    bars_per_year : float, measured from the data
    market : (T,) price level of the reference market series (index, or equal-weight of the book),
        NaN where unknown
    market_volume : (T,) volume of the reference market or NaN
    auxiliary : observations of other sources, each with its availability lag already applied
    schema : FeatureSchema
    external : (T, m, n) anonymous external signals known at ts; m may be 0
    quarantined : rows set aside, by reason
    survivorship_note : str, "" when the book is not survivor-selected as far as is known
    """

    name: str
    instruments: tuple[Instrument, ...]
    ts: np.ndarray
    session: np.ndarray
    bars: np.ndarray
    present: np.ndarray
    fields: frozenset[Field]
    bar_seconds: float
    bars_per_year: float
    market: np.ndarray
    market_volume: np.ndarray
    auxiliary: tuple[Observations, ...]
    schema: FeatureSchema
    external: np.ndarray
    quarantined: dict[str, int] = field(default_factory=dict)
    survivorship_note: str = ""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the instruments, in column order."""
        return tuple(i.symbol for i in self.instruments)

    @property
    def fills_at_open(self) -> bool:
        """Whether the next bar's open exists, so that orders fill there; else at its close."""
        return Field.OPEN in self.fields

    def __len__(self) -> int:
        return len(self.ts)

"""Aligning instruments: clean series of any calendars become one `MarketPanel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.features import SourceSpec
from janus_trader.contracts.market import BAR_DTYPE, Field, Instrument
from janus_trader.contracts.panel import NS_PER_DAY, MarketPanel, Observations
from janus_trader.data.panels import bar_of_session, common_fields, panel_returns, validate_panel
from janus_trader.data.schema import feature_schema

_FORTNIGHT_NS = 14 * NS_PER_DAY
_TRADING_DAYS, _CALENDAR_DAYS = 252.0, 365.0
_SATURDAY = 5
_DAY_S = 86_400.0
_INTRADAY_BELOW_S = 82_800.0  # 23 hours: the shortest daily bar across a change of clocks
_PRICE_DECIMALS, _FINE_PRICE_DECIMALS, _FINE_BELOW = 6, 9, 0.05


@dataclass(frozen=True)
class InstrumentSeries:
    """Clean bars of one instrument: (m,) arrays, ``ts`` (close time, ns UTC) strictly increasing.

    A close-only source repeats the close in all prices and has ``volume`` NaN.
    """

    symbol: str
    ts: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    fields: frozenset[Field]
    currency: str = "USD"

    @classmethod
    def of_closes(cls, symbol: str, ts: np.ndarray, close: np.ndarray) -> InstrumentSeries:
        """A close-only series."""
        nan = np.full(len(ts), np.nan)
        return cls(symbol, ts, close, close, close, close, nan, frozenset({Field.CLOSE}))


@dataclass(frozen=True)
class MarketSeries:
    """A reference market on the panel's own times: ``price`` and ``volume`` (T,), NaN where unknown."""

    price: np.ndarray
    volume: np.ndarray


def price_decimals(smallest: float) -> int:
    """Decimals of an instrument's prices: 6, or 9 where the smallest price is below 0.05.

    >>> price_decimals(0.264), price_decimals(0.0001)
    (6, 9)
    """
    return _FINE_PRICE_DECIMALS if smallest < _FINE_BELOW else _PRICE_DECIMALS


def bars_per_year(ts: np.ndarray, bar_seconds: float) -> float:
    """Bars a year, from the length of a bar and the calendar of the first fortnight.

    365 days a year where a bar ends on a Saturday within it, else 252; times the median number of bars a
    day for bars shorter than a day. Only the beginning is looked at, so that a longer file of the same
    market gives the same figure. O(number of bars in a fortnight).

    >>> bars_per_year(np.arange(30) * NS_PER_DAY + NS_PER_DAY // 2, 86_400.0)
    365.0
    """
    if len(ts) < 2:
        raise DataError("cannot measure the bar frequency", got=f"{len(ts)} bars", expected="2 or more")
    head = ts[: int(np.searchsorted(ts, ts[0] + _FORTNIGHT_NS))] - 1
    day = head // NS_PER_DAY
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    days = _CALENDAR_DAYS if (weekday == _SATURDAY).any() else _TRADING_DAYS
    if bar_seconds >= _INTRADAY_BELOW_S:
        return days
    counts = np.unique(day[weekday < _SATURDAY], return_counts=True)[1]
    return days * float(np.median(counts)) if len(counts) else days * _DAY_S / bar_seconds


def session_numbers(ts: np.ndarray, timezone: str | None) -> np.ndarray:
    """Number of the local calendar day in which each bar ends (a bar that ends at midnight belongs
    to the day before); UTC where no zone is given."""
    if timezone is None:
        day = (ts - 1) // NS_PER_DAY
    else:
        import pandas as pd

        local = pd.DatetimeIndex(ts - 1, tz="UTC").tz_convert(timezone).tz_localize(None)
        day = local.to_numpy("datetime64[D]").astype(np.int64)
    return np.unique(day, return_inverse=True)[1].astype(np.int64)


def _place(series: InstrumentSeries, ts: np.ndarray, bars: np.ndarray, present: np.ndarray) -> None:
    """Write one instrument's column; an absent bar repeats the last close flat with no volume."""
    rows = np.searchsorted(ts, series.ts)
    present[rows] = True
    for name in ("open", "high", "low", "close", "volume"):
        bars[name] = np.nan
        bars[name][rows] = getattr(series, name)
    last = np.maximum.accumulate(np.where(present, np.arange(len(ts)), -1))
    stale = ~present & (last >= 0)
    known = bars["close"][last[stale]]
    for name in ("open", "high", "low", "close"):
        bars[name][stale] = known
    if Field.VOLUME in series.fields:
        bars["volume"][stale] = 0.0


def _equal_weight(panel_close: np.ndarray, present: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """Level of the equal-weight portfolio of whoever has a return, starting at 100."""
    has_return = present.copy()
    has_return[0] = False
    has_return[1:] &= np.isfinite(panel_close[:-1])
    count = has_return.sum(axis=1)
    mean = np.divide((returns * has_return).sum(axis=1), count, out=np.zeros(len(count)), where=count > 0)
    return 100.0 * np.cumprod(1.0 + np.maximum(mean, -0.999999))


def _traded_value(bars: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Traded value over the book per bar, NaN where nothing is known."""
    value = np.where(present, bars["close"] * bars["volume"], np.nan)
    known = np.isfinite(value)
    return np.where(known.any(axis=1), np.where(known, value, 0.0).sum(axis=1), np.nan)


def _instrument(series: InstrumentSeries, bar_seconds: float) -> Instrument:
    intraday = {Field.INTRADAY} if bar_seconds < _INTRADAY_BELOW_S else set()
    return Instrument(
        symbol=series.symbol,
        currency=series.currency,
        price_decimals=price_decimals(float(series.low.min())),
        fields=series.fields | intraday,
    )


def assemble(
    name: str,
    series: Sequence[InstrumentSeries],
    *,
    bar_seconds: float,
    sources: Sequence[SourceSpec],
    timezone: str | None = None,
    session: np.ndarray | None = None,
    market: MarketSeries | None = None,
    auxiliary: Sequence[Observations] = (),
    quarantined: dict[str, int] | None = None,
    survivorship_note: str = "",
) -> MarketPanel:
    """Align clean series on the union of their times.

    Without a reference market its level is the equal-weight book, cumulated from 100, and its
    volume the book's traded value where every instrument has volume. O(T n).

    Raises
    ------
    DataError
        No series, or the result breaks the contract of a panel.
    """
    if not series:
        raise DataError(f"{name}: no instrument", expected="at least one series")
    ts = np.unique(np.concatenate([s.ts for s in series])).astype(np.int64)
    bars = np.zeros((len(ts), len(series)), BAR_DTYPE)
    present = np.zeros(bars.shape, bool)
    for column, one in enumerate(series):
        _place(one, ts, bars[:, column], present[:, column])
    session = session_numbers(ts, timezone) if session is None else session.astype(np.int64)
    bars["session"] = session[:, None]
    bars["bar_of_session"] = bar_of_session(session)[:, None]
    instruments = tuple(_instrument(s, bar_seconds) for s in series)
    nothing = np.full(len(ts), np.nan)
    panel = MarketPanel(
        name=name,
        instruments=instruments,
        ts=ts,
        session=session,
        bars=bars,
        present=present,
        fields=common_fields([i.fields for i in instruments]),
        bar_seconds=float(bar_seconds),
        bars_per_year=bars_per_year(ts, float(bar_seconds)),
        market=nothing if market is None else market.price,
        market_volume=nothing if market is None else market.volume,
        auxiliary=tuple(auxiliary),
        schema=feature_schema(sources),
        external=np.zeros((len(ts), 0, len(series))),
        quarantined=dict(quarantined or {}),
        survivorship_note=survivorship_note,
    )
    return validate_panel(panel if market is not None else _with_own_market(panel))


def _with_own_market(panel: MarketPanel) -> MarketPanel:
    level = _equal_weight(panel.bars["close"], panel.present, panel_returns(panel))
    volume = panel.market_volume
    if Field.VOLUME in panel.fields:
        volume = _traded_value(panel.bars, panel.present)
    return replace(panel, market=level, market_volume=volume)

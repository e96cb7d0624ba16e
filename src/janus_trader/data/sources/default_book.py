"""The default book: twenty US stocks, 1990 to 2022, from files that ship with the dependencies.

Prices come from skfolio's data set (adjusted closes only, so the book is close-only), the market
from its S&P 500 index, market volume, VIX and the Aaa/Baa yields from arch's data sets. A bar closes
at 16:00 in New York; days with an early close are stamped 16:00 too. Each auxiliary source is usable
only from its availability on, and its features are absent outside its span. No source of the yield
curve is packaged, so its slope is never present. Prices that stood still for weeks (one stock in its
first year) are set aside as stale: the instrument is absent there, as nobody could trade it.
"""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.features import SourceSpec
from janus_trader.contracts.panel import NS_PER_DAY, MarketPanel, Observations
from janus_trader.data.assembly import InstrumentSeries, MarketSeries, assemble
from janus_trader.data.cleaning import QualityConfig, without_stale
from janus_trader.data.schema import CREDIT_SPREAD, VIX
from janus_trader.data.sources.packaged import PackagedTable, local_times_ns, read_packaged

NAME = "default-book"
TIMEZONE = "America/New_York"
CLOSE_HOUR = 16
#: VIX settles a quarter of an hour after the close, so a bar's own VIX is known at the next bar.
VIX_LAG_NS = 15 * 60 * 1_000_000_000
#: A monthly average is stamped at the first of its month: at most 31 days until it is complete and
#: 5 days until it is published (H.15 publishes it on one of the first business days).
CREDIT_LAG_NS = (31 + 5) * NS_PER_DAY
SURVIVORSHIP_NOTE = (
    "The twenty stocks were chosen from companies that still were large in 2022: every result on this "
    "book is flattered by survivorship, most of all that of simply holding it."
)


def _observations(source: str, stamped_ns: np.ndarray, value: np.ndarray, lag_ns: int) -> Observations:
    known = np.isfinite(value)
    return Observations(source, (stamped_ns + lag_ns)[known], value[known])


def _on_days(day: np.ndarray, table: PackagedTable, column: str) -> np.ndarray:
    """The column on the given days, NaN on days the table lacks."""
    out = np.full(len(day), np.nan)
    _, here, there = np.intersect1d(day, table.day, assume_unique=True, return_indices=True)
    out[here] = table.columns[column][there]
    return out


def _spec(name: str, stamped_ns: np.ndarray, lag_ns: int, licence: str, note: str) -> SourceSpec:
    return SourceSpec(
        name=name,
        start_ns=int(stamped_ns[0]),
        end_ns=int(stamped_ns[-1]),
        availability_lag_ns=lag_ns,
        licence=licence,
        note=note,
    )


def _sources(
    stocks: np.ndarray, index: np.ndarray, volume: np.ndarray, vix: np.ndarray, month: np.ndarray
) -> tuple[SourceSpec, ...]:
    """Span (from the time stamps of each table), lag, licence and note of every source."""
    return (
        _spec("book", stocks, 0, "BSD-3-Clause", "skfolio sp500_dataset: adjusted closes"),
        _spec("market", index, 0, "BSD-3-Clause", "skfolio sp500_index: S&P 500 level"),
        _spec("market_volume", volume, 0, "NCSA", "arch sp500: composite volume"),
        _spec(VIX, vix, VIX_LAG_NS, "NCSA", "arch vix: settles 15 minutes after the close"),
        _spec(
            CREDIT_SPREAD,
            month,
            CREDIT_LAG_NS,
            "NCSA",
            "arch default: Moody's Baa less Aaa, monthly average stamped at the first of its month; the "
            "lag is the longest month plus 5 days until publication",
        ),
    )


def _close_ns(table: PackagedTable) -> np.ndarray:
    return local_times_ns(table.day, CLOSE_HOUR, TIMEZONE)


def load_default_book() -> MarketPanel:
    """The packaged book of twenty stocks with its market and auxiliary sources.

    Returns
    -------
    MarketPanel
        ``T = 8313`` daily bars, ``n = 20``, close-only, 1990-01-02 to 2022-12-28. About 0.2 s.

    Raises
    ------
    DataError
        skfolio or arch is not installed, or lacks a file; the message names it.

    Examples
    --------
    >>> panel = load_default_book()
    >>> len(panel), len(panel.instruments), panel.fills_at_open
    (8313, 20, False)
    """
    stocks = read_packaged("skfolio", "datasets/data/sp500_dataset.csv.gz")
    index = read_packaged("skfolio", "datasets/data/sp500_index.csv.gz")
    volume = read_packaged("arch", "data/sp500/sp500.csv.gz")
    vix = read_packaged("arch", "data/vix/vix.csv.gz")
    yields = read_packaged("arch", "data/default/default.csv.gz")
    _need(index, "SP500", volume, "Volume", vix, "vix", yields, "AAA", yields, "BAA")
    ts, vix_ns = _close_ns(stocks), _close_ns(vix)
    month_ns = local_times_ns(yields.day, 0, TIMEZONE)
    spread = (yields.columns["BAA"] - yields.columns["AAA"]) / 100.0
    config = QualityConfig()
    cleaned = [
        without_stale(InstrumentSeries.of_closes(symbol, ts, close), config)
        for symbol, close in stocks.columns.items()
    ]
    stale = sum(count for _, count in cleaned)
    return assemble(
        NAME,
        [series for series, _ in cleaned],
        bar_seconds=86_400.0,
        sources=_sources(ts, _close_ns(index), _close_ns(volume), vix_ns, month_ns),
        session=np.arange(len(ts)),
        market=MarketSeries(_on_days(stocks.day, index, "SP500"), _on_days(stocks.day, volume, "Volume")),
        auxiliary=(
            _observations(CREDIT_SPREAD, month_ns, spread, CREDIT_LAG_NS),
            _observations(VIX, vix_ns, vix.columns["vix"], VIX_LAG_NS),
        ),
        quarantined={"stale": stale} if stale else {},
        survivorship_note=SURVIVORSHIP_NOTE,
    )


def _need(*pairs: PackagedTable | str) -> None:
    for table, column in zip(pairs[::2], pairs[1::2], strict=True):
        if isinstance(table, PackagedTable) and column not in table.columns:
            raise DataError(
                "a packaged data set has changed",
                got=", ".join(table.columns),
                expected=f"a column {column}",
                remedy="install the versions of skfolio and arch that this release names",
            )

"""Users' files: CSV or Parquet bars of one minute to one day, of one or several instruments.

Layouts: one instrument a file (named by the file), a symbol column, or a wide table with a column of
closes per instrument. Prices are OHLC, closes only, adjusted closes beside raw OHLC (all prices are
then multiplied by ``adj_close / close`` and the volume divided by it, which keeps traded value), or
bid and ask (the bar is their mid). Prices are taken in the account's currency.

Nothing is dropped in silence: bad rows are set aside and counted by reason (`cleaning`), and every
assumption about time or prices stands in the note of the panel's source ``book``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.features import SourceSpec
from janus_trader.contracts.market import Field
from janus_trader.contracts.panel import MarketPanel
from janus_trader.data.assembly import InstrumentSeries, assemble
from janus_trader.data.cleaning import InstrumentQuality, QualityConfig, RawSeries, clean_series, merge_counts
from janus_trader.data.sources.columns import PRICES, QUOTES, Columns, find_columns
from janus_trader.data.sources.tables import RawTable, read_table
from janus_trader.data.sources.times import Times, bar_length, close_times, read_times

if TYPE_CHECKING:
    import pandas as pd

_FEWEST_BARS = 2
_LENGTH_RATIO = 1.5  # bars of one book differ in length by less than this
_NUMERIC_SHARE = 0.5
_SAMPLE = 1000
_MIXTURE_SHARE = 0.2
_NAMES_SHOWN = 3
_SURVIVORSHIP = "The files do not say how these instruments were chosen; survivorship is possible."


@dataclass(frozen=True)
class Reading:
    """Clean series of all files, what was found in them, and the assumptions made."""

    name: str
    series: tuple[InstrumentSeries, ...]
    quality: tuple[InstrumentQuality, ...]
    bar_seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Cells:
    """Price cells of some rows: (m,) arrays, ``text`` marks cells that hold text."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    text: np.ndarray
    crossed: np.ndarray


def _numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A column as floats (NaN where unreadable) and where it holds text that is no number."""
    import pandas as pd

    value = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    filled = column.notna().to_numpy() & ~np.isfinite(value)
    if filled.any() and not pd.api.types.is_numeric_dtype(column):
        stripped = column[filled].astype(str).str.replace(r"[$€£,\s]", "", regex=True)
        value[filled] = pd.to_numeric(stripped, errors="coerce").to_numpy(dtype=np.float64)
        blank = (stripped == "").to_numpy() | stripped.str.lower().isin(
            ("nan", "na", "null", "none")
        ).to_numpy()
        filled[filled] = ~np.isfinite(value[filled]) & ~blank
        return value, filled
    return value, np.zeros(len(column), bool)


def _numeric_columns(frame: pd.DataFrame) -> frozenset[str]:
    import pandas as pd

    head = frame.iloc[:_SAMPLE]
    share = {c: np.isfinite(_numbers(head[c])[0]).mean() for c in frame if not _is_time(head[c])}
    typed = {c for c in share if pd.api.types.is_numeric_dtype(frame[c])}
    return frozenset(typed | {c for c, s in share.items() if s > _NUMERIC_SHARE})


def _is_time(column: pd.Series) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_datetime64_any_dtype(column))


def _cells(frame: pd.DataFrame, columns: Columns) -> tuple[_Cells, str]:
    """The price cells of a long table, and how they were made."""
    read = {
        r: _numbers(frame[c])
        for r, c in columns.role.items()
        if r in (*PRICES, *QUOTES, "adj_close", "volume")
    }
    text = np.zeros(len(frame), bool)
    for _, is_text in read.values():
        text |= is_text
    volume = read["volume"][0] if "volume" in read else np.full(len(frame), np.nan)
    crossed = np.zeros(len(frame), bool)
    if "close" not in read:
        return _mid_cells(read, volume, text)
    close = read["close"][0]
    prices = [read[p][0] if columns.has_ohlc else close for p in PRICES]
    note = "OHLC" if columns.has_ohlc else "closes only"
    if "adj_close" in read and columns.get("adj_close") != columns.get("close"):
        with np.errstate(all="ignore"):
            factor = read["adj_close"][0] / close
            prices = [p * factor for p in prices]
            volume = volume / factor
        note += " multiplied by adj_close / close, volume divided by it"
    elif columns.get("adj_close") is not None:
        note = "adjusted closes only"
    return _Cells(prices[0], prices[1], prices[2], prices[3], volume, text, crossed), note


def _mid_cells(
    read: dict[str, tuple[np.ndarray, np.ndarray]], volume: np.ndarray, text: np.ndarray
) -> tuple[_Cells, str]:
    crossed = read["ask_close"][0] < read["bid_close"][0]
    if not all(q in read for q in QUOTES):
        mid = 0.5 * (read["bid_close"][0] + read["ask_close"][0])
        return _Cells(mid, mid, mid, mid, volume, text, crossed), "mid of bid and ask closes"
    crossed |= read["ask_open"][0] < read["bid_open"][0]
    o, h, low, c = (0.5 * (read[f"bid_{p}"][0] + read[f"ask_{p}"][0]) for p in PRICES)
    return _Cells(o, h, low, c, volume, text, crossed), "mid of bid and ask OHLC"


def _table_times(table: RawTable, columns: Columns) -> Times:
    frame = table.frame
    clock = columns.get("time_of_day")
    time = columns.role["time"]
    if clock is not None and not frame[clock].astype(str).str.match(r"^\s*\d{1,2}:?\d\d").mean() > 0.5:
        clock = None
    return read_times(frame[time], frame[clock] if clock is not None else None, table.stem)


def _groups(table: RawTable, columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    """Symbol and row numbers of each instrument of a long table; "" collects rows without a symbol."""
    import pandas as pd

    symbol = columns.get("symbol")
    if symbol is None:
        yield table.stem, np.arange(len(table.frame))
        return
    text = table.frame[symbol].astype("string").str.strip().fillna("")
    codes, names = pd.factorize(text, sort=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for j, name in enumerate(names):
        yield str(name), order[bounds[j] : bounds[j + 1]]


def _length_of(times: Times, groups: Sequence[tuple[str, np.ndarray]], where: str) -> float:
    """Bar length that all instruments of a table share."""
    lengths = {}
    for symbol, rows in groups:
        good = times.ns[rows][~times.bad[rows]]
        if len(np.unique(good)) > _FEWEST_BARS:
            lengths[symbol] = bar_length(good, where if len(groups) == 1 else f"{where}, {symbol}")
    if not lengths:
        return bar_length(times.ns[~times.bad], where)
    return _same_length(lengths)


def _same_length(lengths: Mapping[str, float]) -> float:
    shortest, longest = min(lengths, key=lambda s: lengths[s]), max(lengths, key=lambda s: lengths[s])
    if lengths[longest] > _LENGTH_RATIO * lengths[shortest]:
        raise DataError(
            "the instruments have bars of different length",
            got=f"{lengths[shortest]:g} s ({shortest}) and {lengths[longest]:g} s ({longest})",
            expected="one bar length for the whole book",
            remedy="load them in separate runs, or aggregate the shorter bars first",
        )
    return float(np.median(list(lengths.values())))


def _read_one(
    table: RawTable, timezone: str | None, bar_end: bool | None, declared: Mapping[str, str] | None
) -> tuple[list[RawSeries], float, list[str]]:
    """Raw series of one file, its bar length and the assumptions made."""
    frame = table.frame
    timed = frozenset(c for c in frame if _is_time(frame[c]))
    columns = find_columns(list(frame.columns), _numeric_columns(frame), timed, declared, table.stem)
    times = _table_times(table, columns)
    groups = list(_groups(table, columns))
    seconds = _length_of(times, groups, table.stem)
    ts, bad, notes = close_times(
        times, seconds, bar_end=bar_end, hint_start=columns.stamps_start, timezone=timezone
    )
    if columns.wide:
        series = [_wide_series(frame, c, ts, bad) for c in columns.wide]
        return series, seconds, [*notes, *columns.notes]
    cells, made = _cells(frame, columns)
    series, malformed = [], table.malformed
    for symbol, rows in groups:
        if symbol == "":
            malformed += len(rows)
            continue
        picked = {name: getattr(cells, name)[rows] for name in (*PRICES, "volume", "crossed")}
        series.append(
            RawSeries(symbol=symbol, ts=ts[rows], bad_time=bad[rows], not_a_number=cells.text[rows], **picked)
        )
    if series and malformed:
        first = series[0]
        series[0] = RawSeries(**{**vars(first), "malformed": malformed})
    return series, seconds, [*notes, made]


def _wide_series(frame: pd.DataFrame, column: str, ts: np.ndarray, bad: np.ndarray) -> RawSeries:
    """One column of closes; an empty cell of a wide table is an absent bar, not a bad row."""
    close, text = _numbers(frame[column])
    rows = np.flatnonzero(np.isfinite(close) | text | bad)
    close, nothing = close[rows], np.full(len(rows), np.nan)
    return RawSeries(
        column,
        ts[rows],
        close,
        close,
        close,
        close,
        nothing,
        bad[rows],
        text[rows],
        np.zeros(len(rows), bool),
    )


def _joined(parts: Sequence[RawSeries]) -> RawSeries:
    """Several files of the same instrument, one after another."""
    if len(parts) == 1:
        return parts[0]
    arrays = [n for n in vars(parts[0]) if n not in ("symbol", "malformed")]
    return RawSeries(
        symbol=parts[0].symbol,
        malformed=sum(p.malformed for p in parts),
        **{n: np.concatenate([getattr(p, n) for p in parts]) for n in arrays},
    )


def _refuse_mixture(found: InstrumentQuality) -> None:
    """Many different rows at one time are several series under one name, not errors to set aside."""
    conflicting = found.quarantined.get("conflicting_duplicate", 0)
    if conflicting > _MIXTURE_SHARE * found.rows:
        raise DataError(
            f"{found.symbol}: most times have several different rows",
            got=f"{conflicting} of {found.rows} rows repeat a time with other values",
            expected="one row for each time and instrument",
            remedy="name the column that tells the instruments apart: columns={'symbol': '...'}",
        )


def read_files(
    paths: str | Path | Sequence[str | Path],
    *,
    timezone: str | None = None,
    bar_end: bool | None = None,
    columns: Mapping[str, str] | None = None,
    config: QualityConfig | None = None,
) -> Reading:
    """Read and clean files; parameters and errors as in `load_files`."""
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    if not listed:
        raise DataError("no data file given", expected="at least one path")
    parts: dict[str, list[RawSeries]] = {}
    lengths: dict[str, float] = {}
    notes: list[str] = []
    for path in listed:
        table = read_table(path)
        series, lengths[table.stem], made = _read_one(table, timezone, bar_end, columns)
        notes += [f"{table.stem}: {note}" if len(listed) > 1 else note for note in made]
        for one in series:
            parts.setdefault(one.symbol, []).append(one)
    seconds = _same_length(lengths)
    cleaned = [clean_series(_joined(p), seconds, config or QualityConfig()) for p in parts.values()]
    quality = tuple(q for _, q in cleaned)
    for found in quality:
        _refuse_mixture(found)
    usable = tuple(s for s, _ in cleaned if s is not None and len(s.ts) >= _FEWEST_BARS)
    kept = {s.symbol for s in usable}
    if not usable:
        counts = merge_counts([q.quarantined for q in quality])
        raise DataError(
            "no usable rows",
            got=", ".join(f"{n} {reason}" for reason, n in counts.items()) or "no rows",
            expected="rows with a time and positive prices",
            remedy="`janus data check` lists what is wrong with the rows",
        )
    notes += [f"{q.symbol} left out: fewer than two usable rows" for q in quality if q.symbol not in kept]
    notes += [f"{q.symbol}: {q.unsorted} rows out of order were sorted" for q in quality if q.unsorted]
    notes += [f"{q.symbol}: {n} rows repaired ({r})" for q in quality for r, n in q.repaired.items()]
    stems = list(lengths)
    more = f"+{len(stems) - _NAMES_SHOWN} more" if len(stems) > _NAMES_SHOWN else ""
    return Reading("+".join(stems[:_NAMES_SHOWN]) + more, usable, quality, seconds, tuple(notes))


def load_files(
    paths: str | Path | Sequence[str | Path],
    *,
    timezone: str | None = None,
    bar_end: bool | None = None,
    columns: Mapping[str, str] | None = None,
    config: QualityConfig | None = None,
) -> MarketPanel:
    """Load bars from one or several files as one aligned panel.

    Parameters
    ----------
    paths : path or sequence of paths
        CSV (separator and decimal sign are detected; may be gzipped) or Parquet.
    timezone : str, optional
        IANA zone of stamps that carry none (assumed UTC), and of the trading day.
    bar_end : bool, optional
        Whether stamps mark the end of a bar. Without it the column's name decides (``open_time`` is a
        start), else a start is assumed, which can only delay data. Dates name the whole day.
    columns : mapping, optional
        Role to column, e.g. ``{"time": "when", "close": "px"}``; wins over detection. Roles: time,
        time_of_day, symbol, open, high, low, close, adj_close, volume, bid_open ... ask_close.
    config : QualityConfig, optional
        Thresholds of the row checks.

    Returns
    -------
    MarketPanel
        Instruments aligned on the union of their times; rows set aside are counted in
        ``quarantined``, assumptions stand in the note of the source ``book``.

    Raises
    ------
    DataError
        A file cannot be read, a needed column is missing, bars are shorter than a minute or longer
        than a day or of different lengths, or no usable row is left.
    """
    reading = read_files(paths, timezone=timezone, bar_end=bar_end, columns=columns, config=config)
    start = int(min(s.ts[0] for s in reading.series))
    end = int(max(s.ts[-1] for s in reading.series))

    def spec(name: str, note: str) -> SourceSpec:
        return SourceSpec(name=name, start_ns=start, end_ns=end, availability_lag_ns=0, note=note)

    sources = [
        spec("book", "; ".join(reading.notes)),
        spec("market", "equal-weight book, cumulated from 100"),
    ]
    if all(Field.VOLUME in s.fields for s in reading.series):
        sources.append(spec("market_volume", "traded value of the book"))
    return assemble(
        reading.name,
        reading.series,
        bar_seconds=reading.bar_seconds,
        sources=sources,
        timezone=timezone,
        quarantined=merge_counts([q.quarantined for q in reading.quality]),
        survivorship_note=_SURVIVORSHIP if len(reading.series) > 1 else "",
    )

"""Cleaning raw bars: what is wrong with a row, which rows are set aside and counted.

A row is judged by the first of these that applies:

=====================  ==============================================================================
reason                 the row
=====================  ==============================================================================
malformed_row          has more cells than the header
bad_time               has a time that cannot be read (or that a change of clocks makes ambiguous)
not_a_number           has text where a price belongs
nan_price              lacks a price, or it is infinite
non_positive_price     has a price of zero or less
high_below_low         has a high below its low
outside_range          opens or closes outside [low, high] by more than ``range_tolerance``
crossed_quote          has an ask below the bid at its open or close
duplicate              repeats the time of a row before it (conflicting_duplicate: with other values)
unconfirmed_jump       jumps by more than ``spike_scale`` robust deviations; the next bar decides
stale                  repeats price and range of ``stale_run`` rows before it, without any volume
=====================  ==============================================================================

No rule looks ahead: a bar that jumps far beyond what the bars before it did, and by more than markets fall in
a crash, is set aside until the next bar confirms or withdraws the new level, as a feed would have to treat it.
A range that misses its open or close by no more than the tolerance is widened, a negative volume made
unknown; both are counted as repairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.market import Field
from janus_trader.contracts.message import Message
from janus_trader.contracts.panel import NS_PER_DAY
from janus_trader.data.assembly import InstrumentSeries
from janus_trader.foundation.config import Config, Fraction

_WEEK_NS = 7 * NS_PER_DAY
_MAD_TO_SIGMA = 1.4826  # of a normal law
_LEAST_MOVES = 21  # moves that make a scale
_ENOUGH = 0.99  # share of bars that must be flat to call a source close-only
_VOLUME_SHARE = 0.5  # share of bars with volume to call it delivered


class QualityConfig(Config, frozen=True):
    """Thresholds of the checks."""

    spike_scale: Annotated[float, Meta(ge=5, description="robust deviations of a jump that has to wait")] = (
        25.0
    )
    spike_min: Annotated[float, Meta(ge=0, description="smallest |log return| of a jump")] = 0.4
    spike_window: Annotated[int, Meta(ge=5, description="bars before it that set the scale")] = 101
    stale_run: Annotated[int, Meta(ge=2)] = 20
    range_tolerance: Fraction = 0.05
    slot_share: Annotated[float, Meta(gt=0, le=1, description="weeks that make a slot usual")] = 0.8


def merge_counts(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    """Sum of several counts, sorted by reason.

    >>> merge_counts([{"b": 1}, {"a": 2, "b": 3}])
    {'a': 2, 'b': 4}
    """
    total: dict[str, int] = {}
    for one in counts:
        for reason, count in one.items():
            total[reason] = total.get(reason, 0) + count
    return dict(sorted(total.items()))


class InstrumentQuality(Message, frozen=True):
    """What was found in one instrument's rows. ``first`` and ``last`` are ISO times of clean bars."""

    symbol: str
    rows: int
    clean: int
    first: str
    last: str
    duplicates: int
    outliers: int
    crossed: int
    negative: int
    unsorted: int
    stale_runs: int
    missing_bars: int
    longest_gap_days: float
    quarantined: dict[str, int]
    repaired: dict[str, int]


@dataclass(frozen=True)
class RawSeries:
    """Rows of one instrument as read, in the order of the file; arrays are (m,).

    ``ts`` is the close time (ns UTC), ``bad_time`` and ``not_a_number`` mark unreadable cells,
    ``crossed`` an ask below the bid. ``malformed`` counts rows that could not be split into cells.
    """

    symbol: str
    ts: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    bad_time: np.ndarray
    not_a_number: np.ndarray
    crossed: np.ndarray
    malformed: int = 0


def _row_faults(raw: RawSeries, config: QualityConfig) -> dict[str, np.ndarray]:
    """Faults a row shows by itself, in order of precedence."""
    prices = np.stack([raw.open, raw.high, raw.low, raw.close])
    finite = np.isfinite(prices).all(axis=0)
    body_low, body_high = np.minimum(raw.open, raw.close), np.maximum(raw.open, raw.close)
    far = 1.0 + config.range_tolerance
    return {
        "bad_time": raw.bad_time,
        "not_a_number": raw.not_a_number,
        "nan_price": ~finite,
        "non_positive_price": finite & (prices <= 0.0).any(axis=0),
        "high_below_low": raw.high < raw.low,
        "outside_range": (raw.high * far < body_high) | (raw.low > body_low * far),
        "crossed_quote": raw.crossed,
    }


def jumps(close: np.ndarray, config: QualityConfig) -> np.ndarray:
    """Which closes have to wait for confirmation, (m,) -> (m,) bool.

    A close waits when ``|r_t| > max(spike_min, k s_t)`` with ``s_t`` 1.4826 times the median |r| of the
    ``spike_window`` moves before it (at least 21 of them), unless the close before it waited: then this
    one decides. A level that stays is taken from its second bar on, a spike that reverts never.
    Past data only; O(m log window).

    >>> calm = 100.0 + np.arange(40) % 2
    >>> jumps(np.concatenate([calm, [900.0], calm, [50.0, 50.0]]), QualityConfig()).nonzero()[0].tolist()
    [40, 81]
    """
    import pandas as pd

    out = np.zeros(len(close), bool)
    if len(close) < _LEAST_MOVES + 2:
        return out
    size = np.abs(np.diff(np.log(close)))
    past = pd.Series(size).rolling(config.spike_window, min_periods=_LEAST_MOVES).median().shift(1)
    bound = np.maximum(config.spike_min, config.spike_scale * _MAD_TO_SIGMA * past.to_numpy())
    for t in np.flatnonzero(size > bound) + 1:
        out[t] = not out[t - 1]
    return out


def run_lengths(same: np.ndarray) -> np.ndarray:
    """Length of the run of True ending at each place.

    >>> run_lengths(np.array([True, True, False, True]))
    array([1, 2, 0, 1])
    """
    position = np.arange(1, len(same) + 1)
    return position - np.maximum.accumulate(np.where(same, 0, position))


def repeats(series: RawSeries | InstrumentSeries, keep: np.ndarray) -> np.ndarray:
    """How many bars in a row each kept bar repeats, where no volume speaks for it: (m,) int."""
    same = np.ones(len(keep), bool)
    same[:1] = False
    for name in ("open", "high", "low", "close"):
        value = getattr(series, name)[keep]
        same[1:] &= value[1:] == value[:-1]
    return run_lengths(same & ~(series.volume[keep] > 0.0))


def missing_bars(ts: np.ndarray, bar_seconds: float, share: float) -> int:
    """Bars absent from the week's usual slots.

    A slot (time of the week) is usual if it is filled in at least ``share`` of the weeks between the
    first and the last bar; each usual slot of an inner week that is empty is a missing bar. Weekends
    and nights are no gaps, single holidays of daily data are (about nine a year). O(m log m).
    """
    bar_ns = int(bar_seconds * 1e9)
    weeks = int((ts[-1] - ts[0]) // _WEEK_NS)
    if weeks < 4:
        return int(np.maximum(np.diff(ts) // bar_ns - 1, 0).sum()) if bar_ns < NS_PER_DAY else 0
    offset = ts - ts[0]
    inner = offset < weeks * _WEEK_NS
    slot = np.unique(offset[inner] // bar_ns)
    per_week = _WEEK_NS // bar_ns
    count = np.bincount(slot % per_week, minlength=int(per_week))
    usual = count >= share * weeks
    return int((weeks - count[usual]).sum())


def clean_series(
    raw: RawSeries, bar_seconds: float, config: QualityConfig
) -> tuple[InstrumentSeries | None, InstrumentQuality]:
    """Set the bad rows of one instrument aside and count them by reason.

    Returns
    -------
    series : InstrumentSeries or None
        The clean bars in order of time; None when no row is left.
    quality : InstrumentQuality
    """
    quarantined: dict[str, int] = {"malformed_row": raw.malformed}
    good = np.ones(len(raw.ts), bool)
    for reason, fault in _row_faults(raw, config).items():
        quarantined[reason] = int((good & fault).sum())
        good &= ~fault
    keep = np.flatnonzero(good)
    unsorted = int((np.diff(raw.ts[keep]) < 0).sum())
    keep = keep[np.argsort(raw.ts[keep], kind="stable")]
    keep = _drop_duplicates(raw, keep, quarantined)
    if len(keep):
        waiting = jumps(raw.close[keep], config)
        quarantined["unconfirmed_jump"] = int(waiting.sum())
        keep = keep[~waiting]
    stale_runs = 0
    if len(keep):
        length = repeats(raw, keep)
        stale_runs = int((length == config.stale_run).sum())
        quarantined["stale"] = int((length >= config.stale_run).sum())
        keep = keep[length < config.stale_run]
    series, repaired = _build(raw, keep)
    return series, _quality(raw, series, bar_seconds, config, quarantined, repaired, unsorted, stale_runs)


def without_stale(series: InstrumentSeries, config: QualityConfig) -> tuple[InstrumentSeries, int]:
    """A clean series less its stale bars, and how many there were."""
    keep = repeats(series, np.arange(len(series.ts))) < config.stale_run
    arrays = {n: getattr(series, n)[keep] for n in ("ts", "open", "high", "low", "close", "volume")}
    return replace(series, **arrays), int((~keep).sum())


def _drop_duplicates(raw: RawSeries, keep: np.ndarray, quarantined: dict[str, int]) -> np.ndarray:
    first = np.ones(len(keep), bool)
    first[1:] = raw.ts[keep][1:] != raw.ts[keep][:-1]
    leader = keep[np.maximum.accumulate(np.where(first, np.arange(len(keep)), 0))] if len(keep) else keep
    equal = np.ones(len(keep), bool)
    for name in ("open", "high", "low", "close"):
        equal &= getattr(raw, name)[keep] == getattr(raw, name)[leader]
    quarantined["duplicate"] = int((~first & equal).sum())
    quarantined["conflicting_duplicate"] = int((~first & ~equal).sum())
    return keep[first]


def _build(raw: RawSeries, keep: np.ndarray) -> tuple[InstrumentSeries | None, dict[str, int]]:
    if len(keep) == 0:
        return None, {}
    o, h, low, c, v = (getattr(raw, name)[keep].copy() for name in ("open", "high", "low", "close", "volume"))
    narrow = (h < np.maximum(o, c)) | (low > np.minimum(o, c))
    negative = v < 0.0
    repaired = {"range_widened": int(narrow.sum()), "negative_volume": int(negative.sum())}
    h, low = np.maximum.reduce([h, o, c]), np.minimum.reduce([low, o, c])
    v[negative | ~np.isfinite(v)] = np.nan
    fields = {Field.CLOSE}
    if ((h == low) & (o == c)).mean() < _ENOUGH:
        fields |= {Field.OPEN, Field.HIGH_LOW}
    if (v > 0.0).mean() >= _VOLUME_SHARE:
        fields.add(Field.VOLUME)
    series = InstrumentSeries(raw.symbol, raw.ts[keep], o, h, low, c, v, frozenset(fields))
    return series, {k: n for k, n in repaired.items() if n}


def _quality(
    raw: RawSeries,
    series: InstrumentSeries | None,
    bar_seconds: float,
    config: QualityConfig,
    quarantined: dict[str, int],
    repaired: dict[str, int],
    unsorted: int,
    stale_runs: int,
) -> InstrumentQuality:
    ts = np.zeros(0, np.int64) if series is None else series.ts
    return InstrumentQuality(
        symbol=raw.symbol,
        rows=len(raw.ts) + raw.malformed,
        clean=len(ts),
        first=str(ts[0].astype("M8[ns]"))[:19] if len(ts) else "",
        last=str(ts[-1].astype("M8[ns]"))[:19] if len(ts) else "",
        duplicates=quarantined["duplicate"] + quarantined["conflicting_duplicate"],
        outliers=quarantined.get("unconfirmed_jump", 0),
        crossed=quarantined["crossed_quote"],
        negative=quarantined["non_positive_price"],
        unsorted=unsorted,
        stale_runs=stale_runs,
        missing_bars=missing_bars(ts, bar_seconds, config.slot_share) if len(ts) > 1 else 0,
        longest_gap_days=round(float(np.diff(ts).max()) / NS_PER_DAY, 3) if len(ts) > 1 else 0.0,
        quarantined={reason: count for reason, count in quarantined.items() if count},
        repaired=repaired,
    )

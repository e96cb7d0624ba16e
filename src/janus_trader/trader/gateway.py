"""What a venue or a file delivers becomes a contract bar here, or is refused with a reason."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.contracts.message import Message


class BarFault(StrEnum):
    """Why a bar was set aside."""

    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    HIGH_BELOW_LOW = "high_below_low"
    OUTSIDE_RANGE = "outside_range"
    NEGATIVE_VOLUME = "negative_volume"
    OUT_OF_ORDER = "out_of_order"


_FAULTS = (
    None,
    BarFault.NOT_FINITE,
    BarFault.NOT_POSITIVE,
    BarFault.HIGH_BELOW_LOW,
    BarFault.OUTSIDE_RANGE,
    BarFault.NEGATIVE_VOLUME,
)


class BarRefusal(Message, frozen=True):
    """One bar that did not enter. ``index`` is the instrument's column; ``detail`` is for the reader."""

    index: int
    ts_event: int
    reason: BarFault
    detail: str = ""


class Admission(Message, frozen=True):
    """What passed: ``bars`` (n,) of `BAR_DTYPE`, ``present`` (n,) bool, and what was refused.

    Where ``present`` is False the bar is the last admitted one repeated flat (NaN prices before the
    first), with the session numbers of this time.
    """

    bars: np.ndarray
    present: np.ndarray
    refusals: tuple[BarRefusal, ...]


@njit(cache=True)
def bar_faults(bars, present, faults):
    """Number of faulty bars; ``faults[i]`` is 0 where bar ``i`` is sound or absent. O(n)."""
    count = 0
    for i in range(bars.size):
        faults[i] = 0
        if not present[i]:
            continue
        bar = bars[i]
        o, h, lo, c = bar["open"], bar["high"], bar["low"], bar["close"]
        if not (np.isfinite(o) and np.isfinite(h) and np.isfinite(lo) and np.isfinite(c)):
            faults[i] = 1
        elif min(min(o, h), min(lo, c)) <= 0.0:
            faults[i] = 2
        elif h < lo:
            faults[i] = 3
        elif max(o, c) > h or min(o, c) < lo:
            faults[i] = 4
        elif bar["volume"] < 0.0 or np.isinf(bar["volume"]):
            faults[i] = 5
        if faults[i] != 0:
            count += 1
    return count


class BarGateway:
    """Admit the bars of one time after another.

    A bar is refused, as a value, when a price is NaN, infinite, zero or negative, when high < low,
    when open or close lie outside [low, high], or when the volume is negative or infinite (NaN means
    unknown and passes). A time not after the last one refuses every bar of it. A refused bar counts
    as absent. O(n) a call.

    Parameters
    ----------
    n : int
        Number of instruments, at least 1.

    Examples
    --------
    >>> gate = BarGateway(2)
    >>> bars = np.zeros(2, BAR_DTYPE)
    >>> for name in ("open", "high", "low", "close"):
    ...     bars[name] = 10.0
    >>> bars["low"][1] = float("nan")
    >>> admitted = gate.admit(1, bars, np.array([True, True]))
    >>> admitted.present.tolist(), admitted.refusals[0].reason.value
    ([True, False], 'not_finite')
    >>> gate.admit(1, bars, np.array([True, False])).refusals[0].reason.value
    'out_of_order'
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise DataError("a gateway needs at least one instrument", got=n, expected="n >= 1")
        self._last_ts: int | None = None
        self._last = np.zeros(n, BAR_DTYPE)
        for name in ("open", "high", "low", "close", "volume"):
            self._last[name] = np.nan
        self._faults = np.zeros(n, np.int64)

    def admit(self, ts: int, bars: np.ndarray, present: np.ndarray) -> Admission:
        """Check the bars of time ``ts`` (ns UTC); see the class.

        Raises
        ------
        DataError
            The arrays have the wrong shape or dtype (a broken adapter, not bad data).
        """
        n = self._last.size
        if bars.shape != (n,) or bars.dtype != BAR_DTYPE or present.shape != (n,):
            raise DataError(
                "bars do not fit the book", got=f"{bars.dtype} {bars.shape}", expected=f"BAR_DTYPE ({n},)"
            )
        if self._last_ts is not None and ts <= self._last_ts:
            detail = f"{ts} is not after {self._last_ts}"
            refused = [
                BarRefusal(index=int(i), ts_event=ts, reason=BarFault.OUT_OF_ORDER, detail=detail)
                for i in np.flatnonzero(present)
            ]
            return Admission(bars=self._last.copy(), present=np.zeros(n, bool), refusals=tuple(refused))
        self._last_ts = ts
        present = np.ascontiguousarray(present, dtype=np.bool_)
        refusals: tuple[BarRefusal, ...] = ()
        if bar_faults(bars, present, self._faults):
            refusals = tuple(self._refusal(int(i), ts, bars[i]) for i in np.flatnonzero(self._faults))
            present = present & (self._faults == 0)
        return Admission(bars=self._carry(bars, present), present=present, refusals=refusals)

    def _refusal(self, index: int, ts: int, bar: np.void) -> BarRefusal:
        reason = _FAULTS[self._faults[index]]
        assert reason is not None
        detail = ", ".join(f"{k}={bar[k]}" for k in ("open", "high", "low", "close", "volume"))
        return BarRefusal(index=index, ts_event=ts, reason=reason, detail=detail)

    def _carry(self, bars: np.ndarray, present: np.ndarray) -> np.ndarray:
        last = self._last
        last[present] = bars[present]
        out = last.copy()
        absent = ~present
        if absent.any():
            for name in ("open", "high", "low"):
                out[name][absent] = last["close"][absent]
            for name in ("session", "bar_of_session"):
                out[name] = bars[name]
        return out


def contract_bar(
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float = float("nan"),
    *,
    session: int = 0,
    bar_of_session: int = 0,
) -> np.ndarray:
    """One bar as an array of shape (1,) of `BAR_DTYPE`, unchecked: `BarGateway.admit` judges it.

    >>> float(contract_bar(1.0, 2.0, 0.5, 1.5)["close"][0])
    1.5
    """
    return np.array([(open_, high, low, close, volume, session, bar_of_session)], dtype=BAR_DTYPE)

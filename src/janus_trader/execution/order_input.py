"""What both back-test engines ask of the bars they are given."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE

_PRICES = ("open", "high", "low", "close")


def prepare_presence(shape: tuple[int, ...], present: np.ndarray | None) -> np.ndarray:
    """Where instruments have bars, (T, n); everywhere by default.

    Raises
    ------
    DataError
        It is not (T, n) of bool.
    """
    if present is None:
        return np.ones(shape, np.bool_)
    here = np.asarray(present)
    here = here.reshape(-1, 1) if here.ndim == 1 else here
    if here.dtype != np.bool_ or here.shape != shape:
        raise DataError(
            "presence does not fit the bars", got=f"{here.shape} {here.dtype}", expected=f"{shape} bool"
        )
    return np.ascontiguousarray(here)


def prepare_bars(
    bars: np.ndarray,
    settings: BacktestSettings,
    present: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> np.ndarray:
    """The bars (T, n) with prices on the tick, checked; the argument is not changed. Cost O(T n).

    Raises
    ------
    DataError
        See `janus_trader.research.backtest.backtest`.

    Examples
    --------
    >>> bars = np.zeros(2, BAR_DTYPE)
    >>> for name in ("open", "high", "low", "close"): bars[name] = (100.004, 101.006)
    >>> prepare_bars(bars, BacktestSettings(tick_size=0.01))["close"][:, 0].tolist()
    [100.0, 101.01]
    """
    bars = np.asarray(bars)
    if bars.dtype != BAR_DTYPE or bars.ndim not in (1, 2) or bars.size == 0:
        raise DataError(
            "bars cannot be back-tested",
            got=f"{bars.shape} of {bars.dtype}",
            expected="(T,) or (T, n) of BAR_DTYPE, not empty",
        )
    out = bars.reshape(len(bars), -1).copy()
    here = prepare_presence(out.shape, present)
    _check_prices(out, here, settings)
    if times is not None:
        _check_times(np.asarray(times), len(out))
    scale = float(settings.record()["price_scale"][0])
    for name in _PRICES:
        ticks = np.rint(out[name] / settings.tick_size)
        if (ticks[here] < 1.0).any():
            raise DataError(
                f"a price ({name}) is below one tick",
                got=float(out[name][here].min()),
                expected=f"at least {settings.tick_size}",
                remedy="set tick_size to the instrument's price increment",
            )
        out[name] = np.rint(ticks * settings.tick_size * scale) / scale
    return out


def _check_prices(bars: np.ndarray, here: np.ndarray, settings: BacktestSettings) -> None:
    for name in _PRICES:
        bad = here & ~(np.isfinite(bars[name]) & (bars[name] > 0.0))
        if bad.any():
            t, i = np.argwhere(bad)[0]
            raise DataError(
                f"bar {t} of instrument {i} has no usable {name}",
                got=float(bars[name][t, i]),
                expected="a finite price above 0",
                remedy="mark the bar as absent, or mend it",
            )
    low = np.minimum(bars["open"], bars["close"])
    high = np.maximum(bars["open"], bars["close"])
    bad = here & ((bars["low"] > low) | (bars["high"] < high))
    if bad.any():
        t, i = np.argwhere(bad)[0]
        raise DataError(
            f"bar {t} of instrument {i} contradicts itself",
            got=", ".join(f"{name} {bars[name][t, i]}" for name in _PRICES),
            expected="low <= open, close <= high",
            remedy="mend the bar",
        )
    if settings.max_volume_frac > 0.0 or settings.slippage == "volume_share":
        bad = here & ~(bars["volume"] >= 0.0)
        if bad.any():
            t, i = np.argwhere(bad)[0]
            raise DataError(
                f"bar {t} of instrument {i} has no volume",
                got=float(bars["volume"][t, i]),
                expected="a volume, because fills are limited or priced by it",
                remedy="set max_volume_frac=0 and another slippage",
            )


def _check_times(times: np.ndarray, count: int) -> None:
    if times.shape != (count,):
        raise DataError("times do not fit the bars", got=times.shape, expected=f"({count},)")
    bad = np.flatnonzero(np.diff(times) <= 0)
    if bad.size:
        t = int(bad[0]) + 1
        raise DataError(
            f"time {t} does not lie after the one before",
            got=f"{times[t - 1]}, {times[t]}",
            expected="increasing times",
            remedy="sort the bars and drop repeated ones",
        )

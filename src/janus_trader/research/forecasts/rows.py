"""Labelled rows: a window of what was known, and the return that came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.panel import MarketPanel

#: Channels of the window: return over its volatility, size of the same, log of fast over slow volatility.
CHANNELS = ("return", "size", "volatility_ratio")
FAST_DECAY, SLOW_DECAY = 0.94, 0.985
CLIP = 6.0


@dataclass(frozen=True)
class ForecastRows:
    """``x`` (N, W, 3) float32, ``y`` (N,) the coming return over ``sigma`` (N,), the volatility known when the
    forecast is made; ``starts`` and ``ends`` (N,) the bars of both; ``symbol`` (N,) its number. In order of time."""

    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    symbol: np.ndarray


@njit(cache=True)
def _channels(returns, fast_decay, slow_decay, clip, out, sigma):
    """Channels (T, 3) and volatility (T,) of one series of returns, each from returns up to its own bar."""
    fast, slow = 0.0, 0.0
    for t in range(returns.size):
        r = returns[t]
        if t == 0:
            fast, slow = r * r, r * r
        before = np.sqrt(fast)
        out[t, 0] = min(max(r / before, -clip), clip) if before > 0.0 else 0.0
        out[t, 1] = abs(out[t, 0])
        fast = fast_decay * fast + (1.0 - fast_decay) * r * r
        slow = slow_decay * slow + (1.0 - slow_decay) * r * r
        out[t, 2] = 0.5 * np.log(fast / slow) if fast > 0.0 and slow > 0.0 else 0.0
        sigma[t] = np.sqrt(fast)


def forecast_rows(panel: MarketPanel, window: int, warmup: int = 60) -> ForecastRows:
    """Rows of every instrument of a panel, in order of time.

    A row at an instrument's bar holds its last ``window`` bars; its label is the return to the instrument's
    next bar over the exponentially weighted volatility known at the row. O(T n W).

    Raises
    ------
    DataError
        No instrument has more than ``window + warmup`` bars.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    for i in range(len(panel.symbols)):
        bars = np.flatnonzero(panel.present[:, i])
        close = panel.bars["close"][bars, i]
        if len(close) < window + warmup + 2:
            continue
        returns = np.diff(np.log(close))
        channels, sigma = np.empty((len(returns), len(CHANNELS))), np.empty(len(returns))
        _channels(returns, FAST_DECAY, SLOW_DECAY, CLIP, channels, sigma)
        at = np.arange(max(window, warmup), len(returns) - 1)
        at = at[sigma[at] > 0.0]
        views = np.lib.stride_tricks.sliding_window_view(channels, window, axis=0)
        x = views[at - window + 1].transpose(0, 2, 1).astype(np.float32)
        y = np.clip(returns[at + 1] / sigma[at], -20.0, 20.0)
        parts.append((x, y, sigma[at], bars[at + 1], bars[at + 2], np.full(len(at), i)))
    if not parts:
        raise DataError(
            "too few bars to learn a forecast from",
            got=f"{len(panel)} bars of {len(panel.symbols)} instruments",
            expected=f"more than {window + warmup + 2} bars of one",
            remedy="a longer span or a shorter --window",
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[3], kind="stable")
    return ForecastRows(*(column[order] for column in columns))

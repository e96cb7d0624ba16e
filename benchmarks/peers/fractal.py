"""The usual numpy snippets for FRAMA, the Sevcik dimension and the Hurst exponent, one window at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer

TICKS = 600


def _rows(prices: np.ndarray, window: int, first: int, last: int) -> np.ndarray:
    lags, half = np.arange(2, 21), window // 2
    log_lags = np.log(lags)
    value, rows = prices[window - 1], []
    for t in range(window - 1, last):
        w = prices[t - window + 1 : t + 1]
        a, b = w[:half], w[half:]
        low, high = w.min(), w.max()
        ranges = (a.max() - a.min()) / half + (b.max() - b.min()) / half
        dimension = (np.log(ranges) - np.log((high - low) / window)) / np.log(2.0)
        alpha = min(max(np.exp(-4.6 * (dimension - 1.0)), 0.01), 1.0)
        value = alpha * w[-1] + (1.0 - alpha) * value
        unit = (w - low) / (high - low)
        length = np.sqrt(np.diff(unit) ** 2 + (1.0 / (window - 1)) ** 2).sum()
        sevcik = 1.0 + np.log(length) / np.log(2.0 * (window - 1))
        deviations = [np.std(w[lag:] - w[:-lag]) for lag in lags]
        rows.append((value, dimension, sevcik, np.polyfit(log_lags, np.log(deviations), 1)[0]))
    return np.array(rows)[first:]


def _batch(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    prices, window = inputs["prices"], inputs["window"]
    return lambda: _rows(prices, window, 0, window - 1 + TICKS)


def _batch_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    start = len(ours) - np.isfinite(ours[:, 0]).sum()
    return float(np.abs(ours[start : start + TICKS] - theirs).max())


def _last(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    prices, window = inputs["prices"], inputs["window"]
    return lambda: _rows(prices, window, -1, len(prices))[0]


PEERS: tuple[Peer, ...] = (
    Peer(
        "fractal.bundle.kernel",
        "numpy snippets",
        "numpy",
        _batch,
        agreement=_batch_difference,
        items=TICKS,
        settings="one window at a time; 600 ticks",
    ),
    Peer(
        "fractal.bundle.py",
        "numpy snippets",
        "numpy",
        _last,
        agreement=lambda ours, theirs: float(np.abs(ours - theirs).max()),
        settings="one window at a time; its time is divided by all ticks, 63 of which only fill the window",
    ),
)

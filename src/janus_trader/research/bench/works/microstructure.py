"""VPIN over five million trades, streaming and in one pass, and the kernels of single trades and quotes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

TRADES, WINDOW, SIGMA_WINDOW = 5_000_000, 50, 50
TRADES_IN_BUCKET = 500


def _trades(n: int) -> tuple[np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(0)
    price = 100.0 + np.cumsum(rng.normal(0.0, 0.005, n)).round(2)
    # Whole quarters: their sums are exact, so that every implementation cuts at the same trade.
    volume = np.ceil(4.0 * rng.lognormal(0.0, 1.0, n)) / 4.0
    return price, volume, float(np.round(volume.mean() * TRADES_IN_BUCKET))


def _reading(*arrays: np.ndarray) -> Callable[[], Any]:
    """Bare reading of the same memory, four sums at a time."""
    from numba import njit

    @njit(cache=False)
    def read(x: Any) -> float:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for i in range(0, x.size - 3, 4):
            a += x[i]
            b += x[i + 1]
            c += x[i + 2]
            d += x[i + 3]
        return a + b + c + d

    return lambda: sum(read(a) for a in arrays)


def _bulk(n: int) -> Case:
    from janus_trader.numerics.bulk_vpin import BulkVPIN

    price, volume, size = _trades(n)
    kernel = BulkVPIN(size, WINDOW, sigma_window=SIGMA_WINDOW)
    inputs = {
        "price": price,
        "volume": volume,
        "bucket_volume": size,
        "window": WINDOW,
        "sigma_window": SIGMA_WINDOW,
    }
    return Case(lambda: kernel.buckets(price, volume).vpin, n, inputs, _reading(price, volume))


def _aggressor(n: int) -> Case:
    from janus_trader.numerics.vpin import AggressorVPIN

    _, volume, size = _trades(n)
    flow = volume * np.random.default_rng(1).choice([-1.0, 1.0], n)
    kernel = AggressorVPIN(size, WINDOW)
    inputs = {"flow": flow, "bucket_volume": size, "window": WINDOW}
    return Case(lambda: kernel.buckets(flow).vpin, n, inputs, _reading(flow))


def _trade_by_trade() -> Case:
    from janus_trader.numerics.bulk_vpin import BulkVPIN

    price, volume, size = _trades(20_000)
    rows = np.column_stack((price, volume))
    kernel = BulkVPIN(size, WINDOW, sigma_window=SIGMA_WINDOW)

    def ours() -> None:
        update = kernel.update
        for row in rows:
            update(row)

    return Case(ours, len(rows))


WORKS: tuple[Work, ...] = (
    Work(
        name="microstructure.vpin.kernel",
        title="VPIN with bulk volume classification, 5 M trades, 500 to a bucket, n = 50, past sigma of 50",
        unit="trade",
        prepare=lambda: _bulk(TRADES),
        goal_ratio=6.0,
        goal_ns=2.0,
        growth=_bulk,
        sizes=(50_000, 500_000, TRADES),
    ),
    Work(
        name="microstructure.vpin_aggressor.kernel",
        title="VPIN with known aggressors, 5 M trades, 500 to a bucket split pro rata, n = 50",
        unit="trade",
        prepare=lambda: _aggressor(TRADES),
        goal_ns=2.0,
        growth=_aggressor,
        sizes=(50_000, 500_000, TRADES),
    ),
    Work(
        name="microstructure.vpin.py",
        title="VPIN with bulk volume classification, one Python call per trade",
        unit="trade",
        prepare=_trade_by_trade,
    ),
)

"""Fractal statistics of a price window, per tick."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

WINDOW = 64
_TITLE = "FRAMA, its dimension, Sevcik dimension and lagged Hurst exponent (lags 2 to 20), window 64"


def _prices(n: int) -> np.ndarray:
    return np.log(100.0) + np.cumsum(np.random.default_rng(0).normal(0.0, 1e-3, n))


def _kernel() -> Case:
    from janus_trader.numerics.fractal_bundle import FractalBundle

    prices, bundle = _prices(20_000), FractalBundle(WINDOW)
    return Case(
        ours=lambda: bundle.transform(prices),
        items=prices.size,
        inputs={"prices": prices, "window": WINDOW},
    )


def _python() -> Case:
    from janus_trader.numerics.fractal_bundle import FractalBundle

    prices, bundle = _prices(2_000), FractalBundle(WINDOW)
    ticks = prices.tolist()

    def ours() -> np.ndarray:
        bundle.reset()
        update = bundle.update
        for x in ticks:
            row = update(x)
        return row

    return Case(ours=ours, items=len(ticks), inputs={"prices": prices, "window": WINDOW})


WORKS: tuple[Work, ...] = (
    Work("fractal.bundle.kernel", f"{_TITLE}, 20,000 ticks inside numba", "tick", _kernel, goal_ns=150.0),
    Work("fractal.bundle.py", f"{_TITLE}, one Python call a tick", "tick", _python, goal_ns=500.0),
)

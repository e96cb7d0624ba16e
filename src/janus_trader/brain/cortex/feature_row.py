"""The features the cortex reads, as one row of numbers with NaN for what is absent."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numba import njit

#: The ten features of the schemas (specification section 8.1), in the order of every schema array.
SCHEMA_FEATURES: tuple[str, ...] = (
    "trailing_return",
    "realised_vol",
    "average_correlation",
    "max_drawdown",
    "vol_rate_of_change",
    "momentum",
    "mean_reversion",
    "credit_spread",
    "yield_curve_slope",
    "relative_volume",
)
N_SCHEMA_FEATURES = len(SCHEMA_FEATURES)

#: The row: schema features first, then what the other voters read. The last entry is not delivered but
#: computed here: the market return over its own slow volatility.
FEATURES: tuple[str, ...] = (
    *SCHEMA_FEATURES,
    "variance_ratio",
    "hurst",
    "tail_index",
    "market_return",
    "return_z",
)
ROW = len(FEATURES)
COLUMN: dict[str, int] = {name: i for i, name in enumerate(FEATURES)}

#: Typical centre and spread of each schema feature. They only make features comparable with each
#: other (cosines, prototypes of open intervals) and never decide a regime by themselves.
CENTRE = np.array([0.005, 0.16, 0.3, 0.05, 0.0, 0.1, 0.0, 0.01, 0.01, 1.0])
SPREAD = np.array([0.03, 0.10, 0.25, 0.06, 0.1, 0.4, 0.4, 0.01, 0.01, 0.5])

#: Values beyond this size carry no more information and could overflow a square.
LIMIT = 1e4


def fill_row(values: Mapping[str, float], row: np.ndarray) -> np.ndarray:
    """Write the delivered features into ``row`` (15,): NaN where absent or not finite, clipped at 1e4.

    >>> row = fill_row({"momentum": 0.5, "hurst": float("inf")}, np.zeros(ROW))
    >>> float(row[COLUMN["momentum"]]), bool(np.isnan(row[COLUMN["hurst"]]))
    (0.5, True)
    """
    row[:] = delivered(values)
    clean_row(row)
    return row


def delivered(values: Mapping[str, float]) -> list[float]:
    """The features of a row as they were delivered, NaN where absent."""
    read, nan = values.get, math.nan
    return [read(name, nan) for name in FEATURES]


@njit(cache=True)
def clean_row(row: np.ndarray) -> None:
    """Clip a delivered row at 1e4, in place; what is not finite, and the computed entry, become NaN."""
    for i in range(row.shape[0]):
        row[i] = min(max(row[i], -LIMIT), LIMIT) if np.isfinite(row[i]) else np.nan
    row[-1] = np.nan


@njit(cache=True)
def fall_off(value: float, low: float, high: float, reach: float) -> float:
    """Membership of a value in an interval, in [0, 1].

    1 inside; outside it falls linearly to 0 over ``reach``, and at once where the reach is 0.
    """
    if low <= value <= high:
        return 1.0
    if reach <= 0.0:
        return 0.0
    gap = low - value if value < low else value - high
    return max(0.0, 1.0 - gap / reach)


@njit(cache=True)
def softmax_into(logits: np.ndarray, out: np.ndarray) -> None:
    """Write the softmax of ``logits`` into ``out``."""
    top = logits[0]
    for k in range(1, logits.shape[0]):
        top = max(top, logits[k])
    total = 0.0
    for k in range(logits.shape[0]):
        out[k] = np.exp(logits[k] - top)
        total += out[k]
    for k in range(logits.shape[0]):
        out[k] /= total

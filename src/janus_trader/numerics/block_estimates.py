"""Estimates with intervals for dependent rows: a statistic, and what block resamples make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.stationary_bootstrap import (
    optimal_block_length,
    stationary_bootstrap_means,
    stationary_indices,
)

_LEAST_ROWS = 32
_COLUMNS_FOR_BLOCKS = 4
_LARGEST_BLOCK = 0.2  # of the rows: fewer than five blocks say nothing about their spread
_TAILS = (0.025, 0.975)


class Estimate(NamedTuple):
    """``value`` (k,) with the ends ``low`` and ``high`` of 95 % intervals; NaN where undefined."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def mean_block_length(rows: np.ndarray, at_least: float = 1.0) -> float:
    """Mean block of a stationary bootstrap of ``rows`` (T, K): the longest that its first columns ask for.

    Constant columns ask for nothing; never above a fifth of the rows. O(T^1.5).

    >>> mean_block_length(np.ones((100, 2)), at_least=7.0)
    7.0
    """
    wanted = [max(1.0, at_least)]
    for k in range(min(rows.shape[1], _COLUMNS_FOR_BLOCKS)):
        column = rows[:, k]
        if np.ptp(column) > 0.0:
            wanted.append(optimal_block_length(column).stationary)
    return max(1.0, min(max(wanted), _LARGEST_BLOCK * len(rows)))


def _interval(value: np.ndarray, replicates: np.ndarray) -> Estimate:
    """Percentiles of the replicates (B, k); NaN where a tenth of them is undefined."""
    ends = np.full((2, value.size), np.nan)
    defined = np.isfinite(replicates)
    for k in np.flatnonzero(np.isfinite(value) & (defined.mean(axis=0) >= 0.9)):
        ends[:, k] = np.quantile(replicates[defined[:, k], k], _TAILS)
    return Estimate(value, *ends)


def _checked(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < _LEAST_ROWS or not np.isfinite(rows).all():
        raise DataError(
            "an estimate with an interval needs rows of numbers",
            got=f"shape {rows.shape}, {int(np.sum(~np.isfinite(rows)))} not finite",
            expected=f"at least {_LEAST_ROWS} rows of finite numbers",
        )
    return rows


def estimate_from_means(
    rows: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    generator: np.random.Generator,
    *,
    n_samples: int = 400,
    mean_block: float | None = None,
    at_least: float = 1.0,
) -> Estimate:
    r"""Estimate a function of column means, :math:`\hat\theta = f(\bar x)`, with a percentile interval.

    What involves lags becomes a mean by putting the product into a column: resampling rows then keeps
    every pair together ("blocks of blocks"), and no pair spans the join of two blocks.

    Parameters
    ----------
    rows : (T, K) array
        T >= 32, finite.
    statistic : callable
        Maps means (..., K) to (..., k).
    generator : numpy Generator
        The only source of randomness.
    n_samples : int
        Resamples.
    mean_block : float, optional
        Mean block of the stationary bootstrap; default: `mean_block_length`, not below ``at_least``.

    Notes
    -----
    O(B T) for the draws, and `mean_block_length`.

    Raises
    ------
    DataError
        Too few rows, or numbers that are not finite.

    Examples
    --------
    >>> e = estimate_from_means(np.arange(64.0)[:, None] % 2, lambda m: m, np.random.default_rng(0), mean_block=1)
    >>> float(e.value[0]), bool(e.low[0] < 0.5 < e.high[0])
    (0.5, True)

    References
    ----------
    Künsch (1989), The jackknife and the bootstrap for general stationary observations, Annals of Statistics 17.
    """
    rows = _checked(rows)
    block = mean_block_length(rows, at_least) if mean_block is None else mean_block
    means = stationary_bootstrap_means(rows, n_samples, block, generator)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _interval(statistic(rows.mean(axis=0)), statistic(means))


def estimate_by_resampling(
    x: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    generator: np.random.Generator,
    *,
    n_samples: int = 200,
    mean_block: float | None = None,
) -> Estimate:
    """Estimate an order statistic of a series (T,), which is no function of means: quantiles, tails.

    Parameters as in `estimate_from_means`; ``statistic`` maps (T,) to (k,). O(B T) and B statistics.

    Raises
    ------
    DataError
        Too few values, or values that are not finite.

    Examples
    --------
    >>> median = lambda x: np.array([np.median(x)])
    >>> e = estimate_by_resampling(np.arange(101.0), median, np.random.default_rng(0), mean_block=1)
    >>> float(e.value[0]), bool(e.low[0] < 50 < e.high[0])
    (50.0, True)
    """
    rows = _checked(np.asarray(x, dtype=np.float64)[:, None])
    block = mean_block_length(rows) if mean_block is None else mean_block
    series = rows[:, 0]
    replicates = [
        statistic(series[stationary_indices(generator.random((1, len(series))), block)[0]])
        for _ in range(n_samples)
    ]
    return _interval(statistic(series), np.array(replicates))

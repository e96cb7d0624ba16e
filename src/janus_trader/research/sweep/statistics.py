"""Figures of one trial from its equity, and the sums by block that cross-validation needs of it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

#: Columns of the figures of a trial, in the order in which `trial_figures` writes them.
FIGURES = (
    "sharpe",
    "total_return",
    "annual_return",
    "volatility",
    "max_drawdown",
    "calmar",
    "fills",
    "turnover",
    "costs",
    "time_in_market",
)
#: What the best may be chosen by, and whether more is better.
METRICS = {
    "sharpe": True,
    "total_return": True,
    "annual_return": True,
    "calmar": True,
    "max_drawdown": False,
    "volatility": False,
    "turnover": False,
    "costs": False,
}


def block_edges(periods: int, blocks: int) -> np.ndarray:
    """Ends of ``blocks`` parts of ``periods`` returns whose lengths differ by one at most.

    >>> block_edges(10, 4).tolist()
    [0, 3, 6, 8, 10]
    """
    sizes = np.full(blocks, periods // blocks)
    sizes[: periods % blocks] += 1
    return np.concatenate(([0], np.cumsum(sizes)))


@njit(cache=True, nogil=True)
def add_equity(total, equity, rows, capital) -> None:
    """Add an instrument's equity, known at ``rows`` of the book's times, carried forward between them.

    Before its first row an instrument holds its starting cash, ``capital``.
    """
    k = 0
    value = capital
    for t in range(total.shape[0]):
        while k < rows.shape[0] and rows[k] <= t:
            value = equity[k]
            k += 1
        total[t] += value


@njit(cache=True, nogil=True)
def trial_figures(equity, capital, bars_per_year, edges, returns, figures, sums, squares) -> float:
    """Write figures and block sums of one equity path (T,); returns the mean return.

    ``returns`` (T-1,) is scratch; ``sums`` and ``squares`` (blocks,) are of the returns less their mean.
    From the bar on at which equity is not above 0 returns count as 0, and the total return is -1. The
    Sharpe ratio is NaN where the returns have no dispersion. O(T).
    """
    periods = equity.shape[0] - 1
    mean, ruined = 0.0, False
    peak, worst = equity[0], 0.0
    for t in range(periods):
        ruined = ruined or not equity[t + 1] > 0.0
        returns[t] = 0.0 if ruined else equity[t + 1] / equity[t] - 1.0
        mean += returns[t]
        peak = max(peak, equity[t + 1])
        worst = max(worst, 1.0 - equity[t + 1] / peak)
    mean /= periods
    scatter, largest = 0.0, 0.0
    for b in range(edges.shape[0] - 1):
        total, square = 0.0, 0.0
        for t in range(edges[b], edges[b + 1]):
            y = returns[t] - mean
            total += y
            square += y * y
            largest = max(largest, abs(returns[t]))
        sums[b], squares[b] = total, square
        scatter += square
    deviation = math.sqrt(scatter / (periods - 1))
    deviation = deviation if deviation > 1e-14 * largest else 0.0
    end = equity[periods] / capital
    figures[0] = math.sqrt(bars_per_year) * mean / deviation if deviation > 0.0 else math.nan
    figures[1] = -1.0 if ruined else end - 1.0
    figures[2] = -1.0 if ruined else end ** (bars_per_year / periods) - 1.0
    figures[3] = math.sqrt(bars_per_year) * deviation
    figures[4] = min(worst, 1.0)
    figures[5] = figures[2] / figures[4] if worst > 0.0 else math.nan
    return mean

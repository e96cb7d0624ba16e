r"""Paired differences of two configurations on the same days and seeds, and how far chance explains them.

For seed s and a set of days, a life has five figures m: net Sharpe ratio, maximum drawdown, costs a year,
return a year and turnover a year. The difference is taken so that **positive means that having the
mechanism helps**,

.. math:: d = \frac1S \sum_s \sigma_m\,\big( m(\text{with}, s) - m(\text{without}, s) \big),
          \qquad \sigma_m = +1 \text{ (Sharpe, return)},\ -1 \text{ (drawdown, costs, turnover)}

and its law is that of resamples in which *the same* days, drawn by the stationary bootstrap, are taken from
every life, crossed with seeds drawn with replacement (a bootstrap of both margins, which errs on the wide
side). Of S seeds S - 1 are drawn: the variance of their mean is then the unbiased one, where S draws would
make it (S - 1) / S of it, which for two or three seeds matters. How far S seeds can be trusted to show
their own variance is Satterthwaite's question: the resamples are spread by t over z, at his degrees of
freedom.

References
----------
Politis & Romano (1994), The stationary bootstrap, JASA 89; Owen (2007), The pigeonhole bootstrap, Annals of
Applied Statistics 1; Satterthwaite (1946), An approximate distribution of estimates of variance components;
Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy.special import ndtri, stdtrit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.stationary_bootstrap import (
    checked_bootstrap,
    optimal_block_length,
    stationary_indices,
    uniform_chunks,
)
from janus_trader.research.ablation.lives import DailySeries

#: Figures in the order of every array here.
FIGURES = ("sharpe", "max_drawdown", "costs_bps", "annual_return", "turnover")
#: +1 where more is better.
ORIENTATION = np.array([1.0, -1.0, -1.0, 1.0, -1.0])
#: Shortest series that is judged.
FEWEST_DAYS = 60
SAMPLES = 2000
LEVEL = 0.95


@njit(cache=True)
def _figures(
    returns: np.ndarray, costs: np.ndarray, turnover: np.ndarray, rows: np.ndarray, cash: float,
    per_year: float, out: np.ndarray,
) -> None:  # fmt: skip
    n = rows.shape[0]
    total, cost, traded = 0.0, 0.0, 0.0
    level, peak, worst = 1.0, 1.0, 0.0
    for t in range(n):
        r = returns[rows[t]]
        total += r
        cost += costs[rows[t]]
        traded += turnover[rows[t]]
        level *= 1.0 + r
        peak = max(peak, level)
        worst = max(worst, 1.0 - level / peak)
    mean = total / n
    squares, largest = 0.0, 0.0
    for t in range(n):
        squares += (returns[rows[t]] - mean) ** 2
        largest = max(largest, abs(returns[rows[t]]))
    deviation = math.sqrt(squares / (n - 1))
    flat = deviation <= 1e-14 * largest or deviation == 0.0
    out[0] = 0.0 if flat else math.sqrt(per_year) * (mean - cash) / deviation
    out[1] = worst
    out[2] = 1e4 * per_year * cost / n
    out[3] = per_year * mean
    out[4] = per_year * traded / n


@njit(cache=True)
def _resampled(
    returns: np.ndarray, costs: np.ndarray, turnover: np.ndarray, rows: np.ndarray, cash: float,
    per_year: float,
) -> np.ndarray:  # fmt: skip
    """Figures of every series (K, T) over every resample (B, T): (B, K, 5)."""
    out = np.empty((rows.shape[0], returns.shape[0], 5))
    for b in range(rows.shape[0]):
        for k in range(returns.shape[0]):
            _figures(returns[k], costs[k], turnover[k], rows[b], cash, per_year, out[b, k])
    return out


def figures_of(series: DailySeries, cash_rate: float = 0.0) -> np.ndarray:
    """The five `FIGURES` of a life, (5,). A life without variance has a Sharpe ratio of 0 here. O(T).

    Return is the mean simple return times the days of a year; costs are bps of equity a year, turnover is
    traded value over equity a year.

    Raises
    ------
    DataError
        Fewer than two days, or a number that is not finite.
    """
    _checked([series])
    out = np.empty(5)
    per_year = series.days_per_year
    rows = np.arange(len(series))
    _figures(series.returns, series.costs, series.turnover, rows, cash_rate / per_year, per_year, out)
    return out


@dataclass(frozen=True)
class Difference:
    """One figure with and without: means over seeds, and their difference, positive when having it helps.

    ``p`` is two-sided, from the resamples: twice the share of them on the other side of 0.
    """

    with_it: float
    without: float
    gained: float
    low: float
    high: float
    p: float

    def to_dict(self) -> dict[str, Any]:
        """Plain mapping for JSON."""
        return {
            "with": self.with_it,
            "without": self.without,
            "gained": self.gained,
            "low": self.low,
            "high": self.high,
            "p": self.p,
        }


def block_length(with_it: Sequence[DailySeries], without: Sequence[DailySeries]) -> float:
    """Mean block of the bootstrap, in days: the longest that the mean differences of return, cost and
    turnover ask for (`optimal_block_length`), and at least the cube root of the days, for the clusters of
    volatility that the differences do not show."""
    days = len(with_it[0])
    lengths = [max(1.0, days ** (1.0 / 3.0))]
    for name in ("returns", "costs", "turnover"):
        x = np.mean(
            [getattr(a, name) - getattr(b, name) for a, b in zip(with_it, without, strict=True)], axis=0
        )
        if np.ptp(x) > 0.0 and days >= 16:
            lengths.append(optimal_block_length(x).stationary)
    return float(min(max(lengths), max(1.0, days / 4.0)))


def paired_differences(
    with_it: Sequence[DailySeries],
    without: Sequence[DailySeries],
    generator: np.random.Generator,
    *,
    cash_rate: float = 0.0,
    samples: int = SAMPLES,
) -> dict[str, Difference]:
    """Differences of the five figures with their 95 % intervals; see the module for what they mean.

    Parameters
    ----------
    with_it, without : sequence of DailySeries
        One a seed, in the same order, all over the same days.
    generator : numpy Generator
        The only source of chance.
    cash_rate : float
        A year's, taken off the returns of the Sharpe ratio.
    samples : int
        Resamples.

    Notes
    -----
    O(samples · seeds · T). The drawdown of a resample is that of days in another order: its interval is
    wider than, and not centred on, what the one path of history shows. Two equal configurations give 0, from
    0 to 0, with p = 1. With one seed the interval does not cover chance in learning.

    Raises
    ------
    DataError
        Other days or seeds on one side than on the other, too few days, or a number that is not finite.
    """
    _checked([*with_it, *without])
    seeds, days = len(with_it), len(with_it[0])
    if len(without) != seeds or any(not np.array_equal(s.ts, with_it[0].ts) for s in (*with_it, *without)):
        raise DataError(
            "differences are paired: the same seeds and days on both sides",
            got=f"{seeds} and {len(without)} seeds, {sorted({len(s) for s in (*with_it, *without)})} days",
        )
    per_year = with_it[0].days_per_year
    r, c, v = (
        np.stack([getattr(s, name) for s in (*with_it, *without)])
        for name in ("returns", "costs", "turnover")
    )
    cash = cash_rate / per_year
    block = block_length(with_it, without)
    checked_bootstrap(days, samples, block)
    told = _resampled(r, c, v, np.arange(days)[None], cash, per_year)[0]
    drawn = generator.integers(0, seeds, (samples, max(1, seeds - 1)))
    parts, at = [], 0
    for uniforms in uniform_chunks(samples, days, generator):
        figures = _resampled(r, c, v, stationary_indices(uniforms, block), cash, per_year)
        gaps = ORIENTATION * (figures[:, :seeds] - figures[:, seeds:])
        rows = drawn[at : at + len(gaps)]
        parts.append(np.take_along_axis(gaps, rows[:, :, None], axis=1).mean(axis=1))
        at += len(gaps)
    resampled = _spread(np.concatenate(parts), ORIENTATION * (told[:seeds] - told[seeds:]))
    mean_with, mean_without = told[:seeds].mean(axis=0), told[seeds:].mean(axis=0)
    gained = (ORIENTATION * (told[:seeds] - told[seeds:])).mean(axis=0)
    low, high = np.quantile(resampled, (0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0), axis=0)
    return {
        name: Difference(
            float(mean_with[k]),
            float(mean_without[k]),
            float(gained[k]),
            float(low[k]),
            float(high[k]),
            two_sided(resampled[:, k]),
        )
        for k, name in enumerate(FIGURES)
    }


def _spread(resampled: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Resamples (B, 5) spread for the few seeds behind them; ``gaps`` (S, 5) are the seeds' differences."""
    seeds = len(gaps)
    if seeds == 1:
        return resampled
    total, own = resampled.var(axis=0), gaps.var(axis=0, ddof=1) / seeds
    own = np.minimum(own, total)
    freedom = np.where(own > 0.0, (seeds - 1) * (total / np.where(own > 0.0, own, 1.0)) ** 2, np.inf)
    level = 0.5 + LEVEL / 2.0
    factor = np.where(np.isfinite(freedom), stdtrit(np.minimum(freedom, 1e9), level), ndtri(level)) / ndtri(
        level
    )
    centre = resampled.mean(axis=0)
    return np.asarray(centre + factor * (resampled - centre))


def two_sided(resampled: np.ndarray) -> float:
    """Two-sided probability of a difference of no account, from resamples of it.

    >>> two_sided(np.zeros(9)), two_sided(np.arange(1.0, 100.0))
    (1.0, 0.02)
    """
    b = len(resampled)
    below, above = int((resampled <= 0.0).sum()), int((resampled >= 0.0).sum())
    return min(1.0, 2.0 * (1 + min(below, above)) / (b + 1))


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities corrected for their number (Holm 1979): the error of any false finding is controlled.

    >>> [round(x, 3) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    out, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        out[int(i)] = largest
    return out


def _checked(series: Sequence[DailySeries]) -> None:
    for s in series:
        fine = len(s) >= 2 and all(
            np.isfinite(getattr(s, name)).all() for name in ("returns", "costs", "turnover")
        )
        if not fine:
            raise DataError(
                "a life cannot be judged",
                got=f"{len(s)} days",
                expected="two days or more of finite returns, costs and turnover",
                remedy="a longer span",
            )

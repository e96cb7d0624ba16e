"""Probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError

_MOST_BLOCKS = 24  # C(24, 12) = 2.7 million splits: 65 MB of results


class Overfitting(NamedTuple):
    """Result of `backtest_overfitting` over the C splits.

    Attributes
    ----------
    probability : float
        PBO, the share of splits with logit <= 0.
    probability_of_loss : float
        Share of splits in which the strategy selected in sample scores below 0 out of sample.
    slope, intercept : float
        Least-squares line of the out-of-sample on the in-sample score of the selected strategy; a
        negative slope is performance degradation. NaN where the in-sample score never varies.
    logits : (C,) array
        λ of every split.
    in_sample, out_of_sample : (C,) arrays
        Scores, per period, of the strategy selected in each split.
    selected : (C,) int array
        The column selected in each split.
    """

    probability: float
    probability_of_loss: float
    slope: float
    intercept: float
    logits: np.ndarray
    in_sample: np.ndarray
    out_of_sample: np.ndarray
    selected: np.ndarray


@njit(cache=True)
def _block_sums(x: np.ndarray, centre: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums and sums of squares of the centred returns, per block and strategy."""
    blocks, k = edges.shape[0] - 1, x.shape[1]
    total, square = np.zeros((blocks, k)), np.zeros((blocks, k))
    for b in range(blocks):
        for t in range(edges[b], edges[b + 1]):
            for j in range(k):
                y = x[t, j] - centre[j]
                total[b, j] += y
                square[b, j] += y * y
    return total, square


@njit(cache=True, error_model="numpy")  # no check for a zero divisor: the loop runs in vector registers
def _scores(
    n: int, total: np.ndarray, square: np.ndarray, centre: np.ndarray, ratio: bool, out: np.ndarray
) -> None:
    """Mean, or mean over deviation, of n returns; 0 where the dispersion is a rounding error."""
    share, freedom = 1.0 / n, 1.0 / (n - 1)
    if not ratio:
        for j in range(out.shape[0]):
            out[j] = centre[j] + total[j] * share
        return
    for j in range(out.shape[0]):
        mean = centre[j] + total[j] * share
        scatter = square[j] - total[j] * total[j] * share
        floor = max(1e-13 * square[j], 1e-26 * n * centre[j] * centre[j])
        out[j] = mean / math.sqrt(max(scatter, 0.0) * freedom) if scatter > floor else 0.0


@njit(cache=True)
def _rank(score: np.ndarray, best: int) -> float:
    """Rank of an entry, 1 the lowest; equal entries share the mean of their ranks."""
    below, equal = 0, 0
    for j in range(score.shape[0]):
        below += score[j] < score[best]
        equal += score[j] == score[best]
    return below + 0.5 * (equal + 1)


@njit(cache=True)
def _cscv(edges, total, square, centre, ratio, logits, inside, outside, selected):
    """Every choice of half the blocks, in lexicographic order.

    Partial sums are kept per depth of the choice, so that a new split costs only the blocks that changed.
    """
    blocks, k = total.shape
    half = blocks // 2
    sums, squares = np.zeros((half + 1, k)), np.zeros((half + 1, k))
    counts = np.zeros(half + 1, np.int64)
    whole, whole_square = total.sum(axis=0), square.sum(axis=0)
    rest, rest_square = np.empty(k), np.empty(k)
    choice, score, changed = np.arange(half), np.empty(k), 0
    for c in range(logits.shape[0]):
        for d in range(changed, half):
            b = choice[d]
            counts[d + 1] = counts[d] + edges[b + 1] - edges[b]
            for j in range(k):
                sums[d + 1, j] = sums[d, j] + total[b, j]
                squares[d + 1, j] = squares[d, j] + square[b, j]
        _scores(counts[half], sums[half], squares[half], centre, ratio, score)
        best = int(np.argmax(score))
        inside[c] = score[best]
        for j in range(k):
            rest[j] = whole[j] - sums[half, j]
            rest_square[j] = whole_square[j] - squares[half, j]
        _scores(edges[blocks] - counts[half], rest, rest_square, centre, ratio, score)
        rank = _rank(score, best)
        logits[c] = math.log(rank / (k + 1.0 - rank))
        outside[c], selected[c] = score[best], best
        changed = half - 1
        while changed > 0 and choice[changed] == blocks - half + changed:
            changed -= 1
        choice[changed] += 1
        for d in range(changed + 1, half):
            choice[d] = choice[d - 1] + 1


def backtest_overfitting(returns: np.ndarray, n_blocks: int = 16, metric: str = "sharpe") -> Overfitting:
    r"""Probability that the strategy that is best in sample is below the median out of sample.

    The T periods are cut into S blocks; each of the :math:`C(S, S/2)` halves of the blocks is once the
    training set and its complement the test set. With r the rank (1 worst) that the best strategy of the
    training set takes in the test set,

    .. math:: \omega_c = \frac{r_c}{N+1}, \qquad \lambda_c = \ln \frac{\omega_c}{1 - \omega_c}, \qquad
              \mathrm{PBO} = \tfrac1C \sum_c 1\{\lambda_c \le 0\}

    Parameters
    ----------
    returns : (T, N) array
        Returns per period of N >= 2 strategies over the same periods, finite.
    n_blocks : int
        S, even, in [2, 24], with T >= 2 S. Blocks differ by one row at most.
    metric : {"sharpe", "mean"}
        What a strategy is ranked by; a Sharpe ratio without dispersion counts as 0.

    Returns
    -------
    Overfitting
        Strategies of the same score share the mean of their ranks; the first of equal bests is selected.
        Pure noise gives about 0.5 on average, a strategy that is truly better about 0.

    Notes
    -----
    O(T N + C(S, S/2) N); memory O(C(S, S/2) + S N).

    Raises
    ------
    DataError
        Too few periods or strategies, or a return that is not finite.
    ConfigError
        ``n_blocks`` or ``metric`` out of range.

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(3).standard_normal((400, 10))
    >>> x[:, 4] += 0.005
    >>> out = backtest_overfitting(x, 8)
    >>> out.probability, len(out.logits)
    (0.0, 70)

    References
    ----------
    Bailey, Borwein, Lopez de Prado & Zhu (2017), The probability of backtest overfitting, Journal of
    Computational Finance 20.
    """
    if n_blocks % 2 or not 2 <= n_blocks <= _MOST_BLOCKS or metric not in ("sharpe", "mean"):
        raise ConfigError(
            "no such cross-validation",
            got=f"n_blocks={n_blocks}, metric={metric!r}",
            expected=f"an even n_blocks in [2, {_MOST_BLOCKS}] and metric sharpe or mean",
        )
    x = np.ascontiguousarray(returns, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or len(x) < 2 * n_blocks or not np.isfinite(x).all():
        raise DataError(
            "overfitting needs the returns of all strategies tried",
            got=f"shape {x.shape}, {int(np.isnan(x).sum())} NaN",
            expected=f"(T, N) finite returns with T >= {2 * n_blocks} and N >= 2",
            remedy="use fewer blocks, or fill periods without a position with 0",
        )
    sizes = np.full(n_blocks, len(x) // n_blocks)
    sizes[: len(x) % n_blocks] += 1
    edges = np.concatenate(([0], np.cumsum(sizes)))
    centre = x.mean(axis=0)
    total, square = _block_sums(x, centre, edges)
    return overfitting_of_blocks(edges, total, square, centre, metric)


def overfitting_of_blocks(
    edges: np.ndarray, total: np.ndarray, square: np.ndarray, centre: np.ndarray, metric: str = "sharpe"
) -> Overfitting:
    """`backtest_overfitting` from sums by block, for strategies too many to keep all returns of.

    Parameters
    ----------
    edges : (S + 1,) int array
        Ends of the blocks, from 0 to T, S even.
    total, square : (S, N) arrays
        Sum, and sum of squares, of the returns less their mean over all T periods.
    centre : (N,) array
        That mean.
    metric : {"sharpe", "mean"}

    Raises
    ------
    DataError
        Shapes that do not agree, or a sum that is not finite.

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(3).standard_normal((400, 10))
    >>> edges, y = np.arange(0, 401, 50), x - x.mean(axis=0)
    >>> sums = [np.add.reduceat(z, edges[:-1], axis=0) for z in (y, y * y)]
    >>> out = overfitting_of_blocks(edges, *sums, x.mean(axis=0))
    >>> out.probability == backtest_overfitting(x, 8).probability
    True
    """
    blocks, k = total.shape
    fits = edges.shape == (blocks + 1,) and square.shape == total.shape and centre.shape == (k,)
    if not fits or blocks % 2 or k < 2 or not (np.isfinite(total).all() and np.isfinite(square).all()):
        raise DataError(
            "sums by block do not agree",
            got=f"edges {edges.shape}, sums {total.shape}, squares {square.shape}, means {centre.shape}",
            expected="(S + 1,), (S, N), (S, N), (N,), finite, S even and N >= 2",
        )
    splits = math.comb(blocks, blocks // 2)
    logits, inside, outside = np.empty(splits), np.empty(splits), np.empty(splits)
    selected = np.empty(splits, np.int64)
    total, square = np.ascontiguousarray(total), np.ascontiguousarray(square)
    _cscv(edges, total, square, centre, metric == "sharpe", logits, inside, outside, selected)
    spread = inside - inside.mean()
    scatter = float(spread @ spread)
    slope = float(spread @ outside) / scatter if scatter > 0.0 else math.nan
    intercept = float(outside.mean() - slope * inside.mean())
    below, loss = float(np.mean(logits <= 0.0)), float(np.mean(outside < 0.0))
    return Overfitting(below, loss, slope, intercept, logits, inside, outside, selected)

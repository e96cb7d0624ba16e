"""Risk parity: every instrument contributes its budget of the book's risk."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.portfolio.cholesky import symmetric_times
from janus_trader.portfolio.covariance import checked_covariance


@njit(cache=True)
def _start(cov, budgets, x, y):  # type: ignore[no-untyped-def]
    """Weights of uncorrelated instruments, scaled to the variance that the optimum has."""
    total = 0.0
    for i in range(x.size):
        x[i] = math.sqrt(budgets[i] / cov[i, i])
    symmetric_times(cov, x, y)
    for i in range(x.size):
        total += x[i] * y[i]
    scale = 1.0 / math.sqrt(total) if total > 0.0 else 1.0
    x *= scale
    y *= scale


@njit(cache=True)
def _worst(x, y, budgets):  # type: ignore[no-untyped-def]
    worst = 0.0
    for i in range(x.size):
        worst = max(worst, abs(x[i] * y[i] / budgets[i] - 1.0))
    return worst


@njit(cache=True)
def _risk_parity(cov, budgets, tolerance, max_sweeps):  # type: ignore[no-untyped-def]
    """Minimise ½xᵀΣx − Σ b log(x) coordinate by coordinate; its optimum has x_i(Σx)_i = b_i."""
    n = cov.shape[0]
    x, y = np.empty(n), np.empty(n)
    _start(cov, budgets, x, y)
    worst = np.inf
    for sweep in range(max_sweeps):
        for i in range(n):
            row, variance = cov[i], cov[i, i]
            rest = y[i] - variance * x[i]
            root = math.sqrt(rest * rest + 4.0 * variance * budgets[i])
            # the form without cancellation: with a large rest the other one loses its digits
            new = 2.0 * budgets[i] / (root + rest) if rest > 0.0 else (root - rest) / (2.0 * variance)
            step = new - x[i]
            for j in range(n):
                y[j] += row[j] * step
            x[i] = new
        worst = _worst(x, y, budgets)
        if worst <= tolerance:  # y has gathered rounding: look again at the product itself
            symmetric_times(cov, x, y)
            worst = _worst(x, y, budgets)
            if worst <= tolerance:
                return x / x.sum(), sweep + 1, worst
    return x / x.sum(), max_sweeps, worst


def _checked_budgets(budgets: np.ndarray | None, n: int) -> np.ndarray:
    if budgets is None:
        return np.full(n, 1.0 / n)
    given = np.array(budgets, dtype=np.float64)
    if given.shape != (n,) or not np.isfinite(given).all() or not (given > 0.0).all():
        raise DataError(
            "unusable risk budgets",
            got=given,
            expected=f"({n},) finite and positive",
            remedy="leave out instruments that are to have no risk",
        )
    return given / given.sum()


def risk_parity(
    cov: np.ndarray,
    *,
    budgets: np.ndarray | None = None,
    tolerance: float = 1e-8,
    max_sweeps: int = 1000,
) -> np.ndarray:
    r"""Long-only weights whose risk contributions are in the proportions of the budgets.

    .. math:: w_i (\Sigma w)_i = b_i\, w^\top \Sigma w, \qquad \textstyle\sum_i b_i = 1

    Parameters
    ----------
    cov : (n, n)
        Positive semidefinite with positive variances. A singular matrix works unless a long-only
        combination has no risk at all (then such contributions do not exist).
    budgets : (n,), optional
        Positive shares of risk, scaled to sum to 1; equal when absent.
    tolerance : float
        Largest relative deviation of a contribution from its budget.
    max_sweeps : int
        Bound on sweeps; typically below 20 are needed.

    Returns
    -------
    (n,) array
        Positive weights that sum to 1.

    Notes
    -----
    Cyclical coordinate descent on ``½xᵀΣx − Σ b_i log x_i``, O(n²) a sweep; no warm-up; NaN refused.

    Raises
    ------
    DataError
        See `checked_covariance`; budgets that do not fit or are not positive.
    Infeasible
        The sweeps did not reach the tolerance: the matrix has a long-only combination of (almost) no risk.

    Examples
    --------
    >>> risk_parity([[0.04, 0.0], [0.0, 0.01]]).round(6).tolist()
    [0.333333, 0.666667]
    >>> risk_parity([[0.04, 0.0], [0.0, 0.04]], budgets=[0.8, 0.2]).round(6).tolist()
    [0.666667, 0.333333]

    References
    ----------
    Maillard, Roncalli, Teiletche (2010); Griveau-Billion, Richard, Roncalli (2013).
    """
    matrix = checked_covariance(cov)
    shares = _checked_budgets(budgets, len(matrix))
    weights, sweeps, worst = _risk_parity(matrix, shares, tolerance, max_sweeps)
    if not worst <= tolerance:
        raise Infeasible(
            "the risk contributions were not reached",
            got=f"deviation {worst:.3g} after {sweeps} sweeps",
            expected=f"at most {tolerance:g}",
            remedy="shrink the covariance towards its diagonal",
        )
    return weights


class RiskParity:
    """`risk_parity` behind the `Allocator` protocol; ``mu`` and ``previous`` are ignored.

    Examples
    --------
    >>> RiskParity().weights(np.eye(2)).round(6).tolist()
    [0.5, 0.5]
    """

    name = "risk_parity"

    def weights(
        self, cov: np.ndarray, mu: np.ndarray | None = None, previous: np.ndarray | None = None
    ) -> np.ndarray:
        """Weights (n,)."""
        return risk_parity(cov)

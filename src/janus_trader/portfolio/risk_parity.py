"""Risk parity: every instrument contributes the same share of the book's risk."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.errors import Infeasible
from janus_trader.portfolio.covariance import checked_covariance


@njit(cache=True)
def _risk_parity(cov: np.ndarray, tolerance: float, max_sweeps: int):  # type: ignore[no-untyped-def]
    """Minimise ½xᵀΣx − Σ log(x)/n coordinate by coordinate; its optimum has x_i(Σx)_i = 1/n."""
    n = cov.shape[0]
    budget = 1.0 / n
    x, y = np.empty(n), np.zeros(n)
    for i in range(n):
        x[i] = 1.0 / math.sqrt(cov[i, i])
    total = 0.0
    for i in range(n):
        for j in range(n):
            y[i] += cov[i, j] * x[j]
        total += x[i] * y[i]
    scale = 1.0 / math.sqrt(total) if total > 0.0 else 1.0
    x *= scale
    y *= scale
    worst = np.inf
    for sweep in range(max_sweeps):
        for i in range(n):
            variance = cov[i, i]
            rest = y[i] - variance * x[i]
            new = (math.sqrt(rest * rest + 4.0 * variance * budget) - rest) / (2.0 * variance)
            step = new - x[i]
            for j in range(n):
                y[j] += cov[i, j] * step
            x[i] = new
        worst = 0.0
        for i in range(n):
            y[i] = 0.0
            for j in range(n):
                y[i] += cov[i, j] * x[j]
            worst = max(worst, abs(x[i] * y[i] * n - 1.0))
        if worst <= tolerance:
            return x / x.sum(), sweep + 1, worst
    return x / x.sum(), max_sweeps, worst


def risk_parity(cov: np.ndarray, *, tolerance: float = 1e-8, max_sweeps: int = 1000) -> np.ndarray:
    r"""Long-only weights with equal risk contributions.

    .. math:: w_i (\Sigma w)_i = \tfrac1n\, w^\top \Sigma w

    Parameters
    ----------
    cov : (n, n)
        Positive semidefinite with positive variances. A singular matrix works unless a long-only
        combination has no risk at all (then equal contributions do not exist).
    tolerance : float
        Largest relative deviation of a contribution from 1/n.
    max_sweeps : int
        Bound on sweeps; typically below 20 are needed.

    Returns
    -------
    (n,) array
        Positive weights that sum to 1.

    Notes
    -----
    Cyclical coordinate descent on ``½xᵀΣx − (1/n)Σ log x_i``, O(n²) a sweep; no warm-up; NaN refused.

    Raises
    ------
    DataError
        See `checked_covariance`.
    Infeasible
        The sweeps did not reach the tolerance: the matrix has a long-only combination of (almost) no risk.

    Examples
    --------
    >>> risk_parity([[0.04, 0.0], [0.0, 0.01]]).round(6).tolist()
    [0.333333, 0.666667]

    References
    ----------
    Maillard, Roncalli, Teiletche (2010); Griveau-Billion, Richard, Roncalli (2013).
    """
    matrix = checked_covariance(cov)
    weights, sweeps, worst = _risk_parity(matrix, tolerance, max_sweeps)
    if not worst <= tolerance:
        raise Infeasible(
            "equal risk contributions were not reached",
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

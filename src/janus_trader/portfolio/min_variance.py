"""The long-only book of least variance, the classic comparison."""

from __future__ import annotations

import numpy as np

from janus_trader.contracts.errors import Infeasible
from janus_trader.portfolio.covariance import checked_covariance
from janus_trader.portfolio.mean_variance import solve_mean_variance


def min_variance(cov: np.ndarray, *, cap: float = 1.0) -> np.ndarray:
    r"""Weights of the long-only, fully invested portfolio of least variance.

    .. math:: \min_w w^\top \Sigma w \quad\text{s.t.}\quad 0 \le w \le \text{cap},\; \textstyle\sum w = 1

    Parameters
    ----------
    cov : (n, n)
        Positive semidefinite; singular matrices get the ridge of `solve_mean_variance`.
    cap : float
        Largest weight, at least 1/n.

    Returns
    -------
    (n,) array
        Sums to 1.

    Notes
    -----
    No warm-up; NaN refused; cost as `solve_mean_variance`.

    Raises
    ------
    DataError
        See `checked_covariance`.
    Infeasible
        ``n·cap < 1``.

    Examples
    --------
    >>> min_variance([[0.04, 0.0], [0.0, 0.01]]).round(6).tolist()
    [0.2, 0.8]

    References
    ----------
    Markowitz (1952), Portfolio selection.
    """
    matrix = checked_covariance(cov)
    n = len(matrix)
    flat = np.zeros(n)
    out = solve_mean_variance(
        flat, matrix, flat, risk_aversion=1.0, lower=0.0, upper=cap, gross=np.inf, net=(1.0, 1.0)
    )
    if not out.converged:
        raise Infeasible(
            "the minimum-variance programme did not converge",
            got=f"residual {out.residual:.3g}",
            expected="at most 1e-8",
            remedy="shrink the covariance towards its diagonal",
        )
    return out.weights


class MinVariance:
    """`min_variance` behind the `Allocator` protocol; ``mu`` and ``previous`` are ignored.

    Examples
    --------
    >>> MinVariance(cap=0.5).weights(np.eye(2)).round(6).tolist()
    [0.5, 0.5]
    """

    name = "min_variance"

    def __init__(self, cap: float = 1.0) -> None:
        self.cap = cap

    def weights(
        self, cov: np.ndarray, mu: np.ndarray | None = None, previous: np.ndarray | None = None
    ) -> np.ndarray:
        """Weights (n,)."""
        return min_variance(cov, cap=self.cap)

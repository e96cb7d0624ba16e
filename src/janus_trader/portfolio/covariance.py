"""What every allocator asks of a covariance matrix, checked once at its edge."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.portfolio.cholesky import cholesky_in_place

#: Added to the diagonal, as a fraction of the mean variance, so that a singular matrix has one answer.
RIDGE = 1e-10
#: A matrix is indefinite when this much of the mean variance on the diagonal does not cure it.
INDEFINITE = 1e-7
_TILE = 32


@njit(cache=True)
def covariance_verdict(cov: np.ndarray) -> int:
    """0 usable, 1 not finite, 2 not symmetric, 3 a variance is not positive, 4 indefinite. O(n³/3)."""
    n = cov.shape[0]
    mean = 0.0
    for i in range(n):
        mean += cov[i, i] / n
        for j in range(n):
            if not np.isfinite(cov[i, j]):
                return 1
    scale = 1e-9 * abs(mean)
    for i in range(n):
        if cov[i, i] <= 0.0:
            return 3
    for i0 in range(0, n, _TILE):  # tiles: one side of the comparison runs down columns
        for j0 in range(0, i0 + 1, _TILE):
            for i in range(i0, min(i0 + _TILE, n)):
                for j in range(j0, min(j0 + _TILE, i)):
                    if abs(cov[i, j] - cov[j, i]) > scale:
                        return 2
    factor = cov.copy()
    for i in range(n):
        factor[i, i] += INDEFINITE * mean
    return 0 if cholesky_in_place(factor, n) else 4


_SAY = {
    1: ("not finite", "drop or fill the instruments without data"),
    2: ("not symmetric", "average it with its transpose"),
    3: ("a variance is not positive", "leave out instruments that do not move"),
    4: ("indefinite", "shrink it, or use numerics.covariance.nearest_psd"),
}


def square_matrix(cov: np.ndarray) -> np.ndarray:
    """The matrix as contiguous float64; raises DataError when it is not square and non-empty."""
    matrix = np.ascontiguousarray(cov, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise DataError("a covariance matrix is square", got=matrix.shape, expected="(n, n), n >= 1")
    return matrix


def refuse_covariance(code: int) -> NoReturn:
    """Raise the DataError of a `covariance_verdict` other than 0."""
    what, remedy = _SAY[code]
    raise DataError(
        "unusable covariance matrix",
        got=what,
        expected="finite, symmetric, positive semidefinite with positive variances",
        remedy=remedy,
    )


def checked_covariance(cov: np.ndarray) -> np.ndarray:
    """The matrix as contiguous float64, refused when no allocator can use it.

    Positive semidefinite (also singular) matrices pass; the smallest eigenvalue may be as low as
    −1e-7 of the mean variance (rounding). Cost O(n³/3).

    Raises
    ------
    DataError
        Not square and non-empty, not finite, not symmetric, a variance that is not positive, indefinite.

    Examples
    --------
    >>> checked_covariance([[1.0, 0.0], [0.0, 4.0]]).shape
    (2, 2)
    """
    matrix = square_matrix(cov)
    code = covariance_verdict(matrix)
    if code:
        refuse_covariance(code)
    return matrix

"""Small dense Cholesky kernels: explicit loops beat a library call below about fifty instruments."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True)
def cholesky_in_place(a: np.ndarray, n: int) -> bool:
    """Factor the leading ``n × n`` block as L Lᵀ, L in the lower triangle, 1/L_ii on the diagonal.

    Returns False when the block is not positive definite. Cost O(n³/3).
    """
    for j in range(n):
        row_j = a[j]
        s = row_j[j]
        for k in range(j):
            s -= row_j[k] * row_j[k]
        if not s > 0.0:
            return False
        r = 1.0 / math.sqrt(s)
        row_j[j] = r
        for i in range(j + 1, n):
            row_i = a[i]
            t = row_i[j]
            for k in range(j):
                t -= row_i[k] * row_j[k]
            row_i[j] = t * r
    return True


@njit(cache=True)
def cholesky_solve(a: np.ndarray, n: int, x: np.ndarray) -> None:
    """Solve with the factor of `cholesky_in_place`, overwriting the first ``n`` entries of ``x``. O(n²)."""
    for i in range(n):
        row = a[i]
        t = x[i]
        for k in range(i):
            t -= row[k] * x[k]
        x[i] = t * row[i]
    for i in range(n - 1, -1, -1):
        row = a[i]
        t = x[i] * row[i]
        x[i] = t
        for k in range(i):
            x[k] -= row[k] * t

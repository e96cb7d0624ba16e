"""Dense Cholesky kernels: explicit loops below about fifty unknowns, where a library call costs more, LAPACK above.

Both store the same factor, so that one solve serves them; they agree to rounding, and above the limit the
bits are those of the installed LAPACK (equal on one class of CPU and one thread).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

#: From this size on the library is faster.
LIBRARY_SIZE = 48

# LAPACK's dpotrf as numba itself binds it for np.linalg.cholesky, which would copy and transpose the matrix
_POTRF: Any = types.ExternalFunction(
    "numba_xxpotrf",
    types.intc(types.char, types.char, types.intp, types.CPointer(types.float64), types.intp),
)
_DOUBLE, _UPPER = ord("d"), ord("U")  # row-major lower is column-major upper


@njit(cache=True)
def _factor_by_library(a: np.ndarray, n: int) -> bool:
    if _POTRF(_DOUBLE, _UPPER, n, a.ctypes, a.shape[1]) != 0:
        return False
    for i in range(n):
        if not math.isfinite(a[i, i]):
            return False
        a[i, i] = 1.0 / a[i, i]
    return True


@njit(cache=True)
def cholesky_in_place(a: np.ndarray, n: int) -> bool:
    """Factor the leading ``n × n`` block as L Lᵀ, L in the lower triangle, 1/L_ii on the diagonal.

    Only the lower triangle is read. Returns False when the block is not positive definite. Cost O(n³/3).
    """
    if n >= LIBRARY_SIZE:
        return _factor_by_library(a, n)
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
    """Solve with the factor of `cholesky_in_place`, overwriting the first ``n`` entries of each row of ``x``.

    ``x`` is (right sides, ≥ n): all of them pass over the factor together. Cost O(n²) each.
    """
    for i in range(n):
        row = a[i]
        for c in range(x.shape[0]):
            b = x[c]
            t = b[i]
            if i >= LIBRARY_SIZE:
                t -= np.dot(row[:i], b[:i])
            else:
                for k in range(i):
                    t -= row[k] * b[k]
            b[i] = t * row[i]
    for i in range(n - 1, -1, -1):
        row = a[i]
        for c in range(x.shape[0]):
            b = x[c]
            t = b[i] * row[i]
            b[i] = t
            for k in range(i):
                b[k] -= row[k] * t


@njit(cache=True)
def symmetric_times(h: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """``out = H w``. Cost O(n²)."""
    if w.size >= LIBRARY_SIZE:
        np.dot(h, w, out)
        return
    for i in range(w.size):
        row = h[i]
        t = 0.0
        for j in range(w.size):
            t += row[j] * w[j]
        out[i] = t

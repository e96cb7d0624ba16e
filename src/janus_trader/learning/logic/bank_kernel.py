"""The two loops of a bank of small networks that are not matrix products."""

from __future__ import annotations

import numpy as np
from numba import njit

_LIMIT = np.float32(7.90531110763549805)
_A1, _A3, _A5, _A7 = map(
    np.float32, (4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8)
)
_A9, _A11, _A13 = map(np.float32, (-8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16))
_B0, _B2, _B4, _B6 = map(
    np.float32, (4.89352518554385e-3, 2.26843463243900e-3, 1.18534705686654e-4, 1.19825839466702e-6)
)


@njit(cache=True, error_model="numpy")
def tanh_in_place(x):  # type: ignore[no-untyped-def]
    """Replace float32 ``x`` (n,) by its tanh, within 4e-7; NaN stays NaN. O(n), without branches.

    A rational function of degree 13 over 6 (the one Eigen uses for float); one array in and out, so that the loop
    is known not to overlap itself.
    """
    for i in range(x.size):
        v = x[i]
        v = _LIMIT if v > _LIMIT else v
        v = -_LIMIT if v < -_LIMIT else v
        s = v * v
        p = _A13 * s + _A11
        p = p * s + _A9
        p = p * s + _A7
        p = p * s + _A5
        p = p * s + _A3
        p = p * s + _A1
        q = _B6 * s + _B4
        q = q * s + _B2
        q = q * s + _B0
        x[i] = v * p / q


@njit(cache=True)
def through_tanh(h, z):  # type: ignore[no-untyped-def]
    """Replace tanh values ``h`` (i, j, b) by ``z[i, b] (1 − h²)``: a gradient carried through tanh. O(size)."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            for b in range(h.shape[2]):
                h[i, j, b] = z[i, b] - z[i, b] * h[i, j, b] * h[i, j, b]

"""Natural logarithms of an array without a call per element, so that the compiler can vectorise them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# With these an unsigned addition and a shift give the exponent (plus 1024) of the representation
# x = m 2^e with m between sqrt(1/2) and sqrt(2), and the bits of m.
_WIDTH = np.uint64(52)
_SPLIT = np.uint64((1024 << 52) - 0x3FE6A09E667F3BCD)
_BIAS = np.uint64(1024 << 52)
# The bits of 2^52: an integer below 2^52 in its mantissa is a float without a conversion.
_INTEGER = np.uint64(0x4330000000000000)
_INTEGER_BIAS = 2.0**52 + 1024.0


def _bits_of(context: Any, x: Any) -> Any:
    """The bits of a float64 as a uint64."""
    return types.uint64(types.float64), lambda _c, b, _s, a: b.bitcast(a[0], ir.IntType(64))


def _float_of(context: Any, x: Any) -> Any:
    """The float64 with the bits of a uint64."""
    return types.float64(types.uint64), lambda _c, b, _s, a: b.bitcast(a[0], ir.DoubleType())


_bits = cast(Callable[[Any], Any], intrinsic(_bits_of))
_float = cast(Callable[[Any], Any], intrinsic(_float_of))


@njit(cache=True, error_model="numpy")
def log_in_place(x):
    """Natural logarithm of every element of ``x`` (n,), which it replaces. O(n).

    Elements must be positive, finite and normal (at least 2.3e-308): nothing is checked, others give
    garbage. The error is below one unit in the last place.

    Examples
    --------
    >>> x = np.array([1.0, 10.0])
    >>> log_in_place(x)
    >>> x.tolist() == [0.0, float(np.log(10.0))]
    True

    References
    ----------
    Sun Microsystems (1993), fdlibm, e_log.c.
    """
    for i in range(x.shape[0]):
        bits = _bits(x[i])
        exponent = (bits + _SPLIT) >> _WIDTH
        e = _float(exponent | _INTEGER) - _INTEGER_BIAS
        f = _float(bits + _BIAS - (exponent << _WIDTH)) - 1.0
        s = f / (2.0 + f)
        z = s * s
        r = z * (1.818357216161805012e-01 + z * (1.531383769920937332e-01 + z * 1.479819860511658591e-01))
        r = z * (2.857142874366239149e-01 + z * (2.222219843214978396e-01 + r))
        r = z * (6.666666666666735130e-01 + z * (3.999999999940941908e-01 + r))
        h = 0.5 * f * f
        low = e * 1.90821492927058770002e-10
        x[i] = e * 6.93147180369123816490e-01 - ((h - (s * (h + r) + low)) - f)

"""A compiler for kernels whose inner loops run over a few lanes of fixed number.

A loop of four or eight rounds over a field of a record is unrolled before the loop vectoriser sees it;
only LLVM's superword-level pass puts the rounds together again, and numba leaves that pass off. It never
reorders floating-point operations, so the results are the same to the bit.
"""

from __future__ import annotations

from typing import Any

from numba.core import config as numba_config
from numba.core.compiler import Compiler

config: Any = numba_config  # its settings are attributes made at run time


class LaneCompiler(Compiler):
    """The usual compiler with LLVM's superword-level vectoriser on.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> @njit(pipeline_class=LaneCompiler)
    ... def scaled(s):
    ...     for k in range(4):
    ...         s.y[k] = 2.0 * s.x[k]
    >>> states = np.ones(1, [("x", "f8", 4), ("y", "f8", 4)])
    >>> scaled(states[0])
    >>> states["y"][0].tolist()
    [2.0, 2.0, 2.0, 2.0]
    """

    def compile_extra(self, func: Any) -> Any:
        """Compile ``func``; numba holds its compiler lock, so no other thread sees the setting."""
        before = config.SLP_VECTORIZE
        config.SLP_VECTORIZE = 1
        try:
            return super().compile_extra(func)
        finally:
            config.SLP_VECTORIZE = before

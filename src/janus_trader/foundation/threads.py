"""One thread for the linear algebra underneath, so that a result does not depend on how many cores there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP work on one thread until the block ends.

    With more of them a product of matrices is cut into other pieces and summed in another order: another
    last bit, on another machine or beside other processes. Libraries loaded within the block are not reached.

    >>> import numpy as np
    >>> with one_thread():
    ...     float(np.ones(3) @ np.ones(3))
    3.0
    """
    import scipy.linalg  # noqa: F401  # brings the second BLAS of a process, which compiled code calls
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield

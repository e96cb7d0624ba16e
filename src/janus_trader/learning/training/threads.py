"""torch on one thread, so that what is trained does not depend on the machine's number of cores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """torch works on one thread until the block ends: sums of several threads come in no fixed order.

    >>> with one_torch_thread():
    ...     import torch
    ...     torch.get_num_threads()
    1
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""The matching algorithm compiled for a GPU, one book a thread, from the same source as for the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from janus_trader.numerics.order_book_source import compile_order_book

THREADS_PER_BLOCK = 64

# Compilation happens at the first launch: importing this module needs no GPU.
_run_messages = compile_order_book(lambda f, inline: cuda.jit(f, device=True, inline=inline))["run_messages"]


@cuda.jit
def _one_book_a_thread(books, messages, first, policy, outcomes, fills, counts) -> None:
    b: int = cuda.grid(1)  # type: ignore[call-arg]
    if b < books.shape[0]:
        done, n = _run_messages(books[b], messages[b], first[b], policy, outcomes[b], fills[b])
        first[b] = done
        counts[b] = n


def cuda_available() -> bool:
    """Whether a GPU, or numba's simulator of one (``NUMBA_ENABLE_CUDASIM=1``), can be used."""
    return bool(cuda.is_available())


def to_device(array: np.ndarray) -> Any:
    """A copy in the GPU's memory; it has ``copy_to_host()``."""
    return cuda.to_device(array)


def launch(
    books: Any, messages: Any, first: Any, policy: int, outcomes: Any, fills: Any, counts: Any
) -> None:
    """Carry out a batch, one thread a book; all arrays lie on the GPU, leading dimension ``n_books``.

    As `janus_trader.numerics.order_book_source.run_messages` for each book: ``first`` (n_books,) int64 is
    read and written, ``counts`` gets the fills written.
    """
    blocks = -(-books.shape[0] // THREADS_PER_BLOCK)
    _one_book_a_thread[blocks, THREADS_PER_BLOCK](books, messages, first, policy, outcomes, fills, counts)

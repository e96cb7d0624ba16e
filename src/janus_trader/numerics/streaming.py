"""The shape of every streaming kernel: one compiled step over a state record, batch = a loop over it.

A kernel module holds

* a state ``dtype`` (fixed size once the configuration is known),
* ``<name>_step(s, x, ...)``: compiled, takes a *record* of the state, so that larger records
  (a strategy's state) can nest it and call it directly,
* a class on top of `StreamingKernel` with compiled ``_update(states, x, ...)`` (one step on
  ``states[0]``) and ``_scan(states, xs, ...)`` (a compiled loop over the same step).

No ``fastmath``: it breaks the bit-equality of update and transform.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from janus_trader.contracts.errors import DataError, IntegrityError


@functools.cache
def first_equal(dtype: np.dtype) -> np.dtype:
    """The first dtype seen that equals ``dtype``.

    numba finds the compiled code for a record by its dtype: an identical object in 80 ns, an equal one
    after comparing all fields, which takes microseconds in every call.

    >>> a, b = (np.dtype([("n", "i8"), ("value", "f8")], align=True) for _ in range(2))
    >>> a is b, first_equal(a) is first_equal(b)
    (False, True)
    """
    return dtype


class StreamingKernel:
    """Base of the streaming kernels.

    Subclasses set ``self._init(dtype, args, warmup)`` in ``__init__`` and the two class attributes
    ``_update`` and ``_scan`` (``staticmethod`` of compiled functions). ``x`` is a float, or a 1-D
    float64 row when ``WIDTH`` is not None (then ``xs`` is 2-D). A NaN input is ignored by the
    compiled step, which repeats its last output (NaN before the first).
    """

    WIDTH: ClassVar[int | None] = None
    _update: ClassVar[Callable[..., Any]]
    _scan: ClassVar[Callable[..., Any]]

    def _init(self, dtype: np.dtype, args: tuple[Any, ...], warmup: int) -> None:
        self._dtype = first_equal(dtype)
        self._args = args
        self.warmup = warmup
        self._state = np.zeros(1, dtype)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """State and settings, in the order of the compiled ``_update`` but for the input: for kernels that run
        the step together with others."""
        return (self._state, *self._args)

    @classmethod
    def examples(cls) -> list[Self]:
        """Small instances on which the shared laws are checked."""
        return [cls()]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """``n`` plausible inputs for the laws; override for kernels that read bars."""
        shape = (n,) if cls.WIDTH is None else (n, cls.WIDTH)
        return np.cumsum(rng.standard_normal(shape), axis=0) * 0.5 + 100.0

    @property
    def ready(self) -> bool:
        """Whether the warm-up has ended: ``n`` counts the finite inputs seen."""
        return bool(self._state["n"][0] >= self.warmup)

    def update(self, x: Any) -> Any:
        """Take in one input and return the output. O(1) unless the class says otherwise."""
        return self._update(self._state, x, *self._args)

    def transform(self, xs: np.ndarray) -> np.ndarray:
        """Outputs of a fresh kernel over ``xs``; this instance's own state is untouched."""
        xs = np.ascontiguousarray(xs, dtype=np.float64)
        if xs.ndim != (1 if self.WIDTH is None else 2) or (self.WIDTH and xs.shape[1] != self.WIDTH):
            wanted = "(T,)" if self.WIDTH is None else f"(T, {self.WIDTH})"
            raise DataError(f"{type(self).__name__}: wrong input shape", got=xs.shape, expected=wanted)
        return self._scan(np.zeros(1, self._dtype), xs, *self._args)

    def reset(self) -> None:
        """Back to the state of a fresh instance."""
        self._state[:] = np.zeros(1, self._dtype)

    def snapshot(self) -> bytes:
        """The state as bytes; with the configuration it determines every later output."""
        return self._state.tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        if len(raw) != self._dtype.itemsize:
            raise IntegrityError(
                f"{type(self).__name__}: snapshot does not fit",
                got=f"{len(raw)} bytes",
                expected=f"{self._dtype.itemsize} bytes",
                remedy="restore with the configuration it was taken with",
            )
        self._state = np.frombuffer(raw, self._dtype).copy()

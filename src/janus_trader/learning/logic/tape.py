"""Recording operators into a linear program: what numpy and torch compute at once, a trace writes down.

A `Trace` stands in for an array library: the operators of `operators` and `predicates`, given `Traced` values, leave a
list of primitive instructions, each distinct one once. The kernel in `kernel` runs the list forward and, by the
derivative of each primitive, backward. So there is one source of every operator for all three.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Primitive instructions; ``k`` are its two constants.
LEAF, CONST, ADD, SUB, MUL, DIV, MIN, MAX, AFFINE, POW, SQRT, TANH, EXP, ABS, CLIP, LE, SELECT = range(17)


@dataclass(frozen=True, slots=True)
class Program:
    """Instructions of one stage: ``code`` (m, 4) int64 is operation and operands, ``k`` (m, 2) its constants.

    A `LEAF` has the number of its table as operand.
    """

    code: np.ndarray
    k: np.ndarray


@dataclass(slots=True)
class Trace:
    """Collects instructions; equal ones are one (hash-consing), chains of ``a x + b`` are folded.

    >>> trace = Trace(); x = trace.leaf(0)
    >>> y = 1.0 - (1.0 - x); y.index == (x * 1.0).index, len(trace.rows)
    (True, 3)
    """

    rows: list[tuple[int, int, int, int, float, float]] = field(default_factory=list)
    _known: dict[tuple[int, int, int, int, float, float], int] = field(default_factory=dict)

    def emit(self, op: int, a: int = 0, b: int = 0, c: int = 0, k0: float = 0.0, k1: float = 0.0) -> Traced:
        """The value of an instruction, recorded if it is new."""
        row = (op, a, b, c, k0, k1)
        if row not in self._known:
            self._known[row] = len(self.rows)
            self.rows.append(row)
        return Traced(self, self._known[row])

    def leaf(self, table: int) -> Traced:
        """The value of a table of inputs."""
        return self.emit(LEAF, table)

    def lifted(self, value: Any) -> Traced:
        """A traced value as it is; a number as an instruction."""
        return value if isinstance(value, Traced) else self.emit(CONST, k0=float(value))

    def affine(self, x: Traced, scale: float, shift: float) -> Traced:
        """``scale x + shift``, folded into an ``x`` that is itself of this form or constant."""
        op, a, _, _, k0, k1 = self.rows[x.index]
        if op == CONST:
            return self.emit(CONST, k0=scale * k0 + shift)
        if op == AFFINE:
            return self.emit(AFFINE, a, k0=scale * k0, k1=scale * k1 + shift)
        return self.emit(AFFINE, x.index, k0=scale, k1=shift)

    def program(self) -> Program:
        """The instructions as arrays."""
        code = np.array([row[:4] for row in self.rows], dtype=np.int64).reshape(-1, 4)
        return Program(code, np.array([row[4:] for row in self.rows], dtype=np.float64).reshape(-1, 2))


class Traced:
    """A value of a trace: arithmetic on it is recorded."""

    __slots__ = ("index", "trace")

    def __init__(self, trace: Trace, index: int) -> None:
        self.trace, self.index = trace, index

    @property
    def logic_namespace(self) -> type[TraceNamespace]:
        """The functions that record."""
        return TraceNamespace

    def _affine(self, scale: float, shift: float) -> Traced:
        return self.trace.affine(self, scale, shift)

    def _pair(self, op: int, other: Any, swapped: bool = False) -> Traced:
        left, right = self, self.trace.lifted(other)
        if swapped:
            left, right = right, left
        return self.trace.emit(op, left.index, right.index)

    def __add__(self, other: Any) -> Traced:
        return self._pair(ADD, other) if isinstance(other, Traced) else self._affine(1.0, float(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Traced:
        return self._pair(SUB, other) if isinstance(other, Traced) else self._affine(1.0, -float(other))

    def __rsub__(self, other: Any) -> Traced:
        return self._affine(-1.0, float(other))

    def __mul__(self, other: Any) -> Traced:
        return self._pair(MUL, other) if isinstance(other, Traced) else self._affine(float(other), 0.0)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Traced:
        return self._pair(DIV, other) if isinstance(other, Traced) else self._affine(1.0 / float(other), 0.0)

    def __rtruediv__(self, other: Any) -> Traced:
        return self._pair(DIV, other, swapped=True)

    def __neg__(self) -> Traced:
        return self._affine(-1.0, 0.0)

    def __pow__(self, power: float) -> Traced:
        if power == 2:
            return self * self
        if power == 3:
            return self * self * self
        return self.trace.emit(POW, self.index, k0=float(power))

    def __le__(self, other: Any) -> Traced:
        return self._pair(LE, other)


class TraceNamespace:
    """The array functions that operators use, recording."""

    @staticmethod
    def _both(op: int, a: Any, b: Any) -> Traced:
        trace = a.trace if isinstance(a, Traced) else b.trace
        return trace.emit(op, trace.lifted(a).index, trace.lifted(b).index)  # type: ignore[no-any-return]

    @staticmethod
    def minimum(a: Any, b: Any) -> Traced:
        """``min(a, b)``."""
        return TraceNamespace._both(MIN, a, b)

    @staticmethod
    def maximum(a: Any, b: Any) -> Traced:
        """``max(a, b)``."""
        return TraceNamespace._both(MAX, a, b)

    @staticmethod
    def where(condition: Traced, a: Any, b: Any) -> Traced:
        """``a`` where the condition holds, else ``b``."""
        trace = condition.trace
        return trace.emit(SELECT, condition.index, trace.lifted(a).index, trace.lifted(b).index)

    @staticmethod
    def zeros_like(x: Traced) -> Traced:
        """0."""
        return x.trace.emit(CONST, k0=0.0)

    @staticmethod
    def ones_like(x: Traced) -> Traced:
        """1."""
        return x.trace.emit(CONST, k0=1.0)

    @staticmethod
    def sqrt(x: Traced) -> Traced:
        """``√x``."""
        return x.trace.emit(SQRT, x.index)

    @staticmethod
    def tanh(x: Traced) -> Traced:
        """``tanh x``."""
        return x.trace.emit(TANH, x.index)

    @staticmethod
    def exp(x: Traced) -> Traced:
        """``eˣ``."""
        return x.trace.emit(EXP, x.index)

    @staticmethod
    def clip(x: Traced, low: float, high: float) -> Traced:
        """``x`` kept in [low, high]; the derivative is 1 in the closed interval, as of torch."""
        return x.trace.emit(CLIP, x.index, k0=low, k1=high)

    @staticmethod
    def abs(x: Traced) -> Traced:
        """``|x|``."""
        return x.trace.emit(ABS, x.index)

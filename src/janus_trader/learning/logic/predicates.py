"""What turns numbers into truths: threshold, similarity and clipped groundings, for numpy, torch and traces.

Specification eq. 12: a constant is grounded as the row of numbers of its sort. A predicate is a function of such
rows with values in [0, 1]; the learnable ones are in `janus_trader.learning.logic.neural`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from janus_trader.learning.logic.namespace import namespace, real


def sigmoid(z: Any) -> Any:
    """``1 / (1 + e^{−z})`` as ``(1 + tanh(z/2)) / 2``, which cannot overflow.

    >>> float(sigmoid(0.0))
    0.5
    """
    z = real(z)
    return 0.5 * namespace(z).tanh(0.5 * z) + 0.5


def above(x: Any, threshold: float, sharpness: float) -> Any:
    """Threshold predicate ``σ(s(x − t))``.

    >>> float(above(0.6, 0.6, 10.0))
    0.5
    """
    return sigmoid(sharpness * (real(x) - threshold))


def below(x: Any, threshold: float, sharpness: float) -> Any:
    """Threshold predicate ``σ(s(t − x)) = 1 − above``.

    >>> float(below(0.6, 0.6, 10.0))
    0.5
    """
    return sigmoid(sharpness * (threshold - real(x)))


def near(*numbers: Any) -> Any:
    """Similarity predicate ``exp(−‖x − c‖² / 2w²)`` of ``x₁, c₁, x₂, c₂, …, w``.

    >>> float(near(1.0, 1.0, 0.5))
    1.0
    """
    width = numbers[-1]
    squares = [(real(x) - c) ** 2 for x, c in zip(numbers[:-1:2], numbers[1:-1:2], strict=True)]
    total = sum(squares[1:], squares[0])
    return namespace(total).exp(total * (-0.5 / width**2))


def alike(*numbers: Any) -> Any:
    """Similarity predicate ``(1 + cos(x, c)) / 2`` of ``x₁, c₁, x₂, c₂, …``; 1/2 for a zero vector.

    >>> round(float(alike(2.0, 1.0, 0.0, 0.0)), 6)
    1.0
    """
    xs, cs = [real(x) for x in numbers[::2]], numbers[1::2]
    dot = sum((x * c for x, c in zip(xs[1:], cs[1:], strict=True)), xs[0] * cs[0])
    norm = sum((x**2 for x in xs[1:]), xs[0] ** 2)
    length = sum(c * c for c in cs) ** 0.5
    root = namespace(norm).sqrt(norm * length**2 + 1e-24)
    return 0.5 + 0.5 * dot / root


def truth(x: Any) -> Any:
    """A number that is a truth already, clipped to [0, 1].

    >>> float(truth(1.25))
    1.0
    """
    x = real(x)
    return namespace(x).clip(x, 0.0, 1.0)


def absolute(x: Any) -> Any:
    """``|x|``."""
    x = real(x)
    return namespace(x).abs(x)


def least(a: Any, b: Any) -> Any:
    """``min(a, b)`` of two numbers; a plain number takes the shape of the other."""
    a, b = _matched(a, b)
    return namespace(a, b).minimum(a, b)


def greatest(a: Any, b: Any) -> Any:
    """``max(a, b)`` of two numbers; a plain number takes the shape of the other."""
    a, b = _matched(a, b)
    return namespace(a, b).maximum(a, b)


def _matched(a: Any, b: Any) -> tuple[Any, Any]:
    xp = namespace(a, b)
    if isinstance(a, float):
        a = a * xp.ones_like(b) if not isinstance(b, float) else real(a)
    if isinstance(b, float):
        b = b * xp.ones_like(a)
    return a, b


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the rule language: its meaning, and the types of its arguments.

    ``constants`` says which arguments must be plain numbers, as a function of how many there are; ``arity``
    which numbers of arguments are allowed; ``truth`` whether the value is a truth or a number.
    """

    apply: Callable[..., Any]
    arity: Callable[[int], bool]
    usage: str
    truth: bool
    constants: Callable[[int], Sequence[int]] = lambda n: ()


FUNCTIONS: dict[str, Function] = {
    "above": Function(above, lambda n: n == 3, "above(x, threshold, sharpness)", True, lambda n: (1, 2)),
    "below": Function(below, lambda n: n == 3, "below(x, threshold, sharpness)", True, lambda n: (1, 2)),
    "near": Function(
        near,
        lambda n: n >= 3 and n % 2 == 1,
        "near(x, centre, ..., width)",
        True,
        lambda n: (*range(1, n - 1, 2), n - 1),
    ),
    "alike": Function(
        alike, lambda n: n >= 2 and n % 2 == 0, "alike(x, centre, ...)", True, lambda n: tuple(range(1, n, 2))
    ),
    "truth": Function(truth, lambda n: n == 1, "truth(x)", True),
    "abs": Function(absolute, lambda n: n == 1, "abs(x)", False),
    "min": Function(least, lambda n: n == 2, "min(a, b)", False),
    "max": Function(greatest, lambda n: n == 2, "max(a, b)", False),
}

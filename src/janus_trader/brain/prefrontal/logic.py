"""Product real logic: connectives, quantifiers and hedges on truth values in [0, 1].

One family only: product ∧ goes with the probabilistic sum ∨ and Reichenbach's →, so that De Morgan
holds. Every function takes numbers or arrays, broadcasts, and is pure. NaN stays NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_PEAK_SQUARE = 1.25 / 3.25  # where x^1.25 (1 − x²) is largest, as x²
_PEAK = _PEAK_SQUARE**0.625 * (1.0 - _PEAK_SQUARE)


def _real(x: ArrayLike) -> np.ndarray:
    return np.asarray(x, dtype=np.float64)


def negation(a: ArrayLike) -> np.ndarray:
    """``¬a = 1 − a``.

    >>> float(negation(0.25))
    0.75
    """
    return 1.0 - _real(a)


def conjunction(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """``a ∧ b = ab``.

    >>> float(conjunction(0.5, 0.5))
    0.25
    """
    return _real(a) * _real(b)


def disjunction(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """``a ∨ b = a + b − ab``.

    >>> float(disjunction(0.5, 0.5))
    0.75
    """
    left, right = _real(a), _real(b)
    return left + right - left * right


def implication(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """``a → b = 1 − a + ab`` (Reichenbach).

    >>> float(implication(1.0, 0.25))
    0.25
    """
    premise = _real(a)
    return 1.0 - premise + premise * _real(b)


def equivalence(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """``a ↔ b = (a → b) ∧ (b → a)``.

    >>> float(equivalence(1.0, 0.0))
    0.0
    """
    return conjunction(implication(a, b), implication(b, a))


def for_all(truths: ArrayLike, p: float = 2.0) -> float:
    r"""Generalised ∀: one minus the p-mean of the errors.

    .. math:: \forall x = 1 - \Bigl(\tfrac1n \sum_i (1 - x_i)^p\Bigr)^{1/p}

    p = 1 is the mean, p → ∞ the minimum (the p-mean of the truths themselves would tend to the
    *maximum*: fail-open). An empty set is true. Cost O(n).

    Examples
    --------
    >>> round(for_all([1.0, 1.0, 0.0, 1.0]), 6)
    0.5

    References
    ----------
    Badreddine et al. (2022), Logic tensor networks.
    """
    x = _real(truths)
    return float(1.0 - np.mean((1.0 - x) ** p) ** (1.0 / p)) if x.size else 1.0


def exists(truths: ArrayLike, p: float = 2.0) -> float:
    """Generalised ∃: the p-mean of the truths, ``(Σ xᵖ / n)^{1/p}``; an empty set is false. O(n).

    >>> exists([0.0, 1.0], p=1.0)
    0.5
    """
    x = _real(truths)
    return float(np.mean(x**p) ** (1.0 / p)) if x.size else 0.0


def very(x: ArrayLike) -> np.ndarray:
    """Concentration, ``x²``.

    >>> float(very(0.5))
    0.25
    """
    return _real(x) ** 2


def extremely(x: ArrayLike) -> np.ndarray:
    """Strong concentration, ``x³``.

    >>> float(extremely(0.5))
    0.125
    """
    return _real(x) ** 3


def somewhat(x: ArrayLike) -> np.ndarray:
    """Dilation, ``√x``.

    >>> float(somewhat(0.25))
    0.5
    """
    return np.sqrt(_real(x))


def slightly(x: ArrayLike) -> np.ndarray:
    """True but not very: ``norm(x^1.25 ∧ ¬x²)``, scaled to reach 1 at x = √(5/13).

    Zadeh's form; ``√x − x`` never exceeds 0.25 and is no hedge.

    >>> round(float(slightly((5 / 13) ** 0.5)), 6)
    1.0
    """
    x = _real(x)
    return conjunction(x**1.25, negation(very(x))) / _PEAK

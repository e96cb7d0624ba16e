"""Real logic on truth values in [0, 1]: connectives, quantifiers and hedges, written once for numpy and torch.

Three families, each consistent within itself: ∧ is a t-norm, ∨ its dual, so that De Morgan holds with the
standard negation (the specification's eq. 13 with eq. 15 is such a mixture for which it does not).

| family | a ∧ b | a ∨ b | S-implication (¬a ∨ b) | R-implication (residuum of ∧) |
|---|---|---|---|---|
| Łukasiewicz | max(0, a + b − 1) | min(1, a + b) | min(1, 1 − a + b) | the same |
| product | ab | a + b − ab | 1 − a + ab (Reichenbach) | min(1, b / a) (Goguen) |
| Gödel | min(a, b) | max(a, b) | max(1 − a, b) (Kleene–Dienes) | 1 if a ≤ b else b |

``a ↔ b = (a → b) ∧ (b → a)`` throughout. NaN stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from janus_trader.foundation.config import Config, Positive
from janus_trader.learning.logic.namespace import namespace, real

#: How far the stable operators keep truth values from 0 and 1 (as LTNtorch does).
EPSILON = 1e-4
_PEAK_SQUARE = 1.25 / 3.25  # where x^1.25 (1 - x^2) is largest, as x^2
_PEAK = _PEAK_SQUARE**0.625 * (1.0 - _PEAK_SQUARE)

Power = Annotated[float, Meta(ge=1.0, le=100.0)]


class Family(StrEnum):
    """A t-norm together with its dual and its implications."""

    LUKASIEWICZ = "lukasiewicz"
    PRODUCT = "product"
    GODEL = "godel"


class Implication(StrEnum):
    """How → comes from the other connectives."""

    S = "s"  # not a, or b
    R = "r"  # the largest c with a and c at most b


def keep_from_zero(x: Any) -> Any:
    """``π₀(x) = (1 − ε)x + ε``: no operand of a product is 0."""
    return (1.0 - EPSILON) * x + EPSILON


def keep_from_one(x: Any) -> Any:
    """``π₁(x) = (1 − ε)x``: no error ``1 − x`` is 0."""
    return (1.0 - EPSILON) * x


class Logic(Config, frozen=True):
    r"""A semantics: one family, its implication, and the powers of the quantifiers.

    Specification eq. 13, 17 (product), 14, 15, 18, 58, 59 (Łukasiewicz), 16 (negation), 19 (Łukasiewicz ↔; in
    the other families ↔ is the conjunction of both implications). ``stable`` applies :math:`\pi_0(x) = (1-\epsilon)x +
    \epsilon` and :math:`\pi_1(x) = (1-\epsilon)x`, :math:`\epsilon = 10^{-4}`, where gradients would vanish or explode:
    the operands of the product family, the quantifiers, and roots; values then move by at most about ε.

    Every method takes numbers, arrays, tensors or traces, broadcasts, and is pure.

    Examples
    --------
    >>> exact = Logic(stable=False)
    >>> float(exact.conjunction(0.5, 0.5)), float(exact.disjunction(0.5, 0.5))
    (0.25, 0.75)
    >>> float(Logic(family="lukasiewicz", stable=False).implication(1.0, 0.25))
    0.25

    References
    ----------
    Badreddine, d'Avila Garcez, Serafini & Spranger (2022), Logic tensor networks; van Krieken et al. (2022).
    """

    family: Family = Family.PRODUCT
    implication_kind: Implication = Implication.S
    stable: bool = True
    p_forall: Annotated[Power, Meta(description="p of the p-mean-error quantifier ∀")] = 2.0
    p_exists: Annotated[Power, Meta(description="p of the p-mean quantifier ∃")] = 2.0
    p_sat: Annotated[Power, Meta(description="p of the aggregation over rules; 1 is the weighted mean")] = 2.0

    def _product_stable(self) -> bool:
        return self.stable and self.family == Family.PRODUCT

    def negation(self, a: Any) -> Any:
        """``¬a = 1 − a`` (eq. 16)."""
        return 1.0 - real(a)

    def conjunction(self, a: Any, b: Any) -> Any:
        """``a ∧ b`` (eq. 13, 14, 58)."""
        a, b = real(a), real(b)
        if self._product_stable():
            a, b = keep_from_zero(a), keep_from_zero(b)
        if self.family == Family.PRODUCT:
            return a * b
        xp = namespace(a, b)
        if self.family == Family.GODEL:
            return xp.minimum(a, b)
        total = a + b - 1.0
        return xp.maximum(total, xp.zeros_like(total))

    def disjunction(self, a: Any, b: Any) -> Any:
        """``a ∨ b`` (eq. 15 for Łukasiewicz)."""
        a, b = real(a), real(b)
        if self._product_stable():
            a, b = keep_from_one(a), keep_from_one(b)
        if self.family == Family.PRODUCT:
            return a + b - a * b
        xp = namespace(a, b)
        if self.family == Family.GODEL:
            return xp.maximum(a, b)
        total = a + b
        return xp.minimum(total, xp.ones_like(total))

    def implication(self, a: Any, b: Any) -> Any:
        """``a → b`` (eq. 17, 18, 59)."""
        a, b = real(a), real(b)
        xp = namespace(a, b)
        if self.family == Family.LUKASIEWICZ:
            room = 1.0 - a + b
            return xp.minimum(room, xp.ones_like(room))
        if self.implication_kind == Implication.R:
            if self._product_stable():
                a = keep_from_zero(a)
            met = a <= b
            whole = xp.ones_like(a + b)
            if self.family == Family.GODEL:
                return xp.where(met, whole, b)
            return xp.where(met, whole, b / xp.where(met, whole, a))
        if self.family == Family.GODEL:
            return xp.maximum(1.0 - a, b)
        if self.stable:
            a, b = keep_from_zero(a), keep_from_one(b)
        return 1.0 - a + a * b

    def equivalence(self, a: Any, b: Any) -> Any:
        """``a ↔ b = (a → b) ∧ (b → a)``; for Łukasiewicz ``1 − |a − b|`` (eq. 19)."""
        return self.conjunction(self.implication(a, b), self.implication(b, a))

    def hedge(self, name: str, x: Any) -> Any:
        """One of `HEDGES` applied; the roots of a stable semantics see ``π₀(x)``."""
        if self.stable and name in _ROOTS:
            x = keep_from_zero(real(x))
        return HEDGES[name](x)

    def for_all(self, truths: Any, axis: Any = None, weights: Any = None) -> Any:
        """∀ along ``axis``: `for_all` with ``p_forall``."""
        return for_all(truths, self.p_forall, axis=axis, weights=weights, stable=self.stable)

    def exists(self, truths: Any, axis: Any = None, weights: Any = None) -> Any:
        """∃ along ``axis``: `exists` with ``p_exists``."""
        return exists(truths, self.p_exists, axis=axis, weights=weights, stable=self.stable)

    def satisfaction(self, truths: Any, weights: Any = None) -> Any:
        """SAT of closed rules (R,) with weights (R,): `for_all` with ``p_sat`` (eq. 26, 60).

        The weights are divided by their sum, so that SAT is in [0, 1] (as printed, eq. 57 and 60 divide by
        the number of rules and are not bounded); the p-mean is one of *errors* (a p-mean of truths, eq. 26 as
        printed, tends to the most satisfied rule). p = 1 is eq. 60: ``Σ w s / Σ w``.
        """
        return for_all(truths, self.p_sat, weights=weights, stable=self.stable)


def _mean(x: Any, axis: Any, weights: Any) -> Any:
    if weights is None:
        return x.mean() if axis is None else x.mean(axis)
    xp = namespace(x)
    kept = xp.where(weights > 0.0, x, xp.zeros_like(x)) * weights
    spread = weights + xp.zeros_like(kept)
    total = spread.sum() if axis is None else spread.sum(axis)
    summed = kept.sum() if axis is None else kept.sum(axis)
    return xp.where(total > 0.0, summed, xp.zeros_like(summed)) / xp.where(
        total > 0.0, total, xp.ones_like(total)
    )


def for_all(
    truths: Any, p: float = 2.0, *, axis: Any = None, weights: Any = None, stable: bool = False
) -> Any:
    r"""Generalised ∀: one minus the p-mean of the errors.

    .. math:: \forall x = 1 - \Bigl(\tfrac{\sum_i w_i (1 - x_i)^p}{\sum_i w_i}\Bigr)^{1/p}

    p = 1 is the mean, p → ∞ the minimum (the p-mean of the truths themselves would tend to the
    *maximum*: fail-open). An empty set, or one without weight, is true; a truth of weight 0 may be NaN. Cost O(n).

    Examples
    --------
    >>> round(float(for_all([1.0, 1.0, 0.0, 1.0])), 6)
    0.5

    References
    ----------
    Badreddine et al. (2022), Logic tensor networks.
    """
    x = real(truths)
    if 0 in x.shape:
        return 1.0
    errors = 1.0 - (keep_from_one(x) if stable else x)
    if p == 1.0:
        return 1.0 - _mean(errors, axis, weights)
    return 1.0 - _mean(errors**p, axis, weights) ** (1.0 / p)


def exists(
    truths: Any, p: float = 2.0, *, axis: Any = None, weights: Any = None, stable: bool = False
) -> Any:
    """Generalised ∃: the p-mean of the truths, ``(Σ w xᵖ / Σ w)^{1/p}``; an empty set is false. O(n).

    >>> float(exists([0.0, 1.0], p=1.0))
    0.5
    """
    x = real(truths)
    if 0 in x.shape:
        return 0.0
    x = keep_from_zero(x) if stable else x
    if p == 1.0:
        return _mean(x, axis, weights)
    return _mean(x**p, axis, weights) ** (1.0 / p)


def very(x: Any) -> Any:
    """Concentration, ``x²`` (eq. 20).

    >>> float(very(0.5))
    0.25
    """
    return real(x) ** 2


def extremely(x: Any) -> Any:
    """Strong concentration, ``x³`` (eq. 23 as numbered in the part on hedges).

    >>> float(extremely(0.5))
    0.125
    """
    return real(x) ** 3


def somewhat(x: Any) -> Any:
    """Dilation, ``√x`` (eq. 21).

    >>> float(somewhat(0.25))
    0.5
    """
    x = real(x)
    return namespace(x).sqrt(x)


def more_or_less(x: Any) -> Any:
    """Dilation, ``√x``: another word for `somewhat`.

    >>> float(more_or_less(0.25))
    0.5
    """
    return somewhat(x)


def slightly(x: Any) -> Any:
    """True but not very: ``norm(x^1.25 · (1 − x²))``, scaled to reach 1 at x = √(5/13).

    Zadeh's norm(plus(x) ∧ ¬very(x)) in the product family; ``√x − x`` (eq. 22 as printed) never exceeds 0.25
    and is no hedge.

    >>> round(float(slightly((5 / 13) ** 0.5)), 6)
    1.0
    """
    x = real(x)
    return x**1.25 * (1.0 - x**2) * (1.0 / _PEAK)


#: The hedges by the name they have in the rule language.
HEDGES: dict[str, Callable[[Any], Any]] = {
    "very": very,
    "extremely": extremely,
    "somewhat": somewhat,
    "more_or_less": more_or_less,
    "slightly": slightly,
}
_ROOTS = frozenset({"somewhat", "more_or_less"})


class PSchedule(Config, frozen=True):
    """How strict ∀ is as training goes on: p rises from ``start`` to ``end`` in steps of one.

    Low p forgives outliers while the predicates are still random, high p asks that every case holds.

    >>> [PSchedule(epochs=50).at(e) for e in (0, 10, 30, 50, 900)]
    [1.0, 2.0, 4.0, 6.0, 6.0]
    """

    start: Power = 1.0
    end: Power = 6.0
    epochs: Positive = 50.0

    def at(self, epoch: float) -> float:
        """p of an epoch, a whole step between ``start`` and ``end``."""
        share = min(max(epoch / self.epochs, 0.0), 1.0)
        return self.start + float(int((self.end - self.start) * share))

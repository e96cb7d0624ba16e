"""What a rule is: a crisp verdict at run time, a fuzzy truth for training, and a bound on what may be sent."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from janus_trader.brain.prefrontal.config import PrefrontalConfig
from janus_trader.brain.prefrontal.envelope import Envelope
from janus_trader.contracts.decision import Posture, RuleVerdict

#: An excess up to this is rounding, not a breach.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules may look at besides the proposal.

    ``held`` (n,) are the weights held now, finite; ``present`` (n,) bool; ``drawdown`` and
    ``session_loss`` are fractions (1 where equity is not known); ``sound`` is False when a figure of
    the portfolio was not finite or equity is not positive.
    """

    held: np.ndarray
    present: np.ndarray
    posture: Posture
    drawdown: float
    session_loss: float
    sound: bool = True


class Rule(ABC):
    """One rule of the book.

    A subclass sets ``name`` and ``limits`` (configuration fields that permit more the larger their
    size) and implements `judge` and `narrow`. Both are pure in their arguments but for the envelope.
    What `narrow` leaves open must pass `judge`.
    """

    name: ClassVar[str]
    limits: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: PrefrontalConfig, symbols: tuple[str, ...], long_only: bool) -> None:
        self.config, self.symbols, self.long_only = config, symbols, long_only
        self._passed = RuleVerdict(rule=self.name, passed=True, truth=1.0)

    @property
    def content(self) -> RuleVerdict:
        """The word of a rule that has nothing to say."""
        return self._passed

    @abstractmethod
    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        """What this rule says of the weights ``proposal`` (n,), which may hold NaN (never passed)."""

    @abstractmethod
    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        """Take away what this rule forbids in this situation."""

    def truth(self, excess: float, limit: float) -> float:
        """Truth of "within the limit": ``exp(−s·excess/max(limit, scale))``, 1 without excess, 0 for NaN."""
        if excess <= 0.0:
            return 1.0
        if not math.isfinite(excess):
            return 0.0
        c = self.config
        return math.exp(-c.truth_sharpness * excess / max(limit, c.truth_scale))

    def verdict(self, excess: float, limit: float, detail: str, truth: float | None = None) -> RuleVerdict:
        """Crisp and fuzzy in one: passed when ``excess`` is at most rounding."""
        if excess <= 0.0:
            return self._passed
        return RuleVerdict(
            rule=self.name,
            passed=excess <= TOLERANCE,
            truth=self.truth(excess, limit) if truth is None else truth,
            detail="" if excess <= TOLERANCE else detail,
        )

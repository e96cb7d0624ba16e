"""Watches how far the decisions of a run satisfy the market axioms."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.prefrontal.axioms import MarketLogic, MarketLogicConfig, choices_of
from janus_trader.contracts.decision import Action, LogicReport
from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Fraction


class LogicMonitorConfig(Config, frozen=True):
    """What is watched, and from when a rule counts as violated."""

    axioms: MarketLogicConfig = MarketLogicConfig()
    tolerance: Annotated[Fraction, Meta(description="mean truth below which a rule is violated")] = 0.7
    alpha: Annotated[float, Meta(gt=0, le=1, description="weight of the newest decision in the means")] = 0.05


@njit(cache=True)
def _record(truths, alpha, tolerance, mean, violations, broken):  # type: ignore[no-untyped-def]
    """Move the means, count the violations and write which they are; how many."""
    count = 0
    for r in range(truths.size):
        mean[r] += alpha * (truths[r] - mean[r])
        if truths[r] < tolerance:
            violations[r] += 1
            broken[count] = r
            count += 1
    return count


class LogicMonitor:
    """Satisfaction and violations of every axiom over the decisions of a run.

    Of each decision it reports the mean truth of every axiom over the book, the satisfaction of all, and the axioms
    below their tolerance; it keeps an exponential mean of the truths (started at the first value) and
    counts violations. It influences nothing.

    Notes
    -----
    An instrument whose features are not known does not count; where none is, there is nothing to report and
    nothing is recorded. A choice that is not a number breaks every axiom. Facts of another shape: DataError.
    O(n): about ten microseconds for twenty instruments.

    Examples
    --------
    >>> from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
    >>> watch = LogicMonitor(LogicMonitorConfig())
    >>> facts = np.zeros((1, N_INSTRUMENT_FEATURES)); facts[0, [0, 3, 7, 8, 11]] = 2.0, 0.95, 0.18, 2.0, 1.0
    >>> report = watch.observe(np.array([[1.0, 0.0, 0.0]]), facts)
    >>> report.violated, watch.record["trend_up"][1]
    (('trend_up',), 1)
    """

    def __init__(self, config: LogicMonitorConfig) -> None:
        self.config, self.logic = config, MarketLogic(config.axioms)
        self._broken = np.empty(len(self.logic.names), np.int64)
        self.reset()

    def report(self, action: Action, facts: np.ndarray) -> LogicReport | None:
        """`observe` for what the basal ganglia released: its policy, or the choices its scores stand for."""
        choices = action.policy if action.policy.ndim == 2 else choices_of(action.score)
        return self.observe(choices, facts)

    def observe(self, choices: np.ndarray, facts: np.ndarray) -> LogicReport | None:
        """The report on choices (n, 3) under facts (n, f), recorded; None where no instrument is known."""
        names = self.logic.names
        if facts.size == 0:
            return None
        satisfaction, truths, counted = self.logic.summary(choices, facts)
        if counted == 0:
            return None
        alpha = self.config.alpha if self.observed else 1.0
        broken = self._broken
        count = _record(truths, alpha, self.config.tolerance, self._mean, self._violations, broken)
        self.observed += 1
        return LogicReport(
            truths=dict(zip(names, truths.tolist(), strict=True)),
            satisfaction=satisfaction,
            violated=tuple([names[r] for r in broken[:count].tolist()]) if count else (),
        )

    @property
    def record(self) -> dict[str, tuple[float, int]]:
        """Per axiom: exponential mean of its truth, and how many decisions violated it."""
        pairs = zip(self._mean.tolist(), self._violations.tolist(), strict=True)
        return dict(zip(self.logic.names, pairs, strict=True))

    def reset(self) -> None:
        """Forget every decision."""
        self._mean = np.ones(len(self.logic.names))
        self._violations = np.zeros(len(self.logic.names), dtype=np.int64)
        self.observed = 0

    def snapshot(self) -> bytes:
        """The record as bytes."""
        return pack(
            {
                "rules": list(self.logic.names),
                "mean": self._mean,
                "violations": self._violations,
                "observed": self.observed,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to other axioms."""
        tree = unpack(raw)
        if tree.get("rules") != list(self.logic.names):
            raise IntegrityError(
                "snapshot of other axioms", got=tree.get("rules"), expected=str(self.logic.names)
            )
        self._mean, self._violations = np.array(tree["mean"]), np.array(tree["violations"])
        self.observed = int(tree["observed"])

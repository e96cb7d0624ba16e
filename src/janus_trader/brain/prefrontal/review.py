"""The review: the only way from a target to the market."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.brain.prefrontal.config import PrefrontalConfig
from janus_trader.brain.prefrontal.envelope import SLACK, Envelope, new_exposure, project
from janus_trader.brain.prefrontal.goals import GoalBook
from janus_trader.brain.prefrontal.logic_monitor import LogicMonitor
from janus_trader.brain.prefrontal.rule import Rule, Situation
from janus_trader.brain.prefrontal.rules import RULEBOOK
from janus_trader.contracts.decision import Action, LogicReport, RuleVerdict, Target, Threat, Verdict
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.learning.logic import for_all


@njit(cache=True)
def _clean(held: np.ndarray) -> bool:
    """Replace what is not finite by 0 (nothing may be added to it) and say whether nothing was."""
    clean = True
    for i in range(held.size):
        if not math.isfinite(held[i]):
            held[i] = 0.0
            clean = False
    return clean


@njit(cache=True)
def _inside(w, held, present, lower, upper, caps):  # type: ignore[no-untyped-def]
    """Whether a wish lies in the envelope without any slack, so that no rule can have a complaint."""
    gross, net, added, outside = 0.0, 0.0, 0.0, 0
    for i in range(w.size):
        if present[i]:
            outside += not lower[i] <= w[i] <= upper[i]
            added += new_exposure(w[i], held[i])
        else:
            outside += w[i] != held[i]
        gross += abs(w[i])
        net += w[i]
    return outside == 0 and gross <= caps[0] and caps[1] <= net <= caps[2] and added <= caps[3]


@njit(cache=True)
def _settle(wish, held, present, lower, upper, caps, allowed):  # type: ignore[no-untyped-def]
    """Write what is allowed of a wish; (whether it lay inside, whether anything changed)."""
    inside = _inside(wish, held, present, lower, upper, caps)
    allowed[:] = project(wish, held, present, lower, upper, caps[0], caps[1], caps[2], caps[3])
    differences = 0
    for i in range(wish.size):
        differences += not abs(allowed[i] - wish[i]) <= SLACK
    return inside, differences > 0


class Prefrontal:
    """Judges a target by every rule and returns the weights that may be sent.

    Every rule says its word on the *target*; what is *allowed* is the target moved into the envelope
    that all rules together leave open, by shrinking weights only. Hence what is allowed passes every
    rule, a second review of it changes nothing, and from FREEZE on no position is larger than it was.

    Parameters
    ----------
    config : PrefrontalConfig
    symbols : tuple of str
        The book, in the order of every array.
    long_only : bool

    Notes
    -----
    Fails closed: a weight that is not a number, a portfolio whose figures are not finite or equity
    that is not positive mean that no position may grow. No warm-up. Cost O(n) per rule.
    The state is a record of how each rule and axiom fared and of the goals (for reports); it has no influence
    on any verdict.

    Attributes
    ----------
    logic : LogicMonitor
        How far decisions satisfy the market axioms.
    goals : GoalBook
        What is wanted of the book.

    Raises
    ------
    ConfigError
        The book is empty.

    Examples
    --------
    >>> from janus_trader.contracts.decision import Posture, Severity
    >>> review = Prefrontal(PrefrontalConfig(), ("A", "B"), long_only=True).review
    >>> book = PortfolioState(ts_event=0, equity=1.0, cash=1.0, peak_equity=1.0,
    ...     session_start_equity=1.0, weights=(0.0, 0.0), quantities=(0.0, 0.0))
    >>> calm = Threat(score=0.0, severity=Severity.NONE, posture=Posture.NORMAL, fear=0.0, detectors={})
    >>> wish = Target(weights=np.array([0.5, 0.1]), method="example", expected_volatility=0.1)
    >>> verdict = review(wish, book, calm, np.array([True, True]))
    >>> verdict.allowed.tolist(), [r.detail for r in verdict.rules if not r.passed]
    ([0.15, 0.1], ['A at 0.5000 is outside [-0.1, 0.15]'])
    """

    def __init__(self, config: PrefrontalConfig, symbols: tuple[str, ...], long_only: bool) -> None:
        if not symbols:
            raise ConfigError("an empty book", got=symbols, expected="at least one symbol")
        self.config, self.symbols, self.long_only = config, tuple(symbols), bool(long_only)
        self.rules: tuple[Rule, ...] = tuple(kind(config, self.symbols, self.long_only) for kind in RULEBOOK)
        self.logic, self.goals = LogicMonitor(config.logic), GoalBook(config.goals)
        self._content = tuple(rule.content for rule in self.rules)
        self._envelope, self._caps = Envelope(len(symbols)), np.empty(4)
        self.reset()

    def review(
        self, target: Target, portfolio: PortfolioState, threat: Threat, present: np.ndarray
    ) -> Verdict:
        """Judge ``target`` and return what may be sent.

        Raises
        ------
        DataError
            The target, the portfolio or ``present`` are not of the book's length.
        """
        situation = self.situation(portfolio, threat, present)
        wish = np.asarray(target.weights, dtype=np.float64)
        if wish.shape != situation.held.shape:
            raise DataError("a target of another book", got=wish.shape, expected=str(situation.held.shape))
        box = self._envelope
        box.open()
        for rule in self.rules:
            rule.narrow(wish, situation, box)
        self._caps[:] = box.gross, box.net_lower, box.net_upper, box.turnover
        allowed = np.empty(wish.size)
        inside, changed = _settle(
            wish, situation.held, situation.present, box.lower, box.upper, self._caps, allowed
        )
        # what the rules together leave open passes each of them: then their words are known unasked
        rules = self._content if inside and situation.sound else self.judge(wish, situation)
        self._record(rules)
        return Verdict(allowed=allowed, rules=rules, changed=changed)

    def reflect(self, action: Action, features: np.ndarray, portfolio: PortfolioState) -> LogicReport | None:
        """How far a choice satisfies the market axioms, once a bar; the goals move on.

        Parameters
        ----------
        action : Action
            Its ``policy`` is judged, or the choices its scores stand for.
        features : (n, f) array
            `janus_trader.contracts.features.INSTRUMENT_FEATURES` of every instrument, or empty.
        portfolio : PortfolioState

        Returns
        -------
        LogicReport or None
            None where no instrument's features are known. Changes no verdict. O(n).
        """
        self.goals.update(portfolio)
        return self.logic.report(action, features)

    def judge(self, weights: np.ndarray, situation: Situation) -> tuple[RuleVerdict, ...]:
        """What every rule says of ``weights`` (n,), in the order of the rulebook. Pure."""
        return tuple([rule.judge(weights, situation) for rule in self.rules])

    def situation(self, portfolio: PortfolioState, threat: Threat, present: np.ndarray) -> Situation:
        """The portfolio, threat and data as the rules see them; what is not known counts as the worst."""
        held = np.array(portfolio.weights, dtype=np.float64)
        mask = np.asarray(present, dtype=np.bool_)
        if held.shape != (len(self.symbols),) or mask.shape != held.shape:
            raise DataError(
                "a portfolio of another book",
                got=f"weights {held.shape}, present {mask.shape}",
                expected=f"({len(self.symbols)},) each",
            )
        equity, peak, start = portfolio.equity, portfolio.peak_equity, portfolio.session_start_equity
        known = 0.0 < equity < math.inf
        drawdown = max(0.0, 1.0 - equity / peak) if known and 0.0 < peak < math.inf else 1.0
        loss = max(0.0, 1.0 - equity / start) if known and 0.0 < start < math.inf else 1.0
        clean = bool(_clean(held))
        return Situation(held, mask, threat.posture, drawdown, loss, known and clean)

    def satisfaction(self, rules: tuple[RuleVerdict, ...]) -> float:
        """How far the rulebook as a whole holds, in [0, 1]: the p-mean-error ∀ over its rules.

        ``1 − satisfaction`` is the logical loss of training.
        """
        return float(for_all([r.truth for r in rules], self.config.forall_p))

    @property
    def record(self) -> dict[str, tuple[float, int]]:
        """Per rule: running mean of its truth, and how many targets broke it."""
        return {rule.name: (self._truths[i], self._breaches[i]) for i, rule in enumerate(self.rules)}

    def _record(self, rules: tuple[RuleVerdict, ...]) -> None:
        alpha = self.config.satisfaction_alpha
        self._truths[:] = [t + alpha * (word.truth - t) for t, word in zip(self._truths, rules, strict=True)]
        if rules is self._content:  # each of them has passed
            return
        for i, word in enumerate(rules):
            if not word.passed:
                self._breaches[i] += 1

    def reset(self) -> None:
        """Forget how the rules and axioms fared, and set the goals anew."""
        self.logic.reset()
        self.goals.reset()
        self._truths = [1.0] * len(self.rules)
        self._breaches = [0] * len(self.rules)

    def snapshot(self) -> bytes:
        """How the rules and axioms fared and where the goals stand, as bytes."""
        return pack(
            {
                "rules": [r.name for r in self.rules],
                "truths": self._truths,
                "breaches": self._breaches,
                "logic": self.logic.snapshot(),
                "goals": self.goals.snapshot(),
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another rulebook, axioms or goals."""
        tree = unpack(raw)
        names = [r.name for r in self.rules]
        if tree.get("rules") != names:
            raise IntegrityError("snapshot of another rulebook", got=tree.get("rules"), expected=str(names))
        self.logic.restore(tree["logic"])
        self.goals.restore(tree["goals"])
        self._truths = [float(x) for x in tree["truths"]]
        self._breaches = [int(x) for x in tree["breaches"]]

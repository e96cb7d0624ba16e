"""The rules. Each is small, so that what it forbids can be read at a glance."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numba import njit

from janus_trader.brain.prefrontal.config import PrefrontalConfig
from janus_trader.brain.prefrontal.envelope import Envelope, new_exposure
from janus_trader.brain.prefrontal.rule import Rule, Situation
from janus_trader.contracts.decision import Posture, RuleVerdict


@njit(cache=True)
def _all_finite(w: np.ndarray) -> bool:
    bad = 0
    for i in range(w.size):
        bad += not math.isfinite(w[i])
    return bad == 0


@njit(cache=True)
def _outside(w, present, lower, upper, sharpness, scale, p):  # type: ignore[no-untyped-def]
    """∀ tradable instruments: lower <= w <= upper. (truth, worst excess, its instrument)."""
    errors, count, worst, where = 0.0, 0, 0.0, -1
    for i in range(w.size):
        if not present[i]:
            continue
        count += 1
        excess, limit = 0.0, 0.0
        if not math.isfinite(w[i]):
            excess = np.inf
        elif w[i] > upper:
            excess, limit = w[i] - upper, upper
        elif w[i] < lower:
            excess, limit = lower - w[i], -lower
        if excess > 0.0:
            errors += (1.0 - math.exp(-sharpness * excess / max(limit, scale))) ** p
            if excess > worst:
                worst, where = excess, i
    truth = 1.0 - (errors / count) ** (1.0 / p) if count > 0 else 1.0
    return truth, worst, where


@njit(cache=True)
def _sums(w, held, present):  # type: ignore[no-untyped-def]
    """(gross, net) of the proposal and (gross, net) of what cannot be traded."""
    gross, net, pinned_gross, pinned_net = 0.0, 0.0, 0.0, 0.0
    for i in range(w.size):
        gross += abs(w[i])
        net += w[i]
        if not present[i]:
            pinned_gross += abs(held[i])
            pinned_net += held[i]
    return gross, net, pinned_gross, pinned_net


@njit(cache=True)
def _growth(w, held, present, scale):  # type: ignore[no-untyped-def]
    """New exposure of tradable instruments against ``scale`` times what is held: (total, largest's index)."""
    total, worst, where = 0.0, 0.0, -1
    for i in range(w.size):
        if not present[i]:
            continue
        added = new_exposure(w[i], scale * held[i])
        if not math.isfinite(w[i]):
            added = np.inf
        total += added
        if added > worst:
            worst, where = added, i
    return total, where


@njit(cache=True)
def _moved(w, held, present):  # type: ignore[no-untyped-def]
    """Largest change of an instrument that cannot be traded: (size, its instrument)."""
    worst, where = 0.0, -1
    for i in range(w.size):
        if not present[i]:
            change = abs(w[i] - held[i])
            if not math.isfinite(change):
                change = np.inf
            if change > worst:
                worst, where = change, i
    return worst, where


class FiniteRule(Rule):
    """Every weight is a number and the portfolio is known; otherwise no position may grow."""

    name = "finite"

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        if situation.sound and _all_finite(proposal):
            return self._passed
        bad = [s for s, ok in zip(self.symbols, np.isfinite(proposal), strict=True) if not ok]
        detail = f"no number for {', '.join(bad)}" if bad else "the portfolio's figures are not usable"
        return self.verdict(math.inf, 0.0, f"{detail}: no position may grow")

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        if not (situation.sound and _all_finite(proposal)):
            envelope.freeze(situation.held)


class StaleInstrumentRule(Rule):
    """An instrument without a bar cannot be traded: its weight stays what it is."""

    name = "stale_instrument"

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        excess, i = _moved(proposal, situation.held, situation.present)
        if excess <= 0.0:
            return self._passed
        return self.verdict(excess, 0.0, f"{self.symbols[i]} has no bar: its weight stays")

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        """Nothing to take away: the way into every envelope starts by pinning what is absent."""


class PositionLimitRule(Rule):
    """No instrument beyond its long or short limit."""

    name = "position_limit"
    limits: ClassVar[tuple[str, ...]] = (
        "max_long",
        "max_short",
    )

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        c = self.config
        truth, excess, i = _outside(
            proposal,
            situation.present,
            -c.max_short,
            c.max_long,
            c.truth_sharpness,
            c.truth_scale,
            c.forall_p,
        )
        if excess <= 0.0:
            return self._passed
        detail = f"{self.symbols[i]} at {proposal[i]:.4f} is outside [{-c.max_short:g}, {c.max_long:g}]"
        return self.verdict(excess, 0.0, detail, truth)

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        envelope.limit(-self.config.max_short, self.config.max_long)


class LongOnlyRule(Rule):
    """A long-only book has no short weight."""

    name = "long_only"

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        if not self.long_only:
            return self._passed
        c = self.config
        truth, excess, i = _outside(
            proposal, situation.present, 0.0, math.inf, c.truth_sharpness, c.truth_scale, c.forall_p
        )
        if excess <= 0.0:
            return self._passed
        return self.verdict(
            excess, 0.0, f"{self.symbols[i]} at {proposal[i]:.4f} is short in a long-only book", truth
        )

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        if self.long_only:
            envelope.limit(0.0, math.inf)


class RestrictedListRule(Rule):
    """A restricted instrument may be reduced, never bought into."""

    name = "restricted_list"

    def __init__(self, config: PrefrontalConfig, symbols: tuple[str, ...], long_only: bool) -> None:
        super().__init__(config, symbols, long_only)
        self._mask = np.array([s in config.restricted for s in symbols])
        self._where = tuple(int(i) for i in np.flatnonzero(self._mask))

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        if not self._where:
            return self._passed
        excess, i = _growth(proposal, situation.held, situation.present & self._mask, 1.0)
        return self.verdict(excess, 0.0, f"{self.symbols[i]} is restricted: it may only be reduced")

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        for i in self._where:
            envelope.freeze_one(i, situation.held[i])


class GrossLimitRule(Rule):
    """Σ|w| within its cap; what cannot be traded counts, but cannot be asked to shrink."""

    name = "gross_limit"
    limits: ClassVar[tuple[str, ...]] = ("max_gross",)

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        gross, _, pinned, _ = _sums(proposal, situation.held, situation.present)
        limit = max(self.config.max_gross, pinned)
        if gross <= limit:
            return self._passed
        excess = gross - limit if math.isfinite(gross) else math.inf
        return self.verdict(excess, limit, f"gross {gross:.4f} is over {limit:g}")

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        envelope.gross = min(envelope.gross, self.config.max_gross)


class NetLimitRule(Rule):
    """Σw within its range; what cannot be traded counts, but cannot be asked to shrink."""

    name = "net_limit"
    limits: ClassVar[tuple[str, ...]] = (
        "max_net",
        "min_net",
    )

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        _, net, _, pinned = _sums(proposal, situation.held, situation.present)
        upper, lower = max(self.config.max_net, pinned), min(self.config.min_net, pinned)
        if lower <= net <= upper:
            return self._passed
        limit = upper if net > upper else -lower
        excess = max(net - upper, lower - net) if math.isfinite(net) else math.inf
        return self.verdict(excess, abs(limit), f"net {net:.4f} is outside [{lower:g}, {upper:g}]")

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        envelope.net_upper = min(envelope.net_upper, self.config.max_net)
        envelope.net_lower = max(envelope.net_lower, self.config.min_net)


class TurnoverRule(Rule):
    """New exposure in one bar within its cap; reductions are never limited."""

    name = "turnover_limit"
    limits: ClassVar[tuple[str, ...]] = ("max_turnover",)

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        limit = self.config.max_turnover
        total, _ = _growth(proposal, situation.held, situation.present, 1.0)
        if total <= limit:
            return self._passed
        return self.verdict(total - limit, limit, f"new exposure {total:.4f} is over {limit:g}")

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        envelope.turnover = min(envelope.turnover, self.config.max_turnover)


class DrawdownRule(Rule):
    """The deeper the drawdown the smaller the gross cap; from the maximum on no position may grow.

    ``cap = G·(1 − (1 − f)·clip((DD − start)/(max − start), 0, 1))`` with floor f.
    """

    name = "drawdown"
    limits: ClassVar[tuple[str, ...]] = (
        "drawdown_start",
        "max_drawdown",
        "drawdown_floor",
        "max_gross",
    )

    def _cap(self, drawdown: float) -> float:
        c = self.config
        depth = (drawdown - c.drawdown_start) / (c.max_drawdown - c.drawdown_start)
        return c.max_gross * (1.0 - (1.0 - c.drawdown_floor) * min(max(depth, 0.0), 1.0))

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        gross, _, pinned, _ = _sums(proposal, situation.held, situation.present)
        limit = max(self._cap(situation.drawdown), pinned)
        excess, word = 0.0, "gross"
        if not gross <= limit:
            excess = gross - limit if math.isfinite(gross) else math.inf
        if situation.drawdown >= self.config.max_drawdown:
            added, i = _growth(proposal, situation.held, situation.present, 1.0)
            if added > excess:
                excess, word = added, f"growth in {self.symbols[i]}"
        if excess <= 0.0:
            return self._passed
        detail = f"{word} is {excess:.4f} over what a drawdown of {situation.drawdown:.1%} leaves"
        return self.verdict(excess, limit, detail)

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        envelope.gross = min(envelope.gross, self._cap(situation.drawdown))
        if situation.drawdown >= self.config.max_drawdown:
            envelope.freeze(situation.held)


class DailyLossRule(Rule):
    """After the day's maximum loss no position may grow until the next session (as prop firms demand)."""

    name = "daily_loss"
    limits: ClassVar[tuple[str, ...]] = ("max_daily_loss",)

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        if situation.session_loss < self.config.max_daily_loss:
            return self._passed
        excess, i = _growth(proposal, situation.held, situation.present, 1.0)
        if excess <= 0.0:
            return self._passed
        return self.verdict(
            excess, 0.0, f"{self.symbols[i]} would grow after a loss of {situation.session_loss:.1%} today"
        )

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        if not situation.session_loss < self.config.max_daily_loss:
            envelope.freeze(situation.held)


class PostureRule(Rule):
    """What the amygdala's posture leaves; each posture keeps what the weaker ones demand.

    REDUCE: position and gross limits are scaled down. FREEZE: no position may grow. SAFE: every review
    halves what is held. HALT: as SAFE; the target itself is flat then, so that only exits are left.
    """

    name = "posture"
    limits: ClassVar[tuple[str, ...]] = (
        "reduce_scale",
        "safe_scale",
    )

    def judge(self, proposal: np.ndarray, situation: Situation) -> RuleVerdict:
        posture = situation.posture
        if posture <= Posture.NORMAL:
            return self._passed
        excess, limit, truth, detail = self._reduced(proposal, situation)
        if posture >= Posture.FREEZE:
            scale = self.config.safe_scale if posture >= Posture.SAFE else 1.0
            added, i = _growth(proposal, situation.held, situation.present, scale)
            truth *= self.truth(added, 0.0)
            if added > excess:
                excess, detail = added, f"{self.symbols[i]} is over {scale:g} of what is held"
        return self.verdict(excess, limit, f"{Posture(posture).name}: {detail}", truth)

    def _reduced(self, proposal: np.ndarray, situation: Situation) -> tuple[float, float, float, str]:
        c, scale = self.config, self.config.reduce_scale
        truth, excess, i = _outside(
            proposal,
            situation.present,
            -scale * c.max_short,
            scale * c.max_long,
            c.truth_sharpness,
            c.truth_scale,
            c.forall_p,
        )
        detail = f"{self.symbols[i]} is over {scale:g} of its limit"
        gross, _, pinned, _ = _sums(proposal, situation.held, situation.present)
        limit = max(scale * c.max_gross, pinned)
        if not gross <= limit:
            over = gross - limit if math.isfinite(gross) else math.inf
            truth *= self.truth(over, limit)
            if over > excess:
                excess, detail = over, f"gross {gross:.4f} is over {limit:g}"
        return excess, limit, truth, detail

    def narrow(self, proposal: np.ndarray, situation: Situation, envelope: Envelope) -> None:
        c, posture = self.config, situation.posture
        if posture >= Posture.REDUCE:
            envelope.limit(-c.reduce_scale * c.max_short, c.reduce_scale * c.max_long)
            envelope.gross = min(envelope.gross, c.reduce_scale * c.max_gross)
        if posture >= Posture.SAFE:
            envelope.freeze(situation.held, c.safe_scale)
        elif posture >= Posture.FREEZE:
            envelope.freeze(situation.held)


#: The rulebook, in the order in which it is read and reported.
RULEBOOK: tuple[type[Rule], ...] = (
    FiniteRule,
    StaleInstrumentRule,
    RestrictedListRule,
    LongOnlyRule,
    PositionLimitRule,
    GrossLimitRule,
    NetLimitRule,
    TurnoverRule,
    DrawdownRule,
    DailyLossRule,
    PostureRule,
)

"""The indirect pathway: twelve reasons not to act."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.decision import Correlation, NoGoReason, Percept, Posture, Threat
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import PortfolioState
from janus_trader.foundation.config import Config, Count, Fraction, Positive

REASONS = tuple(NoGoReason)
N_REASONS = len(REASONS)
(
    _HALT,
    _LOSS,
    _DRAWDOWN,
    _RISK,
    _POSITION,
    _VOLATILITY,
    _LIQUIDITY,
    _CORRELATION,
    _PATTERN,
    _CUSTOM,
    _COOLING,
    _TIME,
) = range(N_REASONS)
#: The reasons that nothing can override, in their order.
NON_OVERRIDABLE = (NoGoReason.EXTERNAL_HALT, NoGoReason.LOSS_LIMIT, NoGoReason.DRAWDOWN_PROTECTION)
_NS_PER_HOUR = 3_600_000_000_000


class NoGoWeights(Config, frozen=True):
    """How much each reason counts."""

    external_halt: Fraction = 1.0
    loss_limit: Fraction = 0.95
    drawdown_protection: Fraction = 0.9
    risk_threshold: Fraction = 0.8
    position_limit: Fraction = 0.7
    high_volatility: Fraction = 0.6
    low_liquidity: Fraction = 0.6
    correlation_risk: Fraction = 0.5
    learned_pattern: Fraction = 0.5
    custom: Fraction = 0.5
    cooling_off: Fraction = 0.4
    time_restriction: Fraction = 0.3


class NoGoConfig(Config, frozen=True):
    """When each reason speaks and how reasons add up.

    Volatility is judged against the instrument's own past, because an absolute bound fits one asset class
    and one length of bar only. The position limit lies above the rulebook's: at the same value it would take
    away the view that the rulebook has just capped, and the position would be sold and bought again.
    """

    weights: NoGoWeights = NoGoWeights()
    threshold: Annotated[Fraction, Meta(description="inhibition from which nothing is released")] = 0.5
    strongest: Annotated[Fraction, Meta(description="share of the strongest reason; the rest adds")] = 0.6
    risk_multiplier: Annotated[Positive, Meta(description="of the threat score")] = 1.5
    loss_limit: Annotated[Fraction, Meta(description="loss of the session that vetoes")] = 0.05
    drawdown_start: Annotated[Fraction, Meta(description="drawdown from which protection grows")] = 0.1
    drawdown_veto: Annotated[Fraction, Meta(description="drawdown that vetoes")] = 0.4
    position_limit: Annotated[
        Positive, Meta(description="|weight| that may not grow; above the rulebook's cap, which acts first")
    ] = 0.25
    volatility_start: Annotated[Positive, Meta(description="volatility over its slow mean")] = 1.5
    volatility_full: Annotated[Positive, Meta(description="ratio at which the reason is full")] = 3.0
    volatility_rate: Annotated[Fraction, Meta(description="EMA rate of the slow mean")] = 0.01
    liquidity: Annotated[Fraction, Meta(description="volume gate below which liquidity is low")] = 0.3
    correlation: Annotated[Fraction, Meta(description="average correlation that worries")] = 0.8
    breakdown: Annotated[Fraction, Meta(description="correlation breakdown that worries")] = 0.5
    cooling_losses: Annotated[Count, Meta(description="losing bars in a row")] = 3
    cooling_bars: Annotated[Count, Meta(description="bars of cooling off after them")] = 1
    blocked_symbols: tuple[str, ...] = ()
    restricted_hours_utc: tuple[Annotated[int, Meta(ge=0, le=23)], ...] = ()


@njit(cache=True)
def volatility_ratio(covariance, slow, rate, out):
    """Volatility over its slow mean so far, which then takes it in; the first value is its own mean. O(n)."""
    for i in range(out.size):
        sigma = np.sqrt(max(covariance[i, i], 0.0))
        if not slow[i] > 0.0:
            slow[i] = sigma
        out[i] = sigma / slow[i] if slow[i] > 0.0 else 0.0
        slow[i] += rate * (sigma - slow[i])


@njit(cache=True)
def combine(global_strength, drive, previous, ratio, blocked, weights, limits, no_go, reasons):
    """Inhibition of every instrument and a bit per reason that speaks. O(12·n).

    One reason alone inhibits by weight × strength; every further one adds (1 − share) of its own, up to 1.
    ``limits`` holds position limit, volatility start and full, share of the strongest reason.
    """
    for i in range(drive.size):
        strongest, total, bits = 0.0, 0.0, 0
        for r in range(weights.size):
            strength = global_strength[r]
            if r == _POSITION:
                strength = 1.0 if previous[i] * np.sign(drive[i]) >= limits[0] else 0.0
            elif r == _VOLATILITY:
                strength = (ratio[i] - limits[1]) / (limits[2] - limits[1])
            elif r == _CUSTOM:
                strength = max(strength, 1.0 if blocked[i] else 0.0)
            strength = min(max(strength, 0.0), 1.0) * weights[r]
            if strength > 0.0:
                bits |= 1 << r
                total += strength
                strongest = max(strongest, strength)
        no_go[i] = limits[3] * strongest + (1.0 - limits[3]) * min(1.0, total)
        reasons[i] = bits


class NoGoPathway:
    r"""Inhibits instruments, and vetoes the whole book.

    Non-overridable reasons at full strength veto before anything is combined. The rest inhibits by

    .. math:: no\_go = s \max_r w_r x_r + (1 - s) \min\big(1, \textstyle\sum_r w_r x_r\big)

    with strengths x in [0, 1]: one reason counts as its weight, and a further one never lowers the result
    (a mean would). A reason whose input is missing (no volume, no covariance yet) is silent.

    Parameters
    ----------
    config : NoGoConfig
    symbols : sequence of str
    """

    def __init__(self, config: NoGoConfig, symbols: tuple[str, ...]) -> None:
        self._check(config)
        self.config, self.n = config, len(symbols)
        self.weights = np.array([getattr(config.weights, reason.value) for reason in REASONS])
        self.blocked = np.array([s in config.blocked_symbols for s in symbols], np.bool_)
        self.limits = np.array(
            [config.position_limit, config.volatility_start, config.volatility_full, config.strongest]
        )
        self._hours = frozenset(config.restricted_hours_utc)
        self.reset()

    @staticmethod
    def _check(config: NoGoConfig) -> None:
        if not config.drawdown_start < config.drawdown_veto:
            raise ConfigError(
                "no-go: drawdown protection must start before it vetoes",
                got=(config.drawdown_start, config.drawdown_veto),
                expected="drawdown_start < drawdown_veto",
            )
        if not config.volatility_start < config.volatility_full:
            raise ConfigError(
                "no-go: high volatility must start before it is full",
                got=(config.volatility_start, config.volatility_full),
                expected="volatility_start < volatility_full",
            )

    def reset(self) -> None:
        """Forget losses and usual volatilities."""
        self.slow = np.zeros(self.n)
        self._seen = 0
        self._equity, self._streak, self._cooling = 0.0, 0, 0

    def step(
        self,
        drive: np.ndarray,
        previous: np.ndarray,
        percept: Percept,
        correlation: Correlation,
        threat: Threat,
        portfolio: PortfolioState,
        pattern: float,
    ) -> tuple[tuple[NoGoReason, ...], np.ndarray, np.ndarray]:
        """Vetoes, inhibition (n,) in [0, 1] and reasons as bits (n,) int64, in the order of `REASONS`."""
        vetoes, strengths = self.strengths(percept, correlation, threat, portfolio, pattern)
        no_go, bits, ratio = np.empty(self.n), np.empty(self.n, np.int64), np.zeros(self.n)
        if correlation.ready:
            volatility_ratio(correlation.covariance, self.slow, self.rate(True), ratio)
        combine(
            np.array(strengths), drive, previous, ratio, self.blocked, self.weights, self.limits, no_go, bits
        )
        return vetoes, no_go, bits

    def strengths(
        self,
        percept: Percept,
        correlation: Correlation,
        threat: Threat,
        portfolio: PortfolioState,
        pattern: float,
    ) -> tuple[tuple[NoGoReason, ...], list[float]]:
        """Take in one bar's book: vetoes, and the strength of every reason that is the same for all."""
        self._count_losses(portfolio.equity)
        config, out = self.config, [0.0] * N_REASONS
        out[_PATTERN] = pattern
        out[_HALT] = 1.0 if threat.posture >= Posture.HALT else 0.0
        start = portfolio.session_start_equity
        loss = 1.0 - portfolio.equity / start if start > 0.0 else 1.0
        out[_LOSS] = 0.0 if loss < config.loss_limit else 1.0  # a loss that is not known is a loss
        span = config.drawdown_veto - config.drawdown_start
        out[_DRAWDOWN] = (portfolio.drawdown - config.drawdown_start) / span
        risk = 1.0 if threat.posture >= Posture.FREEZE else config.risk_multiplier * threat.score - 0.5
        out[_RISK] = risk if risk == risk else 1.0
        volume = percept.gates.get("volume", 0.0)
        if 0.0 < volume < config.liquidity:
            out[_LIQUIDITY] = 1.0 - volume / config.liquidity
        if correlation.ready:
            out[_CORRELATION] = max(
                (correlation.average - config.correlation) / max(1.0 - config.correlation, 1e-9),
                (correlation.breakdown - config.breakdown) / max(1.0 - config.breakdown, 1e-9),
            )
        out[_COOLING] = 1.0 if self._cooling > 0 else 0.0
        hour = portfolio.ts_event // _NS_PER_HOUR % 24
        out[_TIME] = 1.0 if hour in self._hours else 0.0
        vetoes = tuple([reason for reason, x in zip(NON_OVERRIDABLE, out, strict=False) if x >= 1.0])
        return vetoes, out

    def _count_losses(self, equity: float) -> None:
        lost = 0.0 < equity < self._equity
        self._cooling = max(0, self._cooling - 1)
        self._streak = self._streak + 1 if lost else 0
        if self._streak >= self.config.cooling_losses:
            self._cooling, self._streak = self.config.cooling_bars, 0
        self._equity = equity

    def rate(self, ready: bool) -> float:
        """Rate of the usual volatilities at this bar, which counts where there is a covariance."""
        if not ready:
            return 0.0
        self._seen += 1
        return max(self.config.volatility_rate, 1.0 / self._seen)

    def name_reasons(
        self, held: np.ndarray, no_go: np.ndarray, bits: np.ndarray
    ) -> dict[str, tuple[NoGoReason, ...]]:
        """Reasons of the instruments in ``held`` (bool) that inhibition keeps back, by index as text."""
        out = {}
        for i in np.flatnonzero(held & (no_go >= self.config.threshold)):
            out[str(i)] = tuple(REASONS[r] for r in range(N_REASONS) if int(bits[i]) >> r & 1)
        return out

    def state(self) -> dict[str, Any]:
        """Losing streak and usual volatilities."""
        return {
            "slow": self.slow,
            "seen": self._seen,
            "equity": self._equity,
            "streak": self._streak,
            "cooling": self._cooling,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.slow, self._seen = state["slow"], int(state["seen"])
        self._equity = float(state["equity"])
        self._streak, self._cooling = int(state["streak"]), int(state["cooling"])

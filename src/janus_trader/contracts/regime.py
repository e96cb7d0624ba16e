"""The seven market regimes and their posterior."""

from __future__ import annotations

from enum import IntEnum

from janus_trader.contracts.message import Message


class Regime(IntEnum):
    """The seven regimes of the specification (section 2.2), in the order of every posterior."""

    BULL = 0
    BEAR = 1
    RANGING = 2
    CRISIS = 3
    RECOVERY = 4
    BUBBLE = 5
    DEFLATION = 6


N_REGIMES = len(Regime)


class RegimeState(Message, frozen=True):
    """What the cortex believes about the market.

    Attributes
    ----------
    posterior : 7 floats
        Probabilities in the order of `Regime`; they sum to 1.
    dominant : Regime
        The regime in force after hysteresis (not always the argmax of the posterior).
    confidence : float
        Posterior mass of the dominant regime, in [0, 1].
    change_probability : float
        Probability that the current run began within the last few bars, in [0, 1].
    turbulence : float
        Mahalanobis distance of the market's features over its chi-square threshold; > 1 is unusual.
    agreement : float
        Mean pairwise overlap of the voters, in [0, 1].
    votes : mapping voter name -> 7 floats
    age : int
        Bars since the dominant regime changed.
    forecast : 7 floats
        Markov forecast of the next bar's regime probabilities.
    """

    posterior: tuple[float, ...]
    dominant: Regime
    confidence: float
    change_probability: float
    turbulence: float
    agreement: float
    votes: dict[str, tuple[float, ...]]
    age: int
    forecast: tuple[float, ...]

    @property
    def risk_on(self) -> float:
        """Projection to risk-on mass: Bull, Recovery, Bubble and half of Ranging."""
        bull, _, ranging, _, recovery, bubble, _ = self.posterior
        return bull + recovery + bubble + 0.5 * ranging

    @property
    def calm_trend_chaos(self) -> tuple[float, float, float]:
        """Projection to Calm (Ranging), Trend (Bull, Bear, Recovery, Deflation), Chaos (Crisis, Bubble)."""
        bull, bear, ranging, crisis, recovery, bubble, deflation = self.posterior
        return ranging, bull + bear + recovery + deflation, crisis + bubble

    @property
    def trending_reverting_volatile(self) -> tuple[float, float, float]:
        """Projection to Trending, MeanReverting, Volatile, the vocabulary of the strategy gate."""
        calm, trend, chaos = self.calm_trend_chaos
        return trend, calm, chaos

"""Episodes of the day and the report of a night."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from janus_trader.contracts.message import Message


class Episode(Message, frozen=True):
    """A decision together with what became of it.

    Attributes
    ----------
    step, ts_event : int
        Of the decision.
    context : (d,) float array
        The percept's context vector.
    posterior : (7,) float array
        Regime probabilities at the decision.
    signals : (k, n) float32 array
        What each source wanted.
    payoff : (k, n) float32 array
        What following each source in each instrument paid per unit of signal: the return from the
        earliest possible fill to the bar after it, over that instrument's volatility, NaN-free.
    weights : (n,) float32 array
        The weights allowed.
    reward : float
        Return of the book over the same interval, net of costs.
    cost : float
        Costs over the same interval as a fraction of equity.
    fear, surprise, confidence : float
        Emotional tags in [0, 1].
    ripple : str
        The strongest ripple type this episode would raise ("" for none).
    """

    step: int
    ts_event: int
    context: np.ndarray
    posterior: np.ndarray
    signals: np.ndarray
    payoff: np.ndarray
    weights: np.ndarray
    reward: float
    cost: float
    fear: float
    surprise: float
    confidence: float
    ripple: str = ""


class SleepPhase(StrEnum):
    """Phases of a night (specification eq. 42)."""

    AWAKE = "awake"
    LIGHT = "light"
    DEEP = "deep"
    INTEGRATION = "integration"
    TRANSITION = "transition"


class CandidateReport(Message, frozen=True):
    """One learner's candidate: its score on the held-back slice against the incumbent's."""

    learner: str
    incumbent: float
    candidate: float
    accepted: bool
    reason: str
    change: float = 0.0  # relative size of the parameter change


class SleepReport(Message, frozen=True):
    """What a night did."""

    night: int
    ts_event: int
    deep: bool
    episodes: int
    replayed: int
    phases: tuple[SleepPhase, ...]
    candidates: tuple[CandidateReport, ...]
    ripples: dict[str, int]
    parameters_before: str
    parameters_after: str

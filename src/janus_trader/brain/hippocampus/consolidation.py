"""Traces: what replay leaves behind, until it is strong enough for the cortex."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.memory import Consolidated
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative, Positive


class ConsolidationConfig(Config, frozen=True):
    """How traces grow, fade and pass over."""

    boost: Annotated[NonNegative, Meta(description="strength gained by a replay")] = 0.15
    emotional: Annotated[Positive, Meta(description="its factor at full fear and surprise")] = 1.5
    rewarded: Annotated[Positive, Meta(description="its factor after a large profit")] = 1.3
    decay: Annotated[Fraction, Meta(description="share of its strength a trace loses in a night")] = 0.01
    prune: Annotated[Fraction, Meta(description="strength below which a trace is lost")] = 0.1
    per_cycle: Annotated[Count, Meta(description="memories tried in a cycle at most")] = 50
    doubt: Annotated[Fraction, Meta(description="what is left of a trace that no other day confirms")] = 0.5
    recall: Annotated[Fraction, Meta(description="similarity to another day that proves a memory")] = 0.5


def gains(
    config: ConsolidationConfig, emotion: np.ndarray, reward: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """Strength gained by traces replayed ``times`` (m,).

    ``boost·emotional^e·rewarded^r`` a replay, with emotion e and reward r in [0, 1].

    >>> one = np.ones(1)
    >>> gains(ConsolidationConfig(), one, one, one).round(4).tolist(), gains(
    ...     ConsolidationConfig(), 0 * one, 0 * one, 2 * one
    ... ).tolist()
    ([0.2925], [0.3])
    """
    return times * config.boost * config.emotional**emotion * config.rewarded**reward


def faded(config: ConsolidationConfig, trace: np.ndarray) -> np.ndarray:
    """Traces a night later; what falls below ``prune`` is lost.

    >>> faded(ConsolidationConfig(), np.array([1.0, 0.101, 0.1])).round(3).tolist()
    [0.99, 0.0, 0.0]
    """
    later = trace * (1.0 - config.decay)
    return np.where(later >= config.prune, later, 0.0)


def handed_on(record: np.ndarray, state: np.ndarray) -> Consolidated:
    """The message of one record of the ring and the state it was made in."""
    return Consolidated(
        step=int(record["step"]),
        ts_event=int(record["ts_event"]),
        embedding=state,
        posterior=record["posterior"].astype(np.float64),
        reward=float(record["reward"]),
        payoff=record["payoff"].astype(np.float64),
        strength=float(record["trace"]),
        emotion=float(0.5 * (record["fear"] + record["surprise"])),
    )

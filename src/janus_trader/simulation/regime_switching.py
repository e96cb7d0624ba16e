"""Markets that switch between the seven regimes: ground truth for whatever claims to see regimes.

A chain over `Regime` gives the regime of every trading day; its parameters are round numbers stated here,
not fits. Stays are drawn, then the next regime:

    stay = 1 + NegativeBinomial(k, mean (m - 1)),      next ~ row of `NEXT`.

With ``k = 1`` the stay is geometric and the chain is Markov, with `transition_matrix`; a larger k makes
stays more alike (semi-Markov). What a regime does to prices stands in `PROFILES`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.foundation.config import Config
from janus_trader.simulation.scenarios.phases import Phase

#: Mean stay in trading days, in the order of `Regime`.
MEAN_DAYS = np.array([200.0, 120.0, 120.0, 30.0, 60.0, 60.0, 120.0])

_NEXT: dict[Regime, dict[Regime, float]] = {
    Regime.BULL: {Regime.RANGING: 0.4, Regime.BUBBLE: 0.25, Regime.BEAR: 0.2, Regime.CRISIS: 0.15},
    Regime.BEAR: {Regime.RECOVERY: 0.4, Regime.CRISIS: 0.25, Regime.RANGING: 0.2, Regime.DEFLATION: 0.15},
    Regime.RANGING: {Regime.BULL: 0.5, Regime.BEAR: 0.3, Regime.DEFLATION: 0.1, Regime.CRISIS: 0.1},
    Regime.CRISIS: {Regime.RECOVERY: 0.6, Regime.BEAR: 0.3, Regime.RANGING: 0.1},
    Regime.RECOVERY: {Regime.BULL: 0.7, Regime.RANGING: 0.2, Regime.BEAR: 0.1},
    Regime.BUBBLE: {Regime.CRISIS: 0.6, Regime.BEAR: 0.3, Regime.RANGING: 0.1},
    Regime.DEFLATION: {Regime.RECOVERY: 0.5, Regime.RANGING: 0.4, Regime.BEAR: 0.1},
}

#: The regime after this one, once it is left: rows and columns in the order of `Regime`.
NEXT = np.array([[_NEXT[a].get(b, 0.0) for b in Regime] for a in Regime])

#: What each regime does to prices; ``drift`` is the market's log return a year.
PROFILES: dict[Regime, Phase] = {
    Regime.BULL: Phase("bull", Regime.BULL, drift=0.25, volatility=0.8),
    Regime.BEAR: Phase("bear", Regime.BEAR, drift=-0.35, volatility=1.4, spread=1.3, together=0.2),
    Regime.RANGING: Phase("ranging", Regime.RANGING, volatility=0.9),
    Regime.CRISIS: Phase(
        "crisis", Regime.CRISIS, drift=-1.5, volatility=3.0, volume=2.5, spread=3.0, together=0.7
    ),
    Regime.RECOVERY: Phase(
        "recovery", Regime.RECOVERY, drift=0.6, volatility=1.6, volume=1.3, spread=1.4, together=0.2
    ),
    Regime.BUBBLE: Phase("bubble", Regime.BUBBLE, drift=1.0, volatility=1.0, volume=2.0),
    Regime.DEFLATION: Phase(
        "deflation", Regime.DEFLATION, drift=-0.12, volatility=0.7, volume=0.6, spread=1.2
    ),
}


class RegimeSwitchingConfig(Config, frozen=True):
    """How alike the stays in a regime are."""

    stay_shape: Annotated[
        float, Meta(ge=1, le=100, description="k: 1 is a Markov chain, more is more regular")
    ] = 1.0


def transition_matrix() -> np.ndarray:
    """Daily transition probabilities (7, 7) of the Markov case: ``I + diag(1 / m) (NEXT - I)``.

    >>> p = transition_matrix()
    >>> bool(np.allclose(p.sum(axis=1), 1.0)), round(float(p[Regime.CRISIS, Regime.CRISIS]), 4)
    (True, 0.9667)
    """
    leave = 1.0 / MEAN_DAYS
    return np.eye(N_REGIMES) + leave[:, None] * (NEXT - np.eye(N_REGIMES))


def draw_regimes(
    days: int,
    generator: np.random.Generator,
    config: RegimeSwitchingConfig | None = None,
    *,
    first: Regime = Regime.RANGING,
) -> list[tuple[Regime, int]]:
    """Regimes and their stays in days; the stays add up to ``days``, the last one cut off there.

    Raises
    ------
    ConfigError
        Fewer than one day.

    >>> stays = draw_regimes(1000, np.random.default_rng(0))
    >>> sum(days for _, days in stays), stays[0][0].name
    (1000, 'RANGING')
    """
    if days < 1:
        raise ConfigError("a simulation needs days", got=days, expected="1 or more trading days")
    shape = (config or RegimeSwitchingConfig()).stay_shape
    stays: list[tuple[Regime, int]] = []
    state, left = int(first), days
    cumulated = np.cumsum(NEXT, axis=1)
    while left > 0:
        mean = MEAN_DAYS[state] - 1.0
        stay = min(left, 1 + int(generator.negative_binomial(shape, shape / (shape + mean))))
        stays.append((Regime(state), stay))
        left -= stay
        state = min(int(np.searchsorted(cumulated[state], generator.random(), side="right")), N_REGIMES - 1)
    return stays


def regime_phases(stays: list[tuple[Regime, int]]) -> tuple[Phase, ...]:
    """The stays as phases with the prices of `PROFILES`, for `scenarios.lay_out`."""
    return tuple(replace(PROFILES[regime], days=float(days)) for regime, days in stays)

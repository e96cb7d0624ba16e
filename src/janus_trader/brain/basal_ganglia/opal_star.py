"""OpAL and OpAL* as agents of a bandit: the published models, on top of the one update rule."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.brain.basal_ganglia.opal import opal_act, opal_update
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive


class OpalStarConfig(Config, frozen=True):
    """Rates of the agent; ``dynamic`` makes it OpAL*, without it is OpAL with a constant ρ."""

    dynamic: bool = True
    alpha_actor: Annotated[Fraction, Meta(description="rate of G and N")] = 0.3
    alpha_critic: Annotated[Fraction, Meta(description="rate of V of OpAL; OpAL*'s critic counts")] = 0.1
    beta: Annotated[Positive, Meta(description="inverse temperature of Act")] = 1.5
    rho: Annotated[float, Meta(description="constant dopamine of OpAL")] = 0.0
    gain: Annotated[NonNegative, Meta(description="k: dopamine per unit of V − ½")] = 20.0
    sureness: Annotated[NonNegative, Meta(description="φ: deviations V must be from ½ to move ρ")] = 1.0
    annealing: Annotated[Positive, Meta(description="T: rates halve where T · variance is 1")] = 100.0
    reward: Annotated[float, Meta(description="value of a win")] = 1.0
    loss: Annotated[float, Meta(description="value of no win")] = 0.0


class BanditOpal:
    r"""Opponent actors over the arms of one state.

    .. math:: \alpha_t = \frac{\alpha}{1 + 1 / (T\,\mathrm{Var})}, \quad f(\delta) = \frac{\delta}{R - L}, \quad
        \rho = k\,(\hat V - \tfrac12) \text{ if } |\hat V - \tfrac12| > \phi\,\sigma \text{ else } 0

    with V̂, Var, σ of the Beta law of the share of wins, one win and one loss counted beforehand. The critic's
    uncertainty anneals the actors' rates, and once it is sure whether the place is rich or lean, dopamine
    weighs the actor that tells the arms apart there: β_G = β·max(0, 1 + ρ), β_N = β·max(0, 1 − ρ). δ is taken
    from the old V, and only the arm chosen is updated.

    Parameters
    ----------
    arms : int
    config : OpalStarConfig

    Examples
    --------
    >>> agent = BanditOpal(2, OpalStarConfig())
    >>> agent.learn(0, won=True)
    >>> bool(agent.g[0] > 1.0 > agent.n[0]), float(agent.g[1])
    (True, 1.0)

    References
    ----------
    Collins & Frank (2014). Opponent actor learning. Psychological Review 121. Jaskir & Frank (2023). On the
    normative advantages of dopamine and striatal opponency. eLife 12:e85107.
    """

    def __init__(self, arms: int, config: OpalStarConfig) -> None:
        self.config, self.arms = config, arms
        self.reset()

    def reset(self) -> None:
        """Nothing is known."""
        c = self.config
        self.g, self.n = np.ones(self.arms), np.ones(self.arms)
        self.v = 0.5 * (c.reward + c.loss)
        self.wins, self.losses = 1.0, 1.0

    @property
    def share(self) -> float:
        """Mean V̂ of the law of the share of wins."""
        return self.wins / (self.wins + self.losses)

    @property
    def variance(self) -> float:
        """Its variance: what the critic does not know."""
        total = self.wins + self.losses
        return self.wins * self.losses / (total * total * (total + 1.0))

    @property
    def rho(self) -> float:
        """Dopamine at choice."""
        c = self.config
        if not c.dynamic:
            return c.rho
        away = self.share - 0.5
        return c.gain * away if abs(away) > c.sureness * math.sqrt(self.variance) else 0.0

    def probabilities(self) -> np.ndarray:
        """Softmax of Act over the arms, (arms,)."""
        rho = self.rho
        # β(1 + ρ) and β(1 − ρ) may not turn negative: a pathway can fall silent, not change sides.
        if abs(rho) <= 1.0:
            act = np.array(
                [opal_act(g, n, self.config.beta, rho) for g, n in zip(self.g, self.n, strict=True)]
            )
        else:
            side = self.g if rho > 0.0 else -self.n
            act = self.config.beta * (1.0 + abs(rho)) * side
        out = np.exp(act - act.max())
        return np.asarray(out / out.sum())

    def choose(self, generator: np.random.Generator) -> int:
        """An arm drawn by `probabilities`."""
        return min(int(np.searchsorted(np.cumsum(self.probabilities()), generator.random())), self.arms - 1)

    def learn(self, arm: int, *, won: bool) -> None:
        """Update V, G and N of the arm chosen. O(1)."""
        c = self.config
        reward = c.reward if won else c.loss
        rate = c.alpha_actor
        if c.dynamic:
            self.v = c.reward * self.share + c.loss * (1.0 - self.share)
            rate /= (1.0 + 1.0 / (c.annealing * self.variance)) * (c.reward - c.loss)
        g, n, v = opal_update(
            self.g[arm], self.n[arm], self.v, reward, rate, rate, c.alpha_critic, 0.0, math.inf
        )
        self.g[arm], self.n[arm] = g, n
        self.wins, self.losses = self.wins + won, self.losses + (not won)
        self.v = c.reward * self.share + c.loss * (1.0 - self.share) if c.dynamic else v

"""Execution environment in the Almgren-Chriss world: work off a parent order in slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode
from msgspec import Meta

from janus_trader.foundation.config import Config, NonNegative
from janus_trader.numerics.almgren_chriss import trajectory, urgency
from janus_trader.simulation.environments.adapters import EpisodeEnv, EpisodeVectorEnv
from janus_trader.simulation.environments.episodes import Episodes, box, known_options
from janus_trader.simulation.environments.execution_kernel import (
    IMPACT_DTYPE,
    PARENT_DTYPE,
    advance_parents,
    begin_parents,
    observe_parents,
)


class ExecutionConfig(Config, frozen=True):
    """The parent order and its market; the defaults are the worked example of Almgren and Chriss."""

    side: Literal["sell", "buy"] = "sell"
    units: Annotated[float, Meta(gt=0, description="X, units to trade")] = 1e6
    slices: Annotated[int, Meta(ge=1, description="N")] = 20
    horizon: Annotated[float, Meta(gt=0, description="T, days")] = 5.0
    price: Annotated[float, Meta(gt=0, description="arrival price")] = 50.0
    sigma: Annotated[float, Meta(ge=0, description="absolute, price / sqrt(day)")] = 0.95
    eta: Annotated[float, Meta(ge=0, description="temporary impact, price / (units / day)")] = 2.5e-6
    gamma: Annotated[float, Meta(ge=0, description="permanent impact, price / unit")] = 2.5e-7
    half_spread: NonNegative = 0.0625
    risk_aversion: Annotated[float, Meta(ge=0, description="lambda, 1 / currency")] = 0.0

    def world(self) -> np.ndarray:
        """The numbers as the kernel takes them, (1,) of `IMPACT_DTYPE`."""
        world = np.zeros(1, IMPACT_DTYPE)
        world[0] = (
            1.0 if self.side == "sell" else -1.0,
            self.units,
            self.price,
            self.sigma,
            self.eta,
            self.gamma,
            self.half_spread,
            self.risk_aversion,
            self.horizon / self.slices,
            self.slices,
        )
        return world

    def optimal_actions(self) -> np.ndarray:
        """Actions (N,) of the Almgren-Chriss trajectory: the best of all policies fixed in advance.

        Shocks being independent with mean zero, no policy that reacts to them has a better expected
        reward either.
        """
        holdings = trajectory(
            self.units, self.horizon, self.slices, self.sigma, self.eta, self.gamma, self.risk_aversion
        )
        left = holdings[:-1]
        return np.divide(-np.diff(holdings), left, out=np.ones(self.slices), where=left > 0.0)


class ExecutionEpisodes(Episodes):
    """Parent orders in one Almgren-Chriss world; see `ExecutionEnv` for what a step does."""

    def __init__(self, config: ExecutionConfig, size: int, threads: int | None = None) -> None:
        super().__init__(size, threads)
        urgency(config.horizon, config.slices, config.sigma, config.eta, config.gamma, config.risk_aversion)
        self.config = config
        self.action_space = box(0.0, 1.0, 1)
        self.observation_space = box(-10.0, 10.0, 4)
        self._world = config.world()
        self._state = np.zeros(size, PARENT_DTYPE)
        self._shocks = np.zeros((size, config.slices))

    def begin(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]
    ) -> None:
        known_options(options, ())
        for e, generator in zip(rows.tolist(), generators, strict=True):
            generator.standard_normal(out=self._shocks[e])
        begin_parents(rows, self._world, self._state)

    def observe(self, rows: np.ndarray, out: np.ndarray) -> None:
        observe_parents(rows, self._world, self._state, out)

    def advance(
        self,
        actions: np.ndarray,
        running: np.ndarray,
        observations: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        held = (self._world, self._shocks, self._state)
        given = (actions, running, observations, rewards, terminated, truncated)

        def run(first: int, last: int) -> None:
            advance_parents(first, last, *held, *given)

        self.in_chunks(run)

    def info(self) -> dict[str, np.ndarray]:
        return {name: self._state[name].copy() for name in ("left", "price", "units", "shortfall")}


class ExecutionEnv(EpisodeEnv):
    r"""Sell or buy ``units`` in N slices; `gymnasium.make("janus/Execution-v0")`.

    Action: the share in [0, 1] of what is left to trade in this slice; the last slice trades all of it.
    In slice k, n units are traded and x are left, and (for a sale)

    .. math:: S_k = S_{k-1} + \sigma\sqrt\tau\,\xi_k - \gamma n_k, \qquad
              \tilde S_k = S_{k-1} - \epsilon - \eta\, n_k / \tau

    Reward: basis points of the arrival value :math:`X S_0` of

    .. math:: n_k (\tilde S_k - S_{k-1}) + x_k (S_k - S_{k-1}) - \lambda \sigma^2 \tau x_k^2

    The first two terms sum to :math:`\sum n_k \tilde S_k - X S_0`, minus the implementation shortfall (info
    ``shortfall``); the third is the variance that Almgren and Chriss charge. For a purchase prices move
    the other way.

    Observation: share left, share of time left, price move in our favour since arrival in units of
    :math:`\sigma\sqrt T`, last shock in our favour; clipped to ±10. ``terminated`` when nothing is left;
    never ``truncated``. Prices are arithmetic and may become negative.

    Raises
    ------
    DataError
        Impact for which there is no optimum (`janus_trader.numerics.almgren_chriss.urgency`); at a step:
        an action that is not finite, of another shape or outside [0, 1].

    Examples
    --------
    >>> env = ExecutionEnv(ExecutionConfig(sigma=0.0, slices=5))
    >>> observation, info = env.reset(seed=1)
    >>> for share in env.episodes.config.optimal_actions():
    ...     observation, reward, terminated, truncated, info = env.step([share])
    >>> terminated, round(info["shortfall"])
    (True, 662500)

    References
    ----------
    Almgren & Chriss (2000), Optimal execution of portfolio transactions.
    """

    def __init__(self, config: ExecutionConfig | None = None) -> None:
        super().__init__(ExecutionEpisodes(config or ExecutionConfig(), 1))


class ExecutionVectorEnv(EpisodeVectorEnv):
    """Many `ExecutionEnv`, one compiled call a step; see `EpisodeVectorEnv`."""

    def __init__(
        self,
        num_envs: int,
        config: ExecutionConfig | None = None,
        *,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        episodes = ExecutionEpisodes(config or ExecutionConfig(), num_envs, threads)
        super().__init__(episodes, autoreset_mode, copy)

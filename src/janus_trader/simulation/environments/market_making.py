"""Market-making environment in the Avellaneda-Stoikov world: quotes around a mid that diffuses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from gymnasium.vector import AutoresetMode
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config, Count, NonNegative, Positive
from janus_trader.simulation.environments.adapters import EpisodeEnv, EpisodeVectorEnv
from janus_trader.simulation.environments.episodes import Episodes, box, known_options
from janus_trader.simulation.environments.market_making_kernel import (
    DEALER_DTYPE,
    MAKER_DTYPE,
    QUOTE_DTYPE,
    advance_makers,
    begin_makers,
    observe_makers,
)


class MarketMakingConfig(Config, frozen=True):
    """The dealer and the market; the defaults are the simulation of Avellaneda and Stoikov."""

    price: Positive = 100.0
    sigma: Annotated[float, Meta(ge=0, description="absolute, price / sqrt(time)")] = 2.0
    horizon: Annotated[float, Meta(gt=0, description="T")] = 1.0
    steps: Count = 200
    arrivals: Annotated[float, Meta(ge=0, description="A, market orders per time at the mid")] = 140.0
    decay: Annotated[float, Meta(ge=0, description="k, per unit of price")] = 1.5
    mean_lots: Annotated[float, Meta(ge=1, description="mean size of a market order, geometric")] = 1.0
    max_offset: Annotated[float, Meta(gt=0, description="distance from the mid of an action of 1")] = 5.0
    max_lots: Annotated[int, Meta(ge=1, description="size of a quote for an action of 1")] = 1
    inventory_limit: Annotated[int, Meta(ge=1, description="lots, either sign")] = 100
    latency: Annotated[int, Meta(ge=0, description="steps until a quote stands")] = 0
    maker_fee: Annotated[float, Meta(description="per lot filled; negative: a rebate")] = 0.0
    liquidation_cost: Annotated[NonNegative, Meta(description="per lot held at the end")] = 0.0
    inventory_penalty: Annotated[NonNegative, Meta(description="per lot squared and time")] = 0.0

    def world(self) -> np.ndarray:
        """The numbers as the kernel takes them, (1,) of `DEALER_DTYPE`."""
        world = np.zeros(1, DEALER_DTYPE)
        world[0] = (
            self.price,
            self.sigma,
            self.arrivals,
            self.decay,
            self.horizon / self.steps,
            math.log1p(-1.0 / self.mean_lots) if self.mean_lots > 1.0 else 0.0,
            self.max_offset,
            self.maker_fee,
            self.liquidation_cost,
            self.inventory_penalty,
            self.max_lots,
            self.inventory_limit,
            self.latency,
            self.steps,
        )
        return world


def avellaneda_stoikov_offsets(
    inventory: np.ndarray, time_left: np.ndarray, sigma: float, gamma: float, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    r"""Distances of bid and ask from the mid that are approximately optimal for exponential utility.

    .. math:: r - S = -q \gamma \sigma^2 (T - t), \qquad
              \delta^a + \delta^b = \gamma \sigma^2 (T - t) + \tfrac2\gamma \ln(1 + \gamma / k)

    Parameters
    ----------
    inventory, time_left : arrays of one shape
        q in lots; T - t >= 0.
    sigma, gamma, decay : float
        Absolute volatility >= 0, risk aversion > 0, k > 0.

    Returns
    -------
    tuple of arrays
        S - bid and ask - S; negative beyond the mid.

    Raises
    ------
    DataError
        A parameter out of range.

    Examples
    --------
    >>> bid, ask = avellaneda_stoikov_offsets(np.array([0, 2]), np.array([1.0, 0.5]), 2.0, 0.1, 1.5)
    >>> bid.round(3).tolist(), ask.round(3).tolist()
    ([0.845, 1.145], [0.845, 0.345])

    References
    ----------
    Avellaneda & Stoikov (2008), High-frequency trading in a limit order book, eqs. (3.17), (3.18).
    """
    if not (sigma >= 0.0 and gamma > 0.0 and decay > 0.0):
        raise DataError(
            "no such dealer", got=(sigma, gamma, decay), expected="sigma >= 0, gamma > 0 and decay > 0"
        )
    risk = gamma * sigma * sigma * np.asarray(time_left, np.float64)
    half = 0.5 * risk + math.log1p(gamma / decay) / gamma
    skew = np.asarray(inventory, np.float64) * risk
    return half + skew, half - skew


class MarketMakingEpisodes(Episodes):
    """Market makers in one Avellaneda-Stoikov world; see `MarketMakingEnv` for what a step does."""

    def __init__(self, config: MarketMakingConfig, size: int, threads: int | None = None) -> None:
        super().__init__(size, threads)
        self.config = config
        self.action_space = box(-1.0, 1.0, 4)
        self.observation_space = box(-10.0, 10.0, 3)
        self._world = config.world()
        self._state = np.zeros(size, MAKER_DTYPE)
        self._quotes = np.zeros((size, config.latency + 1, 2), QUOTE_DTYPE)
        self._normals = np.zeros((size, config.steps))
        self._uniforms = np.ones((size, config.steps, 4))

    def begin(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]
    ) -> None:
        known_options(options, ())
        for e, generator in zip(rows.tolist(), generators, strict=True):
            generator.standard_normal(out=self._normals[e])
            generator.random(out=self._uniforms[e])
        self._uniforms[rows] = 1.0 - self._uniforms[rows]  # a logarithm is taken of them
        begin_makers(rows, self._world, self._state, self._quotes)

    def observe(self, rows: np.ndarray, out: np.ndarray) -> None:
        observe_makers(rows, self._world, self._state, out)

    def advance(
        self,
        actions: np.ndarray,
        running: np.ndarray,
        observations: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        held = (self._world, self._normals, self._uniforms, self._state, self._quotes)
        given = (actions, running, observations, rewards, terminated, truncated)

        def run(first: int, last: int) -> None:
            advance_makers(first, last, *held, *given)

        self.in_chunks(run)

    def info(self) -> dict[str, np.ndarray]:
        out = {name: self._state[name].copy() for name in ("inventory", "mid", "fees", "traded")}
        out["wealth"] = self._state["cash"] + self._state["inventory"] * self._state["mid"]
        return out


class MarketMakingEnv(EpisodeEnv):
    r"""Quote a bid and an ask at every step; `gymnasium.make("janus/MarketMaking-v0")`.

    Action: four numbers in [-1, 1]. The first two, times ``max_offset``, are the distances of bid and ask
    from the mid (negative: beyond it); the last two are their sizes, -1 for no quote and 1 for
    ``max_lots``. Quotes have absolute prices, replace those of the step before, and stand ``latency``
    steps later. A quote is cut to what the inventory limit allows.

    In each step a market order meets a quote at distance :math:`\delta` from the mid with probability
    :math:`\min(1, A e^{-k\delta} \Delta t)`; its size is geometric with mean ``mean_lots``. Then the mid moves by
    :math:`\sigma\sqrt{\Delta t}\,\xi`.

    Reward: change of wealth (cash and inventory at the mid) after ``maker_fee``, less
    :math:`\varphi q^2 \Delta t`; at the end ``liquidation_cost`` for each lot still held. Currency of the price.

    Observation: inventory over its limit, share of time left, mid move since the start in units of
    :math:`\sigma\sqrt T`; clipped to ±10. ``truncated`` after ``steps``; never ``terminated``.

    Raises
    ------
    DataError
        At a step: an action that is not finite, of another shape or outside [-1, 1].

    Notes
    -----
    Infos: ``inventory``, ``mid``, ``fees``, ``traded`` (lots) and ``wealth``.

    Examples
    --------
    >>> env = MarketMakingEnv()
    >>> observation, info = env.reset(seed=3)
    >>> observation.tolist()
    [0.0, 1.0, 0.0]
    >>> offset = 0.745 / env.episodes.config.max_offset
    >>> while True:
    ...     observation, reward, terminated, truncated, info = env.step([offset, offset, 1.0, 1.0])
    ...     if truncated:
    ...         break
    >>> info["traded"] > 40
    True

    References
    ----------
    Avellaneda & Stoikov (2008), High-frequency trading in a limit order book, section 3.3.
    """

    def __init__(self, config: MarketMakingConfig | None = None) -> None:
        super().__init__(MarketMakingEpisodes(config or MarketMakingConfig(), 1))


class MarketMakingVectorEnv(EpisodeVectorEnv):
    """Many `MarketMakingEnv`, one compiled call a step; see `EpisodeVectorEnv`."""

    def __init__(
        self,
        num_envs: int,
        config: MarketMakingConfig | None = None,
        *,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        episodes = MarketMakingEpisodes(config or MarketMakingConfig(), num_envs, threads)
        super().__init__(episodes, autoreset_mode, copy)

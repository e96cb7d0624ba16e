"""Market-making environment in a simulated order book: two quotes with a place in the queue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from gymnasium.vector import AutoresetMode
from msgspec import Meta

from janus_trader.foundation.config import Config, NonNegative
from janus_trader.simulation.book_market.state import QUOTE, WITHDRAW
from janus_trader.simulation.environments.adapters import EpisodeEnv, EpisodeVectorEnv
from janus_trader.simulation.environments.book_world import SECOND, BookEpisodes, BookWorld
from janus_trader.simulation.environments.episodes import box, known_options


class BookMarketMakingConfig(Config, frozen=True):
    """Quotes, limits and costs of inventory; ticks and lots."""

    steps: Annotated[int, Meta(ge=1)] = 200
    step_s: Annotated[float, Meta(gt=0, description="market time between two decisions")] = 1.0
    max_offset_ticks: Annotated[float, Meta(gt=0, description="distance from the mid of an action of 1")] = (
        10.0
    )
    max_lots: Annotated[int, Meta(ge=1, description="size of a quote for an action of 1")] = 20
    inventory_limit: Annotated[int, Meta(ge=1, description="lots, either sign")] = 200
    liquidation_ticks: Annotated[NonNegative, Meta(description="cost per lot held at the end")] = 1.0
    inventory_penalty: Annotated[NonNegative, Meta(description="ticks per lot squared and second")] = 0.0


class BookMarketMakingEpisodes(BookEpisodes):
    """Market makers, each in its own simulated market; see `BookMarketMakingEnv` for what a step does."""

    def __init__(
        self, config: BookMarketMakingConfig, world: BookWorld, size: int, threads: int | None = None
    ) -> None:
        super().__init__(world, own_slots=2, size=size, threads=threads)
        self.config = config
        self._step_ns = round(config.step_s * SECOND)
        self.action_space = box(-1.0, 1.0, 4)
        self.observation_space = box(-10.0, 10.0, 2 + self.market_size)

    def begin(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]
    ) -> None:
        known_options(options, ())
        self._open(rows, generators)

    def observe(self, rows: np.ndarray, out: np.ndarray) -> None:
        for e in rows.tolist():
            one = self._episode[e]
            out[e, 0] = min(max(one["inventory"] / self.config.inventory_limit, -10.0), 10.0)
            out[e, 1] = 1.0 - one["step"] / self.config.steps
            self._show(e, out[e, 2:])

    def advance(
        self,
        actions: np.ndarray,
        running: np.ndarray,
        observations: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        def run(first: int, last: int) -> None:
            for e in (first + np.flatnonzero(running[first:last])).tolist():
                over = self._episode[e]["step"] + 1 >= self.config.steps
                rewards[e] = self._step(e, actions[e].tolist(), over)
                terminated[e] = False
                truncated[e] = over or self._edge[e]
                self.observe(np.array([e]), observations)

        self.in_chunks(run)

    def info(self) -> dict[str, np.ndarray]:
        return {name: self._episode[name].copy() for name in ("inventory", "mid", "wealth")}

    def _step(self, e: int, action: list[float], last: bool) -> float:
        one, c = self._episode[e], self.config
        worth, mid, held = float(one["wealth"]), float(one["mid"]), int(one["inventory"])
        prices = (
            math.floor(mid - c.max_offset_ticks * action[0]),
            math.ceil(mid + c.max_offset_ticks * action[1]),
        )
        for side in range(2):
            room = c.inventory_limit - (1 - 2 * side) * held
            lots = min(round(0.5 * (action[2 + side] + 1.0) * c.max_lots), room)
            if lots > 0:
                self._send(e, QUOTE, side, side, max(prices[side], 1), lots)
            else:
                self._send(e, WITHDRAW, side, side, 0, 0)
        self._run(e, int(one["start_ns"]) + (int(one["step"]) + 1) * self._step_ns)
        self._look(e)
        one["step"] += 1
        if last:
            one["wealth"] -= c.liquidation_ticks * abs(int(one["inventory"]))
        return float(one["wealth"]) - worth - c.inventory_penalty * float(one["inventory"]) ** 2 * c.step_s


class BookMarketMakingEnv(EpisodeEnv):
    r"""Quote both sides of a simulated book; `gymnasium.make("janus/BookMarketMaking-v0")`.

    Action: four numbers in [-1, 1]. The first two, times ``max_offset_ticks``, are the distances of bid
    and ask from the mid, rounded outwards to ticks (a quote that would trade is slid behind the other
    side's best price); the last two are their sizes, -1 for no quote and 1 for ``max_lots``. Quotes arrive
    after the world's latency; one at the same price with no more lots keeps its place in the queue,
    another goes to its end. A quote is cut to what the inventory limit allows when it is sent: what fills
    while it is on its way may overshoot the limit by ``max_lots``.

    Reward: change of wealth (cash, inventory at the mid, after the market's fees), less
    ``inventory_penalty`` :math:`q^2 \Delta t`; at the end ``liquidation_ticks`` for each lot held. Ticks times lots.

    Observation: inventory over its limit, share of time left, then the market as `BookEpisodes` says,
    with two own orders. ``truncated`` after ``steps`` or where the market's price comes to the end of its
    ladder; never ``terminated``.

    Parameters
    ----------
    config : BookMarketMakingConfig
    world : BookWorld

    Raises
    ------
    DataError
        At a step: an action that is not finite, of another shape or outside [-1, 1].

    Examples
    --------
    >>> env = BookMarketMakingEnv(BookMarketMakingConfig(steps=5))
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step([0.05, 0.05, 1.0, 1.0])
    >>> terminated, truncated, observation.shape
    (False, False, (29,))
    """

    def __init__(self, config: BookMarketMakingConfig | None = None, world: BookWorld | None = None) -> None:
        super().__init__(
            BookMarketMakingEpisodes(config or BookMarketMakingConfig(), world or BookWorld(), 1)
        )


class BookMarketMakingVectorEnv(EpisodeVectorEnv):
    """Many `BookMarketMakingEnv`, each with its own market; see `EpisodeVectorEnv`."""

    def __init__(
        self,
        num_envs: int,
        config: BookMarketMakingConfig | None = None,
        world: BookWorld | None = None,
        *,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        episodes = BookMarketMakingEpisodes(
            config or BookMarketMakingConfig(), world or BookWorld(), num_envs, threads
        )
        super().__init__(episodes, autoreset_mode, copy)

"""Execution environment in a simulated order book: slices of a parent order as limit orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config
from janus_trader.simulation.book_market.state import LIMIT, TAKE, WITHDRAW
from janus_trader.simulation.environments.adapters import EpisodeEnv, EpisodeVectorEnv
from janus_trader.simulation.environments.book_world import SECOND, BookEpisodes, BookWorld
from janus_trader.simulation.environments.episodes import box, known_options


class BookExecutionConfig(Config, frozen=True):
    """The parent order and its schedule; ticks and lots."""

    side: Literal["sell", "buy"] = "sell"
    lots: Annotated[int, Meta(ge=1, description="size of the parent order")] = 500
    slices: Annotated[int, Meta(ge=1)] = 20
    slice_s: Annotated[float, Meta(gt=0, description="length of a slice, market time")] = 5.0
    max_offset_ticks: Annotated[int, Meta(ge=1, description="distance of an action of 1")] = 5


class BookExecutionEpisodes(BookEpisodes):
    """Parent orders, each in its own simulated market; see `BookExecutionEnv` for what a step does."""

    def __init__(
        self, config: BookExecutionConfig, world: BookWorld, size: int, threads: int | None = None
    ) -> None:
        super().__init__(world, own_slots=1, size=size, threads=threads)
        self._slice_ns = round(config.slice_s * SECOND)
        if self._slice_ns <= 2 * world.latency_ns:
            raise ConfigError(
                "a slice must be longer than two latencies",
                got=f"{self._slice_ns} ns, latency {world.latency_ns} ns",
                remedy="raise slice_s",
            )
        self.config = config
        self._selling = config.side == "sell"
        self._parent = config.lots if self._selling else -config.lots
        self.action_space = Box(np.array([0, -1], np.float32), np.ones(2, np.float32), dtype=np.float32)
        self.observation_space = box(-10.0, 10.0, 2 + self.market_size)

    def begin(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]
    ) -> None:
        known_options(options, ())
        self._open(rows, generators)

    def observe(self, rows: np.ndarray, out: np.ndarray) -> None:
        for e in rows.tolist():
            out[e, 0] = self._left(e) / self.config.lots
            out[e, 1] = 1.0 - self._episode[e]["step"] / self.config.slices
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
                rewards[e] = self._slice(e, *actions[e].tolist())
                over = self._left(e) == 0 or self._episode[e]["step"] >= self.config.slices
                terminated[e] = over
                truncated[e] = self._edge[e] and not over
                self.observe(np.array([e]), observations)

        self.in_chunks(run)

    def info(self) -> dict[str, np.ndarray]:
        left = np.abs(self._parent + self._episode["inventory"])
        filled = np.abs(self._episode["inventory"] - self._episode["before"])
        arrival = self._parent * self._episode["first_mid"]
        return {
            "left": left,
            "units": filled,
            "mid": self._episode["mid"].copy(),
            "shortfall": arrival - self._worth(slice(None)),
        }

    def _left(self, e: int) -> int:
        return abs(self._parent + int(self._episode[e]["inventory"]))

    def _worth(self, rows: Any) -> Any:
        """Account and unfinished part of the parent order at the mid, ticks times lots."""
        return self._episode["wealth"][rows] + self._parent * self._episode["mid"][rows]

    def _slice(self, e: int, share: float, offset: float) -> float:
        one = self._episode[e]
        worth, before = self._worth(e), int(one["inventory"])
        end = int(one["start_ns"]) + (int(one["step"]) + 1) * self._slice_ns
        side = 1 if self._selling else 0
        self._send(e, WITHDRAW, side, 0, 0, 0)
        self._wait(e)  # what the old order still gets is known before the new one is sized
        self._look(e)
        left = self._left(e)
        if one["step"] == self.config.slices - 1:
            if left:
                self._send(e, TAKE, side, 0, 0, left)
        else:
            lots = round(min(max(share, 0.0), 1.0) * left)
            if lots:
                self._send(e, LIMIT, side, 0, self._price(e, offset), lots)
        self._run(e, max(end, int(self._states[e].head[0]["time"])))
        self._look(e)
        one["before"] = before
        one["step"] += 1
        return 1e4 * (self._worth(e) - worth) / (self.config.lots * one["first_mid"])

    def _wait(self, e: int) -> None:
        self._run(e, int(self._states[e].head[0]["time"]) + self.world.latency_ns)

    def _price(self, e: int, offset: float) -> int:
        """The learner's best price moved by ``offset``: behind it where positive, towards a trade else."""
        best = self._seen[e, 2 if self._selling else 0]
        base = best if best == best else self._episode[e]["mid"]
        behind = round(offset * self.config.max_offset_ticks)
        return round(base) + (behind if self._selling else -behind)


class BookExecutionEnv(EpisodeEnv):
    r"""Work off a parent order in a simulated book; `gymnasium.make("janus/BookExecution-v0")`.

    Action: the share in [0, 1] of what is left to offer in this slice, and in [-1, 1] where: the best
    price of the learner's own side moved by that times ``max_offset_ticks``, behind it where positive,
    towards a trade where negative (beyond the other side's best it takes at once). At the start of a
    slice the last order is withdrawn, one latency later the new one is sent; a second latency later it is
    in the book, where it has its place in the queue. The last slice sends all that is left as a market order.

    Reward: basis points of the arrival value of the change of account and unfinished order at the mid,
    after fees. They sum to minus the implementation shortfall (info ``shortfall``, ticks times lots).

    Observation: share left, share of time left, then the market as `BookEpisodes` says, with one own
    order. ``terminated`` when nothing is left or after the last slice; what a book without orders has
    left over is in info ``left``, valued at the mid. ``truncated`` where the market's price comes to the
    end of its ladder.

    Parameters
    ----------
    config : BookExecutionConfig
    world : BookWorld

    Raises
    ------
    ConfigError
        A slice that is not longer than two latencies; sizes of a market that do not fit.
    DataError
        At a step: an action that is not finite, of another shape or outside the action space.

    Examples
    --------
    >>> env = BookExecutionEnv(BookExecutionConfig(lots=50, slices=3))
    >>> observation, info = env.reset(seed=1)
    >>> arrival_value, total, terminated = 50 * info["mid"], 0.0, False
    >>> while not terminated:
    ...     observation, reward, terminated, truncated, info = env.step([0.5, 0.0])
    ...     total += reward
    >>> info["left"], abs(total + 1e4 * info["shortfall"] / arrival_value) < 1e-9
    (0, True)
    """

    def __init__(self, config: BookExecutionConfig | None = None, world: BookWorld | None = None) -> None:
        super().__init__(BookExecutionEpisodes(config or BookExecutionConfig(), world or BookWorld(), 1))


class BookExecutionVectorEnv(EpisodeVectorEnv):
    """Many `BookExecutionEnv`, each with its own market; see `EpisodeVectorEnv`."""

    def __init__(
        self,
        num_envs: int,
        config: BookExecutionConfig | None = None,
        world: BookWorld | None = None,
        *,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ) -> None:
        episodes = BookExecutionEpisodes(
            config or BookExecutionConfig(), world or BookWorld(), num_envs, threads
        )
        super().__init__(episodes, autoreset_mode, copy)

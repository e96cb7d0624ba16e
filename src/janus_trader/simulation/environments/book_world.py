"""Simulated order-book markets as a world for episodes: opening, clock, what an account sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.book_market import (
    Agent,
    FlowModel,
    MarketConfig,
    copy_state,
    default_flow,
    drive,
    engine,
    external,
    informed,
    market_maker,
    new_state,
    open_market,
    refill,
    reset_state,
)
from janus_trader.simulation.book_market.state import EDGE, SLOTS
from janus_trader.simulation.environments.episodes import Episodes

SECOND = 1_000_000_000
_BOUND = 10.0
_TICKS = 0.1  # prices are shown in tens of ticks
_LOTS = 0.2  # and quantities as a fifth of log(1 + lots)


def _small_market() -> MarketConfig:
    return MarketConfig(n_ticks=2_048, capacity=4_096, start_price=1_024, uniforms=4_096, keep=False)


def _usual_agents() -> tuple[Agent, ...]:
    return (market_maker(), informed())


@dataclass(frozen=True)
class BookWorld:
    """The market that book environments live in, and how the learner is connected to it.

    Attributes
    ----------
    flow : FlowModel
        The anonymous flow; default or fitted on a recording.
    agents : tuple of Agent
        Others in the market; the learner's account comes after theirs.
    market : MarketConfig
        Nothing is kept, whatever its ``keep`` says.
    latency_ns : int
        From the learner to the market.
    settle_s : float
        Market time between the common opening and an episode's start, lived anew by every episode.
    levels : int
        Levels of each side in an observation.
    opening_seed : int
        Of the opening that all episodes share.
    """

    flow: FlowModel = field(default_factory=default_flow)
    agents: tuple[Agent, ...] = field(default_factory=_usual_agents)
    market: MarketConfig = field(default_factory=_small_market)
    latency_ns: int = 1_000_000
    settle_s: float = 5.0
    levels: int = 5
    opening_seed: int = 0

    def __post_init__(self) -> None:
        if not (self.latency_ns >= 0 and 0.0 <= self.settle_s < math.inf and self.levels >= 1):
            raise ConfigError(
                "a book world of unusable numbers",
                got=f"latency_ns={self.latency_ns}, settle_s={self.settle_s}, levels={self.levels}",
                expected="latency_ns >= 0, settle_s >= 0, levels >= 1",
            )


#: What an episode remembers of its market: start, last known and first mid (ticks), wealth, inventory.
EPISODE_DTYPE = np.dtype(
    [
        ("step", "i8"),
        ("start_ns", "i8"),
        ("mid", "f8"),
        ("first_mid", "f8"),
        ("wealth", "f8"),
        ("inventory", "i8"),
        ("before", "i8"),
    ],
    align=True,
)


@njit(cache=True, nogil=True)
def _show(seen, mid, first_mid, levels, slots, out):
    """The market part of an observation, see `BookEpisodes`."""
    for k in range(levels):
        for side in range(2):
            price, lots = seen[4 * k + 2 * side], seen[4 * k + 2 * side + 1]
            away = abs(price - mid) * _TICKS if price == price else _BOUND
            out[4 * k + 2 * side] = min(away, _BOUND)
            out[4 * k + 2 * side + 1] = min(math.log1p(lots) * _LOTS, _BOUND)
    at = 4 * levels
    out[at] = min(max((mid - first_mid) * _TICKS, -_BOUND), _BOUND)
    for slot in range(slots):
        own = seen[4 * levels + 6 + 3 * slot : 4 * levels + 9 + 3 * slot]
        resting = own[1] > 0.0
        here = at + 1 + 3 * slot
        out[here] = min(max((own[0] - mid) * _TICKS, -_BOUND), _BOUND) if resting else 0.0
        out[here + 1] = min(math.log1p(own[1]) * _LOTS, _BOUND)
        out[here + 2] = min(math.log1p(own[2]) * _LOTS, _BOUND) if resting else 0.0


class BookEpisodes(Episodes):
    """Episodes that each own a copy of a simulated market and an account in it.

    The market part of an observation, ``4 levels + 1 + 3 slots`` numbers: of each level bid distance from
    the mid, bid lots, ask distance, ask lots; the mid's move since the start; of each own order its price
    less the mid, its lots, and the lots ahead of it. Distances are in tens of ticks, lots as
    log(1 + lots) / 5, an empty level is 10 away; all is clipped to ±10. The value that informed agents
    know is not shown. Where a side is empty the last known mid is used, here and in rewards.
    """

    least_chunk = 8

    def __init__(self, world: BookWorld, own_slots: int, size: int, threads: int | None = None) -> None:
        super().__init__(size, threads)
        self.world, self._own_slots = world, own_slots
        self.account = len(world.agents) + 1
        agents = [*world.agents, external(latency_ns=world.latency_ns)]
        self._fresh = new_state(world.flow, agents, world.market.replace(keep=False))
        open_market(self._fresh, np.random.Generator(np.random.Philox(world.opening_seed)))
        self._fresh.head[0]["cursor"] = self._fresh.uniforms.size  # every episode draws its own
        self._states = [copy_state(self._fresh) for _ in range(size)]
        self._generators: list[Any] = [None] * size
        self._episode = np.zeros(size, EPISODE_DTYPE)
        self._edge = np.zeros(size, np.bool_)
        self._seen = np.zeros((size, 4 * world.levels + 6 + 3 * SLOTS))

    @property
    def market_size(self) -> int:
        """Length of the market part of an observation."""
        return 4 * self.world.levels + 1 + 3 * self._own_slots

    @property
    def states(self) -> list[Any]:
        """The markets, one an episode."""
        return self._states

    def _open(self, rows: np.ndarray, generators: Sequence[np.random.Generator]) -> None:
        for e, generator in zip(rows.tolist(), generators, strict=True):
            self._generators[e] = generator
            reset_state(self._states[e], self._fresh)
            self._edge[e] = False
            self._run(e, round(self.world.settle_s * SECOND))
            one = self._episode[e]
            one["step"], one["start_ns"] = 0, self._states[e].head[0]["time"]
            one["mid"] = self.world.market.start_price + 0.5
            self._look(e)
            one["first_mid"], one["inventory"], one["before"], one["wealth"] = one["mid"], 0, 0, 0.0

    def _run(self, e: int, until_ns: int) -> None:
        if drive(self._states[e], self._generators[e], until_ns) == EDGE:
            self._edge[e] = True

    def _send(self, e: int, what: int, side: int, slot: int, price: int, lots: int) -> None:
        """Send a request at the present time; prices beyond the ladder are put on its ends."""
        state = self._states[e]
        if state.head[0]["cursor"] >= state.uniforms.size:
            refill(state, self._generators[e])
        on_ladder = min(max(price, 1), self.world.market.n_ticks - 2) if price else 0
        engine.submit(state, self.account, what, side, slot, on_ladder, lots)

    def _look(self, e: int) -> None:
        """See the market; afterwards mid, wealth (ticks times lots, after fees) and inventory are known."""
        engine.observe(self._states[e], self.account, self.world.levels, self._seen[e])
        mid, inventory, cash, fees = self._seen[e, 4 * self.world.levels + 1 : 4 * self.world.levels + 5]
        one = self._episode[e]
        if not math.isnan(mid):
            one["mid"] = mid
        one["before"] = one["inventory"]
        one["inventory"] = int(inventory)
        one["wealth"] = cash + inventory * one["mid"] - fees

    def _show(self, e: int, out: np.ndarray) -> None:
        one = self._episode[e]
        _show(self._seen[e], one["mid"], one["first_mid"], self.world.levels, self._own_slots, out)

"""A simulated book market as an object: flow, agents and known value around the real order book."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.foundation.config import Config, NonNegative
from janus_trader.numerics import order_book_source as source
from janus_trader.numerics.order_book import SelfTrade, empty_book
from janus_trader.simulation.book_market import engine
from janus_trader.simulation.book_market.agents import Agent, agent_rows
from janus_trader.simulation.book_market.flow import FlowModel
from janus_trader.simulation.book_market.state import (
    EDGE,
    EXTERNAL,
    HEAD_DTYPE,
    LOG_FULL,
    NEVER,
    NEWS,
    OWN_SLOTS,
    UNIFORMS,
    WAKE,
    MarketState,
    empty_calendar,
    empty_logs,
    whole,
)
from janus_trader.stores.book_recordings import BookHeader, BookRecording

_SECOND = 1_000_000_000
_OPENING_LEVELS = 10
_IN_FLIGHT = 64


class MarketConfig(Config, frozen=True):
    """The rules of a simulated market.

    ``capacity`` bounds the resting orders: the flow's limit orders beyond it are dropped and counted
    (``head.dropped``). ``volatility`` is that of the known value, ticks per square root of a second, which
    moves every ``news_ns``; ``pull`` is the log-odds of a buying market order per tick by which the value
    lies above the mid. ``u_shape`` in [0, 1) raises the flow's intensity at both ends of a session.
    Fees are ticks per lot, a rebate is negative.
    """

    n_ticks: Annotated[int, Meta(ge=64)] = 8_192
    capacity: Annotated[int, Meta(ge=64)] = 16_384
    start_price: Annotated[int, Meta(ge=2)] = 4_096
    volatility: NonNegative = 0.5
    news_ns: Annotated[int, Meta(ge=1)] = 100_000_000
    pull: NonNegative = 0.1
    session_s: Annotated[float, Meta(gt=0)] = 23_400.0
    u_shape: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    self_trade: Annotated[int, Meta(ge=0, le=3)] = int(SelfTrade.CANCEL_RESTING)
    maker_fee: float = 0.0
    taker_fee: float = 0.0
    warmup_s: NonNegative = 10.0
    keep: bool = True
    uniforms: Annotated[int, Meta(ge=64, description="random numbers drawn at a time")] = 16_384
    log_rows: Annotated[int, Meta(ge=64, description="messages kept before they are moved away")] = 65_536
    in_flight: Annotated[int, Meta(ge=1, description="messages on their way, for each account")] = 32


def new_state(flow: FlowModel, agents: list[Agent], config: MarketConfig | None = None) -> MarketState:
    """A market before its opening: ten levels on each side, nobody awake yet, nothing random.

    Raises
    ------
    ConfigError
        The capacity has no room for the agents' slots, or the ladder none for the flow's levels.
    """
    config = config or MarketConfig()
    first = OWN_SLOTS * len(agents)
    quantiles = np.array([flow.limit_size, flow.market_size, flow.deep, flow.inside], np.int32)
    rates = np.array([flow.limit, flow.cancel, flow.market]) if flow.limit else np.zeros((3, 1, 2))
    margin = rates.shape[1] + int(quantiles[2, -1]) + _OPENING_LEVELS + 2
    if first + 64 > config.capacity or not margin < config.start_price < config.n_ticks - margin:
        raise ConfigError(
            "a market of unusable sizes",
            got=f"capacity {config.capacity} for {len(agents)} agents, price {config.start_price} of {config.n_ticks}",
            expected=f"capacity of at least {first + 64}, a price {margin} ticks from both ends of the ladder",
        )
    free = np.arange(config.capacity - 2, first - 1, -1)  # the last slot is that of the flow's market orders
    slots = np.zeros((3, config.capacity), np.int32)
    slots[0, : len(free)] = free
    state = MarketState(
        head=_head(flow, config, len(free)),
        book=empty_book(config.n_ticks, config.capacity),
        fills=np.zeros((config.capacity + 1, 5), np.int32),
        slots=slots,
        agents=agent_rows(agents),
        in_flight=empty_calendar(_IN_FLIGHT + config.in_flight * (len(agents) + 1)),
        uniforms=np.zeros(config.uniforms),
        rates=rates,
        base=np.array(flow.base or (0.0,)),
        jumps=np.array(flow.jumps or ((0.0,),)).T.copy(),
        excitation=np.zeros(len(flow.base) or 1),
        quantiles=quantiles,
        scratch=np.zeros(2 * rates.shape[1]),
        **dict(
            zip(
                ("log", "log_times", "trades", "path"),
                empty_logs(config.keep, config.log_rows, config.capacity),
                strict=True,
            )
        ),
    )
    _open(state, config, agents)
    return state


def _head(flow: FlowModel, config: MarketConfig, free: int) -> np.ndarray:
    head = np.zeros(1, HEAD_DTYPE)
    warmup = int(config.warmup_s * _SECOND)
    values: dict[str, Any] = {
        "time": -warmup, "excited_at": -warmup, "cursor": config.uniforms, "free": free, "stale": -1,
        "reference": config.start_price, "next_flow": -1, "fundamental": config.start_price + 0.5,
        "activity": 1.0, "supply": 1.0, "volatility": config.volatility, "news_ns": config.news_ns,
        "pull": config.pull, "session_ns": int(config.session_s * _SECOND), "u_shape": config.u_shape,
        "policy": config.self_trade, "maker_fee": config.maker_fee, "taker_fee": config.taker_fee,
        "keep": int(config.keep), "kind": flow.code, "per_unit": 1.0 / flow.unit, "far_limit": flow.far_limit,
        "far_cancel": flow.far_cancel, "refill": flow.refill, "decay": flow.decay, "target": flow.target,
        "spread": flow.spread,
    }  # fmt: skip
    for name, value in values.items():
        head[0][name] = value
    return head


def _open(state: MarketState, config: MarketConfig, agents: list[Agent]) -> None:
    size = int(state.quantiles[0, len(state.quantiles[0]) // 2])
    for k in range(_OPENING_LEVELS):
        engine.plant(state, source.BUY, config.start_price - k, size)
        engine.plant(state, source.SELL, config.start_price + 1 + k, size)
    engine.expect(state, 0, 0, NEWS)
    for account, agent in enumerate(agents, start=1):
        if agent.kind != EXTERNAL:
            engine.expect(state, agent.start_ns, account, WAKE)


def refill(state: MarketState, generator: np.random.Generator) -> None:
    """Fill the market's uniforms again; the rest of the old ones is dropped."""
    generator.random(out=state.uniforms)
    state.head[0]["cursor"] = 0


def drive(state: MarketState, generator: np.random.Generator, until_ns: int, messages: int = -1) -> int:
    """`engine.advance` with uniforms from ``generator``: returns REACHED, COUNTED, LOG_FULL or EDGE.

    Raises
    ------
    DataError
        ``until_ns`` lies before the market's clock.
    """
    if until_ns < state.head[0]["time"]:
        raise DataError("a market cannot go back", got=until_ns, expected=f">= {int(state.head[0]['time'])}")
    goal = int(state.head[0]["messages"]) + messages
    while True:
        left = goal - int(state.head[0]["messages"]) if messages >= 0 else -1
        status = engine.advance(state, until_ns, left)
        if status != UNIFORMS:
            return int(status)
        refill(state, generator)


def open_market(state: MarketState, generator: np.random.Generator) -> MarketState:
    """Run the flow alone until the market's clock shows 0. With logs use `BookMarket`, which empties them."""
    if drive(state, generator, -1) == EDGE:
        raise _edge(state)
    return state


def _edge(state: MarketState) -> DataError:
    return DataError(
        "the simulated price is at the end of its ladder",
        got=f"{int(state.head[0]['reference'])} of {int(state.book[source.N_TICKS])} ticks",
        expected="a price well inside",
        remedy="lay a longer ladder (MarketConfig.n_ticks, start_price), or lower volatility and pressure",
    )


class BookMarket:
    """A market that runs, and gives what happened in it.

    Parameters
    ----------
    flow : FlowModel
    agents : list of Agent
        Account k is the k-th of them, from 1 on; account 0 is the flow.
    generator : numpy.random.Generator
        The only source of chance: the same state of it gives the same bytes.
    config : MarketConfig, optional

    Raises
    ------
    ConfigError
        Sizes that do not fit.

    Examples
    --------
    >>> from janus_trader.simulation.book_market.flow import default_flow
    >>> market = BookMarket(default_flow(), [], np.random.Generator(np.random.Philox(1))).run(seconds=1.0)
    >>> bid, ask = market.best()
    >>> market.now_ns, 0 < bid < ask
    (1000000000, True)
    """

    def __init__(
        self,
        flow: FlowModel,
        agents: list[Agent],
        generator: np.random.Generator,
        config: MarketConfig | None = None,
    ) -> None:
        self.flow, self.config, self.generator = flow, config or MarketConfig(), generator
        self.state = new_state(flow, agents, self.config)
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._run(-1, -1)
        self.opening = int(self.head["messages"])

    @property
    def head(self) -> Any:
        """The market's record: clock, counters, and what a scenario may turn (see `HEAD_DTYPE`)."""
        return self.state.head.view(np.recarray)[0]

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the opening."""
        return int(self.head["time"])

    def run(self, *, seconds: float | None = None, messages: int | None = None) -> Self:
        """Let the market run for a time, or until that many messages more have reached the book.

        Raises
        ------
        ConfigError
            Neither or both are given, or one is negative.
        DataError
            The price has come to the end of the ladder.
        """
        if (seconds is None) == (messages is None) or not (seconds or 0) >= 0 or not (messages or 0) >= 0:
            raise ConfigError(
                "run for how long?", got=(seconds, messages), expected="seconds or messages, >= 0"
            )
        if seconds is not None:
            self._run(max(self.now_ns, 0) + round(seconds * _SECOND), -1)
        elif messages is not None:
            self._run(NEVER, messages)
        return self

    def _run(self, until_ns: int, messages: int) -> None:
        goal = int(self.head["messages"]) + messages
        while True:
            left = goal - int(self.head["messages"]) if messages >= 0 else -1
            status = drive(self.state, self.generator, until_ns, left)
            if status == EDGE:
                raise _edge(self.state)
            if status != LOG_FULL:
                return
            self._move_logs()

    def _move_logs(self) -> None:
        s, head = self.state, self.head
        ends = (head["logged"], head["logged"], head["traded"], head["noted"])
        logs = (s.log, s.log_times, s.trades, s.path)
        self._parts.append(tuple(a[: int(n)].copy() for a, n in zip(logs, ends, strict=True)))
        head["logged"] = head["traded"] = head["noted"] = 0

    def _kept(self, k: int) -> np.ndarray:
        if not self.config.keep:
            raise ConfigError("nothing of this market is kept", remedy="set keep = true in its MarketConfig")
        self._move_logs()
        self._parts = [tuple(whole(list(column)) for column in zip(*self._parts, strict=True))]
        return whole([self._parts[0][k]])

    def halt(self, seconds: float) -> Self:
        """Let time pass in which nobody acts; what is in flight arrives when it is over.

        Raises
        ------
        ConfigError
            A negative time.
        """
        if not seconds >= 0.0:
            raise ConfigError("a halt takes time", got=seconds, expected=">= 0 seconds")
        self.head["time"] = max(self.now_ns, 0) + round(seconds * _SECOND)
        self.head["next_flow"] = -1
        return self

    def best(self) -> tuple[int, int]:
        """Best bid and ask in ticks, -1 where a side is empty."""
        bid, ask = int(self.state.book[source.BID]), int(self.state.book[source.ASK])
        return bid if bid > 0 else -1, ask if ask < self.config.n_ticks - 1 else -1

    def depth(self, levels: int) -> np.ndarray:
        """Prices and quantities of both sides from the best on, (2, levels, 2) int64; -1 and 0 where empty."""
        out = np.zeros((2, levels, 2), np.int64)
        out[:, :, 0] = -1
        seen = np.zeros(4 * levels + 6 + 3 * (OWN_SLOTS - 1))
        engine.observe(self.state, 0, levels, seen)
        table = seen[: 4 * levels].reshape(levels, 2, 2).transpose(1, 0, 2)
        there = ~np.isnan(table[:, :, 0])
        out[there] = table[there]
        return out

    def recording(
        self,
        symbol: str = "SIM",
        *,
        tick: float = 0.01,
        lot: float = 1.0,
        base: int = 0,
        start_ns: int = 0,
        labels: dict[str, str] | None = None,
    ) -> BookRecording:
        """Every message so far. What came before the opening is stamped with ``start_ns``."""
        messages, times = self._kept(0), start_ns + np.maximum(self._kept(1), 0)
        header = BookHeader(
            symbol=symbol, tick=tick, lot=lot, base=base, n_ticks=self.config.n_ticks,
            capacity=self.config.capacity, opening=self.opening, self_trade=self.config.self_trade,
            source=f"simulated: {self.flow.kind} flow fitted on {self.flow.fitted_on}", labels=labels or {},
        )  # fmt: skip
        return BookRecording(header, times, times.copy(), messages)

    def trades(self) -> np.ndarray:
        """Every fill so far, `TRADE_DTYPE`; ``ts`` in ns since the opening."""
        return self._kept(2)

    def fundamental(self) -> np.ndarray:
        """The known value at each of its moves, `PATH_DTYPE`."""
        return self._kept(3)

    def accounts(self) -> dict[str, np.ndarray]:
        """Cash, inventory, fees, profit (at the mid, after fees) and messages of every account, (A + 1,)."""
        rows = self.state.agents
        profit = np.array([engine.mark(self.state, k) for k in range(len(rows))])
        table = {name: rows[name].copy() for name in ("cash", "inventory", "fees", "messages")}
        return table | {"profit": profit}

"""Agents of a simulated market: what each kind is given; what they do stands in `decisions`."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.book_market.state import (
    AGENT_DTYPE,
    EXTERNAL,
    INFORMED,
    MAKER,
    METAORDER,
    MOMENTUM,
    NEVER,
    NOISE,
    REVERTING,
)

_MS = 1_000_000
Natural = Annotated[int, Meta(ge=0)]


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """One agent: its kind, its way to the market, and its parameters.

    ``latency_ns`` and the mean ``jitter_ns`` of an exponential time on top lie between a decision and its
    arrival; it wakes after exponential times of mean ``period_ns`` between ``start_ns`` and ``stop_ns``.
    ``size`` lots an order, never more than ``limit`` lots long or short by its own decisions (what is in
    flight may overshoot). ``permanent`` ticks are added to the known value for each lot that it takes.
    The functions of this module make agents with the parameters that their kind uses.

    Raises
    ------
    ConfigError
        A parameter is negative or not finite, a period or a size is 0, or it stops before it starts.
    """

    kind: int
    latency_ns: int = _MS
    jitter_ns: int = 0
    period_ns: int = 100 * _MS
    start_ns: int = 0
    stop_ns: int = NEVER
    size: int = 1
    limit: int = 1_000_000_000
    side: int = 0
    remaining: int = 0
    half_spread: float = 1.0
    skew: float = 0.0
    threshold: float = 0.0
    fast_s: float = 1.0
    slow_s: float = 10.0
    permanent: float = 0.0

    def __post_init__(self) -> None:
        values = [getattr(self, name) for name in self.__struct_fields__]
        usable = all(math.isfinite(v) and v >= 0 for v in values) and self.side in (0, 1)
        usable = usable and min(self.period_ns, self.size) > 0 and self.stop_ns > self.start_ns
        usable = usable and min(self.fast_s, self.slow_s) > 0.0 and max(self.size, self.remaining) < 2**31
        if not usable:
            raise ConfigError(
                "these are no parameters of an agent",
                got=str(self),
                expected="nothing negative, period_ns, size, fast_s, slow_s > 0, start before stop, side 0 or 1",
            )


def market_maker(
    *,
    half_spread: float = 1.0,
    skew: float = 0.02,
    size: int = 10,
    limit: int = 200,
    period_ns: int = 50 * _MS,
    latency_ns: int = _MS,
    jitter_ns: int = 0,
) -> Agent:
    """Two quotes around a mid that is shifted by ``skew`` ticks against each lot held.

    >>> market_maker(size=5).size
    5
    """
    return Agent(
        kind=MAKER, half_spread=half_spread, skew=skew, size=size, limit=limit, period_ns=period_ns,
        latency_ns=latency_ns, jitter_ns=jitter_ns,
    )  # fmt: skip


def avellaneda_stoikov(
    *, gamma: float, sigma: float, kappa: float, horizon_s: float, size: int = 10
) -> Agent:
    r"""A market maker with the quotes of Avellaneda and Stoikov at a constant time to go.

    .. math:: r = m - q \gamma \sigma^2 T, \qquad
              \delta = \tfrac12 \gamma \sigma^2 T + \gamma^{-1} \ln(1 + \gamma / \kappa)

    ``gamma`` risk aversion per tick and lot, ``sigma`` in ticks per square root of a second, ``kappa`` decay
    of the fill intensity per tick, ``horizon_s`` = T.

    Raises
    ------
    ConfigError
        A parameter is not positive.

    Examples
    --------
    >>> avellaneda_stoikov(gamma=0.1, sigma=0.5, kappa=1.0, horizon_s=1.0).skew
    0.025

    References
    ----------
    Avellaneda, M. and Stoikov, S. (2008). High-frequency trading in a limit order book. Quantitative Finance 8.
    """
    if not (min(gamma, sigma, kappa, horizon_s) > 0.0 and math.isfinite(gamma * sigma * kappa * horizon_s)):
        raise ConfigError(
            "Avellaneda-Stoikov quotes need positive parameters", got=(gamma, sigma, kappa, horizon_s)
        )
    skew = gamma * sigma * sigma * horizon_s
    return market_maker(half_spread=0.5 * skew + math.log1p(gamma / kappa) / gamma, skew=skew, size=size)


def momentum(
    *, threshold: float = 1.0, fast_s: float = 1.0, slow_s: float = 10.0, size: int = 3, limit: int = 100,
    period_ns: int = 500 * _MS, latency_ns: int = 5 * _MS, jitter_ns: int = _MS,
) -> Agent:  # fmt: skip
    """Buys when its fast average of the mid is ``threshold`` ticks above its slow one, sells below."""
    return Agent(
        kind=MOMENTUM, threshold=threshold, fast_s=fast_s, slow_s=slow_s, size=size, limit=limit,
        period_ns=period_ns, latency_ns=latency_ns, jitter_ns=jitter_ns,
    )  # fmt: skip


def mean_reverting(
    *, threshold: float = 1.5, fast_s: float = 1.0, slow_s: float = 30.0, size: int = 3, limit: int = 100,
    period_ns: int = 500 * _MS, latency_ns: int = 5 * _MS, jitter_ns: int = _MS,
) -> Agent:  # fmt: skip
    """Sells when its fast average of the mid is ``threshold`` ticks above its slow one, buys below."""
    return Agent(
        kind=REVERTING, threshold=threshold, fast_s=fast_s, slow_s=slow_s, size=size, limit=limit,
        period_ns=period_ns, latency_ns=latency_ns, jitter_ns=jitter_ns,
    )  # fmt: skip


def informed(
    *, threshold: float = 1.0, size: int = 5, limit: int = 10_000, permanent: float = 0.0,
    period_ns: int = 500 * _MS, latency_ns: int = 5 * _MS, jitter_ns: int = _MS,
) -> Agent:  # fmt: skip
    """Knows the value: takes what is offered ``threshold`` ticks below it, sells to who bids that far above."""
    return Agent(
        kind=INFORMED, threshold=threshold, size=size, limit=limit, permanent=permanent, period_ns=period_ns,
        latency_ns=latency_ns, jitter_ns=jitter_ns,
    )  # fmt: skip


def noise(
    *, taking: float = 0.3, size: int = 5, limit: int = 10_000, period_ns: int = 200 * _MS,
    latency_ns: int = 10 * _MS, jitter_ns: int = 5 * _MS,
) -> Agent:  # fmt: skip
    """A market order with probability ``taking``, otherwise a quote at the best price, on a random side."""
    return Agent(
        kind=NOISE, threshold=taking, size=size, limit=limit, period_ns=period_ns, latency_ns=latency_ns,
        jitter_ns=jitter_ns,
    )  # fmt: skip


def metaorder(
    *, side: int, quantity: int, start_ns: int, duration_ns: int, period_ns: int, permanent: float = 0.0,
    latency_ns: int = _MS,
) -> Agent:  # fmt: skip
    """A parent order worked by equal market orders every ``period_ns``; the last slice takes the rest.

    Raises
    ------
    ConfigError
        No quantity, or a duration below one period.

    Examples
    --------
    >>> metaorder(side=0, quantity=100, start_ns=0, duration_ns=10**9, period_ns=10**8).size
    10
    """
    if quantity < 1 or period_ns < 1 or duration_ns < period_ns:
        raise ConfigError(
            "a metaorder without slices", got=(quantity, duration_ns, period_ns),
            expected="quantity >= 1, duration_ns >= period_ns >= 1",
        )  # fmt: skip
    slices = duration_ns // period_ns
    return Agent(
        kind=METAORDER, side=side, remaining=quantity, size=-(-quantity // slices), start_ns=start_ns,
        stop_ns=start_ns + slices * period_ns, period_ns=period_ns, permanent=permanent, latency_ns=latency_ns,
    )  # fmt: skip


def external(*, latency_ns: int = _MS, jitter_ns: int = 0) -> Agent:
    """An account that acts only through `submit`."""
    return Agent(kind=EXTERNAL, latency_ns=latency_ns, jitter_ns=jitter_ns)


def agent_rows(agents: list[Agent]) -> np.ndarray:
    """The table of accounts: row 0 for the flow, then a row an agent, `AGENT_DTYPE`."""
    rows = np.zeros(len(agents) + 1, AGENT_DTYPE)
    rows["seen_ns"] = -1
    for row, agent in zip(rows[1:], agents, strict=True):
        for name in agent.__struct_fields__:
            row[name] = getattr(agent, name)
    return rows

"""A model of the anonymous order flow: fitted on a recording, or the package's own round numbers."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.book_market.state import HAWKES, QUANTILES, QUEUE_REACTIVE

FlowKind = Literal["hawkes", "queue_reactive"]
_KINDS = {"hawkes": HAWKES, "queue_reactive": QUEUE_REACTIVE}
Rows = tuple[tuple[float, ...], ...]
Table = tuple[int, ...]


class FlowModel(msgspec.Struct, frozen=True, kw_only=True):
    """Intensities and sizes of an anonymous order flow, per second, ticks and lots.

    Attributes
    ----------
    kind : "hawkes" or "queue_reactive"
    fitted_on : str
        What it was fitted on; the default flows say that they were fitted on nothing.
    limit_size, market_size, deep, inside : (256,) int
        Quantiles: lots of a limit order, of a market order; ticks behind the best price (Hawkes) or
        beyond the last level (queue-reactive), at least 1; ticks by which an order improves the best.
    limit, cancel, market : (K, N + 1)
        Queue-reactive: events a second at level 0 … K-1 when its queue holds 0 … N units; market orders
        only where the level is the best, level K-1 standing for all behind. Both sides have the same.
    unit : lots in one unit of a queue's size
    far_limit, far_cancel : limit orders a second and side beyond the levels; cancellations a second of
        each order there
    refill : probability that a level which the flow has emptied gets an order at once
    base, jumps, decay : (12,), (12, 12), number
        Hawkes: intensity of type i is base_i + sum over past events (type j, age t) of jumps_ij exp(-decay t).
        Types are 6 side + class: market order of that side, limit order inside the spread, at the best,
        deeper, cancellation at the best, deeper.
    target : resting orders that a Hawkes flow is kept around: at twice as many limit orders turn into
        cancellations, at an eighth cancellations into limit orders
    spread : mean spread in ticks; at a narrower one a Hawkes flow improves the best price in proportion less
        often (at 1, where there is no room, its improvements always join the best instead)
    window_s, events : how long and how much of the recording was used
    """

    kind: FlowKind
    fitted_on: str
    limit_size: Table
    market_size: Table
    deep: Table
    inside: Table
    limit: Rows = ()
    cancel: Rows = ()
    market: Rows = ()
    unit: float = 1.0
    far_limit: float = 0.0
    far_cancel: float = 0.0
    refill: float = 0.0
    base: tuple[float, ...] = ()
    jumps: Rows = ()
    decay: float = 1.0
    target: float = 1.0
    spread: float = 1.0
    window_s: float = 0.0
    events: int = 0

    def __post_init__(self) -> None:
        tables = (self.limit_size, self.market_size, self.deep, self.inside)
        shapes = {np.shape(t) for t in tables} == {(QUANTILES,)} and min(min(t) for t in tables) >= 1
        values = [np.asarray(v, dtype=np.float64) for v in self._numbers()]
        usable = all(np.isfinite(v).all() and (v >= 0.0).all() for v in values)
        if self.kind == "hawkes":
            shapes &= np.shape(self.base) == (12,) and np.shape(self.jumps) == (12, 12)
            usable &= self.decay > 0.0 and self.target > 0.0 and self.spread >= 1.0
            usable = shapes and usable and self.branching_ratio < 1.0
        else:
            shapes &= len({np.shape(v) for v in (self.limit, self.cancel, self.market)}) == 1
            shapes &= np.ndim(self.limit) == 2 and np.shape(self.limit)[1] > 1
            usable &= self.unit > 0.0 and self.refill <= 1.0
        if not (shapes and usable):
            raise ConfigError(
                "this is no model of an order flow",
                got=f"{self.kind} with tables {[np.shape(t) for t in tables]}, fitted on {self.fitted_on}",
                expected="tables of 256 whole numbers >= 1, intensities >= 0 of the stated shapes, branching below 1",
            )

    def _numbers(self) -> tuple[object, ...]:
        return (
            self.limit, self.cancel, self.market, self.base, self.jumps, self.unit, self.far_limit,
            self.far_cancel, self.refill, self.decay, self.target, self.spread,
        )  # fmt: skip

    @property
    def branching_ratio(self) -> float:
        """Spectral radius of jumps / decay of a Hawkes flow: events that follow from one event."""
        return float(np.abs(np.linalg.eigvals(np.asarray(self.jumps) / self.decay)).max())

    @property
    def code(self) -> int:
        """The kind's number in the arrays of a market."""
        return _KINDS[self.kind]

    def encoded(self) -> bytes:
        """The model as JSON, for `read_flow`."""
        return msgspec.json.encode(self)


def read_flow(raw: bytes) -> FlowModel:
    """A model from `FlowModel.encoded`. Raises ConfigError for anything else."""
    try:
        return msgspec.json.decode(raw, type=FlowModel)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "not a model of an order flow", got=str(error)[:200], expected="JSON of a FlowModel"
        ) from error


def quantile_table(values: np.ndarray) -> Table:
    """256 quantiles of whole numbers >= 1, at (k + 1/2) / 256.

    >>> quantile_table(np.array([1, 2]))[::128]
    (1, 2)
    """
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    found = np.quantile(np.maximum(np.asarray(values), 1), at, method="inverted_cdf")
    return tuple(int(v) for v in found)


def geometric_table(mean: float) -> Table:
    """Quantiles of a geometric distribution on 1, 2, … with the given mean >= 1.

    >>> geometric_table(1.0)[-1], geometric_table(2.0)[128]
    (1, 2)
    """
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    if mean <= 1.0:
        return (1,) * QUANTILES
    return tuple(int(v) for v in np.maximum(np.ceil(np.log1p(-at) / np.log1p(-1.0 / mean)), 1))


def default_flow(kind: FlowKind = "queue_reactive") -> FlowModel:
    """Round numbers of our own that make a liquid market of narrow spread; fitted on nothing.

    Raises
    ------
    ConfigError
        An unknown kind.

    Examples
    --------
    >>> default_flow("hawkes").branching_ratio < 0.8
    True
    """
    if kind == "queue_reactive":
        return _default_reactive()
    if kind == "hawkes":
        return _default_hawkes()
    raise ConfigError("unknown kind of order flow", got=kind, expected="hawkes or queue_reactive")


def _default_reactive() -> FlowModel:
    # Patience grows with the distance, so that queues do too: 2 or 3 units at the best, 20 eight levels away.
    levels, most, unit = 8, 60, 5.0
    n, k = np.arange(most + 1.0), np.arange(levels)[:, None]
    limit = 10.0 + 0.0 * (n + k)
    cancel = 4.0 * n / (k + 1.0)
    market = np.where((n == 0.0) & (k < levels - 1), 0.0, 2.0)
    return FlowModel(
        kind="queue_reactive",
        fitted_on="nothing: round numbers of our own",
        limit_size=geometric_table(5.0),
        market_size=geometric_table(8.0),
        deep=geometric_table(8.0),
        inside=(1,) * QUANTILES,
        limit=rows(limit),
        cancel=rows(cancel),
        market=rows(market),
        unit=unit,
        far_limit=10.0,
        far_cancel=0.05,
        refill=0.3,
    )


def _default_hawkes() -> FlowModel:
    """Market orders beget market orders of the same side and cancellations ahead of them; limits refill."""
    base = np.tile([2.5, 3.0, 7.5, 7.5, 7.0, 7.0], 2)
    own = np.full((6, 6), 0.02) + np.diag([0.35, 0.10, 0.15, 0.15, 0.15, 0.15])
    own[2, 0] = own[2, 4] = 0.15  # the best refills after a market order of this side's opponents leaves it
    cross = np.full((6, 6), 0.01)
    cross[4, 0] = cross[1, 0] = 0.15  # a buyer's market order: sellers cancel at the best and improve again
    decay = 20.0
    jumps = decay * np.block([[own, cross], [cross, own]])
    return FlowModel(
        kind="hawkes",
        fitted_on="nothing: round numbers of our own",
        limit_size=geometric_table(5.0),
        market_size=geometric_table(6.0),
        deep=geometric_table(4.0),
        inside=(1,) * QUANTILES,
        base=tuple(base.tolist()),
        jumps=rows(jumps),
        decay=decay,
        target=200.0,
    )


def rows(table: np.ndarray) -> Rows:
    """A table as tuples of floats, the form in which a model keeps it."""
    return tuple(tuple(float(v) for v in row) for row in np.atleast_2d(table))

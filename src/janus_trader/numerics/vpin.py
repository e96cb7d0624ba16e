"""Order-flow toxicity: the volume-synchronised probability of informed trading (VPIN).

Trading is cut into buckets of equal volume, the imbalance of each bucket is measured, and VPIN is the
mean imbalance of the last buckets. Who took the initiative is either guessed from price changes (bulk
volume classification, `bulk_vpin.BulkVPIN`) or known (`AggressorVPIN`); prefer the second where the venue tells.

VPIN rises mechanically with volume and volatility (Andersen & Bondarenko 2014): a warning to be read by
its rank in its own past, not a forecast.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_mean, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


def toxicity_dtype(window: int, rank_window: int) -> np.dtype:
    """State of the part after classification: imbalances of the last buckets, VPIN and its past values."""
    return np.dtype(
        [
            ("imbalances", rolling_dtype(window)),
            ("past", rolling_dtype(rank_window)),
            ("vpin", "f8"),
            ("rank", "f8"),
        ],
        align=True,
    )


def aggressor_vpin_dtype(window: int, rank_window: int) -> np.dtype:
    """State of `AggressorVPIN`: the open bucket, and the toxicity."""
    return np.dtype(
        [
            ("n", "i8"),
            ("filled", "f8"),
            ("balance", "f8"),
            ("toxicity", toxicity_dtype(window, rank_window)),
        ],
        align=True,
    )


@njit(cache=True)
def toxicity_push(s, imbalance, window, rank_window):
    """A bucket with ``imbalance`` in [0, 1] has ended: VPIN and its rank anew. O(window + rank_window)."""
    rolling_push(s.imbalances, imbalance, window)
    if s.imbalances.n < window:
        return
    s.vpin = rolling_mean(s.imbalances, window)
    rolling_push(s.past, s.vpin, rank_window)
    if s.past.n >= rank_window:
        below = 0
        for i in range(rank_window):
            below += s.past.buffer[i] <= s.vpin
        s.rank = below / rank_window


@njit(cache=True)
def publish_toxicity(s, window, rank_window, out):
    """VPIN and rank into ``out``, NaN where they are not known yet."""
    out[0] = s.vpin if s.imbalances.n >= window else math.nan
    out[1] = s.rank if s.past.n >= rank_window else math.nan


@njit(cache=True)
def aggressor_vpin_step(s, flow, bucket_volume, window, rank_window):
    """One signed volume into a record of `aggressor_vpin_dtype`; True when it ended a bucket at least.

    A non-finite ``flow`` is ignored. O(1) inside a bucket, O(window + rank_window) at its end.
    """
    volume = abs(flow)
    if not volume < math.inf:
        return False
    filled = s.filled + volume
    if filled < bucket_volume:
        s.filled = filled
        s.balance += flow
        return False
    rest = filled - bucket_volume
    sign = math.copysign(1.0, flow)
    imbalance = abs(s.balance + sign * (bucket_volume - s.filled)) / bucket_volume
    toxicity_push(s.toxicity, min(imbalance, 1.0), window, rank_window)
    s.filled = rest % bucket_volume
    s.balance = sign * s.filled
    whole = np.rint((rest - s.filled) / bucket_volume)
    s.n += 1 + int(min(whole, 2.0**52))
    for _ in range(int(min(whole, float(window + rank_window)))):
        toxicity_push(s.toxicity, 1.0, window, rank_window)
    return True


@njit(cache=True)
def _aggressor_update(states, flow, bucket_volume, window, rank_window):
    out = np.empty(2)
    aggressor_vpin_step(states[0], flow, bucket_volume, window, rank_window)
    publish_toxicity(states[0].toxicity, window, rank_window, out)
    return out


@njit(cache=True)
def _aggressor_scan(states, flows, bucket_volume, window, rank_window):
    out = np.empty((flows.shape[0], 2))
    for t in range(flows.shape[0]):
        aggressor_vpin_step(states[0], flows[t], bucket_volume, window, rank_window)
        publish_toxicity(states[0].toxicity, window, rank_window, out[t])
    return out


@njit(cache=True)
def double_room(index, values):
    """Copies with twice the room."""
    more_index = np.empty(2 * index.size, np.int64)
    more_values = np.empty((2 * index.size, 2))
    more_index[: index.size] = index
    more_values[: index.size] = values
    return more_index, more_values


@njit(cache=True)
def _aggressor_skip(flows, t, filled, balance, bucket_volume):
    """The first trade from ``t`` on that does not fit into the open bucket, and the bucket before it."""
    while t < flows.shape[0]:
        total = filled + abs(flows[t])
        if not total < bucket_volume:
            break
        filled = total
        balance += flows[t]
        t += 1
    return t, filled, balance


@njit(cache=True)
def _aggressor_buckets(states, flows, bucket_volume, window, rank_window):
    """The values after each trade that ends a bucket."""
    s = states[0]
    index = np.empty(1024, np.int64)
    values = np.empty((1024, 2))
    count = 0
    t = 0
    while True:
        t, filled, balance = _aggressor_skip(flows, t, s.filled, s.balance, bucket_volume)
        s.filled = filled
        s.balance = balance
        if t == flows.shape[0]:
            break
        if aggressor_vpin_step(s, flows[t], bucket_volume, window, rank_window):
            if count == index.size:
                index, values = double_room(index, values)
            index[count] = t
            publish_toxicity(s.toxicity, window, rank_window, values[count])
            count += 1
        t += 1
    return index[:count].copy(), values[:count].copy()


class Buckets(NamedTuple):
    """Values at the trades that end a bucket: place of the trade (m,), VPIN (m,) and its rank (m,)."""

    trade: np.ndarray
    vpin: np.ndarray
    rank: np.ndarray


def checked_bucket_volume(value: float) -> float:
    """The volume of a bucket; raises ConfigError unless it is a number > 0.

    >>> checked_bucket_volume(100)
    100.0
    """
    if not (math.isfinite(value) and value > 0.0):
        raise ConfigError(
            "bucket_volume is not usable",
            got=value,
            expected="a number > 0",
            remedy="use the average daily volume divided by 50",
        )
    return float(value)


def trade_column(name: str, values: Any) -> np.ndarray:
    """One field of the trades as a float array (T,); raises DataError where it has another shape.

    >>> trade_column("price", [1, 2]).tolist()
    [1.0, 2.0]
    """
    column = np.ascontiguousarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise DataError(f"{name} has the wrong shape", got=column.shape, expected="(T,)")
    return column


class AggressorVPIN(StreamingKernel):
    r"""VPIN with known aggressors.

    .. math:: \mathrm{VPIN} = \frac{1}{n V} \sum_{k=1}^{n} |V^B_k - V^S_k|

    Parameters
    ----------
    bucket_volume : float
        V > 0, in units of the trades' volume; one fiftieth of the average daily volume is usual.
    window : int
        Number n of buckets, at least 1.
    rank_window : int
        Values of VPIN, the newest included, among which it is ranked; at least 1.

    Notes
    -----
    Input: signed volume of a trade, positive where the buyer took the initiative. A trade that runs over
    the edge of a bucket is split pro rata. Output: (VPIN in [0, 1], rank in (0, 1]) of the last complete
    bucket. Warm-up: ``window`` buckets; the rank needs ``rank_window`` values of VPIN. ``ready`` counts
    buckets. A non-finite input is ignored. O(1) a trade, O(window + rank_window) a bucket.

    Raises
    ------
    ConfigError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> vpin = AggressorVPIN(10.0, window=1, rank_window=1)
    >>> vpin.update(7.0).tolist(), vpin.update(-3.0).tolist()
    ([nan, nan], [0.4, 1.0])

    References
    ----------
    Easley, López de Prado & O'Hara (2012). Flow toxicity and liquidity in a high-frequency world.
    """

    _update = staticmethod(_aggressor_update)
    _scan = staticmethod(_aggressor_scan)

    def __init__(self, bucket_volume: float, window: int = 50, rank_window: int = 250) -> None:
        window = checked_period("window", window)
        rank_window = checked_period("rank_window", rank_window)
        args = (checked_bucket_volume(bucket_volume), window, rank_window)
        self._init(aggressor_vpin_dtype(window, rank_window), args, warmup=window)

    def buckets(self, flow: np.ndarray) -> Buckets:
        """Values of a fresh kernel at the trades that end a bucket, for signed volumes (T,). O(T).

        Raises
        ------
        DataError
            ``flow`` is not one-dimensional.
        """
        index, values = _aggressor_buckets(np.zeros(1, self._dtype), trade_column("flow", flow), *self._args)
        return Buckets(index, values[:, 0], values[:, 1])

    @classmethod
    def examples(cls) -> list[Self]:
        """Two windows with a warm-up of four buckets."""
        return [cls(10.0, window=4, rank_window=5), cls(10.0, window=4, rank_window=1)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Four trades of one bucket each, then small ones and ones over several buckets."""
        flow = rng.exponential(6.0, n) * rng.choice([-1.0, 1.0], n)
        flow[:4] = [10.0, -10.0, 10.0, 10.0]
        return flow

"""VPIN with bulk volume classification: buyers and sellers are told apart by price changes."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_push, rolling_std
from janus_trader.numerics.streaming import StreamingKernel
from janus_trader.numerics.student_t import student_t_cdf
from janus_trader.numerics.vpin import (
    Buckets,
    checked_bucket_volume,
    double_room,
    publish_toxicity,
    toxicity_dtype,
    toxicity_push,
    trade_column,
)


def bulk_vpin_dtype(window: int, sigma_window: int, rank_window: int) -> np.dtype:
    """State of `BulkVPIN`: the open bar and bucket, the last price changes, the toxicity.

    The volume of the open bar is held as four partial sums, each of every fourth trade: four additions
    then need not wait for one another.
    """
    return np.dtype(
        [
            ("n", "i8"),
            ("lanes", "f8", (4,)),
            ("trades", "i8"),
            ("close", "f8"),
            ("balance", "f8"),
            ("bar", "i8"),
            ("classified", "i8"),
            ("changes", rolling_dtype(sigma_window)),
            ("toxicity", toxicity_dtype(window, rank_window)),
        ],
        align=True,
    )


@njit(cache=True)
def _excess(change, sigma, degrees):
    """Twice the classified buy share minus one, of a price change in a market of deviation ``sigma``."""
    if sigma > 0.0:
        z = change / sigma
        if degrees > 0.0:
            return 2.0 * student_t_cdf(z, degrees) - 1.0
        return math.erf(z * math.sqrt(0.5))  # 2 Phi(z) - 1
    return 0.0 if change == 0.0 else math.copysign(1.0, change)


@njit(cache=True)
def _close_bar(s, price, bars, window, sigma_window, rank_window, degrees):
    """The open bar ends at ``price``; with the last bar of a bucket the bucket ends too."""
    if s.n > 0 or s.bar > 0:
        change = price - s.close
        if s.changes.n >= sigma_window:
            s.balance += _excess(change, rolling_std(s.changes, sigma_window), degrees)
            s.classified += 1
        rolling_push(s.changes, change, sigma_window)
    s.close = price
    s.bar += 1
    if s.bar == bars:
        if s.classified == bars:
            toxicity_push(s.toxicity, abs(s.balance) / bars, window, rank_window)
        s.n += 1
        s.bar = 0
        s.classified = 0
        s.balance = 0.0


@njit(cache=True)
def _bulk_fill(s, price, filled, bar_volume, bars, window, sigma_window, rank_window, degrees):
    """A trade at ``price`` brought the open bar to ``filled`` >= ``bar_volume``: end it, spread the rest."""
    rest = filled - bar_volume
    left, whole = rest, 0.0
    if rest >= bar_volume:
        left = rest % bar_volume
        whole = np.rint((rest - left) / bar_volume)
    s.lanes[0], s.lanes[1], s.lanes[2], s.lanes[3] = left, 0.0, 0.0, 0.0
    s.trades = 0
    _close_bar(s, price, bars, window, sigma_window, rank_window, degrees)
    # Bars at one price change nothing more once every window holds only them: a bound for huge trades.
    enough = sigma_window + 1 + bars * (window + rank_window + 1)
    if whole > enough:
        whole = enough + (whole - enough) % bars
    for _ in range(int(whole)):
        _close_bar(s, price, bars, window, sigma_window, rank_window, degrees)


@njit(cache=True)
def bulk_vpin_step(s, price, volume, bar_volume, bars, window, sigma_window, rank_window, degrees):
    """One trade into a record of `bulk_vpin_dtype`; True when it ended a bar at least.

    ``degrees`` <= 0 stands for the normal law. A trade with a non-finite field or a negative volume is
    ignored. O(1) inside a bar, O(sigma_window + window + rank_window) at its end.
    """
    if not (math.isfinite(price) and 0.0 <= volume < math.inf):
        return False
    lane = s.lanes
    lane[s.trades & 3] += volume
    s.trades += 1
    filled = (lane[0] + lane[1]) + (lane[2] + lane[3])
    if filled < bar_volume:
        return False
    _bulk_fill(s, price, filled, bar_volume, bars, window, sigma_window, rank_window, degrees)
    return True


@njit(cache=True)
def _bulk_update(states, x, bar_volume, bars, window, sigma_window, rank_window, degrees):
    out = np.empty(2)
    bulk_vpin_step(states[0], x[0], x[1], bar_volume, bars, window, sigma_window, rank_window, degrees)
    publish_toxicity(states[0].toxicity, window, rank_window, out)
    return out


@njit(cache=True)
def _bulk_scan(states, xs, bar_volume, bars, window, sigma_window, rank_window, degrees):
    out = np.empty((xs.shape[0], 2))
    s = states[0]
    for t in range(xs.shape[0]):
        bulk_vpin_step(s, xs[t, 0], xs[t, 1], bar_volume, bars, window, sigma_window, rank_window, degrees)
        publish_toxicity(s.toxicity, window, rank_window, out[t])
    return out


@njit(cache=True)
def _bulk_skip(s, price, volume, t, bar_volume):
    """Take in trades from ``t`` on, four at a time while they are usable and fit; returns the next.

    Sums of volumes never fall, also when rounded: if the bar is not full after four trades, it was not
    full in between, and the state is that of four single steps, bit for bit.
    """
    a, b, c, d = s.lanes[0], s.lanes[1], s.lanes[2], s.lanes[3]
    start = t
    while t + 4 <= price.shape[0]:
        v0, v1, v2, v3 = volume[t], volume[t + 1], volume[t + 2], volume[t + 3]
        p0, p1, p2, p3 = price[t], price[t + 1], price[t + 2], price[t + 3]
        e, f, g, h = a + v0, b + v1, c + v2, d + v3
        usable = (v0 >= 0.0) & (v1 >= 0.0) & (v2 >= 0.0) & (v3 >= 0.0)
        # 0 times a price is 0, or NaN where it is not finite; NaN is not below the volume of the bar.
        unpriced = ((p0 * 0.0) + (p1 * 0.0)) + ((p2 * 0.0) + (p3 * 0.0))
        if not (usable & ((e + f) + (g + h) + unpriced < bar_volume)):
            break
        a, b, c, d = e, f, g, h
        t += 4
    s.lanes[0], s.lanes[1], s.lanes[2], s.lanes[3] = a, b, c, d
    s.trades += t - start
    return t


@njit(cache=True)
def _bulk_buckets(states, price, volume, bar_volume, bars, window, sigma_window, rank_window, degrees):
    """The values after each trade that ends a bucket; between them only the volume is added up."""
    s = states[0]
    index = np.empty(1024, np.int64)
    values = np.empty((1024, 2))
    count = 0
    t = 0
    while t < price.shape[0]:
        if s.trades & 3 == 0:
            t = _bulk_skip(s, price, volume, t, bar_volume)
            if t == price.shape[0]:
                break
        before = s.n
        bulk_vpin_step(s, price[t], volume[t], bar_volume, bars, window, sigma_window, rank_window, degrees)
        if s.n > before:
            if count == index.size:
                index, values = double_room(index, values)
            index[count] = t
            publish_toxicity(s.toxicity, window, rank_window, values[count])
            count += 1
        t += 1
    return index[:count].copy(), values[:count].copy()


class BulkVPIN(StreamingKernel):
    r"""VPIN with bulk volume classification: buyers and sellers are told apart by price changes.

    .. math:: V^B = V\, F(\Delta P / \sigma_{\Delta P}), \qquad
              \mathrm{VPIN} = \frac{1}{n V} \sum_{k=1}^{n} |V^B_k - V^S_k|

    Parameters
    ----------
    bucket_volume : float
        V > 0, in units of the trades' volume; one fiftieth of the average daily volume is usual.
    window : int
        Number n of buckets, at least 1.
    bars : int
        Volume bars in a bucket, at least 1; each is classified by its own price change.
    sigma_window : int
        Price changes of earlier bars whose standard deviation is :math:`\sigma`, at least 2.
    rank_window : int
        Values of VPIN, the newest included, among which it is ranked; at least 1.
    degrees : float, optional
        F is Student's t law with so many degrees of freedom (0.25 in the authors' later work), or the
        normal law where this is None.

    Notes
    -----
    Input: a row (price, volume) for each trade, or (close, volume) for each bar of time. A trade that
    runs over the edge of a bucket is split pro rata. Output: (VPIN in [0, 1], rank in (0, 1]: the share
    of the last values that are not larger), those of the last complete bucket. Where :math:`\sigma` is
    0 any change counts wholly, none counts as balanced. Warm-up, in buckets: those until ``sigma_window``
    changes are known, and ``window`` more; the rank needs ``rank_window`` values of VPIN. ``ready``
    counts buckets. A row with a non-finite field or a negative volume is ignored. O(1) a trade,
    O(window + sigma_window + rank_window) a bar.

    Raises
    ------
    ConfigError
        At construction, for a parameter out of range.

    Examples
    --------
    >>> vpin = BulkVPIN(10.0, window=1, sigma_window=2, rank_window=1)
    >>> for price in (100.0, 101.0, 100.0, 103.0):
    ...     y = vpin.update(np.array([price, 10.0]))
    >>> y.round(4).tolist()
    [0.9973, 1.0]

    References
    ----------
    Easley, López de Prado & O'Hara (2012). Flow toxicity and liquidity in a high-frequency world. Review
    of Financial Studies 25. Andersen & Bondarenko (2014). VPIN and the flash crash. J. Financial Markets 17.
    """

    WIDTH = 2
    _update = staticmethod(_bulk_update)
    _scan = staticmethod(_bulk_scan)

    def __init__(
        self,
        bucket_volume: float,
        window: int = 50,
        bars: int = 1,
        sigma_window: int = 50,
        rank_window: int = 250,
        degrees: float | None = None,
    ) -> None:
        volume = checked_bucket_volume(bucket_volume)
        window, bars = checked_period("window", window), checked_period("bars", bars)
        sigma_window = checked_period("sigma_window", sigma_window, 2)
        rank_window = checked_period("rank_window", rank_window)
        if degrees is not None and not (math.isfinite(degrees) and degrees > 0.0):
            raise ConfigError("degrees is not usable", got=degrees, expected="a number > 0, or None")
        args = (volume / bars, bars, window, sigma_window, rank_window, float(degrees or 0.0))
        warmup = -(-(sigma_window + 1) // bars) + window
        self._init(bulk_vpin_dtype(window, sigma_window, rank_window), args, warmup)

    def buckets(self, price: np.ndarray, volume: np.ndarray) -> Buckets:
        """Values of a fresh kernel at the trades that end a bucket, those of `transform` bit for bit.

        Parameters
        ----------
        price, volume : array (T,)
            The trades. One pass, O(T); this instance's own state is untouched.

        Raises
        ------
        DataError
            The arrays are not one-dimensional or differ in length.
        """
        price, volume = trade_column("price", price), trade_column("volume", volume)
        if price.shape != volume.shape:
            raise DataError("price and volume differ in length", got=(price.size, volume.size))
        index, values = _bulk_buckets(np.zeros(1, self._dtype), price, volume, *self._args)
        return Buckets(index, values[:, 0], values[:, 1])

    @classmethod
    def examples(cls) -> list[Self]:
        """Normal law, and Student's law with several bars to a bucket; both warm up in 8 buckets."""
        return [
            cls(10.0, window=4, sigma_window=3, rank_window=5),
            cls(10.0, window=5, bars=2, sigma_window=5, rank_window=3, degrees=0.25),
        ]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """A walk in ticks; eight trades of one bucket each, then small ones and ones over several buckets."""
        price = 100.0 + 0.5 * np.cumsum(rng.integers(-2, 3, n))
        volume = rng.exponential(6.0, n)
        volume[:8] = 10.0
        return np.column_stack((price, volume))

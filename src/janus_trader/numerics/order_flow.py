"""Order-flow imbalance at the best quotes, and the imbalance of the two queues."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numba import njit

from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.rolling import rolling_dtype, rolling_push
from janus_trader.numerics.streaming import StreamingKernel


def order_flow_dtype(window: int) -> np.dtype:
    """State of `OrderFlowImbalance`: the last quote, and the contributions of the last changes."""
    return np.dtype(
        [("n", "i8"), ("quote", "f8", (4,)), ("flow", rolling_dtype(window))],
        align=True,
    )


@njit(cache=True)
def queue_imbalance(bid_size, ask_size):
    """``(bid - ask) / (bid + ask)`` of the sizes at the best quotes, in [-1, 1]; NaN where both are empty.

    Works on numbers or, elementwise, inside a loop; NaN in, NaN out. O(1).

    Examples
    --------
    >>> queue_imbalance(3.0, 1.0)
    0.5

    References
    ----------
    Gould & Bonart (2016). Queue imbalance as a one-tick-ahead price predictor.
    """
    total = bid_size + ask_size
    if not total > 0.0:
        return math.nan
    return (bid_size - ask_size) / total


@njit(cache=True)
def order_flow_event(bid0, bid_size0, ask0, ask_size0, bid, bid_size, ask, ask_size):
    r"""Contribution of one change of the best quotes to the order-flow imbalance.

    .. math:: e = 1_{b \ge b'} q^b - 1_{b \le b'} q'^b - 1_{a \le a'} q^a + 1_{a \ge a'} q'^a

    with the earlier quote primed: size added at the bid or taken from the ask counts as buying. In units
    of size. O(1).

    Examples
    --------
    >>> order_flow_event(99.0, 5.0, 101.0, 5.0, 99.0, 8.0, 101.0, 4.0)
    4.0
    """
    e = 0.0
    if bid >= bid0:
        e += bid_size
    if bid <= bid0:
        e -= bid_size0
    if ask <= ask0:
        e -= ask_size
    if ask >= ask0:
        e += ask_size0
    return e


@njit(cache=True)
def _window_sum(s, window):
    """Sum of a full window, oldest first."""
    if s.n < window:
        return math.nan
    oldest = s.n % window
    total = 0.0
    for i in range(oldest, window):
        total += s.buffer[i]
    for i in range(oldest):
        total += s.buffer[i]
    return total


@njit(cache=True)
def order_flow_step(s, bid, bid_size, ask, ask_size, window):
    """One quote into a record of `order_flow_dtype`; the sum of the last contributions. O(window)."""
    if math.isfinite(bid) and math.isfinite(bid_size) and math.isfinite(ask) and math.isfinite(ask_size):
        q = s.quote
        if s.n > 0:
            rolling_push(
                s.flow, order_flow_event(q[0], q[1], q[2], q[3], bid, bid_size, ask, ask_size), window
            )
        q[0], q[1], q[2], q[3] = bid, bid_size, ask, ask_size
        s.n += 1
    return _window_sum(s.flow, window)


@njit(cache=True)
def _update(states, x, window):
    return order_flow_step(states[0], x[0], x[1], x[2], x[3], window)


@njit(cache=True)
def _scan(states, xs, window):
    ys = np.empty(xs.shape[0])
    for t in range(xs.shape[0]):
        ys[t] = order_flow_step(states[0], xs[t, 0], xs[t, 1], xs[t, 2], xs[t, 3], window)
    return ys


class OrderFlowImbalance(StreamingKernel):
    r"""Order-flow imbalance of the last ``window`` changes of the best quotes.

    .. math:: \mathrm{OFI} = \sum_n e_n, \qquad
              e_n = 1_{b_n \ge b_{n-1}} q^b_n - 1_{b_n \le b_{n-1}} q^b_{n-1}
                    - 1_{a_n \le a_{n-1}} q^a_n + 1_{a_n \ge a_{n-1}} q^a_{n-1}

    Parameters
    ----------
    window : int
        Changes added up, at least 1; 1 gives every contribution by itself.

    Notes
    -----
    Input: a row (bid, bid size, ask, ask size). Output: one float, in units of size, positive where
    buyers press. Warm-up: ``window + 1`` quotes, NaN before; a row with a non-finite field repeats the
    last output. O(window).

    Raises
    ------
    ConfigError
        ``window`` is not a positive integer.

    Examples
    --------
    >>> quotes = np.array([[99.0, 5.0, 101.0, 5.0], [99.0, 8.0, 101.0, 4.0], [98.0, 2.0, 101.0, 4.0]])
    >>> OrderFlowImbalance(1).transform(quotes).tolist()
    [nan, 4.0, -8.0]

    References
    ----------
    Cont, R., Kukanov, A. & Stoikov, S. (2014). The price impact of order book events. Journal of
    Financial Econometrics 12.
    """

    WIDTH = 4
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, window: int) -> None:
        window = checked_period("window", window)
        self._init(order_flow_dtype(window), (window,), warmup=window + 1)

    @classmethod
    def examples(cls) -> list[Self]:
        """One change and a few."""
        return [cls(1), cls(10)]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Quotes in ticks with sizes."""
        bid = 100.0 + np.cumsum(rng.integers(-1, 2, n)) * 0.01
        ask = bid + 0.01 * rng.integers(1, 3, n)
        return np.column_stack((bid, rng.integers(1, 50, n), ask, rng.integers(1, 50, n)))

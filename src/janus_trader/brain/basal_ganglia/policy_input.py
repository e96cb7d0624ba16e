"""What the policy sees of an instrument: one row of bounded numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES

#: Usual value and spread of each instrument feature; a row holds tanh((x − centre) / scale).
_CENTRE = {"dimension": 1.4, "hurst": 0.55, "noise": 0.5}
_SCALE = {
    "divergence_score": 1.5,
    "alpha_score": 1.5,
    "dimension": 0.2,
    "hurst": 0.2,
    "alpha_excess": 0.2,
    "regime_confidence": 0.2,
    "trend_slope": 2.0,
    "noise": 0.25,
    "volatility_ratio": 0.5,
}
CENTRE = np.array([_CENTRE.get(name, 0.0) for name in INSTRUMENT_FEATURES])
SCALE = np.array([_SCALE.get(name, 1.0) for name in INSTRUMENT_FEATURES])
KNOWN = INSTRUMENT_FEATURES.index("known")
#: Positions a choice stands for, in the order short, flat, long.
POSITIONS = np.array([-1.0, 0.0, 1.0])


def row_size(sources: int, context: int) -> int:
    """Length of a row: features, signals, position, context.

    >>> row_size(12, 24)
    49
    """
    return N_INSTRUMENT_FEATURES + sources + 1 + context


def position_column(sources: int) -> int:
    """Column of the position held."""
    return N_INSTRUMENT_FEATURES + sources


@njit(cache=True)
def policy_rows(features, signals, held, context, episodes, instruments, unit, centre, scale, out):
    """Fill ``out`` (B, size) with the rows of (episode, instrument) pairs. O(B·size).

    ``features`` is (E, n, f) or (E, 0, 0) where nothing is known, ``signals`` (E, k, n), ``held`` (E, n),
    ``context`` (E, d). Features of a row that is not known are 0, and so is every number that is not finite;
    the position is the weight held in units of ``unit``, clipped to [-1, 1].
    """
    f, k, d = centre.size, signals.shape[1], context.shape[1]
    has = features.shape[2] == f
    for b in range(episodes.size):
        e, i = episodes[b], instruments[b]
        row = out[b]
        known = has and features[e, i, f - 1] > 0.0
        for j in range(f):
            value = 0.0
            if known:
                value = np.tanh((features[e, i, j] - centre[j]) / scale[j])
                if not np.isfinite(value):
                    value = 0.0
            row[j] = value
        for j in range(k):
            value = signals[e, j, i]
            row[f + j] = value if np.isfinite(value) else 0.0
        position = held[e, i] / unit
        row[f + k] = min(max(position, -1.0), 1.0) if np.isfinite(position) else 0.0
        for j in range(d):
            value = context[e, j]
            row[f + k + 1 + j] = value if np.isfinite(value) else 0.0


@njit(cache=True)
def pair_up(instruments, step, continues, weight, payoff, features, which, whom, weights, paid, facts, last):  # type: ignore[no-untyped-def]
    """Pair every one of some instruments with every episode, instrument by instrument. O(B·f).

    Fills, for the B = instruments · episodes pairs, whose and which they are, (B,), and what else learning needs:
    weights (0 where no next bar is known), payoffs, features ``facts`` (B, f), and ``last`` (B,) where what a
    row led to is not the row after it.
    """
    count = step.size
    for b in range(which.size):
        e, i = b % count, instruments[b // count]
        which[b], whom[b] = e, i
        weights[b] = weight[e] if continues[e] else weight[e] * 0.0
        paid[b] = payoff[e, i]
        facts[b] = features[e, i]
        last[b] = e == count - 1 or step[e + 1] - step[e] != 1 or not continues[e + 1]


def filled(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Columns of episodes as float64, or zeros of ``shape`` where an episode does not carry them."""
    array = np.ascontiguousarray(values, np.float64)
    return array if array.shape == shape else np.zeros(shape)

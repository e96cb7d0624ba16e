"""The state an experience is remembered by: the context and what the book's features look like on average."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES

_KNOWN = INSTRUMENT_FEATURES.index("known")
#: Features of a state: all but the mark of what is known.
N_STATE_FEATURES = N_INSTRUMENT_FEATURES - 1
_USUAL = {"dimension": (1.5, 0.2), "hurst": (0.5, 0.2), "alpha_excess": (0.0, 0.25), "noise": (0.5, 0.25)}
_USUAL |= {"trend_slope": (0.0, 2.0), "volatility_ratio": (0.0, 0.5)}
#: What is usual of each feature and how far from it is far, in natural units.
CENTRE, SPREAD = np.array([_USUAL.get(name, (0.0, 1.0)) for name in INSTRUMENT_FEATURES[:_KNOWN]]).T.copy()


@njit(cache=True)
def state_into(context, features, centre, spread, out):
    """Write the state (d + f,) in [-1, 1] from a context (d,) and features (n, f + 1). O(d + n·f).

    The features enter as tanh of their mean over the instruments that are known, each against its usual
    spread; 0 where nothing is known, and NaN counts as unknown.

    >>> out, features = np.empty(13), np.zeros((2, 12), np.float32)
    >>> features[0, 11], features[0, 3] = 1.0, 0.7
    >>> state_into(np.full(2, 0.5), features, CENTRE, SPREAD, out)
    >>> out[:2].tolist(), float(out[5].round(3))
    ([0.5, 0.5], 0.762)
    """
    d, f = context.size, centre.size
    for j in range(d):
        out[j] = context[j]
    for j in range(f):
        total, count = 0.0, 0
        for i in range(features.shape[0]):
            if features[i, f] > 0.0 and not np.isnan(features[i, j]):
                total += features[i, j]
                count += 1
        out[d + j] = np.tanh((total / count - centre[j]) / spread[j]) if count > 0 else 0.0


@njit(cache=True)
def states_into(contexts, features, centre, spread, out):
    """`state_into` for many: contexts (m, d), features (m, n, f + 1), out (m, d + f)."""
    for row in range(out.shape[0]):
        state_into(contexts[row], features[row], centre, spread, out[row])


def state_of(context: np.ndarray, features: np.ndarray | None) -> np.ndarray:
    """State (d + `N_STATE_FEATURES`,) of a moment; without features only the context speaks.

    >>> state_of(np.array([0.25, -1.0]), None).tolist()[:3]
    [0.25, -1.0, 0.0]
    """
    known = features is not None and features.size > 0
    rows = (
        np.ascontiguousarray(features, np.float32)
        if known
        else np.zeros((0, N_INSTRUMENT_FEATURES), np.float32)
    )
    out = np.empty(context.size + N_STATE_FEATURES)
    state_into(np.ascontiguousarray(context, np.float64), rows, CENTRE, SPREAD, out)
    return out


def states_of(records: np.ndarray) -> np.ndarray:
    """States (m, d + f) of records of the ring."""
    contexts = np.ascontiguousarray(records["context"].astype(np.float64))
    features = np.ascontiguousarray(records["features"].astype(np.float32))
    out = np.empty((len(records), contexts.shape[1] + N_STATE_FEATURES))
    states_into(contexts, features, CENTRE, SPREAD, out)
    return out

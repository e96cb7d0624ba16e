"""FuN's intrinsic reward: how far the state went where the goals pointed."""

from __future__ import annotations

import numpy as np

_LEAST = 1e-12


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine along the last axis; 0 where either vector has no length.

    >>> cosine(np.array([1.0, 0.0]), np.array([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]])).tolist()
    [1.0, 0.0, 0.0]
    """
    scale = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    dot = (np.asarray(a) * b).sum(axis=-1)
    return np.divide(dot, scale, out=np.zeros_like(dot, dtype=np.float64), where=scale > _LEAST)


def intrinsic_reward(states: np.ndarray, goals: np.ndarray, horizon: int) -> np.ndarray:
    r"""Intrinsic reward of each step, (T, ...) in [-1, 1].

    .. math:: r^I_t = \frac{1}{c} \sum_{i=1}^{c} \cos(s_t - s_{t-i},\, g_{t-i})

    with as many terms as there are steps before t; 0 at the first. O(T c d).

    Parameters
    ----------
    states, goals : (T, ..., d) arrays
        Latent states and the goals in force at them.
    horizon : int
        c.

    Examples
    --------
    >>> s = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    >>> intrinsic_reward(s, np.tile([1.0, 0.0], (3, 1)), 2).round(4).tolist()
    [0.0, 1.0, 0.3536]

    References
    ----------
    Vezhnevets et al. (2017). FeUdal Networks for hierarchical reinforcement learning, eq. 8.
    """
    s, g = np.asarray(states, dtype=np.float64), np.asarray(goals, dtype=np.float64)
    out = np.zeros(s.shape[:-1])
    for t in range(1, len(s)):
        back = np.arange(1, min(horizon, t) + 1)
        out[t] = cosine(s[t][None] - s[t - back], g[t - back]).mean(axis=0)
    return out

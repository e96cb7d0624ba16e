"""Compressed replay: a sequence told in fewer episodes, as a ripple tells seconds in milliseconds."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.foundation.config import Config

Similarity = Annotated[float, Meta(ge=-1.0, le=1.0)]


class Compression(IntEnum):
    """How many bars one replayed episode stands for at most."""

    NONE = 1
    LIGHT = 3
    MEDIUM = 8
    STRONG = 15
    EXTREME = 25


class CompressionConfig(Config, frozen=True):
    """How similar consecutive episodes must be to be told as one, at each ratio."""

    light: Annotated[Similarity, Meta(description="cosine of contexts at 3x")] = 0.95
    medium: Annotated[Similarity, Meta(description="at 8x")] = 0.85
    strong: Annotated[Similarity, Meta(description="at 15x")] = 0.70
    extreme: Annotated[Similarity, Meta(description="at 25x")] = 0.50

    def similarity(self, ratio: Compression) -> float:
        """Least similarity at a ratio; nothing is merged without compression."""
        return 2.0 if ratio is Compression.NONE else float(getattr(self, ratio.name.lower()))


@njit(cache=True)
def group_sequence(contexts, similarity, ratio, pinned, group):
    """Number the groups of consecutive contexts (m, d) told as one; returns how many there are. O(m·d).

    A context joins the group before it while its cosine to the group's first context is at least
    ``similarity`` and the group has fewer than ``ratio`` members. ``pinned`` (m,) members end up in a group
    with at most one pinned member, so that each keeps its own representative.

    >>> group, none = np.empty(7, np.int64), np.zeros(7, np.bool_)
    >>> group_sequence(np.ones((7, 2)), 0.95, 3, none, group), group.tolist()
    (3, [0, 0, 0, 1, 1, 1, 2])
    """
    count, first, size, holds = 0, 0, 0, False
    for t in range(contexts.shape[0]):
        joined = t > 0 and size < ratio and not (holds and pinned[t])
        if joined:
            dot, a, b = 0.0, 0.0, 0.0
            for j in range(contexts.shape[1]):
                x, y = contexts[first, j], contexts[t, j]
                dot += x * y
                a += x * x
                b += y * y
            joined = dot >= similarity * np.sqrt(a * b)
        if not joined:
            count, first, size, holds = count + 1, t, 0, False
        size += 1
        holds = holds or pinned[t]
        group[t] = count - 1
    return count


@njit(cache=True)
def representatives(contexts, weights, pinned, group, count, chosen, mass):
    """The member that stands for each group (``chosen``, (count,)) and the weight of the whole group.

    That is the pinned one, else the one nearest to the group's weighted mean; of equals the earliest.
    The weights are kept: ``mass`` sums to the sum of ``weights``. O(m·d).
    """
    d = contexts.shape[1]
    mean = np.zeros((count, d))
    mass[:] = 0.0
    chosen[:] = -1
    for t in range(group.size):
        mass[group[t]] += weights[t]
        for j in range(d):
            mean[group[t], j] += weights[t] * contexts[t, j]
    nearest = np.full(count, np.inf)
    for t in range(group.size):
        g, gap = group[t], 0.0
        for j in range(d):
            gap += (contexts[t, j] - mean[g, j] / mass[g]) ** 2
        if pinned[t]:
            gap = -1.0
        if gap < nearest[g] or chosen[g] < 0:
            nearest[g], chosen[g] = gap, t


def compress(
    contexts: np.ndarray, weights: np.ndarray, ratio: Compression, similarity: float, pinned: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell a sequence in fewer of its own episodes.

    Parameters
    ----------
    contexts : (m, d) float array
        In order of time.
    weights : (m,) float array
        Positive.
    ratio : Compression
    similarity : float
        Least cosine to the first context of a group.
    pinned : (m,) bool array
        Episodes that must be told themselves.

    Returns
    -------
    chosen : (g,) int64 array
        Rows that are told, in order of time.
    mass : (g,) float array
        What each stands for; the sum is that of ``weights``.
    group : (m,) int64 array
        By which of them each row is told.

    Examples
    --------
    >>> same = np.ones((6, 2))
    >>> chosen, mass, group = compress(same, np.ones(6), Compression.LIGHT, 0.95, np.zeros(6, bool))
    >>> chosen.tolist(), mass.tolist()
    ([0, 3], [3.0, 3.0])
    """
    contexts = np.ascontiguousarray(contexts, np.float64)
    group = np.empty(len(contexts), np.int64)
    count = group_sequence(contexts, similarity, int(ratio), pinned, group)
    chosen, mass = np.empty(count, np.int64), np.empty(count)
    representatives(contexts, np.ascontiguousarray(weights, np.float64), pinned, group, count, chosen, mass)
    return chosen, mass, group


def reconstruction_error(contexts: np.ndarray, chosen: np.ndarray, group: np.ndarray) -> float:
    """Root mean square distance of the contexts from those that tell them, relative to their own size."""
    if not len(contexts):
        return 0.0
    gap = contexts - contexts[chosen][group]
    size = float(np.sum(contexts * contexts))
    return float(np.sqrt(np.sum(gap * gap) / size)) if size > 0.0 else 0.0

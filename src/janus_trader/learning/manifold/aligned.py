"""AlignedUMAP: one map for every night, in which what is remembered twice lies at the same place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config, NonNegative
from janus_trader.learning.manifold.drift import aligned_onto
from janus_trader.learning.manifold.umap import Descent, UMAPConfig, fuzzy_graph, principal_plane


class AlignedConfig(Config, frozen=True):
    """The maps themselves and what ties them together; weights and window as in umap-learn."""

    umap: UMAPConfig = UMAPConfig()
    regularisation: NonNegative = 1e-2
    window: Annotated[int, Meta(ge=1, le=20, description="nights to each side that are tied")] = 3


@dataclass(frozen=True, eq=False)
class Relations:
    """Which row of one slice is which row of the next: ``onward[t]`` is (n_t,), -1 where there is none."""

    onward: tuple[np.ndarray, ...]

    @classmethod
    def of_keys(cls, keys: Sequence[np.ndarray]) -> Relations:
        """Rows of consecutive slices with equal keys; keys are distinct within a slice.

        >>> Relations.of_keys([np.array([5, 6, 7]), np.array([7, 8, 6])]).onward[0].tolist()
        [-1, 2, 0]
        """
        onward = []
        for now, later in itertools.pairwise(keys):
            place = {int(key): row for row, key in enumerate(later)}
            onward.append(np.array([place.get(int(key), -1) for key in now], np.int64))
        return cls(tuple(onward))

    def pairs(self, t: int, other: int) -> np.ndarray:
        """Rows (m, 2) of slices ``t`` and ``other`` that are the same thing, through those in between."""
        low, high = min(t, other), max(t, other)
        rows = np.arange(len(self.onward[low])) if low < high else np.empty(0, np.int64)
        at = rows
        for step in range(low, high):
            at = np.where(at >= 0, self.onward[step][at], -1)
        both = np.stack([rows[at >= 0], at[at >= 0]], axis=1)
        return both if t <= other else both[:, ::-1]


class _Anchors:
    """Sum and number of the points related to each point of a slice, within the window."""

    def __init__(self, relations: Relations, sizes: Sequence[int], window: int) -> None:
        self._ties: list[list[tuple[int, np.ndarray]]] = []
        self.links = [np.zeros(size, np.float32) for size in sizes]
        for t in range(len(sizes)):
            ties = []
            for other in range(max(0, t - window), min(len(sizes), t + window + 1)):
                pairs = relations.pairs(t, other) if other != t else np.empty((0, 2), np.int64)
                if len(pairs):
                    ties.append((other, pairs))
                    self.links[t][pairs[:, 0]] += 1.0
            self._ties.append(ties)

    def of(self, t: int, layouts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        total = np.zeros_like(layouts[t])
        for other, pairs in self._ties[t]:
            total[pairs[:, 0]] += layouts[other][pairs[:, 1]]
        return total, self.links[t]


def fit_aligned_umap(
    slices: Sequence[np.ndarray], relations: Relations, config: AlignedConfig | None = None
) -> list[np.ndarray]:
    r"""Layouts (n_t, 2) float32 of several sets of vectors (n_t, d_t) that keep related points together.

    .. math:: \sum_t L_t + \lambda \sum_{|t - t'| \le w} \sum_i \| y_i^t - y_i^{t'} \|^2

    Slices start on their own principal axes, turned onto the slice before, and take turns epoch by epoch;
    the vectors of different slices need not be of the same length. O(sum of the fits).

    Raises
    ------
    DataError
        No slices, relations that do not fit them, or a slice that cannot be mapped.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((40, 3))
    >>> same = Relations.of_keys([np.arange(40)] * 2)
    >>> tied, free = (
    ...     fit_aligned_umap([x, x], same, AlignedConfig(regularisation=r)) for r in (0.01, 0.0)
    ... )
    >>> alignment_error(tied, same) < 0.5 * alignment_error(free, same)
    True

    References
    ----------
    AlignedUMAP of umap-learn.
    """
    c = config or AlignedConfig()
    sizes = [len(x) for x in slices]
    if not sizes or [len(o) for o in relations.onward] != sizes[:-1]:
        raise DataError(
            "relations do not fit the slices",
            got=f"slices {sizes}, relations {[len(o) for o in relations.onward]}",
            expected="one relation from each slice to the next",
        )
    descents = [Descent(fuzzy_graph(x, c.umap.n_neighbors), c.umap, stream=t) for t, x in enumerate(slices)]
    layouts: list[np.ndarray] = []
    for t, x in enumerate(slices):
        start = principal_plane(x)
        if t:
            start = aligned_onto(layouts[-1], start, relations.pairs(t - 1, t))
        layouts.append(np.ascontiguousarray(start, dtype=np.float32))
    anchors = _Anchors(relations, sizes, c.window)
    for epoch in range(c.umap.epochs):
        for t, descent in enumerate(descents):
            descent.run(layouts[t], epoch, epoch + 1, anchors.of(t, layouts), c.regularisation)
    return layouts


def alignment_error(layouts: Sequence[np.ndarray], relations: Relations) -> float:
    """Mean distance of related points of consecutive layouts over the layouts' spread; 0 without any.

    >>> x = np.eye(3)
    >>> alignment_error([x, x], Relations.of_keys([np.arange(3)] * 2))
    0.0
    """
    moved: list[np.ndarray] = []
    for t in range(len(layouts) - 1):
        a, b = np.asarray(layouts[t], np.float64), np.asarray(layouts[t + 1], np.float64)
        pairs = relations.pairs(t, t + 1)
        spread = float(np.sqrt(((a - a.mean(axis=0)) ** 2).sum(axis=1).mean()))
        if len(pairs) and spread > 0.0:
            moved.append(np.linalg.norm(a[pairs[:, 0]] - b[pairs[:, 1]], axis=1) / spread)
    return float(np.concatenate(moved).mean()) if moved else 0.0

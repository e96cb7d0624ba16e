"""A tree of partial sums: draw an index in proportion to its priority, in logarithmic time."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.prefetch import prefetch_item

FANOUT = 16
_SHIFT = 4


def sum_tree_levels(capacity: int) -> np.ndarray:
    """Offsets of the levels of a tree, the single total first and the leaves last, and the whole length.

    Each level is filled up to whole groups of 16, so that a group is two cache lines.

    >>> sum_tree_levels(20).tolist()
    [0, 16, 32, 64]
    """
    counts = [-(-capacity // FANOUT) * FANOUT]
    while counts[0] > 1:
        nodes = counts[0] // FANOUT
        counts.insert(0, 1 if nodes == 1 else -(-nodes // FANOUT) * FANOUT)
    counts[0] = FANOUT  # the total has a group to itself
    return np.cumsum([0, *counts]).astype(np.int64)


@njit(cache=True)
def _group_sum(tree, first):
    """Sum of a group, halves first: the additions of a binary tree over the same leaves."""
    c = tree[first : first + FANOUT]
    low = ((c[0] + c[1]) + (c[2] + c[3])) + ((c[4] + c[5]) + (c[6] + c[7]))
    high = ((c[8] + c[9]) + (c[10] + c[11])) + ((c[12] + c[13]) + (c[14] + c[15]))
    return low + high


@njit(cache=True)
def sum_tree_set(tree, levels, index, priority):
    """Set one leaf and the sums above it; each is summed afresh, so none drifts. O(log n)."""
    leaf = levels.shape[0] - 2
    tree[levels[leaf] + index] = priority
    for level in range(leaf, 0, -1):
        index >>= _SHIFT
        tree[levels[level - 1] + index] = _group_sum(tree, levels[level] + index * FANOUT)


@njit(cache=True)
def sum_tree_set_many(tree, levels, indices, priorities):
    """Set several leaves in order; of a repeated index the last priority stays. O(k log n).

    Goes up level by level, and sums a group once where neighbours in the list share it: sampled indices
    are ascending, so that the upper levels cost little.
    """
    leaf = levels.shape[0] - 2
    nodes = np.empty(indices.shape[0], np.int64)
    for i in range(indices.shape[0]):
        tree[levels[leaf] + indices[i]] = priorities[i]
        nodes[i] = indices[i]
    count = indices.shape[0]
    for level in range(leaf, 0, -1):
        kept = 0
        for i in range(count):
            node = nodes[i] >> _SHIFT
            if kept == 0 or node != nodes[kept - 1]:
                tree[levels[level - 1] + node] = _group_sum(tree, levels[level] + node * FANOUT)
                nodes[kept] = node
                kept += 1
        count = kept


@njit(cache=True)
def _descend(tree, first, mass):
    """Child of a group in which ``mass`` lies, and what is left of it there.

    Four halvings, by arithmetic where a branch would be guessed wrongly every other time. Rounding can
    leave a remainder at the right end of a sum; a half without mass is never entered, so a leaf of
    priority 0 is never returned while the total is positive.
    """
    c = tree[first : first + 16]
    low = ((c[0] + c[1]) + (c[2] + c[3])) + ((c[4] + c[5]) + (c[6] + c[7]))
    high = ((c[8] + c[9]) + (c[10] + c[11])) + ((c[12] + c[13]) + (c[14] + c[15]))
    right = np.int64((mass >= low) & (high > 0.0))
    mass -= low * right
    child = 8 * right
    c = tree[first + child : first + child + 8]
    low, high = (c[0] + c[1]) + (c[2] + c[3]), (c[4] + c[5]) + (c[6] + c[7])
    right = np.int64((mass >= low) & (high > 0.0))
    mass -= low * right
    child += 4 * right
    c = tree[first + child : first + child + 4]
    low, high = c[0] + c[1], c[2] + c[3]
    right = np.int64((mass >= low) & (high > 0.0))
    mass -= low * right
    child += 2 * right
    c = tree[first + child : first + child + 2]
    right = np.int64((mass >= c[0]) & (c[1] > 0.0))
    mass -= c[0] * right
    return child + right, mass


@njit(cache=True)
def sum_tree_sample(tree, levels, u, out):
    """One leaf from each of ``k`` equal strata of the total mass; ``u`` (k,) places it inside. O(k log n).

    All draws go down one level together: their waits for memory overlap, and the next is asked for early.
    """
    k = u.shape[0]
    mass = np.empty(k)
    for i in range(k):
        out[i] = 0
        mass[i] = (i + u[i]) / k * tree[0]
    last = levels.shape[0] - 2
    for level in range(1, last + 1):
        for i in range(k):
            node = out[i] * FANOUT
            child, mass[i] = _descend(tree, levels[level] + node, mass[i])
            out[i] = node + child
            if level < last:
                first = levels[level + 1] + out[i] * FANOUT
                prefetch_item(tree, first)
                prefetch_item(tree, first + FANOUT // 2)


@njit(cache=True)
def sum_tree_rebuild(tree, levels):
    """Recompute every sum from the leaves. O(n)."""
    for level in range(levels.shape[0] - 2, 0, -1):
        for node in range((levels[level + 1] - levels[level]) // FANOUT):
            tree[levels[level - 1] + node] = _group_sum(tree, levels[level] + node * FANOUT)


def _aligned_zeros(n: int) -> np.ndarray:
    """Zeros that begin at a multiple of two cache lines."""
    room = np.zeros(n + FANOUT)
    skip = (-room.ctypes.data % (8 * FANOUT)) // 8
    return room[skip : skip + n]


class SumTree:
    """Priorities in a tree of sums of 16, for prioritised sampling.

    ``P(i) = p_i / sum(p)``; a stratified draw of ``k`` takes one index from each of ``k`` equal slices
    of the total, which lowers the variance of the draw and leaves its expectation.

    Parameters
    ----------
    capacity : int
        Number of indices, at least 1; all priorities start at 0.

    Notes
    -----
    Priorities are finite and >= 0; NaN is refused. `set` costs O(log n), a draw of ``k`` O(k log n).
    The tree is a function of the priorities alone, not of the order in which they were set.

    Raises
    ------
    ConfigError
        ``capacity`` is not a positive integer.

    Examples
    --------
    >>> tree = SumTree(3)
    >>> tree.set(0, 1.0); tree.set(2, 3.0)
    >>> tree.total, tree.sample_stratified(np.array([0.5, 0.5, 0.5, 0.5])).tolist()
    (4.0, [0, 2, 2, 2])

    References
    ----------
    Schaul, T. et al. (2016). Prioritized experience replay. arXiv:1511.05952.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = checked_period("capacity", capacity)
        self._levels = sum_tree_levels(self.capacity)
        self._leaves = int(self._levels[-2])
        self._tree = _aligned_zeros(int(self._levels[-1]))

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._tree[0])

    def set(self, index: int, priority: float) -> None:
        """Give one index its priority. O(log n).

        Raises
        ------
        DataError
            The index is out of range, or the priority is negative or not finite.
        """
        if not 0 <= index < self.capacity:
            raise self._outside(index)
        if not 0.0 <= priority < np.inf:
            raise self._unusable(priority)
        sum_tree_set(self._tree, self._levels, int(index), float(priority))

    def set_many(self, indices: np.ndarray, priorities: np.ndarray) -> None:
        """Give several indices their priorities; of a repeated index the last one stays. O(k log n).

        Raises
        ------
        DataError
            The shapes differ, an index is out of range or a priority is negative or not finite;
            nothing is changed then.
        """
        where = np.ascontiguousarray(indices, dtype=np.int64)
        values = np.ascontiguousarray(priorities, dtype=np.float64)
        if where.ndim != 1 or where.shape != values.shape:
            raise DataError(
                "indices and priorities do not match",
                got=f"{where.shape} and {values.shape}",
                expected="two arrays (k,)",
            )
        if where.size == 0:
            return
        if where.min() < 0 or where.max() >= self.capacity:
            raise self._outside(where)
        if not (np.isfinite(values).all() and values.min() >= 0.0):
            raise self._unusable(values)
        sum_tree_set_many(self._tree, self._levels, where, values)

    def priorities(self, indices: np.ndarray) -> np.ndarray:
        """Priorities of some indices, as a new array.

        Raises
        ------
        DataError
            An index is out of range.
        """
        where = np.asarray(indices, dtype=np.int64)
        if where.size and (where.min() < 0 or where.max() >= self.capacity):
            raise self._outside(where)
        return self._tree[self._leaves + where]

    def sample_stratified(self, u: np.ndarray) -> np.ndarray:
        """Draw ``k`` indices in proportion to their priorities, one from each ``1/k`` of the total.

        Parameters
        ----------
        u : array (k,)
            Uniform numbers in [0, 1), from the caller's own generator.

        Returns
        -------
        array (k,) of int64
            In ascending order; an index of priority 0 never occurs. O(k log n).

        Raises
        ------
        DataError
            The total is 0 or not finite, or a ``u`` is outside [0, 1).
        """
        u = np.ascontiguousarray(u, dtype=np.float64)
        if u.ndim != 1 or (u.size and not (u.min() >= 0.0 and u.max() < 1.0)):
            raise DataError("cannot sample with these numbers", got=u, expected="an array (k,) in [0, 1)")
        if not 0.0 < self.total < np.inf:
            raise DataError(
                "cannot sample from this tree",
                got=f"a total priority of {self.total}",
                expected="a positive, finite total",
                remedy="set priorities before sampling",
            )
        out = np.empty(u.shape[0], np.int64)
        sum_tree_sample(self._tree, self._levels, u, out)
        return out

    def reset(self) -> None:
        """All priorities back to 0."""
        self._tree[:] = 0.0

    def snapshot(self) -> bytes:
        """The priorities as bytes."""
        return pack({"priorities": self._tree[self._leaves : self._leaves + self.capacity]})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back and rebuild the sums, bit for bit as they were. O(n).

        Raises
        ------
        IntegrityError
            The snapshot belongs to another capacity.
        """
        tree = unpack(raw)
        leaves = tree.get("priorities") if isinstance(tree, dict) else None
        if not isinstance(leaves, np.ndarray) or leaves.shape != (self.capacity,):
            raise IntegrityError(
                "SumTree: snapshot does not fit",
                got=getattr(leaves, "shape", type(leaves).__name__),
                expected=f"({self.capacity},)",
                remedy="restore with the capacity it was taken with",
            )
        self._tree[:] = 0.0
        self._tree[self._leaves : self._leaves + self.capacity] = leaves
        sum_tree_rebuild(self._tree, self._levels)

    def _outside(self, index: object) -> DataError:
        return DataError("no such index", got=index, expected=f"0 <= index < {self.capacity}")

    @staticmethod
    def _unusable(priority: object) -> DataError:
        return DataError("priority is not usable", got=priority, expected="a finite number >= 0")

"""A tree of partial sums: draw an index in proportion to its priority, in logarithmic time."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.numerics.ema import checked_period


@njit(cache=True)
def sum_tree_set(tree, index, priority):
    """Set one leaf and the sums above it; each sum is that of its two children, so none drifts. O(log n)."""
    node = tree.shape[0] // 2 + index
    tree[node] = priority
    node //= 2
    while node >= 1:
        tree[node] = tree[2 * node] + tree[2 * node + 1]
        node //= 2


@njit(cache=True)
def sum_tree_set_many(tree, indices, priorities):
    """Set several leaves in order; of a repeated index the last priority stays. O(k log n)."""
    for i in range(indices.shape[0]):
        sum_tree_set(tree, indices[i], priorities[i])


@njit(cache=True)
def sum_tree_find(tree, mass):
    """Leaf at which the running sum of priorities exceeds ``mass``, in [0, total). O(log n).

    Rounding can leave a remainder at the right end of a sum; a branch without mass is never entered,
    so a leaf of priority 0 is never returned while the total is positive.
    """
    leaves = tree.shape[0] // 2
    node = 1
    while node < leaves:
        left = 2 * node
        if mass < tree[left] or tree[left + 1] <= 0.0:
            node = left
        else:
            mass -= tree[left]
            node = left + 1
    return node - leaves


@njit(cache=True)
def sum_tree_sample(tree, u, out):
    """One leaf from each of ``k`` equal strata of the total mass; ``u`` (k,) places it inside. O(k log n)."""
    k = u.shape[0]
    total = tree[1]
    for i in range(k):
        out[i] = sum_tree_find(tree, (i + u[i]) / k * total)


@njit(cache=True)
def sum_tree_rebuild(tree):
    """Recompute every sum from the leaves. O(n)."""
    for node in range(tree.shape[0] // 2 - 1, 0, -1):
        tree[node] = tree[2 * node] + tree[2 * node + 1]


class SumTree:
    """Priorities in a binary tree of sums, for prioritised sampling.

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
        # A power of two of leaves keeps them in index order; the spare ones stay at 0.
        self._leaves = 1 << (self.capacity - 1).bit_length()
        self._tree = np.zeros(2 * self._leaves)

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._tree[1])

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
        sum_tree_set(self._tree, int(index), float(priority))

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
        sum_tree_set_many(self._tree, where, values)

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
        sum_tree_sample(self._tree, u, out)
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
        sum_tree_rebuild(self._tree)

    def _outside(self, index: object) -> DataError:
        return DataError("no such index", got=index, expected=f"0 <= index < {self.capacity}")

    @staticmethod
    def _unusable(priority: object) -> DataError:
        return DataError("priority is not usable", got=priority, expected="a finite number >= 0")

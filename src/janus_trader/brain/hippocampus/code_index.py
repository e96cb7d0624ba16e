"""Exact search over sparse codes: the cosine of one code with every stored one."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def replace_code(columns, held, slot, index, value):
    """Write a code into column ``slot`` of (units, capacity), over the one that ``held[slot]`` names. O(winners).

    -1 names none. Every unit of a slot lies on another page of memory: only those that change are touched.

    >>> columns, held = np.zeros((4, 2), np.float32), np.full((2, 2), -1, np.int16)
    >>> for index in (np.array([1, 3]), np.array([2, 0])):
    ...     replace_code(columns, held, 1, index, np.array([0.8, -0.6], np.float32))
    >>> columns[:, 1].round(1).tolist(), held[1].tolist()
    ([-0.6000000238418579, 0.0, 0.800000011920929, 0.0], [2, 0])
    """
    for w in range(held.shape[1]):
        if held[slot, w] >= 0:
            columns[held[slot, w], slot] = 0.0
            held[slot, w] = -1
    for w in range(index.size):
        columns[index[w], slot] = value[w]
        held[slot, w] = index[w]


@njit(cache=True)
def code_cosines(columns, index, value, out):
    """Cosines (m,) of one code with the first m stored ones; codes have unit norm. O(m·winners).

    A row of ``columns`` holds one unit of every code, so that only the winners' rows are read, each from
    front to back.

    >>> columns, out = np.zeros((4, 2), np.float32), np.empty(2, np.float32)
    >>> held = np.full((2, 2), -1, np.int16)
    >>> replace_code(columns, held, 0, np.array([2, 0]), np.array([0.8, -0.6], np.float32))
    >>> code_cosines(columns, np.array([2, 3]), np.array([0.6, 0.8], np.float32), out)
    >>> out.round(2).tolist()
    [0.47999998927116394, 0.0]
    """
    for slot in range(out.size):
        out[slot] = 0.0
    for w in range(index.size):
        row, v = columns[index[w]], value[w]
        for slot in range(out.size):
            out[slot] += v * row[slot]


@njit(cache=True)
def best_memories(similarity, steps, floor, apart, index, score):
    """The ``index.size`` most similar memories, best first, no two of one stretch; returns how many.

    A memory counts only where none within ``apart`` - 1 bars of it is more similar: neighbouring days tell the
    same story. Slots of the ring are in order of time but for one seam. Of equals the earlier comes first.
    O(m·apart + m·log k) on average.

    >>> index, score = np.empty(2, np.int64), np.empty(2)
    >>> near = np.array([0.1, 0.8, 0.9, 0.7], np.float32)
    >>> best_memories(near, np.arange(4), 0.5, 2, index, score), best_memories(near, np.arange(4), 0.5, 1, index, score)
    (1, 2)
    """
    m, k, found = similarity.size, index.size, 0
    for e in range(m):
        s = similarity[e]
        if not s >= floor:
            continue
        if found == k and (s < score[k - 1] or (s == score[k - 1] and steps[e] > steps[index[k - 1]])):
            continue
        if _outdone(similarity, steps, e, apart):
            continue
        slot = k - 1 if found == k else found
        found = min(found + 1, k)
        while slot > 0 and (
            score[slot - 1] < s or (score[slot - 1] == s and steps[index[slot - 1]] > steps[e])
        ):
            index[slot] = index[slot - 1]
            score[slot] = score[slot - 1]
            slot -= 1
        index[slot] = e
        score[slot] = s
    return found


@njit(cache=True)
def _outdone(similarity, steps, e, apart):
    """Whether a memory fewer than ``apart`` bars away is more similar; of equals the earlier stays."""
    m, s = similarity.size, similarity[e]
    for direction in (-1, 1):
        for j in range(1, min(apart, m)):
            other = e + direction * j
            if other < 0:
                other += m
            elif other >= m:
                other -= m
            gap = abs(steps[other] - steps[e])
            if gap >= apart or gap == 0:
                break
            if similarity[other] > s or (similarity[other] == s and steps[other] < steps[e]):
                return True
    return False


@njit(cache=True)
def nearest_others(columns, slots, steps, apart, until, similarity, which):
    """For each stored code, the most similar one of another stretch: at least ``apart`` bars away and before
    step ``until``. Writes cosine and slot; -1 and -1 where there is none. O(len(slots)·(units + m·winners))."""
    m = steps.size
    near = np.empty(m, np.float32)
    for i in range(slots.size):
        s = slots[i]
        near[:] = 0.0
        for u in range(columns.shape[0]):
            v = columns[u, s]
            if v != 0.0:
                row = columns[u]
                for e in range(m):
                    near[e] += v * row[e]
        similarity[i], which[i] = -1.0, -1
        for e in range(m):
            if steps[e] < until and abs(steps[e] - steps[s]) >= apart and near[e] > similarity[i]:
                similarity[i], which[i] = near[e], e


class CodeIndex:
    """Codes of the episodes of a ring, by slot: 4·units bytes an episode.

    Parameters
    ----------
    capacity, units : int
    winners : int, optional
        Most units of a code that are not 0; without it all may be.

    Examples
    --------
    >>> codes = CodeIndex(8, 16)
    >>> codes.put(0, (np.array([3, 5], np.int16), np.array([0.6, 0.8])))
    >>> codes.cosines((np.array([3, 7], np.int16), np.array([1.0, 0.0])), 1).round(2).tolist()
    [0.6000000238418579]
    """

    def __init__(self, capacity: int, units: int, winners: int | None = None) -> None:
        self._columns = np.zeros((units, capacity), np.float32)
        self._held = np.full((capacity, units if winners is None else winners), -1, np.int16)
        self._out = np.empty(capacity, np.float32)

    def reset(self) -> None:
        """Forget every code."""
        self._columns[:] = 0.0
        self._held[:] = -1

    def put(self, slot: int, code: tuple[np.ndarray, np.ndarray]) -> None:
        """Store a code (winning units, values) over the one of this slot."""
        replace_code(self._columns, self._held, slot, code[0], code[1].astype(np.float32))

    def cosines(self, code: tuple[np.ndarray, np.ndarray], count: int) -> np.ndarray:
        """Cosine with the first ``count`` slots, (count,) float32 in [-1, 1]; valid until the next call."""
        out = self._out[:count]
        code_cosines(self._columns, code[0], code[1].astype(np.float32), out)
        return out

    def nearest_others(
        self, slots: np.ndarray, steps: np.ndarray, apart: int, until: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cosine and slot of the most similar code of another stretch, both (m,); -1 where there is none."""
        similarity, which = np.empty(slots.size), np.empty(slots.size, np.int64)
        nearest_others(self._columns, slots, steps, apart, until, similarity, which)
        return similarity, which

    def dense(self, slots: np.ndarray) -> np.ndarray:
        """Codes of some slots with their zeros, (m, units)."""
        return np.ascontiguousarray(self._columns[:, slots].T)

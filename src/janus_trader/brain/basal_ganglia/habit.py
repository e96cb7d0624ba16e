"""Habits: in familiar states the last choice is made again without thinking."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.basal_ganglia.policy_config import HabitConfig

#: Slots looked at before a state replaces the one at its home.
PROBES = 8
_PRIME = 1099511628211


@njit(cache=True)
def state_key(row, columns, cell, instrument):
    """Key (> 0) of a discretised state: the first ``columns`` numbers of a row rounded, context cell, instrument.

    FNV-1a over the digits. O(columns).

    >>> a = state_key(np.array([0.1, 0.9]), 2, 3, 0)
    >>> a == state_key(np.array([0.2, 0.8]), 2, 3, 0), a == state_key(np.array([0.2, 0.8]), 2, 4, 0)
    (True, False)
    """
    key = np.int64(1469598103934665603)
    for j in range(columns):
        digit = 1 if row[j] >= 0.5 else (2 if row[j] <= -0.5 else 0)
        key = (key ^ digit) * _PRIME
    key = (key ^ cell) * _PRIME
    key = (key ^ instrument) * _PRIME
    key &= np.int64(0x7FFFFFFFFFFFFFFF)
    return key if key != 0 else np.int64(1)


@njit(cache=True)
def recall_habits(
    rows, columns, cell, bar, keys, visits, made, choices, familiar, lasting, slots, habit, out
):
    """Look every state up: fills ``habit`` (n,) and, where it is one, the choice (n, 3); counts the meeting.

    Returns how many have to be decided anew; ``slots`` (n,) says where each state lives. O(n·(columns + probes)).
    """
    missing = 0
    capacity = keys.size
    for i in range(rows.shape[0]):
        key = state_key(rows[i], columns, cell, i)
        home = key % capacity
        slot = -1
        for p in range(PROBES):
            at = (home + p) % capacity
            if keys[at] == key:
                slot = at
                break
            if keys[at] == 0 and slot < 0:
                slot = at
        if slot < 0:
            slot = home
        if keys[slot] != key:
            keys[slot], visits[slot], made[slot] = key, 0, bar - lasting - 1
        visits[slot] += 1
        slots[i] = slot
        habit[i] = visits[slot] > familiar and bar - made[slot] <= lasting
        if habit[i]:
            for c in range(3):
                out[i, c] = choices[slot, c]
        else:
            missing += 1
    return missing


@njit(cache=True)
def keep_choices(bar, slots, habit, made, choices, out):
    """Remember the choices that were made anew. O(n)."""
    for i in range(slots.size):
        if not habit[i]:
            made[slots[i]] = bar
            for c in range(3):
                choices[slots[i], c] = out[i, c]


class HabitCache:
    """A bounded table of choices by (discretised state, instrument).

    A state met more than ``visits`` times reuses its choice for ``bars`` bars; then it is made anew. A change of
    the dominant regime, or of the parameters behind the choices, empties the table. A full neighbourhood
    replaces the state at its home slot.

    Parameters
    ----------
    config : HabitConfig
    n : int
        Instruments.
    """

    def __init__(self, config: HabitConfig, n: int) -> None:
        self.config, self.n = config, n
        self.slots, self.habit = np.zeros(n, np.int64), np.zeros(n, np.bool_)
        self.reset()

    def reset(self) -> None:
        """No habits, no time."""
        self.bar, self._regime = 0, -1
        self.clear()

    def clear(self) -> None:
        """Forget every habit."""
        capacity = self.config.capacity
        self.keys, self.visits = np.zeros(capacity, np.int64), np.zeros(capacity, np.int64)
        self.made, self.choices = np.zeros(capacity, np.int64), np.zeros((capacity, 3))
        self._empty = True

    def begin(self, regime: int, *, changed: bool) -> None:
        """A bar begins, in this dominant regime; ``changed`` where other parameters are in force."""
        self.bar += 1
        if (changed or regime != self._regime) and not self._empty:
            self.clear()
        self._regime = regime

    def used(self) -> None:
        """The table is about to be written to."""
        self._empty = False

    def recall(self, rows: np.ndarray, columns: int, cell: int, out: np.ndarray) -> int:
        """Fill ``habit`` and the rows of ``out`` (n, 3) that come from habit; returns how many do not."""
        self.used()
        c = self.config
        return int(
            recall_habits(
                rows, columns, cell, self.bar, self.keys, self.visits, self.made, self.choices, c.visits,
                c.bars, self.slots, self.habit, out,
            )
        )  # fmt: skip

    def keep(self, out: np.ndarray) -> None:
        """Remember the choices just made anew."""
        keep_choices(self.bar, self.slots, self.habit, self.made, self.choices, out)

    def state(self) -> dict[str, Any]:
        """The table in use, the time and the regime."""
        used = np.flatnonzero(self.keys)
        return {
            "bar": self.bar,
            "regime": self._regime,
            "slots": used,
            "keys": self.keys[used],
            "visits": self.visits[used],
            "made": self.made[used],
            "choices": self.choices[used],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.clear()
        self.bar, self._regime = int(state["bar"]), int(state["regime"])
        used = np.asarray(state["slots"], np.int64)
        self._empty = used.size == 0
        for name in ("keys", "visits", "made", "choices"):
            getattr(self, name)[used] = state[name]

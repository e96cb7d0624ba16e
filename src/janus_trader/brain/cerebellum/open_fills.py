"""Fills that wait for a later price, which will tell what the market did after them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple


class OpenFill(NamedTuple):
    """A fill at ``ts``; ``side`` is 1 where we bought, -1 where we sold, ``price`` what a later one is compared
    with, ``known`` what else was known."""

    ts: int
    symbol: str
    side: float
    price: float
    known: tuple[float, ...] = ()

    def drift_bps(self, later: float) -> float:
        """How far the price went our way, in basis points."""
        return 1e4 * self.side * (later - self.price) / self.price


class OpenFills:
    """Fills until the first price at or after their horizon.

    A price that comes only after ``patience`` horizons says nothing of a fill, which is dropped. Beyond
    ``pending`` fills the oldest are.

    >>> fills = OpenFills(horizon_ns=5, patience=2.0, pending=10)
    >>> fills.add(0, "A", 1.0, 100.0)
    >>> fills.settle(4, {"A": 101.0}), [[f.drift_bps(101.0) for f in due] for due in fills.settle(5, {"A": 101.0})]
    ([], [[100.0]])
    """

    _waiting: deque[OpenFill]

    def __init__(self, horizon_ns: int, patience: float, pending: int) -> None:
        self._first, self._latest, self._pending = horizon_ns, patience * horizon_ns, pending
        self.reset()

    def add(self, ts: int, symbol: str, side: float, price: float, *known: float) -> None:
        """Note a fill; one whose numbers are not positive and finite is passed over."""
        if side in (1.0, -1.0) and all(math.isfinite(x) and x > 0.0 for x in (price, *known)):
            self._waiting.append(
                OpenFill(int(ts), symbol, float(side), float(price), tuple(map(float, known)))
            )

    def settle(self, ts: int, prices: Mapping[str, float]) -> list[list[OpenFill]]:
        """Fills whose horizon these prices (NaN where unknown) have reached, oldest first, a list an instrument
        in the order of ``prices``. O(fills waiting)."""
        if not self._waiting:
            return []
        due: dict[str, list[OpenFill]] = {}
        kept: deque[OpenFill] = deque(maxlen=self._pending)
        for fill in self._waiting:
            price, age = prices.get(fill.symbol, math.nan), ts - fill.ts
            if not 0.0 < price < math.inf or age < self._first:
                kept.append(fill)
            elif age <= self._latest:
                due.setdefault(fill.symbol, []).append(fill)
        self._waiting = kept
        return [due[name] for name in prices if name in due] if due else []

    def reset(self) -> None:
        """Forget everything."""
        self._waiting = deque(maxlen=self._pending)

    def state(self) -> list[list[Any]]:
        """State tree for a snapshot."""
        return [[*fill[:4], *fill.known] for fill in self._waiting]

    def put_state(self, state: list[list[Any]]) -> None:
        """Inverse of `state`."""
        self.reset()
        for ts, symbol, *numbers in state:
            self.add(ts, str(symbol), *numbers)

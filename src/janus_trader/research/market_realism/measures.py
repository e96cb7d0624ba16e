"""What measuring a market gives: facts with intervals, and curves for pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np

from janus_trader.numerics.block_estimates import Estimate


class Fact(msgspec.Struct, frozen=True):
    """A value with the ends of its 95 % interval, or the reason why there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Curve:
    """Points of a picture; ``low`` and ``high`` where there is an interval."""

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Measures:
    """Facts and curves of one market."""

    name: str
    seconds: float
    trades: int
    events: int
    facts: dict[str, Fact] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)

    def note(self, name: str, estimate: Estimate, k: int = 0) -> None:
        """Keep the k-th number of an estimate as a fact."""
        value, low, high = (float(part[k]) for part in estimate)
        if not np.isfinite(value):
            self.facts[name] = Fact(reason="undefined here")
        else:
            there = np.isfinite(low) and np.isfinite(high)
            self.facts[name] = Fact(value, low, high) if there else Fact(value)

    def draw(self, name: str, x: np.ndarray, estimate: Estimate) -> None:
        """Keep a whole estimate as a curve."""
        self.curves[name] = Curve(np.asarray(x, np.float64), *estimate)

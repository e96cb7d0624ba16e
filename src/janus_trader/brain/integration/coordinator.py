"""Health of the regions: a region whose output is not finite is not trusted with the next trade.

Missing information is never healthy. The coordinator looks at what each region handed on; where a
number is not finite it notes the fault, and the posture it asks for overrides a milder one: an
unhealthy critical region (amygdala, prefrontal, hypothalamus) halts new risk altogether, any other
freezes it. A region is healthy again after ``recovery_bars`` clean outputs.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.decision import Posture
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config

CRITICAL = frozenset({"amygdala", "prefrontal", "hypothalamus"})


class CoordinatorConfig(Config, frozen=True):
    """How long a region must be clean before it is trusted again."""

    recovery_bars: Annotated[int, Meta(ge=1, description="clean bars until healthy again")] = 5


@njit(cache=True)
def _all_finite(array: np.ndarray) -> bool:
    bad = 0
    for x in array.flat:
        bad += not math.isfinite(x)
    return bad == 0


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, tuple):
        return all(map(math.isfinite, value))
    if isinstance(value, np.ndarray):
        return bool(_all_finite(value))
    return value is not None and bool(np.isfinite(value))


class Coordinator:
    """Tracks which regions are healthy.

    >>> c = Coordinator(CoordinatorConfig(recovery_bars=1))
    >>> c.check("thalamus", np.array([np.nan])), c.posture().name
    (False, 'FREEZE')
    """

    def __init__(self, config: CoordinatorConfig) -> None:
        self.config = config
        self._faults: dict[str, int] = {}

    def check(self, region: str, *values: Any) -> bool:
        """Note one output of a region; returns whether it was finite throughout."""
        for value in values:
            # the two usual kinds without a further call: this runs some thirty times a bar
            kind = type(value)
            fine = (
                math.isfinite(value)
                if kind is float
                else _all_finite(value)
                if kind is np.ndarray
                else _finite(value)
            )
            if not fine:
                self._faults[region] = self.config.recovery_bars
                return False
        if self._faults and region in self._faults:
            self._faults[region] -= 1
            if self._faults[region] <= 0:
                del self._faults[region]
        return True

    @property
    def unhealthy(self) -> tuple[str, ...]:
        """Names of the regions not trusted now."""
        return tuple(sorted(self._faults))

    def posture(self) -> Posture:
        """The posture that the health of the regions asks for."""
        if any(name in CRITICAL for name in self._faults):
            return Posture.HALT
        return Posture.FREEZE if self._faults else Posture.NORMAL

    def escalate(self, threat: Any) -> Any:
        """The threat with its posture raised to what health asks for."""
        wanted = self.posture()
        if wanted <= threat.posture:
            return threat
        detectors = {**threat.detectors, **{f"unhealthy.{name}": 1.0 for name in self.unhealthy}}
        return msgspec.structs.replace(threat, posture=wanted, detectors=detectors)

    def reset(self) -> None:
        """Trust every region again."""
        self._faults = {}

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack(self._faults)

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back."""
        self._faults = {str(k): int(v) for k, v in unpack(raw).items()}

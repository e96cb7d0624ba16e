"""What is assumed of a region whose answer cannot be read: the worst.

Every answer of a region passes through here on its way to the next one. Where a number in it is not
finite the `Coordinator` notes the fault, and the answer is replaced by the most careful one there is, so
that one sick region neither stops the day nor makes it reckless.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np

from janus_trader.brain.integration.coordinator import Coordinator
from janus_trader.contracts.decision import (
    Action,
    Appetite,
    Correlation,
    Forecast,
    Goal,
    Percept,
    Posture,
    Recollection,
    Severity,
    Threat,
    Verdict,
    VisualPercept,
)
from janus_trader.contracts.regime import N_REGIMES, Regime, RegimeState

M = TypeVar("M", bound=msgspec.Struct)

_CRISIS = tuple(float(r == Regime.CRISIS) for r in range(N_REGIMES))
UNKNOWN_REGIME = RegimeState(
    posterior=_CRISIS,
    dominant=Regime.CRISIS,
    confidence=0.0,
    change_probability=1.0,
    turbulence=0.0,
    agreement=0.0,
    votes={},
    age=0,
    forecast=_CRISIS,
)
NO_APPETITE = Appetite(
    scalar=0.0,
    regime_factor=0.0,
    drawdown_factor=0.0,
    volatility_factor=0.0,
    kelly_factor=0.0,
    energy_factor=0.0,
    target_volatility=0.0,
)
UNKNOWN_THREAT = Threat(
    score=1.0, severity=Severity.CRITICAL, posture=Posture.HALT, fear=1.0, detectors={"unknown": 1.0}
)
#: Cost assumed where the forecast cannot be read, in basis points.
UNKNOWN_COST_BPS = 1000.0


class Trust:
    """Hands answers on, or the most careful answer in place of one that cannot be read.

    >>> from janus_trader.brain.integration.coordinator import CoordinatorConfig
    >>> trust = Trust(Coordinator(CoordinatorConfig()))
    >>> sick = msgspec.structs.replace(NO_APPETITE, scalar=float("nan"))
    >>> trust.appetite(sick).scalar
    0.0
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def regime(self, x: RegimeState) -> RegimeState:
        """Else: a crisis."""
        return (
            x
            if self._coordinator.check("cortex", x.posterior, x.change_probability, x.turbulence)
            else UNKNOWN_REGIME
        )

    def appetite(self, x: Appetite) -> Appetite:
        """Else: none."""
        return x if self._coordinator.check("hypothalamus", x.scalar, x.target_volatility) else NO_APPETITE

    def correlation(self, x: Correlation) -> Correlation:
        """Else: not ready, everything moves together."""
        if self._coordinator.check("hypothalamus", x.covariance, x.average, x.breakdown):
            return x
        return Correlation(covariance=np.eye(len(x.covariance)), average=1.0, breakdown=1.0, ready=False)

    def threat(self, x: Threat) -> Threat:
        """Else: critical."""
        return x if self._coordinator.check("amygdala", x.score, x.fear) else UNKNOWN_THREAT

    def visual(self, x: VisualPercept) -> VisualPercept:
        """Else: nothing seen."""
        return x if self._coordinator.check("visual_cortex", x.trend, x.reversal, x.outlook) else _silent(x)

    def percept(self, x: Percept) -> Percept:
        """Else: no evidence, every source shut."""
        if self._coordinator.check("thalamus", x.context, x.evidence, x.source_gates, x.features):
            return x
        gates = dict.fromkeys(x.gates, 0.0)
        return msgspec.structs.replace(_silent(x), gates=gates)

    def recollection(self, x: Recollection) -> Recollection:
        """Else: nothing remembered."""
        if self._coordinator.check("hippocampus", x.outlook, x.similarity, x.rewards, x.reward, x.confidence):
            return x
        return _silent(x)

    def goal(self, x: Goal | None) -> Goal | None:
        """Else: none."""
        return x if x is None or self._coordinator.check("cortex", x.direction, x.intrinsic) else None

    def action(self, x: Action) -> Action:
        """Else: nothing released."""
        return x if self._coordinator.check("basal_ganglia", x.score, x.dopamine) else _silent(x)

    def verdict(self, x: Verdict, held: np.ndarray) -> Verdict:
        """Else: what is held stays as it is."""
        if self._coordinator.check("prefrontal", x.allowed):
            return x
        return msgspec.structs.replace(x, allowed=held.copy(), changed=True)

    def forecast(self, x: Forecast) -> Forecast:
        """Else: dear."""
        if self._coordinator.check("cerebellum", x.cost_bps, x.total, x.correction):
            return x
        return Forecast(cost_bps=np.full_like(x.cost_bps, UNKNOWN_COST_BPS), total=0.0, correction=0.0)


def _silent(message: M) -> M:
    """The message with every array zero and every number that is not finite zero."""
    changes: dict[str, object] = {}
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, np.ndarray):
            changes[name] = np.zeros_like(value)
        elif isinstance(value, float) and not np.isfinite(value):
            changes[name] = 0.0
    return msgspec.structs.replace(message, **changes)

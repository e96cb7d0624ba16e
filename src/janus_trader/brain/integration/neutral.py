"""Neutral forms: what is left of the decision when one region adds nothing.

Used to show that a region matters (a perturbation test) and to measure how much (ablation). A
neutral region keeps the interface and the state of the real one, and hands on what a system without
it would have used.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from janus_trader.contracts.decision import Posture, Severity, Threat, Verdict
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.memory import Episodes
from janus_trader.contracts.regime import N_REGIMES, Regime


def neutralise(brain: Any, names: tuple[str, ...]) -> None:
    """Replace the outputs of the named regions in place.

    Raises
    ------
    ConfigError
        A name is not a region.
    """
    for name in names:
        if name not in _NEUTRAL:
            raise ConfigError(
                f"no region {name!r} to neutralise", got=name, expected="one of " + ", ".join(_NEUTRAL)
            )
        _NEUTRAL[name](brain)


def _cortex(brain: Any) -> None:
    real = brain.cortex.update
    flat = tuple([1.0 / N_REGIMES] * N_REGIMES)

    def update(features: Any) -> Any:
        return msgspec.structs.replace(
            real(features),
            posterior=flat,
            forecast=flat,
            dominant=Regime.RANGING,
            confidence=1.0 / N_REGIMES,
            change_probability=0.0,
            turbulence=0.0,
        )

    brain.cortex.update = update


def _hypothalamus(brain: Any) -> None:
    real = brain.hypothalamus.appetite

    def appetite(regime: Any, portfolio: Any) -> Any:
        return msgspec.structs.replace(
            real(regime, portfolio),
            scalar=1.0,
            regime_factor=1.0,
            drawdown_factor=1.0,
            volatility_factor=1.0,
            kelly_factor=1.0,
            energy_factor=1.0,
        )

    brain.hypothalamus.appetite = appetite


def _amygdala(brain: Any) -> None:
    calm = Threat(score=0.0, severity=Severity.NONE, posture=Posture.NORMAL, fear=0.0, detectors={})
    brain.amygdala.assess = lambda *args, **kwargs: calm


def _thalamus(brain: Any) -> None:
    real = brain.thalamus.fuse

    def fuse(moment: Any, regime: Any, visual: Any) -> Any:
        percept = real(moment, regime, visual)
        return msgspec.structs.replace(
            percept,
            gates={name: float(gate > 0.0) for name, gate in percept.gates.items()},
            evidence=np.zeros_like(percept.evidence),
            source_gates=np.ones_like(percept.source_gates),
        )

    brain.thalamus.fuse = fuse


def _visual_cortex(brain: Any) -> None:
    kind = type(brain.visual_cortex)

    class Blind(kind):  # type: ignore[misc, valid-type]
        """Sees nothing."""

        def __call__(self, bars: Any, present: Any, ts_event: Any = None) -> Any:
            percept = super().__call__(bars, present, ts_event)
            return msgspec.structs.replace(
                percept,
                trend=np.zeros_like(percept.trend),
                reversal=np.zeros_like(percept.reversal),
                texture=np.zeros_like(percept.texture),
                ready=np.zeros_like(percept.ready),
                outlook=np.zeros_like(percept.outlook),
                embedding=np.zeros_like(percept.embedding),
            )

    brain.visual_cortex.__class__ = Blind


def _basal_ganglia(brain: Any) -> None:
    real = brain.basal_ganglia.select

    def select(percept: Any, signals: Any, *args: Any, **kwargs: Any) -> Any:
        action = real(percept, signals, *args, **kwargs)
        active = np.asarray(signals.active, dtype=bool)
        score = signals.values[active].mean(axis=0) if active.any() else np.zeros_like(action.score)
        return msgspec.structs.replace(
            action,
            score=np.clip(score, -1.0, 1.0),
            released=np.ones_like(action.released),
            no_go_reasons={},
            vetoes=(),
        )

    brain.basal_ganglia.select = select


def _prefrontal(brain: Any) -> None:
    def review(target: Any, portfolio: Any, threat: Any, present: Any) -> Verdict:
        return Verdict(allowed=np.array(target.weights), rules=(), changed=False)

    brain.prefrontal.review = review


def _cerebellum(brain: Any) -> None:
    real = brain.cerebellum.forecast
    prior = np.array(brain.cerebellum.cost_bps(np.full(len(brain.book.symbols), 0.01)))

    def forecast(allowed: Any, portfolio: Any, sigma: Any) -> Any:
        return msgspec.structs.replace(
            real(allowed, portfolio, sigma), cost_bps=prior.copy(), total=0.0, correction=0.0
        )

    brain.cerebellum.forecast = forecast
    brain.cerebellum.cost_bps = lambda sigma: prior.copy()


def _hippocampus(brain: Any) -> None:
    real = brain.hippocampus.recollect

    def recollect(context: Any, features: Any = None) -> Any:
        remembered = real(context, features)
        return msgspec.structs.replace(
            remembered, outlook=np.zeros_like(remembered.outlook), reward=0.0, confidence=0.0
        )

    brain.hippocampus.recollect = recollect
    nothing = (Episodes.of([]), np.empty(0))
    brain.hippocampus.replay = lambda amount, before_step, generator: nothing
    brain.hippocampus.replay_ripples = lambda amount, before_step, ratio, *, immediate=False: nothing
    brain.hippocampus.consolidate = lambda threshold, before_step: []


def _integration(brain: Any) -> None:
    brain.coordinator.check = lambda *args: True


_NEUTRAL = {
    "visual_cortex": _visual_cortex,
    "cortex": _cortex,
    "hippocampus": _hippocampus,
    "thalamus": _thalamus,
    "hypothalamus": _hypothalamus,
    "basal_ganglia": _basal_ganglia,
    "prefrontal": _prefrontal,
    "amygdala": _amygdala,
    "cerebellum": _cerebellum,
    "integration": _integration,
}

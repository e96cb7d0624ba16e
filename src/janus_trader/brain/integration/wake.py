"""The day: one decision over the whole book, in the six stages of the specification (section 5.3)."""

from __future__ import annotations

import numpy as np

from janus_trader.brain.integration.brain import Brain
from janus_trader.contracts.decision import (
    Action,
    Appetite,
    Correlation,
    Decision,
    Forecast,
    Percept,
    Posture,
    Severity,
    SignalPanel,
    Target,
    Threat,
    Verdict,
)
from janus_trader.contracts.market import Moment
from janus_trader.contracts.regime import RegimeState

#: What is assumed of a region whose answer cannot be read: the worst.
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


class Wake:
    """Turns a `Moment` into a `Decision`; keeps no state of its own.

    Cost O(n² + k·n) for n instruments and k sources.
    """

    def __init__(self, brain: Brain) -> None:
        self.brain = brain

    def step(self, moment: Moment) -> Decision:
        """One bar: regime → appetite → threat → gating → correlation → selection → review → forecast."""
        brain, portfolio = self.brain, moment.portfolio
        held = np.array(portfolio.weights)

        regime = brain.cortex.update(moment.features)  # 1 regime
        appetite = brain.hypothalamus.appetite(regime, portfolio)  # 2 hypothalamus
        correlation = brain.hypothalamus.correlate(moment.returns, moment.present)  # 5 correlation
        threat = brain.amygdala.assess(moment.features, regime, portfolio, correlation)  # 3 amygdala
        visual = brain.visual_cortex(moment.bars, moment.present)
        percept = brain.thalamus.fuse(moment, regime, visual)  # 4 gating
        signals = brain.strategies(moment.bars, moment.present, moment.external)
        check = brain.coordinator.check
        check("cortex", regime.posterior, regime.change_probability, regime.turbulence)
        if not check("hypothalamus", appetite.scalar, correlation.covariance):
            appetite = NO_APPETITE
        if not check("amygdala", threat.score, threat.fear):
            threat = UNKNOWN_THREAT
        check("visual_cortex", visual.trend, visual.reversal)
        check("thalamus", percept.context, percept.evidence)
        threat = brain.coordinator.escalate(threat)
        sigma = brain.sigma()
        brain.amygdala.kill_switch.observe_posture(threat.posture)
        action = brain.basal_ganglia.select(percept, signals, appetite, correlation, threat, portfolio, held)
        if threat.posture >= Posture.HALT:
            target = Target(weights=np.zeros_like(held), method="stand_down", expected_volatility=0.0)
        else:
            target = brain.hypothalamus.allocate(
                action, appetite, correlation, held, brain.cerebellum.cost_bps(sigma)
            )
        verdict = brain.prefrontal.review(target, portfolio, threat, moment.present)
        forecast = brain.cerebellum.forecast(verdict.allowed, portfolio, sigma)  # 6 execution
        check("basal_ganglia", action.score)  # these count from the next bar on
        check("prefrontal", verdict.allowed)
        check("cerebellum", forecast.cost_bps, forecast.total)
        return self._decision(
            moment, regime, appetite, threat, percept, signals, correlation, action, target, verdict, forecast
        )

    def _decision(
        self,
        moment: Moment,
        regime: RegimeState,
        appetite: Appetite,
        threat: Threat,
        percept: Percept,
        signals: SignalPanel,
        correlation: Correlation,
        action: Action,
        target: Target,
        verdict: Verdict,
        forecast: Forecast,
    ) -> Decision:
        return Decision(
            ts_event=moment.ts_event,
            step=moment.step,
            regime=regime,
            appetite=appetite,
            threat=threat,
            percept=percept,
            signals=signals,
            correlation_average=correlation.average,
            action=action,
            target=target,
            verdict=verdict,
            forecast=forecast,
            portfolio_equity=moment.portfolio.equity,
            parameters=self.brain.parameters_fingerprint,
            stood_down=threat.posture >= Posture.HALT,
        )

"""The day: one decision over the whole book, in the six stages of the specification (section 5.3)."""

from __future__ import annotations

import numpy as np

from janus_trader.brain.integration.brain import Brain
from janus_trader.brain.integration.trust import Trust
from janus_trader.contracts.decision import Decision, Posture, Target
from janus_trader.contracts.market import Moment


class Wake:
    """Turns a `Moment` into a `Decision`; keeps no state of its own.

    Cost O(n² + k·n) for n instruments and k sources.
    """

    def __init__(self, brain: Brain) -> None:
        self.brain = brain
        self.trust = Trust(brain.coordinator)

    def step(self, moment: Moment) -> Decision:
        """One bar: regime → appetite → threat → gating → correlation → selection → review → forecast."""
        brain, trust, portfolio = self.brain, self.trust, moment.portfolio
        held = np.array(portfolio.weights)

        regime = trust.regime(brain.cortex.update(moment.features))  # 1 regime
        appetite = trust.appetite(brain.hypothalamus.appetite(regime, portfolio))  # 2 hypothalamus
        correlation = trust.correlation(brain.hypothalamus.correlate(moment.returns, moment.present))  # 5
        flow = (moment.bars, moment.present, moment.books)  # 3 amygdala
        threat = trust.threat(brain.amygdala.assess(moment.features, regime, portfolio, correlation, *flow))
        visual = trust.visual(brain.visual_cortex(moment.bars, moment.present, moment.ts_event))
        percept = trust.percept(brain.thalamus.fuse(moment, regime, visual))  # 4 gating
        recollection = trust.recollection(brain.hippocampus.recollect(percept.context, percept.features))
        goal = trust.goal(brain.cortex.goal(percept.context))
        stance = brain.worker.outlook(goal, percept.features)
        signals = brain.strategies(moment.bars, moment.present, moment.external)
        threat = brain.coordinator.escalate(threat)
        brain.amygdala.kill_switch.observe_posture(threat.posture)
        sigma = brain.sigma()
        action = trust.action(
            brain.basal_ganglia.select(
                percept, signals, appetite, correlation, threat, portfolio, held, recollection, visual, stance
            )
        )
        logic = brain.prefrontal.reflect(action, percept.features, portfolio)
        if threat.posture >= Posture.HALT:
            target = Target(weights=np.zeros_like(held), method="stand_down", expected_volatility=0.0)
        else:
            cost = brain.cerebellum.cost_bps(sigma)
            target = brain.hypothalamus.allocate(action, appetite, correlation, held, cost)
        verdict = trust.verdict(brain.prefrontal.review(target, portfolio, threat, moment.present), held)
        forecast = trust.forecast(brain.cerebellum.forecast(verdict.allowed, portfolio, sigma))  # 6 execution
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
            portfolio_equity=portfolio.equity,
            parameters=brain.parameters_fingerprint,
            stood_down=threat.posture >= Posture.HALT,
            recollection=recollection,
            goal=goal,
            logic=logic,
            goals=brain.prefrontal.goals.line(),
        )

"""Action selection: from gated signals to released scores."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.basal_ganglia.affinity import AffinityConfig, AffinityLearner
from janus_trader.brain.basal_ganglia.dopamine import Dopamine, DopamineConfig
from janus_trader.brain.basal_ganglia.go import GoConfig, GoPathway
from janus_trader.brain.basal_ganglia.kernels import drive_step, winner_step
from janus_trader.brain.basal_ganglia.no_go import NoGoConfig, NoGoPathway
from janus_trader.brain.basal_ganglia.opal import OpalConfig
from janus_trader.brain.basal_ganglia.opal_learner import OpalLearner
from janus_trader.brain.basal_ganglia.patterns import PatternConfig, PatternLearner
from janus_trader.brain.basal_ganglia.policy import Policy
from janus_trader.brain.basal_ganglia.policy_config import PolicyConfig
from janus_trader.brain.basal_ganglia.strategy_gate import StrategyGate, StrategyGateConfig
from janus_trader.contracts.decision import (
    Action,
    Appetite,
    Correlation,
    Percept,
    Recollection,
    SignalPanel,
    Threat,
    VisualPercept,
)
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.protocols import Learner, LogicLoss
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative, Positive

_NOTHING = np.empty(0)


class BasalGangliaConfig(Config, frozen=True):
    """Configuration of the pathways, the gate and the learners."""

    opal: OpalConfig = OpalConfig()
    dopamine: DopamineConfig = DopamineConfig()
    go: GoConfig = GoConfig()
    no_go: NoGoConfig = NoGoConfig()
    gate: StrategyGateConfig = StrategyGateConfig()
    affinity: AffinityConfig = AffinityConfig()
    patterns: PatternConfig = PatternConfig()
    policy: PolicyConfig = PolicyConfig()
    score_scale: Annotated[Positive, Meta(description="drive whose score is tanh(1)")] = 0.25
    recollection_drive: Annotated[
        NonNegative, Meta(description="drive of a sure recollection that all agree on")
    ] = 0.03
    visual_drive: Annotated[NonNegative, Meta(description="drive of a sure outlook of the eye")] = 0.0
    worker_drive: Annotated[NonNegative, Meta(description="drive of a sure stance of the worker")] = 0.03
    context_size: Annotated[Count, Meta(description="length of a percept's context")] = 24


class BasalGanglia:
    r"""Selects what to act on.

    .. math:: d_i = \sum_k w_k\, g_k\, \gamma_{ki}\, s_{ki} + e_i + m_i, \qquad
        score_i = \tanh(u_i(d, \pi) / d_0)

    with w the opponent-learned source weights (see `OpalLearner`), g the thalamus's source gates, γ the
    strategy gate, e the evidence and m what memory and eye expect. Short, flat and long compete for the
    instrument with d and with the learned policy's π, as far as that has earned trust (`compete`): u is the
    winner's signed activation. An instrument is released when the Go activation of the winner's lead, less a
    share of its inhibition, passes its threshold, inhibition stays below its own and nothing vetoes.

    Parameters
    ----------
    config : BasalGangliaConfig
    symbols : sequence of str, length n
    source_names, families : sequences of str, length k
    regime_weights : (k, 7) float array in [0, 1]
    priors : (k,) float array
        1 for sources followed from the start, 0 for those that must earn it: without learning an
        external signal has weight exactly 0.

    Notes
    -----
    Bounded and finite for finite input. Cost O(k·(n + 7) + 12·n) and the policy's, about 100 µs for 20
    instruments.

    Examples
    --------
    >>> names, families = ("ema_flip", "external.0"), ("trend", "external")
    >>> ganglia = BasalGanglia(
    ...     BasalGangliaConfig(), ("A",), names, families, np.ones((2, 7)), np.array([1.0, 0.0])
    ... )
    >>> [x.name for x in ganglia.learners()]
    ['opal', 'affinity', 'no_go_patterns', 'policy_trust', 'actor_critic']
    """

    def __init__(
        self,
        config: BasalGangliaConfig,
        symbols: tuple[str, ...],
        source_names: tuple[str, ...],
        families: tuple[str, ...],
        regime_weights: np.ndarray,
        priors: np.ndarray,
    ) -> None:
        self.config, self.symbols, self.names = config, tuple(symbols), tuple(source_names)
        self.n, self.k = len(self.symbols), len(self.names)
        priors = np.asarray(priors, np.float64)
        if self.n < 1 or len(families) != self.k or priors.shape != (self.k,):
            raise ConfigError(
                "basal ganglia: sources do not fit",
                got=(self.n, self.k, len(families), priors.shape),
                expected="an instrument, and one family and prior per source",
            )
        self._gate = StrategyGate(config.gate, self.symbols, self.names, regime_weights)
        self._dopamine = Dopamine(config.dopamine)
        self._go = GoPathway(config.go, self.n)
        self._no_go = NoGoPathway(config.no_go, self.symbols)
        self._opal = OpalLearner(config.opal, priors)
        self._affinity = AffinityLearner(config.affinity, self.k, self.n)
        self._patterns = PatternLearner(config.patterns, config.context_size)
        self._policy = Policy(config.policy, self.n, self.k, config.context_size)
        self._no_choices = np.full((self.n, 3), 1.0 / 3.0)

    def use_logic(self, logic: LogicLoss | None) -> None:
        """Train the policy with these axioms as well; None: without."""
        self._policy.use_logic(logic)

    def reset(self) -> None:
        """Forget traces and everything learned."""
        parts = (self._dopamine, self._go, self._no_go, self._opal, self._affinity, self._patterns)
        for part in (*parts, self._policy):
            part.reset()

    def select(
        self,
        percept: Percept,
        signals: SignalPanel,
        appetite: Appetite,
        correlation: Correlation,
        threat: Threat,
        portfolio: PortfolioState,
        previous: np.ndarray,
        recollection: Recollection | None = None,
        visual: VisualPercept | None = None,
        stance: np.ndarray | None = None,
    ) -> Action:
        """One bar: scores, what is released, and what held the rest back.

        ``previous`` (n,) are the weights held now. ``recollection`` and ``visual`` drive with their outlook,
        ``stance`` (n,) is what the worker of the hierarchy wants, each as strong as configured.

        Raises
        ------
        DataError
            Signals, context or weights are not of this book.
        """
        self._check(percept, signals, previous)
        rho = self._dopamine.update(percept.regime, portfolio)
        weights, drive, cell = self._drive(percept, signals, rho)
        pattern = self._patterns.strength_of(cell)
        vetoes, strengths = self._no_go.strengths(percept, correlation, threat, portfolio, pattern)
        n, no_go_side, go_side, policy = self.n, self._no_go, self._go, self.config.policy
        choices, trust, habit = self._policy.decide(percept, signals, previous, cell)
        preference = choices if choices.size else self._no_choices
        winner, confidence = np.empty(n), np.empty(n)
        no_go, bits, go = np.empty(n), np.empty(n, np.int64), np.empty(n)
        released, waiting = np.empty(n, np.bool_), np.empty(n, np.bool_)
        share, held = winner_step(
            drive,
            *self._expectations(recollection, visual, stance),
            preference,
            trust * policy.drive,
            policy.inhibition,
            go_side.config.activation_unit,
            np.array(strengths),
            previous,
            correlation.covariance,
            correlation.ready,
            no_go_side.rate(correlation.ready),
            no_go_side.slow,
            no_go_side.blocked,
            no_go_side.weights,
            no_go_side.limits,
            no_go_side.config.threshold,
            bool(vetoes),
            go_side.traces,
            rho,
            go_side.shift(appetite.scalar),
            go_side.settings,
            winner,
            confidence,
            no_go,
            bits,
            go,
            released,
            waiting,
        )
        go_side.adapt(share)
        return Action(
            score=np.tanh(winner / self.config.score_scale),
            go=go,
            no_go=no_go,
            source_weights=weights,
            released=released,
            no_go_reasons=no_go_side.name_reasons(waiting, no_go, bits) if held else {},
            vetoes=vetoes,
            dopamine=rho,
            policy=choices,
            policy_weight=trust,
            confidence=confidence,
            habit=habit,
        )

    def _drive(
        self, percept: Percept, signals: SignalPanel, rho: float
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Source weights (k,), drive (n,) and the cell of the context."""
        weights, drive = np.empty(self.k), np.empty(self.n)
        opal, patterns = self._opal, self._patterns
        cell = drive_step(
            signals.values,
            signals.active,
            np.array(percept.regime.posterior),
            opal.g,
            opal.n,
            opal.own,
            opal.config.beta,
            rho,
            percept.source_gates,
            self._gate.regime_weights,
            self._gate.listed,
            self._affinity.affinity,
            percept.evidence,
            percept.context,
            patterns.planes,
            patterns.centre,
            patterns.scale,
            weights,
            drive,
        )
        return weights, drive, int(cell)

    def _expectations(
        self,
        recollection: Recollection | None,
        visual: VisualPercept | None,
        stance: np.ndarray | None,
    ) -> tuple[np.ndarray, float, np.ndarray, float, np.ndarray, float]:
        """Outlook of memory, eye and worker, each with the strength it drives with; NaN where it does not."""
        config, nothing = self.config, (_NOTHING, math.nan)
        memory = eye = worker = nothing
        if recollection is not None and config.recollection_drive > 0.0:
            memory = recollection.outlook, config.recollection_drive * recollection.confidence
        if visual is not None and config.visual_drive > 0.0:
            eye = visual.outlook, config.visual_drive
        if stance is not None and config.worker_drive > 0.0:
            worker = stance, config.worker_drive
        return (*memory, *eye, *worker)

    def _check(self, percept: Percept, signals: SignalPanel, previous: np.ndarray) -> None:
        shapes = (signals.values.shape, percept.context.shape, previous.shape)
        expected = ((self.k, self.n), (self.config.context_size,), (self.n,))
        if shapes != expected:
            raise DataError(
                "basal ganglia: signals, context or weights of another book",
                got=shapes,
                expected=str(expected),
                remedy="set basal_ganglia.context_size to the length of the thalamus's context",
            )

    def learners(self) -> list[Learner]:
        """The learners of source weights, affinities, No-Go patterns, the policy's trust and the policy."""
        return [self._opal, self._affinity, self._patterns, *self._policy.learners()]

    def parameters(self) -> dict[str, Any]:
        """Learned parameters in force, by learner."""
        return {learner.name: learner.parameters() for learner in self.learners()}

    def snapshot(self) -> bytes:
        """State and learned parameters as bytes."""
        return pack(
            {
                "dopamine": self._dopamine.state(),
                "go": self._go.state(),
                "no_go": self._no_go.state(),
                "policy": self._policy.state(),
                "parameters": self.parameters(),
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            It was taken with other sources or instruments.
        """
        tree = unpack(raw)
        shape = tree["parameters"]["affinity"]["affinity"].shape
        if shape != (self.k, self.n):
            raise IntegrityError(
                "basal ganglia: snapshot does not fit", got=shape, expected=f"({self.k}, {self.n})"
            )
        self._dopamine.load(tree["dopamine"])
        self._go.load(tree["go"])
        self._no_go.load(tree["no_go"])
        for learner in self.learners():
            learner.adopt(tree["parameters"][learner.name])
        self._policy.load(tree["policy"])

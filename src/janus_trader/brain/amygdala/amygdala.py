"""The amygdala: detectors, fear and posture put together."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.brain.amygdala.calibration import CalibrationParameters, ThresholdLearner
from janus_trader.brain.amygdala.detector_config import DetectorConfig
from janus_trader.brain.amygdala.detectors import DETECTORS, FIRST_VOICE, INPUTS, DetectorBank
from janus_trader.brain.amygdala.fear import FearConfig, FearLearner, FearMemory, FearParameters
from janus_trader.brain.amygdala.flow_watch import FlowWatch
from janus_trader.brain.amygdala.kill_switch import KillSwitch, KillSwitchConfig
from janus_trader.brain.amygdala.posture import PostureConfig, PostureMachine
from janus_trader.contracts.decision import Correlation, Severity, Threat
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.protocols import Learner
from janus_trader.contracts.regime import Regime, RegimeState
from janus_trader.contracts.senses import BookLevels
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Fraction

#: Features any one of which is enough not to be blind.
SENSES: tuple[str, ...] = (
    "market_return",
    "realised_vol",
    "trailing_return",
    "momentum",
    "max_drawdown",
    "average_correlation",
)


_SEVERITIES = tuple(Severity)


class AmygdalaConfig(Config, frozen=True):
    """Configuration of the amygdala; nested records belong to its parts."""

    detectors: DetectorConfig = DetectorConfig()
    posture: PostureConfig = PostureConfig()
    fear: FearConfig = FearConfig()
    kill_switch: KillSwitchConfig = KillSwitchConfig()
    severity_levels: tuple[float, float, float, float] = (1.0, 1.5, 2.25, 3.5)
    corroboration: Annotated[Fraction, Meta(description="relative raise per further detector in alarm")] = 0.1
    fear_gain: Annotated[
        float, Meta(ge=0, le=0.33, description="relative raise of the level at full fear and response 1")
    ] = 0.25

    def __post_init__(self) -> None:
        raised = self.detectors.gated_level * (1.0 + self.fear_gain * self.fear.response_range[1])
        if raised >= self.severity_levels[0]:
            raise ConfigError(
                "fear alone could turn a level that is held back into an alarm",
                got=f"gated_level * (1 + fear_gain * response) = {raised:.3f}",
                expected=f"below {self.severity_levels[0]}, the level of LOW",
                remedy="lower fear_gain, detectors.gated_level or fear.response_range",
            )


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan


class Amygdala:
    """Threat assessment of every bar.

    With the calibrated level of the fused anomaly and the levels of the signals, together ``l_d``, fear
    ``phi`` in [0, 1] and the learned response ``g``::

        L = max_d l_d * (1 + corroboration * (#{l_d >= 1} - 1)+) * (1 + fear_gain * g * phi)
        score = L / (1 + L)

    and the severity is the number of ``severity_levels`` that L reaches. Absent inputs are never
    healthy: without any of `SENSES`, or without a market return for too long, the level is at least
    ``blind_level`` (posture REDUCE or worse); an equity that is not a positive number is CRITICAL.
    The severities of the anomaly come up at stated rates (see `calibration`) while there is no fear: fear
    lowers every threshold. Order flow and quotes speak where there are any (see `FlowWatch`). The first
    posture before any bar is NORMAL. Past data only. About 20 us a call.

    Parameters
    ----------
    config : AmygdalaConfig
    symbols : sequence of str
        The book, for the kill switch to check by itself whether an order reduces a position.

    Examples
    --------
    >>> amygdala = Amygdala(AmygdalaConfig())
    >>> uniform = (1 / 7,) * 7
    >>> regime = RegimeState(posterior=uniform, dominant=Regime.RANGING, confidence=1 / 7,
    ...     change_probability=0.0, turbulence=0.0, agreement=1.0, votes={}, age=1, forecast=uniform)
    >>> book = PortfolioState(ts_event=0, equity=1.0, cash=1.0, peak_equity=1.0,
    ...     session_start_equity=1.0, weights=(), quantities=())
    >>> amygdala.assess(FeatureVector(ts_event=0, values={}), regime, book, None).posture.name
    'REDUCE'
    >>> seen = FeatureVector(ts_event=1, values={"market_return": 0.001})
    >>> amygdala.assess(seen, regime, book, None).severity.name
    'NONE'
    """

    def __init__(self, config: AmygdalaConfig | None = None, symbols: Sequence[str] = ()) -> None:
        self.config = config or AmygdalaConfig()
        self.detectors = DetectorBank(
            self.config.detectors, self.config.severity_levels, self.config.corroboration
        )
        self.flow = FlowWatch(self.config.detectors)
        self.posture = PostureMachine(self.config.posture)
        self.fear = FearMemory(self.config.fear)
        self.kill_switch = KillSwitch(self.config.kill_switch, symbols)
        self._x = np.full(len(INPUTS), np.nan)

    def assess(
        self,
        features: FeatureVector,
        regime: RegimeState,
        portfolio: PortfolioState,
        correlation: Correlation | None = None,
        bars: np.ndarray | None = None,
        present: np.ndarray | None = None,
        books: Sequence[BookLevels] = (),
    ) -> Threat:
        """Judge one bar; ``correlation`` is the last one known (None: absent).

        ``bars`` (n,) of `BAR_DTYPE` with ``present`` (n,) and ``books`` feed the flow signals where given.
        """
        config = self.config
        x = self._inputs(features, regime, portfolio, correlation)
        self._flow_inputs(x, bars, present, books)
        levels = self.detectors.update(x, features.ts_event).tolist()
        fear = self.fear.fear(regime.posterior)
        worst, alarms, spoken = -math.inf, 0, {}
        for k, (name, level) in enumerate(zip(DETECTORS, levels, strict=True)):
            if level == level:
                spoken[name] = level / (1.0 + level)
                if k >= FIRST_VOICE:
                    worst = max(worst, level)
                    alarms += level >= 1.0
        if worst < 0.0:
            worst = config.detectors.blind_level
        fused = worst * (1.0 + config.corroboration * max(0, alarms - 1))
        fused *= 1.0 + config.fear_gain * self.fear.response * fear
        severity = _SEVERITIES[bisect_right(config.severity_levels, fused)]
        posture = self.posture.update(severity)
        self.kill_switch.observe_posture(posture)
        return Threat(
            score=fused / (1.0 + fused),
            severity=severity,
            posture=posture,
            fear=fear,
            detectors=spoken,
        )

    def _inputs(
        self,
        features: FeatureVector,
        regime: RegimeState,
        portfolio: PortfolioState,
        correlation: Correlation | None,
    ) -> np.ndarray:
        values, x = features.values, self._x
        x[0] = _finite(values.get("market_return"))
        x[1] = _finite(regime.turbulence)
        x[2] = _finite(max(regime.posterior[Regime.CRISIS], regime.change_probability))
        ready = correlation is not None and correlation.ready
        x[3] = _finite(correlation.breakdown) if correlation is not None and ready else math.nan
        x[4] = _finite(values.get("vpin"))
        x[5], x[6], x[7] = portfolio.equity, portfolio.peak_equity, portfolio.session_start_equity
        x[8] = 0.0
        for name in SENSES:
            if math.isfinite(values.get(name, math.nan)):
                x[8] = 1.0
                break
        return x

    def _flow_inputs(
        self,
        x: np.ndarray,
        bars: np.ndarray | None,
        present: np.ndarray | None,
        books: Sequence[BookLevels],
    ) -> None:
        vpin, x[9], x[10], x[11], x[12] = self.flow.update(bars, present, books)
        if math.isnan(x[4]) or vpin > x[4]:  # a feature may bring one of its own
            x[4] = vpin

    def learners(self) -> list[Learner]:
        """What a night may train here: the fear memory, and in deep nights the thresholds."""
        return [FearLearner(self.fear), ThresholdLearner(self.detectors)]

    def parameters(self) -> dict[str, FearParameters | CalibrationParameters]:
        """Learned parameters in force."""
        return {learner.name: learner.parameters() for learner in self.learners()}

    def reset(self) -> None:
        """Back to a fresh instance, learned fear and kill switch included."""
        self.detectors.reset()
        self.flow.reset()
        self.posture.reset()
        self.fear.reset()
        self.kill_switch.reset()

    def snapshot(self) -> bytes:
        """State and learned parameters as bytes."""
        return pack(
            {
                "detectors": self.detectors.snapshot(),
                "calibration": self.detectors.calibration.parameters(),
                "flow": self.flow.snapshot(),
                "posture": self.posture.snapshot(),
                "fear": self.fear.snapshot(),
                "kill_switch": self.kill_switch.snapshot(),
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it does not fit."""
        state = unpack(raw)
        self.detectors.restore(state["detectors"])
        self.detectors.calibration.adopt(state["calibration"])
        self.flow.restore(state["flow"])
        self.posture.restore(state["posture"])
        self.fear.restore(state["fear"])
        self.kill_switch.restore(state["kill_switch"])

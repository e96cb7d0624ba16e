"""Amygdala: threat detection, fear, risk posture and the kill switch.

Biology
    The amygdala answers danger before the slow paths have understood it. Fear is acquired in a
    trial or two, extinguished slowly by safe exposure, and comes back fast after one reminder,
    because extinction is a second, inhibitory memory and does not erase the first.

Mechanism
    `Amygdala.assess` runs five anomaly detectors (z-score, isolation forest, deviation from the moving
    average, percentile, Mahalanobis distance), fuses them to one number and reads its severity off
    thresholds that past bars exceed at stated rates (`calibration`). Beside them stand signals with
    thresholds of their own: volatility spike, correlation breakdown, regime shift, black swan, critical
    slowing down, VPIN, flash crash, liquidity, drawdown, daily loss. The worst gives a severity and, with
    hysteresis, a posture. `FearMemory` learns at night which regimes hurt and how far fear is to be heeded.
    `KillSwitch` is the in-process half of the emergency stop and the `TradingPermission` that the trader asks
    at every submit.

Deliberate departures
    * Thresholds of anomalies are not fixed ("tau = 5"): scales (eq. 51) and severities are tail quantiles of
      strictly earlier bars, so that false-positive rates are stated; above a ceiling an absolute scale alone
      decides, so that a long crisis cannot teach the detectors that crises are normal.
    * The Mahalanobis distance (eq. 50) is the turbulence of the regime's features, which the cortex computes.
    * Drawdown is measured from a peak that fades, except for the final halt: a book that was cut to
      nothing could otherwise never win back its permission to trade.
    * Absent inputs are threats of their own: with nothing to see, or with a sense that has gone silent, the
      posture is at least REDUCE. Data a market never had (volume, quotes) is no threat; its signals are silent.
"""

from janus_trader.brain.amygdala.amygdala import Amygdala, AmygdalaConfig
from janus_trader.brain.amygdala.calibration import Calibration, ThresholdLearner
from janus_trader.brain.amygdala.detector_config import DetectorConfig
from janus_trader.brain.amygdala.detectors import ANOMALIES, DETECTORS, SIGNALS, DetectorBank
from janus_trader.brain.amygdala.fear import FearConfig, FearLearner, FearMemory
from janus_trader.brain.amygdala.flow_watch import FlowWatch
from janus_trader.brain.amygdala.kill_switch import (
    KillSwitch,
    KillSwitchConfig,
    Scope,
    SwitchState,
    Trip,
    token_digest,
)
from janus_trader.brain.amygdala.posture import PostureConfig, PostureMachine

__all__ = [
    "ANOMALIES",
    "DETECTORS",
    "SIGNALS",
    "Amygdala",
    "AmygdalaConfig",
    "Calibration",
    "DetectorBank",
    "DetectorConfig",
    "FearConfig",
    "FearLearner",
    "FearMemory",
    "FlowWatch",
    "KillSwitch",
    "KillSwitchConfig",
    "PostureConfig",
    "PostureMachine",
    "Scope",
    "SwitchState",
    "ThresholdLearner",
    "Trip",
    "token_digest",
]

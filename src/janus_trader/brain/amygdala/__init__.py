"""Amygdala: threat detection, fear, risk posture and the kill switch.

Biology
    The amygdala answers danger before the slow paths have understood it. Fear is acquired in a
    trial or two, extinguished slowly by safe exposure, and comes back fast after one reminder,
    because extinction is a second, inhibitory memory and does not erase the first.

Mechanism
    `Amygdala.assess` runs detectors (z-score, Mahalanobis distance, percentile, moving-average
    deviation, volatility spike, correlation breakdown, regime shift, drawdown, daily loss, VPIN),
    gates the statistical ones by conformal p-values over strictly earlier data, fuses them to one
    score, and turns it into a severity and, with hysteresis, a posture. `FearMemory` learns at
    night which regimes hurt. `KillSwitch` is the in-process half of the emergency stop and the
    `TradingPermission` that the trader asks at every submit.

Deliberate departures
    * Thresholds are not fixed ("tau = 5"): an alarm needs both an absolute floor and a p-value, so
      the false-positive rate is stated; above a ceiling the floor alone decides, so that a long
      crisis cannot teach the detectors that crises are normal.
    * Drawdown is measured from a peak that fades, except for the final halt: a book that was cut to
      nothing could otherwise never win back its permission to trade.
    * Absent inputs are threats of their own: with nothing to see the posture is at least REDUCE.
    * Isolation forests are left out: ten features and one history per run give them nothing that
      the Mahalanobis distance has not.
"""

from janus_trader.brain.amygdala.amygdala import Amygdala, AmygdalaConfig
from janus_trader.brain.amygdala.detectors import DETECTORS, DetectorBank, DetectorConfig
from janus_trader.brain.amygdala.fear import FearConfig, FearLearner, FearMemory
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
    "DETECTORS",
    "Amygdala",
    "AmygdalaConfig",
    "DetectorBank",
    "DetectorConfig",
    "FearConfig",
    "FearLearner",
    "FearMemory",
    "KillSwitch",
    "KillSwitchConfig",
    "PostureConfig",
    "PostureMachine",
    "Scope",
    "SwitchState",
    "Trip",
    "token_digest",
]

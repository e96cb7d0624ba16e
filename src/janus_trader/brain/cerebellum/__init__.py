"""Cerebellum: what a trade will cost, and how far off that was.

Biology
    The cerebellum holds forward models: from a copy of the motor command it predicts what the senses
    will report, and climbing fibres carry back the difference, which corrects the next movement at once
    and retrains the model slowly.
Mechanism
    The copy of the command is the change of weights about to be traded; the forward model is linear in
    volatility and in square-root impact (specification eq. 35); a fill carries back its realised cost.
    The error drives a PID correction of the forecast at once (eq. 36), and by night a ridge fit of the
    coefficients to the fills of the day ("impact").
Departures
    The forward model forecasts costs, not price paths: a book that trades once a bar has no trajectory to
    predict within it. It begins with a flat prior and knows nothing of the venue's fee schedule. The
    gains are scaled down from the specification's 1 / 0.1 / 0.05, because a forecast that is corrected
    one bar late with a proportional gain of 1 alternates for ever. Adverse selection (VPIN) is the
    amygdala's. The schedules of Almgren and Chriss are in `numerics` and `execution`; the Smith
    predictor is in `numerics` for loops with dead time.
"""

from janus_trader.brain.cerebellum.cerebellum import Cerebellum, CerebellumConfig
from janus_trader.brain.cerebellum.impact_learner import ImpactLearner, ImpactParameters

__all__ = ["Cerebellum", "CerebellumConfig", "ImpactLearner", "ImpactParameters"]

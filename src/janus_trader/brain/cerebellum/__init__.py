"""Cerebellum: what a trade will cost, and how far off that was.

Biology
    The cerebellum holds forward models: from a copy of the motor command it predicts what the senses
    will report, and climbing fibres carry back the difference, which corrects the next movement at once
    and retrains the model slowly.
Mechanism
    The copy of the command is the change of weights about to be traded; the forward model is linear in
    volatility and in square-root impact (specification eq. 52); a fill carries back its realised cost.
    The error drives a PID correction of the forecast at once (eq. 36), behind a Smith predictor where the
    report is late, and by night a ridge fit of the coefficients to the fills of the day ("impact").
    Beside the cost: permanent impact from the drift after fills, by which prices are predicted (eq. 35);
    adverse selection from markouts; the probability that a resting order is filled (Weibull survival model,
    fitted in deep nights); the latency of orders.
Departures
    What a market does not deliver is not made up: without prices after fills, quotes or resting orders
    the parts that need them are silent, which on daily bars they are. The cost model begins with a flat
    prior and knows nothing of the venue's fee schedule. The gains are scaled down from the specification's
    1 / 0.1 / 0.05, because a forecast that is corrected one bar late with a proportional gain of 1 alternates
    for ever. VPIN is the amygdala's. The schedules of Almgren and Chriss are in `numerics` and `execution`.
"""

from janus_trader.brain.cerebellum.adverse_selection import AdverseSelection, AdverseSelectionConfig
from janus_trader.brain.cerebellum.cerebellum import Cerebellum, CerebellumConfig
from janus_trader.brain.cerebellum.correction import CostCorrection
from janus_trader.brain.cerebellum.fill_probability import FillProbability, FillProbabilityConfig
from janus_trader.brain.cerebellum.forward_model import ForwardModel, PriceMove
from janus_trader.brain.cerebellum.impact_learner import ImpactLearner, ImpactParameters
from janus_trader.brain.cerebellum.latency import LatencyConfig, LatencyModel
from janus_trader.brain.cerebellum.permanent_impact import PermanentImpact, PermanentImpactConfig

__all__ = [
    "AdverseSelection",
    "AdverseSelectionConfig",
    "Cerebellum",
    "CerebellumConfig",
    "CostCorrection",
    "FillProbability",
    "FillProbabilityConfig",
    "ForwardModel",
    "ImpactLearner",
    "ImpactParameters",
    "LatencyConfig",
    "LatencyModel",
    "PermanentImpact",
    "PermanentImpactConfig",
    "PriceMove",
]

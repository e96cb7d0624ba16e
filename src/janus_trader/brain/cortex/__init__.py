"""Cortex: the regime of the market.

Biology
    The neocortex learns slowly and keeps general knowledge: schemas, against which the moment is
    matched. New experience changes a schema only where the schema was recalled.

Mechanism
    `Cortex.update` fuses four voters into one posterior over seven regimes: `SchemaVoter` (weighted
    feature intervals), `StatisticalVoter` (variance ratio, Hurst, tails), `TechnicalVoter` (trend,
    momentum, drawdown) and `HMMVoter` (Gaussian HMM, fitted at deep nights). Change points (BOCPD)
    set how fast the belief moves, hysteresis names the regime in force, `RegimeChain` forecasts the
    next bar, and the turbulence index says how unusual the moment is. `Cortex.consolidate`, by night, forms
    schemas from what the hippocampus hands on and learns statements of what follows what (`LongTermMemory`).

Deliberate departures
    * The schema score divides by the weights that are present, not by the number of features
      (eq. 43), and features without data drop out.
    * Recall success (eq. 46) is defined: accepted, cosine to the prototype above a threshold, and the
      sign of the market return that the schema stands for. Drift from the printed intervals is bounded.
    * Transitions are learned every bar from the posterior, not only at changes: the stationary law is
      then time occupancy. The rate is per bar and therefore smaller than the first implementation's.
    * Alarms never rest on P(run length = 0), which equals the hazard at every bar.
    * A regime's posterior is smoothed with a gain that the change probability raises to 1.
    * The chain's forecast is reported, not acted on: as the belief a bar starts from (``forecast_weight``) it
      made the posterior worse in simulated markets, and one bar ahead it is no better than the belief itself.
    * Schemas formed by clustering, the statements of the knowledge base and maps change no decision by
      themselves. Planning by feudal reinforcement learning (`manager`) is delivered and off.
"""

from janus_trader.brain.cortex.cortex import ChangeConfig, Cortex, CortexConfig
from janus_trader.brain.cortex.feature_row import FEATURES, SCHEMA_FEATURES
from janus_trader.brain.cortex.hmm_voter import HMMLearner, HMMVoter, HMMVoterConfig
from janus_trader.brain.cortex.knowledge import Expectation, KnowledgeBase, KnowledgeConfig, Statement
from janus_trader.brain.cortex.long_term import LongTermConfig, LongTermMemory
from janus_trader.brain.cortex.manager import FeudalManager, ManagerConfig, ManagerLearner
from janus_trader.brain.cortex.markov import MarkovConfig, RegimeChain, stationary_distribution
from janus_trader.brain.cortex.regime import VOTERS, EnsembleConfig, RegimeEnsemble
from janus_trader.brain.cortex.schema_formation import FormationConfig, FormedSchema, SchemaFormation
from janus_trader.brain.cortex.schema_learner import SchemaLearner
from janus_trader.brain.cortex.schemas import SCHEMAS, Schema, SchemaConfig, SchemaVoter
from janus_trader.brain.cortex.statistical_voter import StatisticalVoter, StatisticalVoterConfig
from janus_trader.brain.cortex.technical_voter import TechnicalVoter, TechnicalVoterConfig

__all__ = [
    "FEATURES",
    "SCHEMAS",
    "SCHEMA_FEATURES",
    "VOTERS",
    "ChangeConfig",
    "Cortex",
    "CortexConfig",
    "EnsembleConfig",
    "Expectation",
    "FeudalManager",
    "FormationConfig",
    "FormedSchema",
    "HMMLearner",
    "HMMVoter",
    "HMMVoterConfig",
    "KnowledgeBase",
    "KnowledgeConfig",
    "LongTermConfig",
    "LongTermMemory",
    "ManagerConfig",
    "ManagerLearner",
    "MarkovConfig",
    "RegimeChain",
    "RegimeEnsemble",
    "Schema",
    "SchemaConfig",
    "SchemaFormation",
    "SchemaLearner",
    "SchemaVoter",
    "Statement",
    "StatisticalVoter",
    "StatisticalVoterConfig",
    "TechnicalVoter",
    "TechnicalVoterConfig",
    "stationary_distribution",
]

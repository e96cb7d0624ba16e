"""Basal ganglia: which of the competing signals become action.

Biology
    Direct (Go) and indirect (No-Go) pathways compete; dopamine raises the one and lowers the other, and
    trains both in opposite directions (opponent actor learning, Collins & Frank 2014).
Mechanism
    For every regime and source of signals two stances, follow and fade, each have a Go and a No-Go weight.
    A softmax over follow, fade and abstain turns them into a source weight in [-1, 1]; weighted signals,
    gated by regime compatibility, affinity and lists, add up to a score per instrument. The Go side releases
    a score that passes an adaptive threshold with hysteresis; twelve No-Go reasons can hold it back.
    Weights, affinities and No-Go patterns are learned at night.
    A policy network shared by all instruments, trained at night by an actor-critic or by double DQN, competes
    with that score: short, flat and long inhibit one another and the winner's lead is what the Go side sees.
    How much the policy counts is what it earned on bars it had not been trained on; familiar states repeat
    their last choice out of habit.
Departures
    The learning rule is OpAL's, not the static heads of the specification's eq. 30-34 (no Hebbian term
    there, so both pathways would track one number). Weights leak slowly towards their start, because
    multiplicative noise alone drives them to zero, and faster while there is little evidence. An eighth
    context, "any regime", lends its weights to regimes seldom seen. Non-overridable reasons veto before
    anything is combined, and a further reason can only add inhibition; averaging would dilute both.
"""

from janus_trader.brain.basal_ganglia.actor_critic import ActorCritic, ActorCriticConfig
from janus_trader.brain.basal_ganglia.affinity import AffinityConfig, AffinityLearner
from janus_trader.brain.basal_ganglia.dopamine import Dopamine, DopamineConfig
from janus_trader.brain.basal_ganglia.double_dqn import DoubleDqn, DoubleDqnConfig
from janus_trader.brain.basal_ganglia.go import GoConfig, GoPathway
from janus_trader.brain.basal_ganglia.no_go import NoGoConfig, NoGoPathway
from janus_trader.brain.basal_ganglia.opal import OpalConfig, opal_act, opal_update
from janus_trader.brain.basal_ganglia.opal_learner import OpalLearner
from janus_trader.brain.basal_ganglia.opal_star import BanditOpal, OpalStarConfig
from janus_trader.brain.basal_ganglia.patterns import PatternConfig, PatternLearner
from janus_trader.brain.basal_ganglia.policy_config import PolicyConfig
from janus_trader.brain.basal_ganglia.policy_learner import ActorCriticLearner, DoubleDqnLearner
from janus_trader.brain.basal_ganglia.policy_trust import PolicyTrust
from janus_trader.brain.basal_ganglia.selection import BasalGanglia, BasalGangliaConfig
from janus_trader.brain.basal_ganglia.strategy_gate import StrategyGate, StrategyGateConfig

__all__ = [
    "ActorCritic",
    "ActorCriticConfig",
    "ActorCriticLearner",
    "AffinityConfig",
    "AffinityLearner",
    "BanditOpal",
    "BasalGanglia",
    "BasalGangliaConfig",
    "Dopamine",
    "DopamineConfig",
    "DoubleDqn",
    "DoubleDqnConfig",
    "DoubleDqnLearner",
    "GoConfig",
    "GoPathway",
    "NoGoConfig",
    "NoGoPathway",
    "OpalConfig",
    "OpalLearner",
    "OpalStarConfig",
    "PatternConfig",
    "PatternLearner",
    "PolicyConfig",
    "PolicyTrust",
    "StrategyGate",
    "StrategyGateConfig",
    "opal_act",
    "opal_update",
]

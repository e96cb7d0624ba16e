"""Hippocampus: what happened, kept whole, and replayed at night.

Biology
    The hippocampus stores single episodes at once, keeps similar ones apart (dentate gyrus) and replays
    salient ones in sharp-wave ripples, from which slower systems learn.
Mechanism
    A decision becomes an episode two bars later, when its payoff is known. Episodes lie in a ring of
    compact records with emotional tags (specification eq. 37); random projection with a k-winner code
    separates their contexts (eq. 38); eleven kinds of ripple mark what stood out; a sum tree draws
    episodes by priority (eq. 39-41) with importance weights.
Departures
    The printed tanh projection is dense, so only the k largest responses are kept. The TD error of eq. 39
    needs an action-value network: until a caller supplies better errors, the standardised surprise of the
    book's return stands in its place. A ripple marks and prioritises; it starts no replay by day.
"""

from janus_trader.brain.hippocampus.hippocampus import Hippocampus, HippocampusConfig
from janus_trader.brain.hippocampus.replay import PrioritisedReplay, ReplayConfig
from janus_trader.brain.hippocampus.ripples import RippleConfig, RippleDetector, RippleType
from janus_trader.brain.hippocampus.separation import PatternSeparation, SeparationConfig

__all__ = [
    "Hippocampus",
    "HippocampusConfig",
    "PatternSeparation",
    "PrioritisedReplay",
    "ReplayConfig",
    "RippleConfig",
    "RippleDetector",
    "RippleType",
    "SeparationConfig",
]

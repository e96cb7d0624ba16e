"""Hippocampus: what happened, kept whole, recollected by day and replayed at night.

Biology
    The hippocampus stores single episodes at once, keeps similar ones apart (dentate gyrus), maps where they
    happened (place cells) and replays salient ones in sharp-wave ripples, from which slower systems learn.
Mechanism
    A decision becomes an episode two bars later, when its payoff is known. Episodes lie in a ring of
    compact records with emotional tags (specification eq. 37); random projection with a k-winner code
    separates the states they were made in (eq. 38), and a place map keeps near states near. By day the
    nearest experiences are recollected, and what followed them enters the decision. Eleven kinds of ripple
    mark what stood out and wait in a queue. By night, in five phases (eq. 42), the sequences around ripples
    are replayed compressed and a sum tree draws episodes by priority (eq. 39-41, 62, 63), with importance
    weights; what replay made strong and another day confirmed is handed to the cortex.
Departures
    The printed tanh projection is dense, so only the k largest responses are kept. It projects state, action
    and context; the action is not known when a day is to be recollected, so state and context are projected.
    The TD error of eq. 39 comes from learners that have one; until one speaks, the standardised surprise of
    the book's return stands in its place. A ripple marks and prioritises; it starts no replay by day.
    Priorities of waiting ripples fade by seconds or bars, whichever is slower: by seconds alone a night
    between daily bars would fade everything.
"""

from janus_trader.brain.hippocampus.compression import Compression, CompressionConfig
from janus_trader.brain.hippocampus.config import HippocampusConfig
from janus_trader.brain.hippocampus.consolidation import ConsolidationConfig
from janus_trader.brain.hippocampus.hippocampus import Hippocampus
from janus_trader.brain.hippocampus.place_map import PlaceMap, PlaceMapConfig
from janus_trader.brain.hippocampus.recollection import RecollectionConfig
from janus_trader.brain.hippocampus.replay import PrioritisedReplay, ReplayConfig
from janus_trader.brain.hippocampus.ripple_queue import RippleQueue, RippleQueueConfig
from janus_trader.brain.hippocampus.ripples import RippleConfig, RippleDetector, RippleType
from janus_trader.brain.hippocampus.separation import PatternSeparation, SeparationConfig
from janus_trader.brain.hippocampus.sleep_phases import PhaseConfig, SleepCycle, SleepCyclesConfig
from janus_trader.brain.hippocampus.worker import SkillWorker, WorkerConfig

__all__ = [
    "Compression",
    "CompressionConfig",
    "ConsolidationConfig",
    "Hippocampus",
    "HippocampusConfig",
    "PatternSeparation",
    "PhaseConfig",
    "PlaceMap",
    "PlaceMapConfig",
    "PrioritisedReplay",
    "RecollectionConfig",
    "ReplayConfig",
    "RippleConfig",
    "RippleDetector",
    "RippleQueue",
    "RippleQueueConfig",
    "RippleType",
    "SeparationConfig",
    "SkillWorker",
    "SleepCycle",
    "SleepCyclesConfig",
    "WorkerConfig",
]

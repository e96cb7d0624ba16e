"""Configuration of the hippocampus."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from janus_trader.brain.hippocampus.compression import CompressionConfig
from janus_trader.brain.hippocampus.consolidation import ConsolidationConfig
from janus_trader.brain.hippocampus.place_map import PlaceMapConfig
from janus_trader.brain.hippocampus.recollection import RecollectionConfig
from janus_trader.brain.hippocampus.replay import ReplayConfig
from janus_trader.brain.hippocampus.ripple_queue import RippleQueueConfig
from janus_trader.brain.hippocampus.ripples import RippleConfig
from janus_trader.brain.hippocampus.separation import SeparationConfig
from janus_trader.foundation.config import Config, Count, Positive


class HippocampusConfig(Config, frozen=True):
    """Size of the memory, how it tags what it keeps and how it is searched.

    ``search``: ``compiled`` looks at every episode, ``place`` at those of the nearest place cells, ``store``
    asks the vector store the hippocampus was given.
    """

    capacity: Annotated[int, Meta(ge=16, le=1_000_000, description="episodes kept")] = 2048
    context_size: Annotated[Count, Meta(description="length of a percept's context")] = 24
    search: Literal["compiled", "place", "store"] = "compiled"
    replay: ReplayConfig = ReplayConfig()
    ripples: RippleConfig = RippleConfig()
    queue: RippleQueueConfig = RippleQueueConfig()
    compression: CompressionConfig = CompressionConfig()
    separation: SeparationConfig = SeparationConfig()
    recollection: RecollectionConfig = RecollectionConfig()
    places: PlaceMapConfig = PlaceMapConfig()
    consolidation: ConsolidationConfig = ConsolidationConfig()
    sequence_before: Annotated[int, Meta(ge=0, le=500, description="bars told before a ripple")] = 8
    sequence_after: Annotated[int, Meta(ge=0, le=500, description="bars told after a ripple")] = 4
    payoff_clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 5.0
    statistics_halflife: Annotated[Positive, Meta(description="bars, for the usual size of a reward")] = 63.0
    statistics_warmup: Annotated[Count, Meta(description="episodes before a reward can surprise")] = 20
    surprise_scale: Annotated[Positive, Meta(description="deviations at which surprise is tanh(1)")] = 3.0

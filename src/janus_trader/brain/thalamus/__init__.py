"""Thalamus: what may reach the decision, and how strongly.

Biology
    Every sense but smell passes through the thalamus; its reticular nucleus keeps channels closed that
    are silent, stale or irrelevant to what is being done.
Mechanism
    Five modalities (price, volume, macro, visual, external) each pass a sigmoid gate (specification
    eq. 29) fed by coverage, freshness, the regime and a learned relevance. The gates weigh the sources of
    signals, scale the evidence of the visual cortex and enter the context vector that memory and action
    selection share. Relevance is learned at night from what following each source paid.
Departures
    Gates are scalars per modality and per family in place of multi-head cross-attention: with tens of
    nights of evidence a scalar can be learned and a matrix cannot. A modality without data has gate 0, not
    a small one. Volume and macro deliver no direction of their own, so their gates follow availability and
    the regime only.
"""

from janus_trader.brain.thalamus.context import ContextConfig, ContextFeature
from janus_trader.brain.thalamus.gating import MODALITIES, GatingConfig
from janus_trader.brain.thalamus.relevance import RelevanceConfig, RelevanceLearner
from janus_trader.brain.thalamus.thalamus import Thalamus, ThalamusConfig

__all__ = [
    "MODALITIES",
    "ContextConfig",
    "ContextFeature",
    "GatingConfig",
    "RelevanceConfig",
    "RelevanceLearner",
    "Thalamus",
    "ThalamusConfig",
]

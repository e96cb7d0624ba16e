"""Thalamus: what may reach the decision, and how strongly.

Biology
    Every sense but smell passes through the thalamus; its reticular nucleus keeps channels closed that
    are silent, stale or irrelevant to what is being done.
Mechanism
    Nine modalities each pass a sigmoid gate (specification eq. 29): five that come with the bars (price,
    volume, macro, visual, external), fed by coverage, freshness and the regime, and four outside senses (order
    book, sentiment, weather, space weather), fed by coverage, age and predictive uncertainty; a learned relevance
    joins both. Fusion engines turn order books, prices, volume and news into a direction per instrument. The gates
    weigh the sources of signals, scale the evidence of the senses and enter the context vector that memory and
    action selection share. Saliency is how surprising each modality is given its own past. Relevance is learned at
    night from what following each source paid. Off by default: competition of gates, masks from a Wilson-Cowan
    oscillator, and multi-head cross-attention (eq. 28) from modality tokens to gates of source families.
Departures
    The default gates are scalars per modality and per family in place of cross-attention: with tens of nights of
    evidence a scalar can be learned and a matrix cannot. A modality without data has gate 0, not a small one.
    Macro, weather and space weather deliver no direction of their own, so their gates follow availability and
    the regime only. Only the five gates that come with bars are in the context vector.
"""

from janus_trader.brain.thalamus.attention import AttentionConfig, AttentionGates
from janus_trader.brain.thalamus.bar_fusion import BarFusion, BarFusionConfig
from janus_trader.brain.thalamus.context import ContextConfig, ContextFeature
from janus_trader.brain.thalamus.gating import (
    BAR_MODALITIES,
    MODALITIES,
    SENSE_MODALITIES,
    CompetitionConfig,
    GatingConfig,
)
from janus_trader.brain.thalamus.order_book_fusion import OrderBookFusion, OrderBookFusionConfig
from janus_trader.brain.thalamus.oscillation import Oscillation, OscillationConfig
from janus_trader.brain.thalamus.price_fusion import PriceFusion, PriceFusionConfig
from janus_trader.brain.thalamus.relevance import RelevanceConfig, RelevanceLearner
from janus_trader.brain.thalamus.saliency import SaliencyConfig
from janus_trader.brain.thalamus.senses import Senses, SensesConfig
from janus_trader.brain.thalamus.sentiment_fusion import SentimentFusion, SentimentFusionConfig
from janus_trader.brain.thalamus.thalamus import Thalamus, ThalamusConfig

__all__ = [
    "BAR_MODALITIES",
    "MODALITIES",
    "SENSE_MODALITIES",
    "AttentionConfig",
    "AttentionGates",
    "BarFusion",
    "BarFusionConfig",
    "CompetitionConfig",
    "ContextConfig",
    "ContextFeature",
    "GatingConfig",
    "OrderBookFusion",
    "OrderBookFusionConfig",
    "Oscillation",
    "OscillationConfig",
    "PriceFusion",
    "PriceFusionConfig",
    "RelevanceConfig",
    "RelevanceLearner",
    "SaliencyConfig",
    "Senses",
    "SensesConfig",
    "SentimentFusion",
    "SentimentFusionConfig",
    "Thalamus",
    "ThalamusConfig",
]

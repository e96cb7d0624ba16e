"""Maps of what is remembered: UMAP, aligned over nights, distilled for new points, and drift between them.

Fits are ours (the reference is umap-learn, the oracle of the tests); none of this needs torch. A map decides
nothing: it is drawn on demand, for people.
"""

from janus_trader.learning.manifold.aligned import (
    AlignedConfig,
    Relations,
    alignment_error,
    fit_aligned_umap,
)
from janus_trader.learning.manifold.distilled import DistilledConfig, DistilledMap
from janus_trader.learning.manifold.drift import (
    Drift,
    Shift,
    aligned_onto,
    distribution_shift,
    procrustes,
    representational_drift,
)
from janus_trader.learning.manifold.umap import FuzzyGraph, UMAPConfig, fit_umap, fuzzy_graph

__all__ = [
    "AlignedConfig",
    "DistilledConfig",
    "DistilledMap",
    "Drift",
    "FuzzyGraph",
    "Relations",
    "Shift",
    "UMAPConfig",
    "aligned_onto",
    "alignment_error",
    "distribution_shift",
    "fit_aligned_umap",
    "fit_umap",
    "fuzzy_graph",
    "procrustes",
    "representational_drift",
]

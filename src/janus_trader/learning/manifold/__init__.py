"""Maps of what is remembered: UMAP, aligned over nights, distilled or parametric for new points, and drift.

Fits are ours (the reference is umap-learn, the oracle of the tests); only training a `ParametricMap` needs
torch, placing points on it does not. A map decides nothing: it is drawn on demand, for people.
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
from janus_trader.learning.manifold.parametric import ParametricConfig, ParametricMap
from janus_trader.learning.manifold.umap import FuzzyGraph, UMAPConfig, fit_umap, fuzzy_graph

__all__ = [
    "AlignedConfig",
    "DistilledConfig",
    "DistilledMap",
    "Drift",
    "FuzzyGraph",
    "ParametricConfig",
    "ParametricMap",
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

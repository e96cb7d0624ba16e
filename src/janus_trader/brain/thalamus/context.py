"""The context vector: one fixed-length summary of the moment for memory and action selection.

Layout, with f features (8 by default, so 24 numbers in all)

=============  =====================================================================
index          content
=============  =====================================================================
0 .. 6         regime posterior, in the order of `janus_trader.contracts.regime.Regime`
7              confidence of the dominant regime
8              change probability
9              tanh(turbulence − 1)
10             agreement of the regime voters
11 .. 10+f     features, tanh((value − centre) / scale); 0 where absent
11+f .. 15+f   gates of price, volume, macro, visual, external
=============  =====================================================================
"""

from __future__ import annotations

from math import tanh

import numpy as np

from janus_trader.brain.thalamus.gating import MODALITIES
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.regime import N_REGIMES, RegimeState
from janus_trader.foundation.config import Config, Positive

_FIXED = N_REGIMES + 4


class ContextFeature(Config, frozen=True):
    """One feature of the context: its usual value and how far from it is far."""

    name: str
    centre: float = 0.0
    scale: Positive = 1.0


class ContextConfig(Config, frozen=True):
    """Which features enter the context (specification section 8.1)."""

    features: tuple[ContextFeature, ...] = (
        ContextFeature(name="trailing_return", scale=0.05),
        ContextFeature(name="realised_vol", centre=0.16, scale=0.1),
        ContextFeature(name="average_correlation", centre=0.35, scale=0.3),
        ContextFeature(name="max_drawdown", centre=0.05, scale=0.1),
        ContextFeature(name="vol_rate_of_change", scale=0.3),
        ContextFeature(name="momentum", scale=0.5),
        ContextFeature(name="credit_spread", centre=0.01, scale=0.01),
        ContextFeature(name="relative_volume", centre=1.0, scale=0.5),
    )

    @property
    def size(self) -> int:
        """Length of the context vector."""
        return _FIXED + len(self.features) + len(MODALITIES)


def context_vector(
    config: ContextConfig, regime: RegimeState, features: FeatureVector, gates: list[float]
) -> np.ndarray:
    """The context vector, (config.size,) in [-1, 1]; an absent or undefined feature is 0. O(size).

    Examples
    --------
    >>> from janus_trader.contracts.regime import Regime
    >>> state = RegimeState(posterior=(1.0, 0, 0, 0, 0, 0, 0), dominant=Regime.BULL, confidence=1.0,
    ...     change_probability=0.0, turbulence=1.0, agreement=1.0, votes={}, age=1, forecast=(1.0,) * 7)
    >>> empty = FeatureVector(ts_event=0, values={})
    >>> context_vector(ContextConfig(), state, empty, [0.0] * 5).shape
    (24,)
    """
    values = list(regime.posterior)
    values += (
        regime.confidence,
        regime.change_probability,
        tanh(regime.turbulence - 1.0),
        regime.agreement,
    )
    get = features.values.get
    for item in config.features:
        value = get(item.name)
        if value is None or value != value:
            values.append(0.0)
        else:
            values.append(tanh((value - item.centre) / item.scale))
    values += gates
    return np.array(values)

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

from math import isnan, nan, tanh

import numpy as np
from numba import njit

from janus_trader.brain.thalamus.gating import BAR_MODALITIES
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.regime import N_REGIMES, RegimeState
from janus_trader.foundation.config import Config, Positive

_FIXED = N_REGIMES + 4
_TURBULENCE = N_REGIMES + 2


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
        return _FIXED + len(self.features) + len(BAR_MODALITIES)


def context_inputs(names: tuple[str, ...], regime: RegimeState, features: FeatureVector) -> list[float]:
    """What the context is made of but for the gates, as it stands; NaN for an absent feature."""
    read = features.values.get
    return [
        *regime.posterior,
        regime.confidence,
        regime.change_probability,
        regime.turbulence,
        regime.agreement,
        *[read(name, nan) for name in names],
    ]


@njit(cache=True)
def context_into(
    inputs: np.ndarray, centre: np.ndarray, scale: np.ndarray, gates: np.ndarray, out: np.ndarray
) -> None:
    """Write the context, in [-1, 1], from `context_inputs`; an absent feature is 0. O(size).

    Examples
    --------
    >>> out = np.empty(_FIXED + 2)
    >>> context_into(np.array([1.0] + [0.0] * 8 + [1.0, 1.0, nan]), np.zeros(1), np.ones(1), np.ones(1), out)
    >>> out.tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]
    """
    out[:_FIXED] = inputs[:_FIXED]
    out[_TURBULENCE] = tanh(inputs[_TURBULENCE] - 1.0)
    for j in range(centre.shape[0]):
        value = inputs[_FIXED + j]
        out[_FIXED + j] = 0.0 if isnan(value) else tanh((value - centre[j]) / scale[j])
    out[_FIXED + centre.shape[0] :] = gates

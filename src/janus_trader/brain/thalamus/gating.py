"""Sensory gates: one number in [0, 1] per modality, 0 where there is nothing to sense."""

from __future__ import annotations

from math import exp, log
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.decision import VisualPercept
from janus_trader.contracts.market import Field, Moment
from janus_trader.contracts.regime import RegimeState
from janus_trader.foundation.config import Config, Fraction, NonNegative

#: Order of every array over modalities.
MODALITIES = ("price", "volume", "macro", "visual", "external")
PRICE, VOLUME, MACRO, VISUAL, EXTERNAL = range(len(MODALITIES))

_Five = tuple[float, float, float, float, float]


class GatingConfig(Config, frozen=True):
    """Terms of the gate g = σ(bias + relevance + coverage and freshness + regime) of eq. 29.

    The five numbers of a tuple belong to price, volume, macro, visual, external.
    """

    bias: _Five = (0.8, 0.8, 0.8, 0.8, 0.8)
    coverage_gain: Annotated[NonNegative, Meta(description="logit lost when coverage falls from 1 to 0")] = (
        2.0
    )
    freshness_gain: Annotated[NonNegative, Meta(description="the same for its slow mean")] = 1.0
    freshness_rate: Annotated[Fraction, Meta(description="EMA rate of coverage")] = 0.2
    liquidity_gain: Annotated[
        NonNegative, Meta(description="logit of volume per e-fold of relative volume below 1")
    ] = 1.0
    change_gain: _Five = (0.0, 0.0, 0.5, -1.0, 0.0)
    chaos_gain: _Five = (-0.3, 0.0, 0.5, -0.5, 0.0)
    macro_features: tuple[str, ...] = ("credit_spread", "yield_curve_slope", "vix")


def sigmoid(x: float) -> float:
    """Logistic function, safe for large |x|.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    return 1.0 / (1.0 + exp(-x)) if x > -700.0 else 0.0


def coverage(config: GatingConfig, moment: Moment, visual: VisualPercept) -> list[float]:
    """Share of each modality that is there, in [0, 1], in the order of `MODALITIES`. O(n)."""
    n = max(len(moment.symbols), 1)
    here = int(np.count_nonzero(moment.present))
    volume = 0
    if Field.VOLUME in moment.fields and here:
        volume = int(np.count_nonzero((moment.bars["volume"] > 0.0) & moment.present))
    known = moment.features.values
    macro = sum(name in known for name in config.macro_features)
    external = 1.0 if moment.external.size else 0.0
    return [
        here / n,
        volume / n,
        macro / max(len(config.macro_features), 1),
        np.count_nonzero(visual.ready) / n,
        external,
    ]


def gates(
    config: GatingConfig,
    now: list[float],
    fresh: np.ndarray,
    relevance: np.ndarray,
    regime: RegimeState,
    relative_volume: float | None,
) -> list[float]:
    """Gate of each modality, in [0, 1]; 0 where its coverage is 0. O(1)."""
    chaos = regime.calm_trend_chaos[2]
    change = regime.change_probability
    out = []
    for m, share in enumerate(now):
        if share <= 0.0:
            out.append(0.0)
            continue
        logit = config.bias[m] + relevance[m] + config.coverage_gain * (share - 1.0)
        logit += config.freshness_gain * (fresh[m] - 1.0)
        logit += config.change_gain[m] * change + config.chaos_gain[m] * chaos
        if m == VOLUME and relative_volume is not None and relative_volume < 1.0:
            logit += config.liquidity_gain * log(max(relative_volume, 1e-3))
        out.append(sigmoid(logit))
    return out

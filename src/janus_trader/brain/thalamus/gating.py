"""Sensory gates: one number in [0, 1] per modality, 0 where there is nothing to sense.

Modalities that come with bars are gated here (specification eq. 29), those of outside senses in
`janus_trader.brain.thalamus.senses`. What is left of all gates after they compete is `compete_into`.
"""

from __future__ import annotations

from math import exp, log
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.foundation.config import Config, Fraction, NonNegative

#: Modalities that come with the bars; only their gates are in the context vector.
BAR_MODALITIES = ("price", "volume", "macro", "visual", "external")
#: Modalities of outside senses; their gate is 0 where nothing was delivered.
SENSE_MODALITIES = ("order_book", "sentiment", "weather", "space_weather")
#: Order of every array over modalities.
MODALITIES = BAR_MODALITIES + SENSE_MODALITIES
PRICE, VOLUME, MACRO, VISUAL, EXTERNAL, ORDER_BOOK, SENTIMENT, WEATHER, SPACE_WEATHER = range(len(MODALITIES))
N_BAR, N_MODALITIES = len(BAR_MODALITIES), len(MODALITIES)

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


@njit(cache=True)
def sigmoid(x: float) -> float:
    """Logistic function, safe for large |x|.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    return 1.0 / (1.0 + exp(-x)) if x > -700.0 else 0.0


@njit(cache=True)
def coverage_into(
    bars: np.ndarray,
    present: np.ndarray,
    ready: np.ndarray,
    has_volume: bool,
    macro: float,
    external: float,
    out: np.ndarray,
) -> None:
    """Share of each modality that is there, in [0, 1], in the order of `MODALITIES`. O(n)."""
    n = present.shape[0]
    here, volume, seen = 0, 0, 0
    for i in range(n):
        here += present[i]
        seen += ready[i]
        if has_volume and present[i] and bars[i].volume > 0.0:
            volume += 1
    out[PRICE], out[VOLUME], out[MACRO] = here / n, volume / n, macro
    out[VISUAL], out[EXTERNAL] = seen / n, external


@njit(cache=True)
def gates_into(
    now: np.ndarray,
    fresh: np.ndarray,
    relevance: np.ndarray,
    terms: np.ndarray,
    gains: np.ndarray,
    change: float,
    chaos: float,
    relative_volume: float,
    out: np.ndarray,
) -> None:
    """Gate of each modality, in [0, 1]; 0 where its coverage is 0, NaN volume is unknown. O(1).

    ``terms`` (3, 5) holds bias and the gains of change and chaos, ``gains`` those of coverage,
    freshness and liquidity.
    """
    for m in range(now.shape[0]):
        if now[m] <= 0.0:
            out[m] = 0.0
            continue
        logit = terms[0, m] + relevance[m] + gains[0] * (now[m] - 1.0)
        logit += gains[1] * (fresh[m] - 1.0)
        logit += terms[1, m] * change + terms[2, m] * chaos
        if m == VOLUME and relative_volume < 1.0:
            logit += gains[2] * log(max(relative_volume, 1e-3))
        out[m] = sigmoid(logit)


class CompetitionConfig(Config, frozen=True):
    """How the reticular nucleus lets channels compete; the defaults leave every gate as it is."""

    threshold: Annotated[Fraction, Meta(description="gates below this are shut")] = 0.0
    inhibition: Annotated[
        Fraction, Meta(description="how much a channel loses to one that is open wider and more salient")
    ] = 0.0


@njit(cache=True)
def compete_into(gate: np.ndarray, saliency: np.ndarray, threshold: float, inhibition: float) -> None:
    r"""Suppress, in place, channels that others outdo; no gate rises and the strongest keeps its own. O(M).

    With activity :math:`a_m = g_m (1 + s_m)/2` and the strongest :math:`a^*`,
    :math:`g_m \leftarrow g_m\,(1 - \iota\,(a^* - a_m))`, 0 where that is below the threshold.

    Examples
    --------
    >>> gate = np.array([0.8, 0.8, 0.1])
    >>> compete_into(gate, np.array([1.0, 0.0, 0.0]), 0.2, 0.5)
    >>> gate.round(3).tolist()
    [0.8, 0.64, 0.0]
    """
    strongest = 0.0
    for m in range(gate.shape[0]):
        strongest = max(strongest, gate[m] * (0.5 + 0.5 * saliency[m]))
    for m in range(gate.shape[0]):
        own = gate[m] * (0.5 + 0.5 * saliency[m])
        left = gate[m] * (1.0 - inhibition * (strongest - own))
        gate[m] = left if left >= threshold else 0.0

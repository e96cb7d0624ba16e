"""Votes from persistence, tails and the level of volatility (specification section 2.1.2)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cortex.feature_row import COLUMN, softmax_into
from janus_trader.foundation.config import Config, Positive

_VR, _HURST = COLUMN["variance_ratio"], COLUMN["hurst"]
_TAIL, _VOL = COLUMN["tail_index"], COLUMN["realised_vol"]

#: What each kind of evidence (rows) says for each regime (columns, in the order of `Regime`), our
#: choice. Persistence has no sign, so trending evidence speaks for bull and bear alike.
STATISTICAL_EVIDENCE = np.array(
    [
        # bull  bear  range crisis recov bubble deflation
        [1.0, 1.0, -1.0, 0.0, 0.5, 1.0, 0.5],  # trending
        [-0.5, -0.5, 1.5, 0.5, 0.0, -1.0, -0.5],  # mean reverting
        [0.0, 0.5, -0.5, 1.0, 0.0, 0.5, 0.0],  # heavy tails
        [-1.0, 0.5, -1.0, 2.0, 1.0, 0.0, -1.0],  # high volatility
        [1.0, -0.5, 1.0, -2.0, -1.0, 0.5, 0.5],  # low volatility
    ]
)


class StatisticalVoterConfig(Config, frozen=True):
    """Scales of the statistics."""

    gain: Annotated[Positive, Meta(description="softmax gain on the evidence")] = 1.0
    variance_ratio_scale: Annotated[Positive, Meta(description="deviation from 1 that counts as clear")] = 0.3
    hurst_scale: Annotated[Positive, Meta(description="deviation from 0.5 that counts as clear")] = 0.1
    tail_reference: Annotated[Positive, Meta(description="Hill index of ordinary market tails")] = 4.0
    volatility_middle: Annotated[Positive, Meta(description="annual volatility that says nothing")] = 0.16
    volatility_high: Annotated[Positive, Meta(description="annual volatility of full evidence")] = 0.4


@njit(cache=True)
def statistical_vote(x: np.ndarray, table: np.ndarray, c: np.ndarray, out: np.ndarray) -> float:
    """Write the vote (7,) and return the share of the four statistics that is present.

    ``persistence = mean of tanh((VR - 1) / s_v) and tanh((H - 1/2) / s_h)``; its positive part is
    trending evidence, its negative part reverting. Tails: ``clip(1 - alpha / alpha_ref, 0, 1)``.
    Volatility: ``ln(vol / middle) / ln(high / middle)``, clipped to [-1, 1]. NaN is absent. O(35).
    """
    e = np.zeros(5)
    present = 0
    persistence, spoken = 0.0, 0
    if not np.isnan(x[_VR]):
        persistence += np.tanh((x[_VR] - 1.0) / c[1])
        spoken += 1
    if not np.isnan(x[_HURST]):
        persistence += np.tanh((x[_HURST] - 0.5) / c[2])
        spoken += 1
    if spoken > 0:
        persistence /= spoken
        e[0], e[1] = max(persistence, 0.0), max(-persistence, 0.0)
        present += spoken
    if not np.isnan(x[_TAIL]):
        e[2] = min(max(1.0 - x[_TAIL] / c[3], 0.0), 1.0)
        present += 1
    if not np.isnan(x[_VOL]):
        level = np.log(max(x[_VOL], 1e-6) / c[4]) / np.log(c[5] / c[4])
        e[3], e[4] = min(max(level, 0.0), 1.0), min(max(-level, 0.0), 1.0)
        present += 1
    logits = np.zeros(out.shape[0])
    for i in range(e.shape[0]):
        for k in range(out.shape[0]):
            logits[k] += c[0] * e[i] * table[i, k]
    softmax_into(logits, out)
    return present / 4.0


class StatisticalVoter:
    """Stateless voter over variance ratio, Hurst exponent, tail index and volatility level.

    Examples
    --------
    >>> from janus_trader.brain.cortex.feature_row import ROW, fill_row
    >>> vote = np.zeros(7)
    >>> StatisticalVoter().vote(fill_row({"variance_ratio": 0.5, "realised_vol": 0.1}, np.zeros(ROW)), vote)
    0.5
    >>> int(vote.argmax())
    2
    """

    def __init__(self, config: StatisticalVoterConfig | None = None) -> None:
        c = config or StatisticalVoterConfig()
        self.scales = np.array(
            [
                c.gain,
                c.variance_ratio_scale,
                c.hurst_scale,
                c.tail_reference,
                c.volatility_middle,
                c.volatility_high,
            ]
        )

    def vote(self, x: np.ndarray, out: np.ndarray) -> float:
        """Write the vote (7,) for a row; returns its coverage in [0, 1]."""
        return float(statistical_vote(x, STATISTICAL_EVIDENCE, self.scales, out))

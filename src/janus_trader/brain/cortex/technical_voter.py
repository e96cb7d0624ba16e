"""Votes from trend, momentum, stretch, drawdown and the change of volatility (section 2.1.3)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.cortex.feature_row import COLUMN, softmax_into
from janus_trader.foundation.config import Config, Positive

_RET, _VOL, _MOM = COLUMN["trailing_return"], COLUMN["realised_vol"], COLUMN["momentum"]
_REV, _DD, _ROC = COLUMN["mean_reversion"], COLUMN["max_drawdown"], COLUMN["vol_rate_of_change"]

#: What each kind of evidence (rows) says for each regime (columns, in the order of `Regime`), our choice.
TECHNICAL_EVIDENCE = np.array(
    [
        # bull  bear  range crisis recov bubble deflation
        [1.5, -1.5, 0.0, -1.0, 1.0, 1.0, -1.0],  # trend up
        [-1.5, 1.5, 0.0, 1.0, -1.0, -1.5, 1.0],  # trend down
        [-0.5, -0.5, 1.5, -0.5, 0.0, -1.0, 0.0],  # no trend
        [1.0, -1.0, -0.5, -0.5, 0.5, 1.5, -1.0],  # momentum up
        [-1.0, 1.0, -0.5, 0.5, -0.5, -1.5, 0.5],  # momentum down
        [0.0, 0.0, -0.5, 0.5, 0.0, 1.0, 0.0],  # far from its mean
        [-1.5, 1.0, -0.5, 1.5, 1.0, -1.0, 0.0],  # drawdown
        [-0.5, 0.5, 0.0, 1.0, -1.0, 0.0, -0.5],  # volatility rising
        [0.5, 0.0, 0.0, -1.0, 1.0, 0.0, 0.5],  # volatility falling
    ]
)


class TechnicalVoterConfig(Config, frozen=True):
    """Scales of the indicators."""

    gain: Annotated[Positive, Meta(description="softmax gain on the evidence")] = 1.0
    trend_bars: Annotated[Positive, Meta(description="bars the trailing return spans")] = 21.0
    year_bars: Annotated[Positive, Meta(description="bars to the year of the volatility's unit")] = 252.0
    trend_scale: Annotated[Positive, Meta(description="deviations of trend that count as clear")] = 1.0
    drawdown_full: Annotated[Positive, Meta(description="drawdown of full evidence")] = 0.2
    change_full: Annotated[Positive, Meta(description="relative change of volatility that counts")] = 0.25


@njit(cache=True)
def technical_vote(x: np.ndarray, table: np.ndarray, c: np.ndarray, out: np.ndarray) -> float:
    """Write the vote (7,) and return the share of the five kinds of evidence that is present.

    Trend is ``tanh(R / (vol sqrt(bars / year)) / scale)``: the trailing return in its own standard
    deviations. NaN is absent. O(63).
    """
    e = np.zeros(9)
    present = 0
    if not np.isnan(x[_RET]) and not np.isnan(x[_VOL]):
        deviation = max(x[_VOL], 1e-6) * np.sqrt(c[1] / c[2])
        trend = np.tanh(x[_RET] / deviation / c[3])
        e[0], e[1], e[2] = max(trend, 0.0), max(-trend, 0.0), 1.0 - abs(trend)
        present += 1
    if not np.isnan(x[_MOM]):
        momentum = min(max(x[_MOM], -1.0), 1.0)
        e[3], e[4] = max(momentum, 0.0), max(-momentum, 0.0)
        present += 1
    if not np.isnan(x[_REV]):
        e[5] = min(abs(x[_REV]), 1.0)
        present += 1
    if not np.isnan(x[_DD]):
        e[6] = min(max(x[_DD] / c[4], 0.0), 1.0)
        present += 1
    if not np.isnan(x[_ROC]):
        change = min(max(x[_ROC] / c[5], -1.0), 1.0)
        e[7], e[8] = max(change, 0.0), max(-change, 0.0)
        present += 1
    logits = np.zeros(out.shape[0])
    for i in range(e.shape[0]):
        for k in range(out.shape[0]):
            logits[k] += c[0] * e[i] * table[i, k]
    softmax_into(logits, out)
    return present / 5.0


class TechnicalVoter:
    """Stateless voter over the indicators of the market's path.

    Examples
    --------
    >>> from janus_trader.brain.cortex.feature_row import ROW, fill_row
    >>> vote = np.zeros(7)
    >>> calm_rise = {"trailing_return": 0.05, "realised_vol": 0.12, "momentum": 0.4, "max_drawdown": 0.01}
    >>> round(TechnicalVoter().vote(fill_row(calm_rise, np.zeros(ROW)), vote), 1), int(vote.argmax())
    (0.6, 0)
    """

    def __init__(self, config: TechnicalVoterConfig | None = None) -> None:
        c = config or TechnicalVoterConfig()
        self.scales = np.array(
            [c.gain, c.trend_bars, c.year_bars, c.trend_scale, c.drawdown_full, c.change_full]
        )

    def vote(self, x: np.ndarray, out: np.ndarray) -> float:
        """Write the vote (7,) for a row; returns its coverage in [0, 1]."""
        return float(technical_vote(x, TECHNICAL_EVIDENCE, self.scales, out))

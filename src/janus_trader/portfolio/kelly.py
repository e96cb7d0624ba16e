"""Tempered Kelly: growth-optimal leverage, halved, capped, trusted only with enough history, with bounded ruin."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config
from janus_trader.portfolio.covariance import RIDGE, checked_covariance


class KellyConfig(Config, frozen=True):
    """Parameters of `kelly_fraction`."""

    fraction: Annotated[float, Meta(gt=0, le=1, description="share of the full Kelly bet")] = 0.5
    confidence: Annotated[float, Meta(gt=0, le=1, description="further discount for estimation error")] = 0.9
    floor: Annotated[float, Meta(ge=0, le=1, description="smallest non-zero bet")] = 0.01
    cap: Annotated[float, Meta(gt=0, le=10, description="largest bet")] = 0.25
    min_observations: Annotated[int, Meta(ge=1, description="observations before any bet")] = 30


def kelly_fraction(mean: float, variance: float, observations: int, config: KellyConfig) -> float:
    r"""Share of capital for one bet with the given mean and variance of returns.

    .. math:: f = \operatorname{clip}\bigl(c\,\lambda\,\mu/\sigma^2,\ f_\min,\ f_\max\bigr)
        \text{ for } \mu > 0, \text{ else } 0

    λ is ``fraction``, c ``confidence``. (μ/σ would be a Sharpe ratio, not a Kelly bet.)

    Parameters
    ----------
    mean, variance : float
        Per period, same period for both.
    observations : int
        How many periods they rest on; below ``min_observations`` the answer is 0.
    config : KellyConfig

    Returns
    -------
    float
        0, or in [floor, cap].

    Notes
    -----
    A mean or variance that is not finite, or a variance that is not positive, gives 0: no bet on what
    is not known. Cost O(1); raises nothing.

    Examples
    --------
    >>> round(kelly_fraction(0.0005, 0.01, 250, KellyConfig()), 6)
    0.0225
    >>> kelly_fraction(-0.0005, 0.01, 250, KellyConfig())
    0.0

    References
    ----------
    Kelly (1956); Thorp (2006), The Kelly criterion in blackjack, sports betting and the stock market.
    """
    if observations < config.min_observations or not (math.isfinite(mean) and math.isfinite(variance)):
        return 0.0
    if mean <= 0.0 or variance <= 0.0:
        return 0.0
    return min(max(config.confidence * config.fraction * mean / variance, config.floor), config.cap)


class DrawdownLimit(NamedTuple):
    """How deep wealth may ever fall below its start, and with what probability it may fall deeper.

    ``depth`` and ``probability`` are in (0, 1): (0.2, 0.05) says that the chance of ever losing 20 % is 5 %.
    """

    depth: float
    probability: float


def drawdown_fraction(limit: DrawdownLimit) -> float:
    r"""Largest share of the full Kelly bet that keeps a `DrawdownLimit`.

    .. math:: P(\inf_t W_t \le 1 - D) = (1 - D)^{2/\lambda - 1} \le \beta
        \iff \lambda \le \frac{2}{1 + \ln\beta / \ln(1 - D)}

    exact for log-normal wealth that is rebalanced continuously, and the second-order form of the
    constraint :math:`E(r^\top w)^{-\lambda} \le 1` of Busseti, Ryu and Boyd.

    Parameters
    ----------
    limit : DrawdownLimit

    Returns
    -------
    float
        In (0, 1]; 1 where the full bet keeps the limit.

    Raises
    ------
    DataError
        Depth or probability outside (0, 1).

    Notes
    -----
    O(1). Fat tails and gaps make drawdowns likelier than this: treat it as an upper bound on the bet.

    Examples
    --------
    >>> round(drawdown_fraction(DrawdownLimit(0.5, 0.125)), 6)
    0.5

    References
    ----------
    MacLean, Thorp & Ziemba (2010); Busseti, Ryu & Boyd (2016), Risk-constrained Kelly gambling.
    """
    if not (0.0 < limit.depth < 1.0 and 0.0 < limit.probability < 1.0):
        raise DataError("unusable drawdown limit", got=limit, expected="depth and probability in (0, 1)")
    return min(1.0, 2.0 / (1.0 + math.log(limit.probability) / math.log1p(-limit.depth)))


def kelly_weights(
    mu: np.ndarray,
    cov: np.ndarray,
    *,
    fraction: float = 0.5,
    gross: float = 1.0,
    drawdown: DrawdownLimit | None = None,
) -> np.ndarray:
    r"""Fractional Kelly for many instruments, scaled down to a gross cap.

    .. math:: w = \lambda\,\Sigma^{-1}\mu \cdot \min\bigl(1,\ G / \lVert \lambda\Sigma^{-1}\mu \rVert_1\bigr)

    Parameters
    ----------
    mu : (n,)
        Expected returns per period.
    cov : (n, n)
        Positive semidefinite; a ridge of 1e-10 of the mean variance is added.
    fraction, gross : float
        λ in (0, 1] and G >= 0.
    drawdown : DrawdownLimit, optional
        Lowers λ to `drawdown_fraction` where that is smaller.

    Returns
    -------
    (n,) array
        Signed weights.

    Notes
    -----
    NaN is refused; no warm-up; cost O(n³) (LAPACK: bit-equality holds on one class of CPU).

    Raises
    ------
    DataError
        See `checked_covariance`; means that do not fit; a fraction, cap or limit out of range.

    Examples
    --------
    >>> kelly_weights(np.array([0.02, 0.0]), np.eye(2) * 0.04).round(6).tolist()
    [0.25, 0.0]

    References
    ----------
    Merton (1969); Thorp (2006).
    """
    matrix = checked_covariance(cov)
    mu = np.asarray(mu, dtype=np.float64)
    if mu.shape != (len(matrix),) or not np.isfinite(mu).all():
        raise DataError("means do not fit the covariance", got=mu, expected=f"({len(matrix)},) finite")
    if not (0.0 < fraction <= 1.0 and gross >= 0.0):
        raise DataError(
            "bad parameters",
            got=f"fraction={fraction}, gross={gross}",
            expected="0 < fraction <= 1, gross >= 0",
        )
    if drawdown is not None:
        fraction = min(fraction, drawdown_fraction(drawdown))
    ridge = RIDGE * np.trace(matrix) / len(matrix)
    bets = fraction * np.linalg.solve(matrix + ridge * np.eye(len(matrix)), mu)
    size = float(np.abs(bets).sum())
    return bets * (gross / size) if size > gross else bets

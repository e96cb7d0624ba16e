"""Value at risk and expected shortfall: historical, normal and Cornish-Fisher, with intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, nctdtrit, ndtri

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.stationary_bootstrap import checked_bootstrap, stationary_indices, uniform_chunks

_FARTHEST = -8.0  # standard deviations; what lies beyond has probability 6e-16


class TailRisk(NamedTuple):
    """Value at risk and expected shortfall as losses, each with an interval (low, high)."""

    value_at_risk: float
    expected_shortfall: float
    value_at_risk_interval: tuple[float, float]
    expected_shortfall_interval: tuple[float, float]


def _losses(returns: np.ndarray, level: float) -> np.ndarray:
    """Losses in descending order."""
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1 or r.size == 0 or not np.isfinite(r).all() or not 0.0 < level < 1.0:
        raise DataError(
            "tail risk needs portfolio returns and a level",
            got=f"shape {r.shape}, level={level}, {int(np.isnan(r).sum())} NaN",
            expected="a non-empty 1-D array of finite returns and 0 < level < 1",
            remedy="drop missing rows; a level of 0.95 leaves the worst 5 %",
        )
    return -np.sort(r)


def _tail_count(n: int, level: float) -> float:
    """(1 - level) n, free of the rounding that would turn 5.000000000000004 into 6 whole losses."""
    count = (1.0 - level) * n
    whole = round(count)
    return float(whole) if abs(count - whole) < 1e-9 * n else count


def value_at_risk(returns: np.ndarray, level: float = 0.95) -> float:
    r"""Historical value at risk: the loss that is exceeded with probability at most ``1 - level``.

    .. math:: \mathrm{VaR} = L_{(\lfloor m \rfloor + 1)}, \quad m = (1 - \text{level})\, T

    with losses :math:`L = -r` in descending order (the lower quantile of the loss distribution).

    Parameters
    ----------
    returns : (T,) array
        Returns of the whole portfolio, as fractions, finite.
    level : float
        In (0, 1).

    Returns
    -------
    float
        A loss as a positive number; negative where even the tail gains.

    Raises
    ------
    DataError
        No returns, one that is not finite, or a level out of range.

    Notes
    -----
    O(T log T).

    Examples
    --------
    >>> value_at_risk(np.array([-0.05, -0.02, 0.0, 0.01, 0.03]), 0.8)
    0.02

    References
    ----------
    Rockafellar & Uryasev (2002), Conditional value-at-risk for general loss distributions.
    """
    losses = _losses(returns, level)
    return float(losses[min(math.floor(_tail_count(losses.size, level)), losses.size - 1)])


def expected_shortfall(returns: np.ndarray, level: float = 0.95) -> float:
    r"""Historical expected shortfall: the mean of the worst ``1 - level`` share of outcomes.

    .. math:: \mathrm{ES} = \frac1m \Big( \sum_{i \le \lfloor m \rfloor} L_{(i)}
              + (m - \lfloor m \rfloor) L_{(\lfloor m \rfloor + 1)} \Big), \quad m = (1-\text{level})\, T

    with losses :math:`L = -r` in descending order; the fractional last loss makes it coherent
    (subadditive) for every T. Never below `value_at_risk`. Parameters, NaN policy and errors as there;
    O(T log T).

    Raises
    ------
    DataError
        As in `value_at_risk`.

    Examples
    --------
    >>> round(expected_shortfall(np.array([-0.05, -0.02, 0.0, 0.01, 0.03]), 0.6), 4)
    0.035

    References
    ----------
    Acerbi & Tasche (2002), On the coherence of expected shortfall.
    """
    losses = _losses(returns, level)
    count = _tail_count(losses.size, level)
    whole = math.floor(count)
    partial = (count - whole) * losses[whole] if count > whole else 0.0
    return float((losses[:whole].sum() + partial) / count)


def _interval_quantile(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ConfigError("no such confidence", got=confidence, expected="0 < confidence < 1")
    return float(ndtri(0.5 + 0.5 * confidence))


def _order_interval(losses: np.ndarray, level: float, confidence: float) -> tuple[float, float]:
    """Order statistics around the quantile: the number of losses above it is binomial."""
    n, tail = losses.size, 0.5 * (1.0 - confidence)
    # ways[k] = P(at most k losses exceed the quantile); the bounds are the k-th largest losses
    ways = bdtr(np.arange(n + 1, dtype=np.float64), n, 1.0 - level)
    above = int(np.searchsorted(ways, tail, side="right"))  # P(fewer than `above` exceed it) <= tail
    below = int(np.searchsorted(ways, 1.0 - tail, side="left")) + 1  # P(at least `below` exceed it) <= tail
    high = float(losses[above - 1]) if above >= 1 else math.inf
    low = float(losses[below - 1]) if below <= n else -math.inf
    return low, high


def historical_tail_risk(returns: np.ndarray, level: float = 0.95, confidence: float = 0.95) -> TailRisk:
    r"""Historical value at risk and expected shortfall with intervals for independent returns.

    The interval of the first is that of order statistics, valid for every continuous law and T: infinite
    where the sample is too short to bound the quantile. That of the second is asymptotic:

    .. math:: \widehat{\mathrm{ES}} \pm \Phi^{-1}\big(\tfrac{1+c}{2}\big)
              \sqrt{\frac{s^2_\text{tail} + \text{level}\,(\mathrm{ES} - \mathrm{VaR})^2}{(1-\text{level})\,T}}

    with :math:`s^2_\text{tail}` the variance of the losses beyond value at risk. Arguments as in
    `value_at_risk`, ``confidence`` c in (0, 1). Dependent returns make both too narrow. O(T log T).

    Raises
    ------
    DataError
        As in `value_at_risk`.
    ConfigError
        ``confidence`` out of range.

    Examples
    --------
    >>> risk = historical_tail_risk(np.random.default_rng(0).standard_normal(5000), 0.95)
    >>> low, high = risk.value_at_risk_interval
    >>> bool(low < 1.645 < high), bool(high - low < 0.2)
    (True, True)

    References
    ----------
    David & Nagaraja (2003), Order statistics, section 7.1; Manistre & Hancock (2005), Variance of the
    CTE estimator, North American Actuarial Journal 9.
    """
    quantile = _interval_quantile(confidence)
    losses = _losses(returns, level)
    var, es = value_at_risk(returns, level), expected_shortfall(returns, level)
    tail = losses[: max(1, math.ceil(_tail_count(losses.size, level)))]
    variance = (float(tail.var()) + level * (es - var) ** 2) / ((1.0 - level) * losses.size)
    half = quantile * math.sqrt(variance)
    return TailRisk(var, es, _order_interval(losses, level, confidence), (es - half, es + half))


def gaussian_tail_risk(returns: np.ndarray, level: float = 0.95, confidence: float = 0.95) -> TailRisk:
    r"""Value at risk and expected shortfall of the normal law fitted to the returns.

    .. math:: \mathrm{VaR} = -\bar r + s\,z, \quad \mathrm{ES} = -\bar r + s\,\frac{\varphi(z)}{1 - \text{level}},
              \quad z = \Phi^{-1}(\text{level})

    Understates both for heavy tails. Arguments as in `historical_tail_risk`, at least two returns. The
    intervals are exact for independent normal returns: with q the factor of s,
    :math:`\sqrt T\,(\mathrm{VaR} + \bar r)/s` at the true values has a noncentral t law with T - 1
    degrees of freedom and noncentrality :math:`q \sqrt T`. O(T).

    Raises
    ------
    DataError
        As in `value_at_risk`, or fewer than two returns.
    ConfigError
        ``confidence`` out of range.

    Examples
    --------
    >>> risk = gaussian_tail_risk(np.array([-1.0, 0.0, 1.0]), 0.95)
    >>> round(risk.value_at_risk, 4), round(risk.expected_shortfall, 4)
    (1.6449, 2.0627)

    References
    ----------
    McNeil, Frey & Embrechts (2015), Quantitative Risk Management, section 2.3.
    """
    _interval_quantile(confidence)
    losses = _losses(returns, level)
    if losses.size < 2:
        raise DataError("a normal law needs two returns", got=losses.size, expected="T >= 2")
    mean, s = float(losses.mean()), float(losses.std(ddof=1))
    root = math.sqrt(losses.size)
    tails = np.array([0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence])
    z = float(ndtri(level))
    factors = z, _density(z) / (1.0 - level)
    ends = [(mean + s / root * nctdtrit(losses.size - 1.0, q * root, tails)).tolist() for q in factors]
    return TailRisk(mean + s * factors[0], mean + s * factors[1], tuple(ends[0]), tuple(ends[1]))


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def _cornish_fisher(returns: np.ndarray, level: float) -> np.ndarray:
    """Value at risk, expected shortfall and 1 where the expansion is monotone in the tail, per row."""
    mean = returns.mean(axis=-1)
    e = returns - mean[..., None]
    m2 = np.mean(e * e, axis=-1)
    s = np.sqrt(m2 * returns.shape[-1] / (returns.shape[-1] - 1.0))
    scale = np.where(m2 > 0.0, m2, 1.0)
    skew, excess = np.mean(e**3, axis=-1) / scale**1.5, np.mean(e**4, axis=-1) / scale**2 - 3.0
    a, b, c = excess / 24.0 - skew**2 / 18.0, skew / 6.0, 1.0 - excess / 8.0 + 5.0 * skew**2 / 36.0
    z = float(ndtri(1.0 - level))
    # w(z) = a z^3 + b z^2 + c z - b, as the moments of a normal law cut off above z are known
    quantile = ((a * z + b) * z + c) * z - b
    ratio = _density(z) / (1.0 - level)
    shortfall = -a * ratio * (z * z + 2.0) + b * (1.0 - z * ratio) - c * ratio - b
    # w' = 3 a z^2 + 2 b z + c must not fall below 0 in the tail: at its ends or at its vertex
    vertex = np.clip(-b / np.where(a == 0.0, np.inf, 3.0 * a), _FARTHEST, z)
    slopes = [(3.0 * a * at + 2.0 * b) * at + c for at in (_FARTHEST, vertex, z)]
    return np.stack([-mean - s * quantile, -mean - s * shortfall, np.min(slopes, axis=0) >= 0.0])


def cornish_fisher_tail_risk(
    returns: np.ndarray,
    level: float = 0.95,
    confidence: float = 0.95,
    *,
    generator: np.random.Generator,
    n_samples: int = 1000,
    mean_block: float = 1.0,
) -> TailRisk:
    r"""Value at risk and expected shortfall corrected for skewness and kurtosis.

    .. math:: w(z) = z + (z^2 - 1) \frac{S}{6} + (z^3 - 3z) \frac{K}{24} - (2z^3 - 5z) \frac{S^2}{36}, \qquad
              \mathrm{VaR} = -\bar r - s\,w(z_\alpha), \qquad
              \mathrm{ES} = -\bar r - \frac{s}{\alpha} \int_{-\infty}^{z_\alpha} w(z)\,\varphi(z)\,dz

    with α = 1 - level, skewness S and excess kurtosis K (population moments). Intervals are percentiles
    over stationary-bootstrap resamples.

    Parameters
    ----------
    returns, level, confidence
        As in `historical_tail_risk`; T >= 4, not constant, and ``level`` >= 0.5.
    generator : numpy Generator
        The only source of randomness; decides the intervals alone.
    n_samples, mean_block : int, float
        Resamples, >= 2, and their mean block length, >= 1.

    Returns
    -------
    TailRisk

    Notes
    -----
    O(T) and O(n_samples T) for the intervals; memory O(1e6 + T).

    Raises
    ------
    DataError
        As in `value_at_risk`; too few or constant returns; or moments for which w falls somewhere between
        z = -8 and the level, where the expansion is no quantile function.
    ConfigError
        ``confidence`` out of range.

    Examples
    --------
    >>> r = np.random.default_rng(0).standard_t(8, 2000)
    >>> risk = cornish_fisher_tail_risk(r, 0.99, generator=np.random.default_rng(1))
    >>> risk.value_at_risk > gaussian_tail_risk(r, 0.99).value_at_risk
    True

    References
    ----------
    Cornish & Fisher (1937); Maillard (2012), A user's guide to the Cornish Fisher expansion.
    """
    _interval_quantile(confidence)
    losses = _losses(returns, level)
    checked_bootstrap(losses.size, n_samples, mean_block)
    r = np.asarray(returns, dtype=np.float64)
    if r.size < 4 or np.ptp(r) == 0.0 or level < 0.5:
        raise DataError(
            "no Cornish-Fisher expansion",
            got=f"{r.size} returns, range {np.ptp(r):g}, level {level}",
            expected="at least 4 returns that are not all equal, and level >= 0.5",
        )
    var, es, monotone = (float(v) for v in _cornish_fisher(r, level))
    if not monotone:
        raise DataError(
            "the Cornish-Fisher expansion is no quantile function here",
            got="a skewness that does not go with the kurtosis",
            expected="an expansion that rises throughout the tail",
            remedy="use historical_tail_risk",
        )
    parts = [
        _cornish_fisher(r[stationary_indices(u, mean_block)], level)[:2]
        for u in uniform_chunks(n_samples, r.size, generator)
    ]
    tails = 0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence
    (v_low, v_high), (e_low, e_high) = np.quantile(np.concatenate(parts, axis=1), tails, axis=1).T.tolist()
    return TailRisk(var, es, (v_low, v_high), (e_low, e_high))

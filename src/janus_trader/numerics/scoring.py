"""Scores of probability forecasts: CRPS, logarithmic and Brier score, and calibration."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from janus_trader.contracts.errors import ConfigError, DataError


class BrierScore(NamedTuple):
    """Brier score and its exact parts: reliability - resolution + uncertainty + within.

    ``within`` collects what binning hides (variance of the forecasts in a bin less twice their covariance
    with the outcomes); it is 0 where each bin holds one forecast value.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


class ReliabilityCurve(NamedTuple):
    """Mean forecast, observed frequency and number of cases of each bin that has any, (B,) each."""

    forecast: np.ndarray
    frequency: np.ndarray
    cases: np.ndarray

    @property
    def expected_error(self) -> float:
        """Expected calibration error: |forecast - frequency|, weighted by the number of cases."""
        return float(np.average(np.abs(self.forecast - self.frequency), weights=self.cases))


def _arrays(*values: np.ndarray) -> list[np.ndarray]:
    try:
        out = [np.asarray(v, dtype=np.float64) for v in np.broadcast_arrays(*values)]
    except ValueError as error:
        shapes = [np.shape(v) for v in values]
        raise DataError(
            "forecasts and outcomes differ in shape", got=shapes, expected="equal shapes"
        ) from error
    if out[0].size == 0 or not all(np.isfinite(v).all() for v in out):
        raise DataError(
            "a score needs forecasts and outcomes",
            got=f"shape {out[0].shape}, {sum(int((~np.isfinite(v)).sum()) for v in out)} not finite",
            expected="non-empty arrays of finite numbers",
            remedy="drop the cases that have no outcome yet",
        )
    return out


def _binary(probability: np.ndarray, outcome: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, y = (v.ravel() for v in _arrays(probability, outcome))
    if p.min() < 0.0 or p.max() > 1.0 or not np.isin(y, (0.0, 1.0)).all():
        raise DataError(
            "not a forecast of a binary event",
            got=f"probabilities in [{p.min():g}, {p.max():g}], outcomes in [{y.min():g}, {y.max():g}]",
            expected="probabilities in [0, 1] and outcomes 0 or 1",
        )
    return p, y


def crps_ensemble(forecasts: np.ndarray, outcomes: np.ndarray, *, fair: bool = False) -> np.ndarray:
    r"""Continuous ranked probability score of ensembles.

    .. math:: \mathrm{CRPS} = \frac1M \sum_i |x_i - y| - \frac{1}{2 M^2} \sum_{i,j} |x_i - x_j|
              = \int \big(F(z) - 1\{z \ge y\}\big)^2 dz

    Parameters
    ----------
    forecasts : (..., M) array
        Members or draws, finite.
    outcomes : (...) array
        What happened.
    fair : bool
        Divide the second sum by 2 M (M - 1): unbiased for draws from the forecast; needs M >= 2.

    Returns
    -------
    (...) array
        In the unit of the outcome, >= 0 (fair: may be below), smaller is better; one member gives |x - y|.

    Notes
    -----
    O(M log M) a case.

    Raises
    ------
    DataError
        Shapes that do not fit or a value that is not finite.

    Examples
    --------
    >>> crps_ensemble(np.array([[0.0, 2.0], [1.0, 1.0]]), np.array([1.0, 3.0])).tolist()
    [0.5, 2.0]

    References
    ----------
    Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102.
    """
    x, y = np.asarray(forecasts, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if x.ndim < 1 or x.shape[:-1] != y.shape or x.shape[-1] < (2 if fair else 1):
        raise DataError(
            "ensemble and outcomes do not fit",
            got=f"{x.shape} and {y.shape}",
            expected="(..., M) forecasts for (...) outcomes, M >= 1 (fair: 2)",
        )
    x, y = _arrays(x, y[..., None])
    m = x.shape[-1]
    rank = 2.0 * np.arange(1, m + 1) - m - 1.0
    spread = np.sort(x, axis=-1) @ rank  # half the double sum
    return np.abs(x - y).mean(axis=-1) - spread / (m * (m - 1) if fair else m * m)


def crps_gaussian(mean: np.ndarray, std: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    r"""Continuous ranked probability score of normal forecasts, in closed form.

    .. math:: \sigma \Big[ z (2 \Phi(z) - 1) + 2 \varphi(z) - \tfrac{1}{\sqrt\pi} \Big],
              \qquad z = (y - \mu)/\sigma

    Arguments broadcast; ``std`` > 0. Result in the unit of the outcome, >= 0. O(1) a case.

    Raises
    ------
    DataError
        A value that is not finite or a deviation that is not positive.

    Examples
    --------
    >>> round(float(crps_gaussian(0.0, 1.0, 0.0)), 6)
    0.233695

    References
    ----------
    Gneiting, Raftery, Westveld & Goldman (2005), Calibrated probabilistic forecasting, MWR 133.
    """
    mu, sigma, y = _normal(mean, std, outcomes)
    z = (y - mu) / sigma
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return sigma * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))


def _normal(mean: np.ndarray, std: np.ndarray, outcomes: np.ndarray) -> list[np.ndarray]:
    out = _arrays(mean, std, outcomes)
    if out[1].min() <= 0.0:
        raise DataError("a normal forecast needs a deviation", got=float(out[1].min()), expected="std > 0")
    return out


def log_score_gaussian(mean: np.ndarray, std: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    r"""Logarithmic score of normal forecasts: minus the log density of the outcome, in nats.

    .. math:: \tfrac12 \ln(2\pi\sigma^2) + \tfrac12 (y - \mu)^2/\sigma^2

    Arguments broadcast; smaller is better. O(1) a case.

    Raises
    ------
    DataError
        As `crps_gaussian`.

    Examples
    --------
    >>> round(float(log_score_gaussian(0.0, 1.0, 0.0)), 6)
    0.918939

    References
    ----------
    Good (1952), Rational decisions, JRSS B 14.
    """
    mu, sigma, y = _normal(mean, std, outcomes)
    return 0.5 * math.log(2.0 * math.pi) + np.log(sigma) + 0.5 * ((y - mu) / sigma) ** 2


def log_score(probability: np.ndarray, outcome: np.ndarray, floor: float = 1e-12) -> float:
    r"""Mean logarithmic score of forecasts of a binary event, in nats.

    .. math:: -\tfrac1T \sum_t \ln \max\big(\varepsilon,\; p_t^{y_t} (1 - p_t)^{1 - y_t}\big)

    ``probability`` (T,) in [0, 1], ``outcome`` (T,) of 0 and 1. A certainty that proved wrong costs
    :math:`-\ln\varepsilon` instead of infinity. Smaller is better. O(T).

    Raises
    ------
    DataError
        Not such arrays.
    ConfigError
        ``floor`` not in (0, 0.5).

    Examples
    --------
    >>> round(log_score(np.array([0.5, 0.5]), np.array([0, 1])), 6)
    0.693147

    References
    ----------
    Good (1952), Rational decisions, JRSS B 14.
    """
    if not 0.0 < floor < 0.5:
        raise ConfigError("the floor under a probability is not usable", got=floor, expected="in (0, 0.5)")
    p, y = _binary(probability, outcome)
    return float(-np.mean(np.log(np.maximum(np.where(y == 1.0, p, 1.0 - p), floor))))


def _bins(p: np.ndarray, n_bins: int | None) -> np.ndarray:
    """Bin number of each forecast: equal widths of [0, 1], or one bin for each distinct forecast."""
    if n_bins is None:
        return np.unique(p, return_inverse=True)[1]
    if n_bins < 1:
        raise ConfigError("too few bins", got=n_bins, expected="n_bins >= 1")
    return np.minimum((p * n_bins).astype(np.int64), n_bins - 1)


def reliability_curve(
    probability: np.ndarray, outcome: np.ndarray, n_bins: int | None = 10
) -> ReliabilityCurve:
    """Observed frequency against forecast probability, in bins of equal width.

    Parameters
    ----------
    probability, outcome : (T,) arrays
        In [0, 1], and 0 or 1.
    n_bins : int, optional
        Bins of [0, 1], >= 1; None: one for each distinct forecast. Empty bins are left out.

    Returns
    -------
    ReliabilityCurve
        A calibrated forecast lies on the diagonal.

    Notes
    -----
    O(T), with None O(T log T).

    Raises
    ------
    DataError
        Not such arrays.
    ConfigError
        ``n_bins`` < 1.

    Examples
    --------
    >>> c = reliability_curve(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0, 0, 1, 0]), 2)
    >>> c.forecast.tolist(), c.frequency.tolist(), round(c.expected_error, 3)
    ([0.2, 0.8], [0.0, 0.5], 0.25)

    References
    ----------
    Murphy & Winkler (1977), Reliability of subjective probability forecasts, Applied Statistics 26.
    """
    p, y = _binary(probability, outcome)
    where = _bins(p, n_bins)
    count = np.bincount(where)
    used = count > 0
    forecast, frequency = (np.bincount(where, v)[used] / count[used] for v in (p, y))
    return ReliabilityCurve(forecast, frequency, count[used])


def brier_score(probability: np.ndarray, outcome: np.ndarray, n_bins: int | None = None) -> BrierScore:
    r"""Brier score of forecasts of a binary event, and Murphy's decomposition.

    .. math:: \tfrac1T \sum_t (p_t - y_t)^2 = \underbrace{\textstyle\sum_b \tfrac{n_b}{T}
              (\bar p_b - \bar y_b)^2}_\text{reliability} - \underbrace{\textstyle\sum_b \tfrac{n_b}{T}
              (\bar y_b - \bar y)^2}_\text{resolution} + \underbrace{\bar y (1 - \bar y)}_\text{uncertainty}
              + \text{within}

    Parameters
    ----------
    probability, outcome : (T,) arrays
        In [0, 1], and 0 or 1.
    n_bins : int, optional
        Bins of equal width; None: one for each distinct forecast, Murphy's own case, where ``within`` is 0.

    Returns
    -------
    BrierScore
        In [0, 1], smaller is better; the parts add up to the score for every binning.

    Notes
    -----
    O(T log T).

    Raises
    ------
    DataError
        Not such arrays.
    ConfigError
        ``n_bins`` < 1.

    Examples
    --------
    >>> b = brier_score(np.array([0.25, 0.25, 0.75, 0.75]), np.array([0, 0, 1, 0]))
    >>> b.score, b.reliability, b.resolution, b.uncertainty
    (0.1875, 0.0625, 0.0625, 0.1875)

    References
    ----------
    Murphy (1973), A new vector partition of the probability score; Stephenson, Coelho & Jolliffe (2008),
    Two extra components in the Brier score decomposition.
    """
    p, y = _binary(probability, outcome)
    curve = reliability_curve(p, y, n_bins)
    share, base = curve.cases / p.size, float(y.mean())
    reliability = float(share @ (curve.forecast - curve.frequency) ** 2)
    resolution = float(share @ (curve.frequency - base) ** 2)
    uncertainty = base * (1.0 - base)
    where = np.unique(_bins(p, n_bins), return_inverse=True)[1]
    excess = p - curve.forecast[where]
    within = float(np.mean(excess * (excess - 2.0 * (y - curve.frequency[where]))))
    return BrierScore(float(np.mean((p - y) ** 2)), reliability, resolution, uncertainty, within)

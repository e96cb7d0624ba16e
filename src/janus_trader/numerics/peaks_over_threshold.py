"""Peaks over threshold: quantiles far out in a tail, from the generalised Pareto law of its excesses."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError

#: Fewest excesses a tail is fitted on, and the share of a long sample that counts as its tail.
LEAST_EXCESSES, TAIL_SHARE = 30, 0.05


class ParetoTail(NamedTuple):
    """A tail: values above ``threshold`` make up ``share`` of the sample; shape xi, scale beta > 0."""

    threshold: float
    share: float
    shape: float
    scale: float

    def quantile(self, rate: float) -> float:
        """Value exceeded with probability ``rate``, at most ``share``."""
        ratio = self.share / rate
        if abs(self.shape) < 1e-9:
            return self.threshold + self.scale * math.log(ratio)
        return self.threshold + self.scale / self.shape * (ratio**self.shape - 1.0)


def fit_pareto_tail(values: np.ndarray) -> ParetoTail:
    r"""Generalised Pareto law of the excesses over a high threshold, by probability-weighted moments.

    .. math:: P(X - u > y \mid X > u) = (1 + \xi y / \beta)^{-1/\xi}, \qquad
              \xi = 2 - \frac{a_0}{a_0 - 2 a_1}, \quad \beta = \frac{2 a_0 a_1}{a_0 - 2 a_1}

    with :math:`a_0` the mean excess and :math:`a_1` the mean of excesses weighted by their empirical
    probability of being exceeded. The threshold leaves 5 % of the values above it, 30 of them at least.

    Parameters
    ----------
    values : (n,) array
        At least 60 finite values.

    Returns
    -------
    ParetoTail
        Where the excesses do not vary the scale is 0: every quantile is the threshold. O(n log n).

    Raises
    ------
    DataError
        Too few values, or one that is not finite.

    Examples
    --------
    >>> x = -np.log(1.0 - (np.arange(4000) + 0.5) / 4000)  # quantiles of the exponential law
    >>> round(fit_pareto_tail(x).quantile(1e-3), 1)  # its own is 6.9
    6.9

    References
    ----------
    Hosking, J. R. M. & Wallis, J. R. (1987). Parameter and quantile estimation for the generalized Pareto
    distribution. Technometrics 29. McNeil, A. & Frey, R. (2000). J. Empirical Finance 7.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    n = x.size
    if x.ndim != 1 or n < 2 * LEAST_EXCESSES or not math.isfinite(x[0] + x[-1]) or np.isnan(x).any():
        raise DataError(
            "no tail can be fitted to these values",
            got=f"shape {x.shape}",
            expected=f"at least {2 * LEAST_EXCESSES} finite values",
        )
    k = max(LEAST_EXCESSES, int(TAIL_SHARE * n))
    threshold = 0.5 * float(x[n - k - 1] + x[n - k])
    excess = x[n - k :] - threshold
    a0 = float(excess.mean())
    a1 = float(np.mean(excess * (1.0 - (np.arange(1, k + 1) - 0.35) / k)))
    between = a0 - 2.0 * a1
    if a0 <= 0.0 or between <= 0.0:
        return ParetoTail(threshold, k / n, 0.0, 0.0)
    # beyond 0.9 the law has almost no mean and the moments say nothing of it any more
    shape = min(0.9, 2.0 - a0 / between)
    return ParetoTail(threshold, k / n, shape, a0 * (1.0 - shape))


def tail_quantiles(values: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Values exceeded at the given rates, for rates inside and outside the sample's reach.

    Where at least 30 values of the sample lie beyond it, a quantile is that of the sample (so placed
    that the next value of an exchangeable sequence exceeds it at the stated rate); further out it is that of
    `fit_pareto_tail`. Larger for smaller rates.

    Parameters
    ----------
    values : (n,) array
        As in `fit_pareto_tail`.
    rates : (m,) array
        In (0, 0.5], descending.

    Raises
    ------
    DataError
        As `fit_pareto_tail`; or rates that are not usable.

    Examples
    --------
    >>> x = np.random.default_rng(0).exponential(size=4000)
    >>> tail_quantiles(x, np.array([0.1, 0.0001])).round(1).tolist()  # 2.3 and 9.2 in the limit
    [2.3, 10.3]
    """
    rates = np.asarray(rates, dtype=np.float64)
    if not (((rates > 0.0) & (rates <= 0.5)).all() and (np.diff(rates) <= 0.0).all()):
        raise DataError(
            "rates of a tail are not usable", got=rates.tolist(), expected="in (0, 0.5], descending"
        )
    x = np.asarray(values, dtype=np.float64)
    tail = fit_pareto_tail(x)
    out = np.empty(rates.size)
    for i, rate in enumerate(rates):
        if rate * x.size >= LEAST_EXCESSES and rate > tail.share:
            out[i] = np.quantile(x, 1.0 - rate, method="weibull")
        else:
            out[i] = tail.quantile(min(rate, tail.share))
    return np.maximum.accumulate(out)

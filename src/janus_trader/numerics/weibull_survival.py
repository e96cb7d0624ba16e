"""Weibull regression for lifetimes, right-censored ones included."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from janus_trader.contracts.errors import DataError, Infeasible

_MOST_STEPS = 100
_TOLERANCE = 1e-9


class WeibullSurvival(NamedTuple):
    """A fitted law: ``coefficients`` (d + 1,), the intercept first; ``shape`` k; their ``covariance``.

    ``covariance`` (d + 2, d + 2) is of (coefficients, log k), the inverse information.
    """

    coefficients: np.ndarray
    shape: float
    covariance: np.ndarray

    def survival(self, time: np.ndarray | float, x: np.ndarray) -> np.ndarray:
        """Probability of living longer than ``time``, for covariates (..., d)."""
        scale = np.exp(self.coefficients[0] + np.asarray(x) @ self.coefficients[1:])
        return np.exp(-((np.asarray(time) / scale) ** self.shape))

    def hazard_ratio(self) -> np.ndarray:
        """Factor of the hazard per unit of each covariate, (d,): ``exp(-k beta)``."""
        return np.exp(-self.shape * self.coefficients[1:])


def weibull_log_likelihood(
    theta: np.ndarray, time: np.ndarray, event: np.ndarray, x: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    r"""Mean log-likelihood with gradient and Hessian at ``theta`` = (coefficients, log k).

    .. math:: \ell = \sum_i d_i (\log k + z_i - \log t_i) - e^{z_i}, \qquad z_i = k (\log t_i - x_i^\top\beta)

    with :math:`d_i` 1 for a death and 0 for a lifetime cut off. ``x`` (n, d + 1) has ones in front. O(n d^2).
    """
    k, n = math.exp(theta[-1]), len(time)
    log_time = np.log(time)
    z = k * (log_time - x @ theta[:-1])
    grown = np.exp(np.minimum(z, 700.0))
    residual = event - grown
    value = float(np.sum(event * (theta[-1] + z - log_time) - grown)) / n
    gradient = np.append(-k * (x.T @ residual), np.sum(event + z * residual)) / n
    d = len(theta)
    hessian = np.empty((d, d))
    hessian[:-1, :-1] = -k * k * (x.T * grown) @ x
    hessian[:-1, -1] = hessian[-1, :-1] = k * (x.T @ (z * grown - residual))
    hessian[-1, -1] = np.sum(z * residual - z * z * grown)
    return value, gradient, hessian / n


def fit_weibull(time: np.ndarray, event: np.ndarray, x: np.ndarray, ridge: float = 1e-6) -> WeibullSurvival:
    r"""Maximum-likelihood Weibull regression (accelerated life and proportional hazards at once).

    .. math:: P(T > t \mid x) = \exp\!\big(-(t / e^{\beta_0 + x^\top \beta})^k\big)

    Parameters
    ----------
    time : (n,) array
        Lifetimes > 0; of those cut off, the time until then.
    event : (n,) array of bool
        False where the lifetime was cut off (right censoring, not caused by the covariates' noise).
    x : (n, d) array
        Covariates, d may be 0.
    ridge : float
        Penalty on the coefficients of the covariates in units of their deviations, >= 0.

    Returns
    -------
    WeibullSurvival
        By Newton's method with halved steps, on standardised covariates. O(n d^2) a step, some ten steps.

    Raises
    ------
    DataError
        Shapes that do not fit, values that are not usable, or fewer than d + 2 deaths.
    Infeasible
        The likelihood has no maximum (a covariate that tells deaths apart perfectly).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((4000, 1))
    >>> life = np.exp(1.0 + 0.5 * x[:, 0]) * rng.weibull(1.5, 4000)
    >>> fit = fit_weibull(np.minimum(life, 4.0), life <= 4.0, x)
    >>> fit.coefficients.round(1).tolist(), round(fit.shape, 1)
    ([1.0, 0.5], 1.5)

    References
    ----------
    Kalbfleisch, J. D. & Prentice, R. L. (2002). The Statistical Analysis of Failure Time Data, chapter 3.
    Lo, A., MacKinlay, A. & Zhang, J. (2002). Econometric models of limit-order executions. J. Financial Economics 65.
    """
    time, event, x = np.asarray(time, float), np.asarray(event, bool), np.asarray(x, float)
    n = time.size
    fits = time.shape == event.shape == (n,) and x.ndim == 2 and len(x) == n
    if not (fits and np.isfinite(time).all() and (time > 0.0).all() and np.isfinite(x).all()):
        raise DataError(
            "lifetimes are not usable",
            got=f"time {time.shape}, event {event.shape}, x {x.shape}",
            expected="(n,), (n,) and (n, d); times finite and > 0, covariates finite",
        )
    if event.sum() < x.shape[1] + 2:
        raise DataError("too few deaths for a fit", got=int(event.sum()), expected=f">= {x.shape[1] + 2}")
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation[deviation <= 1e-12 * (1.0 + np.abs(mean))] = np.inf  # what does not vary explains nothing
    design = np.column_stack([np.ones(n), (x - mean) / deviation])
    theta = np.zeros(design.shape[1] + 1)
    theta[0] = math.log(time.sum() / event.sum())
    theta, hessian = _climb(theta, time, event.astype(float), design, ridge)
    # back to the units of the covariates
    back = np.diag(np.append(np.append(1.0, 1.0 / deviation), 1.0))
    back[0, 1:-1] = -mean / deviation
    covariance = back @ np.linalg.inv(-hessian * n) @ back.T
    return WeibullSurvival((back @ theta)[:-1], math.exp(theta[-1]), covariance)


def _climb(
    theta: np.ndarray, time: np.ndarray, event: np.ndarray, x: np.ndarray, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    penalty = np.full(theta.size, max(ridge, 1e-9))
    penalty[0] = penalty[-1] = 0.0

    def at(point: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        value, gradient, hessian = weibull_log_likelihood(point, time, event, x)
        return (
            value - 0.5 * float(penalty @ point**2), gradient - penalty * point, hessian - np.diag(penalty)
        )  # fmt: skip

    value, gradient, hessian = at(theta)
    for _ in range(_MOST_STEPS):
        curvature = -hessian
        lift = max(0.0, 1e-9 - float(np.linalg.eigvalsh(curvature)[0]))
        step = np.linalg.solve(curvature + 2.0 * lift * np.eye(theta.size), gradient)
        length = 1.0
        while length > 1e-10:
            candidate = at(theta + length * step)
            if candidate[0] >= value + 1e-4 * length * float(gradient @ step):
                break
            length *= 0.5
        theta = theta + length * step
        value, gradient, hessian = candidate
        if np.abs(gradient).max() < _TOLERANCE:
            return theta, hessian
    if np.abs(gradient).max() < 1e-5:
        return theta, hessian
    raise Infeasible("the likelihood of these lifetimes has no maximum", got=f"log k = {theta[-1]:.3g}")

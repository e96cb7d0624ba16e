"""Bayesian model averaging: weights of models from the evidence, streaming, with forgetting."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.streaming import StreamingKernel


def model_weights(log_evidence: np.ndarray, prior: np.ndarray | None = None) -> np.ndarray:
    r"""Posterior probabilities of models from their log evidence.

    .. math:: w_k = \pi_k e^{\ell_k} \Big/ \sum_j \pi_j e^{\ell_j}

    Parameters
    ----------
    log_evidence : (K,) array
        Log marginal likelihoods of the same data; minus infinity rules a model out.
    prior : (K,) array, optional
        Weights >= 0 with a positive sum; default equal.

    Returns
    -------
    (K,) array
        Sums to 1. A common constant added to ``log_evidence`` changes nothing, however large.

    Notes
    -----
    O(K).

    Raises
    ------
    DataError
        Shapes that do not fit, NaN or +inf, a bad prior, or no model left.

    Examples
    --------
    >>> model_weights(np.log([0.2, 0.6]) - 5000.0).round(6).tolist()
    [0.25, 0.75]

    References
    ----------
    Hoeting, Madigan, Raftery & Volinsky (1999), Bayesian model averaging: a tutorial.
    """
    score = np.asarray(log_evidence, dtype=np.float64)
    weight = np.ones(score.shape) if prior is None else np.asarray(prior, dtype=np.float64)
    valid = score.ndim == 1 and score.size > 0 and weight.shape == score.shape
    valid = valid and bool((score < np.inf).all() and (weight >= 0.0).all() and (weight < np.inf).all())
    alive = (weight > 0.0) & (score > -np.inf) if valid else np.zeros(1, bool)
    if not alive.any():
        raise DataError(
            "no model can be weighted",
            got=f"log evidence {score}, prior {weight}",
            expected="(K,) numbers below +inf and a prior >= 0 that leaves some model",
        )
    out = np.zeros(score.size)
    out[alive] = weight[alive] * np.exp(score[alive] - score[alive].max())
    return out / out.sum()


def mixture_moments(weights: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    r"""Mean and variance of a mixture of forecasts.

    .. math:: \mu = \sum_k w_k \mu_k, \qquad \sigma^2 = \sum_k w_k \sigma_k^2 + \sum_k w_k (\mu_k - \mu)^2

    The second term is the doubt about the model. All (K,), finite; weights >= 0 with sum 1, variances
    >= 0. O(K).

    Raises
    ------
    DataError
        Not such arrays.

    Examples
    --------
    >>> mixture_moments(np.array([0.5, 0.5]), np.array([-1.0, 1.0]), np.array([1.0, 3.0]))
    (0.0, 3.0)

    References
    ----------
    Hoeting et al. (1999), eq. (3) and (4).
    """
    w, m, v = (np.asarray(a, dtype=np.float64) for a in (weights, means, variances))
    valid = w.ndim == 1 and w.shape == m.shape == v.shape and w.size > 0
    valid = valid and bool(np.isfinite(m).all() and np.isfinite(v).all() and (v >= 0.0).all())
    if not (valid and (w >= 0.0).all() and abs(w.sum() - 1.0) < 1e-9):
        raise DataError(
            "not a mixture of forecasts",
            got=f"weights {w}, shapes {m.shape} and {v.shape}",
            expected="(K,) weights >= 0 of sum 1, finite means, variances >= 0",
        )
    mean = float(w @ m)
    return mean, float(w @ v + w @ (m - mean) ** 2)


def bma_dtype(models: int) -> np.dtype:
    """State of `BayesianModelAverage`.

    >>> bma_dtype(3)["weights"].shape
    (3,)
    """
    return np.dtype([("n", "i8"), ("weights", "f8", (models,))])


@njit(cache=True)
def bma_step(s: Any, density: np.ndarray, forgetting: float, share: float, out: np.ndarray) -> None:
    """Log predictive densities of one outcome into a record of `bma_dtype`; weights to ``out``. O(K)."""
    models = density.shape[0]
    top, valid = -np.inf, True
    for k in range(models):
        valid = valid and density[k] < np.inf  # false for NaN
        top = max(top, density[k]) if valid else top
    if valid and top > -np.inf:
        total, before = 0.0, 0.0
        for k in range(models):
            out[k] = s.weights[k] ** forgetting if s.n > 0 else 1.0
            before += out[k]
        for k in range(models):
            likelihood = math.exp(density[k] - top)
            out[k] = ((1.0 - share) * out[k] / before + share / models) * likelihood
            total += out[k]
        if total > 0.0:  # else the outcome is impossible for every model that still has weight
            for k in range(models):
                s.weights[k] = out[k] / total
            s.n += 1
    for k in range(models):
        out[k] = s.weights[k] if s.n > 0 else np.nan


@njit(cache=True)
def _update(states: np.ndarray, x: np.ndarray, forgetting: float, share: float) -> np.ndarray:
    out = np.empty(x.shape[0])
    bma_step(states[0], x, forgetting, share, out)
    return out


@njit(cache=True)
def _scan(states: np.ndarray, xs: np.ndarray, forgetting: float, share: float) -> np.ndarray:
    out = np.empty(xs.shape)
    for t in range(xs.shape[0]):
        bma_step(states[0], xs[t], forgetting, share, out[t])
    return out


class BayesianModelAverage(StreamingKernel):
    r"""Weights of K models after each outcome, with forgetting.

    .. math:: \tilde w_k = (1 - c)\, \frac{w_{t-1,k}^{\alpha}}{\sum_j w_{t-1,j}^{\alpha}} + \frac{c}{K},
              \qquad w_{t,k} \propto \tilde w_k\, p_k(y_t)

    With α = 1 and c = 0 these are the exact posterior probabilities (`model_weights` of the summed
    logs); α < 1 forgets at a half-life of :math:`\ln 2/(1-\alpha)` outcomes, c > 0 keeps every model
    alive, so that one that was bad can return.

    Parameters
    ----------
    models : int
        K >= 1.
    forgetting : float
        α in (0, 1].
    share : float
        c in [0, 1).

    Notes
    -----
    Input: rows (K,) of log predictive densities of the outcome, each made before it was seen; minus
    infinity says that a model held it impossible. Output: weights (K,), sum 1. Warm-up: 1. A row with a
    NaN or +inf, or impossible for every model that has weight, is ignored and repeats the last weights.
    O(K).

    Raises
    ------
    ConfigError
        A parameter out of its range.

    Examples
    --------
    >>> average = BayesianModelAverage(2)
    >>> [average.update(np.log([0.2, 0.6])).round(3).tolist() for _ in range(2)]
    [[0.25, 0.75], [0.1, 0.9]]

    References
    ----------
    Raftery, Karny & Ettler (2010), Online prediction under model uncertainty via dynamic model
    averaging, Technometrics 52; Herbster & Warmuth (1998), Tracking the best expert.
    """

    WIDTH: ClassVar[int | None] = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, models: int, forgetting: float = 1.0, share: float = 0.0) -> None:
        if models < 1 or not 0.0 < forgetting <= 1.0 or not 0.0 <= share < 1.0:
            raise ConfigError(
                "Bayesian model averaging: parameter out of range",
                got=f"models={models}, forgetting={forgetting}, share={share}",
                expected="models >= 1, 0 < forgetting <= 1, 0 <= share < 1",
            )
        self.__dict__["WIDTH"] = int(models)  # the class attribute is the width of the examples
        self._init(bma_dtype(int(models)), (float(forgetting), float(share)), warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Exact, and forgetting."""
        return [cls(3), cls(3, forgetting=0.95, share=0.01)]

"""Gaussian hidden Markov model with diagonal covariances: fit, likelihood and streaming filter."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec
import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.baum_welch import (
    expectation_maximisation,
    hmm_filter_step,
    log_constants,
    starting_point,
    variance_floor,
)
from janus_trader.numerics.streaming import StreamingKernel


class HMMParameters(msgspec.Struct, frozen=True, eq=False):
    """Parameters of a Gaussian HMM with K states over rows of d numbers.

    Attributes
    ----------
    initial : (K,) array
        State probabilities of the first row; sums to 1.
    transition : (K, K) array
        ``transition[i, j]`` is the probability of going from i to j; rows sum to 1.
    means, variances : (K, d) array
        Emission moments per state; variances > 0.

    Raises
    ------
    DataError
        At construction: shapes disagree, probabilities do not sum to 1, a variance is not positive.

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 2)), np.ones((1, 2)))
    >>> p.n_states, p.n_features
    (1, 2)
    """

    initial: np.ndarray
    transition: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    def __post_init__(self) -> None:
        k = self.initial.shape[0] if self.initial.ndim == 1 else 0
        shapes = (self.transition.shape, self.variances.shape)
        if k < 1 or self.means.ndim != 2 or shapes != ((k, k), self.means.shape) or len(self.means) != k:
            raise DataError(
                "HMM parameters disagree in shape",
                got=[a.shape for a in (self.initial, self.transition, self.means, self.variances)],
                expected="(K,), (K, K), (K, d), (K, d)",
            )
        sums = np.append(self.transition.sum(axis=1), self.initial.sum())
        if not np.allclose(sums, 1.0, atol=1e-8) or min(self.initial.min(), self.transition.min()) < 0.0:
            raise DataError(
                "HMM probabilities are not a distribution", got=sums, expected="rows that sum to 1"
            )
        if not (
            np.isfinite(self.means).all() and np.isfinite(self.variances).all() and self.variances.min() > 0
        ):
            raise DataError(
                "HMM emissions are degenerate", got=self.variances, expected="finite, variances > 0"
            )

    @property
    def n_states(self) -> int:
        """Number of states K."""
        return int(self.means.shape[0])

    @property
    def n_features(self) -> int:
        """Numbers in a row, d."""
        return int(self.means.shape[1])

    def permuted(self, order: np.ndarray) -> HMMParameters:
        """The same model with state ``order[k]`` called ``k``."""
        return HMMParameters(
            self.initial[order],
            np.ascontiguousarray(self.transition[np.ix_(order, order)]),
            self.means[order],
            self.variances[order],
        )


@njit(cache=True)
def _log_likelihood(
    x: np.ndarray, initial: np.ndarray, transition: np.ndarray, means: np.ndarray, variances: np.ndarray
) -> float:
    inverse = np.empty_like(means)
    constant = np.empty(means.shape[0])
    log_constants(variances, inverse, constant)
    posterior = initial.copy()
    first = True
    total = 0.0
    for t in range(x.shape[0]):
        total += hmm_filter_step(posterior, first, x[t], initial, transition, means, inverse, constant)
        first = False
    return total


def log_likelihood(parameters: HMMParameters, x: np.ndarray) -> float:
    """Log-likelihood of the rows ``x`` (T, d), natural logarithm, summed over rows. O(T (K^2 + K d)).

    Raises
    ------
    DataError
        ``x`` is not (T, d), or holds a value that is not finite.

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 1)), np.ones((1, 1)))
    >>> round(log_likelihood(p, np.zeros((2, 1))), 6)
    -1.837877
    """
    rows = _rows(x, 1)
    if rows.shape[1] != parameters.n_features:
        raise DataError("rows do not fit the HMM", got=rows.shape, expected=f"(T, {parameters.n_features})")
    return float(_log_likelihood(rows, *_arrays(parameters)))


def _rows(x: np.ndarray, least: int) -> np.ndarray:
    rows = np.ascontiguousarray(x, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[0] < least or rows.shape[1] < 1 or not np.isfinite(rows).all():
        raise DataError(
            "an HMM needs rows of finite numbers",
            got=f"shape {rows.shape}, {int(np.isnan(rows).sum())} NaN",
            expected=f"(T, d) with T >= {least}, d >= 1",
            remedy="drop incomplete rows, or wait for more of them",
        )
    return rows


def _arrays(p: HMMParameters) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    initial, transition, means, variances = (
        np.ascontiguousarray(a, dtype=np.float64) for a in (p.initial, p.transition, p.means, p.variances)
    )
    return initial, transition, means, variances


def em_step(
    parameters: HMMParameters, x: np.ndarray, min_variance: float = 0.0
) -> tuple[HMMParameters, float]:
    """One Baum-Welch step from ``parameters`` over the rows ``x`` (T, d), and what it led to.

    Returns the new parameters and their log-likelihood, which is never below that of ``parameters``
    (but for the floors: `MIN_PROBABILITY` under transitions, and ``min_variance``, a fraction of each
    feature's variance over ``x``, under variances). O(T K (K + d)).

    Raises
    ------
    DataError
        ``x`` does not fit.

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 1)), np.ones((1, 1)))
    >>> q, value = em_step(p, np.array([[1.0], [3.0]]))
    >>> q.means.tolist(), q.variances.tolist()
    ([[2.0]], [[1.0]])
    """
    rows = _rows(x, 1)
    if rows.shape[1] != parameters.n_features:
        raise DataError("rows do not fit the HMM", got=rows.shape, expected=f"(T, {parameters.n_features})")
    initial, transition, means, variances = (a.copy() for a in _arrays(parameters))
    floor = variance_floor(rows, min_variance)
    value, _ = expectation_maximisation(rows, initial, transition, means, variances, floor, 1, 0.0)
    return HMMParameters(initial, transition, means, variances), float(value)


def fit_hmm(
    x: np.ndarray,
    n_states: int,
    generator: np.random.Generator,
    max_iter: int = 50,
    tol: float = 1e-5,
    min_variance: float = 1e-3,
    *,
    n_starts: int = 1,
    persistence: float = 0.9,
    n_lloyd: int = 10,
) -> tuple[HMMParameters, float]:
    """Maximum-likelihood Gaussian HMM with diagonal covariances, by Baum-Welch.

    Starts from k-means++ clusters (features weighted by their inverse variance) with a sticky
    transition matrix and climbs by EM. States come back ordered by their means (first feature first),
    so that refits on similar data agree in their labels.

    Parameters
    ----------
    x : (T, d) array
        Rows in time order, finite, T > 2 ``n_states``.
    n_states : int
        K >= 1.
    generator : numpy Generator
        Draws ``n_starts * K`` uniforms: the same generator state gives the same bytes.
    max_iter : int
        EM steps at most, >= 1.
    tol : float
        Stop when a step gains less log-likelihood than this per row, >= 0.
    min_variance : float
        Floor under every state's variance as a fraction of that feature's variance over ``x``, in
        [0, 1]: no state can collapse onto a few rows.
    n_starts : int
        Independent starts, >= 1; the best is kept.
    persistence : float
        Probability of staying in a state that the first step starts from, in (0, 1).
    n_lloyd : int
        Sweeps of k-means before EM, >= 0.

    Returns
    -------
    parameters : HMMParameters
    log_likelihood : float
        Of the returned parameters over ``x``, summed over rows.

    Raises
    ------
    DataError
        Too few rows, a value that is not finite, or a parameter out of range.

    Notes
    -----
    O(n_starts max_iter T K (K + d)); compiled loops without BLAS. A feature that is constant is
    harmless. Equivariant to shifting and scaling features.

    Examples
    --------
    >>> g = np.random.default_rng(3)
    >>> x = np.concatenate([g.normal(-1, 0.1, (100, 1)), g.normal(2, 0.1, (100, 1))])
    >>> p, value = fit_hmm(x, 2, g)
    >>> p.means.round(0).ravel().tolist()
    [-1.0, 2.0]

    References
    ----------
    Baum et al. (1970); Rabiner (1989), A tutorial on hidden Markov models.
    """
    rows = _rows(x, 2 * n_states + 1)
    ranges = n_states >= 1 and max_iter >= 1 and tol >= 0.0 and 0.0 <= min_variance <= 1.0
    if not (ranges and n_starts >= 1 and 0.0 < persistence < 1.0 and n_lloyd >= 0):
        raise DataError(
            "fit_hmm: parameter out of range",
            got=f"n_states={n_states}, max_iter={max_iter}, tol={tol}, min_variance={min_variance}, "
            f"n_starts={n_starts}, persistence={persistence}, n_lloyd={n_lloyd}",
            expected="counts >= 1, tol >= 0, 0 <= min_variance <= 1, 0 < persistence < 1, n_lloyd >= 0",
        )
    floor = variance_floor(rows, min_variance)
    best: tuple[float, HMMParameters] | None = None
    for uniforms in generator.random((n_starts, n_states)):
        initial, transition, means, variances = starting_point(rows, uniforms, floor, persistence, n_lloyd)
        value, _ = expectation_maximisation(rows, initial, transition, means, variances, floor, max_iter, tol)
        if best is None or value > best[0]:
            best = (float(value), HMMParameters(initial, transition, means, variances))
    assert best is not None
    value, parameters = best
    return parameters.permuted(np.lexsort(parameters.means.T[::-1])), value


def hmm_filter_dtype(n_states: int) -> np.dtype:
    """State of `HMMFilter`: the posterior, the last row's log predictive density, rows seen."""
    return np.dtype([("posterior", "f8", (n_states,)), ("log_density", "f8"), ("n", "i8")], align=True)


@njit(cache=True)
def _step(
    s: Any,
    x: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    inverse: np.ndarray,
    constant: np.ndarray,
    out: np.ndarray,
) -> None:
    missing = False
    for i in range(x.shape[0]):
        missing = missing or not np.isfinite(x[i])
    if not missing:
        s.log_density = hmm_filter_step(
            s.posterior, s.n == 0, x, initial, transition, means, inverse, constant
        )
        s.n += 1
    for k in range(initial.shape[0]):
        out[k] = s.posterior[k] if s.n > 0 else np.nan


@njit(cache=True)
def _update(
    states: np.ndarray,
    x: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    inverse: np.ndarray,
    constant: np.ndarray,
) -> np.ndarray:
    out = np.empty(initial.shape[0])
    _step(states[0], x, initial, transition, means, inverse, constant, out)
    return out


@njit(cache=True)
def _scan(
    states: np.ndarray,
    xs: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    inverse: np.ndarray,
    constant: np.ndarray,
) -> np.ndarray:
    out = np.empty((xs.shape[0], initial.shape[0]))
    for t in range(xs.shape[0]):
        _step(states[0], xs[t], initial, transition, means, inverse, constant, out[t])
    return out


class HMMFilter(StreamingKernel):
    r"""Streaming state probabilities of a Gaussian HMM given everything seen so far.

    .. math:: p_t(j) \propto \mathcal N(x_t; \mu_j, \sigma_j^2) \sum_i p_{t-1}(i) A_{ij},
              \qquad p_1(j) \propto \mathcal N(x_1; \mu_j, \sigma_j^2)\, \pi_j

    Input rows (d,), output (K,) probabilities that sum to 1 to rounding, from the first row on (no
    warm-up). Works in logarithms: no row, however unlikely, can underflow it. A row with any NaN keeps
    the posterior (NaN before the first complete row). O(K^2 + K d) a step.

    Parameters
    ----------
    parameters : HMMParameters

    Examples
    --------
    >>> p = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]),
    ...                   np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> f = HMMFilter(p)
    >>> f.update(np.array([1.0])).round(3).tolist()
    [0.119, 0.881]

    References
    ----------
    Rabiner (1989), A tutorial on hidden Markov models; Hamilton (1989).
    """

    WIDTH: ClassVar[int | None] = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, parameters: HMMParameters) -> None:
        self.parameters = parameters
        self.__dict__["WIDTH"] = parameters.n_features  # the class attribute is the width of the examples
        initial, transition, means, variances = _arrays(parameters)
        inverse, constant = np.empty_like(means), np.empty(parameters.n_states)
        log_constants(variances, inverse, constant)
        args = (initial, transition, means, inverse, constant)
        self._init(hmm_filter_dtype(parameters.n_states), args, 1)

    @classmethod
    def examples(cls) -> list[Self]:
        transition = np.array([[0.95, 0.05, 0.0], [0.02, 0.9, 0.08], [0.1, 0.1, 0.8]])
        means = np.array([[99.0, 99.0], [100.0, 101.0], [103.0, 98.0]])
        return [cls(HMMParameters(np.array([0.2, 0.3, 0.5]), transition, means, np.full((3, 2), 4.0)))]

    @property
    def posterior(self) -> np.ndarray:
        """State probabilities (K,); ``parameters.initial`` before the first row."""
        if self._state["n"][0] == 0:
            return np.array(self.parameters.initial, dtype=np.float64)
        return self._state["posterior"][0].copy()

    @property
    def log_density(self) -> float:
        """Log predictive density of the last complete row given those before it."""
        return float(self._state["log_density"][0])

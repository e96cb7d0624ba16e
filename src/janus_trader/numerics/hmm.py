"""Gaussian hidden Markov model, diagonal or full: likelihood, fit and streaming filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.numerics.baum_welch import expectation_maximisation, sequence_likelihood
from janus_trader.numerics.hmm_kernels import hmm_step, is_finite, pack, unpack
from janus_trader.numerics.hmm_parameters import HMMParameters, finite_rows, sequence_bounds
from janus_trader.numerics.hmm_start import starting_point, variance_floor
from janus_trader.numerics.lane_compiler import LaneCompiler
from janus_trader.numerics.streaming import StreamingKernel

__all__ = ["HMMFilter", "HMMParameters", "em_step", "fit_hmm", "hmm_filter_dtype", "log_likelihood"]


#: No fitted model rules a state out for ever: probabilities are at least this.
LEAST_PROBABILITY = 1e-12


def log_likelihood(parameters: HMMParameters, x: np.ndarray, lengths: Sequence[int] | None = None) -> float:
    """Log-likelihood of the rows ``x`` (T, d), natural logarithm, summed over rows.

    ``lengths`` cuts the rows into independent sequences. O(T (K^2 + K d)), full O(T (K^2 + K d^2)).

    Raises
    ------
    DataError
        ``x`` is not (T, d), or holds a value that is not finite; lengths do not add up.

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 1)), np.ones((1, 1)))
    >>> round(log_likelihood(p, np.zeros((2, 1))), 6)
    -1.837877
    """
    rows = finite_rows(x, 1, parameters.n_features)
    return float(sequence_likelihood(pack(parameters), rows, sequence_bounds(len(rows), lengths)))


def em_step(
    parameters: HMMParameters,
    x: np.ndarray,
    min_variance: float = 0.0,
    lengths: Sequence[int] | None = None,
) -> tuple[HMMParameters, float]:
    """One Baum-Welch step from ``parameters`` over the rows ``x`` (T, d), and what it led to.

    Returns the new parameters and their log-likelihood, which is never below that of ``parameters``
    but for the floor under variances: ``min_variance`` is a fraction of each feature's variance over
    ``x``; in a full model it bounds what the features before it leave unexplained. A state with a mass
    below a thousandth of a row keeps its emissions, one that is never left its transitions. Zeros of
    the initial law and of the transition matrix stay zeros. ``lengths`` cuts the rows into independent
    sequences. O(T K (K + d)), full O(T K (K + d^2)).

    Raises
    ------
    DataError
        ``x`` does not fit.

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 1)), np.ones((1, 1)))
    >>> q, value = em_step(p, np.array([[1.0], [3.0]]))
    >>> q.means.tolist(), q.covariances.tolist()
    ([[2.0]], [[1.0]])
    """
    rows = finite_rows(x, 1, parameters.n_features)
    states = pack(parameters)
    states["floor"][0] = variance_floor(rows, min_variance)
    value, _ = expectation_maximisation(states, rows, sequence_bounds(len(rows), lengths), 1, 0.0)
    return unpack(states), float(value)


def fit_hmm(
    x: np.ndarray,
    n_states: int,
    generator: np.random.Generator,
    max_iter: int = 50,
    tol: float = 1e-5,
    min_variance: float = 1e-3,
    *,
    full: bool = False,
    lengths: Sequence[int] | None = None,
    n_starts: int = 1,
    persistence: float = 0.9,
    n_lloyd: int = 10,
) -> tuple[HMMParameters, float]:
    """Maximum-likelihood Gaussian HMM by Baum-Welch.

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
        [0, 1]: no state can collapse onto a few rows. In a full model the floor is under what the
        features before it leave unexplained, so covariances stay invertible.
    full : bool
        Full covariance matrices; default diagonal.
    lengths : sequence of int, optional
        Cuts the rows into independent sequences of these lengths.
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
        Of the parameters over ``x``, summed over rows, before probabilities below `LEAST_PROBABILITY`
        are raised to it.

    Raises
    ------
    DataError
        Too few rows, a value that is not finite, or a parameter out of range.

    Notes
    -----
    O(n_starts max_iter T K (K + d)), full O(n_starts max_iter T K (K + d^2)); compiled loops without
    BLAS. A feature that is constant is harmless. Equivariant to shifting and scaling features.

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
    rows = finite_rows(x, 2 * n_states + 1)
    bounds = sequence_bounds(len(rows), lengths)
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
        states = pack(starting_point(rows, uniforms, floor, persistence, n_lloyd, full), floor)
        value, _ = expectation_maximisation(states, rows, bounds, max_iter, tol)
        if best is None or value > best[0]:
            best = (float(value), unpack(states))
    assert best is not None
    value, p = best
    reachable = HMMParameters(_floored(p.initial), _floored(p.transition), p.means, p.covariances)
    return reachable.permuted(np.lexsort(p.means.T[::-1])), value


def _floored(probabilities: np.ndarray) -> np.ndarray:
    """Distributions (last axis) without zeros: a filter can leave every state, however it was fitted."""
    raised = np.maximum(probabilities, LEAST_PROBABILITY)
    return raised / raised.sum(axis=-1, keepdims=True)


def hmm_filter_dtype(n_states: int) -> np.dtype:
    """What of a filter changes with the rows: posterior, last predictive density, rows seen.

    The log predictive density is ``shift + log(scale)``.
    """
    return np.dtype(
        [("posterior", "f8", (n_states,)), ("shift", "f8"), ("scale", "f8"), ("n", "i8")], align=True
    )


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def hmm_filter_step(s, x):
    """`hmm_step` for a row that may miss numbers: then the posterior stays, NaN before the first row."""
    if is_finite(x):
        hmm_step(s, x)
    elif s.n == 0:
        for k in range(s.posterior.shape[0]):
            s.posterior[k] = np.nan


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _update(states, x):
    hmm_filter_step(states[0], x)


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _scan(states, xs):
    s = states[0]
    out = np.empty((xs.shape[0], s.n_states))
    for t in range(xs.shape[0]):
        hmm_filter_step(s, xs[t])
        for k in range(s.n_states):
            out[t, k] = s.posterior[k]
    return out


class HMMFilter(StreamingKernel):
    r"""Streaming state probabilities of a Gaussian HMM given everything seen so far.

    .. math:: p_t(j) \propto \mathcal N(x_t; \mu_j, \Sigma_j) \sum_i p_{t-1}(i) A_{ij},
              \qquad p_1(j) \propto \mathcal N(x_1; \mu_j, \Sigma_j)\, \pi_j

    Input rows (d,), output (K,) probabilities that sum to 1 to rounding, from the first row on (no
    warm-up). Scaled, and where no state in reach explains a row in logarithms: no row, however unlikely,
    can underflow it; one beyond the range of a double under every state leaves the prediction. A row
    with any NaN or infinity keeps the posterior (NaN before the first complete row). `update` returns
    one array, overwritten by the next call. O(K^2 + K d) a step, full O(K^2 + K d^2).

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
        self._model = pack(parameters)
        self._kept = hmm_filter_dtype(parameters.n_states)
        self._init(self._model.dtype, (), 1)
        self.reset()

    @classmethod
    def examples(cls) -> list[Self]:
        transition = np.array([[0.95, 0.05, 0.0], [0.02, 0.9, 0.08], [0.1, 0.1, 0.8]])
        means = np.array([[99.0, 99.0], [100.0, 101.0], [103.0, 98.0]])
        initial, full = np.array([0.2, 0.3, 0.5]), np.tile([[4.0, 1.0], [1.0, 3.0]], (3, 1, 1))
        return [
            cls(HMMParameters(initial, transition, means, covariances))
            for covariances in (np.full((3, 2), 4.0), full)
        ]

    def update(self, x: np.ndarray) -> np.ndarray:
        """Take in one row; the posterior (K,), overwritten by the next call."""
        _update(self._state, x)
        return self._posterior

    def transform(self, xs: np.ndarray) -> np.ndarray:
        """Posteriors (T, K) of a fresh filter over rows (T, d); this instance's state is untouched."""
        rows = np.ascontiguousarray(xs, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.WIDTH:
            raise DataError("rows do not fit the HMM", got=rows.shape, expected=f"(T, {self.WIDTH})")
        return _scan(self._model.copy(), rows)

    def reset(self) -> None:
        """Back to the state before the first row."""
        self._state = self._model.copy()
        self._posterior = self._state["posterior"][0, : self.parameters.n_states]

    def snapshot(self) -> bytes:
        """The posterior and counters as bytes, without the model."""
        kept = np.zeros(1, self._kept)
        for name in ("shift", "scale", "n"):
            kept[name] = self._state[name]
        kept["posterior"] = self._posterior
        return kept.tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it is of a model of another size."""
        if len(raw) != self._kept.itemsize:
            raise IntegrityError(
                "HMMFilter: snapshot does not fit",
                got=f"{len(raw)} bytes",
                expected=f"{self._kept.itemsize} bytes",
                remedy="restore with the model it was taken with",
            )
        kept = np.frombuffer(raw, self._kept)
        for name in ("shift", "scale", "n"):
            self._state[name] = kept[name]
        self._posterior[:] = kept["posterior"][0]

    @property
    def posterior(self) -> np.ndarray:
        """State probabilities (K,); ``parameters.initial`` before the first row."""
        if self._state["n"][0] == 0:
            return np.array(self.parameters.initial, dtype=np.float64)
        return self._posterior.copy()

    @property
    def log_density(self) -> float:
        """Log predictive density of the last complete row given those before it; NaN before one."""
        if self._state["n"][0] == 0:
            return float("nan")
        return float(self._state["shift"][0] + np.log(self._state["scale"][0]))

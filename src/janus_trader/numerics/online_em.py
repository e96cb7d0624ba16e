"""Online expectation maximisation of a Gaussian HMM: the model follows the rows, none is kept."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.baum_welch import maximise_emissions, normalise
from janus_trader.numerics.hmm_kernels import hmm_dtype, hmm_step, is_finite, pack, unpack
from janus_trader.numerics.hmm_parameters import HMMParameters
from janus_trader.numerics.lane_compiler import LaneCompiler
from janus_trader.numerics.streaming import StreamingKernel, first_equal


def online_em_dtype(n_states: int, n_features: int, full: bool) -> np.dtype:
    """The record of `hmm_dtype` with Cappé's auxiliary statistics.

    ``rho_pairs[i, j, k]`` and ``rho_moments[m, i, k]``: expected transitions and moments about
    ``origin``, given that the chain is now in state k.
    """
    model = hmm_dtype(n_states, n_features, full)
    lanes, moments = model["posterior"].shape[0], model["moments"].shape[0]
    assert model.fields is not None
    # The new fields stand first: numba would take a record that only appends for the shorter one.
    fields: list[Any] = [
        ("rho_pairs", "f8", (lanes, lanes, lanes)),
        ("rho_moments", "f8", (moments, lanes, lanes)),
        ("retro", "f8", (lanes, lanes)),
        ("before", "f8", (lanes,)),
        ("origin", "f8", (n_features,)),
        ("row", "f8", (moments,)),
    ]
    fields += [(name, model.fields[name][0]) for name in model.names or ()]
    return first_equal(np.dtype(fields, align=True))


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _products(s: Any, x: np.ndarray) -> None:
    """``s.row``: 1, the row about the origin, its products."""
    d = s.means.shape[0]
    s.row[0] = 1.0
    at = 1 + d
    for i in range(d):
        s.row[1 + i] = x[i] - s.origin[i]
        for j in range(i + 1) if s.spread.shape[0] > d else range(i, i + 1):
            s.row[at] = s.row[1 + i] * s.row[1 + j]
            at += 1


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _carry(s: Any, rho: np.ndarray, keep: float) -> None:
    """Replace ``rho[k]`` by ``keep sum_k' rho[k'] retro[k', k]``."""
    lanes = s.posterior.shape[0]
    for k in range(lanes):
        s.work[k] = 0.0
    for source in range(lanes):
        value = keep * rho[source]
        for k in range(lanes):
            s.work[k] += value * s.retro[source, k]
    for k in range(lanes):
        rho[k] = s.work[k]


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _statistics(s: Any, step: float) -> None:
    """One step of the auxiliary recursions with weight ``step`` on the new row."""
    lanes = s.posterior.shape[0]
    for i in range(lanes):
        for k in range(lanes):
            s.retro[i, k] = s.before[i] * s.transition[i, k] / max(s.predicted[k], 1e-300)
    for m in range(s.row.shape[0]):
        for i in range(lanes):
            _carry(s, s.rho_moments[m, i], 1.0 - step)
            s.rho_moments[m, i, i] += step * s.row[m]
    for i in range(lanes):
        for j in range(lanes):
            _carry(s, s.rho_pairs[i, j], 1.0 - step)
            s.rho_pairs[i, j, j] += step * s.retro[i, j]


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _centre_moments(s: Any) -> None:
    """``s.moments``: the statistics given all rows, moved from the origin to the means in force."""
    d, lanes = s.means.shape
    for m in range(s.row.shape[0]):
        for i in range(lanes):
            total = 0.0
            for k in range(lanes):
                total += s.rho_moments[m, i, k] * s.posterior[k]
            s.moments[m, i] = total
    for k in range(s.n_states):
        mass = s.moments[0, k]
        at = 1 + d
        for i in range(d):
            a = s.means[i, k] - s.origin[i]
            for j in range(i + 1) if s.spread.shape[0] > d else range(i, i + 1):
                b = s.means[j, k] - s.origin[j]
                s.moments[at, k] += a * b * mass - a * s.moments[1 + j, k] - b * s.moments[1 + i, k]
                at += 1
        for i in range(d):
            s.moments[1 + i, k] -= (s.means[i, k] - s.origin[i]) * mass


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _refit(s: Any) -> None:
    """The maximisation step on the statistics so far."""
    lanes = s.posterior.shape[0]
    for i in range(s.n_states):
        leaving = 0.0
        for j in range(lanes):
            s.work[j] = 0.0
            for k in range(lanes):
                s.work[j] += s.rho_pairs[i, j, k] * s.posterior[k]
            leaving += s.work[j]
        if leaving > 1e-9:
            for j in range(lanes):
                s.transition[i, j] = s.work[j]
            normalise(s.transition[i], s.n_states)
    _centre_moments(s)
    maximise_emissions(s)


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def online_em_step(s: Any, x: np.ndarray, exponent: float, warmup: int) -> None:
    """One row into a record of `online_em_dtype`: filter, statistics, and after the warm-up a new model.

    A row that is not finite changes nothing. O(K^4 + K^3 d), full O(K^4 + K^3 d^2 + K d^3).
    """
    lanes = s.posterior.shape[0]
    if not is_finite(x):
        return
    for k in range(lanes):
        s.before[k] = s.posterior[k]
    hmm_step(s, x)
    _products(s, x)
    if s.n == 1:
        for m in range(s.row.shape[0]):
            for i in range(lanes):
                s.rho_moments[m, i, i] = s.row[m]
    else:
        _statistics(s, float(s.n) ** -exponent)
    if s.n > warmup:
        _refit(s)


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _step_into(s: Any, x: np.ndarray, exponent: float, warmup: int, out: np.ndarray) -> None:
    online_em_step(s, x, exponent, warmup)
    for k in range(s.n_states):
        out[k] = s.posterior[k] if s.n >= warmup else np.nan


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _update(states: np.ndarray, x: np.ndarray, exponent: float, warmup: int) -> np.ndarray:
    out = np.empty(states[0].n_states)
    _step_into(states[0], x, exponent, warmup, out)
    return out


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _scan(states: np.ndarray, xs: np.ndarray, exponent: float, warmup: int) -> np.ndarray:
    out = np.empty((xs.shape[0], states[0].n_states))
    for t in range(xs.shape[0]):
        _step_into(states[0], xs[t], exponent, warmup, out[t])
    return out


class OnlineEM(StreamingKernel):
    r"""Gaussian HMM that learns while it filters.

    .. math:: \hat\rho_{n+1}(k) = \gamma_{n+1}\, s_k(x_{n+1})
              + (1 - \gamma_{n+1}) \sum_{k'} \hat\rho_n(k')\, r_{n+1}(k' | k), \qquad
              \gamma_n = n^{-a}

    :math:`r(k'|k)` is the probability of having come from k' given state k, :math:`s` the sufficient
    statistics of the complete data; after the warm-up each row ends with a maximisation step on
    :math:`\sum_k \hat\rho(k)\, \phi(k)`. The initial law is not learned.

    Parameters
    ----------
    parameters : HMMParameters
        The model to start from, diagonal or full. States must differ: equal states stay equal.
    exponent : float
        a in (0.5, 1]: smaller forgets faster; 0.6 is Cappé's choice.
    warmup : int
        Rows, >= 1, that are only counted: the model is frozen for so long.
    min_variance : float
        Floor under each state's variance (full: under what the features before leave unexplained) as
        a fraction of the mean variance of that feature over the states of ``parameters``, in (0, 1].

    Notes
    -----
    Output (K,): the filtered probabilities under the model before the row; NaN for the first
    ``warmup - 1`` rows. A row with any NaN or infinity is ignored and repeats the posterior. A state
    that explains less than a thousandth of the rows keeps its emissions. O(K^4 + K^3 d) a step, full
    O(K^4 + K^3 d^2): for small K.

    Raises
    ------
    ConfigError
        A parameter is out of range.

    Examples
    --------
    >>> start = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]),
    ...                       np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> g, online = np.random.default_rng(0), OnlineEM(start)
    >>> for t in range(2000):
    ...     _ = online.update(g.normal(4.0 if t // 50 % 2 else -3.0, 0.5, 1))
    >>> online.parameters.means.round(0).ravel().tolist()
    [-3.0, 4.0]

    References
    ----------
    Cappé (2011), Online EM algorithm for hidden Markov models.
    """

    WIDTH: ClassVar[int | None] = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        parameters: HMMParameters,
        exponent: float = 0.6,
        warmup: int = 20,
        min_variance: float = 1e-3,
    ) -> None:
        if not (0.5 < exponent <= 1.0 and warmup >= 1 and 0.0 < min_variance <= 1.0):
            raise ConfigError(
                "OnlineEM: parameter out of range",
                got=f"exponent={exponent}, warmup={warmup}, min_variance={min_variance}",
                expected="0.5 < exponent <= 1, warmup >= 1, 0 < min_variance <= 1",
            )
        self.__dict__["WIDTH"] = parameters.n_features  # the class attribute is the width of the examples
        variances = (
            np.einsum("kii->ki", parameters.covariances) if parameters.full else parameters.covariances
        )
        packed = pack(parameters, min_variance * variances.mean(axis=0))
        dtype = online_em_dtype(parameters.n_states, parameters.n_features, parameters.full)
        self._fresh = np.zeros(1, dtype)
        for name in packed.dtype.names or ():
            self._fresh[name] = packed[name]
        self._fresh["origin"] = parameters.means.mean(axis=0)
        self._init(dtype, (float(exponent), int(warmup)), int(warmup))
        self.reset()

    @classmethod
    def examples(cls) -> list[Self]:
        transition = np.array([[0.9, 0.1], [0.2, 0.8]])
        means = np.array([[98.0, 99.0], [101.0, 103.0]])
        initial, full = np.array([0.5, 0.5]), np.tile([[4.0, 1.0], [1.0, 3.0]], (2, 1, 1))
        return [
            cls(HMMParameters(initial, transition, means, np.full((2, 2), 4.0)), warmup=30),
            cls(HMMParameters(initial, transition, means, full), exponent=0.8, warmup=10),
        ]

    def transform(self, xs: np.ndarray) -> np.ndarray:
        """Posteriors (T, K) of a fresh kernel over rows (T, d); this instance's state is untouched."""
        rows = np.ascontiguousarray(xs, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.WIDTH:
            raise DataError("rows do not fit the HMM", got=rows.shape, expected=f"(T, {self.WIDTH})")
        return _scan(self._fresh.copy(), rows, *self._args)

    def reset(self) -> None:
        """Back to the model it was made with."""
        self._state = self._fresh.copy()

    @property
    def parameters(self) -> HMMParameters:
        """The model as learned so far."""
        return unpack(self._state)

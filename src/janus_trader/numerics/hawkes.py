"""Hawkes process with exponential kernels: events that make further events more likely.

The intensity of type i among d types is

    lambda_i(t) = mu_i + sum_j sum_{t_k^j < t} alpha_ij exp(-beta_ij (t - t_k^j)),

so alpha_ij / beta_ij events of type i follow directly from one of type j. Here are the streaming
intensity, the likelihood and the change of time; `hawkes_fit` fits and simulates.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numba import njit
from scipy.special import kolmogorov

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.streaming import StreamingKernel


class HawkesParameters(NamedTuple):
    """Base rates mu (d,), jumps alpha (d, d) and decays beta (d, d), all per unit of time."""

    mu: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray


def hawkes_parameters(mu: Any, alpha: Any, beta: Any) -> HawkesParameters:
    """Parameters as checked arrays; numbers stand for one type.

    ``mu`` > 0, ``alpha`` >= 0, ``beta`` > 0, in one unit of time; row i of a matrix is the receiver.

    Raises
    ------
    ConfigError
        Shapes do not match or a value is out of range.

    Examples
    --------
    >>> hawkes_parameters(0.5, 1.0, 2.0).alpha.tolist()
    [[1.0]]
    """
    mu = np.atleast_1d(np.array(mu, dtype=np.float64))
    alpha, beta = (np.atleast_2d(np.array(a, dtype=np.float64)) for a in (alpha, beta))
    shapes = mu.ndim == 1 and mu.size > 0 and alpha.shape == beta.shape == (mu.size, mu.size)
    if not (
        shapes
        and all(np.isfinite(a).all() for a in (mu, alpha, beta))
        and (mu > 0.0).all()
        and (alpha >= 0.0).all()
        and (beta > 0.0).all()
    ):
        raise ConfigError(
            "these are no parameters of a Hawkes process",
            got=f"mu {mu.tolist()}, alpha {alpha.tolist()}, beta {beta.tolist()}",
            expected="mu (d,) > 0, alpha (d, d) >= 0, beta (d, d) > 0",
        )
    return HawkesParameters(mu, alpha, beta)


def branching_ratio(parameters: HawkesParameters) -> float:
    """Spectral radius of alpha / beta: below 1 the process is stationary.

    >>> branching_ratio(hawkes_parameters(0.5, 1.0, 2.0))
    0.5
    """
    return float(np.abs(np.linalg.eigvals(parameters.alpha / parameters.beta)).max())


def checked_events(times: Any, marks: Any, types: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (n,) float64 and marks (n,) int64 of ascending events; ``marks`` None stands for one type.

    Raises
    ------
    DataError
        Times are not finite or not ascending, or a mark is outside 0..types-1.

    Examples
    --------
    >>> checked_events([1.0, 2.0], None, 1)[1].tolist()
    [0, 0]
    """
    times = np.ascontiguousarray(times, dtype=np.float64)
    marks = np.zeros(times.shape, np.int64) if marks is None else np.ascontiguousarray(marks, dtype=np.int64)
    if times.ndim != 1 or times.shape != marks.shape:
        raise DataError("times and marks do not match", got=(times.shape, marks.shape), expected="(n,) each")
    if not (np.isfinite(times).all() and (np.diff(times) >= 0.0).all()):
        raise DataError("times are not finite and ascending", remedy="sort the events")
    if times.size and (marks.min() < 0 or marks.max() >= types):
        raise DataError("a mark is out of range", got=(marks.min(), marks.max()), expected=f"0..{types - 1}")
    return times, marks


def hawkes_dtype(types: int) -> np.dtype:
    """State of `HawkesIntensity`: events seen, time of the last, excitation of each pair."""
    return np.dtype([("n", "i8"), ("time", "f8"), ("excitation", "f8", (types, types))], align=True)


@njit(cache=True)
def hawkes_step(s, time, mark, mu, alpha, beta, out):
    """One event into a record of `hawkes_dtype`; intensities just after it into ``out``. O(d^2).

    An event that is not finite, lies before the last one or has an unknown mark is ignored.
    """
    d = mu.shape[0]
    if math.isfinite(time) and 0.0 <= mark < d and not (s.n > 0 and time < s.time):
        if s.n > 0:
            gap = time - s.time
            for i in range(d):
                for j in range(d):
                    s.excitation[i, j] *= math.exp(-beta[i, j] * gap)
        for i in range(d):
            s.excitation[i, int(mark)] += 1.0
        s.time = time
        s.n += 1
    for i in range(d):
        out[i] = math.nan
        if s.n > 0:
            out[i] = mu[i]
            for j in range(d):
                out[i] += alpha[i, j] * s.excitation[i, j]


@njit(cache=True)
def hawkes_score(times, marks, horizon, mu, alpha, beta, gradient):
    r"""Log-likelihood of events on [0, horizon], and its gradient (mu, alpha, beta) added to ``gradient``.

    .. math:: \ell = \sum_k \log \lambda_{m_k}(t_k) - \sum_i \int_0^T \lambda_i(s)\, ds

    by the recursion of the excitation. Marks and times are not checked. O(n d^2).
    """
    n, d = times.shape[0], mu.shape[0]
    state = np.zeros((d, d))  # sum of exp(-beta (t - t_k)) for each pair
    slope = np.zeros((d, d))  # sum of (t - t_k) exp(-beta (t - t_k)), minus its derivative by beta
    total, last = 0.0, 0.0
    for k in range(n):
        gap, i = times[k] - last, marks[k]
        last = times[k]
        intensity = mu[i]
        for a in range(d):
            for j in range(d):
                fade = math.exp(-beta[a, j] * gap)
                slope[a, j] = fade * (slope[a, j] + gap * state[a, j])
                state[a, j] *= fade
        for j in range(d):
            intensity += alpha[i, j] * state[i, j]
        total += math.log(intensity)
        gradient[i] += 1.0 / intensity
        for j in range(d):
            gradient[d + i * d + j] += state[i, j] / intensity
            gradient[d + d * d + i * d + j] -= alpha[i, j] * slope[i, j] / intensity
        for a in range(d):
            state[a, i] += 1.0
            left = horizon - times[k]
            b = beta[a, i]
            gone = -math.expm1(-b * left)
            total -= alpha[a, i] / b * gone
            gradient[d + a * d + i] -= gone / b
            gradient[d + d * d + a * d + i] -= alpha[a, i] * (left * (1.0 - gone) - gone / b) / b
    for i in range(d):
        total -= mu[i] * horizon
        gradient[i] -= horizon
    return total


def hawkes_log_likelihood(
    times: np.ndarray, marks: np.ndarray | None, horizon: float, parameters: HawkesParameters
) -> float:
    """Log-likelihood of the events on [0, ``horizon``]; equations in `hawkes_score`. O(n d^2).

    Raises
    ------
    DataError
        The events are not usable, or lie outside [0, horizon].

    Examples
    --------
    >>> p = hawkes_parameters(2.0, 0.0, 1.0)
    >>> round(hawkes_log_likelihood(np.array([0.1, 0.4]), None, 1.0, p), 6)  # Poisson: 2 log 2 - 2
    -0.613706

    References
    ----------
    Ogata, Y. (1981). On Lewis' simulation method for point processes. Ozaki, T. (1979). Maximum likelihood
    estimation of Hawkes' self-exciting point processes.
    """
    d = parameters.mu.size
    times, marks = checked_events(times, marks, d)
    check_horizon(times, horizon)
    return float(hawkes_score(times, marks, float(horizon), *parameters, np.zeros(d + 2 * d * d)))


def check_horizon(times: np.ndarray, horizon: float) -> None:
    """Raise DataError unless all ``times`` lie in [0, horizon] with a finite horizon > 0.

    >>> check_horizon(np.array([0.5]), 1.0)
    """
    inside = times.size == 0 or (times[0] >= 0.0 and times[-1] <= horizon)
    if not (math.isfinite(horizon) and horizon > 0.0 and inside):
        raise DataError("events lie outside the span", got=horizon, expected="0 <= time <= horizon")


@njit(cache=True)
def _waits(times, marks, mu, alpha, beta):
    d = mu.shape[0]
    state = np.zeros((d, d))
    area = np.zeros(d)  # integral of each intensity since that type's last event
    out = np.empty(times.shape[0])
    last = 0.0
    for k in range(times.shape[0]):
        gap = times[k] - last
        last = times[k]
        for a in range(d):
            area[a] += mu[a] * gap
            for j in range(d):
                gone = -math.expm1(-beta[a, j] * gap)
                area[a] += alpha[a, j] / beta[a, j] * gone * state[a, j]
                state[a, j] *= 1.0 - gone
        i = marks[k]
        out[k] = area[i]
        area[i] = 0.0
        for a in range(d):
            state[a, i] += 1.0
    return out


def hawkes_residuals(times: np.ndarray, marks: np.ndarray | None, parameters: HawkesParameters) -> np.ndarray:
    r"""Waiting times after the change of time, (n,): unit exponential where the model is right.

    .. math:: \tau_k = \int_{t_{k-1}^i}^{t_k^i} \lambda_i(s)\, ds

    between neighbouring events of one type i (from time 0 for the first); independent. O(n d^2).

    Raises
    ------
    DataError
        The events are not usable, or one lies before 0.

    Examples
    --------
    >>> hawkes_residuals(np.array([1.0, 3.0]), None, hawkes_parameters(2.0, 0.0, 1.0)).tolist()
    [2.0, 4.0]

    References
    ----------
    Ogata, Y. (1988). Statistical models for earthquake occurrences and residual analysis. JASA 83.
    """
    times, marks = checked_events(times, marks, parameters.mu.size)
    check_horizon(times, max(float(times[-1]), 1.0) if times.size else 1.0)
    return _waits(times, marks, *parameters)


def exponential_p_value(waits: np.ndarray) -> float:
    """Kolmogorov–Smirnov p-value (asymptotic) of the law that ``waits`` (n,) are unit exponential.

    Small for a wrong model. Too large by a little where the parameters were fitted to the same events.

    Raises
    ------
    DataError
        There are no waits, or one is negative or NaN.

    Examples
    --------
    >>> exponential_p_value(np.full(100, 5.0)) < 1e-6
    True
    """
    waits = np.sort(np.asarray(waits, dtype=np.float64))
    if waits.size == 0 or not (waits >= 0.0).all():
        raise DataError("waits are not usable", got=waits.size, expected="at least one, none negative")
    law, n = -np.expm1(-waits), waits.size
    rank = np.arange(n)
    distance = max(((rank + 1) / n - law).max(), (law - rank / n).max())
    return float(kolmogorov(math.sqrt(n) * distance))


@njit(cache=True)
def _update(states, x, mu, alpha, beta):
    out = np.empty(mu.shape[0])
    hawkes_step(states[0], x[0], x[1], mu, alpha, beta, out)
    return out


@njit(cache=True)
def _scan(states, xs, mu, alpha, beta):
    out = np.empty((xs.shape[0], mu.shape[0]))
    for t in range(xs.shape[0]):
        hawkes_step(states[0], xs[t, 0], xs[t, 1], mu, alpha, beta, out[t])
    return out


class HawkesIntensity(StreamingKernel):
    r"""Intensities of a Hawkes process, event by event.

    .. math:: \lambda_i(t) = \mu_i + \sum_j \alpha_{ij} R_{ij}(t), \qquad
              R_{ij}(t_k) = e^{-\beta_{ij}(t_k - t_{k-1})} R_{ij}(t_{k-1}) + 1_{m_k = j}

    Parameters
    ----------
    mu, alpha, beta
        As in `hawkes_parameters`: (d,), (d, d), (d, d), or numbers for one type.

    Notes
    -----
    Input: a row (time, mark), mark in 0..d-1. Output: d intensities just after the event, in events per
    unit of time. Defined from the first event on. A row with a non-finite field, an unknown mark or a time
    before the last event is ignored and repeats the last output. O(d^2).

    Raises
    ------
    ConfigError
        At construction, for parameters out of range.

    Examples
    --------
    >>> h = HawkesIntensity(1.0, 0.5, np.log(2.0))
    >>> h.update(np.array([0.0, 0.0])).tolist(), h.update(np.array([1.0, 0.0])).tolist()
    ([1.5], [1.75])

    References
    ----------
    Hawkes, A. G. (1971). Spectra of some self-exciting and mutually exciting point processes. Biometrika 58.
    """

    WIDTH = 2
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(self, mu: Any, alpha: Any, beta: Any) -> None:
        parameters = hawkes_parameters(mu, alpha, beta)
        self._init(hawkes_dtype(parameters.mu.size), tuple(parameters), warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Two types that excite each other."""
        return [cls([0.5, 0.2], [[0.3, 0.1], [0.2, 0.4]], [[1.0, 2.0], [1.0, 1.5]])]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Events of two types at random times."""
        return np.column_stack((np.cumsum(rng.exponential(0.7, n)), rng.integers(0, 2, n)))

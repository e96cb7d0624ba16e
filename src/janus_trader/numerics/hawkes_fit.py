"""Maximum-likelihood fit and simulation of a Hawkes process with exponential kernels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.optimize import minimize

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.ema import checked_period
from janus_trader.numerics.hawkes import (
    HawkesParameters,
    branching_ratio,
    check_horizon,
    checked_events,
    hawkes_parameters,
    hawkes_score,
)

_BLOCK = 4096
_LEAST_LOG, _MOST_LOG = -25.0, 25.0


class HawkesFit(NamedTuple):
    """Fitted parameters, the log-likelihood they reach, and whether the search ended at a maximum."""

    parameters: HawkesParameters
    log_likelihood: float
    converged: bool


def fit_hawkes(
    times: np.ndarray,
    marks: np.ndarray | None,
    horizon: float,
    *,
    types: int = 1,
    start: HawkesParameters | None = None,
) -> HawkesFit:
    r"""Parameters of largest likelihood for events on [0, ``horizon``].

    .. math:: \hat\theta = \arg\max_\theta \ell(\theta), \qquad \theta = (\mu, \alpha, \beta)

    over the logarithms of all parameters by L-BFGS with the exact gradient, so that they stay positive.
    The likelihood may have several maxima and hardly depends on a decay whose jump is small: judge a fit
    by its residuals.

    Parameters
    ----------
    times, marks : array (n,)
        Ascending times and types 0..types-1; None for a single type.
    horizon : float
        End of the observation; the beginning is 0.
    types : int
        Number d of types; each needs an event.
    start : HawkesParameters, optional
        Where the search begins; by default half of all events are spontaneous, with decays of the mean rate.

    Returns
    -------
    HawkesFit
        Deterministic. O(n d^2) an evaluation, some tens of them.

    Raises
    ------
    DataError
        The events are not usable, lie outside the span, or a type has fewer than two.

    Examples
    --------
    >>> truth = hawkes_parameters(0.5, 0.8, 1.6)
    >>> t, m = simulate_hawkes(truth, 2000.0, np.random.default_rng(1))
    >>> fit = fit_hawkes(t, m, 2000.0)
    >>> fit.converged, bool(abs(branching_ratio(fit.parameters) - 0.5) < 0.1)
    (True, True)

    References
    ----------
    Ozaki, T. (1979). Maximum likelihood estimation of Hawkes' self-exciting point processes.
    """
    d = checked_period("types", types)
    times, marks = checked_events(times, marks, d)
    check_horizon(times, horizon)
    counts = np.bincount(marks, minlength=d)
    if counts.min() < 2:
        raise DataError("too few events to fit", got=counts.tolist(), expected="at least 2 of every type")
    if start is None:
        rate = counts / horizon
        beta = np.full((d, d), rate.sum())
        start = HawkesParameters(0.5 * rate, 0.5 / d * beta, beta)
    guess = np.concatenate([np.log(np.maximum(np.ravel(a), 1e-9)) for a in start])
    # Per event, so that the tolerances of the search mean the same for short and for long records.
    scale = 1.0 / times.size

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        values = np.exp(theta)
        gradient = np.zeros(values.size)
        score = hawkes_score(times, marks, float(horizon), *_unpacked(values, d), gradient)
        return -score * scale, -gradient * values * scale

    found = minimize(
        loss,
        guess,
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_LOG, _MOST_LOG)] * guess.size,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
    )
    parameters = hawkes_parameters(*_unpacked(np.exp(found.x), d))
    return HawkesFit(parameters, float(-found.fun / scale), bool(found.success))


def _unpacked(values: np.ndarray, d: int) -> HawkesParameters:
    square = d * d
    return HawkesParameters(
        values[:d], values[d : d + square].reshape(d, d), values[d + square :].reshape(d, d)
    )


@njit(cache=True)
def thin_hawkes(state, clock, horizon, mu, alpha, beta, uniforms, times, marks):
    """Candidates of Ogata's thinning, one from each row of ``uniforms`` (m, 2) in [0, 1).

    ``state`` (d, d) and ``clock`` (1,) carry the excitation and the time to the next call; accepted events
    go to ``times`` and ``marks`` (m,). Between events the intensity only falls, so its value now bounds it
    until the next candidate. Returns the number accepted and whether the horizon was passed. O(m d^2).
    """
    d = mu.shape[0]
    count = 0
    for k in range(uniforms.shape[0]):
        bound = 0.0
        for i in range(d):
            bound += mu[i]
            for j in range(d):
                bound += alpha[i, j] * state[i, j]
        wait = -math.log1p(-uniforms[k, 0]) / bound
        if clock[0] + wait > horizon:
            return count, True
        clock[0] += wait
        level, total, mark = uniforms[k, 1] * bound, 0.0, -1
        for i in range(d):
            total += mu[i]
            for j in range(d):
                state[i, j] *= math.exp(-beta[i, j] * wait)
                total += alpha[i, j] * state[i, j]
            if mark < 0 and level < total:
                mark = i
        if mark >= 0:
            times[count] = clock[0]
            marks[count] = mark
            count += 1
            for i in range(d):
                state[i, mark] += 1.0
    return count, False


def simulate_hawkes(
    parameters: HawkesParameters, horizon: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Events of a Hawkes process on [0, ``horizon``], by thinning: times (n,) and marks (n,).

    Begins without a past. Uses two uniforms of ``generator`` for each candidate, in blocks. O(n d^2).

    Raises
    ------
    ConfigError
        The process would explode (branching ratio >= 1), or the horizon is not a positive number.

    Examples
    --------
    >>> t, m = simulate_hawkes(hawkes_parameters(2.0, 0.5, 1.0), 10.0, np.random.default_rng(0))
    >>> bool((t[1:] > t[:-1]).all() and t[-1] <= 10.0), set(m.tolist())
    (True, {0})

    References
    ----------
    Ogata, Y. (1981). On Lewis' simulation method for point processes. IEEE Trans. Information Theory 27.
    """
    ratio = branching_ratio(parameters)
    if not (ratio < 1.0 and math.isfinite(horizon) and horizon > 0.0):
        raise ConfigError(
            "this process cannot be simulated",
            got=f"branching ratio {ratio}, horizon {horizon}",
            expected="a branching ratio < 1 and a horizon > 0",
        )
    d = parameters.mu.size
    state, clock = np.zeros((d, d)), np.zeros(1)
    times, marks = np.empty(_BLOCK), np.empty(_BLOCK, np.int64)
    parts_t, parts_m, done = [], [], False
    while not done:
        uniforms = generator.random((_BLOCK, 2))
        count, done = thin_hawkes(state, clock, float(horizon), *parameters, uniforms, times, marks)
        parts_t.append(times[:count].copy())
        parts_m.append(marks[:count].copy())
    return np.concatenate(parts_t), np.concatenate(parts_m)

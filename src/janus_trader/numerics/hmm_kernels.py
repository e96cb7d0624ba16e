"""Compiled core of the Gaussian HMM: one state record, the log densities of a row, one filter step.

The record keeps the model and all scratch space in one block, states innermost and padded to a multiple
of `LANES`: the number of states, of features and the kind of covariance are constants of the compiled
code, and every inner loop is a whole number of vector registers. Padded states have probability 0 and
log density -inf.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from janus_trader.numerics.hmm_parameters import HMMParameters
from janus_trader.numerics.lane_compiler import LaneCompiler
from janus_trader.numerics.streaming import first_equal

#: States are padded to a multiple of this: doubles in a 256-bit register.
LANES = 4
#: A scaled likelihood below this is computed again in the log domain.
UNDERFLOW = 1e-150
#: Least share of a feature's variance in a state that the features before it leave unexplained.
COLLINEAR = 1e-12

_LOG_2PI = math.log(2.0 * math.pi)


def hmm_dtype(n_states: int, n_features: int, full: bool) -> np.dtype:
    """Model, filter state and sums of the expectation step of an HMM, in one record.

    ``spread`` holds variances (d rows) or the lower triangle of the covariances, row by row
    (d (d + 1) / 2 rows); ``factor`` the inverse of its Cholesky factor in the same layout. ``moments``
    holds the mass, the sums and the products of deviations from ``means``.
    """
    lanes = LANES * -(-n_states // LANES)
    spread = n_features * (n_features + 1) // 2 if full else n_features
    fields: list[Any] = [
        ("posterior", "f8", (lanes,)),
        ("predicted", "f8", (lanes,)),
        ("transition", "f8", (lanes, lanes)),
        ("initial", "f8", (lanes,)),
        ("means", "f8", (n_features, lanes)),
        ("spread", "f8", (spread, lanes)),
        ("factor", "f8", (spread, lanes)),
        ("constant", "f8", (lanes,)),
        ("log_density", "f8", (lanes,)),
        ("deviation", "f8", (n_features, lanes)),
        ("work", "f8", (lanes,)),
        ("transposed", "f8", (lanes, lanes)),
        ("smoothed", "f8", (lanes,)),
        ("ratio", "f8", (lanes,)),
        ("first", "f8", (lanes,)),
        ("pairs", "f8", (lanes, lanes)),
        ("moments", "f8", (1 + n_features + spread, lanes)),
        ("floor", "f8", (n_features,)),
        ("shift", "f8"),
        ("scale", "f8"),
        ("n", "i8"),
        ("n_states", "i8"),
    ]
    return first_equal(np.dtype(fields, align=True))


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def whiten(s: Any) -> None:
    """Fill ``factor``, ``constant`` and ``transposed`` of a record from its other parameters. O(K d^3).

    A variance below ``floor``, or, in a full model, the part of it that the features before it leave
    unexplained (a pivot of the Cholesky factor) below ``floor`` or `COLLINEAR` of the variance, is
    raised to it in ``spread`` too.
    """
    d, lanes = s.means.shape
    full = s.spread.shape[0] > d
    root = np.zeros((d, d))
    for k in range(lanes):
        s.constant[k] = -np.inf
        for j in range(lanes):
            s.transposed[j, k] = s.transition[k, j]
    for k in range(s.n_states):
        total = d * _LOG_2PI
        if not full:
            for i in range(d):
                s.spread[i, k] = max(s.spread[i, k], s.floor[i])
                s.factor[i, k] = 1.0 / math.sqrt(s.spread[i, k])
                total += math.log(s.spread[i, k])
        else:
            for i in range(d):
                row = i * (i + 1) // 2
                for j in range(i):
                    value = s.spread[row + j, k]
                    for m in range(j):
                        value -= root[i, m] * root[j, m]
                    root[i, j] = value / root[j, j]
                pivot = s.spread[row + i, k]
                least = max(s.floor[i], COLLINEAR * pivot)
                for m in range(i):
                    pivot -= root[i, m] * root[i, m]
                if pivot < least:
                    s.spread[row + i, k] += least - pivot
                    pivot = least
                root[i, i] = math.sqrt(pivot)
                total += math.log(pivot)
                for j in range(i):
                    value = 0.0
                    for m in range(j, i):
                        value -= root[i, m] * s.factor[m * (m + 1) // 2 + j, k]
                    s.factor[row + j, k] = value / root[i, i]
                s.factor[row + i, k] = 1.0 / root[i, i]
        s.constant[k] = -0.5 * total


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def log_densities(s: Any, x: np.ndarray) -> None:
    """Log density of a row (d,) under each state, into ``s.log_density``. O(K d), full O(K d^2)."""
    d, lanes = s.means.shape
    full = s.spread.shape[0] > d
    for k in range(lanes):
        s.log_density[k] = s.constant[k]
    for i in range(d):
        value = x[i]
        for k in range(lanes):
            s.deviation[i, k] = value - s.means[i, k]
        if full:
            row = i * (i + 1) // 2
            for k in range(lanes):
                s.work[k] = s.factor[row, k] * s.deviation[0, k]
            for j in range(1, i + 1):
                for k in range(lanes):
                    s.work[k] += s.factor[row + j, k] * s.deviation[j, k]
        else:
            for k in range(lanes):
                s.work[k] = s.factor[i, k] * s.deviation[i, k]
        for k in range(lanes):
            s.log_density[k] -= 0.5 * s.work[k] * s.work[k]


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def _unlikely(s: Any) -> None:
    """The filter's update in the log domain: for rows that no state in reach explains."""
    lanes = s.posterior.shape[0]
    s.shift = -np.inf
    for k in range(lanes):
        if s.predicted[k] > 0.0:
            s.log_density[k] += math.log(s.predicted[k])
            s.shift = max(s.shift, s.log_density[k])
    s.scale = 0.0
    if s.shift == -np.inf:  # beyond the range of a double under every state: the row says nothing
        s.scale = 1.0
        for k in range(lanes):
            s.posterior[k] = s.predicted[k]
        return
    for k in range(lanes):
        s.posterior[k] = math.exp(s.log_density[k] - s.shift) if s.predicted[k] > 0.0 else 0.0
        s.scale += s.posterior[k]
    for k in range(lanes):
        s.posterior[k] /= s.scale


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def hmm_step(s: Any, x: np.ndarray) -> None:
    """One filter step on a record of `hmm_dtype`: the finite row ``x`` (d,) into ``s.posterior``.

    ``s.predicted`` holds the state probabilities before the row; the log predictive density of the row
    is ``s.shift + log(s.scale)``. No row, however unlikely, underflows. O(K^2 + K d), full O(K^2 + K d^2).
    """
    lanes = s.posterior.shape[0]
    log_densities(s, x)
    top = s.log_density[0]
    for k in range(1, lanes):
        top = max(top, s.log_density[k])
    if s.n == 0:
        for k in range(lanes):
            s.predicted[k] = s.initial[k]
    else:
        first = s.posterior[0]
        for k in range(lanes):
            s.predicted[k] = first * s.transition[0, k]
        for i in range(1, lanes):
            weight = s.posterior[i]
            for k in range(lanes):
                s.predicted[k] += weight * s.transition[i, k]
    s.n += 1
    total = 0.0
    for k in range(lanes):
        s.work[k] = s.predicted[k] * math.exp(s.log_density[k] - top)
        total += s.work[k]
    if not total > UNDERFLOW:
        _unlikely(s)
        return
    s.shift = top
    s.scale = total
    for k in range(lanes):
        s.posterior[k] = s.work[k] / total


@njit(cache=True)
def is_finite(x: np.ndarray) -> bool:
    """Whether every number of a row is finite."""
    finite = True
    for i in range(x.shape[0]):
        finite = finite and math.isfinite(x[i])
    return finite


def lower_triangle(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the lower triangle of a (d, d) matrix in the order of the records."""
    rows, columns = np.tril_indices(d)
    return rows, columns


def pack(p: HMMParameters, floor: np.ndarray | None = None) -> np.ndarray:
    """A record array of one, holding a model ready for `hmm_step`.

    ``floor`` (d,) is the least variance (default 0: take the covariances as they are).

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 1)), np.ones((1, 1)))
    >>> s = pack(p)
    >>> hmm_step(s[0], np.array([0.0]))
    >>> round(float(s[0]["shift"] + np.log(s[0]["scale"])), 6)
    -0.918939
    """
    states = np.zeros(1, hmm_dtype(p.n_states, p.n_features, p.full))
    k, s = p.n_states, states[0]
    s["n_states"] = k
    s["initial"][:k] = p.initial
    s["transition"][:k, :k] = p.transition
    s["means"][:, :k] = p.means.T
    if p.full:
        rows, columns = lower_triangle(p.n_features)
        s["spread"][:, :k] = p.covariances[:, rows, columns].T
    else:
        s["spread"][:, :k] = p.covariances.T
    if floor is not None:
        s["floor"] = floor
    whiten(states[0])
    return states


def unpack(states: np.ndarray) -> HMMParameters:
    """The model in a record array; inverse of `pack`."""
    s = states[0]
    k, d = int(s["n_states"]), s["means"].shape[0]
    covariances = np.ascontiguousarray(s["spread"][:, :k].T)
    if s["spread"].shape[0] > d:
        rows, columns = lower_triangle(d)
        packed, covariances = covariances, np.empty((k, d, d))
        covariances[:, rows, columns] = packed
        covariances[:, columns, rows] = packed
    return HMMParameters(
        s["initial"][:k].copy(),
        s["transition"][:k, :k].copy(),
        np.ascontiguousarray(s["means"][:, :k].T),
        covariances,
    )

"""Compiled expectation maximisation of a Gaussian HMM, over the records of `hmm_kernels`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from janus_trader.numerics.hmm_kernels import UNDERFLOW, hmm_step, log_densities, whiten
from janus_trader.numerics.lane_compiler import LaneCompiler

#: A transition or initial probability below this becomes 0: EM would only carry it into denormals.
NEGLIGIBLE = 1e-100
#: A state that explains less than this of one row keeps its emissions.
LEAST_MASS = 1e-3

_TINY = 1e-300


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def clear_sums(s: Any) -> None:
    """Empty the sums of the expectation step."""
    s.first[:] = 0.0
    s.pairs[:] = 0.0
    s.moments[:] = 0.0


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def add_moments(s: Any, x: np.ndarray) -> None:
    """Add the row ``x`` to ``s.moments``, each state with its weight in ``s.smoothed``.

    Sums are of deviations from the means in force, so nothing cancels however far from 0 they lie.
    """
    d, lanes = s.means.shape
    for k in range(lanes):
        s.moments[0, k] += s.smoothed[k]
    for i in range(d):
        value = x[i]
        for k in range(lanes):
            s.deviation[i, k] = value - s.means[i, k]
        for k in range(lanes):
            s.work[k] = s.smoothed[k] * s.deviation[i, k]
        for k in range(lanes):
            s.moments[1 + i, k] += s.work[k]
        if s.spread.shape[0] > d:
            row = 1 + d + i * (i + 1) // 2
            for j in range(i + 1):
                for k in range(lanes):
                    s.moments[row + j, k] += s.work[k] * s.deviation[j, k]
        else:
            for k in range(lanes):
                s.moments[1 + d + i, k] += s.work[k] * s.deviation[i, k]


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def forward(s: Any, x: np.ndarray, filtered: np.ndarray, predicted: np.ndarray) -> float:
    """Filter a sequence from its beginning; log-likelihood of the rows ``x`` (T, d).

    ``filtered`` and ``predicted`` (T, lanes) receive the state probabilities after and before each row.
    """
    lanes = s.posterior.shape[0]
    total, product = 0.0, 1.0
    s.n = 0
    for t in range(x.shape[0]):
        hmm_step(s, x[t])
        for k in range(lanes):
            filtered[t, k] = s.posterior[k]
        for k in range(lanes):
            predicted[t, k] = s.predicted[k]
        total += s.shift
        product *= s.scale
        if product < UNDERFLOW:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def smooth_back(s: Any, filtered: np.ndarray, predicted: np.ndarray) -> None:
    """One step back: ``s.smoothed`` of the next row becomes that of the row filtered as ``filtered``.

    ``predicted`` are the probabilities before the next row;
    ``gamma_t(i) = alpha_t(i) sum_j A_ij gamma_t+1(j) / predicted_t+1(j)``. The expected transitions are
    added to ``s.pairs``, still without their factor ``A_ij``.
    """
    lanes = s.posterior.shape[0]
    for k in range(lanes):
        s.ratio[k] = min(s.smoothed[k] / max(predicted[k], _TINY), 1.0 / _TINY)
    first = s.ratio[0]
    for k in range(lanes):
        s.work[k] = s.transposed[0, k] * first
    for j in range(1, lanes):
        factor = s.ratio[j]
        for k in range(lanes):
            s.work[k] += s.transposed[j, k] * factor
    for i in range(lanes):
        weight = filtered[i]
        for k in range(lanes):
            s.pairs[i, k] += weight * s.ratio[k]
    for k in range(lanes):
        s.smoothed[k] = filtered[k] * s.work[k]


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def expect(s: Any, x: np.ndarray, filtered: np.ndarray, predicted: np.ndarray) -> float:
    """Expectation step over one sequence, added to the sums of ``s``; its log-likelihood.

    ``filtered`` (T, lanes) and ``predicted`` (T, lanes) are scratch. O(T (K^2 + K d)), full
    O(T (K^2 + K d^2)).
    """
    lanes = s.posterior.shape[0]
    value = forward(s, x, filtered, predicted)
    last = x.shape[0] - 1
    for k in range(lanes):
        s.smoothed[k] = s.posterior[k]
    add_moments(s, x[last])
    for t in range(last - 1, -1, -1):
        smooth_back(s, filtered[t], predicted[t + 1])
        add_moments(s, x[t])
    for k in range(lanes):
        s.first[k] += s.smoothed[k]
    return value


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def normalise(p: np.ndarray, n: int) -> None:
    """Divide the first ``n`` numbers by their sum; what is `NEGLIGIBLE` then becomes 0."""
    total = 0.0
    for k in range(n):
        total += p[k]
    for k in range(n):
        p[k] /= total
        if p[k] < NEGLIGIBLE:
            p[k] = 0.0


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def maximise_transitions(s: Any) -> None:
    """New initial law and transition matrix from the sums; a state that is never left keeps its row."""
    normalise(s.first, s.n_states)
    for i in range(s.n_states):
        s.initial[i] = s.first[i]
        leaving = 0.0
        for j in range(s.n_states):
            s.work[j] = s.pairs[i, j] * s.transition[i, j] if s.transition[i, j] > 0.0 else 0.0
            leaving += s.work[j]
        if leaving > NEGLIGIBLE:
            for j in range(s.n_states):
                s.transition[i, j] = s.work[j]
            normalise(s.transition[i], s.n_states)


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def maximise_emissions(s: Any) -> None:
    """New means and covariances from the sums, floored and made ready by `whiten`."""
    d = s.means.shape[0]
    for k in range(s.n_states):
        mass = s.moments[0, k]
        if mass < LEAST_MASS:
            continue
        for i in range(d):
            s.deviation[i, k] = s.moments[1 + i, k] / mass
            s.means[i, k] += s.deviation[i, k]
        for i in range(d):
            if s.spread.shape[0] > d:
                row = i * (i + 1) // 2
                for j in range(i + 1):
                    product = s.deviation[i, k] * s.deviation[j, k]
                    s.spread[row + j, k] = s.moments[1 + d + row + j, k] / mass - product
            else:
                s.spread[i, k] = s.moments[1 + d + i, k] / mass - s.deviation[i, k] ** 2
    whiten(s)


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def expect_all(
    s: Any, x: np.ndarray, bounds: np.ndarray, filtered: np.ndarray, predicted: np.ndarray
) -> float:
    """Expectation step over independent sequences, rows ``bounds[i]`` to ``bounds[i + 1]``."""
    clear_sums(s)
    value = 0.0
    for i in range(bounds.shape[0] - 1):
        value += expect(s, x[bounds[i] : bounds[i + 1]], filtered, predicted)
    return value


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def expectation_maximisation(
    states: np.ndarray, x: np.ndarray, bounds: np.ndarray, max_iter: int, tol: float
) -> tuple[float, int]:
    """Run EM on the model in ``states``; log-likelihood of the model left behind, and the steps taken.

    Stops after ``max_iter`` steps, or when a step gained less than ``tol`` per row. A step costs
    O(T K (K + d)), full O(T K (K + d^2)); one more expectation values the last model.
    """
    s = states[0]
    lanes = s.posterior.shape[0]
    filtered = np.empty((x.shape[0], lanes))
    predicted = np.empty((x.shape[0], lanes))
    value = expect_all(s, x, bounds, filtered, predicted)
    for step in range(max_iter):
        maximise_transitions(s)
        maximise_emissions(s)
        before = value
        value = expect_all(s, x, bounds, filtered, predicted)
        if value - before < tol * x.shape[0]:
            return value, step + 1
    return value, max_iter


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def sequence_likelihood(states: np.ndarray, x: np.ndarray, bounds: np.ndarray) -> float:
    """Log-likelihood of independent sequences, without memory for the rows."""
    s = states[0]
    total = 0.0
    for i in range(bounds.shape[0] - 1):
        s.n = 0
        for t in range(bounds[i], bounds[i + 1]):
            hmm_step(s, x[t])
            total += s.shift + math.log(s.scale)
    return total


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def sequence_filter(states: np.ndarray, x: np.ndarray) -> None:
    """Filter the rows of one sequence from its beginning; the last posterior stays in ``states``."""
    s = states[0]
    s.n = 0
    for t in range(x.shape[0]):
        hmm_step(s, x[t])


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def smooth(states: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Probabilities (T, lanes) of the states given all rows of one sequence."""
    s = states[0]
    lanes = s.posterior.shape[0]
    filtered = np.empty((x.shape[0], lanes))
    predicted = np.empty((x.shape[0], lanes))
    forward(s, x, filtered, predicted)
    for k in range(lanes):
        s.smoothed[k] = s.posterior[k]
    for t in range(x.shape[0] - 2, -1, -1):
        smooth_back(s, filtered[t], predicted[t + 1])
        for k in range(lanes):
            filtered[t, k] = s.smoothed[k]
    return filtered


@njit(cache=True, error_model="numpy", pipeline_class=LaneCompiler)
def best_path(states: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Likeliest path (T,) of one sequence and its joint log density, by Viterbi's recursion."""
    s = states[0]
    n = s.n_states
    back = np.empty((x.shape[0], n), np.int64)
    log_transition = np.full((n, n), -np.inf)
    score = np.full(n, -np.inf)
    for i in range(n):
        if s.initial[i] > 0.0:
            score[i] = math.log(s.initial[i])
        for j in range(n):
            if s.transition[i, j] > 0.0:
                log_transition[i, j] = math.log(s.transition[i, j])
    arrived = np.empty(n)
    for t in range(x.shape[0]):
        log_densities(s, x[t])
        for j in range(n):
            best = 0
            if t > 0:
                for i in range(1, n):
                    if score[i] + log_transition[i, j] > score[best] + log_transition[best, j]:
                        best = i
            back[t, j] = best
            reach = score[best] + log_transition[best, j] if t > 0 else score[j]
            arrived[j] = reach + s.log_density[j]
        score[:] = arrived
    path = np.empty(x.shape[0], np.int64)
    path[-1] = np.argmax(score)
    for t in range(x.shape[0] - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path, score[path[-1]]

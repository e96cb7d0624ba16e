"""Compiled recursions of a Gaussian HMM with diagonal covariances, over plain arrays: filter and EM."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

#: Least probability of any transition during a fit: the scaled recursions can then never underflow.
MIN_PROBABILITY = 1e-12

_LOG_2PI = math.log(2.0 * math.pi)


@njit(cache=True)
def log_constants(variances: np.ndarray, inverse: np.ndarray, constant: np.ndarray) -> None:
    """Fill the inverse variances (K, d) and the log normaliser (K,) of each state. O(K d)."""
    n_states, d = variances.shape
    for k in range(n_states):
        total = d * _LOG_2PI
        for i in range(d):
            inverse[k, i] = 1.0 / variances[k, i]
            total += math.log(variances[k, i])
        constant[k] = -0.5 * total


@njit(cache=True)
def log_emission(
    x: np.ndarray, means: np.ndarray, inverse: np.ndarray, constant: np.ndarray, out: np.ndarray
) -> None:
    """Log density of one row (d,) under each state, into ``out`` (K,). O(K d)."""
    n_states, d = means.shape
    for k in range(n_states):
        quadratic = 0.0
        for i in range(d):
            z = x[i] - means[k, i]
            quadratic += z * z * inverse[k, i]
        out[k] = constant[k] - 0.5 * quadratic


@njit(cache=True)
def hmm_filter_step(
    posterior: np.ndarray,
    first: bool,
    x: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    inverse: np.ndarray,
    constant: np.ndarray,
) -> float:
    """One forward step in the log domain, in place; returns the row's log predictive density.

    ``posterior`` (K,) holds the state probabilities before the row and receives those after it;
    ``first`` replaces the prediction by ``initial``. ``inverse`` are 1/variances (K, d), ``constant``
    the log normalisers (K,). No row can underflow. O(K^2 + K d).
    """
    n_states = initial.shape[0]
    joint = np.empty(n_states)
    log_emission(x, means, inverse, constant, joint)
    top = -np.inf
    for j in range(n_states):
        prior = initial[j]
        if not first:
            prior = 0.0
            for i in range(n_states):
                prior += posterior[i] * transition[i, j]
        joint[j] = joint[j] + math.log(prior) if prior > 0.0 else -np.inf
        top = max(top, joint[j])
    total = 0.0
    for j in range(n_states):
        joint[j] = math.exp(joint[j] - top)
        total += joint[j]
    for j in range(n_states):
        posterior[j] = joint[j] / total
    return top + math.log(total)


@njit(cache=True)
def floor_distribution(p: np.ndarray) -> None:
    """Raise every entry of a distribution to `MIN_PROBABILITY` and normalise, in place."""
    total = 0.0
    for i in range(p.shape[0]):
        p[i] = max(p[i], MIN_PROBABILITY)
        total += p[i]
    for i in range(p.shape[0]):
        p[i] /= total


@njit(cache=True)
def forward(
    x: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    variances: np.ndarray,
    alpha: np.ndarray,
    emission: np.ndarray,
) -> float:
    """Scaled forward pass: fills ``alpha`` (filtered probabilities) and ``emission`` (both (T, K)).

    Row t of ``emission`` is the likelihood over alpha's normaliser, so that the backward pass needs no
    other scale. Returns the log-likelihood. All probabilities must be >= `MIN_PROBABILITY`.
    """
    n_states = means.shape[0]
    inverse = np.empty_like(means)
    constant = np.empty(n_states)
    log_constants(variances, inverse, constant)
    total = 0.0
    for t in range(x.shape[0]):
        row = emission[t]
        log_emission(x[t], means, inverse, constant, row)
        top = row[0]
        for j in range(1, n_states):
            top = max(top, row[j])
        norm = 0.0
        for j in range(n_states):
            row[j] = math.exp(row[j] - top)
            prior = initial[j]
            if t > 0:
                prior = 0.0
                for i in range(n_states):
                    prior += alpha[t - 1, i] * transition[i, j]
            alpha[t, j] = prior * row[j]
            norm += alpha[t, j]
        for j in range(n_states):
            alpha[t, j] /= norm
            row[j] /= norm
        total += math.log(norm) + top
    return total


@njit(cache=True)
def backward(alpha: np.ndarray, emission: np.ndarray, transition: np.ndarray, pairs: np.ndarray) -> None:
    """Scaled backward pass: turns ``alpha`` into smoothed probabilities, sums the pairs into ``pairs``.

    ``pairs[i, j]`` becomes the expected number of transitions from i to j. O(T K^2).
    """
    n_obs, n_states = alpha.shape
    beta = np.ones(n_states)
    weighted = np.empty(n_states)
    pairs[:] = 0.0
    for t in range(n_obs - 2, -1, -1):
        for j in range(n_states):
            weighted[j] = emission[t + 1, j] * beta[j]
        for i in range(n_states):
            total = 0.0
            for j in range(n_states):
                step = transition[i, j] * weighted[j]
                total += step
                pairs[i, j] += alpha[t, i] * step
            beta[i] = total
        for i in range(n_states):
            alpha[t, i] *= beta[i]


@njit(cache=True)
def maximise(
    x: np.ndarray,
    gamma: np.ndarray,
    pairs: np.ndarray,
    floor: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    variances: np.ndarray,
) -> None:
    """M-step in place: new parameters from smoothed probabilities ``gamma`` and expected ``pairs``.

    A state that explains less than a thousandth of a row keeps its emissions, and a state that is
    never left keeps its transitions. Variances stay >= ``floor`` (d,). O(T K d).
    """
    n_obs, d = x.shape
    n_states = gamma.shape[1]
    for k in range(n_states):
        initial[k] = gamma[0, k]
        mass = 0.0
        for t in range(n_obs):
            mass += gamma[t, k]
        if mass > 1e-3:
            means[k] = 0.0
            variances[k] = 0.0
            for t in range(n_obs):
                for i in range(d):
                    means[k, i] += gamma[t, k] * x[t, i]
            for i in range(d):
                means[k, i] /= mass
            for t in range(n_obs):
                for i in range(d):
                    variances[k, i] += gamma[t, k] * (x[t, i] - means[k, i]) ** 2
            for i in range(d):
                variances[k, i] = max(variances[k, i] / mass, floor[i])
        leaving = 0.0
        for j in range(n_states):
            leaving += pairs[k, j]
        if leaving > MIN_PROBABILITY:
            for j in range(n_states):
                transition[k, j] = pairs[k, j] / leaving
            floor_distribution(transition[k])
    floor_distribution(initial)


@njit(cache=True)
def expectation_maximisation(
    x: np.ndarray,
    initial: np.ndarray,
    transition: np.ndarray,
    means: np.ndarray,
    variances: np.ndarray,
    floor: np.ndarray,
    max_iter: int,
    tol: float,
) -> tuple[float, int]:
    """Run EM in place; returns the log-likelihood of the parameters left behind, and the steps taken.

    Stops after ``max_iter`` steps, or when a step gained less than ``tol`` per row. O(max_iter T K (K + d)).
    """
    n_obs = x.shape[0]
    n_states = means.shape[0]
    alpha = np.empty((n_obs, n_states))
    emission = np.empty((n_obs, n_states))
    pairs = np.empty((n_states, n_states))
    floor_distribution(initial)
    for k in range(n_states):
        floor_distribution(transition[k])
    value = forward(x, initial, transition, means, variances, alpha, emission)
    for step in range(max_iter):
        backward(alpha, emission, transition, pairs)
        maximise(x, alpha, pairs, floor, initial, transition, means, variances)
        before = value
        value = forward(x, initial, transition, means, variances, alpha, emission)
        if value - before < tol * n_obs:
            return value, step + 1
    return value, max_iter


@njit(cache=True)
def _nearest(row: np.ndarray, centres: np.ndarray, n_centres: int, weight: np.ndarray) -> tuple[int, float]:
    """Index of and weighted squared distance to the nearest of the first ``n_centres`` centres."""
    best, least = 0, np.inf
    for k in range(n_centres):
        distance = 0.0
        for i in range(row.shape[0]):
            z = row[i] - centres[k, i]
            distance += weight[i] * z * z
        if distance < least:
            best, least = k, distance
    return best, least


@njit(cache=True)
def seed_centres(x: np.ndarray, weight: np.ndarray, uniforms: np.ndarray, n_lloyd: int) -> np.ndarray:
    """Centres (K, d) by k-means++ driven by ``uniforms`` (K,), then ``n_lloyd`` Lloyd sweeps.

    Distances are squared and weighted per feature by ``weight`` (d,). O(K T d (1 + n_lloyd)).
    """
    n_obs, d = x.shape
    n_states = uniforms.shape[0]
    centres = np.empty((n_states, d))
    centres[0] = x[int(uniforms[0] * n_obs)]
    distance = np.empty(n_obs)
    for k in range(1, n_states):
        total = 0.0
        for t in range(n_obs):
            distance[t] = _nearest(x[t], centres, k, weight)[1]
            total += distance[t]
        wanted = uniforms[k] * total
        chosen = int(uniforms[k] * n_obs)  # used when all rows coincide with a centre
        for t in range(n_obs):
            wanted -= distance[t]
            if wanted < 0.0:
                chosen = t
                break
        centres[k] = x[chosen]
    sums = np.empty((n_states, d))
    counts = np.empty(n_states)
    for _ in range(n_lloyd):
        sums[:] = 0.0
        counts[:] = 0.0
        for t in range(n_obs):
            k = _nearest(x[t], centres, n_states, weight)[0]
            counts[k] += 1.0
            for i in range(d):
                sums[k, i] += x[t, i]
        for k in range(n_states):
            if counts[k] > 0.0:
                for i in range(d):
                    centres[k, i] = sums[k, i] / counts[k]
    return centres


@njit(cache=True)
def cluster_variances(
    x: np.ndarray, centres: np.ndarray, weight: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Variances (K, d) of the rows nearest to each centre; ``total`` (d,) where that is one row or none."""
    n_states, d = centres.shape
    out = np.zeros((n_states, d))
    counts = np.zeros(n_states)
    for t in range(x.shape[0]):
        k = _nearest(x[t], centres, n_states, weight)[0]
        counts[k] += 1.0
        for i in range(d):
            out[k, i] += (x[t, i] - centres[k, i]) ** 2
    for k in range(n_states):
        for i in range(d):
            out[k, i] = out[k, i] / counts[k] if counts[k] > 1.0 else total[i]
    return out


def variance_floor(rows: np.ndarray, min_variance: float) -> np.ndarray:
    """Least variance per feature; the second term is the rounding noise of a constant feature."""
    noise = 1e-24 * np.mean(rows * rows, axis=0)
    return np.maximum(np.maximum(min_variance * rows.var(axis=0), noise), np.finfo(np.float64).tiny)


def starting_point(
    rows: np.ndarray, uniforms: np.ndarray, floor: np.ndarray, persistence: float, n_lloyd: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Parameters that EM starts from: clusters, uniform initial law, sticky transitions."""
    k = uniforms.size
    total = np.maximum(rows.var(axis=0), floor)
    weight = 1.0 / total
    means = seed_centres(rows, weight, uniforms, n_lloyd)
    variances = np.maximum(cluster_variances(rows, means, weight, total), floor)
    stay = persistence if k > 1 else 1.0
    transition = np.full((k, k), (1.0 - stay) / max(k - 1, 1))
    np.fill_diagonal(transition, stay)
    return np.full(k, 1.0 / k), transition, means, variances

"""Where EM starts: clusters of the rows by k-means++ and Lloyd's sweeps, and floors under variances."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.numerics.hmm_parameters import HMMParameters


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
    return np.maximum(np.maximum(min_variance * rows.var(axis=0), noise), 1e-200)


def sticky_transitions(n_states: int, persistence: float) -> np.ndarray:
    """A transition matrix that stays with probability ``persistence`` and else goes anywhere alike.

    >>> sticky_transitions(2, 0.9).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """
    stay = persistence if n_states > 1 else 1.0
    transition = np.full((n_states, n_states), round(1.0 - stay, 15) / max(n_states - 1, 1))
    np.fill_diagonal(transition, stay)
    return transition


def starting_point(
    rows: np.ndarray, uniforms: np.ndarray, floor: np.ndarray, persistence: float, n_lloyd: int, full: bool
) -> HMMParameters:
    """Parameters that EM starts from: clusters, uniform initial law, sticky transitions.

    A full model starts from diagonal matrices.
    """
    k = uniforms.size
    total = np.maximum(rows.var(axis=0), floor)
    weight = 1.0 / total
    means = seed_centres(rows, weight, uniforms, n_lloyd)
    variances = np.maximum(cluster_variances(rows, means, weight, total), floor)
    covariances = variances[:, :, None] * np.eye(rows.shape[1]) if full else variances
    return HMMParameters(np.full(k, 1.0 / k), sticky_transitions(k, persistence), means, covariances)

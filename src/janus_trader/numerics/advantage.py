"""From rewards and values to what a learner steps along: advantages, traces, double-Q targets.

Everywhere ``terminated`` says that an episode ended because the world did (its future is worth 0), and
``last`` that nothing recorded follows this row, for whatever reason. Where a record is merely cut off, the
value of the state it was cut off in stands for the future: truncation is not termination.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def temporal_differences(rewards, values, after, terminated, gamma, out):
    r"""One-step errors, (T,).

    .. math:: \delta_t = r_t + \gamma (1 - d_t) V(s_{t+1}) - V(s_t)

    (the δ of specification eq. 39). ``after`` (T,) is the value of the state each row led to. O(T).

    Examples
    --------
    >>> out, none = np.empty(1), np.zeros(1, np.bool_)
    >>> temporal_differences(np.array([1.0]), np.array([0.5]), np.array([2.0]), none, 0.5, out)
    >>> out.tolist()
    [1.5]
    """
    for t in range(rewards.size):
        future = 0.0 if terminated[t] else gamma * after[t]
        out[t] = rewards[t] + future - values[t]


@njit(cache=True)
def generalised_advantages(rewards, values, after, terminated, last, gamma, lam, out):
    r"""Generalised advantage estimates along rows in the order of time, (T,).

    .. math:: A_t = \delta_t + \gamma\lambda\, A_{t+1}

    with the sum broken after a ``last`` row and after a ``terminated`` one; δ of a truncated row bootstraps
    from ``after``. λ = 0 is the one-step error, λ = 1 the discounted return less the value. O(T).

    Examples
    --------
    >>> r, v, after = np.ones(2), np.zeros(2), np.zeros(2)
    >>> none, last, out = np.zeros(2, np.bool_), np.array([False, True]), np.empty(2)
    >>> generalised_advantages(r, v, after, none, last, 0.5, 1.0, out)
    >>> out.tolist()
    [1.5, 1.0]

    References
    ----------
    Schulman, Moritz, Levine, Jordan & Abbeel (2016). High-dimensional continuous control using GAE.
    """
    running = 0.0
    for t in range(rewards.size - 1, -1, -1):
        if last[t] or terminated[t]:
            running = 0.0
        future = 0.0 if terminated[t] else gamma * after[t]
        running = rewards[t] + future - values[t] + gamma * lam * running
        out[t] = running


@njit(cache=True)
def trace_step(theta, trace, slopes, delta, rate, decay):
    r"""One step of TD(λ) with accumulating eligibility traces, in place. O(p).

    .. math:: e \leftarrow \gamma\lambda\, e + \nabla V(s), \qquad \theta \leftarrow \theta + \alpha\,\delta\, e

    ``slopes`` is ∇V(s) (or ∇ log π(a | s) for an actor), ``decay`` is γλ. Empty the trace where an episode
    begins.

    Examples
    --------
    >>> theta, trace = np.zeros(2), np.array([1.0, 0.0])
    >>> trace_step(theta, trace, np.array([0.0, 1.0]), 2.0, 0.1, 0.5)
    >>> theta.tolist(), trace.tolist()
    ([0.1, 0.2], [0.5, 1.0])

    References
    ----------
    Sutton & Barto (2018). Reinforcement learning, 2nd ed., chapter 12.
    """
    for i in range(theta.size):
        trace[i] = decay * trace[i] + slopes[i]
        theta[i] += rate * delta * trace[i]


@njit(cache=True)
def double_q_targets(rewards, online, target, terminated, gamma, out):
    r"""Targets of Double DQN, (B,).

    .. math:: y = r + \gamma (1 - d)\, Q^-\big(s', \arg\max_a Q(s', a)\big)

    ``online`` and ``target`` (B, actions) are the two networks' values of the next state: the online one
    chooses, the target one judges. Taking the target's own maximum instead is biased upwards. O(B·actions).

    Examples
    --------
    >>> out = np.empty(1)
    >>> online, target = np.array([[0.0, 1.0]]), np.array([[5.0, 2.0]])
    >>> double_q_targets(np.zeros(1), online, target, np.zeros(1, np.bool_), 0.5, out)
    >>> out.tolist()
    [1.0]

    References
    ----------
    van Hasselt, Guez & Silver (2016). Deep reinforcement learning with double Q-learning.
    """
    for b in range(rewards.size):
        best = 0
        for a in range(1, online.shape[1]):
            if online[b, a] > online[b, best]:
                best = a
        out[b] = rewards[b] if terminated[b] else rewards[b] + gamma * target[b, best]


def linear_td_lambda(
    weights: np.ndarray,
    features: np.ndarray,
    rewards: np.ndarray,
    after: np.ndarray,
    terminated: np.ndarray,
    rate: float,
    gamma: float,
    lam: float,
) -> np.ndarray:
    """Weights of a linear value function after one episode of TD(λ), online. O(T·d).

    ``features`` and ``after`` are (T, d): states and the states they led to. The trace starts empty.

    Examples
    --------
    >>> x = np.eye(2)
    >>> w = linear_td_lambda(
    ...     np.zeros(2), x, np.array([0.0, 1.0]), np.array([x[1], x[0]]), np.array([False, True]), 0.5, 1.0, 1.0
    ... )
    >>> w.tolist()
    [0.5, 0.5]
    """
    weights, trace = weights.astype(np.float64).copy(), np.zeros(weights.size)
    for t in range(len(rewards)):
        future = 0.0 if terminated[t] else gamma * float(after[t] @ weights)
        delta = rewards[t] + future - float(features[t] @ weights)
        trace_step(weights, trace, features[t], delta, rate, gamma * lam)
    return weights

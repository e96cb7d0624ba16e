"""What choices pay, what they are worth more than usual, and what positions earned: kernels of the policy."""

from __future__ import annotations

import numpy as np
from numba import njit

from janus_trader.numerics.advantage import generalised_advantages


@njit(cache=True)
def choice_rewards(position, payoff, cost, clip, out):  # type: ignore[no-untyped-def]
    """What short, flat and long pay, (B, 3): a·payoff − cost·|a − position|, in volatilities. O(B).

    >>> out = np.empty((1, 3))
    >>> choice_rewards(np.ones(1), np.array([2.0]), 0.1, 3.0, out)
    >>> out.tolist()
    [[-2.2, -0.1, 2.0]]
    """
    for b in range(position.size):
        paid = min(max(payoff[b], -clip), clip)
        for c in range(3):
            a = c - 1.0
            out[b, c] = a * paid - cost * abs(a - position[b])


@njit(cache=True)
def _expected(probabilities, worth):  # type: ignore[no-untyped-def]
    """Mean of what the choices of one row are worth."""
    total = 0.0
    for c in range(probabilities.size):
        total += probabilities[c] * worth[c]
    return total


@njit(cache=True)
def known_advantages(probabilities, rewards, future, values, last, gamma, lam, advantages, returns):  # type: ignore[no-untyped-def]
    """Advantage (B, 3) of every choice, r + γ·future − V, and what the critic is led to, V + GAE, (B,). O(B).

    GAE is that of the policy's expected reward and future; a row after which nothing follows bootstraps.
    """
    count = values.size
    expected, after, gae = np.empty(count), np.empty(count), np.empty(count)
    for b in range(count):
        expected[b] = _expected(probabilities[b], rewards[b])
        after[b] = _expected(probabilities[b], future[b])
        for c in range(3):
            advantages[b, c] = rewards[b, c] + gamma * future[b, c] - values[b]
    never = np.zeros(count, np.bool_)
    generalised_advantages(expected, values, after, never, last, gamma, lam, gae)
    for b in range(count):
        returns[b] = values[b] + gae[b]


@njit(cache=True)
def expected_errors(probabilities, rewards, future, values, gamma, out):  # type: ignore[no-untyped-def]
    """The policy's mean over its choices of r + γ·future − V, (B,). O(B).

    >>> out = np.empty(1)
    >>> expected_errors(np.array([[0.5, 0.0, 0.5]]), np.ones((1, 3)), np.zeros((1, 3)), np.zeros(1), 0.9, out)
    >>> out.tolist()
    [1.0]
    """
    for b in range(values.size):
        total = 0.0
        for c in range(3):
            total += probabilities[b, c] * (rewards[b, c] + gamma * future[b, c] - values[b])
        out[b] = total


@njit(cache=True)
def logical_slopes(probabilities, slopes, known, weight, out):  # type: ignore[no-untyped-def]
    """Weighted slope (B, m) by the logits of a loss whose slope by the probabilities is given. O(B·m).

    A row that is not known has none.

    >>> out = np.empty((1, 2))
    >>> logical_slopes(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]), np.ones(1, np.bool_), 2.0, out)
    >>> out.tolist()
    [[0.5, -0.5]]
    """
    for b in range(out.shape[0]):
        mean = _expected(probabilities[b], slopes[b])
        for c in range(out.shape[1]):
            out[b, c] = weight * (probabilities[b, c] * (slopes[b, c] - mean)) if known[b] else 0.0


@njit(cache=True)
def positions_paid(probabilities, payoff, step, cost, clip, out):  # type: ignore[no-untyped-def]
    """What positions π(long) − π(short) of every instrument paid at every bar, net of their changes, (n, E).

    ``probabilities`` (n·E, 3) instrument by instrument, ``payoff`` (E, n); a change counts from one bar to the
    next, not over a gap. O(n·E).

    >>> out = np.empty((1, 2))
    >>> p = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    >>> positions_paid(p, np.ones((2, 1)), np.array([4, 5]), 0.25, 3.0, out)
    >>> out.tolist()
    [[1.0, -1.5]]
    """
    n, count = out.shape
    for i in range(n):
        before = 0.0
        for e in range(count):
            b = i * count + e
            position = probabilities[b, 2] - probabilities[b, 0]
            follows = e > 0 and step[e] - step[e - 1] == 1
            change = abs(position - before) if follows else 0.0
            out[i, e] = position * min(max(payoff[e, i], -clip), clip) - cost * change
            before = position

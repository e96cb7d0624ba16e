"""What followed on days like this: the payoff of each instrument over the nearest memories, shrunk."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.hippocampus.market_state import SPREAD
from janus_trader.contracts.decision import Recollection
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative, Positive


class RecollectionConfig(Config, frozen=True):
    """How many memories speak and how far they are believed."""

    memories: Annotated[int, Meta(ge=1, le=512, description="nearest experiences recollected")] = 24
    floor: Annotated[Fraction, Meta(description="similarity below which a day is not like this one")] = 0.3
    sharpness: Annotated[Positive, Meta(description="power of the similarity above the floor")] = 2.0
    apart: Annotated[Count, Meta(description="bars within which only the most similar day counts")] = 5
    decorrelation: Annotated[Positive, Meta(description="bars after which two outcomes are independent")] = (
        10.0
    )
    edge: Annotated[Positive, Meta(description="usual size of an expected payoff, in volatilities")] = 0.05
    scale: Annotated[Positive, Meta(description="expected payoff at which the outlook is tanh(1)")] = 0.2
    doubt: Annotated[NonNegative, Meta(description="memories' worth of unit variance assumed beforehand")] = (
        4.0
    )
    likeness: Annotated[Positive, Meta(description="width of an instrument's likeness, in usual spreads")] = (
        1.0
    )


@njit(cache=True)
def effective_size(weights, steps, decorrelation):
    r"""Independent observations that a weighted mean of neighbouring ones is worth. O(m²).

    .. math:: n = \frac{(\sum_a w_a)^2}{\sum_{a,b} w_a w_b \max(0, 1 - |t_a - t_b| / \tau)}

    >>> effective_size(np.ones(4), np.array([0, 100, 200, 300]), 10.0)
    4.0
    >>> round(effective_size(np.ones(2), np.array([0, 5]), 10.0), 12)
    1.333333333333
    """
    pairs = np.empty((weights.size * (weights.size - 1) // 2, 2), np.int64)
    share = np.empty(pairs.shape[0])
    return _effective_size(weights, pairs, share, _overlaps(steps, decorrelation, pairs, share))


@njit(cache=True)
def _overlaps(steps, decorrelation, pairs, share):
    """Fill the pairs of memories that are not independent and how far they overlap; returns their number."""
    count = 0
    for a in range(steps.size):
        for b in range(a):
            overlap = 1.0 - abs(steps[a] - steps[b]) / decorrelation
            if overlap > 0.0:
                pairs[count, 0], pairs[count, 1], share[count] = a, b, overlap
                count += 1
    return count


@njit(cache=True)
def _effective_size(weights, pairs, share, count):
    total, shared = 0.0, 0.0
    for a in range(weights.size):
        total += weights[a]
        shared += weights[a] * weights[a]
    for p in range(count):
        shared += 2.0 * share[p] * weights[pairs[p, 0]] * weights[pairs[p, 1]]
    return total * total / shared if shared > 0.0 else 0.0


@njit(cache=True)
def shrunk(mean, variance, count, edge, doubt):
    r"""Posterior mean of an expectation and how far the observations count in it, in [0, 1). O(1).

    .. math:: \hat\mu = \kappa\bar x, \quad \kappa = \frac{n\tau^2}{n\tau^2 + s^2}, \quad
        s^2 = \frac{c + n\,v}{c + n}

    with prior N(0, edge²), ``count`` = n observations of variance v and ``doubt`` = c more of variance 1: few
    memories and discordant ones both say little.

    >>> m, k = shrunk(1.0, 1.0, 25.0, 0.2, 4.0)
    >>> round(m, 12), round(k, 12)
    (0.5, 0.5)
    """
    if count <= 0.0:
        return 0.0, 0.0
    spread = (doubt + count * variance) / (doubt + count)
    share = count * edge * edge / (count * edge * edge + spread) if spread > 0.0 else 1.0
    return share * mean, share


@njit(cache=True)
def _moments(values, weights):
    total, mean = 0.0, 0.0
    for e in range(weights.size):
        total += weights[e]
        mean += weights[e] * values[e]
    if total <= 0.0:
        return 0.0, 0.0
    mean /= total
    variance = 0.0
    for e in range(weights.size):
        variance += weights[e] * (values[e] - mean) ** 2
    return mean, variance / total


@njit(cache=True)
def outlooks(
    payoff, slots, weights, steps, now, then, spread, likeness, decorrelation, edge, scale, doubt, out
):
    """Outlook of every instrument from what followed; returns how far the memories count on average.

    Parameters
    ----------
    payoff : (capacity, n) float array
        Of the ring, in volatilities.
    slots : (m,) int64 array
        Which of them are remembered.
    weights, steps : (m,) float and int arrays
    now : (n, f + 1) float array
        Features of the instruments now; no rows where they are not known.
    then : (capacity, n, f + 1) float array
        The same when the episodes of the ring began. A day counts for an instrument as far as it looked then
        as it looks now: times ``exp(-mean((x - y)² / spread²) / (2 likeness²))`` where both are known.
    spread : (f,) float array
    out : (n,) float array
        Written: ``tanh(posterior mean / scale)`` of `shrunk`.

    Cost O(m·n·f + n·m²) at worst.
    """
    m, n, f = slots.size, payoff.shape[1], spread.size
    own, paid, share = np.empty(m), np.empty(m), 0.0
    pairs, overlap = np.empty((m * (m - 1) // 2, 2), np.int64), np.empty(m * (m - 1) // 2)
    together = _overlaps(steps, decorrelation, pairs, overlap)
    fine = 1.0 / (spread * likeness * np.sqrt(2.0 * f))
    for i in range(n):
        look = now.shape[0] > 0 and now[i, f] > 0.0
        for e in range(m):
            own[e] = weights[e]
            paid[e] = payoff[slots[e], i]
            if look and then[slots[e], i, f] > 0.0:
                gap = 0.0
                for j in range(f):
                    x = (now[i, j] - then[slots[e], i, j]) * fine[j]
                    gap += x * x
                if not np.isnan(gap):
                    own[e] *= np.exp(-gap)
        mean, variance = _moments(paid, own)
        size = _effective_size(own, pairs, overlap, together)
        expected, kappa = shrunk(mean, variance, size, edge, doubt)
        out[i] = np.tanh(expected / scale)
        share += kappa / n
    return share


_NOTHING = np.empty(0), np.empty(0, np.int64)
_UNSEEN = np.empty((0, SPREAD.size + 1))


def recollection(
    config: RecollectionConfig,
    records: np.ndarray,
    looks: np.ndarray,
    slots: np.ndarray,
    similarity: np.ndarray,
    features: np.ndarray | None,
    usual: tuple[float, float],
) -> Recollection:
    """What the nearest memories say, most similar first.

    Parameters
    ----------
    config : RecollectionConfig
    records : structured array
        Of the ring.
    looks : (capacity, n, f) float32 array
        Their features.
    slots : (m,) int64 array
        Records remembered, most similar first.
    similarity : (m,) float array
    features : (n, f) float array or None
        `janus_trader.contracts.features.INSTRUMENT_FEATURES` now.
    usual : (float, float)
        Mean and deviation of the book's return.
    """
    outlook = np.zeros(records["payoff"].shape[1])
    if not slots.size:
        none, empty = _NOTHING
        return Recollection(
            steps=empty,
            ts_events=empty,
            similarity=none,
            rewards=none,
            outlook=outlook,
            reward=0.0,
            confidence=0.0,
        )
    steps, rewards = records["step"][slots], records["reward"][slots]
    seen = features is not None and features.size > 0
    now = np.ascontiguousarray(features, np.float64) if seen else _UNSEEN
    weights = np.empty(slots.size)
    reward, confidence = _speak(
        records["payoff"],
        slots,
        rewards,
        steps,
        similarity,
        now,
        looks,
        SPREAD,
        (
            config.floor,
            config.sharpness,
            config.decorrelation,
            config.edge,
            config.scale,
            config.doubt,
            config.likeness,
        ),
        usual,
        weights,
        outlook,
    )
    return Recollection(
        steps=steps,
        ts_events=records["ts_event"][slots],
        similarity=similarity,
        rewards=rewards,
        outlook=outlook,
        reward=reward,
        confidence=confidence,
    )


@njit(cache=True)
def _speak(payoff, slots, rewards, steps, similarity, now, then, spread, settings, usual, weights, outlook):
    """Weights, outlook, expected reward and confidence of some memories, in one call."""
    floor, sharpness, decorrelation, edge, scale, doubt, likeness = settings
    total, familiar = 0.0, 0.0
    for e in range(weights.size):
        similarity[e] = min(max(similarity[e], -1.0), 1.0)
        above = (similarity[e] - floor) / max(1.0 - floor, 1e-9)
        weights[e] = max(above, 0.0) ** sharpness + 1e-9
        total += weights[e]
        familiar += weights[e] * similarity[e]
    share = outlooks(
        payoff, slots, weights, steps, now, then, spread, likeness, decorrelation, edge, scale, doubt, outlook
    )
    scaled, (mean, deviation) = np.zeros(weights.size), usual
    if deviation > 0.0:
        for e in range(weights.size):
            scaled[e] = (rewards[e] - mean) / deviation
    size = effective_size(weights, steps, decorrelation)
    average, variance = _moments(scaled, weights)
    expected = shrunk(average, variance, size, edge, doubt)[0] if deviation > 0.0 else 0.0
    return expected, min(share * max(familiar / total, 0.0), 1.0)

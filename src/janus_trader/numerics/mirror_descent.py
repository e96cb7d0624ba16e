"""Optimistic mirror descent on the capped simplex: weights for experts with a regret guarantee."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.capped_simplex import (
    checked_bounds,
    project_capped_simplex,
    project_entropic,
    project_euclidean,
)
from janus_trader.numerics.streaming import StreamingKernel

_TINY = 1e-300  # keeps an entropic weight positive, so that it can grow again


def mirror_descent_dtype(experts: int) -> np.dtype:
    """State of `MirrorDescent`: the iterate that has only seen losses, and the weights to play next.

    >>> mirror_descent_dtype(3)["play"].shape
    (3,)
    """
    return np.dtype([("n", "i8"), ("base", "f8", (experts,)), ("play", "f8", (experts,))])


@njit(cache=True)
def _mirror(base, gradient, rate, lower, upper, entropic, work, out):
    """argmin of rate <gradient, w> + D(w, base) on the capped simplex, to ``out`` (may be ``base``)."""
    if entropic:
        least = gradient.min()
        for i in range(work.shape[0]):
            work[i] = max(base[i] * math.exp(-rate * (gradient[i] - least)), _TINY)
        project_entropic(work, lower, upper, out)
    else:
        for i in range(work.shape[0]):
            work[i] = base[i] - rate * gradient[i]
        project_euclidean(work, lower, upper, out)


@njit(cache=True)
def mirror_descent_step(s, loss, rate, start, lower, upper, entropic, optimism, work, out):
    """Losses of one round into a record of `mirror_descent_dtype`; next weights to ``out``. O(K log K)."""
    valid = True
    for i in range(loss.shape[0]):
        valid = valid and math.isfinite(loss[i])
    if valid:
        if s.n == 0:
            s.base[:] = start
        _mirror(s.base, loss, rate, lower, upper, entropic, work, s.base)
        _mirror(s.base, loss, optimism * rate, lower, upper, entropic, work, s.play)
        s.n += 1
    for i in range(out.shape[0]):
        out[i] = s.play[i] if s.n > 0 else np.nan


@njit(cache=True)
def _update(states, x, rate, start, lower, upper, entropic, optimism):
    out, work = np.empty(start.shape[0]), np.empty(start.shape[0])
    mirror_descent_step(states[0], x, rate, start, lower, upper, entropic, optimism, work, out)
    return out


@njit(cache=True)
def _scan(states, xs, rate, start, lower, upper, entropic, optimism):
    out, work = np.empty(xs.shape), np.empty(start.shape[0])
    for t in range(xs.shape[0]):
        mirror_descent_step(states[0], xs[t], rate, start, lower, upper, entropic, optimism, work, out[t])
    return out


class MirrorDescent(StreamingKernel):
    r"""Online weights for K experts, anticipating that the next losses resemble the last.

    .. math:: \hat w_{t+1} = \arg\min_w\; \eta \langle \ell_t, w \rangle + D(w, \hat w_t), \qquad
              w_{t+1} = \arg\min_w\; \eta \langle m_{t+1}, w \rangle + D(w, \hat w_{t+1})

    over {lower <= w <= upper, sum w = 1}, with the hint :math:`m_{t+1} = \ell_t` (or 0: plain mirror
    descent). D is relative entropy (Hedge) or half the squared distance (online gradient descent). Against
    every fixed u of the set, the losses suffered exceed those of u by at most

    .. math:: \mathrm{regret}_T(u) \le \frac{D(u, \hat w_1)}{\eta}
              + \frac{\eta}{2} \sum_{t=1}^{T} \lVert \ell_t - m_t \rVert_*^2, \qquad m_1 = 0

    with the largest absolute entry as the norm for entropy, the Euclidean one else: slowly moving losses
    cost almost nothing, adversarial ones no more than twice the usual :math:`O(\sqrt{T \ln K})`.

    Parameters
    ----------
    experts : int
        K >= 1.
    rate : float
        η > 0, per unit of loss; see `learning_rate`.
    geometry : {"entropy", "euclidean"}
        D.
    lower, upper : float or (K,) array
        Bounds of the weights, lower >= 0.
    optimistic : bool
        False: no hint.

    Notes
    -----
    Input: rows (K,) of losses. Output: the weights for the *next* round; before the first round they are
    ``start``, the projection of equal weights. Warm-up: 1. A row with a value that is not finite is
    ignored and repeats the last output. O(K log K).

    Raises
    ------
    ConfigError
        A parameter out of its range.
    DataError, Infeasible
        Bounds that are not usable.

    Examples
    --------
    >>> hedge = MirrorDescent(3, rate=np.log(2.0), optimistic=False)
    >>> [hedge.update(np.array([0.0, 1.0, 1.0])).round(4).tolist() for _ in range(2)]
    [[0.5, 0.25, 0.25], [0.6667, 0.1667, 0.1667]]

    References
    ----------
    Rakhlin & Sridharan (2013), Online learning with predictable sequences, lemma 1; Chiang et al. (2012),
    Online optimization with gradual variations.
    """

    WIDTH: ClassVar[int | None] = 3
    _update = staticmethod(_update)
    _scan = staticmethod(_scan)

    def __init__(
        self,
        experts: int,
        rate: float = 0.1,
        geometry: str = "entropy",
        lower: float | np.ndarray = 0.0,
        upper: float | np.ndarray = 1.0,
        *,
        optimistic: bool = True,
    ) -> None:
        if experts < 1 or not 0.0 < rate < math.inf or geometry not in ("entropy", "euclidean"):
            raise ConfigError(
                "mirror descent: parameter out of range",
                got=f"experts={experts}, rate={rate}, geometry={geometry!r}",
                expected="experts >= 1, rate > 0, geometry entropy or euclidean",
            )
        low, high = checked_bounds(int(experts), lower, upper)
        if low.min() < 0.0:
            raise ConfigError("weights of experts are not negative", got=float(low.min()), expected=">= 0")
        self.__dict__["WIDTH"] = int(experts)  # the class attribute is the width of the examples
        entropic = geometry == "entropy"
        self.start = project_capped_simplex(
            np.full(int(experts), 1.0 / experts), low, high, entropic=entropic
        )
        args = (float(rate), self.start, low, high, entropic, 1.0 if optimistic else 0.0)
        self._init(mirror_descent_dtype(int(experts)), args, warmup=1)

    @classmethod
    def examples(cls) -> list[Self]:
        """Hedge, capped Hedge and capped gradient descent."""
        return [cls(3), cls(3, 0.3, upper=0.5, optimistic=False), cls(3, 0.05, "euclidean", 0.1, 0.7)]

    def plays(self, losses: np.ndarray) -> np.ndarray:
        """Weights a fresh instance plays in each round of ``losses`` (T, K): each before it sees the row."""
        out = self.transform(losses)
        return np.concatenate((self.start[None, :], out[:-1]))[: len(out)]


def learning_rate(experts: int, variation: float) -> float:
    r"""Rate that minimises the regret bound of entropic `MirrorDescent` on the whole simplex.

    .. math:: \eta = \sqrt{2 \ln K / V}, \qquad \mathrm{regret} \le \sqrt{2 V \ln K}

    ``variation`` V > 0 is :math:`\sum_t \max_i (\ell_{t,i} - \ell_{t-1,i})^2` or a bound on it: T for
    losses in [0, 1]. K >= 2. O(1).

    Raises
    ------
    ConfigError
        A number out of range.

    Examples
    --------
    >>> round(learning_rate(10, 1000.0), 4)
    0.0679
    """
    if experts < 2 or not 0.0 < variation < math.inf:
        raise ConfigError(
            "no such learning problem",
            got=f"experts={experts}, variation={variation}",
            expected="K >= 2, V > 0",
        )
    return math.sqrt(2.0 * math.log(experts) / variation)


def regret(losses: np.ndarray, plays: np.ndarray) -> float:
    r"""Loss suffered beyond that of the best fixed expert.

    .. math:: \sum_t \langle \ell_t, w_t \rangle - \min_k \sum_t \ell_{t,k}

    Both (T, K), finite; ``plays[t]`` was chosen before ``losses[t]``. O(T K).

    Raises
    ------
    DataError
        Shapes that do not fit or a value that is not finite.

    Examples
    --------
    >>> regret(np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    0.5
    """
    x, w = np.asarray(losses, dtype=np.float64), np.asarray(plays, dtype=np.float64)
    if (
        x.ndim != 2
        or x.shape != w.shape
        or x.size == 0
        or not (np.isfinite(x).all() and np.isfinite(w).all())
    ):
        raise DataError(
            "regret needs losses and plays", got=f"{x.shape} and {w.shape}", expected="equal (T, K), finite"
        )
    return float(np.sum(x * w) - x.sum(axis=0).min())

"""Capital between strategies: a contextual bandit (LinUCB) with a penalty for bad tails."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.config import Config
from janus_trader.numerics.capped_simplex import checked_bounds, project_euclidean


class MetaAllocatorConfig(Config, frozen=True):
    """Parameters of `MetaAllocator`."""

    ridge: Annotated[float, Meta(gt=0, le=1e6, description="regularisation of A at the start")] = 1.0
    exploration: Annotated[float, Meta(ge=0, le=100, description="β, width of the confidence bound")] = 1.5
    min_weight: Annotated[float, Meta(ge=0, le=1, description="floor of every strategy")] = 0.0
    max_weight: Annotated[float, Meta(gt=0, le=1, description="cap of every strategy")] = 0.25
    tail_share: Annotated[float, Meta(gt=0, le=0.5, description="q, share of rewards that is the tail")] = (
        0.05
    )
    tail_penalty: Annotated[float, Meta(ge=0, le=1e6, description="λ per unit of mean tail loss")] = 0.1
    tail_window: Annotated[int, Meta(ge=1, le=100_000, description="rewards remembered")] = 250
    tail_least: Annotated[int, Meta(ge=1, le=100_000, description="rewards before any penalty")] = 20
    temperature: Annotated[float, Meta(gt=0, le=1e6, description="score worth one unit of weight")] = 1.0


def allocator_dtype(arms: int, features: int, window: int) -> np.dtype:
    """State: Cholesky factors of A and vectors b per arm, the last rewards, and how many were seen.

    >>> allocator_dtype(3, 2, 10)["factor"].shape
    (3, 2, 2)
    """
    return np.dtype(
        [
            ("factor", "f8", (arms, features, features)),
            ("b", "f8", (arms, features)),
            ("rewards", "f8", (arms, window)),
            ("seen", "i8", (arms,)),
        ]
    )


@njit(cache=True)
def cholesky_add(factor: np.ndarray, x: np.ndarray) -> None:
    """Turn L with L Lᵀ = A into the factor of A + x xᵀ, in place; ``x`` is used up. O(d²)."""
    d = x.shape[0]
    for k in range(d):
        r = math.hypot(factor[k, k], x[k])
        c, s = r / factor[k, k], x[k] / factor[k, k]
        factor[k, k] = r
        for i in range(k + 1, d):
            factor[i, k] = (factor[i, k] + s * x[i]) / c
            x[i] = c * x[i] - s * factor[i, k]


@njit(cache=True)
def _solve_lower(factor: np.ndarray, x: np.ndarray) -> np.ndarray:
    out = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        total = x[i]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    return out


@njit(cache=True)
def _tail_mean(rewards: np.ndarray, n: int, share: float) -> float:
    """Mean of the worst ``share`` (one at least) of the first ``n`` rewards. O(n)."""
    k = max(1, int(share * n))
    return np.partition(rewards[:n].copy(), k - 1)[:k].mean()


@njit(cache=True)
def _scores(factor, b, rewards, seen, contexts, exploration, share, penalty, least):
    """Upper confidence bounds less the tail penalty, (K,). O(K (d² + window))."""
    out = np.empty(contexts.shape[0])
    for j in range(contexts.shape[0]):
        z = _solve_lower(factor[j], contexts[j])
        y = _solve_lower(factor[j], b[j])
        mean, square = 0.0, 0.0
        for i in range(z.shape[0]):
            mean += z[i] * y[i]  # xᵀ A⁻¹ b
            square += z[i] * z[i]  # xᵀ A⁻¹ x
        out[j] = mean + exploration * math.sqrt(square)
        n = min(seen[j], rewards.shape[1])
        if n >= least and penalty > 0.0:
            out[j] -= penalty * max(0.0, -_tail_mean(rewards[j], n, share))
    return out


@njit(cache=True)
def _learn(factor, b, rewards, seen, contexts, outcome):
    for j in range(contexts.shape[0]):
        if math.isfinite(outcome[j]):
            for i in range(contexts.shape[1]):
                b[j, i] += outcome[j] * contexts[j, i]
            cholesky_add(factor[j], contexts[j].copy())
            rewards[j, seen[j] % rewards.shape[1]] = outcome[j]
            seen[j] += 1


class MetaAllocator:
    r"""Weights for strategies from contexts: LinUCB, one ridge regression per strategy.

    .. math:: \theta_j = A_j^{-1} b_j, \qquad
              s_j = x_j^\top \theta_j + \beta \sqrt{x_j^\top A_j^{-1} x_j}
              - \lambda \max\big(0, -\overline{r}_{j,\text{worst } k}\big), \qquad
              w = \arg\max_w\; s^\top w - \tfrac{\tau}{2} \lVert w \rVert^2

    over ``{min_weight <= w <= max_weight, sum(w) = 1}``: the projection of s/τ, exact. The worst k are
    ``max(1, int(tail_share n))`` of the last n rewards. After the outcome
    :math:`A_j \mathrel{+}= x_j x_j^\top,\; b_j \mathrel{+}= r_j x_j`; A is kept as its Cholesky factor,
    which a rank-one update cannot make indefinite.

    Parameters
    ----------
    arms, features : int
        K strategies and d numbers in a context, >= 1.
    config : MetaAllocatorConfig

    Notes
    -----
    Keeps state: `snapshot` and `restore` carry it. Weights are defined from the start. O(K (d² + window)
    a call.

    Raises
    ------
    ConfigError
        ``arms`` or ``features`` below 1.
    Infeasible
        K strategies cannot fill 1 within the floor and the cap.

    Examples
    --------
    >>> m = MetaAllocator(2, 1, MetaAllocatorConfig(max_weight=0.8, exploration=0.0, temperature=0.1))
    >>> x = np.ones((2, 1))
    >>> m.weights(x).tolist()
    [0.5, 0.5]
    >>> for _ in range(50):
    ...     m.learn(x, np.array([0.02, -0.01]))
    >>> m.weights(x).round(3).tolist()
    [0.652, 0.348]

    References
    ----------
    Li, Chu, Langford & Schapire (2010), A contextual-bandit approach to personalized news article
    recommendation; Rockafellar & Uryasev (2000) for the tail mean.
    """

    def __init__(self, arms: int, features: int, config: MetaAllocatorConfig | None = None) -> None:
        if arms < 1 or features < 1:
            raise ConfigError(
                "a bandit needs arms and features", got=f"{arms} and {features}", expected=">= 1 each"
            )
        self.config = config or MetaAllocatorConfig()
        self.arms, self.features = int(arms), int(features)
        self._bounds = checked_bounds(self.arms, self.config.min_weight, self.config.max_weight)
        self._hold(np.zeros(1, allocator_dtype(self.arms, self.features, self.config.tail_window)))
        self.reset()

    def _hold(self, state: np.ndarray) -> None:
        """Keep a state, and its fields as plain arrays: one compiled function then serves every size."""
        self._state = state
        self._fields = state["factor"][0], state["b"][0], state["rewards"][0], state["seen"][0]

    def reset(self) -> None:
        """Forget everything."""
        for array in self._fields:
            array[...] = 0
        self._fields[0][...] = math.sqrt(self.config.ridge) * np.eye(self.features)

    @property
    def theta(self) -> np.ndarray:
        """Ridge coefficients of every strategy, (K, d)."""
        factor, b = self._fields[:2]
        precision = factor @ factor.transpose(0, 2, 1)
        return np.linalg.solve(precision, b[..., None])[..., 0]

    def _contexts(self, contexts: np.ndarray) -> np.ndarray:
        x = np.ascontiguousarray(contexts, dtype=np.float64)
        if x.shape != (self.arms, self.features) or not np.isfinite(x).all():
            raise DataError(
                "contexts do not fit",
                got=f"shape {x.shape}, {int((~np.isfinite(x)).sum())} not finite",
                expected=f"({self.arms}, {self.features}) finite numbers",
                remedy="leave a strategy without a context out of the set, or give it a neutral one",
            )
        return x

    def scores(self, contexts: np.ndarray) -> np.ndarray:
        """Optimistic reward less tail penalty, (K,), for ``contexts`` (K, d).

        Raises
        ------
        DataError
            ``contexts`` of the wrong shape or not finite.
        """
        c = self.config
        x = self._contexts(contexts)
        return _scores(*self._fields, x, c.exploration, c.tail_share, c.tail_penalty, c.tail_least)

    def weights(self, contexts: np.ndarray) -> np.ndarray:
        """Weights (K,), sum 1 and within the bounds. Errors as `scores`."""
        wanted = self.scores(contexts) / self.config.temperature
        out = np.empty(self.arms)
        project_euclidean(wanted, *self._bounds, out)
        return out

    def learn(self, contexts: np.ndarray, rewards: np.ndarray) -> None:
        """Take in the rewards (K,) that followed ``contexts`` (K, d); NaN: that strategy was not observed.

        Raises
        ------
        DataError
            Arrays of the wrong shape, contexts that are not finite or an infinite reward.
        """
        x, r = self._contexts(contexts), np.ascontiguousarray(rewards, dtype=np.float64)
        if r.shape != (self.arms,) or np.isinf(r).any():
            raise DataError(
                "rewards do not fit", got=r, expected=f"({self.arms},) numbers, NaN where unknown"
            )
        _learn(*self._fields, x, r)

    def snapshot(self) -> bytes:
        """The state as bytes."""
        return self._state.tobytes()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        if len(raw) != self._state.dtype.itemsize:
            raise IntegrityError(
                "the allocator's snapshot does not fit",
                got=f"{len(raw)} bytes",
                expected=f"{self._state.dtype.itemsize} bytes",
                remedy="restore with the configuration it was taken with",
            )
        self._hold(np.frombuffer(raw, self._state.dtype).copy())

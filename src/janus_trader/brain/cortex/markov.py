"""Markov chain of the regimes, learned bar by bar (specification eq. 44)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive

_NEVER, _ANYWHERE = 1e-100, 1e-12


class MarkovConfig(Config, frozen=True):
    """Prior and memory of the transition matrix.

    The learning rate is per bar spent in a state. The first implementation's 0.05 was applied to
    changes only, which are a fraction of the bars; the memory here is of the same length in changes.
    """

    learning_rate: Annotated[Fraction, Meta(description="share of a row forgotten per visit")] = 0.005
    prior: Annotated[Positive, Meta(description="Dirichlet weight of every entry of a row")] = 0.5
    prior_stay: Annotated[NonNegative, Meta(description="further prior weight of staying")] = 5.0


@njit(cache=True)
def posterior_mean(counts: np.ndarray, prior: float, stay: float, out: np.ndarray) -> None:
    """Write the mean transition matrix (n, n) given counts and the Dirichlet prior. O(n^2)."""
    for i in range(counts.shape[0]):
        total = 0.0
        for j in range(counts.shape[0]):
            out[i, j] = counts[i, j] + prior + (stay if i == j else 0.0)
            total += out[i, j]
        for j in range(counts.shape[0]):
            out[i, j] /= total


@njit(cache=True)
def _forward(belief: np.ndarray, transition: np.ndarray, out: np.ndarray) -> None:
    out[:] = 0.0
    for i in range(belief.shape[0]):
        for j in range(belief.shape[0]):
            out[j] += belief[i] * transition[i, j]


@njit(cache=True)
def markov_step(
    counts: np.ndarray, last: np.ndarray, now: np.ndarray, first: bool, c: np.ndarray, forecast: np.ndarray
) -> None:
    """Learn the transition from ``last`` to ``now`` and write the forecast of the next bar.

    With T the posterior mean of the rows and ``f = last T`` the forecast made a bar ago, the expected
    transitions given both beliefs are ``xi_ij = last_i T_ij now_j / f_j`` (their columns sum to
    ``now``); rows forget ``learning_rate`` per unit of visit and take xi in. ``last`` is replaced by
    ``now``; ``c`` holds rate, prior and prior_stay. O(49).
    """
    n = now.shape[0]
    transition = np.empty((n, n))
    posterior_mean(counts, c[1], c[2], transition)
    if not first:
        _forward(last, transition, forecast)
        xi = np.empty(n)
        for i in range(n):
            visit = 0.0
            for j in range(n):
                xi[j] = last[i] * transition[i, j] * now[j] / forecast[j]
                visit += xi[j]
            for j in range(n):
                counts[i, j] = counts[i, j] * (1.0 - c[0] * visit) + xi[j]
        posterior_mean(counts, c[1], c[2], transition)
    last[:] = now
    _forward(now, transition, forecast)


def stationary_distribution(transition: np.ndarray) -> np.ndarray:
    """Stationary law of a chain by state reduction (Grassmann, Taksar and Heyman 1985).

    No subtraction takes place, so small probabilities keep their relative accuracy. A chain with a state
    that is never left (a fitted model may have one) has no single law, or one at an edge: it is taken as
    the limit of chains that go anywhere with a probability of 1e-12. O(n^3).

    Parameters
    ----------
    transition : (n, n) array
        Rows sum to 1.

    Examples
    --------
    >>> stationary_distribution(np.array([[0.9, 0.1], [0.3, 0.7]])).round(6).tolist()
    [0.75, 0.25]
    """
    a = np.array(transition, dtype=np.float64)
    n = len(a)
    for k in range(n - 1, 0, -1):
        leaving = a[k, :k].sum()
        if leaving < _NEVER:
            return stationary_distribution((1.0 - _ANYWHERE) * np.asarray(transition) + _ANYWHERE / n)
        a[:k, k] /= leaving
        a[:k, :k] += np.outer(a[:k, k], a[k, :k])
    law = np.ones(n)
    for k in range(1, n):
        law[k] = law[:k] @ a[:k, k]
    return law / law.sum()


class RegimeChain:
    """Per-bar transition matrix of the regimes with a Dirichlet prior, and its forecast.

    Learned from the posterior of every bar, not only from changes: the stationary law is then the
    share of time spent in each regime. O(49) a bar.

    Parameters
    ----------
    config : MarkovConfig

    Examples
    --------
    >>> chain = RegimeChain()
    >>> bull = np.eye(7)[0]
    >>> for _ in range(300):
    ...     forecast = chain.update(bull)
    >>> bool(chain.transition[0, 0] > 0.95), round(float(forecast.sum()), 12)
    (True, 1.0)
    """

    def __init__(self, config: MarkovConfig | None = None) -> None:
        self.config = config or MarkovConfig()
        c = self.config
        self._c = np.array([c.learning_rate, c.prior, c.prior_stay])
        self.reset()

    def update(self, posterior: np.ndarray) -> np.ndarray:
        """Take in this bar's posterior (7,); the forecast of the next bar's (7,), overwritten later."""
        markov_step(self._counts, self._last, posterior, self._n == 0, self._c, self._forecast)
        self._n += 1
        return self._forecast

    @property
    def forecast(self) -> np.ndarray | None:
        """The forecast of the next bar (7,), a view; None before the first bar."""
        return self._forecast if self._n else None

    @property
    def transition(self) -> np.ndarray:
        """Posterior mean of the transition matrix, (7, 7); rows sum to 1."""
        out = np.empty((N_REGIMES, N_REGIMES))
        posterior_mean(self._counts, self.config.prior, self.config.prior_stay, out)
        return out

    @property
    def stationary(self) -> np.ndarray:
        """Long-run share of time in each regime, (7,)."""
        return stationary_distribution(self.transition)

    def reset(self) -> None:
        """Back to the prior."""
        self._counts = np.zeros((N_REGIMES, N_REGIMES))
        self._last = np.full(N_REGIMES, 1.0 / N_REGIMES)
        self._forecast = np.full(N_REGIMES, 1.0 / N_REGIMES)
        self._n = 0

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {"counts": self._counts, "last": self._last, "n": self._n}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError for a tree of another shape."""
        counts, last = np.array(state["counts"], np.float64), np.array(state["last"], np.float64)
        if counts.shape != (N_REGIMES, N_REGIMES) or last.shape != (N_REGIMES,):
            raise IntegrityError("regime chain snapshot does not fit", got=counts.shape, expected="(7, 7)")
        self._counts, self._last, self._n = counts, last, int(state["n"])
        self._forecast = np.full(N_REGIMES, 1.0 / N_REGIMES)
        if self._n:
            _forward(last, self.transition, self._forecast)

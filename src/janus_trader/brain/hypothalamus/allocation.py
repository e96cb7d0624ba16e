"""Target weights: a risk-parity anchor, tilted by views, at the volatility the appetite allows."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.decision import Appetite, Target
from janus_trader.contracts.errors import ConfigError, DataError, Infeasible
from janus_trader.foundation.config import Config, NonNegative, Positive
from janus_trader.portfolio import Solution, allocator, solve_mean_variance

_LEAST_APPETITE = 1e-3
_LEAST_VARIANCE = 1e-14


class AllocationConfig(Config, frozen=True):
    """Method, strength of views and the limits a target already honours (the review enforces them)."""

    method: Literal["mean_variance", "risk_parity", "hrp"] = "mean_variance"
    anchor: Literal["risk_parity", "hrp", "min_variance"] = "risk_parity"
    anchor_bars: Annotated[int, Meta(ge=1, description="bars between two anchors")] = 21
    risk_aversion: Annotated[Positive, Meta(description="gamma at appetite 1")] = 5.0
    view_strength: Annotated[
        NonNegative, Meta(description="expected return of a full score, in deviations per bar")
    ] = 0.01
    tilt: Annotated[
        float, Meta(ge=0, le=1, description="risk_parity, hrp: relative tilt of a full score")
    ] = 0.5
    robustness: Annotated[NonNegative, Meta(description="doubt about means, in deviations per bar")] = 0.0
    cost_horizon: Annotated[Positive, Meta(description="bars a trade is expected to be held")] = 10.0
    default_cost_bps: Annotated[NonNegative, Meta(description="where no estimate is known")] = 10.0
    volatility_band: Annotated[NonNegative, Meta(description="overshoot of the target left alone")] = 0.1
    max_long: Annotated[float, Meta(gt=0, le=10)] = 0.15
    max_short: Annotated[float, Meta(ge=0, le=10)] = 0.10
    gross: Annotated[float, Meta(gt=0, le=10)] = 1.5
    net_low: Annotated[float, Meta(ge=-10, le=0)] = -0.3
    net_high: Annotated[float, Meta(gt=0, le=10)] = 1.2


@njit(cache=True)
def book_variance(w: np.ndarray, cov: np.ndarray) -> float:
    """Variance ``w' Sigma w``. O(n^2)."""
    total = 0.0
    for i in range(w.shape[0]):
        if w[i] != 0.0:
            row = 0.0
            for j in range(w.shape[0]):
                row += cov[i, j] * w[j]
            total += w[i] * row
    return max(total, 0.0)


@njit(cache=True)
def _prepare(
    cov: np.ndarray,
    tradable: np.ndarray,
    anchor: np.ndarray,
    score: np.ndarray,
    released: np.ndarray,
    cost_bps: np.ndarray,
    c: np.ndarray,
    clean: np.ndarray,
    vectors: np.ndarray,
) -> None:
    # c: gamma, view strength, cost scale, default cost, lower, upper
    # the programme is written to clean (n, n) and vectors (4, n): mu, kappa, lower, upper
    n = score.shape[0]
    mu, kappa, lower, upper = vectors[0], vectors[1], vectors[2], vectors[3]
    clean[:] = cov
    vectors[:] = 0.0
    mean = 0.0
    for i in range(n):
        mean += clean[i, i] / n if tradable[i] else 0.0
    for i in range(n):
        if not tradable[i]:
            for j in range(n):
                clean[i, j] = 0.0
                clean[j, i] = 0.0
            clean[i, i] = mean if mean > 0.0 else 1.0
    for i in range(n):
        cost = cost_bps[i] if np.isfinite(cost_bps[i]) and cost_bps[i] >= 0.0 else c[3]
        kappa[i] = cost * c[2]
        if not tradable[i]:
            continue
        lower[i], upper[i] = c[4], c[5]
        for j in range(n):
            mu[i] += c[0] * clean[i, j] * anchor[j]
        if released[i] and np.isfinite(score[i]):
            mu[i] += c[1] * np.sqrt(clean[i, i]) * min(max(score[i], -1.0), 1.0)


@njit(cache=True)
def shrink_to_limits(w: np.ndarray, gross: float, low: float, high: float) -> None:
    """Scale weights down, in place, until gross and net are within their limits (0 always is)."""
    total, net = 0.0, 0.0
    for i in range(w.shape[0]):
        total += abs(w[i])
        net += w[i]
    scale = 1.0
    if total > gross:
        scale = gross / total
    if net > 0.0 and net * scale > high:
        scale = high / net
    if net < 0.0 and net * scale < low:
        scale = low / net
    for i in range(w.shape[0]):
        w[i] *= scale


@njit(cache=True)
def _moving(cov: np.ndarray, tradable: np.ndarray, ready: bool, reference: np.ndarray) -> tuple[int, bool]:
    """How many of the tradable instruments move, and whether they are those of ``reference``.

    With a variance of nothing (a flat series) risk cannot be shared: such an instrument is left out.
    """
    count, same = 0, True
    for i in range(tradable.shape[0]):
        moves = tradable[i] and (not ready or cov[i, i] > _LEAST_VARIANCE)
        count += moves
        same = same and moves == reference[i]
    return count, same


@njit(cache=True)
def _limit(w: np.ndarray, c: np.ndarray, limits: np.ndarray) -> None:
    # limits: gross, least and greatest net
    for i in range(w.shape[0]):
        w[i] = min(max(w[i], c[4]), c[5])
    shrink_to_limits(w, limits[0], limits[1], limits[2])


@njit(cache=True)
def _scaled(
    shares: np.ndarray, cov: np.ndarray, target: float, c: np.ndarray, limits: np.ndarray, out: np.ndarray
) -> None:
    """The anchor's shares at the target deviation, within the limits."""
    scale = target / max(np.sqrt(book_variance(shares, cov)), 1e-12)
    for i in range(shares.shape[0]):
        out[i] = shares[i] * scale
    _limit(out, c, limits)


@njit(cache=True)
def _programme(  # type: ignore[no-untyped-def]
    shares, cov, target, limits, tradable, score, released, cost_bps, c, anchor, clean, vectors
):  # fmt: skip
    """The anchor of `_scaled` and the programme of `_prepare` around it, in one call."""
    _scaled(shares, cov, target, c, limits, anchor)
    _prepare(cov, tradable, anchor, score, released, cost_bps, c, clean, vectors)


class TargetAllocator:
    r"""From scores to target weights.

    The anchor :math:`w_a` is a long risk-parity book at the annual volatility target, within the
    limits. Its implied returns are the prior and scores are views on top of it, and the appetite a
    acts as risk tolerance:

    .. math:: \mu = \gamma \Sigma w_a + \nu\, \sigma \odot s, \qquad
              w = \arg\max\ \mu^\top w - \tfrac{\gamma}{2a} w^\top \Sigma w - \kappa^\top |w - w_\text{prev}|

    so that without views and costs :math:`w = a w_a`. Scores of instruments that were not released
    are 0. :math:`\kappa` is the cost estimate over the holding horizon. Last, weights are scaled down to
    the target volatility plus a band. Methods risk_parity and hrp use ``a w_a (1 + tilt s)``.
    Before the covariance is ready: equal weights times appetite. At (almost) no appetite: no position.

    Parameters
    ----------
    config : AllocationConfig
    n : int
    bars_per_year : float
    volatility_target : float
        Annual, at appetite 1.
    long_only : bool

    Raises
    ------
    DataError
        Arrays of another size than n.

    Notes
    -----
    Cost of one small quadratic programme, O(n^3); the anchor is recomputed every ``anchor_bars`` bars
    and whenever an instrument becomes tradable. A programme that does not converge falls back to
    ``a w_a`` and says so in ``method``. The solver is warm-started, so its last solution is state.

    Examples
    --------
    >>> a = TargetAllocator(AllocationConfig(), 4, 252.0, 0.15, long_only=True)
    >>> appetite = Appetite(scalar=0.4, regime_factor=0.4, drawdown_factor=1.0, volatility_factor=1.0,
    ...     kelly_factor=1.0, energy_factor=1.0, target_volatility=0.06)
    >>> early = a.allocate(np.zeros(4), np.zeros(4, bool), appetite, np.eye(4) * 1e-4, False,
    ...     np.ones(4, bool), np.zeros(4), np.full(4, 10.0))
    >>> early.method, early.weights.round(3).tolist()
    ('equal_weight', [0.1, 0.1, 0.1, 0.1])
    """

    def __init__(
        self,
        config: AllocationConfig,
        n: int,
        bars_per_year: float,
        volatility_target: float,
        long_only: bool,
    ) -> None:
        c = config
        if n < 1 or not bars_per_year > 0.0:
            raise ConfigError("an allocator needs a book", got=f"n={n}, bars_per_year={bars_per_year}")
        self.config, self.n, self.long_only = config, n, long_only
        self._annual = math.sqrt(bars_per_year)
        self._bar_target = volatility_target / self._annual
        self._net = (0.0 if long_only else c.net_low, c.net_high)
        self._lower = 0.0 if long_only else -c.max_short
        self._anchor_method = allocator(c.anchor if c.method == "mean_variance" else c.method)
        cost_scale = 1e-4 / c.cost_horizon
        self._c = np.array(
            [c.risk_aversion, c.view_strength, cost_scale, c.default_cost_bps, self._lower, c.max_long]
        )
        self._limits = np.array([c.gross, *self._net])
        self._anchor, self._matrix, self._vectors = np.zeros(n), np.zeros((n, n)), np.zeros((4, n))
        self._bars, self._anchor_bar = 0, -1
        self._shares, self._anchor_set = np.zeros(n), np.zeros(n, bool)
        self._solution: Solution | None = None

    def allocate(
        self,
        score: np.ndarray,
        released: np.ndarray,
        appetite: Appetite,
        covariance: np.ndarray,
        ready: bool,
        tradable: np.ndarray,
        previous: np.ndarray,
        cost_bps: np.ndarray,
    ) -> Target:
        """Target of this bar from scores (n,) in [-1, 1]; ``tradable`` (n,) marks those with a history."""
        self._check(score, released, covariance, tradable, previous, cost_bps)
        self._bars += 1
        count, same = _moving(covariance, tradable, ready, self._anchor_set)
        moves = self._anchor_set
        if not same:
            moves = tradable & (covariance.diagonal() > _LEAST_VARIANCE) if ready else tradable
        if appetite.scalar <= _LEAST_APPETITE or count == 0:
            weights, method = np.zeros(self.n), "none"
        elif not ready:
            weights, method = self._equal(moves, appetite), "equal_weight"
        elif self.config.method == "mean_variance":
            weights, method = self._mean_variance(
                score, released, appetite, covariance, moves, previous, cost_bps
            )
        else:
            weights, method = self._tilted(score, released, appetite, covariance, moves), self.config.method
        deviation = math.sqrt(book_variance(weights, covariance))
        ceiling = appetite.target_volatility / self._annual * (1.0 + self.config.volatility_band)
        if ready and deviation > ceiling:
            weights *= ceiling / deviation
            deviation = ceiling
        return Target(weights=weights, method=method, expected_volatility=deviation * self._annual)

    def _check(self, score: np.ndarray, released: np.ndarray, cov: np.ndarray, *rest: np.ndarray) -> None:
        n = self.n
        fits = cov.shape == (n, n)
        for a in (score, released, *rest):
            fits = fits and a.shape == (n,)
        if not fits:
            raise DataError(
                "the allocation's inputs do not fit the book",
                got=[a.shape for a in (score, released, cov, *rest)],
                expected=f"arrays of {n} instruments",
            )

    def _equal(self, tradable: np.ndarray, appetite: Appetite) -> np.ndarray:
        weights = np.where(tradable, min(1.0, appetite.scalar) / tradable.sum(), 0.0)
        return self._limited(weights)

    def _limited(self, weights: np.ndarray) -> np.ndarray:
        _limit(weights, self._c, self._limits)
        return weights

    def _anchored(self, covariance: np.ndarray, tradable: np.ndarray) -> np.ndarray:
        self._share(covariance, tradable)
        _scaled(self._shares, covariance, self._bar_target, self._c, self._limits, self._anchor)
        return self._anchor

    def _share(self, covariance: np.ndarray, tradable: np.ndarray) -> None:
        """Bring the anchor's shares up to date where they are due."""
        stale = self._anchor_bar < 0 or self._bars - self._anchor_bar >= self.config.anchor_bars
        if stale or not (tradable is self._anchor_set or np.array_equal(tradable, self._anchor_set)):
            held = np.flatnonzero(tradable)
            sub = np.ascontiguousarray(covariance[np.ix_(held, held)])
            try:
                shares = self._anchor_method.weights(sub)
            except (DataError, Infeasible):  # a singular matrix: inverse volatility always exists
                shares = 1.0 / np.sqrt(np.diag(sub))
                shares /= shares.sum()
            self._shares = np.zeros(self.n)
            self._shares[held] = shares
            self._anchor_set, self._anchor_bar = tradable.copy(), self._bars

    def _tilted(
        self,
        score: np.ndarray,
        released: np.ndarray,
        appetite: Appetite,
        cov: np.ndarray,
        tradable: np.ndarray,
    ) -> np.ndarray:
        view = np.where(released & np.isfinite(score), np.clip(score, -1.0, 1.0), 0.0)
        anchor = self._anchored(cov, tradable)
        return self._limited(appetite.scalar * anchor * (1.0 + self.config.tilt * view))

    def _mean_variance(
        self,
        score: np.ndarray,
        released: np.ndarray,
        appetite: Appetite,
        covariance: np.ndarray,
        tradable: np.ndarray,
        previous: np.ndarray,
        cost_bps: np.ndarray,
    ) -> tuple[np.ndarray, str]:
        c = self.config
        self._share(covariance, tradable)
        anchor, cov, (mu, kappa, lower, upper) = self._anchor, self._matrix, self._vectors
        _programme(
            self._shares, covariance, self._bar_target, self._limits, tradable, score, released, cost_bps,
            self._c, anchor, cov, self._vectors,
        )  # fmt: skip
        try:
            solution = solve_mean_variance(
                mu,
                cov,
                previous,
                risk_aversion=c.risk_aversion / appetite.scalar,
                turnover_cost=kappa,
                robustness=c.robustness,
                lower=lower,
                upper=upper,
                gross=c.gross,
                net=self._net,
                start=self._solution,
            )
        except Infeasible:
            self._solution = None
            return self._limited(appetite.scalar * anchor), "anchor"
        self._solution = solution if solution.converged else None
        if not solution.converged:
            return self._limited(appetite.scalar * anchor), "anchor"
        return solution.weights.copy(), "mean_variance"

    def reset(self) -> None:
        """Forget the anchor and the last solution."""
        self._bars, self._anchor_bar = 0, -1
        self._shares, self._anchor_set = np.zeros(self.n), np.zeros(self.n, bool)
        self._solution = None

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        s = self._solution
        return {
            "bars": [self._bars, self._anchor_bar],
            "shares": self._shares,
            "set": self._anchor_set,
            "start": None if s is None else [s.weights, s.iterations, s.residual, s.prices],
        }

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self._bars, self._anchor_bar = (int(x) for x in state["bars"])
        self._shares, self._anchor_set = state["shares"], state["set"]
        start = state["start"]
        self._solution = None if start is None else Solution(start[0], start[1], start[2], True, start[3])

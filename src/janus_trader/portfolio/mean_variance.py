"""Robust mean–variance with turnover cost: the one convex programme of the house."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import DataError, Infeasible
from janus_trader.foundation.config import Config
from janus_trader.portfolio.active_set import active_set
from janus_trader.portfolio.covariance import RIDGE, covariance_verdict, refuse_covariance, square_matrix
from janus_trader.portfolio.interior_point import interior_point
from janus_trader.portfolio.programme import FEASIBLE, FEASIBLE_STATUS, normalise_rows, reduce_programme

_WARM_STEPS = 6
_POLISH_STEPS = 12
_COMPLEMENTARITY = 3e-9  # where the interior point hands over to the active set
_UNLIMITED = 1e9  # stands for an infinite row
_VECTORS = ("mu", "previous", "turnover_cost", "lower", "upper", "start")


class Solution(NamedTuple):
    """Weights (n,), how they were found, and the prices of the gross and net rows.

    ``residual`` is the largest violation of the optimality conditions in units of weight;
    ``converged`` says that it is within the tolerance; ``prices`` (2,) are in scaled units and serve
    as a warm start.
    """

    weights: np.ndarray
    iterations: int
    residual: float
    converged: bool
    prices: np.ndarray


class MeanVarianceConfig(Config, frozen=True):
    """Parameters of `MeanVariance`. Bounds hold for every instrument."""

    risk_aversion: Annotated[float, Meta(gt=0, le=1e6, description="γ of ½γ wᵀΣw")] = 5.0
    turnover_cost: Annotated[float, Meta(ge=0, le=1, description="κ per unit of weight traded")] = 0.0
    robustness: Annotated[float, Meta(ge=0, le=10, description="ρ: half-width of the μ box in σ")] = 0.0
    lower: Annotated[float, Meta(ge=-10, le=0, description="smallest weight")] = 0.0
    upper: Annotated[float, Meta(ge=0, le=10, description="largest weight")] = 1.0
    gross: Annotated[float, Meta(ge=0, le=100, description="cap on Σ|w|")] = 1.0
    net_lower: Annotated[float, Meta(ge=-100, le=100, description="floor of Σw")] = 0.0
    net_upper: Annotated[float, Meta(ge=-100, le=100, description="cap on Σw")] = 1.0
    tolerance: Annotated[float, Meta(ge=1e-12, le=1e-3, description="optimality residual")] = 1e-8
    max_iterations: Annotated[int, Meta(ge=5, le=500, description="bound on interior-point steps")] = 60


@njit(cache=True)
def _solve(  # type: ignore[no-untyped-def]
    cov, mu, gamma, kappa, penalty, previous, lower, upper, rows, start, prices, warm, max_iter, tolerance,
):  # fmt: skip
    """(status, iterations, residual); ``start`` and ``prices`` are overwritten by the solution."""
    status, use_gross, net_kind = normalise_rows(lower, upper, rows)
    for j in range(start.size):
        start[j] = min(max(start[j], lower[j]), upper[j])
    free = np.flatnonzero(upper - lower > FEASIBLE)
    if status != FEASIBLE_STATUS or free.size == 0:
        return status, 0, 0.0
    for j in range(start.size):
        if upper[j] - lower[j] <= FEASIBLE:
            upper[j] = lower[j]
    programme = reduce_programme(
        cov, mu, gamma, RIDGE, kappa, penalty, previous, lower, upper, rows, use_gross, net_kind, free
    )
    w = start[free]
    steps, residual = 0, np.inf
    if warm:
        steps, residual = active_set(programme, w, prices, _WARM_STEPS, tolerance)
    if not residual <= tolerance:
        prices[:] = 0.0
        used, _ = interior_point(programme, w, prices, max_iter, _COMPLEMENTARITY)
        more, residual = active_set(programme, w, prices, _POLISH_STEPS, tolerance)
        steps += used + more
    for r in range(free.size):
        start[free[r]] = min(max(w[r], programme.lo[r]), programme.hi[r])
    return status, steps, residual


@njit(cache=True)
def _check(mu, previous, kappa, lower, upper, gross):  # type: ignore[no-untyped-def]
    """Check the vectors and clip the bounds to the gross cap in place: (code, instrument)."""
    for i in range(mu.size):
        if not (np.isfinite(mu[i]) and np.isfinite(previous[i])):
            return 1, i
        if not (np.isfinite(kappa[i]) and kappa[i] >= 0.0):
            return 2, i
        if not lower[i] <= upper[i]:
            return 3, i
        if gross < np.inf:
            lower[i], upper[i] = max(lower[i], -gross), min(upper[i], gross)
        if not (np.isfinite(lower[i]) and np.isfinite(upper[i])):
            return 4, i
        if lower[i] > upper[i]:
            return 5, i
    return 0, 0


@njit(cache=True)
def _check_and_solve(  # type: ignore[no-untyped-def]
    cov, vectors, gamma, robustness, limits, prices, warm, max_iter, tolerance
):
    """(matrix code, vector code, its instrument, status, iterations, residual); the first fault ends it.

    ``vectors`` (6, n) holds mu, previous, kappa, lower, upper and the start, which the solution
    replaces; ``limits`` (3,) the gross cap, least and greatest net. One compiled call for the checks
    and the solution: at twenty instruments crossing into compiled code costs as much as they do.
    """
    fault = covariance_verdict(cov)
    if fault:
        return fault, 0, 0, 0, 0, 0.0
    mu, previous, kappa = vectors[0], vectors[1], vectors[2]
    lower, upper, start = vectors[3], vectors[4], vectors[5]
    code, where = _check(mu, previous, kappa, lower, upper, limits[0])
    if code:
        return 0, code, where, 0, 0, 0.0
    penalty = np.zeros(mu.size)
    if robustness > 0.0:
        for i in range(mu.size):
            penalty[i] = robustness * np.sqrt(cov[i, i])
    rows = np.empty(3)
    rows[0] = min(limits[0], _UNLIMITED)
    rows[1] = max(limits[1], -_UNLIMITED)
    rows[2] = min(limits[2], _UNLIMITED)
    status, iterations, residual = _solve(
        cov, mu, gamma, kappa, penalty, previous, lower, upper, rows, start, prices, warm, max_iter, tolerance,
    )  # fmt: skip
    return 0, 0, 0, status, iterations, residual


def _fill(row: np.ndarray, value: float | np.ndarray, name: str) -> None:
    if not isinstance(value, float | int) and np.shape(value) != row.shape:
        raise DataError(
            f"{name} does not fit", got=np.shape(value), expected=f"a number or {row.shape} of them"
        )
    row[:] = value


def _refuse(code: int, i: int, values: dict[str, float]) -> None:
    got = f"instrument {i}: " + ", ".join(f"{k}={v:.6g}" for k, v in values.items())
    if code in (1, 2):
        raise DataError("unusable input", got=got, expected="finite mu and previous, turnover cost >= 0")
    if code == 4:
        raise DataError("unbounded weights", got=got, expected="finite bounds or a finite gross cap")
    raise Infeasible("contradictory bounds", got=got, expected="lower <= upper, within the gross cap")


def solve_mean_variance(
    mu: np.ndarray,
    cov: np.ndarray,
    previous: np.ndarray,
    *,
    risk_aversion: float = 5.0,
    turnover_cost: float | np.ndarray = 0.0,
    robustness: float = 0.0,
    lower: float | np.ndarray = 0.0,
    upper: float | np.ndarray = 1.0,
    gross: float = 1.0,
    net: tuple[float, float] = (0.0, 1.0),
    start: Solution | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 60,
) -> Solution:
    r"""Weights that maximise return less risk, trading cost and the doubt about the means.

    .. math:: \max_w\; \mu^\top w - \tfrac{\gamma}{2} w^\top \Sigma w
        - \kappa^\top |w - w_\text{prev}| - \rho\,\sigma^\top |w|

    subject to ``lower ≤ w ≤ upper``, ``Σ|w| ≤ gross``, ``net[0] ≤ Σw ≤ net[1]``. The ρ-term is the
    worst case over means in the box μ ± ρσ, σ² the diagonal of Σ.

    Parameters
    ----------
    mu, previous : (n,)
        Expected returns per bar and weights held now.
    cov : (n, n)
        Covariance per bar, positive semidefinite (see `checked_covariance`); a ridge of 1e-10 of
        the mean variance makes the answer unique when it is singular.
    risk_aversion, robustness : float
        γ > 0 and ρ >= 0.
    turnover_cost, lower, upper : float or (n,)
        κ >= 0 per unit of weight; bounds, equal where a weight is pinned. Infinite bounds need a
        finite ``gross``.
    gross : float
        May be infinite.
    net : (float, float)
        May be infinite, or equal for an exact budget.
    start : Solution, optional
        An earlier solution of a near problem: if its pattern still fits, no interior-point step is taken.
    tolerance, max_iterations : float, int
        Optimality residual (in units of weight) and bound on interior-point iterations.

    Returns
    -------
    Solution
        Rows are met to 1e-9 when ``converged``. Weights on a bound, on 0 or on ``previous`` are exactly there.

    Notes
    -----
    Predictor–corrector interior point, then active-set steps to the exact solution. Cost O(n³) per
    iteration, about 12 of them; no warm-up. NaN is refused.

    Raises
    ------
    Infeasible
        The constraints contradict each other.
    DataError
        Inputs of the wrong shape, not finite, or an indefinite covariance.

    Examples
    --------
    >>> out = solve_mean_variance(np.array([0.02, 0.01]), np.eye(2) * 0.04, np.zeros(2), risk_aversion=1.0)
    >>> out.weights.round(6).tolist(), out.converged
    ([0.5, 0.25], True)

    References
    ----------
    Boyd et al. (2017), Multi-period trading via convex optimization; Mehrotra (1992).
    """
    cov = square_matrix(cov)
    n = cov.shape[0]
    warm = start is not None and start.weights.shape == (n,)
    vectors = np.empty((6, n))  # a copy: bounds are tightened and the start is overwritten
    given = (mu, previous, turnover_cost, lower, upper, start.weights if warm and start else previous)
    for row, value, name in zip(vectors, given, _VECTORS, strict=True):
        _fill(row, value, name)
    if not (0.0 < risk_aversion < math.inf and 0.0 <= robustness < math.inf and gross >= 0.0):
        raise DataError(
            "bad parameters",
            got=f"risk_aversion={risk_aversion}, robustness={robustness}, gross={gross}",
            expected="risk_aversion > 0, robustness >= 0, gross >= 0",
        )
    prices = start.prices.copy() if warm and start else np.zeros(2)
    limits = np.array([gross, net[0], net[1]], dtype=np.float64)
    fault, code, i, status, iterations, residual = _check_and_solve(
        cov,
        vectors,
        float(risk_aversion),
        float(robustness),
        limits,
        prices,
        warm,
        max_iterations,
        tolerance,
    )
    if fault:
        refuse_covariance(fault)
    if code:
        _refuse(code, i, dict(zip(_VECTORS[:5], vectors[:5, i], strict=True)))
    if status != FEASIBLE_STATUS or math.isnan(net[0]) or math.isnan(net[1]):
        raise Infeasible(
            "no weights meet the limits",
            got=f"net {net}, gross {gross}, sum of bounds [{vectors[3].sum():.6g}, {vectors[4].sum():.6g}]",
            expected="a net level between the sums of the bounds, within the gross cap",
            remedy="widen the net range, the gross cap or the bounds",
        )
    return Solution(vectors[5], iterations, residual, residual <= tolerance, prices)


class MeanVariance:
    """`solve_mean_variance` behind the `Allocator` protocol, with a `MeanVarianceConfig`.

    Stateless; ``mu`` absent means 0, ``previous`` absent means no position. Cost and errors as there.

    Examples
    --------
    >>> MeanVariance(MeanVarianceConfig()).weights(np.eye(2) * 0.04, np.array([0.02, 0.0])).round(6).tolist()
    [0.1, 0.0]
    """

    name = "mean_variance"

    def __init__(self, config: MeanVarianceConfig) -> None:
        self.config = config

    def weights(
        self, cov: np.ndarray, mu: np.ndarray | None = None, previous: np.ndarray | None = None
    ) -> np.ndarray:
        """Optimal weights (n,)."""
        c, n = self.config, len(cov)
        out = solve_mean_variance(
            np.zeros(n) if mu is None else mu,
            cov,
            np.zeros(n) if previous is None else previous,
            risk_aversion=c.risk_aversion,
            turnover_cost=c.turnover_cost,
            robustness=c.robustness,
            lower=c.lower,
            upper=c.upper,
            gross=c.gross,
            net=(c.net_lower, c.net_upper),
            tolerance=c.tolerance,
            max_iterations=c.max_iterations,
        )
        return out.weights

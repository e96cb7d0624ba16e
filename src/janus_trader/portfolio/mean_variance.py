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
from janus_trader.portfolio.interior_point import begin_interior, interior_point
from janus_trader.portfolio.linear_rows import LinearRows, conflicting_constraints, with_net_row
from janus_trader.portfolio.programme import (
    CONTRADICTORY_GROSS,
    FEASIBLE,
    FEASIBLE_STATUS,
    normalise_rows,
    reduce_programme,
    tighten_row,
)

_WARM_STEPS = 6
_POLISH_STEPS = (5, 4, 6, 12, 12)  # a step costs a twentieth of an interior-point iteration
#: Complementarities at which the interior point hands over to the active set, in units of the scaled Hessian.
_HAND_OVER = (1e-5, 1e-6, 1e-7, 3e-9, 1e-12)
_UNLIMITED = 1e9  # stands for an infinite gross cap or net
_CONTRADICTORY_ROW = 3  # a status of this or more names a row
_VECTORS = ("mu", "previous", "turnover_cost", "holding_cost", "lower", "upper", "start")


class Solution(NamedTuple):
    """Weights (n,), how they were found, and the prices of gross, net and the given rows.

    ``residual`` is the largest violation of the optimality conditions in units of weight;
    ``converged`` says that it is within the tolerance; ``prices`` (2 + k,) are in scaled units and
    serve as a warm start.
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
    holding_cost: Annotated[float, Meta(ge=0, le=1, description="η per unit of weight held")] = 0.0
    robustness: Annotated[float, Meta(ge=0, le=10, description="ρ: half-width of the μ box in σ")] = 0.0
    lower: Annotated[float, Meta(ge=-10, le=0, description="smallest weight")] = 0.0
    upper: Annotated[float, Meta(ge=0, le=10, description="largest weight")] = 1.0
    gross: Annotated[float, Meta(ge=0, le=100, description="cap on Σ|w|")] = 1.0
    net_lower: Annotated[float, Meta(ge=-100, le=100, description="floor of Σw")] = 0.0
    net_upper: Annotated[float, Meta(ge=-100, le=100, description="cap on Σw")] = 1.0
    tolerance: Annotated[float, Meta(ge=1e-12, le=1e-3, description="optimality residual")] = 1e-8
    max_iterations: Annotated[int, Meta(ge=5, le=500, description="bound on interior-point steps")] = 60


@njit(cache=True)
def _presolve(lower, upper, gross, c, limits):  # type: ignore[no-untyped-def]
    """(status, use_gross, gross cap, rows that can bind); bounds and ``limits`` are tightened in place.

    Row 0 of ``c`` is net.
    """
    rows = np.empty(3)
    rows[0] = min(gross, _UNLIMITED)
    rows[1] = max(limits[0, 0], -_UNLIMITED)
    rows[2] = min(limits[0, 1], _UNLIMITED)
    status, use_gross = normalise_rows(lower, upper, rows)
    limits[0] = rows[1:]
    binding = np.zeros(c.shape[0], np.bool_)
    if status == FEASIBLE_STATUS:
        for j in range(lower.size):
            if upper[j] - lower[j] <= FEASIBLE:
                upper[j] = lower[j]
        for r in range(c.shape[0]):
            if not tighten_row(c[r], lower, upper, limits[r]):
                status = _CONTRADICTORY_ROW + r
                break
            binding[r] = limits[r, 0] > -np.inf or limits[r, 1] < np.inf
    return status, use_gross, rows[0], np.flatnonzero(binding)


@njit(cache=True)
def _from_inside(programme, w, prices, max_iter, tolerance):  # type: ignore[no-untyped-def]
    """(steps, residual): interior point until the active set ends it; ``w`` and ``prices`` are overwritten.

    The first hand-overs come early: a pattern that is clear already saves iterations.
    """
    work = begin_interior(programme, w)
    left, steps, residual = max_iter, 0, np.inf
    for stage in range(len(_HAND_OVER)):
        used, _ = interior_point(work, programme, w, prices, left, _HAND_OVER[stage])
        polish, residual = active_set(programme, w, prices, _POLISH_STEPS[stage], tolerance)
        left -= used
        steps += used + polish
        if residual <= tolerance:
            break
    return steps, residual


@njit(cache=True)
def _solve(  # type: ignore[no-untyped-def]
    cov, vectors, penalty, gamma, gross, c, limits, prices, warm, max_iter, tolerance
):
    """(status, iterations, residual); the start in ``vectors`` and ``prices`` become the solution."""
    mu, previous, kappa, lower, upper, start = (
        vectors[0], vectors[1], vectors[2], vectors[4], vectors[5], vectors[6],
    )  # fmt: skip
    status, use_gross, gross, used = _presolve(lower, upper, gross, c, limits)
    for j in range(start.size):
        start[j] = min(max(start[j], lower[j]), upper[j])
    free = np.flatnonzero(upper > lower)
    if status != FEASIBLE_STATUS or free.size == 0:
        return status, 0, 0.0
    programme = reduce_programme(
        cov, mu, gamma, RIDGE, kappa, penalty, previous, lower, upper, c, limits, used, gross, use_gross, free,
    )  # fmt: skip
    w, y = start[free], np.zeros(1 + used.size)
    steps, residual = 0, np.inf
    if warm:
        y[0] = prices[0]
        y[1:] = prices[1 + used]
        steps, residual = active_set(programme, w, y, _WARM_STEPS, tolerance)
    if not residual <= tolerance:
        more, residual = _from_inside(programme, w, y, max_iter, tolerance)
        steps += more
    prices[:] = 0.0
    prices[0] = y[0]
    prices[1 + used] = y[1:]
    for r in range(free.size):
        start[free[r]] = min(max(w[r], programme.lo[r]), programme.hi[r])
    return status, steps, residual


@njit(cache=True)
def _check(vectors, gross):  # type: ignore[no-untyped-def]
    """Check the vectors and clip the bounds to the gross cap in place: (code, instrument)."""
    lower, upper = vectors[4], vectors[5]
    for i in range(lower.size):
        if not (np.isfinite(vectors[0, i]) and np.isfinite(vectors[1, i])):
            return 1, i
        if not (0.0 <= vectors[2, i] < np.inf and 0.0 <= vectors[3, i] < np.inf):
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
    cov, vectors, gamma, robustness, gross, c, limits, prices, warm, max_iter, tolerance
):
    """(matrix code, vector code, its instrument, status, iterations, residual); the first fault ends it.

    ``vectors`` (7, n) holds mu, previous, turnover and holding cost, lower, upper and the start, which
    the solution replaces. One compiled call for the checks and the solution: at twenty instruments
    crossing into compiled code costs as much as they do.
    """
    fault = covariance_verdict(cov)
    if fault:
        return fault, 0, 0, 0, 0, 0.0
    code, where = _check(vectors, gross)
    if code:
        return 0, code, where, 0, 0, 0.0
    penalty = vectors[3].copy()
    if robustness > 0.0:
        for i in range(penalty.size):
            penalty[i] += robustness * np.sqrt(cov[i, i])
    status, iterations, residual = _solve(
        cov, vectors, penalty, gamma, gross, c, limits, prices, warm, max_iter, tolerance
    )
    return 0, 0, 0, status, iterations, residual


def _fill(vectors: np.ndarray, given: tuple[float | np.ndarray, ...]) -> None:
    """Write what is given into the rows of ``vectors`` (7, n), numbers all along a row."""
    shape = vectors.shape[1:]
    for k, value in enumerate(given):
        if not isinstance(value, float | int) and np.shape(value) != shape:
            raise DataError(
                f"{_VECTORS[k]} does not fit", got=np.shape(value), expected=f"a number or {shape} of them"
            )
        vectors[k] = value


def _refuse(code: int, i: int, values: dict[str, float]) -> None:
    got = f"instrument {i}: " + ", ".join(f"{k}={v:.6g}" for k, v in values.items())
    if code in (1, 2):
        raise DataError("unusable input", got=got, expected="finite mu and previous, costs >= 0")
    if code == 4:
        raise DataError("unbounded weights", got=got, expected="finite bounds or a finite gross cap")
    raise Infeasible("contradictory bounds", got=got, expected="lower <= upper, within the gross cap")


def _infeasible(
    vectors: np.ndarray,
    gross: float,
    net: tuple[float, float],
    rows: LinearRows | None,
    parts: list[int],
) -> Infeasible:
    """The error that names the constraints ``parts``: −1 gross, 0 net, from 1 on the given rows."""
    names = ["gross" if p < 0 else "net" if p == 0 or rows is None else rows.name(p - 1) for p in parts]
    return Infeasible(
        f"no weights meet the limits: {', '.join(names)} and the bounds contradict each other",
        got=f"net {net}, gross {gross}, sum of bounds [{vectors[4].sum():.6g}, {vectors[5].sum():.6g}]",
        expected="a point within the bounds that meets them all",
        remedy=f"widen {', '.join(names)} or the bounds",
    )


def solve_mean_variance(
    mu: np.ndarray,
    cov: np.ndarray,
    previous: np.ndarray,
    *,
    risk_aversion: float = 5.0,
    turnover_cost: float | np.ndarray = 0.0,
    holding_cost: float | np.ndarray = 0.0,
    robustness: float = 0.0,
    lower: float | np.ndarray = 0.0,
    upper: float | np.ndarray = 1.0,
    gross: float = 1.0,
    net: tuple[float, float] = (0.0, 1.0),
    rows: LinearRows | None = None,
    start: Solution | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 60,
) -> Solution:
    r"""Weights that maximise return less risk, the cost of trading and holding, and the doubt about the means.

    .. math:: \max_w\; \mu^\top w - \tfrac{\gamma}{2} w^\top \Sigma w
        - \kappa^\top |w - w_\text{prev}| - (\eta + \rho\,\sigma)^\top |w|

    subject to ``lower ≤ w ≤ upper``, ``Σ|w| ≤ gross``, ``net[0] ≤ Σw ≤ net[1]`` and ``l ≤ A w ≤ u``.
    The ρ-term is the worst case over means in the box μ ± ρσ, σ² the diagonal of Σ.

    Parameters
    ----------
    mu, previous : (n,)
        Expected returns per bar and weights held now.
    cov : (n, n)
        Covariance per bar, positive semidefinite (see `checked_covariance`); a ridge of 1e-10 of
        the mean variance makes the answer unique when it is singular.
    risk_aversion, robustness : float
        γ > 0 and ρ >= 0.
    turnover_cost, holding_cost, lower, upper : float or (n,)
        κ, η >= 0 per unit of weight; bounds, equal where a weight is pinned. Infinite bounds need a
        finite ``gross``.
    gross : float
        May be infinite.
    net : (float, float)
        May be infinite, or equal for an exact budget.
    rows : LinearRows, optional
        General constraints; redundant ones are allowed.
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
    Predictor–corrector interior point, then active-set steps to the exact solution. Cost O(n³ + k n²)
    per iteration, about 12 of them; no warm-up. NaN is refused. From 48 instruments on the factor is
    LAPACK's (equal bits on one class of CPU).

    Raises
    ------
    Infeasible
        The constraints contradict each other; the message names those that do.
    DataError
        Inputs of the wrong shape, not finite, or an indefinite covariance.

    Examples
    --------
    >>> out = solve_mean_variance(np.array([0.02, 0.01]), np.eye(2) * 0.04, np.zeros(2), risk_aversion=1.0)
    >>> out.weights.round(6).tolist(), out.converged
    ([0.5, 0.25], True)
    >>> cap = LinearRows(np.array([[1.0, 0.0]]), -np.inf, 0.2)
    >>> solve_mean_variance(
    ...     np.array([0.02, 0.01]), np.eye(2) * 0.04, np.zeros(2), risk_aversion=1.0, rows=cap
    ... ).weights.round(6).tolist()
    [0.2, 0.25]

    References
    ----------
    Boyd et al. (2017), Multi-period trading via convex optimization; Mehrotra (1992).
    """
    cov = square_matrix(cov)
    n = cov.shape[0]
    c, limits = with_net_row(rows, n, net)
    warm = start is not None and start.weights.shape == (n,) and start.prices.size == len(c) + 1
    vectors = np.empty((7, n))  # a copy: bounds are tightened and the start is overwritten
    first = start.weights if warm and start else previous
    _fill(vectors, (mu, previous, turnover_cost, holding_cost, lower, upper, first))
    if not (0.0 < risk_aversion < math.inf and 0.0 <= robustness < math.inf and gross >= 0.0):
        raise DataError(
            "bad parameters",
            got=f"risk_aversion={risk_aversion}, robustness={robustness}, gross={gross}",
            expected="risk_aversion > 0, robustness >= 0, gross >= 0",
        )
    prices = start.prices.copy() if warm and start else np.zeros(len(c) + 1)
    fault, code, i, status, iterations, residual = _check_and_solve(
        cov,
        vectors,
        float(risk_aversion),
        float(robustness),
        float(gross),
        c,
        limits,
        prices,
        warm,
        max_iterations,
        tolerance,
    )
    if fault:
        refuse_covariance(fault)
    if code:
        _refuse(code, i, dict(zip(_VECTORS[:6], vectors[:6, i], strict=True)))
    if math.isnan(net[0]) or math.isnan(net[1]):
        raise _infeasible(vectors, gross, net, rows, [0])
    if status != FEASIBLE_STATUS:
        parts = [-1, 0] if status == CONTRADICTORY_GROSS else [max(status - _CONTRADICTORY_ROW, 0)]
        raise _infeasible(vectors, gross, net, rows, parts)
    if not residual <= tolerance:
        short, parts = conflicting_constraints(vectors[4], vectors[5], gross, *with_net_row(rows, n, net))
        if short > 0.0:
            raise _infeasible(vectors, gross, net, rows, parts)
    return Solution(vectors[6], iterations, residual, residual <= tolerance, prices)


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
            holding_cost=c.holding_cost,
            robustness=c.robustness,
            lower=c.lower,
            upper=c.upper,
            gross=c.gross,
            net=(c.net_lower, c.net_upper),
            tolerance=c.tolerance,
            max_iterations=c.max_iterations,
        )
        return out.weights

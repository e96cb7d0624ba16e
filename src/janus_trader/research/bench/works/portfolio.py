"""Quadratic programmes with L1 costs, hierarchical risk parity, risk parity."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

SIZES = (20, 200, 1000)
WARM_SOLVES = 5
_FACTORS = 8  # fewer interior-point iterations than this no start is known to need
_GOAL_COLD = {20: 13.0, 200: 3.7, 1000: 5.4}
_GOAL_WARM = {20: 3.0, 200: 2.0, 1000: 3.6}


def draw_problem(n: int, seed: int = 0) -> dict[str, Any]:
    """A book of n instruments: factor covariance, a budget, three groups, costs of trading and holding.

    ½wᵀΣw − qᵀw + τ|w − p| + κ|w| subject to lower ≤ w ≤ upper, Σw = 1 and each group in [0.1, 0.45].
    """
    g = np.random.default_rng(seed)
    k, t = max(3, n // 20), max(2 * n, 252)
    loadings = g.normal(0, 1, (n, k)) * np.linspace(0.2, 0.03, k)
    loadings[:, 0] = g.normal(0.17, 0.05, n)
    own = g.uniform(0.1, 0.35, n)
    returns = g.normal(size=(t, k)) @ loadings.T + g.normal(size=(t, n)) * own
    returns = returns / np.sqrt(252) + g.normal(0.08, 0.06, n) / 252
    mu = returns.mean(axis=0) * 252 * 0.2 + g.normal(0.08, 0.05, n) * 0.8
    held = np.zeros(n)
    some = g.choice(n, max(5, n // 3), replace=False)
    held[some] = g.dirichlet(np.ones(len(some)))
    most = max(0.1, 8.0 / n)
    rows = np.zeros((4, n))
    rows[0] = 1.0
    for group in range(3):
        rows[1 + group, group::3] = 1.0
    return {
        "n": n,
        "returns": returns,
        "cov": np.cov(returns.T) * 252,
        "q": 0.3 * mu,
        "previous": np.clip(held, -most / 2, most),
        "tau": 0.002,
        "kappa": 0.001,
        "lower": np.full(n, -most / 2),
        "upper": np.full(n, most),
        "rows": rows,
        "row_lower": np.array([1.0, 0.1, 0.1, 0.1]),
        "row_upper": np.array([1.0, 0.45, 0.45, 0.45]),
    }


def _solver(p: dict[str, Any]) -> Callable[..., Any]:
    from janus_trader.portfolio import LinearRows, solve_mean_variance

    return partial(
        solve_mean_variance,
        cov=p["cov"],
        risk_aversion=1.0,
        turnover_cost=p["tau"],
        holding_cost=p["kappa"],
        lower=p["lower"],
        upper=p["upper"],
        gross=np.inf,
        net=(-np.inf, np.inf),
        rows=LinearRows(p["rows"], p["row_lower"], p["row_upper"]),
    )


def _cold(n: int) -> Case:
    from janus_trader.portfolio.cholesky import cholesky_in_place

    p = draw_problem(n)
    solve = _solver(p)
    room = np.empty((n, n))

    def ours() -> np.ndarray:
        return solve(p["q"], previous=p["previous"]).weights

    def factors_alone() -> None:
        for _ in range(_FACTORS):
            room[:] = p["cov"]
            cholesky_in_place(room, n)

    return Case(ours, 1, p, factors_alone)


def _warm(n: int) -> Case:
    p = draw_problem(n)
    solve = _solver(p)
    first = solve(p["q"], previous=p["previous"])
    g = np.random.default_rng(5)
    p["moved"] = [p["q"] + 0.3 * g.normal(0, 0.005, n) for _ in range(WARM_SOLVES)]
    p["first"] = first.weights

    def ours() -> np.ndarray:
        last = first
        for q in p["moved"]:
            last = solve(q, previous=last.weights, start=last)
        return last.weights

    return Case(ours, WARM_SOLVES, p)


def _covariance(returns: np.ndarray) -> np.ndarray:
    """Of a matrix with itself numpy takes the symmetric product, half the work of ``np.cov``."""
    centred = returns - returns.mean(axis=0)
    return centred.T @ centred / (len(returns) - 1)


def _from_returns(n: int, name: str) -> Case:
    import janus_trader.portfolio

    weights = getattr(janus_trader.portfolio, name)
    returns = draw_problem(n)["returns"]
    return Case(
        lambda: weights(_covariance(returns)),
        1,
        {"n": n, "returns": returns},
        lambda: _covariance(returns),
    )


_GROWTH = (50, 100, 200, 400, 800)

WORKS = (
    *(
        Work(
            f"portfolio.qp.cold.{n}",
            f"mean–variance, {n} instruments, L1 turnover and holding cost, box, budget, 3 group rows, from"
            f" nothing, residual at most 1e-8; limit: {_FACTORS} Cholesky factors of the covariance",
            "solve",
            partial(_cold, n),
            goal_ratio=_GOAL_COLD[n],
            growth=_cold if n == 200 else None,
            sizes=_GROWTH if n == 200 else (),
        )
        for n in SIZES
    ),
    *(
        Work(
            f"portfolio.qp.warm.{n}",
            f"the same, {n} instruments, {WARM_SOLVES} solves in a row: means drift, the last weights are held",
            "solve",
            partial(_warm, n),
            goal_ratio=_GOAL_WARM[n],
        )
        for n in SIZES
    ),
    *(
        Work(
            f"portfolio.{name}.{n}",
            f"{title} of {n} instruments from {max(2 * n, 252)} returns; limit: the covariance alone",
            "book",
            partial(prepare, n),
            goal_ratio=150.0,
            growth=prepare if n == 200 else None,
            sizes=_GROWTH if n == 200 else (),
        )
        for name, title, prepare in (
            ("hrp", "hierarchical risk parity", partial(_from_returns, name="hrp")),
            ("risk_parity", "equal risk contributions", partial(_from_returns, name="risk_parity")),
        )
        for n in SIZES
    ),
)

"""OSQP and Clarabel (called directly, without a modelling layer), riskfolio-lib, skfolio."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer

SIZES = (20, 200, 1000)


def _largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max())


def _matrices(p: Mapping[str, Any]) -> tuple[Any, np.ndarray, Any, np.ndarray, np.ndarray]:
    """The programme over (w, a, b) with a ≥ |w − p| and b ≥ |w|: P, q, A, l, u."""
    import scipy.sparse as sp

    n, m = p["n"], len(p["rows"])
    one, none = sp.eye(n, format="csc"), sp.csc_matrix((n, n))
    hessian = sp.triu(sp.block_diag([sp.csc_matrix(p["cov"]), sp.csc_matrix((2 * n, 2 * n))]), format="csc")
    linear = np.concatenate([-p["q"], np.full(n, p["tau"]), np.full(n, p["kappa"])])
    empty = sp.csc_matrix((m, n))
    a = sp.bmat(
        [
            [sp.csc_matrix(p["rows"]), empty, empty],
            [one, none, none],
            [one, -one, none],
            [-one, -one, none],
            [one, none, -one],
            [-one, none, -one],
        ],
        format="csc",
    )
    held = p["previous"]
    lower = np.concatenate([p["row_lower"], p["lower"], np.full(4 * n, -np.inf)])
    upper = np.concatenate([p["row_upper"], p["upper"], held, -held, np.zeros(2 * n)])
    return hessian, linear, a, lower, upper


_OSQP = {"verbose": False, "eps_abs": 1e-6, "eps_rel": 1e-6, "max_iter": 200_000, "polishing": False}


def _osqp_cold(p: Mapping[str, Any], assemble: bool) -> Callable[[], np.ndarray]:
    import osqp

    ready = _matrices(p)

    def call() -> np.ndarray:
        model = osqp.OSQP()
        model.setup(*(_matrices(p) if assemble else ready), **_OSQP)
        return model.solve().x[: p["n"]]

    return call


def _osqp_warm(p: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import osqp

    n, m = p["n"], len(p["rows"])
    hessian, linear, a, lower, upper = _matrices(p)
    model = osqp.OSQP()
    model.setup(hessian, linear, a, lower, upper, **_OSQP)
    first = model.solve()
    x, y = first.x.copy(), first.y.copy()

    def call() -> np.ndarray:
        model.warm_start(x=x, y=y)
        held = p["first"]
        for q in p["moved"]:
            upper[m + n : m + 2 * n], upper[m + 2 * n : m + 3 * n] = held, -held
            model.update(q=np.concatenate([-q, linear[n:]]), u=upper)
            held = model.solve().x[:n].copy()
        return held

    return call


def _clarabel(p: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import clarabel
    import scipy.sparse as sp

    n, m = p["n"], len(p["rows"])
    hessian, linear, a, lower, upper = _matrices(p)
    equal = np.flatnonzero(lower[:m] == upper[:m])
    other = np.flatnonzero(lower[:m] != upper[:m])
    box = a[m : m + n]
    cone = sp.vstack([a[equal], a[other], -a[other], box, -box, a[m + n :]], format="csc")
    bounds = np.concatenate(
        [upper[equal], upper[other], -lower[other], upper[m : m + n], -lower[m : m + n], upper[m + n :]]
    )
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    cones = [clarabel.ZeroConeT(len(equal)), clarabel.NonnegativeConeT(len(bounds) - len(equal))]

    def call() -> np.ndarray:
        solution = clarabel.DefaultSolver(hessian, linear, cone, bounds, cones, settings).solve()
        return np.array(solution.x[:n])

    return call


def _frame(p: Mapping[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame(p["returns"], columns=[f"a{i:04d}" for i in range(p["n"])])


def _quiet(call: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
    def quiet() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call()

    return quiet


def _riskfolio_hrp(p: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import riskfolio

    frame = _frame(p)

    def call() -> np.ndarray:
        book = riskfolio.HCPortfolio(returns=frame)
        weights = book.optimization(
            model="HRP", codependence="pearson", rm="MV", rf=0, linkage="single", leaf_order=False
        )
        return weights.iloc[:, 0].to_numpy()

    return _quiet(call)


def _riskfolio_parity(p: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import riskfolio

    frame = _frame(p)

    def call() -> np.ndarray:
        book = riskfolio.Portfolio(returns=frame)
        book.assets_stats(method_mu="hist", method_cov="hist")
        return book.rp_optimization(model="Classic", rm="MV", rf=0, b=None, hist=True).iloc[:, 0].to_numpy()

    return _quiet(call)


def _skfolio_hrp(p: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    from skfolio import RiskMeasure
    from skfolio.cluster import HierarchicalClustering, LinkageMethod
    from skfolio.distance import PearsonDistance
    from skfolio.optimization import HierarchicalRiskParity

    frame = _frame(p)

    def call() -> np.ndarray:
        return (
            HierarchicalRiskParity(
                risk_measure=RiskMeasure.VARIANCE,
                distance_estimator=PearsonDistance(),
                hierarchical_clustering_estimator=HierarchicalClustering(linkage_method=LinkageMethod.SINGLE),
            )
            .fit(frame)
            .weights_
        )

    return _quiet(call)


def _skfolio_parity(p: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    from skfolio import RiskMeasure
    from skfolio.optimization import RiskBudgeting

    frame = _frame(p)
    return _quiet(lambda: RiskBudgeting(risk_measure=RiskMeasure.VARIANCE).fit(frame).weights_)


_PREPARED = "matrices assembled beforehand; builds its solver, then solves"
_LOOSER = "; eps 1e-6 where ours stops at an optimality residual of 1e-8"

PEERS = (
    *(
        Peer(f"portfolio.qp.cold.{n}", name, package, prepare, _largest_difference, settings=settings)
        for n in SIZES
        for name, package, prepare, settings in (
            ("OSQP", "osqp", partial(_osqp_cold, assemble=False), _PREPARED + _LOOSER),
            ("OSQP with assembly", "osqp", partial(_osqp_cold, assemble=True), "builds scipy matrices too" + _LOOSER),
            ("Clarabel", "clarabel", _clarabel, _PREPARED + "; default tolerances (1e-8), one thread"),
        )
    ),
    *(
        Peer(
            f"portfolio.qp.warm.{n}", "OSQP warm", "osqp", _osqp_warm, _largest_difference,
            settings="keeps its solver, updates q and the limits, starts from its last solution" + _LOOSER,
        )
        for n in SIZES
    ),
    *(
        Peer(f"portfolio.{work}.{n}", name, package, prepare, _largest_difference, settings=settings)
        for n in SIZES
        for work, name, package, prepare, settings in (
            ("hrp", "riskfolio", "riskfolio-lib", _riskfolio_hrp, "single linkage, pearson, no leaf order"),
            ("hrp", "skfolio", "skfolio", _skfolio_hrp, "single linkage; orders leaves optimally, so other weights"),
            ("risk_parity", "riskfolio", "riskfolio-lib", _riskfolio_parity, "classic, by its default solver"),
            ("risk_parity", "skfolio", "skfolio", _skfolio_parity, "RiskBudgeting, by its default solver"),
        )
    ),
)  # fmt: skip

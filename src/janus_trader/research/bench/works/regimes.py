"""Hidden Markov models: one step of EM, one step of the online filter."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

FEATURES, ROWS, ITERATIONS, WINDOW = 5, 20_000, 10, 256


def _series(n_states: int, rows: int) -> dict[str, Any]:
    """Rows of a sticky HMM with correlated features, and the parameters EM starts from."""
    g = np.random.default_rng(0)
    transition = np.full((n_states, n_states), 0.02 / (n_states - 1))
    np.fill_diagonal(transition, 0.98)
    means = g.normal(0.0, 1.2, (n_states, FEATURES))
    roots = [np.linalg.cholesky(np.cov(g.normal(size=(FEATURES, 40))) * g.uniform(0.3, 2)) for _ in means]
    x, state = np.empty((rows, FEATURES)), 0
    for t in range(rows):
        state = int(g.choice(n_states, p=transition[state]))
        x[t] = means[state] + roots[state] @ g.normal(size=FEATURES)
    start = np.full((n_states, n_states), 0.1 / (n_states - 1))
    np.fill_diagonal(start, 0.9)
    return {
        "x": x,
        "initial": np.full(n_states, 1.0 / n_states),
        "transition": start,
        "means": x[g.choice(rows, n_states, replace=False)].copy(),
        "covariances": np.repeat(np.cov(x.T)[None], n_states, axis=0),
        "iterations": ITERATIONS,
    }


def _em(n_states: int, full: bool, rows: int = ROWS) -> Case:
    from janus_trader.numerics.baum_welch import expectation_maximisation
    from janus_trader.numerics.hmm_kernels import pack, unpack
    from janus_trader.numerics.hmm_parameters import HMMParameters, sequence_bounds

    inputs = _series(n_states, rows)
    if not full:
        inputs["covariances"] = np.einsum("kii->ki", inputs["covariances"]).copy()
    start = HMMParameters(*(inputs[n] for n in ("initial", "transition", "means", "covariances")))
    bounds = sequence_bounds(rows, None)

    def ours() -> Any:
        states = pack(start)
        # one expectation more than the peer makes: it values the last model
        expectation_maximisation(states, inputs["x"], bounds, ITERATIONS, -np.inf)
        return unpack(states).means

    return Case(ours, ITERATIONS, inputs)


def _filter(n_states: int, per_call: bool) -> Case:
    from janus_trader.numerics.baum_welch import sequence_filter
    from janus_trader.numerics.hmm import HMMFilter, fit_hmm
    from janus_trader.numerics.hmm_kernels import pack

    inputs = _series(n_states, 2_000)
    rows = inputs["x"]
    model, _ = fit_hmm(rows, n_states, np.random.default_rng(1), 20, full=True)
    inputs |= {"model": model, "window": rows[-WINDOW:]}
    if per_call:
        kernel = HMMFilter(model)
        listed = list(rows)

        def ours() -> Any:
            kernel.reset()
            update = kernel.update
            for row in listed:
                posterior = update(row)
            return posterior.copy()

        return Case(ours, len(rows), inputs)
    states = pack(model)

    def scan() -> Any:
        sequence_filter(states, rows)
        return states["posterior"][0, :n_states].copy()

    return Case(scan, len(rows), inputs)


WORKS = (
    *(
        Work(
            f"regimes.hmm_em.{kind}.k{k}",
            f"one step of EM, Gaussian HMM, {k} states, {FEATURES} features, {ROWS} rows, {kind} covariances",
            "iteration",
            partial(_em, k, kind == "full"),
            goal_ratio=goal if kind == "full" else None,
            growth=partial(_em, k, True) if (kind, k) == ("full", 3) else None,
            sizes=(2_500, 5_000, 10_000, 20_000) if (kind, k) == ("full", 3) else (),
        )
        for kind in ("full", "diagonal")
        for k, goal in ((3, 5.0), (7, 6.0))
    ),
    *(
        Work(
            f"regimes.hmm_filter.{side}.k{k}",
            f"filter one row of {FEATURES} features, {k} states, full covariances, {where}",
            "row",
            partial(_filter, k, side == "py"),
            goal_ratio=1_000.0 if side == "py" else None,
            goal_ns=None if side == "py" else 120.0,
        )
        for side, where in (("kernel", "inside compiled code"), ("py", "one Python call a row"))
        for k in (3, 7)
    ),
)

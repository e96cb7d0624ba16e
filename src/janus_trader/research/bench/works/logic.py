"""Fuzzy logic: a knowledge base over learned predicates, and the market axioms over a book."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Case, Work

ROWS, FIELDS, HIDDEN = 4096, 16, 32

RULES = """
sort row(features)
predicate A(x in row) predicate B(x in row) predicate C(x in row) predicate D(x in row)
rule r0: forall x in row: A(x) -> B(x)
rule r1: forall x in row: B(x) -> not C(x)
rule r2: forall x in row: A(x) and D(x) -> C(x)
rule r3: forall x in row: A(x) or C(x)
rule r4: forall x in row: C(x) -> A(x) or D(x)
rule r5: forall x in row: not (A(x) and C(x))
rule r6: forall x in row: D(x) -> B(x) and not A(x)
rule r7: forall x in row: not B(x) or D(x)
rule r8: forall x in row: not A(x) -> C(x) or D(x)
rule r9: forall x in row: B(x) and (A(x) -> D(x))
"""


def _axioms(rows: int) -> Case:
    """Forward and backward through four networks and ten axioms; returns SAT and the first layers' gradient."""
    import torch

    from janus_trader.learning.logic import parse
    from janus_trader.learning.logic.neural import LogicalLoss, PredicateBank

    torch.set_num_threads(1)
    data = torch.from_numpy(np.random.default_rng(0).standard_normal((rows, FIELDS), dtype=np.float32))
    bank, loss = PredicateBank("ABCD", FIELDS, HIDDEN, seed=0), LogicalLoss(parse(RULES))

    def ours() -> tuple[float, np.ndarray]:
        bank.zero_grad(set_to_none=True)
        value = loss(tables=bank.tables(data))
        value.backward()
        return 1.0 - value.item(), bank.w1.grad.numpy()  # type: ignore[union-attr]

    def limit() -> object:
        """The matrix products alone."""
        hidden = torch.mm(bank.w1.detach(), data.t())
        return torch.mm(hidden, data)

    weights = [w.detach().numpy().copy() for w in (bank.w1, bank.b1, bank.w2, bank.b2)]
    return Case(ours, 1, {"data": data.numpy(), "weights": weights, "hidden": HIDDEN}, limit)


def _prepare() -> Case:
    return _axioms(ROWS)


def _book() -> Case:
    from janus_trader.brain.prefrontal import LogicMonitor, LogicMonitorConfig
    from janus_trader.contracts.features import N_INSTRUMENT_FEATURES

    rng = np.random.default_rng(0)
    facts, choices = rng.random((20, N_INSTRUMENT_FEATURES)), rng.dirichlet([1.0, 1.0, 1.0], 20)
    facts[:, -1] = 1.0
    watch = LogicMonitor(LogicMonitorConfig())

    def ours() -> object:
        return watch.observe(choices, facts)

    return Case(ours, 1)


WORKS: tuple[Work, ...] = (
    Work(
        name="logic.axioms",
        title="10 axioms over 4 learned predicates (16-32-1) x 4,096 rows, forward and backward, float32",
        unit="pass",
        prepare=_prepare,
        goal_ratio=11.0,
        growth=_axioms,
        sizes=(256, 1024, 4096),
    ),
    Work(
        name="logic.report",
        title="truths of the 10 market axioms for the choices of a book of 20 instruments, recorded",
        unit="decision",
        prepare=_book,
        goal_ns=20_000.0,
    ),
)

"""The compiled form against its reference, against torch's gradients, and against LTNtorch."""

from __future__ import annotations

import ltn
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.learning.logic import CompiledTheory, Family, Implication, Logic, evaluate, parse
from janus_trader.learning.logic import syntax as s
from janus_trader.learning.logic.kernel import _raise, _tanh
from janus_trader.learning.logic.syntax import Binding, Statement, Theory

HEAD = """
sort row(x, y)
sort other(z)
predicate A(m in row)
predicate B(m in row)
predicate C(m in row) = above(m.x - 2 * m.y, 0.1, 5)
predicate D(m in row) = alike(m.x, 1, m.y, -2)
predicate R(m in row, n in other)
predicate Q(m in row, n in row)
predicate N(m in row, n in other) = near(m.x - n.z, 0, max(m.y, n.z), 1, 1)
"""
RULES = """
rule one: forall m in row: A(m) and very not B(m) -> C(m) or slightly D(m)
rule two weight 2: forall m in row: exists n in other: R(m, n) or N(m, n)
rule three: (forall m in row: A(m)) <-> (exists m in row, n in other: R(m, n) and somewhat C(m))
rule four weight 0.5: forall m in row, n in row: Q(m, n) -> Q(n, m) or Q(m, m)
rule five: exists n in other: forall m in row: more_or_less R(m, n) -> extremely A(m)
"""
SIZES = {"row": 7, "other": 5}


def inputs(seed: int = 0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    n, k = sizes["row"], sizes["other"]
    domains = {"row": rng.normal(size=(n, 2)), "other": rng.normal(size=(k, 1))}
    tables = {
        "A": rng.random(n), "B": rng.random(n), "R": rng.random((n, k)), "Q": rng.random((n, n)),
    }  # fmt: skip
    weights = {"row": np.r_[0.0, rng.random(n - 1) + 0.5]}
    return domains, tables, weights


def filled(theory, logic, domains, tables, weights, sizes=SIZES):
    work = CompiledTheory(theory, logic, ("row",)).workspace(sizes)
    for sort, rows in domains.items():
        work.fields(sort, rows)
    for name, truths in tables.items():
        work.table(name, truths)
    work.weigh("row", weights["row"])
    return work


def reference(theory, logic, domains, tables, weights):
    """Satisfaction, truths and gradients by torch."""
    domains = {k: torch.tensor(v, requires_grad=True) for k, v in domains.items()}
    tables = {k: torch.tensor(v, requires_grad=True) for k, v in tables.items()}
    found = evaluate(theory, domains, tables, logic, {k: torch.tensor(v) for k, v in weights.items()})
    if found.satisfaction.requires_grad:
        found.satisfaction.backward()
    zero = {k: torch.zeros_like(v) for k, v in (domains | tables).items()}
    grads = {k: (zero[k] if v.grad is None else v.grad).numpy() for k, v in (domains | tables).items()}
    return found, grads


def compare(theory, logic, seed=0, sizes=SIZES):
    domains, tables, weights = inputs(seed, sizes)
    work = filled(theory, logic, domains, tables, weights, sizes)
    satisfaction = work.run(gradient=True)
    expected = evaluate(theory, domains, tables, logic, weights)
    assert satisfaction == pytest.approx(float(expected.satisfaction), abs=1e-12)
    np.testing.assert_allclose(work.truths, expected.truths, atol=1e-12)
    found, grads = reference(theory, logic, domains, tables, weights)
    assert satisfaction == pytest.approx(float(found.satisfaction.detach()), abs=1e-12)
    for i, name in enumerate(("x", "y")):
        np.testing.assert_allclose(work.gradient_of("row", name), grads["row"][:, i], atol=1e-9)
    np.testing.assert_allclose(work.gradient_of("other", "z"), grads["other"][:, 0], atol=1e-9)
    for name in tables:
        if any(c.name == name for c in work.compiled.columns):
            np.testing.assert_allclose(work.gradient_of("", name), grads[name], atol=1e-9)


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("kind", list(Implication))
@pytest.mark.parametrize("stable", [True, False])
def test_values_and_gradients_are_those_of_torch(family, kind, stable):
    compare(
        parse(HEAD + RULES),
        Logic(family=family, implication_kind=kind, stable=stable, p_forall=3.0, p_exists=2.5),
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0, 6.0, 3.7])
def test_every_power_is_differentiated(p):
    compare(parse(HEAD + RULES), Logic(p_forall=p, p_exists=p, p_sat=p))


def test_more_rows_than_a_block_are_all_counted():
    compare(parse(HEAD + RULES), Logic(), sizes={"row": 133, "other": 3})
    compare(parse(HEAD + RULES), Logic(), sizes={"row": 2, "other": 301})


variables = st.sampled_from([("m", "A"), ("m", "B"), ("m", "C"), ("m", "D")])
atoms = st.one_of(
    variables.map(lambda v: s.Atom(v[1], (v[0],))),
    st.just(s.Atom("R", ("m", "n"))),
    st.just(s.Atom("N", ("m", "n"))),
)


def grow(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(s.Not, inner),
        st.builds(s.Hedged, st.sampled_from(s.HEDGE_WORDS), inner),
        st.builds(s.AndN, several),
        st.builds(s.OrN, several),
        st.builds(s.Implies, inner, inner),
        st.builds(s.Iff, inner, inner),
    )


bodies = st.recursive(atoms, grow, max_leaves=8)


@settings(max_examples=60, deadline=None)
@given(bodies=st.lists(bodies, min_size=1, max_size=4), kinds=st.data(), seed=st.integers(0, 1000))
def test_any_knowledge_base_is_compiled_to_what_it_means(bodies, kinds, seed):
    quantifier = st.sampled_from([s.ForAll, s.Exists])
    rules = []
    for i, body in enumerate(bodies):
        outer, inner = kinds.draw(quantifier), kinds.draw(quantifier)
        f = outer((Binding("m", "row"),), inner((Binding("n", "other"),), body))
        rules.append(Statement(f"r{i}", f, weight=float(i + 1)))
    head = parse(HEAD)
    theory = Theory(head.sorts, head.predicates, tuple(rules))
    compare(theory, Logic(p_exists=3.0), seed)


def test_predicates_and_parts_in_common_are_computed_once():
    one = parse(HEAD + "rule a: forall m in row: C(m) and A(m)")
    two = parse(HEAD + "rule a: forall m in row: C(m) and A(m)\nrule b: forall k in row: not (C(k) and A(k))")
    logic = Logic()
    assert CompiledTheory(two, logic).instructions == CompiledTheory(one, logic).instructions + 1


LTN_RULES = """
sort row(nothing)
predicate A(x in row) predicate B(x in row) predicate C(x in row) predicate D(x in row)
rule r0: forall x in row: A(x) -> B(x)
rule r1: forall x in row: B(x) -> not C(x)
rule r2: forall x in row: A(x) and D(x) -> C(x)
rule r3: forall x in row: A(x) or C(x)
rule r4: forall x in row: C(x) -> A(x) or D(x)
rule r5: forall x in row: not (A(x) and C(x))
rule r6: forall x in row: D(x) -> B(x) and not A(x)
rule r7: forall x in row: not B(x) or D(x)
rule r8: exists x in row: not A(x) <-> C(x) or D(x)
rule r9: forall x in row: B(x) and (A(x) -> D(x))
"""


def test_a_whole_knowledge_base_agrees_with_ltntorch_to_a_millionth_in_value_and_gradient():
    columns = torch.tensor(np.random.default_rng(7).random((300, 4)), requires_grad=True)

    def column(i: int) -> ltn.Predicate:
        return ltn.Predicate(func=lambda x: x[:, i])

    a, b, c, d = (column(i) for i in range(4))
    no = ltn.Connective(ltn.fuzzy_ops.NotStandard())
    both = ltn.Connective(ltn.fuzzy_ops.AndProd())
    either = ltn.Connective(ltn.fuzzy_ops.OrProbSum())
    implies = ltn.Connective(ltn.fuzzy_ops.ImpliesReichenbach())
    iff = ltn.Connective(ltn.fuzzy_ops.Equiv(ltn.fuzzy_ops.AndProd(), ltn.fuzzy_ops.ImpliesReichenbach()))
    every = ltn.Quantifier(ltn.fuzzy_ops.AggregPMeanError(p=2), quantifier="f")
    some = ltn.Quantifier(ltn.fuzzy_ops.AggregPMean(p=2), quantifier="e")
    x = ltn.Variable("x", columns)
    A, B, C, D = a(x), b(x), c(x), d(x)
    formulas = [
        every(x, implies(A, B)), every(x, implies(B, no(C))), every(x, implies(both(A, D), C)),
        every(x, either(A, C)), every(x, implies(C, either(A, D))), every(x, no(both(A, C))),
        every(x, implies(D, both(B, no(A)))), every(x, either(no(B), D)),
        some(x, iff(no(A), either(C, D))), every(x, both(B, implies(A, D))),
    ]  # fmt: skip
    satisfaction = ltn.fuzzy_ops.SatAgg()(*formulas)
    satisfaction.backward()

    theory = parse(LTN_RULES)
    work = CompiledTheory(theory, Logic()).workspace({"row": 300})
    for i, name in enumerate("ABCD"):
        work.table(name, columns.detach().numpy()[:, i])
    assert work.run(gradient=True) == pytest.approx(float(satisfaction.detach()), abs=1e-6)
    np.testing.assert_allclose(work.truths, [float(f.value.detach()) for f in formulas], atol=1e-6)
    ours = np.stack([work.gradient_of("", name) for name in "ABCD"], axis=1)
    np.testing.assert_allclose(ours, columns.grad.numpy(), atol=1e-6)
    tables = {name: columns.detach().numpy()[:, i] for i, name in enumerate("ABCD")}
    assert float(evaluate(theory, {}, tables).satisfaction) == pytest.approx(
        float(satisfaction.detach()), abs=1e-6
    )


def test_gradients_agree_with_finite_differences():
    domains, tables, weights = inputs(3)
    work = filled(parse(HEAD + RULES), Logic(), domains, tables, weights)
    work.run(gradient=True)
    gradient = np.concatenate([g.ravel() for g in work.gradients])
    total = sum(v.size for v in work.inputs)
    direction, step = np.random.default_rng(0).normal(size=total), 1e-6
    start = work.values[:total].copy()
    sides = []
    for sign in (1.0, -1.0):
        work.values[:total] = start + sign * step * direction
        sides.append(work.run())
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float(gradient @ direction), rel=1e-5)


def test_a_row_without_weight_has_no_influence_whatever_it_holds():
    domains, tables, weights = inputs(4)
    theory = parse(HEAD + RULES)
    before = filled(theory, Logic(), domains, tables, weights).run(gradient=True)
    domains["row"][0], tables["A"][0] = np.nan, np.nan
    tables["R"][0], tables["Q"][0], tables["Q"][:, 0] = np.nan, np.nan, np.nan
    work = filled(theory, Logic(), domains, tables, weights)
    assert work.run(gradient=True) == before
    assert all(np.isfinite(g).all() for g in work.gradients)
    assert work.gradient_of("row", "x")[0] == 0.0


def test_a_nan_that_counts_is_not_hidden():
    domains, tables, weights = inputs(5)
    tables["A"][3] = np.nan
    assert np.isnan(filled(parse(HEAD + RULES), Logic(), domains, tables, weights).run())


def test_rows_and_truths_of_a_theory_about_one_sort():
    theory = parse("sort row(x) predicate p(m in row) = truth(m.x) rule a: forall m in row: not p(m)")
    work = CompiledTheory(theory, Logic()).workspace({"row": 3})
    work.fields("row", np.array([[0.0], [0.25], [1.0]]))
    rows = np.empty((1, 3))
    work.run(rows=rows)
    assert rows.tolist() == [[1.0, 0.75, 0.0]]
    assert work.compiled.by_row
    assert not CompiledTheory(parse(HEAD + RULES), Logic()).by_row


def test_powers_of_a_run_may_differ_from_those_compiled():
    domains, tables, weights = inputs(6)
    theory = parse(HEAD + RULES)
    work = filled(theory, Logic(), domains, tables, weights)
    other = Logic(p_forall=6.0, p_exists=5.0, p_sat=1.0)
    assert work.run(logic=other) == pytest.approx(
        float(evaluate(theory, domains, tables, other, weights).satisfaction), abs=1e-12
    )


def test_no_rows_and_missing_inputs_are_refused():
    theory = parse(HEAD + RULES)
    with pytest.raises(DataError, match="no rows"):
        CompiledTheory(theory, Logic()).workspace({"row": 0, "other": 1})
    with pytest.raises(DataError, match="no truths for the predicate 'A'"):
        evaluate(theory, {"row": np.zeros((1, 2)), "other": np.zeros((1, 1))})
    with pytest.raises(DataError, match="no rows for the sort"):
        evaluate(theory, {}, {"A": np.zeros(1), "B": np.zeros(1)})


def test_the_tanh_of_the_kernel_is_that_of_the_library():
    reg = np.zeros((2, 128))
    for block in np.linspace(-40, 40, 12800).reshape(-1, 128):
        reg[0] = block
        _tanh(reg, 1, 0, 128)
        np.testing.assert_allclose(reg[1], np.tanh(block), rtol=0, atol=4e-16)
    reg[0, :3] = np.nan, np.inf, -np.inf
    _tanh(reg, 1, 0, 3)
    assert np.isnan(reg[1, 0])
    assert reg[1, 1:3].tolist() == [1.0, -1.0]


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0, 5.0, 8.0, 9.0, 2.5])
def test_powers(p):
    x, out = np.random.default_rng(0).random(16), np.empty(16)
    _raise(x, 16, p, out)
    np.testing.assert_allclose(out, x**p, rtol=1e-14)


def test_evaluation_by_hand():
    theory = parse(
        "sort a(u) sort b(v) predicate p(x in a) = truth(x.u) predicate q(y in b) = truth(y.v) "
        "rule r: forall x in a: exists y in b: p(x) and q(y)"
    )
    u, v = np.array([0.2, 0.9, 0.5]), np.array([0.4, 0.8])
    logic = Logic(stable=False)
    inner = [np.sqrt(np.mean([(a * b) ** 2 for b in v])) for a in u]
    expected = 1.0 - np.sqrt(np.mean([(1.0 - t) ** 2 for t in inner]))
    found = evaluate(theory, {"a": u[:, None], "b": v[:, None]}, logic=logic)
    assert float(found.truths[0]) == pytest.approx(expected, abs=1e-12)


def test_a_theory_without_rules_is_satisfied():
    assert evaluate(parse("sort a(u)"), {}).satisfaction == 1.0

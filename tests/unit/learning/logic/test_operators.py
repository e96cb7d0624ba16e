"""Laws of the three families, and agreement with LTNtorch, in numpy and torch."""

from __future__ import annotations

import ltn
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.learning.logic import HEDGES, Family, Implication, Logic, PSchedule, exists, for_all
from janus_trader.learning.logic.operators import EPSILON, extremely, more_or_less, slightly, somewhat, very

truth = st.floats(0.0, 1.0).map(lambda x: round(x, 9))
families = pytest.mark.parametrize("family", list(Family))
both = pytest.mark.parametrize("kind", list(Implication))


def exact(family: Family, kind: Implication = Implication.S) -> Logic:
    return Logic(family=family, implication_kind=kind, stable=False)


@families
@given(a=truth, b=truth, c=truth)
def test_conjunction_is_a_t_norm_and_disjunction_its_dual(family, a, b, c):
    logic = exact(family)
    tnorm, dual, no = logic.conjunction, logic.disjunction, logic.negation
    assert tnorm(a, b) == tnorm(b, a)
    assert float(tnorm(tnorm(a, b), c)) == pytest.approx(float(tnorm(a, tnorm(b, c))), abs=1e-12)
    assert float(tnorm(a, 1.0)) == pytest.approx(a, abs=1e-12)
    assert float(dual(a, 0.0)) == pytest.approx(a, abs=1e-12)
    assert float(tnorm(min(a, c), b)) <= float(tnorm(max(a, c), b)) + 1e-12
    assert float(no(tnorm(a, b))) == pytest.approx(float(dual(no(a), no(b))), abs=1e-12)
    assert float(no(dual(a, b))) == pytest.approx(float(tnorm(no(a), no(b))), abs=1e-12)
    assert float(no(no(a))) == pytest.approx(a, abs=1e-12)


@families
@given(a=truth, b=truth)
def test_the_s_implication_is_not_a_or_b(family, a, b):
    logic = exact(family)
    expected = logic.disjunction(logic.negation(a), b)
    assert float(logic.implication(a, b)) == pytest.approx(float(expected), abs=1e-12)


@families
@given(a=truth, b=truth, c=truth)
def test_the_r_implication_is_the_residuum(family, a, b, c):
    logic = exact(family, Implication.R)
    arrow = float(logic.implication(a, b))
    assert float(logic.conjunction(a, arrow)) <= b + 1e-9
    if float(logic.conjunction(a, c)) <= b - 1e-9:
        assert c <= arrow + 1e-9
    if a <= b:
        assert arrow == 1.0


def test_the_specified_mixture_of_families_would_break_de_morgan():
    product, bounded_sum = 0.5 * 0.5, min(1.0, 0.5 + 0.5)
    assert 1.0 - product != 1.0 - (1.0 - bounded_sum)


@families
@both
@pytest.mark.parametrize("a", [0.0, 1.0])
@pytest.mark.parametrize("b", [0.0, 1.0])
def test_connectives_are_boolean_at_the_corners(family, kind, a, b):
    logic = exact(family, kind)
    assert float(logic.conjunction(a, b)) == float(bool(a) and bool(b))
    assert float(logic.disjunction(a, b)) == float(bool(a) or bool(b))
    assert float(logic.implication(a, b)) == float(not a or bool(b))
    assert float(logic.equivalence(a, b)) == float(a == b)


@given(a=truth, b=truth)
def test_printed_equations(a, b):
    product, luk = exact(Family.PRODUCT), exact(Family.LUKASIEWICZ)
    assert float(product.conjunction(a, b)) == a * b  # 13
    assert float(luk.conjunction(a, b)) == max(0.0, a + b - 1.0)  # 14, 58
    assert float(luk.disjunction(a, b)) == min(1.0, a + b)  # 15
    assert float(luk.negation(a)) == 1.0 - a  # 16
    assert float(product.implication(a, b)) == pytest.approx(1.0 - a + a * b)  # 17
    assert float(luk.implication(a, b)) == pytest.approx(min(1.0, 1.0 - a + b))  # 18, 59
    assert float(luk.equivalence(a, b)) == pytest.approx(1.0 - abs(a - b), abs=1e-12)  # 19


@families
@both
@pytest.mark.parametrize("stable", [True, False])
def test_numpy_and_torch_compute_the_same(family, kind, stable):
    logic = Logic(family=family, implication_kind=kind, stable=stable)
    a, b = np.random.default_rng(0).random((2, 50))
    for name in ("conjunction", "disjunction", "implication", "equivalence"):
        ours = getattr(logic, name)(a, b)
        theirs = getattr(logic, name)(torch.tensor(a), torch.tensor(b)).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-15)
    for name in HEDGES:
        np.testing.assert_allclose(
            logic.hedge(name, a), logic.hedge(name, torch.tensor(a)).numpy(), atol=1e-15
        )


O = ltn.fuzzy_ops  # noqa: E741
ORACLES = {
    (Family.PRODUCT, Implication.S): (O.AndProd(), O.OrProbSum(), O.ImpliesReichenbach()),
    (Family.PRODUCT, Implication.R): (O.AndProd(), O.OrProbSum(), O.ImpliesGoguen()),
    (Family.GODEL, Implication.S): (O.AndMin(), O.OrMax(), O.ImpliesKleeneDienes()),
    (Family.GODEL, Implication.R): (O.AndMin(), O.OrMax(), O.ImpliesGodel()),
    (Family.LUKASIEWICZ, Implication.S): (O.AndLuk(), O.OrLuk(), O.ImpliesLuk()),
}


@pytest.mark.parametrize(("family", "kind"), ORACLES)
@pytest.mark.parametrize("at_the_edge", [False, True])
def test_connectives_agree_with_ltntorch_in_value_and_gradient(family, kind, at_the_edge):
    logic, (conj, disj, imp) = Logic(family=family, implication_kind=kind), ORACLES[family, kind]
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 2, (2, 40)) if at_the_edge else rng.random((2, 200))).astype(float)
    pairs = ((logic.conjunction, conj), (logic.disjunction, disj), (logic.implication, imp))
    pairs += ((logic.equivalence, O.Equiv(conj, imp)),)
    for ours, oracle in pairs:
        x, y, u, v = (torch.tensor(t, requires_grad=True) for t in (a, b, a, b))
        mine, theirs = ours(x, y), oracle(u, v)
        assert float((mine - theirs).detach().abs().max()) < 1e-6
        mine.sum().backward()
        theirs.sum().backward()
        for p, q in ((x, u), (y, v)):
            p_grad = torch.zeros_like(p) if p.grad is None else p.grad
            q_grad = torch.zeros_like(q) if q.grad is None else q.grad
            assert float((p_grad - q_grad).abs().max()) < 1e-6


@pytest.mark.parametrize("p", [1, 2, 3, 6, 2.5])
def test_stable_quantifiers_agree_with_ltntorch_in_value_and_gradient(p):
    logic = Logic(p_forall=float(p), p_exists=float(p))
    values = np.r_[np.random.default_rng(2).random(50), 0.0, 1.0]
    for ours, oracle in ((logic.for_all, O.AggregPMeanError(p=p)), (logic.exists, O.AggregPMean(p=p))):
        x, y = (torch.tensor(values, requires_grad=True) for _ in range(2))
        mine, theirs = ours(x), oracle(y, dim=0)
        mine.backward()
        theirs.backward()
        assert float((mine - theirs).detach().abs()) < 1e-6
        assert float((x.grad - y.grad).abs().max()) < 1e-6
        assert float(ours(values)) == pytest.approx(float(mine.detach()), abs=1e-12)


def test_masked_quantifiers_agree_with_guarded_ones_of_ltntorch():
    rng = np.random.default_rng(3)
    x, mask = torch.tensor(rng.random(30)), torch.tensor(rng.random(30) < 0.6)
    ours = Logic().for_all(x, weights=mask.double())
    assert float(ours) == pytest.approx(float(O.AggregPMeanError(p=2)(x, dim=0, mask=mask)), abs=1e-12)


def test_satisfaction_agrees_with_ltntorch():
    truths = torch.tensor(np.random.default_rng(4).random(10))
    expected = O.SatAgg()(*truths)
    assert float(Logic().satisfaction(truths)) == pytest.approx(float(expected), abs=1e-9)


@given(truths=st.lists(truth, min_size=1, max_size=12), scale=st.floats(0.1, 10.0))
def test_weighted_satisfaction_lies_in_the_unit_interval_and_ignores_the_scale_of_weights(truths, scale):
    weights = np.arange(1.0, len(truths) + 1.0)
    logic = Logic(p_sat=1.0, stable=False)
    value = float(logic.satisfaction(np.array(truths), weights))
    assert value == pytest.approx(
        float(np.average(truths, weights=weights)), abs=1e-12
    )  # 57, 60 over the weights' sum
    assert value == pytest.approx(float(logic.satisfaction(np.array(truths), scale * weights)), abs=1e-9)
    assert -1e-12 <= value <= 1.0 + 1e-12


def test_the_printed_sum_of_constraints_leaves_the_unit_interval():
    weights, truths = np.array([5.0, 3.0]), np.ones(2)
    assert 1.0 - np.mean(weights * truths) < 0.0  # 60 as printed
    assert float(1.0 - Logic(p_sat=1.0, stable=False).satisfaction(truths, weights)) == 0.0


@given(st.lists(truth, min_size=1, max_size=20), st.floats(1.0, 8.0))
def test_for_all_lies_between_minimum_and_mean_and_exists_between_mean_and_maximum(xs, p):
    assert min(xs) - 1e-9 <= float(for_all(xs, p)) <= np.mean(xs) + 1e-9
    assert np.mean(xs) - 1e-9 <= float(exists(xs, p)) <= max(xs) + 1e-9


def test_quantifiers_tend_to_minimum_and_maximum():
    xs = [0.2, 0.9, 0.6]
    assert float(for_all(xs, 200.0)) == pytest.approx(0.2, abs=0.01)
    assert float(exists(xs, 200.0)) == pytest.approx(0.9, abs=0.01)


def test_a_p_mean_of_truths_would_fail_open():
    truths = np.array([1.0, 1.0, 0.0])
    printed = np.mean(truths**8) ** (1 / 8)  # 26 as printed
    assert printed > 0.9
    assert float(for_all(truths, 8.0)) < 0.15


def test_a_stricter_quantifier_is_never_more_permissive():
    xs = np.random.default_rng(0).random(10)
    values = [float(for_all(xs, p)) for p in (1, 2, 4, 6)]
    assert values == sorted(values, reverse=True)


def test_empty_and_weightless_sets():
    assert float(for_all([])) == 1.0
    assert float(exists([])) == 0.0
    nothing = np.zeros(2)
    assert float(for_all(np.array([0.1, np.nan]), weights=nothing)) == 1.0
    assert float(exists(np.array([0.9, np.nan]), weights=nothing)) == 0.0


def test_a_truth_without_weight_may_be_anything():
    assert float(for_all(np.array([0.5, np.nan]), weights=np.array([1.0, 0.0]))) == pytest.approx(0.5)
    assert np.isnan(float(for_all(np.array([0.5, np.nan]))))


@given(truth)
def test_hedges_are_ordered_and_bounded(x):
    assert 0.0 <= float(extremely(x)) <= float(very(x)) <= x <= float(somewhat(x)) <= 1.0
    assert float(more_or_less(x)) == float(somewhat(x))
    assert 0.0 <= float(slightly(x)) <= 1.0 + 1e-12


def test_slightly_peaks_inside_where_the_printed_form_is_no_hedge():
    grid = np.linspace(0, 1, 1001)
    assert float(slightly(0.0)) == float(slightly(1.0)) == 0.0
    assert grid[np.argmax(slightly(grid))] == pytest.approx((5 / 13) ** 0.5, abs=1e-3)
    assert float(np.max(slightly(grid))) == pytest.approx(1.0, abs=1e-5)
    assert np.max(np.sqrt(grid) - grid) == pytest.approx(0.25, abs=1e-6)  # 22 as printed


def test_roots_of_a_stable_logic_have_a_bounded_slope():
    x = torch.zeros(1, requires_grad=True)
    Logic().hedge("somewhat", x).sum().backward()
    assert 0.0 < float(x.grad) < 1.0 / EPSILON


def test_the_schedule_of_p_rises_in_whole_steps_from_one_to_six():
    ps = [PSchedule(epochs=50.0).at(e) for e in range(120)]
    assert ps[0] == 1.0
    assert ps[-1] == 6.0
    assert ps == sorted(ps)
    assert set(ps) == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}


@settings(max_examples=20)
@given(st.lists(truth, min_size=2, max_size=6))
def test_quantifiers_reduce_one_axis(xs):
    matrix = np.array([xs, xs[::-1]])
    np.testing.assert_allclose(for_all(matrix, 3.0, axis=1), [float(for_all(row, 3.0)) for row in matrix])

"""The market axioms: what they ask for in clear cases, and that their loss is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.prefrontal.axioms import (
    BALANCED,
    CHOICES,
    RISK_FOCUSED,
    RISK_ONLY,
    MarketLogic,
    MarketLogicConfig,
    choices_of,
    market_theory,
)
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES
from janus_trader.contracts.protocols import LogicLoss
from janus_trader.learning.logic import evaluate, parse
from janus_trader.numerics.dsp_thresholds import standard_thresholds

LOGIC = MarketLogic(MarketLogicConfig())
SIMPLEX = np.array([(a / 40, (40 - a - b) / 40, b / 40) for a in range(41) for b in range(41 - a)])
LIMITS = standard_thresholds(64)


def fact(**values: float) -> np.ndarray:
    row = np.zeros(N_INSTRUMENT_FEATURES)
    row[INSTRUMENT_FEATURES.index("known")] = 1.0
    for name, value in values.items():
        row[INSTRUMENT_FEATURES.index(name)] = value
    return row


def clean(trending: bool, up: bool, **others: float) -> np.ndarray:
    """A clean case: clearly trending or reverting, clearly off its average, quiet, the regime certain."""
    hurst = 0.95 if trending else 0.40
    side = 1.0 if up else -1.0
    values = {
        "hurst": hurst,
        "dimension": 2.0 - hurst,
        "regime": 1.0 if trending else -1.0,
        "regime_confidence": hurst - LIMITS.trending if trending else LIMITS.reverting - hurst,
        "divergence_score": 2.0 * side,
        "divergence_sign": side,
        "trend_slope": 2.0 * side if trending else 0.0,
        "noise": 0.1,
    }
    return fact(**(values | others))


def best(row: np.ndarray, logic: MarketLogic = LOGIC) -> np.ndarray:
    losses = [logic.loss(p[None], row[None])[0] for p in SIMPLEX]
    return SIMPLEX[int(np.argmin(losses))]


@pytest.mark.parametrize(
    ("trending", "up", "choice"),
    [(True, True, "long"), (True, False, "short"), (False, True, "short"), (False, False, "long")],
)
@pytest.mark.parametrize("alpha", [0.0, None])
def test_the_best_choice_over_the_simplex_in_the_four_clean_cases(trending, up, choice, alpha):
    excess = {"alpha_excess": (0.25 if trending else -0.19) if alpha is None else alpha}
    row = clean(trending, up, **excess)
    np.testing.assert_array_equal(best(row), np.eye(3)[CHOICES.index(choice)])


def test_axiom_seven_as_first_written_is_biased_to_the_long_side():
    """With the premise of axiom 2 (trending, below the average) it votes against the short that axiom 2 asks for."""
    text = str(market_theory(MarketLogicConfig()))
    printed = parse(
        text.replace(
            "rising(m) and stretched_down(m) or falling(m) and stretched_up(m) -> flat(m)",
            "trending(m) and stretched_down(m) -> flat(m)",
        )
    )
    old = MarketLogic(MarketLogicConfig(), printed)
    for logic, lead in ((LOGIC, 1.0), (old, 0.5)):
        losses = [logic.loss(np.eye(3)[[i]], clean(True, False)[None])[0] for i in (0, 1)]
        gain = (losses[1] - losses[0]) * sum(BALANCED)
        assert (gain > 2.0) == (lead == 1.0)


def test_contradiction_noise_and_doubt_move_the_choice_towards_flat():
    calm = clean(True, True)

    def lead(**changes: float) -> float:
        """How much better long is than flat."""
        row = clean(True, True, **changes)
        return LOGIC.loss(np.eye(3)[[1]], row[None])[0] - LOGIC.loss(np.eye(3)[[2]], row[None])[0]

    assert lead() > 0.0
    assert lead(trend_slope=-2.0) < lead()
    assert lead(noise=1.0) < lead()
    assert lead(regime_confidence=0.0) < 0.0
    assert lead(alpha_excess=0.25) < lead()
    np.testing.assert_array_equal(best(fact(hurst=0.68, divergence_score=2.0)), [0.0, 1.0, 0.0])
    assert calm.shape == (12,)


def test_the_thresholds_of_h_are_quantiles_of_random_walks():
    theory = market_theory(MarketLogicConfig(hurst_window=128, hurst_level=0.05))
    limits = standard_thresholds(128, 0.05)
    assert theory.predicate("trending").grounding.arguments[1].value == limits.trending
    assert theory.predicate("reverting").grounding.arguments[1].value == limits.reverting
    assert MarketLogicConfig().weights == (2.0, 2.0, 1.5, 1.5, 3.0, 2.5, 2.0, 1.0, 5.0, 1.0)


def batch(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    facts = np.stack(
        [
            fact(
                hurst=rng.uniform(0.3, 1.0), divergence_score=rng.normal(), trend_slope=rng.normal(),
                regime_confidence=rng.uniform(0, 0.2), noise=rng.random(), alpha_excess=rng.normal() * 0.15,
            )
            for _ in range(n)
        ]
    )  # fmt: skip
    return rng.dirichlet([1.0, 1.0, 1.0], n), facts


@pytest.mark.parametrize("weights", [BALANCED, RISK_FOCUSED, RISK_ONLY])
def test_the_loss_is_one_minus_the_weighted_mean_of_the_rules(weights):
    """Eq. 56, 57, 60 with the sum of the weights as divisor, and eq. 27."""
    logic = MarketLogic(MarketLogicConfig(weights=weights))
    p, facts = batch(50)
    loss, _, truths = logic.loss(p, facts)
    stable = np.average(1.0 - (1.0 - (1.0 - 1e-4) * truths), weights=weights)
    assert loss == pytest.approx(1.0 - stable, abs=1e-12)
    assert 0.0 <= loss <= 1.0
    assert ((truths >= 0.0) & (truths <= 1.0)).all()


def test_the_gradient_is_that_of_torch_and_of_differences():
    p, facts = batch(40, seed=2)
    loss, gradient, truths = LOGIC.loss(p, facts)
    choices = torch.tensor(p, requires_grad=True)
    rows = torch.cat([torch.tensor(facts), choices], dim=1)
    found = evaluate(LOGIC.theory, {"bar": rows}, logic=LOGIC.config.logic)
    (1.0 - found.satisfaction).backward()
    assert loss == pytest.approx(float(1.0 - found.satisfaction.detach()), abs=1e-12)
    np.testing.assert_allclose(truths, found.truths.detach().numpy(), atol=1e-12)
    tangent = np.random.default_rng(0).normal(size=p.shape)
    tangent -= tangent.mean(axis=1, keepdims=True)  # along the simplex, where the sum to one has no kink
    assert float((gradient * tangent).sum()) == pytest.approx(
        float((choices.grad.numpy() * tangent).sum()), abs=1e-9
    )
    step = 1e-6
    sides = [LOGIC.loss(p + s * step * tangent, facts)[0] for s in (1.0, -1.0)]
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float((gradient * tangent).sum()), rel=1e-4)


def test_descending_the_loss_finds_the_clean_choice():
    rows = np.stack([clean(t, u) for t in (True, False) for u in (True, False)])
    logits = np.zeros((4, 3))
    for _ in range(400):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        g = LOGIC.loss(p, rows)[1]
        logits -= 40.0 * p * (g - (p * g).sum(axis=1, keepdims=True))
    assert [CHOICES[i] for i in p.argmax(axis=1)] == ["long", "short", "short", "long"]
    assert p.max(axis=1).min() > 0.9


def test_truths_of_rows_are_those_the_rules_have_for_that_row_alone():
    p, facts = batch(30, seed=3)
    truths = LOGIC.truths(p, facts)
    assert truths.shape == (30, 10)
    for i in (0, 7, 29):
        alone = evaluate(
            LOGIC.theory, {"bar": np.concatenate([facts[i], p[i]])[None]}, logic=LOGIC.config.logic
        )
        np.testing.assert_allclose((1.0 - 1e-4) * truths[i], alone.truths, atol=1e-9)


def test_the_printed_probability_axiom_needs_probabilities_that_sum_to_one():
    p, facts = batch(1)
    assert LOGIC.truths(p, facts)[0, 8] == pytest.approx(1.0, abs=1e-12)
    assert LOGIC.truths(1.25 * p, facts)[0, 8] == pytest.approx(0.75, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_batches_are_judged_alike_in_any_order(seed, n):
    p, facts = batch(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    loss, gradient, _ = LOGIC.loss(p, facts)
    other, permuted, _ = LOGIC.loss(p[order], facts[order])
    assert other == pytest.approx(loss, abs=1e-12)
    np.testing.assert_allclose(permuted, gradient[order], atol=1e-12)


def test_an_epoch_makes_for_all_stricter():
    p, facts = batch(60)
    losses = [LOGIC.loss(p, facts, epoch=e)[0] for e in (0, 10, 30, 50)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_it_is_a_logic_loss_and_repeats_exactly():
    checked: LogicLoss = LOGIC
    p, facts = batch(25, seed=5)
    first = checked.loss(p, facts)
    MarketLogic(MarketLogicConfig()).loss(*batch(25, seed=6))
    second = MarketLogic(MarketLogicConfig()).loss(p, facts)
    assert first[0] == second[0]
    assert first[1].tobytes() == second[1].tobytes()
    assert checked.names[6] == "contradiction"


def test_scores_stand_for_choices():
    p = choices_of(np.array([0.25, -2.0, 0.0, np.nan]))
    assert p[:3].tolist() == [[0.0, 0.75, 0.25], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert np.isnan(p[3]).all()


def test_theories_and_weights_that_do_not_fit_are_refused():
    other = parse("sort bar(x) predicate p(m in bar) = truth(m.x) rule r: forall m in bar: p(m)")
    with pytest.raises(ConfigError, match="not a theory about bars"):
        MarketLogic(MarketLogicConfig(), other)
    with pytest.raises(ConfigError, match="ten weights"):
        MarketLogicConfig(weights=(1.0, 2.0))
    with pytest.raises(ConfigError, match="ten weights"):
        MarketLogicConfig(weights=(0.0,) * 10)

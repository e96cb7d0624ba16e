"""Laws of every rule: discovered, so that a new rule is covered without writing a line."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import janus_trader.brain.prefrontal as package
from janus_trader.brain.prefrontal import RULEBOOK, PrefrontalConfig, Rule, Situation
from janus_trader.brain.prefrontal.envelope import Envelope, project
from janus_trader.contracts.decision import Posture

SYMBOLS = tuple(f"S{i}" for i in range(6))
CONFIG = PrefrontalConfig(restricted=("S1",), drawdown_start=0.05)


def discovered() -> list[type[Rule]]:
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    found, queue = [], [Rule]
    while queue:
        for kind in queue.pop().__subclasses__():
            queue.append(kind)
            found.append(kind)
    return sorted((k for k in found if k.__module__.startswith("janus_trader")), key=lambda k: k.name)


RULES = discovered()


@st.composite
def situations(draw) -> Situation:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, size = len(SYMBOLS), draw(st.sampled_from([0.02, 0.1, 0.3]))
    held = rng.normal(0, size, n) * (rng.random(n) < 0.8)
    return Situation(
        held=held,
        present=rng.random(n) < draw(st.sampled_from([0.5, 0.9, 1.0])),
        posture=draw(st.sampled_from(list(Posture))),
        drawdown=draw(st.sampled_from([0.0, 0.15, 0.35, 0.5, 1.0])),
        session_loss=draw(st.sampled_from([0.0, 0.04, 0.05, 0.2])),
        sound=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def proposals(draw) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.normal(0, draw(st.sampled_from([0.01, 0.1, 0.4, 3.0])), len(SYMBOLS))
    bad = draw(st.sampled_from([0, 0, 0, 1]))
    weights[:bad] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return weights


def allowed_by(rules, proposal, situation) -> np.ndarray:
    box = Envelope(len(SYMBOLS))
    for rule in rules:
        rule.narrow(proposal, situation, box)
    return project(
        proposal, situation.held, situation.present, box.lower, box.upper,
        box.gross, box.net_lower, box.net_upper, box.turnover,
    )  # fmt: skip


def test_every_rule_is_in_the_rulebook_once():
    assert sorted(k.name for k in RULEBOOK) == [k.name for k in RULES]
    assert len({k.name for k in RULES}) == len(RULES)


@pytest.mark.parametrize("kind", RULES, ids=lambda k: k.name)
@pytest.mark.parametrize("long_only", [False, True])
@settings(max_examples=30, deadline=None)
@given(proposal=proposals(), situation=situations())
def test_truth_is_bounded_and_agrees_with_the_verdict(kind, long_only, proposal, situation):
    word = kind(CONFIG, SYMBOLS, long_only).judge(proposal, situation)
    assert word.rule == kind.name
    assert 0.0 <= word.truth <= 1.0
    assert (word.truth > 0.999) if word.passed else (word.truth < 1.0)
    assert bool(word.detail) == (not word.passed)


@pytest.mark.parametrize("kind", RULES, ids=lambda k: k.name)
@settings(max_examples=30, deadline=None)
@given(proposal=proposals(), situation=situations())
def test_judging_is_pure(kind, proposal, situation):
    rule = kind(CONFIG, SYMBOLS, False)
    before = (proposal.copy(), situation.held.copy(), situation.present.copy())
    assert rule.judge(proposal, situation) == rule.judge(proposal, situation)
    assert rule.judge(proposal, situation) == kind(CONFIG, SYMBOLS, False).judge(proposal, situation)
    rule.narrow(proposal, situation, Envelope(len(SYMBOLS)))
    for a, b in zip((proposal, situation.held, situation.present), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", RULES, ids=lambda k: k.name)
@settings(max_examples=30, deadline=None)
@given(proposal=proposals(), situation=situations())
def test_what_a_rule_leaves_open_passes_it(kind, proposal, situation):
    rule = kind(CONFIG, SYMBOLS, True)
    allowed = allowed_by([rule], proposal, situation)
    fits = Situation(situation.held, situation.present, situation.posture, situation.drawdown,
                     situation.session_loss)  # fmt: skip
    assert np.isfinite(allowed).all()
    assert rule.judge(allowed, fits).passed


@pytest.mark.parametrize("kind", RULES, ids=lambda k: k.name)
@settings(max_examples=30, deadline=None)
@given(proposal=proposals(), situation=situations(), factor=st.sampled_from([0.25, 0.7]))
def test_a_looser_limit_never_lowers_the_truth(kind, proposal, situation, factor):
    strict = kind(CONFIG, SYMBOLS, False).judge(proposal, situation)
    for field in kind.limits:
        tighter = CONFIG.replace(**{field: getattr(CONFIG, field) * factor})
        other = kind(tighter, SYMBOLS, False).judge(proposal, situation)
        assert other.truth <= strict.truth + 1e-12
        assert strict.passed or not other.passed


@pytest.mark.parametrize("kind", RULES, ids=lambda k: k.name)
@settings(max_examples=40, deadline=None)
@given(situation=situations())
def test_closing_what_can_be_traded_is_always_allowed(kind, situation):
    flat = np.where(situation.present, 0.0, situation.held)
    allowed = allowed_by([kind(CONFIG, SYMBOLS, True)], flat, situation)
    np.testing.assert_array_equal(allowed, flat)


@settings(max_examples=30, deadline=None)
@given(proposal=proposals(), situation=situations(), bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_weight_that_is_no_number_fails_closed(proposal, situation, bad):
    proposal[2] = bad
    rules = [kind(CONFIG, SYMBOLS, False) for kind in RULEBOOK]
    words = {r.name: r.judge(proposal, situation) for r in rules}
    assert not words["finite"].passed
    assert words["finite"].truth == 0.0
    allowed = allowed_by(rules, proposal, situation)
    assert (np.abs(allowed) <= np.abs(situation.held) + 1e-12).all()
    assert (allowed * situation.held >= 0.0).all()


@settings(max_examples=30, deadline=None)
@given(proposal=proposals(), situation=situations())
def test_a_restricted_instrument_never_grows(proposal, situation):
    rules = [kind(CONFIG, SYMBOLS, False) for kind in RULEBOOK]
    allowed = allowed_by(rules, proposal, situation)
    assert abs(allowed[1]) <= abs(situation.held[1])
    assert allowed[1] * situation.held[1] >= 0.0

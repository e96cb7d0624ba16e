"""Opponent actor learning: the published rule and its published asymmetry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.basal_ganglia import opal_act, opal_update
from janus_trader.brain.basal_ganglia.opal import N_CONTEXTS, source_weights, stance_weight


def test_update_is_the_published_rule_with_the_old_critic():
    g, n, v, r = 1.3, 0.8, 0.2, -0.5
    delta = r - v
    got = opal_update(g, n, v, r, 0.1, 0.2, 0.3, 0.0, 100.0)
    assert got == pytest.approx((g + 0.1 * g * delta, n + 0.2 * n * -delta, v + 0.3 * delta))


@given(st.floats(0.05, 5), st.floats(0.05, 5), st.floats(-3, 3), st.floats(-100, 100))
def test_weights_stay_inside_the_clamp(g, n, v, r):
    g2, n2, v2 = opal_update(g, n, v, r, 0.5, 0.5, 0.1, 0.05, 5.0)
    assert 0.05 <= g2 <= 5.0
    assert 0.05 <= n2 <= 5.0
    assert np.isfinite(v2)


def bandit(probabilities, seed, steps=100, alpha=0.1):
    """Every arm is tried equally often; one critic per arm, reward ±1."""
    rng = np.random.default_rng(seed)
    arms = len(probabilities)
    g, n, v = np.ones(arms), np.ones(arms), np.zeros(arms)
    for _ in range(steps):
        for a, p in enumerate(probabilities):
            r = 1.0 if rng.random() < p else -1.0
            g[a], n[a], v[a] = opal_update(g[a], n[a], v[a], r, alpha, alpha, 0.1, 0.0, 1e6)
    return g, n


def test_go_discriminates_in_rich_and_no_go_in_lean_environments():
    rich = np.array([bandit((0.9, 0.7), s) for s in range(200)]).mean(axis=0)
    lean = np.array([bandit((0.3, 0.1), s) for s in range(200)]).mean(axis=0)
    spread = np.abs(np.stack([rich[:, 0] - rich[:, 1], lean[:, 0] - lean[:, 1]]))
    assert spread[0, 0] > 1.5 * spread[0, 1]  # rich: G tells the arms apart better than N
    assert spread[1, 1] > 1.5 * spread[1, 0]  # lean: N does
    assert rich[0].sum() > rich[1].sum()
    assert lean[1].sum() > lean[0].sum()


def test_dopamine_weighs_the_pathways():
    assert opal_act(2.0, 1.0, 1.5, 0.0) == pytest.approx(1.5)
    assert opal_act(2.0, 1.0, 1.0, 1.0) == pytest.approx(4.0)
    assert opal_act(2.0, 1.0, 1.0, -1.0) == pytest.approx(-2.0)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_stance_weight_is_bounded_odd_and_increasing(follow, fade):
    w = stance_weight(follow, fade)
    assert -1.0 <= w <= 1.0
    assert w == pytest.approx(-stance_weight(fade, follow), abs=1e-12)
    assert stance_weight(follow + 1.0, fade) >= w


@given(st.floats(-1, 1))
def test_equal_weights_give_exactly_nothing_under_any_dopamine(rho):
    out = np.full(3, np.nan)
    ones = np.ones((N_CONTEXTS, 3, 2))
    source_weights(ones, ones, np.full((7, 3), 0.4), np.full(7, 1 / 7), 1.0, rho, out)
    assert (out == 0.0).all()

"""Mirror descent: closed forms, and the published regret bound on adversarial and stochastic losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError, Infeasible
from janus_trader.numerics.capped_simplex import project_capped_simplex
from janus_trader.numerics.mirror_descent import MirrorDescent, learning_rate, regret


def entropy(u, w):
    return float(np.sum(np.where(u > 0, u * np.log(np.maximum(u, 1e-300) / w), 0.0)))


def sequence(kind, rng, t, k):
    if kind == "stochastic":
        return (rng.random((t, k)) < np.linspace(0.4, 0.6, k)).astype(float)
    if kind == "alternating":  # what ruins the follower of the leader, and the one that trusts the last loss
        return np.where((np.arange(t)[:, None] + np.arange(k)) % 2 == 0, 1.0, 0.0)
    if kind == "switching":
        return (np.arange(k) != (np.arange(t)[:, None] // (t // k + 1))).astype(float)
    return np.clip(0.5 + np.cumsum(0.01 * rng.standard_normal((t, k)), axis=0), 0.0, 1.0)


KINDS = ("stochastic", "alternating", "switching", "drifting")


@given(st.sampled_from(KINDS), st.booleans(), st.sampled_from([0.02, 0.1, 0.5]), st.integers(0, 99))
def test_hedge_keeps_its_bound(kind, optimistic, rate, seed):
    losses = sequence(kind, np.random.default_rng(seed), 300, 5)
    hedge = MirrorDescent(5, rate, optimistic=optimistic)
    hints = np.vstack([np.zeros(5), losses[:-1]]) * optimistic
    bound = np.log(5) / rate + rate / 2 * np.sum(np.abs(losses - hints).max(axis=1) ** 2)
    assert regret(losses, hedge.plays(losses)) <= bound + 1e-9


@given(st.sampled_from(KINDS), st.sampled_from(["entropy", "euclidean"]), st.integers(0, 99))
def test_the_bound_holds_against_every_point_of_the_capped_simplex(kind, geometry, seed):
    g = np.random.default_rng(seed)
    losses, rate = sequence(kind, g, 200, 5), 0.2
    learner = MirrorDescent(5, rate, geometry, 0.05, 0.4)
    plays = learner.plays(losses)
    assert plays.min() >= 0.05
    assert plays.max() <= 0.4
    u = project_capped_simplex(-100.0 * losses.sum(axis=0), 0.05, 0.4)
    change = losses - np.vstack([np.zeros(5), losses[:-1]])
    if geometry == "entropy":
        bound = entropy(u, learner.start) / rate + rate / 2 * np.sum(np.abs(change).max(axis=1) ** 2)
    else:
        bound = np.sum((u - learner.start) ** 2) / 2 / rate + rate / 2 * np.sum(change**2)
    assert np.sum(losses * plays) - np.sum(losses @ u) <= bound + 1e-9


def test_the_recommended_rate_gives_the_square_root_bound(rng):
    for kind in KINDS:
        losses = sequence(kind, rng, 2000, 5)
        plays = MirrorDescent(5, learning_rate(5, 2000.0)).plays(losses)
        assert regret(losses, plays) <= np.sqrt(2.0 * 2000.0 * np.log(5))


def test_optimism_pays_where_losses_move_slowly_and_costs_little_else(rng):
    losses = 0.5 + 0.4 * np.sin(np.arange(1000)[:, None] / 100.0 + np.arange(5))
    plain, hopeful = (MirrorDescent(5, 0.3, optimistic=o).plays(losses) for o in (False, True))
    assert regret(losses, hopeful) < regret(losses, plain)


def test_plain_hedge_is_the_exponential_of_the_summed_losses(rng):
    losses = rng.random((50, 5))
    wanted = np.exp(-0.3 * np.cumsum(losses, axis=0))
    wanted /= wanted.sum(axis=1, keepdims=True)
    got = MirrorDescent(5, 0.3, optimistic=False).transform(losses)
    np.testing.assert_allclose(got, wanted, rtol=1e-10)
    twice = np.exp(-0.3 * (np.cumsum(losses, axis=0) + losses))
    np.testing.assert_allclose(
        MirrorDescent(5, 0.3).transform(losses), twice / twice.sum(axis=1, keepdims=True), rtol=1e-10
    )


def test_gradient_descent_is_a_step_and_a_projection(rng):
    losses, w = rng.random((30, 5)), np.full(5, 0.2)
    got = MirrorDescent(5, 0.1, "euclidean", 0.0, 0.5, optimistic=False).transform(losses)
    for t in range(30):
        w = project_capped_simplex(w - 0.1 * losses[t], 0.0, 0.5)
        np.testing.assert_allclose(got[t], w, atol=1e-13)


def test_a_common_loss_changes_nothing_and_a_crushed_expert_returns():
    hedge = MirrorDescent(3, 1.0, optimistic=False)
    np.testing.assert_allclose(hedge.update(np.full(3, 1e6)), 1 / 3)
    for _ in range(5):
        hedge.update(np.array([1000.0, 0.0, 0.0]))
    assert hedge.update(np.array([0.0, 700.0, 700.0]))[0] > 0.0
    for _ in range(5):
        last = hedge.update(np.array([0.0, 700.0, 700.0]))
    assert last[0] == pytest.approx(1.0)


def test_bad_input_is_refused():
    for bad in ({"experts": 0}, {"rate": 0.0}, {"geometry": "cubic"}, {"lower": -0.1}):
        with pytest.raises(ConfigError):
            MirrorDescent(**{"experts": 3, **bad})
    with pytest.raises(Infeasible):
        MirrorDescent(3, upper=0.3)
    with pytest.raises(ConfigError):
        learning_rate(1, 10.0)
    with pytest.raises(DataError):
        regret(np.ones((3, 2)), np.ones((2, 2)))

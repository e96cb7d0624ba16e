from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.cortex import EnsembleConfig, MarkovConfig, RegimeChain, RegimeEnsemble
from janus_trader.brain.cortex import stationary_distribution as stationary
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.regime import Regime

ALL = np.ones(4)


def unanimous(regime: Regime) -> np.ndarray:
    vote = np.full(7, 0.02)
    vote[regime] = 0.88
    return np.tile(vote, (4, 1))


def test_cold_posterior_is_nearly_uniform_with_ranging_ahead() -> None:
    ensemble = RegimeEnsemble()
    for _ in range(10):
        ensemble.update(np.full((4, 7), 1 / 7), np.zeros(4), 0.0)
        assert np.isclose(ensemble.posterior.sum(), 1.0)
    assert Regime(int(ensemble.posterior.argmax())) is Regime.RANGING
    assert ensemble.posterior.max() < 0.25
    assert ensemble.agreement == 0.0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_posterior_is_a_distribution_for_random_votes(seed: int, change: float) -> None:
    rng = np.random.default_rng(seed)
    ensemble = RegimeEnsemble()
    for _ in range(20):
        votes = rng.dirichlet(np.full(7, 0.05), 4)
        ensemble.update(votes, (rng.random(4) < 0.6) * rng.random(4), change)
        p = ensemble.posterior
        assert np.isfinite(p).all()
        assert (p > 0).all()
        assert abs(p.sum() - 1.0) < 1e-12
        assert 0.0 <= ensemble.agreement <= 1.0 + 1e-12


def test_a_challenger_needs_lead_stability_and_the_minimum_duration() -> None:
    config = EnsembleConfig(smoothing=1.0, min_duration=5, stability=3)
    ensemble = RegimeEnsemble(config)
    history = []
    for _ in range(8):
        ensemble.update(unanimous(Regime.BULL), ALL, 0.0)
        history.append(Regime(ensemble.dominant))
    assert history[:5] == [Regime.RANGING] * 5
    assert history[5] is Regime.BULL
    for _ in range(2):  # shorter than stability: no switch
        ensemble.update(unanimous(Regime.CRISIS), ALL, 0.0)
    for _ in range(10):
        ensemble.update(unanimous(Regime.BULL), ALL, 0.0)
    assert Regime(ensemble.dominant) is Regime.BULL
    assert ensemble.age == 14


def test_no_flicker_between_two_close_regimes() -> None:
    ensemble = RegimeEnsemble(EnsembleConfig(smoothing=1.0))
    rng = np.random.default_rng(1)
    switches, last = 0, ensemble.dominant
    for _ in range(300):
        vote = np.full(7, 0.04)
        lean = 0.02 * rng.standard_normal()
        vote[Regime.BULL], vote[Regime.RANGING] = 0.4 + lean, 0.4 - lean
        ensemble.update(np.tile(vote / vote.sum(), (4, 1)), ALL, 0.0)
        switches += ensemble.dominant != last
        last = ensemble.dominant
    assert switches <= 5


def test_change_probability_makes_the_belief_move_at_once() -> None:
    def crisis_mass(change: float) -> float:
        ensemble = RegimeEnsemble()
        for _ in range(50):
            ensemble.update(unanimous(Regime.BULL), ALL, 0.0)
        ensemble.update(unanimous(Regime.CRISIS), ALL, change)
        return float(ensemble.posterior[Regime.CRISIS])

    assert crisis_mass(0.0) < 0.15
    assert crisis_mass(1.0) > 0.8


def test_agreement_sharpens_and_disagreement_flattens() -> None:
    def top(hmm: Regime) -> float:
        ensemble = RegimeEnsemble(EnsembleConfig(smoothing=1.0, hmm_weight=0.2, uniform_floor=0.0))
        votes = unanimous(Regime.BULL)
        votes[3] = unanimous(hmm)[0]
        ensemble.update(votes, ALL, 0.0)
        return float(ensemble.posterior[Regime.BULL])

    plain = 0.88
    assert top(Regime.BULL) > plain
    assert top(Regime.BEAR) < (0.6 * 0.88 + 0.2 * 0.02) / 0.8


def test_absent_voters_do_not_count() -> None:
    ensemble = RegimeEnsemble(EnsembleConfig(smoothing=1.0, uniform_floor=0.0))
    votes = np.full((4, 7), 1 / 7)
    votes[2] = unanimous(Regime.RECOVERY)[0]
    ensemble.update(votes, np.array([0.0, 0.0, 0.5, 0.0]), 0.0)
    np.testing.assert_allclose(ensemble.posterior, votes[2])


def test_ensemble_snapshot_continues_identically() -> None:
    rng = np.random.default_rng(2)
    a, b = RegimeEnsemble(), RegimeEnsemble()
    votes = rng.dirichlet(np.full(7, 0.2), (60, 4))
    for v in votes[:30]:
        a.update(v, ALL, 0.1)
    b.restore(a.snapshot())
    for v in votes[30:]:
        a.update(v, ALL, 0.1)
        b.update(v, ALL, 0.1)
    assert a.snapshot() == b.snapshot()
    with pytest.raises(IntegrityError):
        b.restore(b"short")


@pytest.mark.parametrize("stuck", [0, 1, 2])
def test_a_state_that_is_never_left_has_all_of_the_stationary_law(stuck: int) -> None:
    transition = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    for leak in (0.0, 1e-310):
        transition[stuck] = leak
        transition[stuck, stuck] = 1.0
        assert stationary(transition) == pytest.approx(np.eye(3)[stuck], abs=1e-9)


def test_stationary_distribution_solves_its_equation() -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 12):
        a = rng.dirichlet(np.full(n, 0.3), n) + 1e-6
        a /= a.sum(axis=1, keepdims=True)
        law = stationary(a)
        np.testing.assert_allclose(law @ a, law, atol=1e-12)
        assert np.isclose(law.sum(), 1.0)


def test_chain_recovers_a_known_transition_matrix_and_time_occupancy() -> None:
    rng = np.random.default_rng(4)
    truth = np.array([[0.97, 0.03], [0.10, 0.90]])
    chain = RegimeChain(MarkovConfig(learning_rate=0.0))
    z, path = 0, []
    for _ in range(6000):
        z = int(rng.random() < truth[z, 1])
        path.append(z)
        forecast = chain.update(np.eye(7)[z])
        assert np.isclose(forecast.sum(), 1.0)
    np.testing.assert_allclose(chain.transition[:2, :2], truth, atol=0.02)
    counts = np.array([path.count(0), path.count(1)]) / len(path)
    assert abs(chain.stationary[0] - counts[0]) < 0.05  # a jump chain would say one half


def test_soft_beliefs_keep_persistence() -> None:
    # two regimes that the posterior cannot tell apart must not look like constant switching
    chain = RegimeChain()
    for _ in range(500):
        forecast = chain.update(np.array([0.5, 0.5, 0, 0, 0, 0, 0]))
    assert chain.transition[0, 0] > 0.8
    assert np.isclose(forecast.sum(), 1.0)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_chain_stays_stochastic_and_snapshots(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = RegimeChain(), RegimeChain()
    for p in rng.dirichlet(np.full(7, 0.05), 40):
        a.update(p)
    np.testing.assert_allclose(a.transition.sum(axis=1), 1.0)
    b.put_state(a.state())
    p = rng.dirichlet(np.ones(7))
    np.testing.assert_array_equal(a.update(p), b.update(p))


def test_the_forecast_carries_the_belief_one_bar_on_where_it_is_given_weight() -> None:
    forecast = np.eye(7)[Regime.CRISIS]
    for weight in (0.0, 0.5, 1.0):
        config = EnsembleConfig(forecast_weight=weight, uniform_floor=0.0)
        ensemble = RegimeEnsemble(config)
        for _ in range(30):
            ensemble.update(unanimous(Regime.BULL), ALL, 0.0)
        before = ensemble.posterior.copy()
        ensemble.update(unanimous(Regime.BULL), np.zeros(4), 0.0, forecast)
        cold = RegimeEnsemble(config).posterior
        carried = before + weight * (forecast - before)
        expected = 0.9 * carried + 0.1 * cold
        assert np.allclose(ensemble.posterior, expected / expected.sum(), atol=1e-12)


def test_a_restored_chain_goes_on_with_the_same_forecast() -> None:
    chain = RegimeChain()
    rng = np.random.default_rng(3)
    assert chain.forecast is None
    for _ in range(20):
        chain.update(rng.dirichlet(np.ones(7)))
    again = RegimeChain()
    again.put_state(chain.state())
    assert again.forecast is not None
    assert np.array_equal(again.forecast, chain.forecast)

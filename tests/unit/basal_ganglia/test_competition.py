"""Short, flat and long compete: the drive alone decides without a policy, doubt changes nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.basal_ganglia.competition import compete, confidence_of


def outcome(drive, policy, gain=0.06, inhibition=0.5):
    winner, margin = np.empty(len(drive)), np.empty(len(drive))
    compete(np.asarray(drive, float), np.asarray(policy, float), gain, inhibition, winner, margin)
    return winner, margin


DRIVES = st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=5)


@given(DRIVES, st.floats(0.0, 1.0))
def test_without_gain_both_are_the_drive_to_the_bit(drive, inhibition):
    policy = np.tile([0.1, 0.2, 0.7], (len(drive), 1))
    winner, margin = outcome(drive, policy, 0.0, inhibition)
    assert winner.tobytes() == margin.tobytes() == np.array(drive).tobytes()


@given(DRIVES, st.floats(0.001, 0.5))
def test_an_undecided_policy_changes_nothing(drive, gain):
    winner, _ = outcome(drive, np.full((len(drive), 3), 1 / 3), gain)
    np.testing.assert_allclose(winner, drive, atol=1e-15)


@given(st.floats(-0.3, 0.3), st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), st.floats(0.0, 0.3))
def test_short_and_long_are_treated_alike(drive, policy, gain):
    policy = np.array(policy) + 1e-9
    policy /= policy.sum()
    one = outcome([drive], policy[None, :], gain)
    other = outcome([-drive], policy[None, ::-1], gain)
    np.testing.assert_allclose(one, -np.array(other), atol=1e-15)


@given(st.floats(-0.3, 0.3), st.floats(0.0, 1.0), st.floats(0.0, 0.3))
def test_the_lead_is_never_longer_than_the_winner(drive, p, gain):
    winner, margin = outcome([drive], [[(1 - p) / 2, (1 - p) / 2, p]], gain)
    assert abs(margin[0]) <= abs(winner[0]) + 1e-15
    assert margin[0] * winner[0] >= 0.0


def test_a_sure_policy_outvotes_a_weak_drive_and_yields_to_a_strong_one():
    short = [[1.0, 0.0, 0.0]] * 2
    winner, _ = outcome([0.01, 0.2], short)
    assert winner[0] < 0.0 < winner[1] < 0.2


def test_flat_takes_the_instrument_out():
    winner, margin = outcome([0.02], [[0.0, 1.0, 0.0]])
    assert (winner[0], margin[0]) == (0.0, 0.0)


def test_a_tie_is_flat():
    winner, _ = outcome([0.0], [[0.5, 0.0, 0.5]])
    assert winner[0] == 0.0


def test_confidence_rises_with_the_lead():
    out = np.empty(4)
    confidence_of(np.array([0.0, -0.03, 0.03, 0.3]), 0.03, out)
    assert out[0] == 0.0
    assert out[1] == out[2] == 0.5 < out[3] < 1.0

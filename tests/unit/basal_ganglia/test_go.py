import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.basal_ganglia import GoConfig, GoPathway

FREE = np.zeros(1, bool)
FLAT = np.zeros(1)


def step(go, drive, previous=FLAT, blocked=FREE, rho=0.0, appetite=1.0, no_go=FLAT):
    return go.step(np.array([drive]), previous, no_go, blocked, rho, appetite)


def drive_for(activation, unit=0.03):
    return unit * activation / (1 - activation)


def test_one_strategy_stays_and_two_that_agree_pass():
    weight, gate, compatible, signal = 0.104, 0.69, 0.7, 0.6
    one = weight * gate * compatible * signal
    assert not step(GoPathway(GoConfig(), 1), one)[1][0]
    assert step(GoPathway(GoConfig(), 1), 2 * one)[1][0]
    assert step(GoPathway(GoConfig(), 1), -2 * one)[1][0]
    assert not step(GoPathway(GoConfig(), 1), 0.0)[1][0]


def test_hysteresis_keeps_what_is_released_and_not_its_opposite():
    between = drive_for(0.60)
    plain = GoConfig(facilitation=0.0, adaptation=0.0)
    go = GoPathway(plain, 1)
    assert not step(go, between)[1][0]
    assert step(go, drive_for(0.7))[1][0]
    assert step(go, between)[1][0]
    assert not step(go, -between)[1][0]
    assert not step(go, between)[1][0]  # the release ended


def test_large_positions_need_more():
    go = GoPathway(GoConfig(), 1)
    drive = drive_for(0.67)
    assert not step(go, drive, previous=np.array([0.12]))[1][0]
    assert step(GoPathway(GoConfig(), 1), drive, previous=np.array([-0.12]))[1][0]


def test_dopamine_appetite_and_inhibition_move_the_release():
    drive = drive_for(0.63)
    assert step(GoPathway(GoConfig(), 1), drive, rho=0.8)[1][0]
    assert not step(GoPathway(GoConfig(), 1), drive, rho=-0.8)[1][0]
    assert not step(GoPathway(GoConfig(), 1), drive_for(0.67), appetite=0.0)[1][0]
    assert not step(GoPathway(GoConfig(), 1), 1.0, blocked=np.ones(1, bool))[1][0]


def test_inhibition_below_its_threshold_competes():
    drive = drive_for(0.7)
    released = [bool(step(GoPathway(GoConfig(), 1), drive, no_go=np.array([x]))[1][0]) for x in (0, 0.1, 0.4)]
    assert released == [True, True, False]


def test_a_waiting_drive_becomes_urgent():
    go = GoPathway(GoConfig(), 1)
    drive = drive_for(0.62)
    released = [bool(step(go, drive)[1][0]) for _ in range(60)]
    assert not released[0]
    assert released[-1]
    idle = GoPathway(GoConfig(), 1)
    assert not any(step(idle, drive_for(0.4))[1][0] for _ in range(200))


def test_threshold_adapts_to_how_much_is_released():
    busy, quiet = GoPathway(GoConfig(), 4), GoPathway(GoConfig(), 4)
    free, flat = np.zeros(4, bool), np.zeros(4)
    for _ in range(200):
        busy.step(np.full(4, 1.0), flat, flat, free, 0.0, 1.0)
        quiet.step(flat, flat, flat, free, 0.0, 1.0)
    assert busy._offset > 0.03
    assert quiet._offset < -0.03
    assert abs(busy._offset) <= 0.1


@given(
    st.lists(st.floats(-10, 10), min_size=3, max_size=3),
    st.floats(-1, 1),
    st.floats(0, 1.5),
    st.integers(0, 30),
)
def test_activation_is_bounded_and_zero_without_drive(drive, rho, appetite, repeats):
    go = GoPathway(GoConfig(), 3)
    for _ in range(repeats + 1):
        activation, released = go.step(
            np.array(drive), np.zeros(3), np.zeros(3), np.zeros(3, bool), rho, appetite
        )
    assert ((activation >= 0) & (activation <= 1)).all()
    assert not released[np.array(drive) == 0].any()
    stronger, _ = GoPathway(GoConfig(), 3).step(
        2 * np.array(drive), np.zeros(3), np.zeros(3), np.zeros(3, bool), rho, appetite
    )
    weaker, _ = GoPathway(GoConfig(), 3).step(
        np.array(drive), np.zeros(3), np.zeros(3), np.zeros(3, bool), rho, appetite
    )
    assert (stronger >= weaker - 1e-12).all()

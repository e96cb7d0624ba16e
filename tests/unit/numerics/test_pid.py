"""The PID controller against a linear filter, and the behaviour its extras are for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.pid import PID


def rows(setpoint, measurement):
    return np.column_stack(np.broadcast_arrays(setpoint, measurement)).astype(float)


def test_unclamped_output_is_the_linear_filter(rng):
    kp, ki, kd, dt, tau = 0.7, 0.3, 0.2, 0.5, 1.5
    xs = rng.standard_normal((200, 2))
    error, y = xs[:, 0] - xs[:, 1], xs[:, 1]
    a = dt / (tau + dt)
    rate = np.diff(y, prepend=y[0]) / dt
    slope = lfilter([a], [1.0, a - 1.0], rate)
    expected = kp * error + ki * dt * np.cumsum(error) - kd * slope
    got = PID(kp, ki, kd, dt=dt, tau=tau).transform(xs)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def test_a_step_of_the_setpoint_does_not_kick_the_derivative():
    xs = rows(np.array([0.0, 0.0, 10.0, 10.0]), 1.0)
    with_d = PID(1.0, 0.1, 5.0).transform(xs)
    np.testing.assert_array_equal(with_d, PID(1.0, 0.1, 0.0).transform(xs))


def settle(back, steps_blocked=200):
    """Steps until the output leaves its clamp once the error has changed sign."""
    pid = PID(0.5, 0.2, 0.0, low=-1.0, high=1.0, back=back)
    for _ in range(steps_blocked):
        assert pid.update(np.array([5.0, 0.0])) == 1.0
    for k in range(1000):
        if pid.update(np.array([0.0, 0.5])) < 1.0:
            return k
    return 1000


def test_back_calculation_prevents_windup():
    assert settle(back=1.0) <= 1
    assert settle(back=0.0) > 500


def test_integral_action_leaves_no_steady_error():
    pid, y = PID(0.5, 0.1, 0.05), 0.0
    for _ in range(400):
        y = 0.9 * y + 0.1 * (pid.update(np.array([2.0, y])) + 0.7)
    assert y == pytest.approx(2.0, abs=1e-9)


def test_the_family_is_the_controller_with_the_other_gains_at_zero(rng):
    xs = rng.standard_normal((60, 2))
    error, rate = xs[:, 0] - xs[:, 1], np.diff(xs[:, 1], prepend=xs[0, 1])
    np.testing.assert_allclose(PID(2.0, 0.0, 0.0).transform(xs), 2.0 * error, rtol=1e-12)
    np.testing.assert_allclose(PID(2.0, 0.0, 0.5).transform(xs), 2.0 * error - 0.5 * rate, atol=1e-12)
    np.testing.assert_allclose(
        PID(2.0, 0.3, 0.0).transform(xs), 2.0 * error + 0.3 * np.cumsum(error), atol=1e-11
    )


def test_output_stays_in_its_range(rng):
    out = PID(5.0, 1.0, 1.0, low=-0.3, high=0.2).transform(rng.normal(0, 10, (500, 2)))
    assert out.min() >= -0.3
    assert out.max() <= 0.2


def test_half_a_missing_row_is_ignored():
    pid = PID()
    first = pid.update(np.array([1.0, 0.0]))
    before = pid.snapshot()
    assert pid.update(np.array([np.nan, 3.0])) == first
    assert pid.update(np.array([3.0, np.inf])) == first
    assert pid.snapshot() == before


@pytest.mark.parametrize(
    "bad", [{"kp": np.nan}, {"dt": 0.0}, {"tau": -1.0}, {"low": 1.0, "high": 1.0}, {"back": 2.0}]
)
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        PID(**bad)

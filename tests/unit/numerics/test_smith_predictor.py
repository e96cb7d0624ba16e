"""The Smith predictor: its defining property, that the delay leaves the loop."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.pid import PID
from janus_trader.numerics.smith_predictor import SmithPredictor

GAIN, POLE, DELAY, STEPS = 1.5, 0.8, 6, 120


def loop(*, delay, predictor, ki=0.2, gain=GAIN):
    """Closed loop of a PI controller and a first-order plant with dead time; the plant's output."""
    pid = PID(0.6, ki, 0.0)
    pipe, x, u, out = [0.0] * (delay + 1), 0.0, 0.0, []
    for _ in range(STEPS):
        x = POLE * x + (1.0 - POLE) * gain * u
        pipe.append(x)
        y = pipe[-1 - delay]
        feedback = predictor.update(np.array([u, y])) if predictor else y
        u = pid.update(np.array([1.0, feedback]))
        out.append(y)
    return np.array(out)


def test_with_an_exact_model_the_loop_is_the_delay_free_loop_shifted():
    free = loop(delay=0, predictor=None)
    delayed = loop(delay=DELAY, predictor=SmithPredictor(GAIN, POLE, DELAY))
    np.testing.assert_allclose(delayed[DELAY:], free[:-DELAY], atol=1e-12)
    np.testing.assert_array_equal(delayed[:DELAY], 0.0)


def test_without_it_the_same_gains_oscillate():
    plain = loop(delay=DELAY, predictor=None)
    assert plain.max() > 1.5
    assert loop(delay=DELAY, predictor=SmithPredictor(GAIN, POLE, DELAY)).max() < 1.2


def test_a_wrong_gain_still_reaches_the_setpoint():
    off = loop(delay=DELAY, predictor=SmithPredictor(1.2 * GAIN, POLE, DELAY))
    assert off[-1] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("assumed", [DELAY - 1, DELAY + 1])
def test_a_delay_wrong_by_a_step_still_reaches_the_setpoint(assumed):
    off = loop(delay=DELAY, predictor=SmithPredictor(GAIN, POLE, assumed))
    assert off[-1] == pytest.approx(1.0, abs=1e-3)
    assert off.max() < 1.3


def test_a_wrong_delay_that_gentle_gains_bear_makes_tight_ones_oscillate():
    def tail(kp, ki):
        pid, predictor = PID(kp, ki, 0.0), SmithPredictor(GAIN, POLE, DELAY - 3)
        pipe, x, u, out = [0.0] * (DELAY + 1), 0.0, 0.0, []
        for _ in range(400):
            x = POLE * x + (1.0 - POLE) * GAIN * u
            pipe.append(x)
            u = pid.update(np.array([1.0, predictor.update(np.array([u, pipe[-1 - DELAY]]))]))
            out.append(pipe[-1 - DELAY])
        return np.ptp(out[-60:])

    assert tail(0.6, 0.1) < 1e-3
    assert tail(4.0, 1.0) > 1.0


def test_no_dead_time_gives_the_measurement_back(rng):
    xs = rng.standard_normal((50, 2))
    np.testing.assert_allclose(SmithPredictor(GAIN, POLE, 0).transform(xs), xs[:, 1], atol=1e-14)


@pytest.mark.parametrize(
    "bad", [{"gain": np.inf}, {"pole": 1.0}, {"pole": -0.1}, {"delay": -1}, {"delay": 1.5}]
)
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        SmithPredictor(**bad)

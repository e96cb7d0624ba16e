"""Relay tuning on plants whose oscillation is known in closed form."""

import math

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, NotReady
from janus_trader.numerics.pid import PID
from janus_trader.numerics.relay_tuning import (
    RelayTest,
    UltimatePoint,
    tyreus_luyben,
    ultimate_gain,
    ziegler_nichols,
)


class ThirdOrder:
    """1 / (s + 1)^3, its steps exact for a held input: ultimate gain 8 at the period 2 pi / sqrt 3."""

    def __init__(self, dt):
        from scipy.linalg import expm

        a = np.array([[-1.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
        self.phi = expm(a * dt)
        self.gamma = np.linalg.solve(a, (self.phi - np.eye(3)) @ np.array([1.0, 0.0, 0.0]))
        self.x = np.zeros(3)

    def step(self, u):
        self.x = self.phi @ self.x + self.gamma * u
        return self.x[2]


def oscillate(plant, relay, steps, setpoint=0.0):
    y = 0.0
    for _ in range(steps):
        y = plant(relay.update(setpoint - y))
    return relay.ultimate()


def lag_with_dead_time(gain, tau, delay, dt):
    pole, pipe, y = math.exp(-dt / tau), [0.0] * round(delay / dt), 0.0

    def step(u):
        nonlocal y
        pipe.append(u)
        y = pole * y + (1.0 - pole) * gain * pipe.pop(0)
        return y

    return step


@pytest.mark.parametrize(("gain", "tau", "delay"), [(2.0, 1.0, 0.5), (0.5, 3.0, 1.0), (1.0, 1.0, 2.0)])
def test_oscillation_of_a_lag_with_dead_time_is_the_exact_one(gain, tau, delay):
    dt = 0.002
    relay = RelayTest(1.5, dt=dt)
    point = oscillate(lag_with_dead_time(gain, tau, delay, dt), relay, 20_000)
    amplitude = gain * 1.5 * (1.0 - math.exp(-delay / tau))
    period = 2.0 * tau * math.log(2.0 * math.exp(delay / tau) - 1.0)
    assert point.gain == pytest.approx(ultimate_gain(1.5, amplitude), rel=0.01)
    assert point.period == pytest.approx(period, rel=0.01)


def test_ultimate_point_of_a_third_order_plant():
    point = oscillate(ThirdOrder(0.01).step, RelayTest(1.0, dt=0.01), 6000)
    assert point.gain == pytest.approx(8.0, rel=0.06)  # the describing function keeps one harmonic
    assert point.period == pytest.approx(2.0 * math.pi / math.sqrt(3.0), rel=0.02)


def test_hysteresis_rides_over_noise():
    g, plant = np.random.default_rng(0), ThirdOrder(0.01)
    relay, y = RelayTest(1.0, hysteresis=0.02, dt=0.01), 0.0
    switches, last = 0, 1.0
    for _ in range(6000):
        u = relay.update(-(y + 0.004 * g.standard_normal()))
        switches, last = switches + (u != last), u
        y = plant.step(u)
    assert switches < 45  # 60 time units, about 3.7 a cycle with two switches each
    assert relay.ultimate().gain == pytest.approx(8.0, rel=0.25)


def closed_loop(gains, steps=6000, dt=0.01):
    plant, pid, y, out = ThirdOrder(dt), PID(*gains, dt=dt, tau=0.02), 0.0, []
    for _ in range(steps):
        y = plant.step(pid.update(np.array([1.0, y])))
        out.append(y)
    return np.array(out)


def test_tuned_loops_settle_and_the_ultimate_gain_does_not():
    point = UltimatePoint(8.0, 2.0 * math.pi / math.sqrt(3.0))
    for gains in (
        ziegler_nichols(point),
        ziegler_nichols(point, "PI"),
        tyreus_luyben(point),
        tyreus_luyben(point, "PID"),
    ):
        y = closed_loop(gains)
        assert y[-1] == pytest.approx(1.0, abs=0.02)
        assert y.max() < 1.8
    assert closed_loop(tyreus_luyben(point)).max() < closed_loop(ziegler_nichols(point, "PI")).max()
    for gain, grows in ((7.5, False), (8.5, True)):
        y = closed_loop((gain, 0.0, 0.0))
        assert (np.ptp(y[-1000:]) > np.ptp(y[1000:2000])) == grows


def test_rules_are_the_published_tables():
    point = UltimatePoint(10.0, 2.0)
    assert ziegler_nichols(point, "P") == (5.0, 0.0, 0.0)
    assert ziegler_nichols(point, "PI") == pytest.approx((4.5, 4.5 / (2.0 / 1.2), 0.0))
    assert ziegler_nichols(point, "PD") == pytest.approx((8.0, 0.0, 2.0))
    assert ziegler_nichols(point, "PID") == pytest.approx((6.0, 6.0, 1.5))
    assert tyreus_luyben(point, "PI") == pytest.approx((3.125, 3.125 / 4.4, 0.0))
    assert tyreus_luyben(point, "PID") == pytest.approx((10 / 2.2, 10 / 2.2 / 4.4, 10 / 2.2 * 2 / 6.3))


def test_bad_input_is_refused():
    relay = RelayTest()
    with pytest.raises(NotReady, match="cycle"):
        relay.ultimate()
    relay.update(1.0)
    assert relay.cycles == 0
    for bad in ({"amplitude": 0.0}, {"hysteresis": -1.0}, {"dt": 0.0}, {"amplitude": math.nan}):
        with pytest.raises(ConfigError):
            RelayTest(**bad)
    for args in ((0.0, 1.0), (1.0, 0.0), (1.0, 0.5, 0.5), (1.0, math.nan)):
        with pytest.raises(DataError):
            ultimate_gain(*args)
    with pytest.raises(ConfigError):
        tyreus_luyben(UltimatePoint(1.0, 1.0), "P")
    with pytest.raises(DataError):
        ziegler_nichols(UltimatePoint(0.0, 1.0))

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.wilson_cowan import (
    CYCLE_DRIVE,
    PRINTED,
    PRINTED_DRIVE,
    WilsonCowan,
    WilsonCowanParameters,
    cycle_centre,
)


def written_out(t, y, w, p):
    def s(x, a, theta):
        return 1 / (1 + np.exp(-a * (x - theta))) - 1 / (1 + np.exp(a * theta))

    e, i = y
    return [
        (-e + (1 - w.r_e * e) * s(w.w_ee * e - w.w_ei * i + p, w.a_e, w.theta_e)) / w.tau_e,
        (-i + (1 - w.r_i * i) * s(w.w_ie * e - w.w_ii * i + w.q, w.a_i, w.theta_i)) / w.tau_i,
    ]


@pytest.mark.parametrize(
    ("w", "p"),
    [(WilsonCowanParameters(), CYCLE_DRIVE), (PRINTED, PRINTED_DRIVE), (WilsonCowanParameters(), 0.4)],
)
def test_agrees_with_scipy(w, p):
    times = np.arange(1, 301) * 0.5
    wanted = solve_ivp(
        written_out, (0, 150), [0.0, 0.0], t_eval=times, args=(w, p), method="DOP853", rtol=1e-11, atol=1e-13
    )
    got = WilsonCowan(w, 0.1, 5).transform(np.full(300, p))
    np.testing.assert_allclose(got, wanted.y.T, rtol=0, atol=1e-7)


def test_the_published_set_keeps_a_limit_cycle():
    path = WilsonCowan().transform(np.full(4000, CYCLE_DRIVE))
    amplitude = [np.ptp(part[:, 0]) for part in (path[1000:2000], path[3000:])]
    assert amplitude[0] > 0.1
    assert amplitude[1] == pytest.approx(amplitude[0], rel=0.01)  # sustained, neither dying nor growing
    other = WilsonCowan()
    for p in (0.0, 3.0, 0.0, 1.0):
        other.update(p)
    elsewhere = [other.update(CYCLE_DRIVE)[0] for _ in range(4000)]
    assert np.ptp(elsewhere[3000:]) == pytest.approx(amplitude[1], rel=0.01)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_printed_defaults_come_to_rest(swapped):
    w = PRINTED._replace(w_ei=PRINTED.w_ie, w_ie=PRINTED.w_ei) if swapped else PRINTED
    path = WilsonCowan(w).transform(np.full(4000, PRINTED_DRIVE))
    assert np.ptp(path[3000:], axis=0).max() < 1e-9
    assert 0.015 < path[-1, 0] < 0.035
    np.testing.assert_allclose(written_out(0, path[-1], w, PRINTED_DRIVE), 0.0, atol=1e-9)


def test_no_drive_no_activity_and_bounds():
    assert (WilsonCowan().transform(np.zeros(100)) == 0.0).all()
    wild = WilsonCowan().transform(np.random.default_rng(0).normal(0, 20, 500))
    assert wild.min() >= -0.5
    assert wild.max() < 0.5


def test_centre_lies_inside_the_cycle():
    e, i = cycle_centre(WilsonCowanParameters(), CYCLE_DRIVE)
    path = WilsonCowan().transform(np.full(2000, CYCLE_DRIVE))[1000:]
    angle = np.unwrap(np.arctan2(path[:, 1] - i, path[:, 0] - e))
    assert abs(angle[-1] - angle[0]) > 4 * np.pi  # it is gone round, several times


def test_bad_parameters_are_refused():
    for bad in ({"dt": 0.0}, {"parameters": WilsonCowanParameters(tau_e=0.0)}, {"substeps": 0}):
        with pytest.raises(ConfigError):
            WilsonCowan(**bad)
    with pytest.raises(ConfigError):
        WilsonCowan(WilsonCowanParameters(w_ee=float("nan")))

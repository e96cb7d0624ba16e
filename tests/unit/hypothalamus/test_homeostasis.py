"""Vital signs return into their ranges, without wind-up, around set points that move with the regime."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.hypothalamus.test_appetite import COV, book, regime

from janus_trader.brain.hypothalamus import (
    AppetiteConfig,
    AppetiteModel,
    Homeostasis,
    HomeostasisConfig,
    Vitals,
)
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import Regime

FINE = Vitals(exposure=0.5, heat=0.5, drawdown=0.02, correlation=0.3)


def closed_loop(h: Homeostasis, demand: np.ndarray, appetite: float = 1.0, lag: float = 0.4) -> np.ndarray:
    """Exposure of a book that moves towards ``demand`` times the factor, a share ``lag`` of the way a bar."""
    x, out = 0.0, []
    for wanted in demand:
        factor = h.update(FINE._replace(exposure=x), appetite)
        x += lag * (wanted * factor - x)
        out.append(x)
    return np.array(out)


@pytest.mark.parametrize("demand", [1.1, 1.4, 1.9])
@pytest.mark.parametrize("appetite", [1.0, 0.5])
def test_a_closed_loop_settles_in_the_range_without_ringing(demand: float, appetite: float) -> None:
    h = Homeostasis(HomeostasisConfig())
    high = h.ranges(appetite)[0]
    x = closed_loop(h, np.full(400, demand * high), appetite)
    settled = x[100:]
    assert settled.max() <= 1.03 * high
    assert settled.min() >= 0.9 * high  # brought back into the range, not thrown out of the market
    assert np.abs(np.diff(settled)).max() < 0.03 * high


def test_a_long_saturation_does_not_wind_up() -> None:
    h = Homeostasis(HomeostasisConfig())
    demand = np.concatenate([np.full(2000, 10.0), np.full(100, 0.8)])
    x = closed_loop(h, demand)
    assert x[1999] == pytest.approx(5.0, rel=1e-6)  # the largest cut is all there is
    assert h.factor == pytest.approx(1.0, abs=1e-2)
    assert abs(x[-1] - 0.8) < 0.01
    short = Homeostasis(HomeostasisConfig())
    y = closed_loop(short, demand[1950:])
    np.testing.assert_allclose(x[2000:], y[50:], atol=0.02)  # fifty bars of it or two thousand: the same


def test_too_little_exposure_is_raised_where_that_is_allowed() -> None:
    h = Homeostasis(HomeostasisConfig(exposure_low=0.5, boost=0.25))
    x = closed_loop(h, np.full(300, 0.45))
    assert 0.48 < x[-1] < 0.52
    careful = Homeostasis(HomeostasisConfig(exposure_low=0.5))
    assert closed_loop(careful, np.full(300, 0.45))[-1] == pytest.approx(0.45)


def test_set_points_move_with_the_regime() -> None:
    h = Homeostasis(HomeostasisConfig())
    calm, crisis = h.ranges(1.0), h.ranges(0.25)
    assert all(b < a for a, b in zip(calm, crisis, strict=True))
    vitals = FINE._replace(exposure=0.8)
    assert Homeostasis(HomeostasisConfig()).update(vitals, 1.0) == 1.0
    assert Homeostasis(HomeostasisConfig()).update(vitals, 0.25) < 1.0


def test_the_range_tightens_before_the_regime_does() -> None:
    """Allostasis: the same present, another forecast."""
    bull, crisis = np.eye(7)[Regime.BULL], np.eye(7)[Regime.CRISIS]
    factors = {}
    for name, ahead in (("stays", bull), ("turns", crisis)):
        model = AppetiteModel(AppetiteConfig(), 252.0, 1.5)
        for t in range(30):
            seen = regime(bull)
            state = type(seen)(
                **{**{f: getattr(seen, f) for f in seen.__struct_fields__}, "forecast": tuple(ahead)}
            )
            out = model.appetite(state, book(t, 100.0, weight=0.45), COV, True)
        factors[name] = out.energy_factor
        assert out.regime_factor == 1.0
    assert factors["turns"] < factors["stays"]


@pytest.mark.parametrize("k", range(4))
def test_each_vital_sign_out_of_range_cuts_and_recovers(k: int) -> None:
    h = Homeostasis(HomeostasisConfig())
    bad = FINE._replace(**{Vitals._fields[k]: 1.5 * h.ranges(1.0)[k]})
    for _ in range(20):
        cut = h.update(bad, 1.0)
    assert cut < 0.9
    for _ in range(80):
        back = h.update(FINE, 1.0)
    assert back > 0.99


def test_the_worst_sign_governs_alone() -> None:
    one, both = Homeostasis(HomeostasisConfig()), Homeostasis(HomeostasisConfig())
    a = one.update(FINE._replace(exposure=1.3), 1.0)
    b = both.update(FINE._replace(exposure=1.3, heat=1.6), 1.0)
    assert a == b


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.one_of(st.floats(0, 5), st.just(math.nan))] * 4), max_size=60), st.floats(0, 1.5)
)
def test_the_factor_stays_in_its_range_and_a_worse_present_never_helps(path, appetite) -> None:
    low, high = Homeostasis(HomeostasisConfig()), Homeostasis(HomeostasisConfig())
    for row in path:
        a = low.update(Vitals(*row), appetite)
        b = high.update(Vitals(*(1.2 * x for x in row)), appetite)
        assert 0.5 <= b <= a + 1e-12 <= 1.0 + 1e-12


def test_state_round_trip_and_reset() -> None:
    a, b = Homeostasis(HomeostasisConfig()), Homeostasis(HomeostasisConfig())
    closed_loop(a, np.full(50, 1.5))
    b.put_state(a.state())
    np.testing.assert_array_equal(closed_loop(a, np.full(20, 1.2)), closed_loop(b, np.full(20, 1.2)))
    a.reset()
    assert a.state() == Homeostasis(HomeostasisConfig()).state()
    assert a.factor == 1.0


def test_ranges_without_sense_are_refused() -> None:
    with pytest.raises(ConfigError):
        Homeostasis(HomeostasisConfig(high=(1.0, 0.0, 0.2, 0.8)))
    with pytest.raises(ConfigError):
        Homeostasis(HomeostasisConfig(exposure_low=1.0, high=(0.5, 1.0, 0.2, 0.8)))

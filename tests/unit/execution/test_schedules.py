from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.execution.schedules import ImpactConfig, implementation_shortfall, pov, twap, vwap

parents = st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 6))
volumes = st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda v: sum(v) > 1e-3)


def check(schedule, lots, decimals, slices):
    assert schedule.lots.shape == (slices,)
    assert int(schedule.lots.sum()) == lots
    assert (schedule.lots * (1 if lots >= 0 else -1) >= 0).all()
    total = sum((Decimal(repr(float(q))) for q in schedule.quantities), Decimal(0))
    assert abs(total - Decimal(lots).scaleb(-decimals)) <= Decimal("1e-9") * max(1, abs(lots))


@given(parents, st.integers(1, 50))
def test_twap_sums_exactly_and_is_even(parent, slices):
    lots, decimals = parent
    out = twap(lots / 10**decimals, slices, size_decimals=decimals)
    check(out, lots, decimals, slices)
    assert np.ptp(out.lots) <= 1


@given(parents, volumes)
def test_vwap_sums_exactly_and_follows_the_profile(parent, profile):
    lots, decimals = parent
    out = vwap(lots / 10**decimals, np.array(profile), size_decimals=decimals)
    check(out, lots, decimals, len(profile))
    ideal = lots * np.array(profile) / sum(profile)
    assert np.abs(out.lots - ideal).max() <= 1.0 + 1e-9 * abs(lots)


@given(parents, volumes, st.floats(0.01, 1.0))
def test_pov_sums_exactly_and_keeps_its_rate_before_the_end(parent, volume, rate):
    lots, decimals = parent
    out = pov(lots / 10**decimals, np.array(volume), rate, size_decimals=decimals)
    check(out, lots, decimals, len(volume))
    done = np.abs(np.cumsum(out.lots))[:-1]
    assert (done <= rate * np.cumsum(volume)[:-1] * 10**decimals + 1.0).all()


def test_pov_is_causal_but_for_its_last_slice():
    volume = np.array([100.0, 200.0, 50.0, 400.0])
    changed = volume.copy()
    changed[2:] = 1.0
    a, b = (pov(1000.0, v, 0.5, size_decimals=0).lots for v in (volume, changed))
    np.testing.assert_array_equal(a[:2], b[:2])


@given(parents, st.integers(1, 30), st.floats(0, 1e-4))
def test_shortfall_schedule_sums_exactly(parent, slices, risk_aversion):
    lots, decimals = parent
    config = ImpactConfig(risk_aversion=risk_aversion)
    check(
        implementation_shortfall(lots / 10**decimals, 5.0, slices, config, size_decimals=decimals),
        lots,
        decimals,
        slices,
    )


def test_shortfall_schedule_is_twap_without_fear_and_front_loaded_with_it():
    calm, afraid = (
        implementation_shortfall(1e6, 5.0, 5, ImpactConfig(risk_aversion=r), size_decimals=0).lots
        for r in (0.0, 2e-6)
    )
    np.testing.assert_array_equal(calm, 200_000)
    np.testing.assert_allclose(afraid, [571401.15, 245666.03, 106637.09, 48652.34, 27643.38], atol=1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: twap(1.0, 0),
        lambda: twap(0.5, 3, size_decimals=0),
        lambda: twap(float("nan"), 3),
        lambda: twap(1e30, 3),
        lambda: vwap(1.0, [0.0, 0.0]),
        lambda: vwap(1.0, [1.0, -1.0]),
        lambda: vwap(1.0, []),
        lambda: pov(1.0, [1.0, np.nan], 0.1),
        lambda: pov(1.0, [1.0], 0.0),
        lambda: pov(1.0, [1.0], 1.5),
        lambda: implementation_shortfall(1.0, 5.0, 0, ImpactConfig()),
        lambda: implementation_shortfall(1.0, -5.0, 3, ImpactConfig()),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(DataError):
        call()

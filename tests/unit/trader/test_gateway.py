"""What enters as a bar: sound ones unchanged, the others refused with a reason and carried flat."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.trader.gateway import BarFault, BarGateway, contract_bar

GOOD = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100.0}


def rows(*bars):
    out = np.zeros(len(bars), BAR_DTYPE)
    for i, values in enumerate(bars):
        for name, value in {**GOOD, **values}.items():
            out[name][i] = value
    return out


def test_sound_bars_pass_unchanged():
    bars = rows({}, {"volume": np.nan})
    admitted = BarGateway(2).admit(1, bars, np.array([True, True]))
    assert admitted.refusals == ()
    assert admitted.present.all()
    assert admitted.bars.tobytes() == bars.tobytes()
    assert admitted.bars is not bars


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"close": np.nan}, BarFault.NOT_FINITE),
        ({"high": np.inf}, BarFault.NOT_FINITE),
        ({"low": -1.0}, BarFault.NOT_POSITIVE),
        ({"open": 0.0}, BarFault.NOT_POSITIVE),
        ({"high": 8.0}, BarFault.HIGH_BELOW_LOW),
        ({"close": 12.0}, BarFault.OUTSIDE_RANGE),
        ({"open": 8.5}, BarFault.OUTSIDE_RANGE),
        ({"volume": -1.0}, BarFault.NEGATIVE_VOLUME),
        ({"volume": np.inf}, BarFault.NEGATIVE_VOLUME),
    ],
)
def test_each_fault_is_refused_with_its_reason(values, reason):
    gate = BarGateway(2)
    gate.admit(1, rows({}, {}), np.array([True, True]))
    admitted = gate.admit(2, rows({"close": 10.9}, values), np.array([True, True]))
    assert admitted.present.tolist() == [True, False]
    (refusal,) = admitted.refusals
    assert (refusal.index, refusal.ts_event, refusal.reason) == (1, 2, reason)
    assert admitted.bars["close"].tolist() == [10.9, 10.5]
    assert admitted.bars["high"][1] == admitted.bars["low"][1] == admitted.bars["open"][1] == 10.5


def test_a_fault_of_an_absent_instrument_is_nobodys_business():
    admitted = BarGateway(1).admit(1, rows({"close": np.nan}), np.array([False]))
    assert admitted.refusals == ()
    assert np.isnan(admitted.bars["close"][0])


def test_time_that_does_not_increase_refuses_everything_and_leaves_the_last_bars():
    gate = BarGateway(2)
    gate.admit(5, rows({}, {}), np.array([True, True]))
    for ts in (5, 4):
        admitted = gate.admit(ts, rows({"close": 9.5}, {"close": 9.5}), np.array([True, False]))
        assert [x.reason for x in admitted.refusals] == [BarFault.OUT_OF_ORDER]
        assert not admitted.present.any()
        assert admitted.bars["close"].tolist() == [10.5, 10.5]
    assert gate.admit(6, rows({}, {}), np.array([True, True])).present.all()


def test_a_contract_bar_is_judged_like_any_other():
    bar = contract_bar(1.0, 2.0, 0.5, 1.5, session=3)
    assert bar["session"][0] == 3
    assert BarGateway(1).admit(1, bar, np.array([True])).present.all()
    assert not BarGateway(1).admit(1, contract_bar(1.0, 0.5, 2.0, 1.5), np.array([True])).present.any()


def test_wrong_shapes_are_a_broken_adapter():
    with pytest.raises(DataError):
        BarGateway(2).admit(1, rows({}), np.array([True]))
    with pytest.raises(DataError):
        BarGateway(0)

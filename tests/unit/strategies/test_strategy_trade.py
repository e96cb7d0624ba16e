"""The shared state machine of a trade."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.strategies.trade import (
    EXIT_RULE,
    EXIT_STOP,
    EXIT_TARGET,
    enter,
    known,
    leave,
    leave_if_touched,
    sign,
    surplus,
    trade_dtype,
)

DTYPE = trade_dtype([("own", "f8")])


def bar(low, high):
    record = np.zeros(1, BAR_DTYPE)
    record["open"], record["close"], record["low"], record["high"] = low, high, low, high
    return record[0]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_levels_lie_on_the_right_sides(side):
    state = np.zeros(1, DTYPE)[0]
    assert enter(state, side, 100.0, 3.0, 5.0, 0.4) == pytest.approx(side * 0.4)
    assert state["stop"] == 100.0 - 3.0 * side
    assert state["target"] == 100.0 + 5.0 * side
    assert not leave_if_touched(state, bar(99.0, 101.0))
    assert leave(state, EXIT_RULE) == 0.0
    assert (state["position"], state["stop"], state["target"], state["output"]) == (0, 0, 0, 0)


@given(side=st.sampled_from([1.0, -1.0]), stop=st.booleans(), target=st.booleans())
def test_stop_counts_before_target(side, stop, target):
    state = np.zeros(1, DTYPE)[0]
    enter(state, side, 100.0, 3.0, 5.0, 1.0)
    against, along = 100.0 - side * (3.0 if stop else 1.0), 100.0 + side * (5.0 if target else 1.0)
    assert leave_if_touched(state, bar(min(against, along), max(against, along))) == (stop or target)
    assert state["exit"] == (EXIT_STOP if stop else EXIT_TARGET if target else 0)


@given(conviction=st.floats(-10, 10))
def test_conviction_is_bounded(conviction):
    state = np.zeros(1, DTYPE)[0]
    assert 0.0 <= enter(state, 1.0, 100.0, 1.0, 1.0, conviction) <= 1.0


def test_an_infinite_target_is_never_reached():
    state = np.zeros(1, DTYPE)[0]
    enter(state, 1.0, 100.0, 1.0, np.inf, 1.0)
    assert not leave_if_touched(state, bar(99.5, 1e12))


def test_small_functions():
    assert [sign(x) for x in (2.0, -0.1, 0.0, np.nan)] == [1.0, -1.0, 0.0, 0.0]
    assert [surplus(x) for x in (1.0, 3.0, 0.0, np.nan)] == [0.5, 0.75, 0.0, 0.0]
    assert known(bar(1.0, 2.0))
    assert not known(bar(1.0, np.nan))
    assert not known(bar(np.inf, np.inf))

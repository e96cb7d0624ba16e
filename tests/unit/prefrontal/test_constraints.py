"""The wash sale and the impact bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.prefrontal.constraints import (
    Constraints,
    ConstraintsConfig,
    TaxPurchase,
    TaxSale,
    deferred_shares,
    over_horizon,
)
from janus_trader.contracts.errors import DataError

RULES = Constraints(ConstraintsConfig())


def sale(day=100, quantity=100.0, loss=2.0, lot="x", symbol="A") -> TaxSale:
    return TaxSale(day=day, symbol=symbol, quantity=quantity, loss=loss, lot=lot)


def purchase(day, quantity=100.0, lot="y", symbol="A") -> TaxPurchase:
    return TaxPurchase(day=day, symbol=symbol, quantity=quantity, lot=lot)


@pytest.mark.parametrize(
    ("day", "deferred"), [(130, 100.0), (131, 0.0), (70, 100.0), (69, 0.0), (100, 100.0)]
)
def test_the_window_is_thirty_days_inclusive_on_both_sides(day, deferred):
    assert deferred_shares([sale()], [purchase(day)]).tolist() == [deferred]


def test_only_the_matched_shares_are_deferred():
    assert deferred_shares([sale()], [purchase(110, 30.0)]).tolist() == [30.0]
    assert deferred_shares([sale(quantity=20.0)], [purchase(110, 30.0)]).tolist() == [20.0]


def test_each_replacement_is_used_once_in_the_order_of_the_losses():
    later, earlier = sale(day=105, quantity=50.0), sale(day=100, quantity=40.0)
    assert deferred_shares([later, earlier], [purchase(110, 60.0)]).tolist() == [20.0, 40.0]


def test_the_shares_sold_do_not_replace_themselves_and_gains_are_free():
    assert deferred_shares([sale()], [purchase(90, lot="x")]).tolist() == [0.0]
    assert deferred_shares([sale(loss=-1.0)], [purchase(110)]).tolist() == [0.0]
    assert deferred_shares([sale()], [purchase(110, symbol="B")]).tolist() == [0.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80), st.floats(1, 50), st.booleans()), min_size=1, max_size=8))
def test_no_more_is_deferred_than_sold_or_bought(items):
    sales = [sale(day=d, quantity=q, lot="s") for d, q, sold in items if sold]
    bought = [purchase(d, q) for d, q, sold in items if not sold]
    deferred = deferred_shares(sales, bought)
    assert all(0.0 <= x <= s.quantity for x, s in zip(deferred, sales, strict=True))
    assert deferred.sum() <= sum(p.quantity for p in bought) + 1e-9


def test_equation_24_denies_the_deferred_part_of_a_loss_only():
    back = [purchase(130, 60.0)]
    claims = [RULES.wash_sale([sale()], back, np.array([c])) for c in (0.0, 40.0, 70.0, 100.0)]
    assert claims[:2] == [1.0, 1.0]
    assert claims[2] == pytest.approx(0.5)
    assert claims[3] == pytest.approx(0.0)
    assert RULES.wash_sale([sale()], [purchase(131, 60.0)], np.array([100.0])) == 1.0


def test_equation_25_bounds_slippage_by_volatility_over_the_same_horizon():
    bound, volatility = ConstraintsConfig().impact_bound, over_horizon(0.01, 4.0)
    slips = np.array([0.5, 1.0, 1.5]) * bound * volatility
    truths = [RULES.impact(np.array([x]), np.array([volatility])) for x in slips]
    assert truths[0] > 0.99
    assert truths[1] == pytest.approx(0.5)
    assert truths[2] < 0.01
    assert RULES.impact(slips[2:], np.array([volatility]), executed=np.array([0.0])) == 1.0


@given(st.floats(1e-6, 1.0), st.floats(1e-4, 0.5), st.floats(0.1, 100.0))
def test_the_bound_does_not_depend_on_the_unit_of_both(slippage, volatility, scale):
    one = RULES.impact(np.array([slippage]), np.array([volatility]))
    other = RULES.impact(np.array([slippage * scale]), np.array([volatility * scale]))
    assert one == pytest.approx(other, abs=1e-6)


def test_bad_figures_are_never_in_order():
    nan, one = np.array([np.nan]), np.array([0.01])
    assert RULES.impact(nan, one) < 1e-6
    assert RULES.impact(one, nan) < 1e-6
    assert RULES.impact(one, np.array([0.0])) < 1e-6
    assert RULES.impact(np.array([0.0]), np.array([0.0])) > 0.99
    assert RULES.impact(np.empty(0), np.empty(0)) == 1.0
    assert RULES.wash_sale([sale()], [purchase(110)], nan) == pytest.approx(0.0)
    assert RULES.wash_sale([], [], np.empty(0)) == 1.0
    with pytest.raises(DataError):
        deferred_shares([sale(quantity=-1.0)], [])
    with pytest.raises(DataError):
        RULES.wash_sale([sale()], [], np.empty(0))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.drawdown import Drawdown, drawdown_curve, max_drawdown

curves = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60).map(np.array)


@given(curves)
def test_equals_the_loss_from_the_running_maximum(equity):
    wanted = 1.0 - equity / np.maximum.accumulate(equity)
    np.testing.assert_allclose(drawdown_curve(equity), wanted, atol=1e-15)
    brute = max(1.0 - b / a for i, a in enumerate(equity) for b in equity[i:])
    assert max_drawdown(equity) == pytest.approx(brute, abs=1e-15)


@given(curves, st.floats(0.01, 100.0))
def test_does_not_depend_on_the_unit(equity, scale):
    np.testing.assert_allclose(drawdown_curve(equity * scale), drawdown_curve(equity), atol=1e-12)


def test_time_under_water_and_worst():
    kernel = Drawdown()
    seen = []
    for x in (100.0, 90.0, np.nan, 80.0, 100.0, 95.0):
        kernel.update(x)
        seen.append(kernel.under_water)
    assert seen == [0, 1, 1, 2, 0, 1]
    assert (kernel.peak, kernel.worst) == (100.0, pytest.approx(0.2))


def test_ruin_and_debt():
    assert drawdown_curve(np.array([10.0, 0.0, -5.0])).tolist() == [0.0, 1.0, 1.5]
    assert drawdown_curve(np.array([-1.0])).tolist() == [1.0]


@pytest.mark.parametrize("bad", [np.array([]), np.ones((2, 2)), np.array([1.0, np.nan])])
def test_bad_curve_is_refused(bad):
    with pytest.raises(DataError, match="equity"):
        max_drawdown(bad)


def test_continues_from_a_snapshot(rng):
    xs = 100.0 + np.cumsum(rng.standard_normal(60))
    first, second = Drawdown(), Drawdown()
    for x in xs[:31]:
        first.update(x)
    second.restore(first.snapshot())
    assert [first.update(x) for x in xs[31:]] == [second.update(x) for x in xs[31:]]
    assert second.worst == max_drawdown(xs)

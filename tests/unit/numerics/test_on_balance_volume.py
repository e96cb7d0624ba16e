import math

import numpy as np
import pytest
import talib

from janus_trader.numerics.on_balance_volume import OnBalanceVolume


def test_matches_ta_lib_up_to_the_first_volume(rng):
    close = np.round(100.0 + np.cumsum(rng.standard_normal(300)), 0)
    volume = rng.integers(0, 10**9, 300).astype(float)
    ours = OnBalanceVolume().transform(np.column_stack((close, volume)))
    np.testing.assert_array_equal(ours, talib.OBV(close, volume) - volume[0])


def test_an_unchanged_close_counts_nothing():
    assert (OnBalanceVolume().transform(np.full((10, 2), 7.0)) == 0.0).all()


@pytest.mark.parametrize("row", [(math.nan, 1.0), (3.0, math.inf), (3.0, -1.0)])
def test_an_unusable_row_repeats_the_last_output(row):
    kernel = OnBalanceVolume()
    assert math.isnan(kernel.update(np.array(row)))
    kernel.update(np.array([1.0, 5.0]))
    kernel.update(np.array([2.0, 5.0]))
    before = kernel.snapshot()
    assert kernel.update(np.array(row)) == 5.0
    assert kernel.snapshot() == before

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.volume_profile import VolumeProfile, participation_rate, profile_into, value_area


def test_profile_against_fine_sampling(rng):
    low = rng.uniform(90, 100, 30)
    high = low + rng.uniform(0.5, 8, 30)
    volume = rng.uniform(1, 5, 30)
    got = np.empty(12)
    profile_into(high, low, volume, low.min(), high.max(), got)
    points = np.concatenate([np.linspace(a, b, 20001) for a, b in zip(low, high, strict=True)])
    weights = np.repeat(volume / 20001, 20001)
    wanted, _ = np.histogram(points, 12, (low.min(), high.max()), weights=weights)
    np.testing.assert_allclose(got, wanted, rtol=2e-3)
    assert got.sum() == pytest.approx(volume.sum())


@given(st.lists(st.floats(0, 10), min_size=2, max_size=12), st.floats(0.1, 1.0))
def test_value_area_is_the_smallest_grown_interval_with_the_share(histogram, share):
    h = np.array(histogram)
    control, first, last = value_area(h, share)
    assert h[control] == h.max()
    assert first <= control <= last
    held = h[first : last + 1].sum()
    assert held >= share * h.sum() - 1e-9
    if last > first:  # without the last bin added it would not have held enough
        below = h[first + 1 : last + 1].sum() if first < control else np.inf
        above = h[first:last].sum() if last > control else np.inf
        shorter = min(below, above)
        assert shorter < share * h.sum() + 1e-9


def test_location_tells_above_from_below(rng):
    close = np.concatenate([np.full(30, 100.0) + rng.normal(0, 0.2, 30), [104.0]])
    rows = np.column_stack([close + 0.1, close - 0.1, close, np.full(31, 10.0)])
    profile = VolumeProfile(20, 24)
    up = profile.transform(rows)[-1]
    assert up[3] == 1.0
    assert 99 < up[0] < 101
    assert up[1] < up[0] < up[2]
    assert up[4] == pytest.approx(1.0)
    rows[-1, :3] = [96.1, 95.9, 96.0]
    assert profile.transform(rows)[-1, 3] == -1.0


def test_no_volume_and_no_range_say_nothing():
    flat = np.tile([5.0, 5.0, 5.0, 1.0], (6, 1))
    assert VolumeProfile(4, 3).transform(flat)[-1].tolist() == [5.0, 5.0, 5.0, 0.0, 1.0]
    silent = flat.copy()
    silent[:, 3] = 0.0
    assert VolumeProfile(4, 3).transform(silent)[-1].tolist() == [5.0, 5.0, 5.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "bad", [[1.0, 2.0, 1.5, 1.0], [2.0, -1.0, 1.0, 1.0], [2.0, 1.0, 1.5, -3.0], [2.0, 1.0, 9.0, 1.0]]
)
def test_impossible_bars_are_ignored(bad):
    good = np.column_stack([np.arange(2.0, 9.0), np.arange(1.0, 8.0), np.arange(1.5, 8.5), np.ones(7)])
    dirty = np.insert(good, 3, bad, axis=0)
    np.testing.assert_array_equal(
        VolumeProfile(4, 3).transform(dirty)[-1], VolumeProfile(4, 3).transform(good)[-1]
    )


def test_participation_and_bad_parameters():
    assert participation_rate(2000.0, 1000.0) == 1.0
    assert participation_rate(float("nan"), 1.0) == 0.0
    for bad in ({"window": 1}, {"bins": 1}, {"share": 0.0}):
        with pytest.raises(ConfigError):
            VolumeProfile(**bad)

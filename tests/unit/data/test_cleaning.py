from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.panel import NS_PER_DAY
from janus_trader.data.cleaning import (
    QualityConfig,
    RawSeries,
    clean_series,
    jumps,
    missing_bars,
    run_lengths,
)


def walk(t: int, seed: int = 0) -> np.ndarray:
    return 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).standard_normal(t) * 0.01))


def raw(close: np.ndarray, ts: np.ndarray | None = None, volume: float = 10.0) -> RawSeries:
    no = np.zeros(len(close), bool)
    ts = (np.arange(len(close)) + 1) * NS_PER_DAY if ts is None else ts
    return RawSeries(
        "A", ts, close, close, close, close, np.full(len(close), volume), no, no.copy(), no.copy()
    )


@given(st.integers(30, 297), st.sampled_from([-1.0, 1.0]), st.floats(0.7, 4.0))
@settings(max_examples=40, deadline=None)
def test_a_jump_waits_one_bar_whether_it_reverts_or_stays(at, sign, size):
    close = walk(300)
    spiked, jumped = close.copy(), close.copy()
    spiked[at] *= np.exp(sign * size)
    jumped[at:] *= np.exp(sign * size)
    assert np.flatnonzero(jumps(spiked, QualityConfig())).tolist() == [at]
    assert np.flatnonzero(jumps(jumped, QualityConfig())).tolist() == [at]


@given(st.integers(30, 297), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_what_waits_does_not_depend_on_what_comes_later(at, seed):
    close = walk(300)
    close[at] *= 3.0
    other = close.copy()
    other[at + 1 :] *= np.exp(np.random.default_rng(seed).normal(0, 0.5, 299 - at))
    known = jumps(close, QualityConfig())[: at + 1]
    assert np.array_equal(known, jumps(other, QualityConfig())[: at + 1])
    assert np.array_equal(known, jumps(close[: at + 1], QualityConfig()))


@pytest.mark.parametrize("seed", range(5))
def test_heavy_tails_and_bid_ask_bounce_do_not_wait(seed):
    g = np.random.default_rng(seed)
    heavy = 50 * np.exp(np.cumsum(g.standard_t(3, 3000) * 0.01))
    assert jumps(heavy, QualityConfig()).sum() == 0
    bounce = 1.2345 + 0.0001 * g.integers(0, 2, 3000)
    assert jumps(bounce, QualityConfig()).sum() == 0


@given(st.lists(st.booleans(), max_size=60))
def test_run_lengths_count_back_to_the_last_false(flags):
    expected, n = [], 0
    for f in flags:
        n = n + 1 if f else 0
        expected.append(n)
    assert run_lengths(np.array(flags, bool)).tolist() == expected


def test_stale_bars_are_set_aside_after_the_run_and_volume_speaks_for_a_bar():
    close = walk(100)
    close[40:80] = close[39]
    config = QualityConfig(stale_run=10)
    series, quality = clean_series(raw(close, volume=np.nan), 86_400.0, config)
    assert quality.quarantined == {"stale": 31}
    assert quality.stale_runs == 1
    assert len(series.ts) == 69
    series, quality = clean_series(raw(close, volume=3.0), 86_400.0, config)
    assert quality.quarantined == {}


def test_staleness_is_causal():
    close = walk(100)
    close[40:80] = close[39]
    whole, _ = clean_series(raw(close, volume=np.nan), 86_400.0, QualityConfig(stale_run=10))
    part, _ = clean_series(raw(close[:60], volume=np.nan), 86_400.0, QualityConfig(stale_run=10))
    np.testing.assert_array_equal(part.ts, whole.ts[: len(part.ts)])


def test_small_range_violations_are_widened_and_counted_large_ones_set_aside():
    close = walk(50)
    one = raw(close)
    high = close * 1.001
    high[3] = close[3] * 0.999
    high[4] = close[4] * 0.5
    low = close * 0.999
    low[4] = close[4] * 0.4
    series, quality = clean_series(dataclasses.replace(one, high=high, low=low), 86_400.0, QualityConfig())
    assert quality.repaired == {"range_widened": 1}
    assert quality.quarantined == {"outside_range": 1}
    assert (series.high >= series.close).all()


def test_negative_volume_becomes_unknown():
    one = raw(walk(50))
    volume = one.volume.copy()
    volume[2] = -1.0
    series, quality = clean_series(dataclasses.replace(one, volume=volume), 86_400.0, QualityConfig())
    assert quality.repaired == {"negative_volume": 1}
    assert np.isnan(series.volume[2])


def test_no_row_left_gives_no_series():
    series, quality = clean_series(raw(np.full(5, -1.0)), 86_400.0, QualityConfig())
    assert series is None
    assert quality.clean == 0
    assert quality.quarantined == {"non_positive_price": 5}


def test_weekends_are_no_gaps_but_a_missing_hour_of_the_week_is():
    hour = 3_600_000_000_000
    ts = np.arange(24 * 7 * 10) * hour
    weekend = (ts // NS_PER_DAY) % 7 >= 5
    ts = ts[~weekend]
    assert missing_bars(ts, 3600.0, 0.8) == 0
    assert missing_bars(np.delete(ts, [100, 101, 500]), 3600.0, 0.8) == 3
    assert missing_bars(np.arange(50) * hour, 3600.0, 0.8) == 0
    assert missing_bars(np.delete(np.arange(50) * hour, [4, 5]), 3600.0, 0.8) == 2

"""Cumulative sums: published run lengths, their own simulation, and the rules by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.cusum import ALARM, CUSUM, cusum_average_run_length


def naive(x, mean, scale, k, h, head):
    up = down = head
    rows = []
    for value in x:
        z = (value - mean) / scale
        up, down = max(0.0, up + z - k), max(0.0, down - z - k)
        alarm = 0.0 if max(up, down) <= h else (1.0 if up >= down else -1.0)
        rows.append((up, down, alarm))
        if alarm:
            up = down = head
    return np.array(rows)


@pytest.mark.parametrize("fir", [False, True])
def test_it_is_the_recursion_written_out(rng, fir):
    x = rng.normal(3.0, 2.0, 2_000) + np.repeat([0.0, 2.0, -2.0, 0.0], 500)
    got = CUSUM(3.0, 2.0, threshold=4.0, fast_initial_response=fir).transform(x)
    wanted = naive(x, 3.0, 2.0, 0.5, 4.0, 2.0 if fir else 0.0)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)
    assert set(got[:, ALARM]) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize(
    ("h", "shift", "published"),
    [(4.0, 0.0, 168.0), (4.0, 0.5, 26.6), (4.0, 1.0, 8.38), (4.0, 2.0, 3.34), (5.0, 0.0, 465.0), (5.0, 0.5, 38.0),
     (5.0, 1.0, 10.4), (5.0, 2.0, 4.01)],
)  # fmt: skip
def test_the_published_run_lengths(h, shift, published):
    assert cusum_average_run_length(0.5, h, shift) == pytest.approx(published, rel=5e-3)


@pytest.mark.parametrize(("shift", "published"), [(0.0, 430.0), (1.0, 6.35), (2.0, 2.36)])
def test_the_published_run_lengths_with_a_head_start(shift, published):
    got = cusum_average_run_length(0.5, 5.0, shift, head_start=2.5)
    assert got == pytest.approx(published, rel=5e-3)


def _simulated(rng, n, shift, **options):
    x = rng.normal(shift, 1.0, n)
    alarms = np.flatnonzero(CUSUM(**options).transform(x)[:, ALARM])
    lengths = np.diff(np.concatenate(([-1], alarms)))
    return lengths.mean(), lengths.std() / math.sqrt(len(lengths))


@pytest.mark.parametrize(
    ("h", "shift", "fir"), [(4.0, 0.0, False), (3.0, 0.7, False), (4.0, 0.0, True), (4.0, 1.0, True)]
)
def test_simulated_run_lengths_are_the_computed_ones(rng, h, shift, fir):
    mean, error = _simulated(rng, 600_000, shift, threshold=h, fast_initial_response=fir)
    wanted = cusum_average_run_length(0.5, h, shift, head_start=h / 2 if fir else 0.0)
    assert mean == pytest.approx(wanted, abs=4.5 * error)


def test_one_side_alone_waits_twice_as_long():
    both = cusum_average_run_length(0.5, 4.0)
    assert cusum_average_run_length(0.5, 4.0, two_sided=False) == pytest.approx(2.0 * both)


def test_a_constant_series_never_alarms_at_its_mean():
    assert not CUSUM(5.0, 1.0).transform(np.full(1_000, 5.0))[:, ALARM].any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.0},
        {"scale": -1.0},
        {"mean": math.nan},
        {"reference": -0.1},
        {"threshold": 0.0},
        {"threshold": math.inf},
    ],
)
def test_unusable_parameters_are_refused(wrong):
    with pytest.raises(ConfigError, match="unusable parameters"):
        CUSUM(**wrong)


@pytest.mark.parametrize("head", [-1.0, 6.0])
def test_a_head_start_outside_the_sum_is_refused(head):
    with pytest.raises(ConfigError, match="unusable parameters"):
        cusum_average_run_length(0.5, 5.0, head_start=head)

"""The correction makes forecasts of simulated costs better, and the study says so honestly."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.brain.cerebellum import CerebellumConfig
from janus_trader.contracts.errors import ConfigError
from janus_trader.research.cost_forecast_page import forecast_rows, in_words, late_rows, markdown
from janus_trader.research.cost_forecast_study import (
    REFERENCE,
    Slice,
    bootstrap,
    cost_forecast_study,
    errors_of,
    slices_of,
)


@pytest.fixture(scope="module")
def study():
    return cost_forecast_study(seeds=5, orders=14, dead_times=(5,))


def test_the_corrected_error_is_smaller_with_its_interval(study) -> None:
    rows = {(r.world, r.model): r for r in study.rows}
    assert len(rows) == 6
    for key in (("drifting", "prior"), ("drifting", "refitted"), ("book", "prior"), ("book", "refitted")):
        assert rows[key].difference_bps.high < 0.0, key
    for r in study.rows:
        assert r.corrected_bps.value - r.uncorrected_bps.value == pytest.approx(
            r.difference_bps.value, abs=1e-9
        )
        assert r.difference_bps.low <= r.difference_bps.value <= r.difference_bps.high


def test_slices_cost_what_the_almgren_chriss_world_charges() -> None:
    from janus_trader.simulation.environments import ExecutionConfig

    usual = ExecutionConfig()
    slices = slices_of("known", 3, 4)
    assert np.mean([s.value for s in slices]) == pytest.approx(REFERENCE)
    # cost = (half spread + eta n / tau) / price: a line in the units of the slice, whatever the prices did
    value, bps = np.array([s.value for s in slices]), np.array([s.bps for s in slices])
    design = np.column_stack([np.ones(len(value)), value])
    theta = np.linalg.lstsq(design, bps, rcond=None)[0]
    assert theta[0] == pytest.approx(1e4 * usual.half_spread / usual.price, rel=0.1)
    assert np.corrcoef(value, bps)[0, 1] > 0.99


def test_slices_of_the_book_pay_at_least_about_half_the_spread() -> None:
    slices = slices_of("book", 1, 2)
    assert 4.0 < np.mean([s.bps for s in slices]) < 40.0
    assert slices == slices_of("book", 1, 2)  # the same seed, the same market


def test_where_the_model_is_right_there_is_nothing_to_correct() -> None:
    right = [Slice(order=k // 20, value=REFERENCE, sigma=0.01, bps=10.0) for k in range(100)]
    assert np.abs(errors_of(right, False, CerebellumConfig())).max() < 1e-9


def test_late_reports_are_corrected_late_but_without_ringing() -> None:
    wrong = [Slice(order=0, value=REFERENCE, sigma=0.01, bps=18.0) for _ in range(300)]
    eager = CerebellumConfig(kp=0.5, ki=0.4, kd=0.0)
    smith = errors_of(wrong, False, eager, dead_time=6)
    plain = errors_of(wrong, False, eager, dead_time=6, smith=False)
    assert np.abs(smith[60:]).max() < 0.01
    assert np.abs(plain[60:]).max() > 5.0
    assert (smith[:7] == smith[0]).all()  # nothing is known before the first report


def test_the_page_says_what_the_numbers_say(study) -> None:
    words = " ".join(in_words(study))
    assert "drifting/refitted" in words
    assert len(forecast_rows(study)) == 6
    assert len(late_rows(study)) == 1
    assert markdown(study).count("| ---") >= 2


def test_bootstrap_interval_covers_and_small_studies_are_refused() -> None:
    x = bootstrap([1.0, 2.0, 3.0], np.random.default_rng(0))
    assert x.low <= 2.0 == x.value <= x.high
    with pytest.raises(ConfigError):
        cost_forecast_study(seeds=1)
    with pytest.raises(ConfigError):
        slices_of("moon", 0, 2)

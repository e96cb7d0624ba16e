from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import Regime
from janus_trader.simulation.scenarios import (
    SCENARIOS,
    Phase,
    bar_minutes_of,
    bar_text,
    lay_out,
    scenario_named,
)
from janus_trader.simulation.scenarios.phases import SESSION_MINUTES, check_cells

CALM = Phase("calm", Regime.RANGING, share=1.0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_laid_out_with_its_own_days_and_bars(name):
    scenario = scenario_named(name)
    minutes = bar_minutes_of(scenario.bar)
    line = lay_out(scenario.phases, scenario.days, minutes)
    assert len(line.phase) == scenario.days * line.steps_per_day
    assert (np.diff(line.phase) >= 0).all()
    assert set(line.phase) == set(range(len(scenario.phases)))
    starts = np.flatnonzero(np.diff(line.phase)) + 1
    assert (starts % line.steps_per_bar == 0).all(), "a phase begins within a bar"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_a_phase_is_said_to_move_is_the_sum_of_its_drift(name):
    scenario = scenario_named(name)
    line = lay_out(scenario.phases, scenario.days, bar_minutes_of(scenario.bar))
    for i, phase in enumerate(scenario.phases):
        here = line.phase == i
        yearly = phase.drift * here.sum() / (line.steps_per_day * 252.0)
        assert line.drift[here].sum() == pytest.approx(np.log1p(phase.move) + yearly, abs=1e-12)
        assert line.jump[here].sum() == pytest.approx(np.log1p(phase.jump), abs=1e-12)


def test_a_phase_that_begins_at_a_time_of_day_does():
    for name, at in (("flash_crash", 0.5), ("price_gap", 0.0), ("exchange_outage", 0.25)):
        scenario = scenario_named(name)
        line = lay_out(scenario.phases, 11, bar_minutes_of(scenario.bar))
        first = int(np.flatnonzero(line.phase == 1)[0])
        assert first % line.steps_per_day == at * line.steps_per_day


@given(
    st.integers(1, 40),
    st.sampled_from([1, 5, 15, 60, 96, 240, 480]),
    st.lists(st.floats(0.1, 5.0), min_size=1, max_size=5),
)
def test_phases_cover_every_bar_once_or_are_refused(days, minutes, shares):
    phases = [Phase(f"p{i}", Regime.BULL, share=s) for i, s in enumerate(shares)]
    bars = days * SESSION_MINUTES // minutes
    if min(shares) / sum(shares) * bars < 2.0:  # near a bar, or below: it may be refused
        with contextlib.suppress(ConfigError):
            lay_out(phases, days, minutes)
        return
    line = lay_out(phases, days, minutes)
    assert len(line.phase) == days * SESSION_MINUTES // line.step_minutes
    counts = np.bincount(line.phase, minlength=len(phases))
    assert (counts > 0).all()
    assert (counts % line.steps_per_bar == 0).all()
    expected = np.array(shares) / sum(shares) * len(line.phase)
    assert (np.abs(counts - expected) <= line.steps_per_bar).all()


def test_severity_scales_what_happens_and_zero_is_calm():
    phases = scenario_named("flash_crash").phases
    none, half = (lay_out(phases, 10, 1, severity=s) for s in (0.0, 0.5))
    assert np.abs(none.drift).max() == 0.0
    assert (none.of_steps("volatility") == 1.0).all()
    assert (none.of_steps("together") == 0.0).all()
    assert half.drift[half.phase == 1].sum() == pytest.approx(np.log1p(-0.045))
    assert half.of_steps("volatility").max() == pytest.approx(2.0)


@pytest.mark.parametrize("text", ["0min", "7min", "2d", "9h", "min", "1.5h", "-5min", "1w", "", "٣min"])
def test_bars_that_do_not_divide_the_session_are_refused(text):
    with pytest.raises(ConfigError, match="not a length of bars"):
        bar_minutes_of(text)


@pytest.mark.parametrize("minutes", [1, 5, 60, 90, 480])
def test_the_text_of_a_bar_reads_back(minutes):
    if SESSION_MINUTES % minutes == 0:
        assert bar_minutes_of(bar_text(minutes)) == minutes


@pytest.mark.parametrize("days", [0, -3])
def test_a_market_without_days_is_refused(days):
    with pytest.raises(ConfigError, match="needs days"):
        lay_out([CALM], days, 480)


def test_a_bar_longer_than_a_phase_is_refused_with_the_phase_and_its_length():
    with pytest.raises(ConfigError, match="phase crash is shorter than a bar") as caught:
        lay_out(scenario_named("flash_crash").phases, 10, 480)
    assert "20 minutes" in str(caught.value)


def test_too_few_days_for_the_phases_are_refused():
    with pytest.raises(ConfigError, match="too few days") as caught:
        lay_out(scenario_named("liquidity_drought").phases, 3, 5)
    assert "more than 3" in str(caught.value)


@pytest.mark.parametrize("severity", [12.0, 11.2])
def test_a_shock_larger_than_the_price_is_refused(severity):
    with pytest.raises(ConfigError, match="larger than the price"):
        lay_out(scenario_named("flash_crash").phases, 10, 1, severity=severity)


@pytest.mark.parametrize("severity", [-1.0, float("nan"), float("inf")])
def test_a_severity_that_is_none_is_refused(severity):
    with pytest.raises(ConfigError, match="severity"):
        lay_out([CALM], 10, 480, severity=severity)


def test_no_assets_and_endless_work_are_refused():
    line = lay_out([CALM], 10, 480)
    with pytest.raises(ConfigError, match="needs assets"):
        check_cells(line, 0)
    with pytest.raises(ConfigError, match="too much"):
        check_cells(line, 10_000_000)


def test_an_unknown_scenario_is_refused_with_a_near_name():
    with pytest.raises(ConfigError, match="did you mean flash_crash"):
        scenario_named("flash_cash")

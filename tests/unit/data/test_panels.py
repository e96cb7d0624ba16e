from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.features import SourceSpec
from janus_trader.contracts.market import Field
from janus_trader.contracts.panel import NS_PER_DAY, Observations
from janus_trader.data.assembly import InstrumentSeries, assemble, bars_per_year, session_numbers
from janus_trader.data.panels import panel_returns, select_symbols, slice_panel, validate_panel

SOURCE = SourceSpec(name="book", start_ns=0, end_ns=0, availability_lag_ns=0)
HOUR = 3_600_000_000_000


@pytest.fixture
def panel():
    ts = (np.arange(72) + 1) * HOUR
    g = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(g.standard_normal((72, 3)) * 0.01, axis=0))
    volume = g.integers(1, 9, 72).astype(float)
    full = InstrumentSeries(
        "A",
        ts,
        close[:, 0],
        close[:, 0] * 1.01,
        close[:, 0] * 0.99,
        close[:, 0],
        volume,
        frozenset({Field.CLOSE, Field.OPEN, Field.HIGH_LOW, Field.VOLUME}),
    )
    late = InstrumentSeries.of_closes("B", ts[30:], close[30:, 1])
    holes = InstrumentSeries.of_closes("C", ts[::2], close[::2, 2])
    vix = Observations("vix", np.array([5, 50]) * HOUR, np.array([1.0, 2.0]))
    return assemble("p", [full, late, holes], bar_seconds=3600.0, sources=(SOURCE,), auxiliary=(vix,))


def test_returns_are_since_the_instruments_own_previous_bar(panel):
    r = panel_returns(panel)
    c = panel.bars["close"]
    assert r[10, 2] == pytest.approx(c[10, 2] / c[8, 2] - 1)
    assert r[11, 2] == 0.0
    assert (r[:31, 1] == 0.0).all()
    assert r[31, 1] == pytest.approx(c[31, 1] / c[30, 1] - 1)


def test_the_own_market_is_the_equal_weight_of_whoever_has_a_return(panel):
    r, m = panel_returns(panel), panel.market
    assert m[0] == 100.0
    assert m[11] / m[10] - 1 == pytest.approx(r[11, 0])
    assert m[40] / m[39] - 1 == pytest.approx(r[40].mean())
    assert m[41] / m[40] - 1 == pytest.approx(r[41, :2].mean())


def test_fields_are_what_everybody_delivers(panel):
    assert panel.fields == frozenset({Field.CLOSE, Field.INTRADAY})
    assert np.isnan(panel.market_volume).all()
    alone = select_symbols(panel, ["A"])
    assert Field.OPEN in alone.fields
    assert alone.fills_at_open


def test_a_slice_is_a_panel_with_sessions_from_zero_and_no_later_knowledge(panel):
    part = validate_panel(slice_panel(panel, 25 * HOUR, 49 * HOUR))
    assert part.ts[0] == 25 * HOUR
    assert part.ts[-1] == 48 * HOUR
    assert part.session[0] == 0
    assert part.bars["bar_of_session"][0, 0] == 0
    assert part.auxiliary[0].value.tolist() == [1.0]
    np.testing.assert_array_equal(part.bars["close"], panel.bars["close"][24:48])
    with pytest.raises(DataError, match="no bar"):
        slice_panel(panel, 500 * HOUR, 600 * HOUR)


def test_choosing_instruments_drops_bars_of_nobody(panel):
    part = validate_panel(select_symbols(panel, ["C"]))
    assert len(part) == 36
    assert part.present.all()
    assert select_symbols(panel, ["C", "A"]).symbols == ("C", "A")
    with pytest.raises(DataError, match="no instrument AB"):
        select_symbols(panel, ["AB"])
    with pytest.raises(DataError, match="once each"):
        select_symbols(panel, ["A", "A"])


def test_a_panel_that_breaks_its_contract_is_refused(panel):
    def broken(**changes):
        with pytest.raises(DataError):
            validate_panel(dataclasses.replace(panel, **changes))

    bars = panel.bars.copy()
    bars["close"][5, 0] = -1.0
    broken(bars=bars)
    bars = panel.bars.copy()
    bars["high"][5, 0] = bars["low"][5, 0] * 0.5
    broken(bars=bars)
    broken(ts=panel.ts[::-1].copy())
    broken(market=panel.market[:-1])
    broken(external=np.full((72, 1, 3), np.nan))
    broken(auxiliary=(Observations("vix", np.array([1]), np.array([np.nan])),))
    broken(instruments=(panel.instruments[0],) * 3)


def test_bars_per_year_is_read_off_the_beginning_only():
    day = np.arange(1000)
    every = (day + 1) * NS_PER_DAY
    weekdays = every[(day + 3) % 7 < 5]
    hours = np.arange(1, 24 * 40) * HOUR
    assert bars_per_year(every, 86_400.0) == 365.0
    assert bars_per_year(weekdays, 86_400.0) == 252.0
    assert bars_per_year(hours, 3_600.0) == 365.0 * 24
    for ts, seconds in ((every, 86_400.0), (weekdays, 86_400.0), (hours, 3_600.0)):
        assert bars_per_year(ts[: len(ts) // 2], seconds) == bars_per_year(ts, seconds)


def test_a_bar_that_ends_at_midnight_belongs_to_the_day_before():
    ts = np.arange(1, 49) * HOUR
    assert list(np.bincount(session_numbers(ts, None))) == [24, 24]
    assert list(np.bincount(session_numbers(ts, "America/New_York"))) == [5, 24, 19]

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.scenarios.book import BOOK_PHASES, TICK, SimulatedBook, simulate_book
from janus_trader.simulation.scenarios.summary import phase_summaries


@cache
def book(name: str, seed: int = 1) -> SimulatedBook:
    return simulate_book(name, seed, minutes=45)


def rows(name: str) -> dict[str, dict]:
    return {r["phase"]: r for r in phase_summaries(book(name).bars)}


@pytest.mark.parametrize("name", BOOK_PHASES)
def test_the_recording_replays_without_a_crossed_book(name):
    made = book(name)
    best = made.recording.replay().best
    known = (best["bid"] > 0) & (best["ask"] > 0)
    assert known.mean() > 0.95
    assert (best["bid"] < best["ask"])[known].all()
    assert made.recording.header.labels["scenario"] == name


@pytest.mark.parametrize("name", BOOK_PHASES)
def test_the_minute_bars_are_those_of_the_trades(name):
    made = book(name)
    trades, bars = made.trades, made.bars.bars[:, 0]
    for minute in (0, 17, 44):
        here = trades[trades["ts"] // (60 * 10**9) == minute]
        if not len(here):
            assert not made.bars.present[minute, 0]
            continue
        price = here["price"] * TICK
        assert bars[minute]["open"] == pytest.approx(price[0])
        assert bars[minute]["high"] == pytest.approx(price.max())
        assert bars[minute]["low"] == pytest.approx(price.min())
        assert bars[minute]["close"] == pytest.approx(price[-1])
        assert bars[minute]["volume"] == here["quantity"].sum()


def test_a_crash_falls_and_comes_back_through_trading():
    found = rows("flash_crash")
    assert -0.12 < found["crash"]["market_return"] < -0.06
    assert 0.05 < found["rebound"]["market_return"] < 0.13
    assert abs(found["calm"]["market_return"]) < 0.02
    assert found["crash"]["spread_bps"] > 1.5 * found["calm"]["spread_bps"]
    assert found["crash"]["relative_volume"] > 3.0


def test_a_drought_thins_the_market():
    found = rows("liquidity_drought")
    assert found["drought"]["relative_volume"] < 0.8
    assert found["drought"]["spread_bps"] > 1.3 * found["calm"]["spread_bps"]


def test_a_gap_opens_after_silence_and_an_outage_is_silent():
    found = rows("price_gap")
    assert found["closed"]["traded"] == 0
    assert -0.10 < found["gap"]["market_return"] < -0.04
    made = book("exchange_outage")
    span = next(s for s in made.bars.spans if s.name == "outage")
    ts = made.start_ns + made.trades["ts"]
    assert not ((ts > span.start_ns + 10**9) & (ts < span.end_ns)).any()
    messages = made.recording.ts_event
    assert not ((messages > span.start_ns + 10**9) & (messages < span.end_ns)).any()


def test_price_limits_bring_halts():
    made = book("limit_moves")
    span = next(s for s in made.bars.spans if s.name == "limit down")
    ts = made.start_ns + made.trades["ts"]
    inside = ts[(ts > span.start_ns) & (ts < span.end_ns)]
    assert np.diff(inside).max() >= 59 * 10**9
    assert rows("limit_moves")["limit down"]["market_return"] < -0.05


def test_the_same_seed_gives_the_same_bytes_and_severity_zero_is_calm():
    one, two = (simulate_book("flash_crash", 3, minutes=20) for _ in range(2))
    np.testing.assert_array_equal(one.recording.messages, two.recording.messages)
    np.testing.assert_array_equal(one.trades, two.trades)
    assert one.bars.bars.tobytes() == two.bars.bars.tobytes()
    calm = simulate_book("flash_crash", 3, minutes=20, severity=0.0)
    assert abs(phase_summaries(calm.bars)[1]["market_return"]) < 0.01


@pytest.mark.parametrize("minutes", [0, 481])
def test_a_length_that_is_no_session_is_refused(minutes):
    with pytest.raises(ConfigError, match="length that is not allowed"):
        simulate_book("calm", 0, minutes=minutes)


def test_what_makes_no_sense_for_a_book_is_refused():
    with pytest.raises(ConfigError, match="no scenario of one order book"):
        simulate_book("slow_bear", 0)
    with pytest.raises(ConfigError, match="no scenario"):
        simulate_book("nonsense", 0)
    with pytest.raises(ConfigError, match="too few days"):
        simulate_book("flash_crash", 0, minutes=17)
    with pytest.raises(ConfigError, match="larger than the price"):
        simulate_book("flash_crash", 0, severity=20.0)

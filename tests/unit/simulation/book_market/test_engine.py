"""Agents from outside: latency, queue position, requests; and what agents inside decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.simulation.book_market import (
    MarketConfig,
    avellaneda_stoikov,
    copy_state,
    default_flow,
    drive,
    external,
    market_maker,
    metaorder,
    new_state,
    open_market,
    refill,
    reset_state,
)
from janus_trader.simulation.book_market import engine as e
from janus_trader.simulation.book_market.agents import Agent
from janus_trader.simulation.book_market.state import LIMIT, QUOTE, REACHED, SLOTS, TAKE, UNIFORMS, WITHDRAW
from support.book_markets import SECOND, market, philox

MS = 1_000_000


def quiet(*agents, **config):
    """A market whose flow says nothing: ten levels of five lots on each side of 4096 | 4097."""
    state = new_state(default_flow(), list(agents), MarketConfig(volatility=0.0, warmup_s=0.0, **config))
    state.head[0]["activity"] = 0.0
    refill(state, philox(1))
    return state


def seen(state, account, levels=2):
    out = np.zeros(4 * levels + 6 + 3 * SLOTS)
    e.observe(state, account, levels, out)
    return out


def own(state, account, slot, levels=2):
    at = 4 * levels + 6 + 3 * slot
    return seen(state, account, levels)[at : at + 3].tolist()


def test_latency_orders_what_arrives():
    state = quiet(external(latency_ns=5 * MS), external(latency_ns=2 * MS))
    size = int(seen(state, 1)[1])
    assert e.submit(state, 1, QUOTE, 0, 0, 4096, 7)
    e.advance(state, MS, -1)
    assert e.submit(state, 2, QUOTE, 0, 0, 4096, 9)
    e.advance(state, 3 * MS - 1, -1)
    assert np.isnan(own(state, 2, 0)[0])
    e.advance(state, 10 * MS, -1)
    # the second left later and came first
    assert own(state, 2, 0) == [4096, 9, size]
    assert own(state, 1, 0) == [4096, 7, size + 9]


def test_what_is_sent_first_arrives_first_for_one_account_and_for_equal_times():
    state = quiet(
        external(latency_ns=MS, jitter_ns=50 * MS), external(latency_ns=MS), external(latency_ns=MS)
    )
    for k in range(20):
        e.submit(state, 1, QUOTE, 0, 0, 4080 - k, 1)
    e.advance(state, 10 * SECOND, -1)
    assert own(state, 1, 0)[0] == 4061
    for account in (3, 2):
        e.submit(state, account, QUOTE, 1, 1, 4097, 1)
    e.advance(state, 20 * SECOND, -1)
    assert own(state, 2, 1)[2] == own(state, 3, 1)[2] + 1


def test_queue_position_decides_who_trades():
    state = quiet(external(latency_ns=0), external(latency_ns=0), external(latency_ns=0))
    size = int(seen(state, 1)[1])
    for account in (1, 2):
        e.submit(state, account, QUOTE, 0, 0, 4096, 5)
    e.submit(state, 3, TAKE, 1, 0, 0, size + 7)
    e.advance(state, MS, -1)
    assert [int(state.agents[k]["inventory"]) for k in (0, 1, 2, 3)] == [size, 5, 2, -size - 7]
    assert own(state, 2, 0) == [4096, 3, 0]
    assert e.mark(state, 3) == pytest.approx((size + 7) * (4096 - 4096.5))


def test_requests():
    state = quiet(external(latency_ns=0))
    clock = iter(range(1, 100))

    def now(*request):
        assert e.submit(state, 1, *request)
        e.advance(state, next(clock) * MS, -1)

    now(QUOTE, 0, 0, 4100, 3)  # would cross: slid to the last price that does not
    assert own(state, 1, 0)[:2] == [4096, 3]
    behind = own(state, 1, 0)[2]
    now(QUOTE, 0, 0, 4096, 2)  # less at the same price keeps its place
    assert own(state, 1, 0) == [4096, 2, behind]
    now(QUOTE, 0, 0, 4095, 2)
    assert own(state, 1, 0)[0] == 4095
    now(WITHDRAW, 0, 0, 0, 0)
    assert np.isnan(own(state, 1, 0)[0])
    now(LIMIT, 0, 2, 4097, 2)  # trades at once
    assert state.agents[1]["inventory"] == 2
    now(TAKE, 0, 0, 4090, 2)  # immediate or cancel below the market: nothing
    assert state.agents[1]["inventory"] == 2
    now(TAKE, 0, 0, 4098, 1)
    assert state.agents[1]["inventory"] == 3


@pytest.mark.parametrize(
    "request_",
    [
        (0, QUOTE, 0, 0, 10, 1), (2, QUOTE, 0, 0, 10, 1), (1, 9, 0, 0, 10, 1), (1, -1, 0, 0, 10, 1),
        (1, QUOTE, 2, 0, 10, 1), (1, QUOTE, 0, SLOTS, 10, 1), (1, QUOTE, 0, 0, 0, 1), (1, QUOTE, 0, 0, 8191, 1),
        (1, LIMIT, 0, 0, 10, 0), (1, TAKE, 0, 0, 0, -1),
    ],
)  # fmt: skip
def test_impossible_requests_are_refused(request_):
    state = quiet(external())
    before = copy_state(state)
    assert not e.submit(state, *request_)
    for a, b in zip(state, before, strict=True):
        assert np.array_equal(a, b)


def test_too_much_in_flight_is_refused_and_counted():
    state = quiet(external(latency_ns=SECOND), in_flight=1)
    sent = sum(e.submit(state, 1, QUOTE, 0, 0, 4000, 1) for _ in range(200))
    assert sent == 64 + 2 - 1  # one place holds the next news
    assert state.head[0]["overdue"] == 200 - sent


def test_two_of_one_owner_do_not_trade():
    state = quiet(external(latency_ns=0))
    e.submit(state, 1, QUOTE, 1, 1, 4097, 5)
    size = int(seen(state, 1)[3])
    e.submit(state, 1, TAKE, 0, 0, 0, size + 3)
    e.advance(state, MS, -1)
    # its own offer leaves, the order goes on to the next price
    assert state.agents[1]["inventory"] == size + 3
    assert np.isnan(own(state, 1, 1)[0])


def test_uniforms_are_asked_for_and_time_does_not_go_back():
    state = new_state(default_flow(), [], MarketConfig())
    assert e.advance(state, SECOND, -1) == UNIFORMS
    open_market(new_state(default_flow(), [], MarketConfig(keep=False)), philox(1))
    assert drive(state, philox(1), 0) == REACHED
    with pytest.raises(DataError, match="back"):
        drive(state, philox(1), -1)


def test_a_saved_market_runs_the_same_again():
    state = open_market(new_state(default_flow(), [market_maker()], MarketConfig(keep=False)), philox(1))
    fresh = copy_state(state)
    drive(state, philox(5), 2 * SECOND)
    once = copy_state(state)
    reset_state(state, fresh)
    drive(state, philox(5), 2 * SECOND)
    for name in ("head", "book", "agents", "in_flight", "slots"):
        assert getattr(state, name).tobytes() == getattr(once, name).tobytes()


def test_observation_agrees_with_the_book():
    m = market(agents=[external()]).run(seconds=2.0)
    out, depth = seen(m.state, 1, 3), m.depth(3)
    np.testing.assert_array_equal(out[:12].reshape(3, 2, 2).transpose(1, 0, 2), depth)
    assert out[12] == 2 * SECOND
    assert out[13] == np.mean(m.best())


def test_a_market_maker_quotes_around_a_price_that_its_inventory_shifts():
    maker = market_maker(half_spread=2.0, skew=0.5, size=4, limit=10, latency_ns=0, period_ns=MS)
    state = quiet(maker)
    state.agents[1]["inventory"] = 8
    drive(state, philox(1), SECOND)
    # mid 4096.5, reservation 4092.5, room for two more lots
    assert own(state, 1, 0)[:2] == [4090, 2]
    assert own(state, 1, 1)[:2] == [4097, 4]  # 4095 would cross: slid to the best that does not


def test_quotes_of_avellaneda_and_stoikov():
    maker = avellaneda_stoikov(gamma=0.2, sigma=1.5, kappa=0.7, horizon_s=2.0)
    assert maker.skew == pytest.approx(0.2 * 2.25 * 2.0)
    assert maker.half_spread == pytest.approx(0.5 * 0.9 + np.log(1 + 0.2 / 0.7) / 0.2)
    with pytest.raises(ConfigError, match="positive"):
        avellaneda_stoikov(gamma=0.0, sigma=1.0, kappa=1.0, horizon_s=1.0)


@pytest.mark.parametrize(
    "bad", [{"size": 0}, {"period_ns": 0}, {"latency_ns": -1}, {"skew": np.nan}, {"side": 2}, {"stop_ns": 0}]
)
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError, match="parameters of an agent"):
        Agent(kind=1, **bad)


def test_a_metaorder_needs_slices():
    with pytest.raises(ConfigError, match="without slices"):
        metaorder(side=0, quantity=0, start_ns=0, duration_ns=10, period_ns=1)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_calendar_is_ordered(times, random):
    """Whatever goes in comes out by time, then by order of entry (observed through the arrivals)."""
    state = quiet(*[external(latency_ns=t * MS) for t in times], in_flight=4)
    accounts = list(range(1, len(times) + 1))
    random.shuffle(accounts)
    for account in accounts:
        e.submit(state, account, QUOTE, 0, 0, 4050, 1)
    e.advance(state, 100 * MS, -1)
    ahead = [own(state, account, 0)[2] for account in accounts]
    expected = sorted(range(len(accounts)), key=lambda k: (times[accounts[k] - 1], k))
    assert [int(ahead[k]) for k in expected] == list(range(len(accounts)))

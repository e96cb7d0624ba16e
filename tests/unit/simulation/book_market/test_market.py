"""The simulated book market: what must hold whatever happens in it."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.order_book import Kind
from janus_trader.numerics.order_book_source import LIVE
from janus_trader.simulation.book_market import (
    BookMarket,
    FlowModel,
    MarketConfig,
    default_flow,
    external,
    informed,
    market_maker,
)
from janus_trader.stores.book_recordings import read_recording, write_recording
from support.book_markets import SECOND, digest, everybody, market, philox


def test_the_book_is_never_crossed_and_replays_to_the_same_book(crowd):
    recording = crowd.recording()
    replayed = recording.replay()
    best = replayed.best
    both = (best["bid"] > 0) & (best["ask"] > 0)
    assert both.mean() > 0.99
    assert (best["bid"][both] < best["ask"][both]).all()
    assert (int(best["bid"][-1]), int(best["ask"][-1])) == crowd.best()
    bought = np.zeros(0) if not len(replayed.fills) else replayed.fills["quantity"]
    np.testing.assert_array_equal(bought, crowd.trades()["quantity"])


def test_cash_and_inventory_are_conserved(crowd):
    accounts, trades = crowd.accounts(), crowd.trades()
    assert len(trades) > 100
    assert accounts["cash"].sum() == 0
    assert accounts["inventory"].sum() == 0
    # before fees nobody gains what nobody loses; fees are a rebate and a charge on every lot
    assert accounts["fees"].sum() == pytest.approx(0.2 * trades["quantity"].sum())
    assert accounts["profit"].sum() == pytest.approx(-accounts["fees"].sum(), abs=1e-6)


def test_accounts_are_the_sums_of_the_trades(crowd):
    accounts, trades = crowd.accounts(), crowd.trades()
    sign = 1 - 2 * trades["side"].astype(np.int64)
    for k in range(len(accounts["cash"])):
        signed = sign * ((trades["taker"] == k).astype(int) - (trades["maker"] == k)) * trades["quantity"]
        assert accounts["inventory"][k] == signed.sum()
        assert accounts["cash"][k] == -(signed * trades["price"]).sum()


def test_nobody_trades_with_himself(crowd):
    trades = crowd.trades()
    own = (trades["maker"] == trades["taker"]) & (trades["maker"] > 0)
    assert not own.any()


def test_every_kind_of_agent_does_something(crowd):
    accounts = crowd.accounts()
    assert (accounts["messages"][[1, 2, 5, 6, 7]] > 0).all()


def test_a_metaorder_is_worked_completely(crowd):
    assert crowd.accounts()["inventory"][7] == -300
    taken = crowd.trades()
    taken = taken[taken["taker"] == 7]
    assert taken["ts"].min() >= 5 * SECOND
    assert taken["ts"].max() <= 15 * SECOND
    assert len(np.unique(taken["message"])) == 20


def test_the_same_seed_gives_the_same_bytes_in_other_processes():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        here = digest(3)
        assert pool.map(digest, [3, 3]) == [here, here]
    assert digest(4) != here


def test_running_in_pieces_changes_nothing():
    whole, pieces = market(agents=everybody()), market(agents=everybody())
    whole.run(seconds=4.0)
    for _ in range(8):
        pieces.run(seconds=0.5)
    assert whole.recording().messages.tobytes() == pieces.recording().messages.tobytes()
    assert whole.trades().tobytes() == pieces.trades().tobytes()


def test_small_logs_lose_nothing():
    wide, tight = market(agents=everybody()), market(agents=everybody(), log_rows=64)
    assert (
        wide.run(seconds=3.0).recording().messages.tobytes()
        == tight.run(seconds=3.0).recording().messages.tobytes()
    )


def test_messages_can_be_counted():
    m = market()
    before = m.head["messages"]
    assert m.run(messages=777).head["messages"] == before + 777


def test_a_recording_goes_to_disk_and_back(tmp_path):
    m = market().run(seconds=1.0)
    recording = m.recording("TEST", tick=0.5, base=100, start_ns=10**18, labels={"seed": "1"})
    write_recording(tmp_path / "a.parquet", recording)
    back = read_recording(tmp_path / "a.parquet")
    assert back.header == recording.header
    np.testing.assert_array_equal(back.messages, recording.messages)
    assert back.ts_event[0] == 10**18
    assert back.header.opening == m.opening > 20
    assert "simulated" in back.header.source


def test_a_full_book_drops_orders_and_counts_them():
    # no cancellations: the book fills until no slot is left
    flow = default_flow()
    silent = tuple(tuple(0.0 for _ in row) for row in flow.cancel)
    flow = FlowModel(
        **{f: getattr(flow, f) for f in flow.__struct_fields__} | {"cancel": silent, "far_cancel": 0.0}
    )
    m = BookMarket(flow, [], philox(1), MarketConfig(capacity=128, pull=0.0)).run(seconds=30.0)
    assert m.head["dropped"] > 100
    assert m.head["live"] == 127 == m.state.book[LIVE]
    outcomes = m.recording().replay().outcomes
    assert (outcomes == 0).all()


def test_cancelled_slots_are_used_again():
    m = market(capacity=1024).run(seconds=60.0)
    new = m.recording().messages
    assert (new["kind"] == Kind.LIMIT).sum() > 5 * 1024
    assert m.head["dropped"] == 0


def test_silence_lets_time_pass():
    m = market(agents=[external()])
    m.head.activity = 0.0
    before = m.head["messages"]
    assert m.run(seconds=3600.0).now_ns == 3600 * SECOND
    assert m.head["messages"] == before
    m.head["activity"] = 1.0
    assert m.run(seconds=1.0).head["messages"] > before


def test_a_flow_without_intensities_is_silent_even_when_messages_are_asked_for():
    flow = default_flow()
    zero = tuple(tuple(0.0 for _ in row) for row in flow.cancel)
    fields = {f: getattr(flow, f) for f in flow.__struct_fields__}
    empty = FlowModel(
        **fields | {"limit": zero, "cancel": zero, "market": zero, "far_limit": 0.0, "far_cancel": 0.0}
    )
    m = BookMarket(empty, [], philox(1))
    assert m.run(seconds=10.0).head["messages"] == 20  # the opening
    assert m.now_ns == 10 * SECOND


def test_a_one_sided_book_is_filled_again():
    m = market(agents=[external()])
    m.head["supply"] = 0.0
    m.head["pressure"] = 20.0
    m.run(seconds=60.0)
    assert m.best()[1] == -1
    m.state.agents[1]["inventory"] = 1
    assert np.isnan(m.accounts()["profit"][1])
    assert (m.depth(2)[1] == [[-1, 0], [-1, 0]]).all()
    m.head["supply"], m.head["pressure"] = 1.0, 0.0
    bid, ask = m.run(seconds=20.0).best()
    assert 0 < bid < ask


def test_a_drought_thins_the_book_and_pressure_moves_the_price():
    calm, dry, pressed = market(), market(), market()
    dry.head["supply"] = 0.3
    pressed.head["pressure"] = 2.0
    for m in (calm, dry, pressed):
        m.run(seconds=20.0)
    assert dry.depth(5)[:, :, 1].sum() < 0.7 * calm.depth(5)[:, :, 1].sum()
    assert pressed.best()[0] > calm.best()[1]


def test_the_price_follows_the_known_value():
    m = market(agents=[informed(period_ns=SECOND // 10)], volatility=0.0)
    m.head["fundamental"] += 60.0
    m.run(seconds=60.0)
    assert abs(np.mean(m.best()) - m.head["fundamental"]) < 10.0


def test_a_halt_stops_everybody():
    m = market(agents=[market_maker()]).run(seconds=1.0)
    before = m.head["messages"]
    m.halt(300.0)
    assert m.now_ns == 301 * SECOND
    m.run(seconds=1.0)
    ts = m.recording().ts_event
    assert not ((ts > SECOND) & (ts < 301 * SECOND)).any()
    assert m.head["messages"] > before


def test_the_shape_of_a_session():
    m = market(u_shape=0.8, session_s=60.0).run(seconds=600.0)
    share = np.bincount((m.recording().ts_event[m.opening :] % (60 * SECOND)) // (20 * SECOND), minlength=3)
    # thirds of the integral of 1 + a (3 (2x - 1)^2 - 1)
    expected = np.array([1 + 0.8 * 4 / 9, 1 - 0.8 * 8 / 9, 1 + 0.8 * 4 / 9]) / 3
    np.testing.assert_allclose(share / share.sum(), expected, atol=0.02)


def test_the_end_of_the_ladder_is_an_error():
    m = market(n_ticks=256, start_price=128)
    m.head["pressure"] = 20.0
    with pytest.raises(DataError, match="end of its ladder"):
        m.run(seconds=600.0)


@pytest.mark.parametrize(
    ("agents", "config"),
    [([], {"start_price": 10}), ([], {"start_price": 8_190}), ([external()] * 100, {"capacity": 512})],
)
def test_sizes_that_do_not_fit_are_refused(agents, config):
    with pytest.raises(ConfigError, match="unusable sizes"):
        market(agents=agents, **config)


def test_a_run_needs_one_length():
    m = market()
    for arguments in (
        {},
        {"seconds": 1.0, "messages": 1},
        {"seconds": -1.0},
        {"seconds": np.nan},
        {"messages": -1},
    ):
        with pytest.raises(ConfigError, match="how long"):
            m.run(**arguments)
    with pytest.raises(ConfigError, match="halt"):
        m.halt(-1.0)


def test_what_is_not_kept_is_not_there():
    m = market(keep=False).run(seconds=1.0)
    with pytest.raises(ConfigError, match="kept"):
        m.trades()

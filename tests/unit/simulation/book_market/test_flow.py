"""Flow models: what they refuse, and that fits find what a market was simulated with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.data.sources.book_feeds import read_feed
from janus_trader.numerics.hawkes import hawkes_score
from janus_trader.numerics.order_book import Kind, messages
from janus_trader.simulation.book_market import (
    BookMarket,
    FlowModel,
    MarketConfig,
    default_flow,
    fit_flow,
    read_flow,
)
from janus_trader.simulation.book_market.flow import geometric_table, quantile_table
from janus_trader.simulation.book_market.flow_events import CANCEL, LIMIT, MARKET, flow_events
from janus_trader.simulation.book_market.order_flow_hawkes import event_types, fit_hawkes_flow, tied_score
from janus_trader.simulation.book_market.queue_reactive import fit_queue_reactive
from janus_trader.stores.book_recordings import EXECUTED, BookHeader, BookRecording
from support.book_markets import market, philox

LONG = {"pull": 0.0, "volatility": 0.0, "n_ticks": 1 << 14, "start_price": 1 << 13}


def changed(model, **fields):
    return FlowModel(**{f: getattr(model, f) for f in model.__struct_fields__} | fields)


def recording(rows, times, opening=0):
    header = BookHeader(symbol="T", tick=1.0, lot=1.0, base=0, n_ticks=256, capacity=64, opening=opening)
    ts = np.array(times, np.int64)
    return BookRecording(header, ts, ts.copy(), messages(rows))


@pytest.fixture(scope="module")
def reactive():
    return market("queue_reactive", **LONG).run(seconds=900.0).recording()


def test_models_go_to_json_and_back():
    for kind in ("hawkes", "queue_reactive"):
        model = default_flow(kind)
        assert read_flow(model.encoded()) == model
        assert "nothing" in model.fitted_on
    for raw in (b"{}", b"no", b"\xff"):
        with pytest.raises(ConfigError, match="not a model"):
            read_flow(raw)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("queue_reactive", {"limit_size": (1,) * 255}), ("queue_reactive", {"deep": (0,) * 256}),
        ("queue_reactive", {"limit": ((1.0,),)}), ("queue_reactive", {"refill": 1.5}),
        ("queue_reactive", {"unit": 0.0}), ("queue_reactive", {"far_limit": float("nan")}),
        ("hawkes", {"base": (1.0,)}), ("hawkes", {"decay": 0.0}), ("hawkes", {"decay": 0.1}),
        ("hawkes", {"base": (-1.0,) * 12}), ("hawkes", {"spread": 0.5}),
    ],
)  # fmt: skip
def test_models_that_cannot_be_are_refused(kind, fields):
    with pytest.raises(ConfigError, match="no model of an order flow"):
        changed(default_flow(kind), **fields)


def test_unknown_kinds_are_refused(reactive):
    for call in (lambda: default_flow("x"), lambda: fit_flow(reactive, "x")):
        with pytest.raises(ConfigError, match="unknown kind"):
            call()


def test_tables_of_quantiles():
    assert np.mean(geometric_table(5.0)) == pytest.approx(5.0, abs=0.1)
    assert set(quantile_table(np.array([3, 3, 7, 7]))) == {3, 7}
    assert quantile_table(np.array([0.0])) == (1,) * 256


def test_events_of_messages():
    rows = [
        (Kind.LIMIT, 0, 0, 100, 5), (Kind.LIMIT, 1, 1, 104, 5), (Kind.LIMIT, 1, 2, 105, 5),
        (Kind.LIMIT, 0, 3, 101, 4),  # improves
        (Kind.MARKET, 0, 4, 0, 7),  # takes 104 and two of 105
        (Kind.REDUCE, 1, 2, 105, 1, 0, EXECUTED), (Kind.REDUCE, 1, 2, 105, 2, 0, EXECUTED),  # one buyer
        (Kind.REDUCE, 0, 3, 101, 1),  # one lot cancelled
        (Kind.REPLACE, 0, 3, 99, 4),  # leaves 101, comes at 99
        (Kind.CANCEL, 0, 0, 0, 0), (Kind.CANCEL, 0, 0, 0, 0),  # the second is refused
        (Kind.LIMIT, 1, 0, 99, 1),  # trades on arrival
    ]  # fmt: skip
    filler = [(Kind.LIMIT, 1, 10, 110, 1), (Kind.CANCEL, 1, 10, 0, 0)] * 60
    events, live = flow_events(
        recording(rows + filler, [0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, *range(8, 128)], opening=3)
    )
    assert events[["action", "side", "price", "quantity"]][:8].tolist() == [
        (LIMIT, 0, 101, 4), (MARKET, 0, 104, 7), (MARKET, 0, 105, 3), (CANCEL, 0, 101, 1), (CANCEL, 0, 101, 3),
        (LIMIT, 0, 99, 4), (CANCEL, 0, 100, 5), (MARKET, 1, 99, 1),
    ]  # fmt: skip
    kinds, behind = event_types(events[:8])
    assert kinds.tolist() == [1, 0, 0, 4, 4, 3, 4, 6]
    assert behind[0] == -1
    assert 1.0 < live < 6.0


def test_too_little_to_fit_is_refused():
    quiet = recording([(Kind.LIMIT, 0, 0, 100, 5)], [0])
    at_once = recording([(Kind.LIMIT, 1, 10, 110, 1), (Kind.CANCEL, 1, 10, 0, 0)] * 60, [5] * 120)
    for kind in ("hawkes", "queue_reactive"):
        for r in (quiet, at_once):
            with pytest.raises(DataError, match="too little"):
                fit_flow(r, kind)


def test_settings_out_of_range_are_refused(reactive):
    for bad in ({"levels": 0}, {"sizes": 0}, {"unit": 0.0}):
        with pytest.raises(ConfigError, match="queue-reactive fit"):
            fit_queue_reactive(reactive, **bad)
    with pytest.raises(ConfigError, match="too short"):
        fit_hawkes_flow(reactive, most_events=10)


def test_queue_reactive_intensities_are_recovered(reactive):
    truth = default_flow()
    found = fit_queue_reactive(reactive, levels=8, sizes=60, unit=5.0)
    for name, tolerance in (("limit", 0.06), ("cancel", 0.08), ("market", 0.12)):
        wanted, got = np.array(getattr(truth, name)), np.array(getattr(found, name))
        # where the queue spends its time: one to six units at the nearest level, up to twelve behind
        for level, sizes in ((0, slice(1, 5)), (1, slice(2, 8)), (2, slice(4, 12))):
            if name == "market" and level > 1:
                continue
            assert got[level, sizes].mean() == pytest.approx(wanted[level, sizes].mean(), rel=tolerance), (
                name, level,
            )  # fmt: skip
    assert found.refill == pytest.approx(truth.refill, abs=0.04)
    assert found.far_limit == pytest.approx(truth.far_limit, rel=0.05)
    assert found.far_cancel == pytest.approx(truth.far_cancel, rel=0.1)
    assert np.mean(found.limit_size) == pytest.approx(np.mean(truth.limit_size), rel=0.05)
    assert np.mean(found.market_size) == pytest.approx(np.mean(truth.market_size), rel=0.05)
    assert found.window_s == pytest.approx(900.0, rel=0.01)


def test_the_score_is_that_of_equal_decays():
    rng = np.random.default_rng(0)
    times, marks = np.sort(rng.random(80)) * 10.0, rng.integers(0, 3, 80)
    mu, alpha, beta = rng.random(3) + 0.1, rng.random((3, 3)), 1.7
    gradient, full = np.zeros(13), np.zeros(21)
    score = tied_score(times, marks, 10.0, mu, alpha, beta, gradient)
    assert score == pytest.approx(hawkes_score(times, marks, 10.0, mu, alpha, np.full((3, 3), beta), full))
    np.testing.assert_allclose(gradient, np.append(full[:12], full[12:].sum()), rtol=1e-9)

    def value(v):
        return tied_score(times, marks, 10.0, v[:3], v[3:12].reshape(3, 3), v[12], np.zeros(13))

    def slope(v):
        g = np.zeros(13)
        tied_score(times, marks, 10.0, v[:3], v[3:12].reshape(3, 3), v[12], g)
        return g

    assert check_grad(value, slope, np.concatenate([mu, alpha.ravel(), [beta]])) < 1e-3


def test_branching_of_a_hawkes_flow_is_recovered():
    truth = default_flow("hawkes")
    found = fit_flow(market("hawkes", **LONG).run(seconds=200.0).recording(), "hawkes")
    assert found.branching_ratio == pytest.approx(truth.branching_ratio, abs=0.1)
    assert found.decay == pytest.approx(truth.decay, rel=0.15)
    # market orders of buyers: what they beget, and how many come by themselves
    assert found.jumps[0][0] / found.decay == pytest.approx(0.37, abs=0.08)
    assert found.base[0] == pytest.approx(truth.base[0], rel=0.3)


def test_a_fitted_flow_can_be_simulated_again(reactive):
    model = fit_flow(reactive)
    m = BookMarket(model, [], philox(1)).run(seconds=120.0)
    rate = (m.head["messages"] - m.opening) / 120.0
    assert rate == pytest.approx(model.events / model.window_s, rel=0.15)
    assert "SIM" in model.fitted_on


def test_a_hawkes_flow_keeps_a_wide_spread_open():
    narrow = market("hawkes").run(seconds=60.0)
    wide = BookMarket(changed(default_flow("hawkes"), spread=12.0), [], philox(1)).run(seconds=60.0)
    widths = [
        (m.recording().replay().best["ask"] - m.recording().replay().best["bid"]).mean()
        for m in (narrow, wide)
    ]
    assert widths[1] > widths[0] + 1.0


def test_the_widest_spread_has_no_empty_side_type():
    empty = recording(
        [(Kind.LIMIT, 0, 0, 100, 5), (Kind.LIMIT, 1, 1, 104, 5)]
        + [(Kind.LIMIT, 1, 10, 110, 1), (Kind.CANCEL, 1, 10, 0, 0)] * 60,
        range(122),
    )
    kinds, behind = event_types(flow_events(empty)[0])
    assert kinds[:2].tolist() == [2, 8]
    assert behind[:2].tolist() == [0, 0]


def test_a_flow_fitted_on_a_real_book_keeps_its_pace(shared_data):
    feed = read_feed([shared_data / "lob" / "bitstamp_l3" / "BTCUSD_2015-05-01_orders.csv.xz"])
    model = fit_flow(feed.recording)
    m = BookMarket(
        model, [], philox(1), MarketConfig(n_ticks=1 << 17, start_price=1 << 16, pull=0.0, warmup_s=60.0)
    ).run(seconds=2_000.0)
    rate = (m.head["messages"] - m.opening) / 2_000.0
    assert rate == pytest.approx(model.events / model.window_s, rel=0.2)
    assert "Bitstamp" in m.recording().header.source
    best = m.recording().replay().best
    both = (best["bid"] > 0) & (best["ask"] > 0)
    assert (best["bid"][both] < best["ask"][both]).all()

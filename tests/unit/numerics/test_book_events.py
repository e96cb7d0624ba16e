import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.book_depth import depth_at
from janus_trader.numerics.book_events import NOWHERE, What, book_events
from janus_trader.numerics.book_replay import replay
from janus_trader.numerics.order_book import Kind, OrderBook, messages
from support.order_books import PlainBook, random_messages

N_TICKS, CAPACITY = 128, 64
NOBODY = np.zeros(0, np.int64)


def flow(seed, n=3_000):
    batch = random_messages(np.random.default_rng(seed), n, n_ticks=N_TICKS, capacity=CAPACITY)
    batch["kind"][batch["kind"] == Kind.ICEBERG] = Kind.LIMIT  # only tips of icebergs are events
    return batch


def run(batch, at=NOBODY, distances=8, executed=None):
    executed = np.zeros(len(batch), bool) if executed is None else executed
    return book_events(OrderBook(N_TICKS, CAPACITY), batch, executed, at, distances)


@pytest.mark.parametrize("seed", range(4))
def test_events_explain_every_change_of_the_resting_quantity(seed):
    """What rests after each message, in a plain book, is limit orders less cancellations and trades."""
    batch = flow(seed)
    events, _ = run(batch)
    plain, resting = PlainBook(N_TICKS, CAPACITY), []
    for k, m in enumerate(batch):
        plain.apply(k, m)
        resting.append([sum(o.shown for o in plain.orders.values() if o.side == side) for side in (0, 1)])
    gain = np.where(events["what"] == What.LIMIT, 1, -1) * events["quantity"]
    change = np.zeros((len(batch), 2), np.int64)
    np.add.at(change, (events["message"], events["side"]), gain)
    np.testing.assert_array_equal(change.cumsum(axis=0), resting)


@pytest.mark.parametrize("seed", range(2))
def test_trades_are_the_fills(seed):
    batch = flow(seed)
    events, _ = run(batch)
    trades = events[events["what"] == What.TRADE]
    fills = replay(OrderBook(N_TICKS, CAPACITY), batch).fills
    per_message = np.bincount(fills["message"], fills["quantity"], minlength=len(batch))
    np.testing.assert_array_equal(trades["message"], np.unique(fills["message"]))
    np.testing.assert_array_equal(trades["quantity"], per_message[trades["message"]])
    assert set(trades["distance"]) == {0}  # whoever takes begins at the best price


def test_distances_count_from_the_best_price_before():
    batch = flow(7)
    events, _ = run(batch)
    best = replay(OrderBook(N_TICKS, CAPACITY), batch).best
    limits = events[(events["what"] == What.LIMIT) & (events["message"] > 0)]
    limits = limits[batch["kind"][limits["message"]] == Kind.POST_ONLY]
    assert len(limits) > 20
    before, price = best[limits["message"] - 1], batch["price"][limits["message"]]
    bid_side = limits["side"] == 0
    distance = np.where(bid_side, before["bid"] - price, price - before["ask"])
    empty = np.where(bid_side, before["bid"], before["ask"]) < 0
    np.testing.assert_array_equal(limits["distance"], np.where(empty, NOWHERE, distance))


def test_profiles_are_the_depth_by_distance():
    batch = flow(3)
    at = np.array([0, 10, 10, 500, len(batch) - 1])
    profiles = run(batch, at, 8).profiles
    depth = depth_at(OrderBook(N_TICKS, CAPACITY), batch, at, 64)
    wanted = np.zeros_like(profiles)
    for k, side in np.ndindex(len(at), 2):
        for price, quantity in depth[k, side]:
            away = abs(int(price) - int(depth[k, side, 0, 0]))
            if price >= 0 and away < 8:
                wanted[k, side, away] = quantity
    np.testing.assert_array_equal(profiles, wanted)


def test_recorded_executions_are_trades_of_the_resting_side_hidden_or_not():
    batch = messages(
        [
            (Kind.LIMIT, 0, 0, 20, 5),
            (Kind.LIMIT, 1, 1, 24, 5),
            (Kind.REDUCE, 0, 0, 20, 2, 0, -1),
            (Kind.REDUCE, 1, -1, 22, 7, 0, -1),
            (Kind.REDUCE, 1, 1, 24, 1),
        ]
    )
    executed = (batch["kind"] == Kind.REDUCE) & (batch["peak"] == -1)
    events = run(batch, executed=executed).events
    assert events[["what", "side", "distance", "quantity"]].tolist()[2:] == [
        (What.TRADE, 0, 0, 2),
        (What.TRADE, 1, -2, 7),
        (What.CANCEL, 1, 0, 1),
    ]


def test_a_replacement_is_a_cancellation_and_a_limit_order_unless_it_only_shrinks():
    quotes = [(Kind.LIMIT, 0, 0, 20, 5), (Kind.LIMIT, 0, 1, 18, 5)]
    events = run(messages([*quotes, (Kind.REPLACE, 0, 0, 20, 3), (Kind.REPLACE, 0, 0, 21, 4)])).events
    assert events[["what", "distance", "quantity"]].tolist()[2:] == [
        (What.CANCEL, 0, 2),
        (What.CANCEL, 0, 3),
        (What.LIMIT, -1, 4),
    ]


def test_refused_messages_are_no_events():
    refused = [
        (Kind.CANCEL, 0, 3),
        (Kind.LIMIT, 0, 0, 20, 0),
        (Kind.MARKET, 0, 0, 0, 5),
        (Kind.REDUCE, 0, -1, 9, 2),
    ]
    assert len(run(messages(refused)).events) == 0


def test_nothing_gives_nothing():
    done = run(messages([]))
    assert len(done.events) == 0
    assert done.profiles.shape == (0, 2, 8)


@pytest.mark.parametrize(
    ("at", "distances", "executed"),
    [
        (np.array([-1]), 4, None),
        (np.array([99]), 4, None),
        (np.array([2, 1]), 4, None),
        (NOBODY, 0, None),
        (NOBODY, 4, np.zeros(2, bool)),
        (NOBODY, 4, np.zeros(3, np.int64)),
    ],
)
def test_parts_that_do_not_fit_are_refused(at, distances, executed):
    with pytest.raises(DataError):
        run(flow(0, 3), at, distances, executed)

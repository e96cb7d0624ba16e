import json

import msgspec
import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.book_replay import BEST_DTYPE
from janus_trader.numerics.order_book import MESSAGE_DTYPE, Kind, messages
from janus_trader.research.bench.order_flow import N_TICKS
from janus_trader.research.bench.works.order_book import market_messages
from janus_trader.research.market_realism import compare, comparison_page, measure, observe
from janus_trader.research.market_realism.catalogue import FACTS
from janus_trader.research.market_realism.compare import judge
from janus_trader.research.market_realism.measures import Fact
from janus_trader.stores.book_recordings import EXECUTED, BookHeader, BookRecording, write_recording
from support.command import janus

CAPACITY = 1 << 12
HOUR_NS = 3_600_000_000_000


def recording(batch, times, symbol="MADE", opening=0, reference=None):
    header = BookHeader(
        symbol=symbol, tick=0.01, lot=1.0, base=0, n_ticks=N_TICKS, capacity=CAPACITY, opening=opening
    )
    return BookRecording(header, times, times.copy(), batch, reference)


def quiet(hidden_every=0, n=3_000):
    """Orders that come and are cancelled on their own sides; some hidden executions, never a match."""
    rng = np.random.default_rng(9)
    rows = []
    for k in range(n):
        side, slot = int(rng.integers(2)), k % CAPACITY
        price = 2_000 - int(rng.integers(20)) if side == 0 else 2_003 + int(rng.integers(20))
        rows.append((Kind.LIMIT, side, slot, price, 1 + int(rng.integers(9))))
        if k >= 200:
            rows.append((Kind.CANCEL, 0, slot - 200, 0, 0))
        if hidden_every and k % hidden_every == 0:
            rows.append((Kind.REDUCE, side, -1, price, 2, 0, EXECUTED))
    batch = messages(rows)
    return recording(batch, np.arange(len(batch), dtype=np.int64) * 10**8, opening=500)


def made(seed, n=30_000, symbol="MADE", even=False, one_size=False):
    """A closed-loop random flow with exponential times; optionally without their or the sizes' spread."""
    batch = market_messages(n, CAPACITY, 300, seed)
    if one_size:
        batch["quantity"] = 10
    waits = np.random.default_rng(seed).exponential(1.0, n)
    times = np.cumsum(np.ones(n) if even else waits) * 1e8
    return recording(batch, times.astype(np.int64), symbol, opening=1_000)


@pytest.fixture(scope="module")
def three():
    return [measure(observe(made(seed, symbol=f"M{seed}"))) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def dull():
    return measure(observe(made(4, symbol="<DULL>", even=True, one_size=True)))


def test_every_fact_of_a_long_recording_is_measured_but_its_daily_shape(three):
    for one in three:
        assert list(one.facts) == [spec.name for spec in FACTS]
        silent = {name for name, fact in one.facts.items() if fact.value is None}
        # independent signs need not have three positive correlations
        assert silent <= {"shape.edges", "signs.exponent"}
        assert "4 hours" in one.facts["shape.edges"].reason
        for fact in one.facts.values():
            if fact.value is not None and fact.low is not None:
                assert fact.low - 1e-9 <= fact.value <= fact.high + 1e-9


def test_facts_of_a_random_flow_are_the_known_ones(three):
    """45 % limit orders, 45 % cancellations, 10 % market orders, sizes 1 + exponential, Poisson times."""
    for one in three:
        facts = {name: fact.value for name, fact in one.facts.items()}
        assert facts["events.trades"] == pytest.approx(0.1, abs=0.02)
        assert facts["events.limit_limit"] == pytest.approx(0.45, abs=0.06)
        assert facts["times.dispersion"] == pytest.approx(1.0, abs=0.1)
        assert facts["times.bursts"] == pytest.approx(0.01, abs=0.01)
        assert facts["times.memory"] == pytest.approx(0.0, abs=0.06)
        assert facts["orders.dispersion"] == pytest.approx(0.95, abs=0.1)
        assert abs(facts["signs.lag_1"]) < 0.1
        assert facts["response.first"] > 0.0


def test_the_same_process_agrees_with_itself(three):
    done = compare(three[:2], three[2])
    assert len(done.failures()) <= 3  # of 31 facts with 95 % intervals on both sides
    assert "facts agree" in done.summary()


def test_what_is_taken_away_is_found_missing(three, dull):
    failed = {row.name: row for row in compare(three, dull).failures()}
    assert {"orders.dispersion", "orders.commonest", "times.bursts"} <= set(failed)
    assert failed["orders.dispersion"].verdict.startswith("fails: too low by 0.9")
    assert failed["orders.commonest"].gap > 0.8


def test_the_same_seed_gives_the_same_numbers():
    one, two, three = (measure(observe(made(1, 6_000)), seed) for seed in (0, 0, 1))
    assert one.facts == two.facts
    assert one.facts != three.facts


def test_verdicts():
    real = [Fact(1.0, 0.8, 1.2), Fact(3.0, 2.8, 3.2), Fact(reason="no trades")]
    names = ["A", "B", "C"]
    assert judge(real, Fact(1.3, 1.1, 1.5), names) == (True, 0.0, "agrees with A")
    assert judge(real, Fact(2.0, 1.9, 2.1), names) == (True, 0.0, "agrees: between them, like none")
    assert judge(real, Fact(0.5, 0.4, 0.6), names)[::2] == (False, "fails: too low by 0.5 (-50 %)")
    assert judge(real, Fact(0.7, 0.5, 0.9), names)[::2] == (True, "agrees with A")
    assert judge([Fact(0.0, 0.0, 0.0)], Fact(0.5, 0.4, 0.6))[2] == "fails: too high by 0.5"
    assert judge(real, Fact(reason="too short"))[::2] == (
        None,
        "not measured in the simulated market: too short",
    )
    assert judge(real[2:], Fact(1.0))[::2] == (None, "not measured in a real market: no trades")


def test_nothing_real_is_refused(three):
    with pytest.raises(ConfigError, match="nothing real"):
        compare([], three[0])


def test_executions_of_one_order_at_one_time_are_one_trade():
    quotes = [(Kind.LIMIT, 1, k, 2_050 + k, 5) for k in range(4)] + [(Kind.LIMIT, 0, 9, 2_040, 100)]
    taken = [(Kind.REDUCE, 1, 0, 2_050, 5, 0, EXECUTED), (Kind.REDUCE, 1, 1, 2_051, 2, 0, EXECUTED)]
    later = [(Kind.REDUCE, 0, 9, 2_040, 1, 0, EXECUTED)] * 60
    batch = messages(quotes + taken + later)
    times = np.concatenate((np.zeros(5, np.int64), [7, 7], 8 + np.arange(60, dtype=np.int64)))
    market = observe(recording(batch, times * 10**9, opening=1))
    assert len(market.trade_sign) == 61
    assert (market.trade_sign[0], market.trade_quantity[0], market.trade_mid[0]) == (1.0, 7.0, 2_045.0)
    assert set(market.trade_sign[1:]) == {-1.0}
    assert market.trade_spread[0] == 10.0
    assert market.trade_spread[1] == 11.0


def test_repairs_of_a_source_of_best_levels_are_no_events():
    """Groups of messages that end at a told row: the event, and what the book is repaired with."""
    batch = [(Kind.LIMIT, 0, 0, 2_040, 5), (Kind.LIMIT, 1, 1, 2_050, 5)]
    ends = [True, True]
    for _ in range(40):
        batch += [(Kind.CANCEL, 1, 1, 0, 0), (Kind.LIMIT, 1, 2, 2_052, 5)]  # gone; the next level shows
        batch += [(Kind.CANCEL, 1, 2, 0, 0), (Kind.LIMIT, 0, 3, 2_041, 5)]  # cleared; a new buyer
        batch += [(Kind.CANCEL, 0, 3, 0, 0), (Kind.LIMIT, 1, 1, 2_050, 5)]
        ends += [False, True] * 3
    batch = messages(batch)
    told = np.full(len(batch), np.array((-1, 0, -1, 0), BEST_DTYPE), BEST_DTYPE)
    told["bid"][ends] = 2_040
    times = np.arange(len(batch), dtype=np.int64) * 10**9
    market = observe(recording(batch, times, opening=2, reference=told))
    assert not market.deep
    assert market.events["what"].reshape(-1, 3).tolist() == [[1, 0, 0]] * 40
    facts = measure(market).facts
    assert facts["depth.best_share"].reason == "the source tells the best level only"
    assert facts["signs.lag_1"].value is None


def test_a_feed_of_levels_has_no_facts_about_orders():
    market = observe(quiet(hidden_every=5))
    facts = measure(market).facts
    assert not market.orders
    for name in ("orders.inside", "orders.dispersion", "cancel.share", "events.trades"):
        assert facts[name].reason == "the source tells levels, not orders"
    assert facts["spread.mean"].value is not None
    assert facts["signs.lag_1"].value is not None


def test_a_market_without_trades_says_so():
    facts = measure(observe(quiet())).facts
    assert facts["spread.mean"].value is not None
    assert facts["queue.in_trades"].reason == "no trades"
    assert facts["events.trades"].value == 0.0
    assert all(facts[name].value is None for name in ("signs.lag_1", "response.first", "times.bursts"))


def test_a_whole_day_has_a_shape():
    batch = market_messages(20_000, CAPACITY, 300, 5)
    times = np.linspace(0, 8 * HOUR_NS, len(batch)).astype(np.int64)
    assert measure(observe(recording(batch, times, opening=500))).facts["shape.edges"].value == pytest.approx(
        1.0, abs=0.2
    )


def test_the_first_tenth_of_a_book_that_begins_empty_is_left_out():
    batch = market_messages(5_000, CAPACITY, 300, 5)
    times = np.arange(len(batch), dtype=np.int64) * 10**9
    assert observe(recording(batch, times)).seconds == pytest.approx(4_499)
    assert observe(recording(batch, times, opening=1_000)).seconds == pytest.approx(3_999)


@pytest.mark.parametrize(
    ("batch", "times"),
    [
        (np.zeros(0, MESSAGE_DTYPE), np.zeros(0, np.int64)),
        (market_messages(40, CAPACITY, 300, 5), np.arange(40)),
        (market_messages(400, CAPACITY, 300, 5), np.full(400, 7)),
        (messages([(Kind.LIMIT, 0, k, 2_000, 1) for k in range(200)]), np.arange(200)),
    ],
    ids=["empty", "short", "no time passes", "one side"],
)
def test_recordings_that_cannot_be_measured_are_refused(batch, times):
    with pytest.raises(DataError):
        observe(recording(batch, times.astype(np.int64)))


def test_the_page_says_where_it_fails_and_draws_every_market(three, dull):
    done = compare(three, dull)
    page = comparison_page(done)
    assert "Where it fails" in page
    assert done.failures()[0].verdict[7:] in page
    assert "&lt;DULL&gt;" in page
    assert "<DULL>" not in page.split("<script", 1)[0]
    for one in three:
        assert f'"name":"{one.name}"' in page
    body = json.loads(msgspec.json.encode(done.body()))
    assert [fact["name"] for fact in body["facts"]] == [spec.name for spec in FACTS]
    assert body["simulated"]["trades"] == dull.trades


def test_the_command_compares_files(tmp_path):
    for seed in (1, 2):
        write_recording(tmp_path / f"{seed}.parquet", made(seed, 8_000, symbol=f"M{seed}"))
    (tmp_path / "page.md").write_text(
        "a\n<!-- generated by janus book compare: begin -->\n<!-- generated by janus book compare: end -->\n"
    )
    arguments = ("book", "compare", "1.parquet", "2.parquet")
    done = janus(*arguments, "--html", "facts.html", "--document", "page.md", cwd=tmp_path, code=0)
    assert "spread.mean" in done.stdout
    assert "M2: " in done.stdout
    assert "Where it fails" in (tmp_path / "facts.html").read_text()
    assert "| spread.mean |" in (tmp_path / "page.md").read_text()
    body = json.loads(janus(*arguments, "--json", cwd=tmp_path, code=0).stdout)
    assert body["real"][0]["name"] == "M1"
    refused = janus("book", "compare", "1.parquet", cwd=tmp_path)
    assert refused.returncode != 0
    assert "nothing to compare with" in refused.stderr

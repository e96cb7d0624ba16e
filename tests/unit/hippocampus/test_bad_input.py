import msgspec
import numpy as np
import pytest

from janus_trader.brain.hippocampus import (
    Compression,
    Hippocampus,
    HippocampusConfig,
    PlaceMap,
    PlaceMapConfig,
)
from janus_trader.contracts.decision import LogicReport
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.foundation.codec import encode
from support.memories import D, K, N, decision_at, live, moment_at

GENERATOR = np.random.default_rng(0)


def memory_of(steps=80, n=N, **settings):
    memory = Hippocampus(HippocampusConfig(**settings), n, K)
    live(memory, None, steps, n=n)
    return memory


def silent(recollection):
    return recollection.confidence == 0.0 and recollection.steps.size == 0 and not recollection.outlook.any()


def test_an_empty_memory_recollects_replays_and_hands_on_nothing():
    memory = Hippocampus(HippocampusConfig(), N, K)
    assert silent(memory.recollect(np.zeros(D)))
    assert len(memory.replay(10, 100, GENERATOR)[0]) == 0
    assert len(memory.replay_ripples(10, 100, Compression.LIGHT)[0]) == 0
    assert memory.consolidate(0.3, 100) == []
    assert (memory.newest_step, memory.latest_step, memory.traces, memory.count_since(0)) == (-1, -1, 0, 0)
    memory.fade_traces()
    memory.settle_places()
    memory.restore(memory.snapshot())
    assert len(memory) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_context_that_is_no_number_is_like_no_day(bad):
    memory = memory_of()
    context = np.zeros(D)
    context[3] = bad
    assert silent(memory.recollect(context))


def test_features_that_are_no_numbers_are_not_compared():
    memory = memory_of()
    context = memory.recent(1).context[0]
    features = np.full((N, N_INSTRUMENT_FEATURES), np.nan)
    seen, plain = memory.recollect(context, features), memory.recollect(context)
    assert np.isfinite(seen.outlook).all()
    assert encode(seen) == encode(plain)
    assert encode(memory.recollect(context, np.empty(0))) == encode(plain)


def test_an_empty_context_everywhere_has_no_likeness():
    memory = Hippocampus(HippocampusConfig(), N, K)
    rng = np.random.default_rng(0)
    for t in range(40):
        decision = decision_at(t, rng)
        decision.percept.context[:] = 0.0
        memory.observe(decision, moment_at(t, 100 + rng.random(N)), True, np.full(N, 0.01))
    assert silent(memory.recollect(np.zeros(D)))
    assert len(memory.replay(20, 100, GENERATOR)[0]) == 20


def test_a_market_that_never_moves_expects_nothing():
    memory = Hippocampus(HippocampusConfig(), N, K)
    rng = np.random.default_rng(0)
    context = rng.uniform(-1, 1, D)
    for t in range(60):
        decision = decision_at(t, rng)
        decision.percept.context[:] = context
        memory.observe(decision, moment_at(t, np.full(N, 100.0)), False, np.full(N, 0.01))
    seen = memory.recollect(context)
    assert seen.steps.size == 1  # one unbroken stretch of equal days is one day
    assert not seen.outlook.any()
    assert seen.reward == 0.0


def test_one_instrument_is_enough():
    memory = memory_of(n=1)
    seen = memory.recollect(memory.recent(1).context[0])
    assert seen.outlook.shape == (1,)
    assert np.isfinite(seen.outlook).all()


@pytest.mark.parametrize("sigma", [0.0, np.nan, -1.0, np.inf])
def test_an_instrument_without_a_volatility_pays_nothing(sigma):
    memory = Hippocampus(HippocampusConfig(), N, K)
    done = []
    for t in range(6):
        local = np.random.default_rng(t)
        done += memory.observe(
            decision_at(t, local), moment_at(t, 100 + local.random(N)), True, np.full(N, sigma)
        )
    assert len(done) == 4
    assert not any(e.payoff.any() for e in done)


def test_a_decision_without_logic_broke_nothing_and_one_with_it_is_replayed_sooner():
    memory = Hippocampus(HippocampusConfig(), N, K)
    for t in range(60):
        local = np.random.default_rng(t)
        decision = decision_at(t, local)
        if t == 20:
            report = LogicReport(truths={"trend": 0.1}, satisfaction=0.1, violated=("trend",))
            decision = msgspec.structs.replace(decision, logic=report)
        memory.observe(decision, moment_at(t, np.full(N, 100.0)), False, np.full(N, 0.01))
    episodes = memory.held_back(0)
    assert episodes.violation[20] == pytest.approx(0.9, abs=1e-3)
    assert not np.delete(episodes.violation, 20).any()
    steps, zeros = episodes.step, np.zeros(len(episodes))
    config, ring = memory.config.replay, memory._ring
    ripples = ring.records["strength"][ring.slots_of(steps)]
    expected = config.emotion * 0.5 * (episodes.fear + episodes.surprise) + config.ripple * ripples
    expected[20] += config.violation * episodes.violation[20]
    np.testing.assert_allclose(memory._priority(ring.slots_of(steps), zeros), expected, rtol=1e-6)
    memory.update_priorities(steps, zeros)
    drawn, _ = memory.replay(20_000, 100, np.random.default_rng(1))
    powered = (expected + config.epsilon) ** config.alpha
    np.testing.assert_allclose(np.bincount(drawn.step) / 20_000, powered / powered.sum(), atol=2e-3)


def test_a_held_book_that_lost_everything_is_remembered_as_zeros():
    memory = Hippocampus(HippocampusConfig(), N, K)
    rng = np.random.default_rng(0)
    done = []
    for t in range(5):
        done += memory.observe(
            decision_at(t, rng), moment_at(t, np.full(N, 100.0), equity=0.0), True, np.full(N, 0.01)
        )
    assert all(e.reward == 0.0 and e.cost == 0.0 for e in done)


def test_damaged_snapshots_are_refused():
    memory = memory_of()
    with pytest.raises(IntegrityError):
        Hippocampus(HippocampusConfig(capacity=16), N + 1, K).restore(memory.snapshot())
    with pytest.raises(IntegrityError):
        Hippocampus(HippocampusConfig(places=PlaceMapConfig(side=5)), N, K).restore(memory.snapshot())
    with pytest.raises(IntegrityError):
        memory.restore(b"\xc1")


def test_errors_that_do_not_fit_are_refused():
    memory = memory_of()
    for errors in (np.array([np.nan]), np.array([np.inf]), np.zeros(2)):
        with pytest.raises(DataError):
            memory.update_priorities(np.array([3]), errors)
    memory.update_priorities(np.array([10**6]), np.array([1.0]))  # forgotten: passed over


def test_a_state_far_outside_the_map_has_a_place():
    places = PlaceMap(PlaceMapConfig(side=4), 3)
    assert 0 <= places.cell(np.full(3, 1e9)) < 16
    assert np.isfinite(places.position(np.full(3, 1e9))).all()

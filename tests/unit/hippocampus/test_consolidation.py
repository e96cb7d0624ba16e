import numpy as np
import pytest

from janus_trader.brain.hippocampus import (
    Compression,
    ConsolidationConfig,
    Hippocampus,
    HippocampusConfig,
    RippleType,
)
from janus_trader.brain.hippocampus.consolidation import faded, gains
from janus_trader.contracts.memory import Consolidated
from janus_trader.foundation.codec import decode, encode
from support.memories import D, K, N, live


def full(steps=120, **settings):
    memory = Hippocampus(HippocampusConfig(**settings), N, K)
    live(memory, None, steps)
    return memory


def trace_of(memory, step):
    return float(memory._ring.records["trace"][memory._ring.slot_of(step)])


def test_constants_are_the_stated_ones():
    c = ConsolidationConfig()
    assert (c.boost, c.emotional, c.rewarded, c.decay, c.prune, c.per_cycle) == (
        0.15,
        1.5,
        1.3,
        0.01,
        0.1,
        50,
    )
    none, all_ = np.zeros(1), np.ones(1)
    assert gains(c, none, none, all_)[0] == 0.15
    assert gains(c, all_, none, all_)[0] == pytest.approx(0.15 * 1.5)
    assert gains(c, none, all_, all_)[0] == pytest.approx(0.15 * 1.3)
    assert gains(c, none, none, 3 * all_)[0] == pytest.approx(0.45)
    np.testing.assert_allclose(faded(c, np.array([0.5, 0.1])), [0.495, 0.0])


def test_replay_strengthens_a_trace_and_nights_fade_it_away():
    memory = full()
    assert memory.traces == 0
    episodes, _ = memory.replay(40, 100, np.random.default_rng(0))
    steps, times = np.unique(episodes.step, return_counts=True)
    assert memory.traces == steps.size
    config = memory.config.consolidation
    for step, count in zip(steps, times, strict=True):
        e = memory._ring.episode(memory._ring.records[memory._ring.slot_of(step)])
        least = count * config.boost * config.emotional ** (0.5 * (e.fear + e.surprise))
        assert min(least, 1.0) - 1e-5 <= trace_of(memory, step) <= min(least * config.rewarded, 1.0) + 1e-5
    step = int(steps[0])
    before = trace_of(memory, step)
    memory.fade_traces()
    assert trace_of(memory, step) == pytest.approx(0.99 * before)
    for _ in range(300):
        memory.fade_traces()
    assert memory.traces == 0


def test_a_trace_is_never_stronger_than_one():
    memory = full()
    for _ in range(30):
        memory.replay(64, 100, np.random.default_rng(0))
    assert memory._ring.records["trace"].max() == 1.0


def prepared(same=True):
    """Strong traces of two stretches of equal states, that ended alike or not."""
    memory = full(120)
    records = memory._ring.records
    records["context"][60] = records["context"][10]
    records["features"][60] = records["features"][10]
    records["payoff"][10], records["payoff"][60] = 1.0, 1.0 if same else -1.0
    memory._search.rebuild()
    records["trace"][10] = 0.8
    return memory


def test_only_what_another_day_confirms_passes_over():
    memory = prepared()
    (record,) = memory.consolidate(0.3, 100)
    assert (record.step, record.strength) == (10, pytest.approx(0.8))
    assert record.embedding.shape == (D + 11,)
    assert record.payoff.tolist() == [1.0] * N
    assert encode(decode(encode(record), Consolidated)) == encode(record)
    memory._ring.records["trace"][10] = 1.0
    assert memory.consolidate(0.3, 100) == []  # each passes once
    doubtful = prepared(same=False)
    assert doubtful.consolidate(0.3, 100) == []
    assert trace_of(doubtful, 10) == pytest.approx(0.4)  # and is weakened
    assert prepared().consolidate(0.9, 100) == []  # not strong enough
    assert prepared().consolidate(0.3, 60) == []  # the other day is held back
    assert prepared().consolidate(0.3, 10) == []


def test_a_cycle_tries_fifty_at_most_the_strongest_first():
    memory = full(200, consolidation=ConsolidationConfig(recall=0.0, per_cycle=5))
    records = memory._ring.records
    records["trace"][:150] = np.linspace(0.3, 0.9, 150)
    records["payoff"] = 1.0
    passed = memory.consolidate(0.3, 198)
    assert [r.step for r in passed] == [149, 148, 147, 146, 145]
    assert ConsolidationConfig().per_cycle == 50


def push(memory, *steps, kind=RippleType.LARGE_LOSS, strength=1.0):
    memory.queue.reset()
    for step in steps:
        memory.queue.push(kind, strength, step, step * 10**12)


def test_the_sequence_around_a_ripple_is_told_in_order_without_the_held_back_slice():
    memory = full()
    push(memory, 50)
    episodes, mass = memory.replay_ripples(100, 52, Compression.NONE)
    assert episodes.step.tolist() == list(range(42, 52))  # eight before, and what comes before the slice
    assert mass.tolist() == [1.0] * 10
    assert episodes.continues.tolist() == [True] * 9 + [False]
    push(memory, 50)
    assert len(memory.replay_ripples(100, 50, Compression.NONE)[0]) == 0
    assert len(memory.queue) == 1  # it waits until it may be told


def test_compression_tells_fewer_and_the_ripple_itself():
    memory = full()
    memory._ring.records["context"][:118] = memory._ring.records["context"][0]
    push(memory, 50)
    episodes, mass = memory.replay_ripples(100, 100, Compression.LIGHT)
    assert episodes.step.size < 13
    assert 50 in episodes.step
    assert mass.sum() == 13.0
    assert all(trace_of(memory, step) > 0.0 for step in range(42, 55))  # every member was replayed


def test_ripples_are_told_by_priority_until_enough_and_an_episode_once():
    memory = full()
    push(memory, 30, 33, 80)
    memory.queue.push(RippleType.NOVEL_PATTERN, 3.0, 100, 100 * 10**12)
    episodes, _ = memory.replay_ripples(1, 110, Compression.NONE)
    assert 80 in episodes.step  # the last of the immediate ones
    assert 30 not in episodes.step
    episodes, _ = memory.replay_ripples(10**6, 110, Compression.NONE)
    assert len(np.unique(episodes.step)) == len(episodes)
    assert {30, 33, 80, 100} <= set(episodes.step)
    urgent, _ = memory.replay_ripples(10**6, 110, Compression.NONE, immediate=True)
    assert 100 not in urgent.step
    for _ in range(10):
        memory.replay_ripples(10**6, 110, Compression.NONE)
    assert len(memory.queue) == 0


def test_ripples_of_forgotten_episodes_are_passed_over():
    memory = full(60, capacity=16)
    push(memory, 3, 50)
    episodes, _ = memory.replay_ripples(100, 58, Compression.NONE)
    assert episodes.step.min() >= 42
    assert 50 in episodes.step

import time

import numpy as np
import pytest

from janus_trader.brain.hippocampus import Compression, Hippocampus, HippocampusConfig, RippleType
from janus_trader.contracts.decision import Severity
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.codec import decode, encode
from support.memories import D, K, N, decision_at, live, moment_at


def test_payoff_is_from_the_first_possible_fill_to_the_bar_after():
    for fills_at_open in (True, False):
        memory = Hippocampus(HippocampusConfig(), N, K)
        rng = np.random.default_rng(0)
        prices = [np.array([100.0, 50.0]), np.array([101.0, 51.0]), np.array([102.0, 50.5])]
        sigma = np.array([0.01, 0.02])
        first = decision_at(0, rng)
        assert memory.observe(first, moment_at(0, prices[0], 100.0, 1.0), fills_at_open, sigma) == []
        assert memory.observe(None, moment_at(1, prices[1], 110.0, 3.0), fills_at_open, sigma * 9) == []
        (episode,) = memory.observe(None, moment_at(2, prices[2], 121.0, 4.1), fills_at_open, sigma * 9)
        offset = 1.0 if fills_at_open else 0.0
        expected = ((prices[2] - offset) / (prices[1] - offset) - 1) / sigma
        assert episode.payoff.shape == (K, N)
        np.testing.assert_allclose(episode.payoff, np.tile(expected, (K, 1)), rtol=1e-5)
        assert episode.reward == pytest.approx(0.1)
        assert episode.cost == pytest.approx(0.02)  # the fill at bar 1, over the value before it
        assert (episode.step, episode.ts_event) == (0, first.ts_event)
        np.testing.assert_allclose(episode.signals, first.signals.values, atol=1e-3)
        np.testing.assert_allclose(episode.context, first.percept.context, atol=1e-3)
        assert episode.fear == pytest.approx(0.2)
        encode(episode)


def test_a_decision_may_come_with_its_own_bar_or_with_the_next():
    """A driver that hands on the decision of the bar before must not shift payoffs by a bar."""
    done = []
    for late in (False, True):
        memory, out = Hippocampus(HippocampusConfig(), N, K), []
        decisions = [decision_at(t, np.random.default_rng(t)) for t in range(12)]
        for t in range(12):
            local = np.random.default_rng(t)
            moment = moment_at(t, 100 + local.random(N), 100 + local.random())
            passed = (decisions[t - 1] if t else None) if late else decisions[t]
            out += memory.observe(passed, moment, True, np.full(N, 0.01))
        done.append([encode(e) for e in out])
    assert done[0] == done[1]
    assert len(done[0]) == 10


def test_decisions_out_of_order_are_refused():
    rng = np.random.default_rng(0)
    memory = Hippocampus(HippocampusConfig(), N, K)
    sigma = np.full(N, 0.01)
    memory.observe(decision_at(3, rng), moment_at(3, np.ones(N)), True, sigma)
    for decision, bar in ((3, 4), (2, 3), (4, 6), (7, 6)):
        with pytest.raises(DataError, match="out of order"):
            memory.observe(decision_at(decision, rng), moment_at(bar, np.ones(N)), True, sigma)


def test_absent_unknown_and_extreme_pay_zero_or_the_bound():
    sigma = np.array([0.01, 0.01, np.nan, 0.01])
    memory = Hippocampus(HippocampusConfig(), 4, K)
    rng = np.random.default_rng(0)
    missing = np.array([True, False, True, True])
    base = np.full(4, 100.0)
    memory.observe(decision_at(0, rng, n=4), moment_at(0, base), False, sigma)
    memory.observe(None, moment_at(1, base, present=missing), False, sigma)
    (episode,) = memory.observe(None, moment_at(2, base * 2), False, sigma)
    assert episode.payoff[0].tolist() == [5.0, 0.0, 0.0, 5.0]


def test_ring_forgets_the_oldest_and_answers_by_step():
    memory = Hippocampus(HippocampusConfig(capacity=16), N, K)
    done = live(memory, None, 40)
    assert [e.step for e in done] == list(range(38))
    assert len(memory) == 16
    assert [e.step for e in memory.recent(3)] == [35, 36, 37]
    assert [e.step for e in memory.held_back(30)] == list(range(30, 38))
    assert [e.step for e in memory.held_back(0)] == list(range(22, 38))
    assert encode(memory.recent(1)[0]) == encode(done[-1])


def test_replay_never_shows_the_held_back_slice():
    memory = Hippocampus(HippocampusConfig(capacity=64), N, K)
    live(memory, None, 60)
    episodes, weights = memory.replay(200, 40, np.random.default_rng(1))
    assert len(episodes) == weights.size == 200
    assert max(e.step for e in episodes) < 40
    assert ((weights > 0) & (weights <= 1)).all()
    assert len({e.step for e in episodes}) > 30
    assert len(memory.replay(5, 0, np.random.default_rng(1))[0]) == 0


def test_updated_priorities_steer_replay():
    memory = Hippocampus(HippocampusConfig(capacity=64), N, K)
    live(memory, None, 42)
    steps = np.arange(40)
    memory.update_priorities(np.append(steps, 9999), np.where(np.append(steps, 0) == 7, 1e4, 0.0))
    episodes, _ = memory.replay(50, 100, np.random.default_rng(2))
    assert sum(e.step == 7 for e in episodes) > 25
    with pytest.raises(DataError):
        memory.update_priorities(steps[:2], np.array([1.0]))


def test_ripples_mark_losses_regime_changes_and_risk():
    memory = Hippocampus(HippocampusConfig(), N, K)
    rng = np.random.default_rng(3)
    done, equity = [], 100.0
    for t in range(60):
        equity *= 0.9 if t == 42 else 1.0 + 0.001 * (-1) ** t
        regime = Regime.BEAR if t >= 50 else Regime.BULL
        severity = Severity.CRITICAL if t == 53 else Severity.NONE
        decision = decision_at(t, rng, dominant=regime, severity=severity)
        done += memory.observe(decision, moment_at(t, np.full(N, 100.0), equity), False, np.full(N, 0.01))
    kinds = {e.step: e.ripple for e in done}
    assert kinds[41] == "large_loss"  # a loss without positions is known a bar later
    assert kinds[50] == "regime_change"
    assert kinds[53] == "risk_event"
    raised = memory.take_ripples()
    assert sum(raised.values()) == sum(e.ripple != "" for e in done)
    assert raised["large_loss"] == 1
    assert memory.take_ripples() == {}
    assert done[41].surprise > 0.7
    assert all(e.surprise < 0.7 for e in done[:41])


def test_recall_finds_the_experience_and_its_reward():
    memory = Hippocampus(HippocampusConfig(), N, K)
    assert memory.recall(np.zeros(D)) == (0.0, 0.0, 0)
    done = live(memory, None, 50)
    similarity, reward, count = memory.recall(done[11].context, 1)
    assert (similarity, count) == (pytest.approx(1.0), 1)
    assert reward == done[11].reward
    assert memory.recall(done[11].context, 20)[2] == 20


def test_snapshot_continues_identically():
    config = HippocampusConfig(capacity=32)
    memory = Hippocampus(config, N, K)
    live(memory, None, 47)
    memory.replay(10, 40, np.random.default_rng(0))
    fresh = Hippocampus(config, N, K)
    fresh.restore(memory.snapshot())
    assert fresh.snapshot() == memory.snapshot()
    assert [encode(e) for e in live(memory, None, 9, 47)] == [encode(e) for e in live(fresh, None, 9, 47)]
    a, b = (m.replay(30, 50, np.random.default_rng(5)) for m in (memory, fresh))
    assert [encode(e) for e in a[0]] == [encode(e) for e in b[0]]
    assert a[1].tobytes() == b[1].tobytes()
    assert memory.recall(np.ones(D), 5) == fresh.recall(np.ones(D), 5)
    with pytest.raises(IntegrityError):
        Hippocampus(config, N, K + 1).restore(memory.snapshot())
    memory.reset()
    assert memory.snapshot() == Hippocampus(config, N, K).snapshot()


@pytest.mark.parametrize("steps", [1, 20, 75])
def test_a_snapshot_without_episodes_is_made_whole_by_their_journal(steps):
    config = HippocampusConfig(capacity=32)
    memory = Hippocampus(config, N, K)
    journal = [encode(episode) for episode in live(memory, None, steps)]
    memory.replay(10, steps, np.random.default_rng(0))
    memory.consolidate(0.0, steps)
    memory.fade_traces()
    raw = memory.snapshot(episodes=False)
    fresh = Hippocampus(config, N, K)
    fresh.restore(raw, [decode(payload, Episode) for payload in journal[-config.capacity :]])
    assert fresh.snapshot() == memory.snapshot()


def test_a_snapshot_without_episodes_is_refused_where_some_are_missing():
    memory = Hippocampus(HippocampusConfig(capacity=32), N, K)
    lived = live(memory, None, 20)
    with pytest.raises(IntegrityError, match="episodes of a snapshot are missing"):
        Hippocampus(HippocampusConfig(capacity=32), N, K).restore(memory.snapshot(episodes=False), lived[1:])


def test_a_full_memory_is_small_and_quick_to_write():
    memory = Hippocampus(HippocampusConfig(), 20, 10)
    live(memory, None, 40, n=20, k=10)
    ring = memory._ring
    ring.records[:] = np.resize(ring.records[:38], 2048)
    ring.records["step"] = np.arange(2048)
    ring.total = 2048
    best, raw = 1.0, b""
    for _ in range(5):
        start = time.perf_counter()
        raw = memory.snapshot()
        best = min(best, time.perf_counter() - start)
    assert len(raw) < 2_500_000
    assert best < 0.02


def test_a_decision_of_another_book_is_refused():
    memory = Hippocampus(HippocampusConfig(context_size=10), N, K)
    with pytest.raises(DataError, match="context_size"):
        memory.observe(
            decision_at(0, np.random.default_rng(0)), moment_at(0, np.ones(N)), True, np.full(N, 0.01)
        )


def test_what_is_replayed_comes_with_the_episode_one_bar_later():
    memory = Hippocampus(HippocampusConfig(capacity=32), N, K)
    done = {e.step: e for e in live(memory, None, 60)}
    for episodes in (
        memory.held_back(0),
        memory.recent(10),
        memory.replay(64, 50, np.random.default_rng(0))[0],
    ):
        assert episodes.continues.any()
        for row in range(len(episodes)):
            step = int(episodes.step[row])
            expected = done[step + 1] if episodes.continues[row] else done[step]
            assert encode(episodes.after[row]) == encode(expected)
    assert memory.held_back(0).continues.tolist() == [True] * 31 + [False]  # the newest has none


@pytest.mark.parametrize("ripples", [False, True])
def test_no_successor_reaches_into_what_is_held_back(ripples):
    """A successor of the decision at 39 would be one at 40, whose outcome belongs to the slice."""
    memory = Hippocampus(HippocampusConfig(), N, K)
    live(memory, None, 60)
    memory.queue.reset()
    memory.queue.push(RippleType.LARGE_LOSS, 1.0, 38, 38 * 10**12)
    told = memory.replay_ripples(50, 40, Compression.NONE)[0]
    episodes = told if ripples else memory.replay(500, 40, np.random.default_rng(0))[0]
    assert episodes.step.max() == 39
    assert not episodes.continues[episodes.step == 39].any()
    assert episodes.continues[episodes.step < 39].all()
    assert episodes.after.step.max() == 39


def test_a_gap_between_decisions_ends_a_sequence():
    memory = Hippocampus(HippocampusConfig(), N, K)
    for t in range(30):
        local = np.random.default_rng(t)
        decision = None if t in (10, 11) else decision_at(t, local)
        memory.observe(decision, moment_at(t, 100 + local.random(N)), True, np.full(N, 0.01))
    episodes = memory.held_back(0)
    assert episodes.step[~episodes.continues].tolist() == [9, 27]

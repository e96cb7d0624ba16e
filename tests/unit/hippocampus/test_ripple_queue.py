import numpy as np
import pytest

from janus_trader.brain.hippocampus import RippleQueue, RippleQueueConfig, RippleType
from janus_trader.brain.hippocampus.ripple_queue import IMMEDIATE

SECOND = 10**9
NOVEL, LOSS, SPIKE = RippleType.NOVEL_PATTERN, RippleType.LARGE_LOSS, RippleType.VOLATILITY_SPIKE


def queue_of(*ripples, **settings):
    """Of (kind, strength, step); a bar an hour."""
    queue = RippleQueue(RippleQueueConfig(**settings))
    for kind, strength, step in ripples:
        queue.push(kind, strength, step, step * 3600 * SECOND)
    return queue


def waiting(queue, step, before=10**9, **settings):
    return queue.waiting(before, step, step * 3600 * SECOND, **settings).tolist()


def test_immediate_kinds_come_first_and_then_the_stronger():
    assert {
        RippleType.LARGE_LOSS,
        RippleType.RISK_EVENT,
        RippleType.REGIME_CHANGE,
        RippleType.MARKET_ANOMALY,
    } == IMMEDIATE
    queue = queue_of((NOVEL, 3.0, 1), (SPIKE, 0.5, 2), (LOSS, 0.1, 3), (NOVEL, 1.0, 4))
    assert waiting(queue, 4) == [3, 1, 4, 2]
    assert waiting(queue, 4, immediate=True) == [3]
    assert waiting(queue, 4, before=3) == [1, 2]


def test_priorities_fade_by_the_slower_clock():
    queue = queue_of((NOVEL, 1.0, 0), decay_per_second=0.001, decay_per_bar=0.05)
    assert queue.log_priority(0, 100 * SECOND)[0] == 0.0  # the same bar: not a bar has passed
    assert queue.log_priority(10, 100 * SECOND)[0] == pytest.approx(-0.1)  # seconds are slower
    assert queue.log_priority(10, 10 * 86400 * SECOND)[0] == pytest.approx(-0.5)  # bars are slower
    ((kind, priority, step),) = queue.peek(10, 100 * SECOND)
    assert (kind, step) == (NOVEL, 0)
    assert priority == pytest.approx(np.exp(-0.1))


def test_an_old_strong_ripple_falls_behind_a_fresh_weak_one():
    queue = queue_of((NOVEL, 1.0, 0), (SPIKE, 0.5, 100))
    assert waiting(queue, 100) == [100, 0]
    steady = queue_of((NOVEL, 1.0, 0), (SPIKE, 0.5, 100), decay_per_bar=0.001)
    assert waiting(steady, 100) == [0, 100]


def test_what_has_faded_beyond_a_float_still_has_its_rank():
    queue = queue_of((NOVEL, 1.0, 0), (SPIKE, 0.5, 1), decay_per_second=1.0, decay_per_bar=1.0)
    assert waiting(queue, 10**6) == [1, 0]
    assert all(priority >= 0.0 for _, priority, _ in queue.peek(10**6, 10**6 * 3600 * SECOND))


def test_ripples_of_a_kind_within_a_minute_are_one_and_the_stronger_stays():
    queue = RippleQueue(RippleQueueConfig())
    for strength, step, second in ((1.0, 1, 0), (0.5, 2, 30), (1.5, 3, 59), (1.0, 4, 119)):
        queue.push(NOVEL, strength, step, second * SECOND)
    queue.push(SPIKE, 0.5, 5, 119 * SECOND)
    assert sorted(step for _, _, step in queue.peek(5, 119 * SECOND)) == [3, 4, 5]


def test_a_full_queue_drops_its_least_ripple():
    queue = queue_of(
        *((NOVEL, 1.0 + 0.1 * i, i) for i in range(5)), (LOSS, 0.1, 5), capacity=5, decay_per_bar=0.0
    )
    assert len(queue) == 5
    assert waiting(queue, 5) == [5, 4, 3, 2, 1]
    assert RippleQueueConfig().capacity == 1000


def test_a_ripple_leaves_after_its_last_replay():
    queue = queue_of((NOVEL, 1.0, 1), (SPIKE, 1.0, 2))
    for _ in range(9):
        queue.told([1])
    assert waiting(queue, 5) == [2, 1]
    queue.told([1])
    assert waiting(queue, 5) == [2]


def test_state_comes_back():
    queue = queue_of((NOVEL, 1.0, 1), (LOSS, 2.0, 2))
    queue.told([2])
    again = RippleQueue(RippleQueueConfig())
    again.load(queue.state())
    assert again.state() == queue.state()
    assert waiting(again, 9) == waiting(queue, 9)
    again.reset()
    assert waiting(again, 9) == []

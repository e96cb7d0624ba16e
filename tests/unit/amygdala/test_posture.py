from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.amygdala import PostureConfig, PostureMachine
from janus_trader.contracts.decision import Posture, Severity
from janus_trader.contracts.errors import IntegrityError

paths = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


def test_escalates_at_once_and_relaxes_one_step_after_calm_bars() -> None:
    machine = PostureMachine(PostureConfig(calm_bars=3))
    assert machine.update(Severity.CRITICAL) is Posture.HALT
    steps = [machine.update(Severity.NONE) for _ in range(12)]
    assert steps[:2] == [Posture.HALT, Posture.HALT]
    assert steps[2] is Posture.SAFE
    assert [steps[i] for i in (5, 8, 11)] == [Posture.FREEZE, Posture.REDUCE, Posture.NORMAL]


def test_a_reminder_restarts_the_calm_count() -> None:
    machine = PostureMachine(PostureConfig(calm_bars=3))
    for severity in (2, 0, 0, 2, 0, 0):
        posture = machine.update(Severity(severity))
    assert posture is Posture.FREEZE
    assert machine.update(Severity.NONE) is Posture.REDUCE


@settings(max_examples=200, deadline=None)
@given(paths, st.integers(1, 6))
def test_posture_is_monotone_in_the_path_of_severities(path: list[tuple[int, int]], calm: int) -> None:
    low, high = PostureMachine(PostureConfig(calm_bars=calm)), PostureMachine(PostureConfig(calm_bars=calm))
    for a, b in path:
        assert low.update(Severity(min(a, b))) <= high.update(Severity(max(a, b)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=40))
def test_snapshot_continues_identically(path: list[int]) -> None:
    a = PostureMachine()
    cut = len(path) // 2
    for s in path[:cut]:
        a.update(Severity(s))
    b = PostureMachine()
    b.restore(a.snapshot())
    assert [a.update(Severity(s)) for s in path[cut:]] == [b.update(Severity(s)) for s in path[cut:]]


def test_a_wrong_snapshot_is_refused() -> None:
    from janus_trader.foundation.codec import pack

    with pytest.raises(IntegrityError):
        PostureMachine().restore(pack([9, 0]))

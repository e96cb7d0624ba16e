import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.hippocampus import Compression, SleepCycle, SleepCyclesConfig
from janus_trader.contracts.memory import SleepPhase
from janus_trader.foundation.config import build

A, L, D, G, T = SleepPhase
NEXT = {A: {A, L}, L: {L, D, G}, D: {D, G}, G: {G, T}, T: {T, L, A}}
LIMITS = {L: 2, D: 3, G: 5, T: 1}


def course(deep, pressure=0.0, **settings):
    cycle = SleepCycle(SleepCyclesConfig(**settings), deep=deep)
    phases = [cycle.advance(pressure, session_over=True)]
    while phases[-1] is not A:
        phases.append(cycle.advance(pressure))
    return phases


def test_a_night_passes_through_its_phases_with_the_limits_of_each():
    assert course(False) == [L] * 2 + [G] * 5 + [T, A]
    assert course(True) == [L] * 2 + [D] * 3 + [G] * 5 + [T, A]


def test_a_buffer_filled_to_seven_tenths_sends_to_sleep_and_keeps_asleep():
    cycle = SleepCycle(SleepCyclesConfig(), deep=False)
    assert [cycle.advance(0.69) for _ in range(3)] == [A, A, A]
    assert cycle.advance(0.7) is L
    assert course(False, 0.7, rounds=2) == ([L] * 2 + [G] * 5 + [T]) * 2 + [A]
    assert course(False, 0.7) == [L] * 2 + [G] * 5 + [T, A]  # one round unless configured
    assert SleepCycle(SleepCyclesConfig(), deep=False).advance(float("nan")) is L


def test_phases_have_their_intensity_compression_and_threshold():
    config = SleepCyclesConfig()
    assert [config.of(p).intensity for p in SleepPhase] == [0.0, 0.3, 0.8, 0.6, 0.2]
    assert [config.of(p).compression for p in SleepPhase] == list(Compression)
    assert config.integration.threshold == 0.3
    assert not config.awake.replays


@given(st.booleans(), st.lists(st.floats(0, 1), min_size=1, max_size=80), st.integers(1, 4))
def test_whatever_the_pressure_only_allowed_steps_are_taken_and_no_phase_outlasts_its_limit(
    deep, pressures, rounds
):
    cycle = SleepCycle(SleepCyclesConfig(rounds=rounds), deep=deep)
    before = cycle.phase
    for pressure in pressures:
        after = cycle.advance(pressure)
        assert after in NEXT[before]
        assert after is A or cycle.cycles <= LIMITS[after]
        assert deep or after is not D
        before = after


@given(st.integers(0, 20_000), st.booleans())
def test_the_replay_is_split_without_loss(amount, deep):
    shares = SleepCycle(SleepCyclesConfig(), deep=deep).shares(amount)
    assert sum(map(sum, shares.values())) == amount
    assert [len(parts) for parts in shares.values()] == ([2, 3] if deep else [2])
    assert all(part >= 0 for parts in shares.values() for part in parts)
    if deep and amount >= 100:
        assert min(shares[D]) > 2 * max(shares[L])


def test_the_configuration_reads_from_plain_values():
    config = build(
        SleepCyclesConfig,
        [{"deep": {"compression": 25, "intensity": 1.0, "replays": True, "threshold": 0.5}}],
    )
    assert config.deep.compression is Compression.EXTREME


def test_a_night_without_replay_has_no_shares():
    quiet = SleepCyclesConfig()
    light = quiet.light.replace(replays=False)
    assert SleepCycle(quiet.replace(light=light), deep=False).shares(64) == {L: []}
    with pytest.raises(AttributeError):
        quiet.of("nap")

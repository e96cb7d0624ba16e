"""One brain over recorded moments: snapshots, learners, wake."""

import pytest

from janus_trader.brain.integration.sleep import Sleep
from janus_trader.brain.integration.wake import Wake
from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.codec import encode, pack, unpack
from janus_trader.foundation.rng import Rng
from support.lives import history, make_life

SPAN = {"start": "2008-09-01", "end": "2008-10-31", "symbols": ("AAPL", "BAC", "KO"), "warmup_bars": 90}


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    """Every moment of a short life, as the brain saw it."""
    life = make_life(tmp_path_factory.mktemp("moments") / "run", history(**SPAN))
    seen, step = [], life.wake.step

    def remember(moment):
        seen.append(moment)
        return step(moment)

    life.wake.step = remember
    life.run()
    life.venue.close()
    return seen


@pytest.fixture
def fresh(tmp_path):
    lives = []

    def make(*settings):
        life = make_life(tmp_path / f"fresh-{len(lives)}", history(**SPAN), *settings)
        lives.append(life)
        return life.brain

    yield make
    for life in lives:
        life.venue.close()


def live_through(brain, moments, previous=None):
    """Days and nights over given moments; the bytes of every decision and the last one."""
    wake, sleep, said = Wake(brain), Sleep(make_sleep_config(), brain, Rng(5)), []
    for moment in moments:
        brain.begin_session(moment.step)
        brain.hippocampus.observe(previous, moment, False, brain.sigma())
        previous = wake.step(moment)
        said.append(encode(previous))
        sleep.night(moment.step, moment.ts_event, deep=moment.step % 20 == 19)
    return said, previous


def make_sleep_config():
    from janus_trader.brain.integration.sleep import SleepConfig

    return SleepConfig(holdback_sessions=15)


def test_a_restored_brain_goes_on_as_the_original(fresh, moments):
    a = fresh()
    _, last = live_through(a, moments[:70])
    raw = a.snapshot()
    b = fresh()
    b.restore(raw)
    assert b.parameters_fingerprint == a.parameters_fingerprint
    assert b.snapshot() == raw
    assert live_through(a, moments[70:], last)[0] == live_through(b, moments[70:], last)[0]
    assert a.snapshot() == b.snapshot()


def test_a_reset_brain_is_a_new_one(fresh, moments):
    a, b = fresh(), fresh()
    live_through(a, moments[:60])
    a.reset()
    assert a.session_steps == []
    assert live_through(a, moments[:60])[0] == live_through(b, moments[:60])[0]


def test_a_snapshot_of_another_brain_is_refused(fresh):
    brain = fresh()
    tree = unpack(brain.snapshot())
    del tree["amygdala"]
    with pytest.raises(IntegrityError, match="another brain"):
        brain.restore(pack(tree))


def test_frozen_learners_keep_their_parameters(fresh, moments):
    brain, free = fresh('brain.frozen_learners=["opal","fear"]'), fresh()
    names = [x.name for x in brain.learners()]
    assert "opal" not in names
    assert "fear" not in names
    assert [x.name for x in free.learners() if x.name in names] == names

    def opal(b):
        (learner,) = [x for x in b.basal_ganglia.learners() if x.name == "opal"]
        return pack(learner.parameters())

    before = opal(brain)
    assert before == opal(free)
    live_through(brain, moments)
    live_through(free, moments)
    assert opal(brain) == before
    assert opal(free) != before


def test_the_fingerprint_follows_the_parameters(fresh, moments):
    brain = fresh()
    first = brain.parameters_fingerprint
    said, last = live_through(brain, moments)
    assert last.parameters != first
    assert len(said) == len(moments)


def test_sessions_are_remembered_up_to_a_bound(fresh):
    brain = fresh()
    for step in range(700):
        brain.begin_session(step)
    assert len(brain.session_steps) == 512
    assert brain.session_steps[-1] == 699

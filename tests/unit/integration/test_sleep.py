from types import SimpleNamespace

import numpy as np
import pytest

from janus_trader.brain.integration.sleep import EPISODE_BARS, Sleep, SleepConfig, relative_change
from janus_trader.contracts.memory import Episode, Episodes, SleepPhase
from janus_trader.foundation.rng import Rng


def episode(step):
    return Episode(
        step=step,
        ts_event=step,
        context=np.zeros(2),
        posterior=np.full(7, 1 / 7),
        signals=np.zeros((1, 1)),
        payoff=np.zeros((1, 1)),
        weights=np.zeros(1),
        reward=0.0,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


class Memory:
    """Every bar an episode; remembers what it was asked."""

    def __init__(self, n, capacity=10**6):
        self.all = [episode(i) for i in range(n)]
        self.asked = []
        self.config = SimpleNamespace(capacity=capacity)

    def __len__(self):
        return len(self.all)

    def recent(self, n):
        return Episodes.of(self.all[-n:])

    def held_back(self, since):
        return Episodes.of([e for e in self.all if e.step >= since])

    def replay(self, amount, before, generator):
        self.asked.append((amount, before))
        known = [e for e in self.all if e.step < before]
        if not known:
            return Episodes.of([]), np.empty(0)
        chosen = [known[i] for i in np.sort(generator.integers(0, len(known), amount))]
        return Episodes.of(chosen), np.ones(amount)

    def take_ripples(self):
        return {}


class Learner:
    """Proposes ``proposal``; the score of parameters is the number they hold."""

    def __init__(self, proposal, current=1.0, name="learner", deep_only=False):
        self.name, self.deep_only, self.value, self.proposal = name, deep_only, current, proposal
        self.trained, self.judged, self.draws = [], [], []

    def parameters(self):
        return {"w": self.value}

    def propose(self, train, rng):
        self.trained.append([e.step for e in train])
        self.draws.append(rng.random())
        return None if self.proposal is None else {"w": self.proposal}

    def score(self, parameters, held_back):
        self.judged.append([e.step for e in held_back])
        return parameters["w"]

    def adopt(self, parameters):
        self.value = parameters["w"]


class Brain:
    """As much of a brain as a night touches."""

    def __init__(self, *learners, bars=60, per_session=1, neutral=(), capacity=10**6):
        self.hippocampus = Memory(bars, capacity)
        self.session_steps = list(range(0, bars, per_session))
        self.config = SimpleNamespace(neutral=neutral)
        self._learners, self.changes, self.learned_until = learners, 0, 0

    def learners(self):
        return list(self._learners)

    @property
    def parameters_fingerprint(self):
        return str(self.changes)

    def parameters_changed(self):
        self.changes += 1


def sleep(brain, **settings):
    return Sleep(SleepConfig(**{"holdback_sessions": 10, "min_train": 1, **settings}), brain, Rng(0))


@pytest.mark.parametrize("per_session", [1, 4])
def test_training_ends_before_the_held_back_slice_begins(per_session):
    learner = Learner(2.0)
    brain = Brain(learner, bars=80, per_session=per_session)
    sleep(brain).night(0, 0, deep=True)
    boundary = brain.session_steps[-10]
    assert boundary == 80 - 10 * per_session
    assert learner.judged[0] == learner.judged[1] == list(range(boundary, 80))
    # an episode of the decision at t is known only at t + 2: the last one trained on ends before the slice
    assert max(learner.trained[0]) + EPISODE_BARS < boundary
    assert brain.hippocampus.asked == [(SleepConfig().replay_deep, boundary - EPISODE_BARS)]


def test_a_candidate_that_is_not_worse_is_adopted():
    for proposal in (1.0, 2.0):
        learner = Learner(proposal)
        report = sleep(Brain(learner)).night(3, 7, deep=False)
        (candidate,) = report.candidates
        assert candidate.accepted
        assert learner.value == proposal
        assert (candidate.incumbent, candidate.candidate) == (1.0, proposal)
        assert (report.parameters_before, report.parameters_after) == ("0", "1")


@pytest.mark.parametrize("proposal", [0.999, float("nan"), float("-inf"), float("inf")])
def test_a_worse_or_unscorable_candidate_is_refused(proposal):
    learner = Learner(proposal)
    report = sleep(Brain(learner)).night(0, 0, deep=False)
    (candidate,) = report.candidates
    assert not candidate.accepted
    assert learner.value == 1.0
    assert np.isfinite(candidate.candidate)
    assert report.parameters_before == report.parameters_after


def test_tolerance_says_how_much_worse_is_still_good_enough():
    learner = Learner(0.95)
    sleep(Brain(learner), tolerance=0.1).night(0, 0, deep=False)
    assert learner.value == 0.95


def test_nothing_is_learned_without_enough_to_train_on_or_to_judge_by():
    for settings, bars in (
        ({"min_train": 200}, 60),
        ({"min_held_back": 11}, 60),
        ({}, 9),
        ({"enabled": False}, 60),
    ):
        learner = Learner(2.0)
        report = sleep(Brain(learner, bars=bars), **settings).night(0, 0, deep=False)
        assert report.candidates == ()
        assert learner.value == 1.0


def test_a_brain_without_integration_does_not_learn():
    learner = Learner(2.0)
    assert sleep(Brain(learner, neutral=("integration",))).night(0, 0, deep=True).candidates == ()


def test_a_learner_that_has_nothing_to_propose_is_left_alone():
    assert sleep(Brain(Learner(None))).night(0, 0, deep=True).candidates == ()


def test_phases_and_deep_learners():
    light, deep = Learner(2.0, name="light"), Learner(2.0, name="deep", deep_only=True)
    brain = Brain(light, deep)
    night = sleep(brain)
    first, second = night.night(0, 0, deep=False), night.night(1, 1, deep=True)
    names = [SleepPhase.AWAKE, SleepPhase.LIGHT, SleepPhase.INTEGRATION, SleepPhase.TRANSITION]
    assert list(first.phases) == names
    assert list(second.phases) == [*names[:2], SleepPhase.DEEP, *names[2:]]
    assert [c.learner for c in first.candidates] == ["light"]
    assert [c.learner for c in second.candidates] == ["light", "deep"]
    assert [amount for amount, _ in brain.hippocampus.asked] == [
        SleepConfig().replay_light,
        SleepConfig().replay_deep,
    ]


def test_a_night_is_determined_by_its_number_and_the_learners_name():
    runs = []
    for extra in ((), (Learner(2.0, name="other"),)):
        learner = Learner(2.0)
        night = sleep(Brain(learner, *extra))
        night.night(0, 0, deep=False)
        night.night(1, 0, deep=False)
        runs.append((learner.trained, learner.draws))
    assert runs[0] == runs[1]  # another learner beside it changes nothing
    assert runs[0][1][0] != runs[0][1][1]


def test_size_of_a_change():
    assert relative_change({"a": np.zeros(3)}, {"a": np.zeros(3)}) == 0.0
    assert relative_change({"a": np.ones(3)}, {"a": np.ones(4)}) == 1.0
    assert relative_change({"a": [np.nan, 1.0], "b": "x"}, {"a": [np.nan, 2.0], "b": "y"}) == 0.5
    assert relative_change(None, None) == 0.0


def test_days_of_many_bars_leave_something_to_train_on():
    learner = Learner(2.0)
    brain = Brain(learner, bars=400, per_session=100, capacity=400)
    sleep(brain, holdback_sessions=21).night(0, 0, deep=False)
    assert learner.judged[0] == list(range(300, 400))
    assert max(learner.trained[0]) + EPISODE_BARS < 300


def test_every_episode_is_learned_from_when_it_has_become_old_enough():
    learner = Learner(2.0)
    brain = Brain(learner, bars=60)
    night = sleep(brain, replay_light=1)
    night.night(0, 0, deep=False)
    assert set(learner.trained[0]) == set(range(48))
    brain.hippocampus.all += [episode(60), episode(61)]
    brain.session_steps += [60, 61]
    night.night(1, 0, deep=False)
    assert {48, 49} <= set(learner.trained[1])
    assert len(learner.trained[1]) == 3


def test_a_night_says_why_nothing_was_learned():
    brain = Brain(Learner(2.0), bars=12)
    report = sleep(brain, min_train=32).night(0, 0, deep=False)
    assert "32 needed" in report.note
    assert report.candidates == ()

from types import SimpleNamespace

import numpy as np
import pytest

from janus_trader.brain.hippocampus import Compression
from janus_trader.brain.integration.learning_curves import LearningCurves
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
        self.asked, self.ripples, self.told, self.thresholds, self.errors = [], [], [], [], []
        self.faded = self.settled = 0
        self.config = SimpleNamespace(capacity=capacity)

    def __len__(self):
        return len(self.all)

    def recent(self, n):
        return Episodes.of(self.all[-n:])

    @property
    def newest_step(self):
        return self.all[-1].step if self.all else -1

    latest_step = newest_step
    traces, queue = 0, ()

    def count_since(self, step):
        return len([e for e in self.all if e.step >= step])

    def held_back(self, since):
        return Episodes.of([e for e in self.all if e.step >= since])

    def replay_ripples(self, amount, before, ratio, *, immediate=False):
        self.ripples.append((amount, before, ratio, immediate))
        return Episodes.of(self.told), np.full(len(self.told), 2.0)

    def consolidate(self, threshold, before):
        self.thresholds.append(threshold)
        return [f"memory {len(self.thresholds)}"]

    def fade_traces(self):
        self.faded += 1

    def settle_places(self):
        self.settled += 1

    def update_priorities(self, steps, errors):
        self.errors.append((steps, errors))

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
        self.cortex, self.handed = self, []

    def consolidate(self, records, generator, episodes):
        self.handed.append((list(records), generator.random(), [e.step for e in episodes]))

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
    amounts, before = zip(*brain.hippocampus.asked, strict=True)
    assert sum(amounts) == SleepConfig().replay_deep
    assert set(before) == {boundary - EPISODE_BARS}
    assert all(asked[1] == boundary - EPISODE_BARS for asked in brain.hippocampus.ripples)


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
    amounts = [amount for amount, _ in brain.hippocampus.asked]
    assert amounts == [32, 32, 51, 51, 137, 136, 137]  # two light cycles; then two light and three deep ones
    assert first.cycles == {"light": 2, "integration": 5, "transition": 1}
    assert second.cycles == {"light": 2, "deep": 3, "integration": 5, "transition": 1}


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


# --- the phases and what they do -----------------------------------------------------------------------


def test_each_phase_tells_ripples_at_its_own_compression_and_light_nights_only_what_cannot_wait():
    brain = Brain(Learner(2.0))
    night = sleep(brain)
    night.night(0, 0, deep=False)
    assert [(ratio, only) for _, _, ratio, only in brain.hippocampus.ripples] == [
        (Compression.LIGHT, True)
    ] * 2
    brain.hippocampus.ripples.clear()
    night.night(1, 0, deep=True)
    ratios = [(ratio, only) for _, _, ratio, only in brain.hippocampus.ripples]
    after = [(Compression.STRONG, False)] * 5 + [(Compression.EXTREME, False)]
    assert ratios == [(Compression.LIGHT, False)] * 2 + [(Compression.MEDIUM, False)] * 3 + after
    amounts = [amount for amount, *_ in brain.hippocampus.ripples]
    assert amounts == [10, 10, 27, 27, 27, *[12] * 5, 4]  # a fifth of the replay, then what leaves traces


def test_what_is_told_around_ripples_is_trained_on_and_leaves_less_to_be_drawn():
    learner = Learner(2.0)
    brain = Brain(learner)
    brain.hippocampus.told = [episode(5), episode(6)]
    report = sleep(brain, min_train=1).night(0, 0, deep=False)
    assert [amount for amount, _ in brain.hippocampus.asked] == [30, 30]
    assert (report.ripple_replays, report.compression) == (4, 2.0)
    assert report.replayed == 64 + 48  # every old enough episode as well
    assert {5, 6} <= set(learner.trained[0])


def test_only_deep_nights_hand_memories_to_the_cortex_and_every_night_fades_traces():
    brain = Brain(Learner(2.0))
    night = sleep(brain)
    assert night.night(0, 0, deep=False).consolidated == 0
    assert (brain.handed, brain.hippocampus.faded, brain.hippocampus.settled) == ([], 1, 0)
    report = night.night(1, 0, deep=True)
    assert brain.hippocampus.thresholds == [0.6] * 3 + [0.3] * 5
    assert report.consolidated == 8
    (records, _, taught) = brain.handed[0]
    assert len(records) == 8
    assert taught == list(range(48))  # nothing of the held-back slice reaches the cortex
    assert brain.hippocampus.settled == 1
    brain.hippocampus.all += [episode(60), episode(61)]
    brain.session_steps += [60, 61]
    night.night(2, 0, deep=True)
    assert brain.handed[1][2] == [48, 49]  # the cortex is told everything once


class Predictor(Learner):
    """Has errors: ``e`` of every episode."""

    def __init__(self, e, **settings):
        super().__init__(None, **settings)
        self.e = e

    def errors(self, episodes):
        return np.full(len(episodes), self.e) if np.isscalar(self.e) else self.e(episodes)


def test_errors_of_learners_become_priorities_in_units_of_their_mean():
    def errors(episodes):
        return np.where(episodes.step == 7, -30.0, 0.01)

    brain = Brain(Predictor(errors, name="a"), Predictor(1e6, name="b"), Learner(None, name="none"))
    sleep(brain).night(0, 0, deep=False)
    ((steps, values),) = brain.hippocampus.errors
    assert set(values[steps == 7]) == {
        (5.0 + 1.0) / 2
    }  # clipped at five mean errors, averaged with the other's 1
    assert values[steps != 7].max() < 0.6
    assert np.isfinite(values).all()


def test_errors_that_are_no_numbers_set_no_priority():
    brain = Brain(Predictor(float("nan")))
    sleep(brain).night(0, 0, deep=False)
    ((_, values),) = brain.hippocampus.errors
    assert values.tolist() == [0.0] * len(values)


def test_pressure_is_what_no_night_has_learned_from():
    brain = Brain(Learner(2.0), bars=60, capacity=120)
    night = sleep(brain)
    assert night.pressure == 0.5
    night.night(0, 0, deep=False)
    assert night.pressure == (60 - brain.learned_until) / 120


# --- learning curves -----------------------------------------------------------------------------------


class Taught(Learner):
    """Proposes one more each night; its score is the parameter times the number of episodes."""

    def propose(self, train, rng):
        self.proposal = self.value + 1.0
        return super().propose(train, rng)

    def score(self, parameters, held_back):
        super().score(parameters, held_back)
        return parameters["w"] * len(held_back)


def later(night, brain, bars, number, deep=False):
    brain.hippocampus.all += [episode(len(brain.hippocampus.all) + i) for i in range(bars)]
    brain.session_steps = list(range(len(brain.hippocampus.all)))
    return night.night(number, 0, deep=deep)


def test_a_deep_night_is_judged_once_on_decisions_made_after_it():
    learner = Taught(None, current=1.0)
    brain = Brain(learner)
    night = sleep(brain, curve_sessions=21)
    night.night(4, 0, deep=True)  # from 1 to 2; the last decision known was 59
    assert later(night, brain, 21, 5).curves == ()
    report = later(night, brain, 1, 6)
    (point,) = report.curves
    assert (point.learner, point.night, point.episodes) == ("learner", 4, 21)
    assert (point.before, point.after) == (21.0, 42.0)  # though other nights have changed it since
    assert learner.judged.count(list(range(61, 82))) == 2
    assert later(night, brain, 5, 7).curves == ()


def test_light_nights_and_learners_that_did_not_change_are_not_followed():
    brain = Brain(Taught(None, name="a"), Learner(1.0, name="same"), Learner(0.5, name="worse"))
    night = sleep(brain)
    night.night(0, 0, deep=False)
    assert len(night.curves) == 0
    night.night(1, 0, deep=True)
    assert len(night.curves) == 1
    off = sleep(Brain(Taught(None)), curve_sessions=0)
    off.night(0, 0, deep=True)
    assert len(off.curves) == 0


def test_what_is_followed_survives_a_restart_and_cannot_be_changed_from_outside():
    reports = []
    for restarted in (False, True):
        learner = Taught(None)
        brain = Brain(learner)
        night = sleep(brain)
        night.night(0, 0, deep=True)
        if restarted:
            raw, night = night.snapshot(), sleep(brain)
            night.restore(raw)
        reports.append(later(night, brain, 22, 1).curves)
    assert reports[0] == reports[1]
    assert len(reports[0]) == 1


def test_parameters_too_large_are_not_followed_and_unscorable_ones_not_reported():
    curves = LearningCurves(64)
    curves.remember("big", 0, {"w": np.zeros(100)}, {"w": np.ones(100)}, 0)
    assert len(curves) == 0
    curves.remember("small", 0, {"w": 1.0}, {"w": float("nan")}, 0)
    (change,) = curves.due(lambda step: 1, 1)
    assert curves.judged(change, Learner(None), Episodes.of([episode(1)])) is None
    assert curves.judged(change, Learner(None), Episodes.of([])) is None


def test_a_learner_that_needs_bars_in_a_row_gets_the_latest_before_the_slice(tmp_path):
    from support.lives import history, make_life

    life = make_life(tmp_path / "run", history(start="2008-06-01", end="2008-12-31", symbols=("AAPL", "KO")))
    try:
        life.run()
        sleep, seen = life.sleep, []

        class Sequences:
            name, deep_only, consecutive_bars = "sequences", True, 40

            def parameters(self):
                return {}

            def propose(self, train, rng):
                seen.append(train.step)

        sleep._learn(Sequences(), Episodes.of([]), Episodes.of([]), 0, deep=True)
        boundary = sleep._boundary() - 2
        assert seen[0].tolist() == list(range(boundary - 40, boundary))
    finally:
        life.venue.close()

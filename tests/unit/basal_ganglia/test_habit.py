"""Habits: familiar states repeat their choice for a while; a new regime or new parameters end that."""

import numpy as np

from janus_trader.brain.basal_ganglia import BasalGangliaConfig
from janus_trader.brain.basal_ganglia.habit import HabitCache
from janus_trader.brain.basal_ganglia.policy_config import HabitConfig, PolicyConfig
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.codec import encode
from support.policies import acts, lesson, percept, seen, trained


def bars(bg, count, view=None, **more):
    return [acts(bg, view or seen(), **more) for _ in range(count)]


def habits(actions):
    return [bool(a.habit.all()) for a in actions]


def test_a_familiar_state_becomes_habit_and_is_thought_over_now_and_then():
    shown = habits(bars(trained(), 16))
    assert shown == [False] * 3 + [True] * 5 + [False] + [True] * 5 + [False] + [True]


def test_a_habit_repeats_the_choice_of_a_state_like_this():
    bg = trained()
    first = bars(bg, 3)[-1]
    near = seen()
    near.features[:, :-1] += 1e-3
    again = acts(bg, near)
    assert again.habit.all()
    assert again.policy.tobytes() == first.policy.tobytes()
    assert acts(trained(), near).policy.tobytes() != first.policy.tobytes()


def test_another_regime_ends_habits():
    bg = trained()
    assert habits(bars(bg, 5))[-1]
    crisis = percept(Regime.CRISIS, evidence=np.zeros(3))
    other = seen(regime=crisis.regime)
    assert habits(bars(bg, 1, other)) == [False]
    assert habits(bars(bg, 1)) == [False]


def test_new_parameters_end_habits():
    bg = trained()
    assert habits(bars(bg, 5))[-1]
    learner = bg.learners()[-1]
    learner.adopt(learner.propose(lesson(), np.random.default_rng(5)))
    assert habits(bars(bg, 1)) == [False]


def test_other_states_are_not_habits():
    bg = trained()
    bars(bg, 5)
    assert not acts(bg, seen(), values=np.full((4, 3), -0.9)).habit.any()


def test_switched_off_every_choice_is_made_anew():
    bg = trained()
    off = BasalGangliaConfig().policy.replace(habit=HabitConfig(enabled=False), share=1.0)
    assert isinstance(off, PolicyConfig)
    bg._policy.config = off
    assert not any(habits(bars(bg, 8)))


def test_restored_in_the_middle_of_a_habit_it_goes_on_alike():
    one = trained()
    bars(one, 5)
    raw = one.snapshot()
    other = trained("actor_critic")
    other.reset()
    other.restore(raw)
    assert other.snapshot() == raw
    for a, b in zip(bars(one, 8), bars(other, 8), strict=True):
        assert encode(a) == encode(b)


def test_the_table_is_bounded_and_deterministic():
    rng = np.random.default_rng(0)
    caches = [HabitCache(HabitConfig(capacity=16), 3) for _ in range(2)]
    for _ in range(500):
        rows = rng.uniform(-1, 1, (3, 6))
        outs = []
        for cache in caches:
            out = np.zeros((3, 3))
            cache.begin(0, changed=False)
            if cache.recall(rows, 6, 0, out):
                out[~cache.habit] = np.round(rows[~cache.habit, :3])
                cache.keep(out)
            outs.append(out.tobytes())
        assert outs[0] == outs[1]
    assert np.count_nonzero(caches[0].keys) <= 16
    assert len(set(caches[0].keys.tolist())) == 16

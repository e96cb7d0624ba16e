"""The feudal worker: skills learned from transitions, stances within bounds."""

import numpy as np
import pytest

from janus_trader.brain.hippocampus.worker import SkillWorker, WorkerConfig
from janus_trader.contracts.decision import Goal
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.memory import Episode, Episodes

ON = WorkerConfig(enabled=True, skills=2, horizon=5, min_decisions=50)
N, F = 3, 12


def world(n=500, seed=0, sign=1.0):
    """Where the market goes right, the first feature pays; where it goes left, it costs."""
    rng = np.random.default_rng(seed)
    right = np.repeat(rng.random(n // 20 + 1) < 0.5, 20)[:n]
    x = np.cumsum(np.where(right, 0.05, -0.05))[:, None] * [1.0, 0.0] + 0.01 * rng.standard_normal((n, 2))
    out = []
    for t in range(n):
        features = rng.standard_normal((N, F)).astype("f4")
        features[:, -1] = 1.0
        payoff = (sign if right[t] else -sign) * 0.5 * features[:, 0] + 0.5 * rng.standard_normal(N)
        out.append(
            Episode(
                step=t,
                ts_event=t,
                context=x[t],
                posterior=np.full(7, 1 / 7),
                signals=np.zeros((1, N), "f4"),
                payoff=payoff[None].astype("f4"),
                weights=np.zeros(N, "f4"),
                reward=0.0,
                cost=0.0,
                fear=0.0,
                surprise=0.0,
                confidence=0.0,
                features=features,
                held=np.zeros(N, "f4"),
            )
        )
    return Episodes.of(out)


def goal(*direction, intrinsic=1.0):
    return Goal(direction=np.array(direction), age=0, horizon=5, intrinsic=intrinsic)


def trained():
    worker = SkillWorker(ON)
    (learner,) = worker.learners()
    worker.adopt(learner.propose(world(), np.random.default_rng(0)))
    return worker, learner


def test_the_goal_chooses_the_skill():
    worker, _ = trained()
    x = np.zeros((N, F))
    x[:, -1], x[0, 0], x[1, 0] = 1.0, 1.0, -1.0
    right, left = worker.outlook(goal(1.0, 0.0), x), worker.outlook(goal(-1.0, 0.0), x)
    assert right[0] > 0.3 > -0.3 > right[1]
    assert left[0] < -0.3 < 0.3 < left[1]
    assert abs(right[2]) < 0.1


def test_skills_that_hold_pay_on_days_not_seen_and_reversed_ones_do_not():
    worker, learner = trained()
    assert learner.score(worker.skills, world(seed=5)) > 0.05
    assert learner.score(worker.skills, world(seed=5, sign=-1.0)) < -0.05
    assert learner.score(None, world(seed=5)) == 0.0


def test_the_score_reads_nothing_after_the_decision():
    worker, learner = trained()
    e = world(120, seed=6)
    whole = learner.score(worker.skills, e)
    short = learner.score(worker.skills, e.taken(slice(0, 60)))
    _, _, payoff = learner._decisions(e, hindsight=False)
    _, features, _ = learner._decisions(e.taken(slice(0, 60)), hindsight=False)
    assert len(features) == 55
    assert whole != short
    direction, _, _ = learner._decisions(e, hindsight=False)
    move = e.context[5] - e.context[0]
    assert np.allclose(direction[0], move / np.linalg.norm(move))
    assert np.array_equal(payoff[0], e.payoff[5, 0])


def test_commitment_follows_the_intrinsic_reward():
    worker, _ = trained()
    x = world(10, seed=7).features[3]
    full = worker.outlook(goal(1.0, 0.0, intrinsic=1.0), x)
    assert np.allclose(worker.outlook(goal(1.0, 0.0, intrinsic=0.0), x), 0.5 * full)
    assert not worker.outlook(goal(1.0, 0.0, intrinsic=-1.0), x).any()
    assert np.abs(full).max() <= 1.0


def test_unusable_input_gives_no_stance():
    worker, learner = trained()
    x = np.ones((N, F))
    x[0, 3], x[1, -1] = np.nan, 0.0
    out = worker.outlook(goal(1.0, 0.0), 1e6 * x * [1.0] * 1)
    assert out[0] == out[1] == 0.0
    assert abs(out[2]) <= 1.0
    assert not worker.outlook(None, x).any()
    assert not worker.outlook(goal(1.0, 0.0, 0.0), x).any()
    assert worker.outlook(goal(1.0, 0.0), np.empty((0, F))).shape == (0,)
    assert not SkillWorker(ON).outlook(goal(1.0, 0.0), x).any()
    assert learner.propose([], np.random.default_rng(0)) is None
    assert learner.propose(world(30), np.random.default_rng(0)) is None


def test_snapshot_and_defaults():
    worker, _ = trained()
    again = SkillWorker(ON)
    again.restore(worker.snapshot())
    assert again.snapshot() == worker.snapshot()
    x = world(10).features[0]
    assert np.array_equal(again.outlook(goal(0.6, 0.8), x), worker.outlook(goal(0.6, 0.8), x))
    again.restore(SkillWorker(ON).snapshot())
    assert again.skills is None
    assert SkillWorker().learners() == []
    worker._skills["tactic"] = worker._skills["tactic"][:1]
    with pytest.raises(IntegrityError):
        again.restore(worker.snapshot())

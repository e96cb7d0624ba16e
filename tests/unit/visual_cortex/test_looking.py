"""The region with a model: outlook, degradation, snapshot, and a night that learns."""

import numpy as np
import pytest

from janus_trader.brain.visual_cortex import (
    BudgetConfig,
    VisionLearningConfig,
    VisualCortex,
    VisualCortexConfig,
)
from janus_trader.brain.visual_cortex.history import CloseHistory
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.contracts.memory import Episode
from janus_trader.learning.vision import CompiledVision, FitConfig, VisionConfig

VISION = VisionConfig(window=12, size=12, frames=3, stride=4, spatial_layers=1)
LEARNING = VisionLearningConfig(
    memory=400, samples=1200, min_samples=32, fit=FitConfig(epochs=4, batch_size=48, learning_rate=3e-3)
)
DAY = 86_400_000_000_000


def region(model, n=4, **changes):
    config = VisualCortexConfig(window=8, model=model, vision=VISION, learning=LEARNING)
    return VisualCortex(config.replace(**changes), n)


def bars_of(prices):
    bars = np.zeros(len(prices), BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = prices
    return bars


def show(eye, prices, start=0, present=None):
    everybody = np.ones(eye.n, bool)
    return [
        eye(bars_of(row), everybody if present is None else present[t], ts_event=(start + t) * DAY)
        for t, row in enumerate(prices)
    ]


def walk(seed, steps, n=4):
    return 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(seed).standard_normal((steps, n)), axis=0))


def moved(eye, seed=0):
    """Parameters away from the start, so that the outlook says something."""
    rng = np.random.default_rng(seed)
    for learner in eye.learners():
        p = {
            k: v + 0.1 * rng.standard_normal(v.shape).astype(np.float32)
            for k, v in learner.parameters().items()
        }
        learner.adopt(p)
    return eye


@pytest.mark.parametrize("model", ["diffgaf_lstm", "vivit"])
def test_model_adds_an_outlook_and_leaves_the_texture_alone(model):
    prices = walk(1, 40)
    plain = show(VisualCortex(VisualCortexConfig(window=8), 4), prices)
    seen = show(moved(region(model)), prices)
    for a, b in zip(plain, seen, strict=True):
        assert a.texture.tobytes() == b.texture.tobytes()
        assert a.trend.tobytes() == b.trend.tobytes()
        assert (a.model, b.model) == ("texture", model)
        assert a.outlook.size == a.embedding.size == 0
    assert all((p.outlook == 0).all() for p in seen[: VISION.span - 1])
    assert (seen[-1].outlook != 0).all()
    assert (np.abs(seen[-1].outlook) <= 1).all()
    assert seen[-1].embedding.shape == (4, 32)


@pytest.mark.parametrize("model", ["diffgaf_lstm", "vivit"])
def test_outlook_is_that_of_full_inference_and_scale_free(model):
    eye, prices = moved(region(model)), walk(2, 45)
    percept = show(eye, prices)[-1]
    full = CompiledVision(VISION, model, eye.learners()[0].parameters())
    whole = full.infer(np.log(prices[-VISION.span :]).T)
    np.testing.assert_allclose(percept.outlook, whole.direction, atol=1e-6)
    np.testing.assert_allclose(
        show(moved(region(model)), prices * 1000)[-1].outlook, whole.direction, atol=2e-5
    )


def test_an_untrained_model_expects_nothing():
    percept = show(region("vivit"), walk(3, 40))[-1]
    assert percept.outlook.tolist() == [0.0] * 4
    assert np.ptp(percept.embedding) > 0


def test_the_future_does_not_change_the_past():
    prices = walk(4, 60)
    changed = prices.copy()
    changed[40:] *= 1.5
    a, b = show(moved(region("vivit")), prices), show(moved(region("vivit")), changed)
    assert all(x.outlook.tobytes() == y.outlook.tobytes() for x, y in zip(a[:40], b[:40], strict=True))
    assert a[45].outlook.tobytes() != b[45].outlook.tobytes()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_snapshot_continues_identically(level):
    prices = walk(5, 90)
    eye = moved(region("vivit"))
    show(eye, prices[:35])
    eye.degrade(level)
    show(eye, prices[35:50], 35)
    fresh = region("vivit")
    fresh.restore(eye.snapshot())
    assert fresh.snapshot() == eye.snapshot()
    assert fresh.model == eye.model
    for e in (eye, fresh):
        e.degrade(0)
    for a, b in zip(show(eye, prices[50:], 50), show(fresh, prices[50:], 50), strict=True):
        assert a.outlook.tobytes() == b.outlook.tobytes()
    eye.reset()
    assert eye.snapshot() == region("vivit").snapshot()
    for other in (region("texture"), region("diffgaf_lstm"), region("vivit", n=3)):
        with pytest.raises(IntegrityError):
            other.restore(fresh.snapshot())


def test_ladder_is_walked_by_command_and_recorded():
    prices, eye = walk(6, 70), moved(region("vivit"))
    show(eye, prices[:40])
    lower = moved(region("vivit"))
    lower.degrade(1)
    show(lower, prices[:40])
    names = []
    for k, level in enumerate((0, 1, 2, 9, 1, 0)):
        eye.degrade(level)
        names.append(show(eye, prices[40 + k : 41 + k], 40 + k)[0].model)
    assert names == ["vivit", "diffgaf_lstm", "texture", "texture", "diffgaf_lstm", "vivit"]
    with pytest.raises(ConfigError):
        eye.degrade(-1)


def test_a_model_that_takes_over_sees_what_it_would_have_seen():
    prices = walk(7, 60)
    present = np.random.default_rng(8).random((60, 4)) > 0.2
    late, always = moved(region("vivit")), moved(region("vivit"))
    always.degrade(1)
    show(late, prices[:45], present=present[:45])
    show(always, prices[:45], present=present[:45])
    late.degrade(1)
    for a, b in zip(
        show(late, prices[45:], 45, present[45:]), show(always, prices[45:], 45, present[45:]), strict=True
    ):
        assert a.model == b.model == "diffgaf_lstm"
        assert a.outlook.tobytes() == b.outlook.tobytes()


def test_budget_decides_by_declared_costs_and_the_number_of_instruments():
    budget = BudgetConfig(bar_us=100.0, vivit_us=20.0, diffgaf_lstm_us=5.0)
    models = [region("vivit", n=n, budget=budget).model for n in (5, 6, 20, 21)]
    assert models == ["vivit", "diffgaf_lstm", "diffgaf_lstm", "texture"]
    eye = region("diffgaf_lstm", n=6, budget=budget)
    assert eye.model == "diffgaf_lstm"
    assert [x.name for x in eye.learners()] == ["vision_diffgaf_lstm"]
    assert eye.degrade(1) == "texture"


def test_off_sees_nothing():
    percept = show(region("off"), walk(9, 30))[-1]
    assert percept.model == "off"
    assert not percept.ready.any()
    assert not percept.texture.any()
    assert not percept.trend.any()


def test_a_missing_extra_is_said_at_once(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="janus-trader\\[ml\\]"):
        region("diffgaf_lstm")
    assert region("texture").learners() == []


def test_history_finds_what_a_decision_saw():
    rng, n = np.random.default_rng(10), 3
    history, own, at = CloseHistory(n, memory=20, span=5), [[] for _ in range(n)], []
    for t in range(70):
        values, present = rng.standard_normal(n), rng.random(n) > 0.3
        for i in np.flatnonzero(present):
            own[i].append(values[i])
        history.push(values, present, ts=10 * t)
        at.append([len(x) for x in own])
    ts = np.arange(70) * 10
    counts, known = history.recall(ts)
    assert known.tolist() == [t >= 50 for t in range(70)]
    assert not history.recall(np.array([655]))[1].any()
    usable = history.usable(counts)
    for t in range(50, 70):
        assert counts[t].tolist() == at[t]
        for i in range(n):
            assert usable[t, i]
            path = history.paths(np.array([i]), counts[t, i : i + 1])[0]
            assert path.tolist() == own[i][at[t][i] - 5 : at[t][i]]
    np.testing.assert_array_equal(history.latest(), [x[-5:] for x in own])
    with pytest.raises(IntegrityError):
        CloseHistory(n, 21, 5).put(history.state())


def episodes(steps, payoff):
    n = payoff.shape[1]
    return [
        Episode(
            step=t, ts_event=t * DAY, context=np.zeros(2), posterior=np.full(7, 1 / 7),
            signals=np.zeros((1, n), np.float32), payoff=payoff[k][None].astype(np.float32),
            weights=np.zeros(n, np.float32), reward=0.0, cost=0.0, fear=0.0, surprise=0.0, confidence=0.0,
        )
        for k, t in enumerate(steps)
    ]  # fmt: skip


def planted_market(seed, steps, n):
    """Saw-tooth cycles of random phase: where the path stands within a tooth tells what comes next."""
    rng = np.random.default_rng(seed)
    phase = (np.arange(steps)[:, None] + rng.integers(0, 16, n)) % 16
    tooth = 0.02 * np.minimum(phase, 16 - phase)
    prices = 100 * np.exp(tooth + 0.002 * rng.standard_normal((steps, n)))
    return prices, np.where(phase < 8, 1.0, -1.0)


@pytest.mark.parametrize("model", ["diffgaf_lstm", "vivit"])
def test_a_deep_night_learns_what_the_image_foretells(model):
    prices, truth = planted_market(0, 260, 6)
    eye = region(model, n=6)
    show(eye, prices)
    learner = eye.learners()[0]
    assert learner.deep_only
    train, held = np.arange(30, 200), np.arange(202, 258)
    before = learner.parameters()
    candidate = learner.propose(episodes(train, truth[train]), np.random.default_rng(1))
    again = learner.propose(episodes(train, truth[train]), np.random.default_rng(1))
    assert all(candidate[k].tobytes() == again[k].tobytes() for k in candidate)
    assert learner.parameters() is before
    judged = episodes(held, truth[held])
    assert learner.score(None, judged) == 0.0
    assert learner.score(candidate, judged) > 0.3
    eye_before = show(eye, prices[-1:], 260)[0].outlook
    learner.adopt(candidate)
    percept = show(eye, prices[-1:] * 1.0001, 261)[0]
    assert not np.array_equal(eye_before, percept.outlook)
    assert eye.parameters()[learner.name] is candidate


def test_noise_is_not_adopted_and_missing_windows_are_left_out():
    rng = np.random.default_rng(11)
    eye = region("diffgaf_lstm", n=6)
    show(eye, walk(12, 260, 6))
    learner = eye.learners()[0]
    train, held = np.arange(30, 200), np.arange(202, 258)
    candidate = learner.propose(episodes(train, rng.choice([-1.0, 1.0], (170, 6))), rng)
    assert learner.score(candidate, episodes(held, rng.choice([-1.0, 1.0], (56, 6)))) < 0.02
    assert learner.propose([], rng) is None
    assert learner.propose(episodes(np.arange(300, 400), np.ones((100, 6))), rng) is None  # never seen
    assert (
        learner.propose(episodes(np.arange(5, 15), np.ones((10, 6))), rng) is None
    )  # before the first video
    assert learner.score(None, []) == learner.score(None, episodes([500], np.ones((1, 6)))) == 0.0


def test_without_a_time_nothing_is_remembered():
    eye = moved(region("diffgaf_lstm"))
    prices = walk(13, 40)
    everybody = np.ones(4, bool)
    for row in prices:
        percept = eye(bars_of(row), everybody)
    timed = show(moved(region("diffgaf_lstm")), prices)[-1]
    assert percept.outlook.tobytes() == timed.outlook.tobytes()
    assert (
        eye.learners()[0].propose(episodes(np.arange(30, 40), np.ones((10, 4))), np.random.default_rng(0))
        is None
    )

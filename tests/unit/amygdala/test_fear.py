from __future__ import annotations

import numpy as np

from janus_trader.brain.amygdala import FearConfig, FearLearner, FearMemory
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.regime import Regime

CRISIS = np.eye(7)[Regime.CRISIS]
BULL = np.eye(7)[Regime.BULL]


def episode(step: int, reward: float, posterior: np.ndarray = CRISIS, exposure: float = 1.0) -> Episode:
    return Episode(
        step=step,
        ts_event=step,
        context=np.zeros(3),
        posterior=posterior,
        signals=np.zeros((1, 1), "f4"),
        payoff=np.zeros((1, 1), "f4"),
        weights=np.array([exposure], "f4"),
        reward=reward,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def calm(first: int, count: int, posterior: np.ndarray = BULL) -> list[Episode]:
    return [episode(first + i, 0.01 * (-1) ** i, posterior) for i in range(count)]


def night(memory: FearMemory, episodes: list[Episode]) -> float:
    memory.adopt(memory.learn(memory.parameters, episodes))
    return memory.fear(CRISIS)


def shocked(shocks: int = 1) -> tuple[FearMemory, float]:
    memory = FearMemory(FearConfig(decay=1.0))
    night(memory, calm(0, 40))
    return memory, night(memory, [episode(100 + i, -0.2) for i in range(shocks)])


def test_a_bad_outcome_acquires_fear_at_the_stated_rate_in_its_own_regime() -> None:
    memory, fear = shocked()
    assert abs(fear - 0.3) < 1e-12
    assert memory.fear(BULL) == 0.0


def test_safe_exposure_extinguishes_it_at_the_stated_rate() -> None:
    memory, fear = shocked()
    after = [night(memory, [episode(200 + i, 0.001)]) for i in range(20)]
    assert np.allclose(after, fear * 0.9 ** np.arange(1, 21))


def test_without_exposure_nothing_is_unlearned() -> None:
    memory, fear = shocked()
    assert night(memory, [episode(200 + i, 0.0, exposure=0.0) for i in range(20)]) == fear


def test_reinstatement_is_faster_than_acquisition() -> None:
    memory, acquired = shocked()
    extinguished = night(memory, [episode(200 + i, 0.001) for i in range(30)])
    assert extinguished < 0.05 * acquired + 1e-9
    again = night(memory, [episode(300, -0.2)])
    assert again - extinguished > acquired


def test_association_decays_by_night() -> None:
    memory = FearMemory()
    night(memory, calm(0, 40))
    night(memory, [episode(100, -0.2)])
    before = memory.parameters["association"][Regime.CRISIS]
    night(memory, [])
    assert np.isclose(memory.parameters["association"][Regime.CRISIS], 0.995 * before)


def test_fear_stays_in_the_unit_interval_and_every_episode_counts_once() -> None:
    rng = np.random.default_rng(3)
    memory = FearMemory()
    episodes = [episode(i, 0.02 * rng.standard_t(2), rng.dirichlet(np.ones(7))) for i in range(300)]
    for cut in range(10, 300, 10):
        memory.adopt(memory.learn(memory.parameters, episodes[: cut + 1]))
        assert 0.0 <= memory.fear(rng.dirichlet(np.ones(7))) <= 1.0
        assert (memory.parameters["inhibition"] <= memory.parameters["association"]).all()
    once = FearMemory(FearConfig(decay=1.0))
    once.adopt(once.learn(once.parameters, episodes))
    twice = FearMemory(FearConfig(decay=1.0))
    twice.adopt(twice.learn(twice.parameters, episodes[:150]))
    twice.adopt(twice.learn(twice.parameters, episodes))
    assert np.allclose(once.parameters["association"], twice.parameters["association"])


def test_learner_proposes_without_touching_what_is_in_force() -> None:
    memory, fear = shocked()
    learner = FearLearner(memory)
    rng = np.random.default_rng(0)
    candidate = learner.propose([episode(200, -0.3)], rng)
    assert candidate is not None
    assert memory.fear(CRISIS) == fear
    learner.adopt(candidate)
    assert memory.fear(CRISIS) > fear
    assert learner.propose([episode(200, -0.3)], rng) is None


def test_score_prefers_fear_that_foretells_losses() -> None:
    memory, _ = shocked(shocks=3)
    learner = FearLearner(memory)
    useful = learner.parameters()
    blank = FearMemory().parameters
    dangerous = [episode(400 + i, -0.2 if i % 2 else 0.01) for i in range(20)]
    safe = [episode(400 + i, 0.001) for i in range(20)]
    assert learner.score(useful, dangerous) > learner.score(blank, dangerous)
    assert learner.score(useful, safe) < learner.score(blank, safe)
    assert learner.score(None, dangerous) == learner.score(useful, dangerous)


def test_snapshot_round_trip() -> None:
    memory, fear = shocked()
    other = FearMemory(memory.config)
    other.restore(memory.snapshot())
    assert other.fear(CRISIS) == fear
    assert other.snapshot() == memory.snapshot()


def trials_until(memory: FearMemory, level: float, first: int, limit: int = 50) -> int:
    for n in range(1, limit):
        if night(memory, [episode(first + n, -0.025)]) >= level:
            return n
    return limit


def test_learning_anew_after_extinction_takes_fewer_trials() -> None:
    """Savings (Bouton 2004): extinction is new learning on top of a trace that stays."""
    memory = FearMemory(FearConfig(decay=1.0))
    night(memory, calm(0, 60))
    first = trials_until(memory, 0.5, 100)
    night(memory, [episode(300 + i, 0.001) for i in range(60)])
    assert memory.fear(CRISIS) < 0.1  # extinguished
    again = trials_until(memory, 0.5, 600)
    assert again < first
    fresh = FearMemory(FearConfig(decay=1.0))
    night(fresh, calm(0, 60))
    night(fresh, [episode(300 + i, 0.001) for i in range(60)])
    assert trials_until(fresh, 0.5, 600) > again  # it is the trace, not the time, that saves


def test_extinction_does_not_erase_the_association() -> None:
    memory, _ = shocked(3)
    before = memory.parameters["association"][Regime.CRISIS]
    night(memory, [episode(200 + i, 0.001) for i in range(60)])
    assert memory.parameters["association"][Regime.CRISIS] == before


def test_fear_that_foretells_harm_is_heeded_more_and_fear_that_does_not_less() -> None:
    (right, _), (wrong, _) = shocked(3), shocked(3)
    before = right.response
    night(right, [episode(200 + i, -0.3 if i % 2 else 0.001) for i in range(20)])
    night(wrong, [episode(200 + i, 0.001) for i in range(40)])
    assert right.response > before > wrong.response
    night(right, [episode(300 + i, -1.0) for i in range(400)])
    assert right.response <= right.config.response_range[1]


def test_without_fear_or_exposure_the_response_stays() -> None:
    memory, _ = shocked(3)
    before = memory.response
    night(memory, [episode(200 + i, -0.3, exposure=0.0) for i in range(20)])
    assert memory.response == before
    fearless = FearMemory(FearConfig(acquisition=0.0))
    night(fearless, calm(0, 60) + [episode(100 + i, -0.3) for i in range(20)])
    assert fearless.response == 1.0

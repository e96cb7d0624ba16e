from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.foundation.config import build
from janus_trader.numerics.almgren_chriss import cost_variance, expected_cost, trajectory
from janus_trader.simulation.environments import ExecutionConfig, ExecutionEnv, ExecutionVectorEnv

CONFIG = ExecutionConfig(slices=10, risk_aversion=1e-6)


def holdings_of(actions: np.ndarray, config: ExecutionConfig) -> np.ndarray:
    left = np.cumprod(1.0 - np.append(actions[:-1], 1.0))
    return config.units * np.r_[1.0, left]


def objective_bps(actions: np.ndarray, config: ExecutionConfig) -> float:
    x = holdings_of(actions, config)
    cost = expected_cost(x, config.horizon, config.eta, config.gamma, config.half_spread)
    risk = config.risk_aversion * cost_variance(x, config.horizon, config.sigma)
    return 1e4 * (cost + risk) / (config.units * config.price)


def total_reward(actions: np.ndarray, config: ExecutionConfig, shocks: float | None = 0.0) -> float:
    env = ExecutionEnv(config)
    env.reset(seed=2)
    if shocks is not None:
        env.episodes._shocks[:] = shocks
    total = 0.0
    for a in actions:
        _, reward, terminated, _, _ = env.step([a])
        total += reward
        if terminated:
            break
    return total


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_without_shocks_the_reward_is_the_cost_of_the_schedule(side: str) -> None:
    config = CONFIG.replace(side=side)
    for actions in (config.optimal_actions(), np.full(10, 0.5), np.linspace(0.0, 1.0, 10)):
        assert total_reward(actions, config) == pytest.approx(-objective_bps(actions, config), rel=1e-12)


@pytest.mark.parametrize("risk_aversion", [0.0, 1e-6, 1e-5])
def test_no_deterministic_policy_beats_the_almgren_chriss_trajectory(risk_aversion: float) -> None:
    config = CONFIG.replace(risk_aversion=risk_aversion)
    best = config.optimal_actions()
    x = trajectory(config.units, config.horizon, 10, config.sigma, config.eta, config.gamma, risk_aversion)
    np.testing.assert_allclose(holdings_of(best, config), x, atol=1e-6)
    optimum = total_reward(best, config)
    g = np.random.default_rng(3)
    for scale in (0.01, 0.1, 0.5):
        for _ in range(20):
            other = np.clip(best + scale * g.standard_normal(10), 0.0, 1.0)
            if np.abs(holdings_of(other, config) - x).max() > 1.0:
                assert total_reward(other, config) < optimum


def test_with_shocks_mean_and_variance_of_the_shortfall_are_the_published_formulas() -> None:
    config = CONFIG.replace(risk_aversion=0.0)
    actions = CONFIG.optimal_actions()
    n = 20_000
    env = ExecutionVectorEnv(n, config)
    env.reset(seed=1)
    total = np.zeros(n)
    for a in actions:
        _, reward, terminated, truncated, infos = env.step(np.full((n, 1), a))
        total += reward
    assert terminated.all()
    assert not truncated.any()
    x = holdings_of(actions, config)
    mean = expected_cost(x, config.horizon, config.eta, config.gamma, config.half_spread)
    deviation = np.sqrt(cost_variance(x, config.horizon, config.sigma))
    np.testing.assert_allclose(total, -1e4 * infos["shortfall"] / (config.units * config.price), rtol=1e-9)
    assert abs(infos["shortfall"].mean() - mean) < 4.0 * deviation / np.sqrt(n)
    assert infos["shortfall"].std() == pytest.approx(deviation, rel=4.0 / np.sqrt(2 * n))


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_pieces_of_the_reward_sum_to_the_shortfall_of_the_fills(side: str) -> None:
    """An oracle from the prices paid: arrival value against cash of each slice."""
    config = CONFIG.replace(side=side, risk_aversion=0.0)
    sign = 1.0 if side == "sell" else -1.0
    tau = config.horizon / config.slices
    env = ExecutionEnv(config)
    env.reset(seed=9)
    g = np.random.default_rng(1)
    price, cash, total = config.price, 0.0, 0.0
    terminated = False
    while not terminated:
        _, reward, terminated, _, info = env.step([g.random() * 0.6])
        cash += info["units"] * (price - sign * (config.half_spread + config.eta * info["units"] / tau))
        price = info["price"]
        total += reward
    value = config.units * config.price
    assert info["left"] == 0.0
    assert info["shortfall"] == pytest.approx(sign * (value - cash), rel=1e-9)
    assert total == pytest.approx(-1e4 * info["shortfall"] / value, rel=1e-9)


def test_later_shocks_change_nothing_earlier() -> None:
    def run(change: int) -> tuple[list, list]:
        env = ExecutionEnv(CONFIG)
        observations = [env.reset(seed=4)[0]]
        env.episodes._shocks[0, change:] += 1.0
        rewards = []
        for a in np.linspace(0.1, 0.4, 10):
            observation, reward, *_ = env.step([a])
            observations.append(observation)
            rewards.append(reward)
        return observations, rewards

    seen, rewards = run(10)
    for change in (1, 5, 9):
        other, other_rewards = run(change)
        np.testing.assert_array_equal(seen[: change + 1], other[: change + 1])
        assert rewards[:change] == other_rewards[:change]
        assert not np.array_equal(seen[change + 1], other[change + 1])


def test_selling_all_at_once_ends_the_episode_early() -> None:
    env = ExecutionEnv(CONFIG)
    env.reset(seed=1)
    observation, _, terminated, truncated, info = env.step([1.0])
    assert (terminated, truncated, info["left"]) == (True, False, 0.0)
    assert observation[0] == 0.0


def test_doing_nothing_trades_everything_in_the_last_slice() -> None:
    env = ExecutionEnv(CONFIG)
    env.reset(seed=1)
    units = [env.step([0.0])[4]["units"] for _ in range(10)]
    assert units == [0.0] * 9 + [CONFIG.units]


def test_parameters_without_an_optimum_are_refused() -> None:
    with pytest.raises(DataError, match="too small"):
        ExecutionEnv(ExecutionConfig(eta=0.0))
    with pytest.raises(ConfigError):
        build(ExecutionConfig, [{"slices": 0}])

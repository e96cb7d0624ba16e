from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.foundation.config import build
from janus_trader.simulation.environments import (
    MarketMakingConfig,
    MarketMakingEnv,
    MarketMakingVectorEnv,
    avellaneda_stoikov_offsets,
)

GAMMA = 0.1


def run_policy(n: int, skewed: bool, config: MarketMakingConfig) -> tuple[np.ndarray, np.ndarray, float]:
    """Profit and final inventory of n episodes under the published quotes, and the mean spread."""
    env = MarketMakingVectorEnv(n, config)
    _, infos = env.reset(seed=1)
    profit, spread = np.zeros(n), 0.0
    for step in range(config.steps):
        inventory = infos["inventory"] if skewed else np.zeros(n)
        left = np.full(n, config.horizon * (1.0 - step / config.steps))
        bid, ask = avellaneda_stoikov_offsets(inventory, left, config.sigma, GAMMA, config.decay)
        spread += float((bid + ask).mean()) / config.steps
        quotes = np.clip(np.stack([bid, ask], axis=1) / config.max_offset, -1.0, 1.0)
        _, reward, _, truncated, infos = env.step(np.hstack([quotes, np.ones((n, 2))]))
        profit += reward
    assert truncated.all()
    return profit, infos["inventory"], spread


def simulate_as_published(n: int, skewed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Section 3.3 of Avellaneda & Stoikov in plain numpy: Bernoulli fills, binomial steps of the mid."""
    sigma, k, arrivals, dt = 2.0, 1.5, 140.0, 0.005
    g = np.random.default_rng(77)
    mid, cash, held = np.full(n, 100.0), np.zeros(n), np.zeros(n)
    for step in range(200):
        risk = GAMMA * sigma**2 * (1.0 - step * dt)
        half = 0.5 * risk + np.log(1.0 + GAMMA / k) / GAMMA
        centre = mid - held * risk if skewed else mid
        bid, ask = centre - half, centre + half
        bought = g.random(n) < arrivals * np.exp(-k * (mid - bid)) * dt
        sold = g.random(n) < arrivals * np.exp(-k * (ask - mid)) * dt
        cash += ask * sold - bid * bought
        held += bought * 1.0 - sold * 1.0
        mid += sigma * np.sqrt(dt) * np.where(g.random(n) < 0.5, 1.0, -1.0)
    return cash + held * mid, held


@pytest.mark.parametrize("skewed", [True, False])
def test_profit_and_inventory_are_those_of_a_plain_simulation_of_the_paper(skewed: bool) -> None:
    n = 4000
    profit, inventory, spread = run_policy(n, skewed, MarketMakingConfig())
    expected_profit, expected_inventory = simulate_as_published(n, skewed)
    assert spread == pytest.approx(1.49, abs=0.005)
    for ours, theirs in ((profit, expected_profit), (inventory, expected_inventory)):
        error = theirs.std() * np.sqrt(2.0 / n)
        assert abs(ours.mean() - theirs.mean()) < 4.0 * error
        assert abs(ours.std() - theirs.std()) < 4.0 * error / np.sqrt(2.0)


def test_leaning_against_inventory_takes_most_of_the_variance_away() -> None:
    """The finding of Avellaneda & Stoikov (2008): far less variance of profit and inventory, a little less profit."""
    n = 4000
    profit, inventory, _ = run_policy(n, True, MarketMakingConfig())
    plain, plain_inventory, _ = run_policy(n, False, MarketMakingConfig())
    above = np.exp(4.0 * np.sqrt(4.0 / n))  # four standard errors of the logarithm of a ratio of variances
    assert above * profit.var() < 0.35 * plain.var()
    assert above * inventory.var() < 0.2 * plain_inventory.var()
    lost = plain.mean() - profit.mean()
    error = np.sqrt((plain.var() + profit.var()) / n)
    assert lost - 4.0 * error > 0.0
    assert lost + 4.0 * error < 0.1 * plain.mean()


def test_rewards_sum_to_wealth_less_penalties() -> None:
    config = MarketMakingConfig(
        steps=50, maker_fee=-0.01, liquidation_cost=0.2, inventory_penalty=0.3, max_lots=5, mean_lots=3.0
    )
    env = MarketMakingEnv(config)
    env.reset(seed=3)
    total, penalty, truncated = 0.0, 0.0, False
    while not truncated:
        _, reward, _, truncated, info = env.step([0.05, 0.2, 1.0, 0.2])
        total += reward
        penalty += 0.3 * info["inventory"] ** 2 * config.horizon / config.steps
    assert info["traded"] > 20
    assert info["fees"] == pytest.approx(-0.01 * info["traded"])
    assert total == pytest.approx(info["wealth"] - penalty, abs=1e-9)


def test_cash_and_fills_follow_from_the_quotes() -> None:
    """An oracle: certain fills of known sizes on one side."""
    config = MarketMakingConfig(steps=6, arrivals=1e9, sigma=2.0, max_offset=1.0, max_lots=4, mean_lots=1e6)
    env = MarketMakingEnv(config)
    env.reset(seed=3)
    cash, mid = 0.0, 100.0
    for _ in range(6):
        *_, info = env.step([0.5, 0.5, 0.5, -1.0])  # three lots a side bid, no ask
        cash -= 3 * (mid - 0.5)
        mid = info["mid"]
    assert info["inventory"] == 18
    assert info["wealth"] == pytest.approx(cash + 18 * mid, rel=1e-12)


def test_inventory_never_passes_its_limit() -> None:
    config = MarketMakingConfig(arrivals=1e9, inventory_limit=7, max_lots=5, mean_lots=50.0, steps=40)
    env = MarketMakingVectorEnv(50, config)
    env.reset(seed=1)
    g = np.random.default_rng(0)
    reached = 0
    for _ in range(40):
        *_, infos = env.step(g.uniform(-1.0, 1.0, (50, 4)))
        assert np.abs(infos["inventory"]).max() <= 7
        reached += int((np.abs(infos["inventory"]) == 7).sum())
    assert reached > 0


@pytest.mark.parametrize("latency", [1, 3])
def test_a_quote_stands_after_its_latency_at_the_price_it_was_given(latency: int) -> None:
    config = MarketMakingConfig(arrivals=1e9, steps=10, latency=latency, max_offset=1.0)
    env = MarketMakingEnv(config)
    env.reset(seed=2)
    mids, wealth = [100.0], []
    for step in range(10):
        *_, info = env.step([0.3, 0.3, 1.0 if step == 0 else -1.0, -1.0])
        mids.append(info["mid"])
        wealth.append(info["wealth"])
        assert info["inventory"] == (1 if step >= latency else 0)
    assert wealth[latency - 1] == 0.0
    assert wealth[-1] == pytest.approx(mids[-1] - (100.0 - 0.3))


def test_fills_come_as_often_as_the_intensity_says() -> None:
    n = 20_000
    config = MarketMakingConfig(steps=2, horizon=0.01, inventory_limit=10)
    env = MarketMakingVectorEnv(n, config)
    env.reset(seed=5)
    *_, infos = env.step(np.tile([0.2, 0.4, 1.0, -1.0], (n, 1)))  # a bid at a distance of 1
    chance = 140.0 * np.exp(-1.5) * 0.005
    assert abs(infos["inventory"].mean() - chance) < 4.0 * np.sqrt(chance * (1 - chance) / n)


def test_sizes_of_market_orders_are_geometric() -> None:
    n = 20_000
    config = MarketMakingConfig(arrivals=1e9, steps=2, mean_lots=3.0, max_lots=1000, inventory_limit=1000)
    env = MarketMakingVectorEnv(n, config)
    env.reset(seed=5)
    *_, infos = env.step(np.tile([0.2, 0.2, 1.0, -1.0], (n, 1)))
    lots = infos["inventory"]
    assert lots.min() == 1
    assert abs(lots.mean() - 3.0) < 4.0 * np.sqrt(6.0 / n)
    assert abs((lots == 1).mean() - 1 / 3) < 4.0 * np.sqrt(2.0 / 9.0 / n)


def test_later_chances_change_nothing_earlier() -> None:
    def run(change: int) -> tuple[list, list]:
        env = MarketMakingEnv(MarketMakingConfig(steps=12, latency=1))
        observations = [env.reset(seed=4)[0]]
        env.episodes._normals[0, change:] += 1.0
        env.episodes._uniforms[0, change:] = 1e-9
        rewards = []
        for _ in range(12):
            observation, reward, *_ = env.step([0.1, 0.1, 1.0, 1.0])
            observations.append(observation)
            rewards.append(reward)
        return observations, rewards

    seen, rewards = run(12)
    for change in (1, 6, 11):
        other, other_rewards = run(change)
        np.testing.assert_array_equal(seen[: change + 1], other[: change + 1])
        assert rewards[:change] == other_rewards[:change]
        assert not np.array_equal(seen[change + 1], other[change + 1])


def test_a_market_without_orders_or_movement_is_quiet() -> None:
    env = MarketMakingEnv(MarketMakingConfig(arrivals=0.0, sigma=0.0, steps=5))
    env.reset(seed=1)
    for _ in range(5):
        observation, reward, *_ = env.step([-1.0, -1.0, 1.0, 1.0])
        assert reward == 0.0
        assert np.isfinite(observation).all()


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(DataError):
        avellaneda_stoikov_offsets(np.zeros(1), np.ones(1), 2.0, 0.0, 1.5)
    for wrong in ({"mean_lots": 0.5}, {"latency": -1}, {"inventory_limit": 0}, {"max_offset": 0.0}):
        with pytest.raises(ConfigError):
            build(MarketMakingConfig, [wrong])

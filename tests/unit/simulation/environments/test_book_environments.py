"""Execution and market making in simulated books: accounts, queues, latency, what is never shown."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.simulation.book_market import MarketConfig
from janus_trader.simulation.environments import (
    BookExecutionConfig,
    BookExecutionEnv,
    BookMarketMakingConfig,
    BookMarketMakingEnv,
    BookWorld,
)

MARKET = MarketConfig(n_ticks=512, capacity=1024, start_price=256, uniforms=1024, warmup_s=2.0)
FEES = MARKET.replace(taker_fee=0.2, maker_fee=-0.1)
LEVELS = 2
WORLD = BookWorld(market=MARKET, settle_s=1.0, levels=LEVELS)
CHARGED = BookWorld(market=FEES, settle_s=1.0, levels=LEVELS)
OWN = 4 * LEVELS + 6


def account(env) -> np.void:
    return env.episodes.states[0].agents[env.episodes.account]


def head(env) -> np.void:
    return env.episodes.states[0].head[0]


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pieces_sum_to_the_shortfall_and_no_lot_too_many_is_traded(side: str, seed: int) -> None:
    lots, g = 300, np.random.default_rng(seed)
    env = BookExecutionEnv(BookExecutionConfig(side=side, lots=lots, slices=12, slice_s=1.0), CHARGED)
    _, info = env.reset(seed=seed)
    sign = 1 if side == "sell" else -1
    arrival, total, left, terminated = info["mid"], 0.0, lots, False
    while not terminated:
        _, reward, terminated, truncated, info = env.step([g.random(), g.uniform(-1.0, 1.0)])
        total += reward
        assert not truncated
        assert 0 <= info["left"] <= left
        assert info["units"] == left - info["left"]
        left = info["left"]
    row = account(env)
    assert left == 0
    assert row["inventory"] == -sign * lots
    assert info["shortfall"] == pytest.approx(sign * lots * arrival - row["cash"] + row["fees"], abs=1e-6)
    assert total == pytest.approx(-1e4 * info["shortfall"] / (lots * arrival), abs=1e-9)
    assert abs(row["fees"]) > 0.0


def test_an_offer_through_the_other_side_fills_and_one_far_behind_does_not() -> None:
    env = BookExecutionEnv(BookExecutionConfig(lots=100, slices=5, slice_s=0.5, max_offset_ticks=40), WORLD)
    env.reset(seed=4)
    assert env.step([0.3, -1.0])[4]["units"] == 30
    assert env.step([1.0, 1.0])[4]["units"] == 0
    price, lots, _ = env.episodes._seen[0, OWN : OWN + 3]
    assert lots == 70
    best_ask = env.episodes._seen[0, 2]
    assert price > best_ask + 20


def test_the_old_order_is_gone_before_the_next_slice() -> None:
    env = BookExecutionEnv(BookExecutionConfig(lots=100, slices=5, slice_s=0.5, max_offset_ticks=40), WORLD)
    env.reset(seed=4)
    env.step([1.0, 1.0])
    observation, *_ = env.step([0.0, 0.0])
    assert env.episodes._seen[0, OWN + 1] == 0
    np.testing.assert_array_equal(observation[-3:], 0.0)


def test_a_book_too_thin_for_the_parent_leaves_the_rest_and_says_so() -> None:
    world = BookWorld(agents=(), market=MARKET, settle_s=0.0, levels=LEVELS)
    env = BookExecutionEnv(BookExecutionConfig(lots=10**6, slices=2, slice_s=0.1), world)
    env.reset(seed=1)
    head(env)["activity"] = 0.0  # nobody comes
    _, _, terminated, _, _ = env.step([0.0, 0.0])
    assert not terminated
    observation, reward, terminated, truncated, info = env.step([0.0, 0.0])
    assert (terminated, truncated) == (True, False)
    assert 0 < info["left"] < 10**6
    assert env.observation_space.contains(observation)
    assert reward < 0.0


def test_a_price_at_the_end_of_the_ladder_truncates() -> None:
    env = BookExecutionEnv(BookExecutionConfig(lots=10, slices=5, slice_s=0.5), WORLD)
    maker = BookMarketMakingEnv(BookMarketMakingConfig(steps=5), WORLD)
    for one, action in ((env, [0.0, 0.0]), (maker, [0.0, 0.0, 1.0, 1.0])):
        one.reset(seed=1)
        head(one)["reference"] = 2
        *_, terminated, truncated, _ = one.step(action)
        assert (terminated, truncated) == (False, True)


@pytest.mark.parametrize("make", [BookExecutionEnv, BookMarketMakingEnv])
def test_the_known_value_is_not_shown_and_later_events_change_nothing_earlier(make) -> None:
    def run(change: int) -> list[tuple[bytes, float]]:
        env = make(None, WORLD)
        env.reset(seed=6)
        out = []
        for step in range(6):
            if step == change:
                before = env.episodes._seen.copy()
                shown = np.empty((1, *env.observation_space.shape), np.float32)
                head(env)["fundamental"] += 500.0
                head(env)["pressure"] = 3.0
                env.episodes._look(0)
                env.episodes.observe(np.zeros(1, np.int64), shown)
                assert shown[0].tobytes() == out[-1][0]
                assert not np.array_equal(before, env.episodes._seen)  # it was there to be shown
            observation, reward, *_ = env.step(np.full(env.action_space.shape, 0.1))
            out.append((observation.tobytes(), reward))
        return out

    plain, changed = run(6), run(3)
    assert plain[:3] == changed[:3]
    assert plain[3] != changed[3]


def test_rewards_of_a_market_maker_sum_to_its_account() -> None:
    config = BookMarketMakingConfig(steps=40, liquidation_ticks=1.5, inventory_penalty=0.01)
    env = BookMarketMakingEnv(config, CHARGED)
    env.reset(seed=2)
    total, penalty, truncated = 0.0, 0.0, False
    while not truncated:
        _, reward, terminated, truncated, info = env.step([0.05, 0.05, 1.0, 1.0])
        assert not terminated
        total += reward
        penalty += 0.01 * info["inventory"] ** 2
    row = account(env)
    worth = row["cash"] + row["inventory"] * info["mid"] - row["fees"]
    assert row["fees"] < 0.0  # rebates: quotes never take
    assert row["fees"] == pytest.approx(-0.1 * round(-row["fees"] / 0.1))
    assert info["wealth"] == pytest.approx(worth - 1.5 * abs(info["inventory"]))
    assert total == pytest.approx(info["wealth"] - penalty, abs=1e-9)


def test_quotes_rest_where_they_were_sent_and_minus_one_withdraws_them() -> None:
    env = BookMarketMakingEnv(BookMarketMakingConfig(max_offset_ticks=20.0), WORLD)
    env.reset(seed=2)
    mid = env.episodes._episode["mid"][0]
    env.step([0.5, 0.6, 1.0, 0.0])
    own = env.episodes._seen[0, OWN : OWN + 6].reshape(2, 3)
    np.testing.assert_array_equal(own[:, 0], [np.floor(mid - 10.0), np.ceil(mid + 12.0)])
    np.testing.assert_array_equal(own[:, 1], [20, 10])
    env.step([0.5, 0.6, -1.0, -1.0])
    np.testing.assert_array_equal(env.episodes._seen[0, [OWN + 1, OWN + 4]], 0.0)


def test_inventory_stays_within_its_limit_and_what_is_on_its_way() -> None:
    config = BookMarketMakingConfig(steps=150, inventory_limit=30, max_lots=20)
    env = BookMarketMakingEnv(config, WORLD)
    g = np.random.default_rng(0)
    reached = 0
    for seed in range(3):
        env.reset(seed=seed)
        truncated = False
        while not truncated:
            skew = g.uniform(-0.1, 0.1)
            _, _, _, truncated, info = env.step([skew, -skew, 1.0, 1.0])
            assert abs(info["inventory"]) <= 50
            reached += abs(info["inventory"]) >= 25
    assert reached > 10


def test_a_quote_is_not_in_the_book_before_its_latency_is_over() -> None:
    world = BookWorld(market=MARKET, settle_s=0.5, levels=LEVELS, latency_ns=1_500_000_000)
    env = BookMarketMakingEnv(BookMarketMakingConfig(max_offset_ticks=20.0, step_s=1.0), world)
    env.reset(seed=2)
    env.step([1.0, 1.0, 1.0, 1.0])
    assert env.episodes._seen[0, OWN + 1] == 0
    env.step([1.0, 1.0, 1.0, 1.0])
    assert env.episodes._seen[0, OWN + 1] == 20


def test_worlds_and_schedules_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="latencies"):
        BookExecutionEnv(BookExecutionConfig(slice_s=0.001), WORLD)
    for wrong in ({"levels": 0}, {"latency_ns": -1}, {"settle_s": float("nan")}):
        with pytest.raises(ConfigError):
            BookWorld(**wrong)

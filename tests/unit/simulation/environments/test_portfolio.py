from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.features import FeatureSchema
from janus_trader.contracts.market import BAR_DTYPE, Field, Instrument
from janus_trader.contracts.panel import NS_PER_DAY, MarketPanel
from janus_trader.execution.cost_model import CostConfig, CostModel
from janus_trader.execution.weight_simulation import WeightSimulationConfig, simulate_weights
from janus_trader.simulation.environments import (
    PortfolioConfig,
    PortfolioEnv,
    PortfolioHistory,
    PortfolioVectorEnv,
    random_walk_history,
)
from janus_trader.simulation.environments.portfolio_kernel import differential_sharpe

T, N, WINDOW = 160, 5, 10


def bars_with_gaps(seed: int = 3, bars_of_session: int = 1) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    bars = np.zeros((T, N), BAR_DTYPE)
    bars["close"] = 50.0 * np.exp(np.cumsum(0.02 * g.standard_normal((T, N)), axis=0))
    bars["open"] = bars["close"] * np.exp(0.01 * g.standard_normal((T, N)))
    bars["high"], bars["low"] = 2.0 * bars["close"], 0.5 * bars["close"]
    bars["volume"] = 1e4 * np.exp(g.standard_normal((T, N)))
    bars["session"] = np.arange(T)[:, None] // bars_of_session
    present = g.random((T, N)) > 0.15
    present[:20, 0] = False
    for name in ("open", "high", "low", "close"):
        bars[name][~present] = np.nan
    return bars, present


def random_targets(seed: int = 5) -> np.ndarray:
    g = np.random.default_rng(seed)
    targets = g.uniform(-1.0, 1.0, (T, N)) / N
    targets[g.random((T, N)) < 0.2] = 0.0
    return targets


@pytest.mark.parametrize("at_open", [True, False])
@pytest.mark.parametrize("min_trade", [0.0, 0.02])
def test_accounting_is_that_of_the_weight_simulation(at_open: bool, min_trade: float) -> None:
    bars, present = bars_with_gaps(bars_of_session=3)
    targets = random_targets()
    cost = CostConfig(commission_bps=3.0, half_spread_bps=4.0, spread_vol=0.05, impact=0.4, multiplier=1.5)
    whole = targets.copy()
    whole[:WINDOW] = np.nan
    expected = simulate_weights(
        whole,
        bars,
        present,
        fills_at_open=at_open,
        cost=cost,
        volume_known=True,
        cash_rate=0.05,
        interest_from=WINDOW,
        config=WeightSimulationConfig(stale_bars=1, min_trade_frac=min_trade),
    )
    history = PortfolioHistory.from_bars(bars, present, fills_at_open=at_open)
    config = PortfolioConfig(
        window=WINDOW,
        random_start=False,
        long_only=False,
        gross_limit=2.0,
        cash_rate=0.05,
        commission_bps=3.0,
        half_spread_bps=4.0,
        spread_vol=0.05,
        impact=0.4,
        cost_multiplier=1.5,
        stale_bars=1,
        min_trade_frac=min_trade,
    )
    env = PortfolioEnv(history, config)
    env.reset(seed=1)
    rewards = []
    for t in range(WINDOW, T - 1):
        _, reward, terminated, truncated, info = env.step(targets[t])
        rewards.append(reward)
        assert info["equity"] == pytest.approx(expected.equity[t + 1], rel=1e-9)
        assert info["costs"] == pytest.approx(expected.costs[t + 1], rel=1e-9, abs=1e-9)
        assert info["turnover"] == pytest.approx(expected.turnover[t + 1], rel=1e-9, abs=1e-12)
    assert truncated
    assert not terminated
    assert expected.costs.sum() > 0.0
    growth = np.diff(np.log(expected.equity[WINDOW:]))
    np.testing.assert_allclose(rewards, growth, atol=1e-9)


@pytest.mark.parametrize("volume_known", [True, False])
@pytest.mark.parametrize("bars_of_session", [1, 4])
def test_cost_figures_are_those_of_the_cost_model(volume_known: bool, bars_of_session: int) -> None:
    bars, present = bars_with_gaps(bars_of_session=bars_of_session)
    history = PortfolioHistory.from_bars(bars, present, volume_known=volume_known)
    model = CostModel(CostConfig(), N, volume_known)
    for t in range(T):
        model.observe(bars[t], present[t])
        np.testing.assert_allclose(history.sigma[t], model.sigma, rtol=1e-12)
        np.testing.assert_allclose(history.daily_value[t], model.daily_value, rtol=1e-12)


def follow(history: PortfolioHistory, targets: np.ndarray, config: PortfolioConfig) -> tuple[list, list]:
    env = PortfolioEnv(history, config)
    observations, rewards = [env.reset(seed=1)[0]], []
    over = False
    while not over:
        observation, reward, terminated, truncated, info = env.step(targets[info_bar(env)])
        observations.append(observation)
        rewards.append(reward)
        over = terminated or truncated
    assert info["bar"] == len(history) - 1
    return observations, rewards


def info_bar(env: PortfolioEnv) -> int:
    return int(env.episodes.info()["bar"][0])


@pytest.mark.parametrize("change", [40, 90, 157])
def test_nothing_known_later_reaches_an_observation_or_a_reward(change: int) -> None:
    """Bars from ``change`` on are replaced: all up to the observation at ``change - 1`` must stay."""
    bars, present = bars_with_gaps()
    g = np.random.default_rng(8)
    features = g.standard_normal((T, 3))
    other, other_present, other_features = bars.copy(), present.copy(), features.copy()
    other[change:] = bars_with_gaps(seed=99)[0][change:]
    other_present[change:] = bars_with_gaps(seed=99)[1][change:]
    other_features[change:] = -5.0
    config = PortfolioConfig(window=WINDOW, random_start=False, long_only=False)
    targets = random_targets()
    seen, rewards = follow(PortfolioHistory.from_bars(bars, present, features), targets, config)
    seen_2, rewards_2 = follow(
        PortfolioHistory.from_bars(other, other_present, other_features), targets, config
    )
    known = change - WINDOW  # observation k is that of bar WINDOW + k, reward k ends at bar WINDOW + k + 1
    np.testing.assert_array_equal(seen[:known], seen_2[:known])
    assert rewards[: known - 1] == rewards_2[: known - 1]
    assert not np.array_equal(seen[known], seen_2[known])
    assert rewards[known - 1] != rewards_2[known - 1]


def test_an_observation_is_returns_then_weights_then_cash_then_features() -> None:
    bars, present = bars_with_gaps()
    features = np.arange(T * N, dtype=float).reshape(T, N, 1) / (T * N)
    history = PortfolioHistory.from_bars(bars, present, features)
    env = PortfolioEnv(history, PortfolioConfig(window=3, cost_multiplier=0.0))
    env.reset(options={"start": 60})
    observation, _, _, _, info = env.step(np.full(N, 0.1))
    np.testing.assert_array_equal(observation[: 3 * N], history.returns[59:62].ravel())
    weights = env.episodes.quantities[0] * history.close[61] / info["equity"]
    np.testing.assert_allclose(observation[3 * N : 4 * N], weights, rtol=1e-6)
    assert observation[4 * N] == pytest.approx(1.0 - weights.sum(), rel=1e-6)
    np.testing.assert_array_equal(observation[4 * N + 1 :], features[61].ravel().astype(np.float32))


def test_an_action_of_any_size_becomes_weights_within_the_limits() -> None:
    history = random_walk_history(np.random.default_rng(2), 60, 4)
    env = PortfolioEnv(history, PortfolioConfig(window=5, long_only=False, gross_limit=0.8, max_weight=0.5))
    env.reset(seed=1)
    _, _, _, _, info = env.step(np.array([1.0, -1.0, 0.5, 0.0]))
    t = info["bar"]
    held = env.episodes.quantities[0] * history.close[t - 1] / 1e6
    np.testing.assert_allclose(held, 0.8 * np.array([0.4, -0.4, 0.2, 0.0]), atol=1e-6)


def test_the_end_of_the_data_truncates_and_ruin_terminates() -> None:
    bars = np.zeros((12, 1), BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name][:, 0] = [10.0] * 8 + [40.0] * 4
    bars["session"][:, 0] = np.arange(12)
    history = PortfolioHistory.from_bars(bars, volume_known=False)
    env = PortfolioEnv(history, PortfolioConfig(window=2, random_start=False, long_only=False))
    env.reset()
    ends = [env.step([-0.9])[2:4] for _ in range(6)]
    assert ends == [(False, False)] * 5 + [(True, False)]
    env.reset()
    ends = [env.step([0.5])[2:4] for _ in range(9)]
    assert ends == [(False, False)] * 8 + [(False, True)]
    env.reset(options={"start": 7})
    _, reward, terminated, _, info = env.step([-1.0])  # filled at 40, after the jump
    assert not terminated
    env.reset(options={"start": 6})
    env.step([-1.0])  # filled at 10: the jump to 40 costs three times the equity
    _, reward, terminated, truncated, info = env.step([-1.0])
    assert (terminated, truncated) == (True, False)
    assert info["equity"] < 0.0
    assert reward == pytest.approx(np.log(1e-6), rel=1e-3)


def test_starts_are_drawn_over_the_whole_history() -> None:
    history = random_walk_history(np.random.default_rng(2), 100, 2)
    config = PortfolioConfig(window=5, episode_bars=20)
    _, infos = PortfolioVectorEnv(2000, history, config).reset(seed=1)
    assert infos["bar"].min() == 5
    assert infos["bar"].max() == 79  # from here 20 steps end at the last bar
    counts = np.bincount(infos["bar"])[5:]
    assert counts.min() > 8  # mean 27
    for start in (4, 99, True, 7.0):
        with pytest.raises(DataError, match="start"):
            PortfolioEnv(history, config).reset(options={"start": start})


def test_the_differential_sharpe_ratio_is_the_derivative_of_the_ratio() -> None:
    g = np.random.default_rng(4)
    mean, square, rate = 0.001, 0.0002, 1e-6
    for growth in 0.02 * g.standard_normal(5):
        moved = mean + rate * (growth - mean), square + rate * (growth**2 - square)
        before = mean / np.sqrt(square - mean**2)
        after = moved[0] / np.sqrt(moved[1] - moved[0] ** 2)
        exact = (after - before) / rate
        assert differential_sharpe(mean, square, growth, rate) == pytest.approx(exact, rel=1e-3)
    assert differential_sharpe(0.0, 0.0, 0.01, 0.01) == 0.0


def test_the_reward_may_be_the_differential_sharpe_ratio() -> None:
    history = random_walk_history(np.random.default_rng(2), 80, 3)
    plain = PortfolioConfig(window=5, random_start=False, episode_bars=30)
    log_env = PortfolioEnv(history, plain)
    sharpe_env = PortfolioEnv(history, plain.replace(reward="differential_sharpe", sharpe_rate=0.1))
    log_env.reset()
    sharpe_env.reset()
    mean = square = 0.0
    for _ in range(30):
        growth = log_env.step(np.full(3, 0.3))[1]
        assert sharpe_env.step(np.full(3, 0.3))[1] == differential_sharpe(mean, square, growth, 0.1)
        mean += 0.1 * (growth - mean)
        square += 0.1 * (growth * growth - square)


@pytest.mark.parametrize("close_only", [True, False])
def test_a_panel_says_where_orders_fill_and_whether_volume_is_known(close_only: bool) -> None:
    bars, present = bars_with_gaps()
    fields = frozenset({Field.CLOSE} if close_only else {Field.CLOSE, Field.OPEN, Field.VOLUME})
    external = np.random.default_rng(1).standard_normal((T, 2, N))
    panel = MarketPanel(
        name="made",
        instruments=tuple(Instrument(symbol=f"S{i}", fields=fields) for i in range(N)),
        ts=(np.arange(T) + 1) * NS_PER_DAY,
        session=np.arange(T),
        bars=bars,
        present=present,
        fields=fields,
        bar_seconds=86_400.0,
        bars_per_year=252.0,
        market=np.full(T, np.nan),
        market_volume=np.full(T, np.nan),
        auxiliary=(),
        schema=FeatureSchema(version="1.0.0", features=(), sources=()),
        external=external,
    )
    ours = PortfolioHistory.from_panel(panel)
    same = PortfolioHistory.from_bars(
        bars, present, external, fills_at_open=not close_only, volume_known=not close_only
    )
    for f in dataclasses.fields(same):
        np.testing.assert_array_equal(getattr(ours, f.name), getattr(same, f.name))
    assert ours.features.shape == (T, 2 * N)
    assert np.isnan(ours.daily_value).all() == close_only


def test_bad_histories_are_refused() -> None:
    bars, present = bars_with_gaps()
    with pytest.raises(DataError, match="agree"):
        PortfolioHistory.from_bars(bars, present[:, :2])
    with pytest.raises(DataError, match="agree"):
        PortfolioHistory.from_bars(bars["close"], present)
    with pytest.raises(DataError, match="usable"):
        PortfolioHistory.from_bars(bars, np.ones_like(present))
    wrong = bars.copy()
    wrong["open"] = np.where(present, 0.0, np.nan)
    with pytest.raises(DataError, match="usable open"):
        PortfolioHistory.from_bars(wrong, present)
    for features in (np.full((T, 2), np.nan), np.zeros((T - 1, 2)), np.zeros(T)):
        with pytest.raises(DataError, match="features"):
            PortfolioHistory.from_bars(bars, present, features)
    with pytest.raises(ConfigError):
        PortfolioHistory.from_bars(bars, present, halflife_sessions=0.0)
    history = PortfolioHistory.from_bars(bars, present)
    with pytest.raises(DataError, match="short"):
        PortfolioEnv(history, PortfolioConfig(window=T - 1))
    with pytest.raises(ConfigError, match="history"):
        PortfolioEnv(bars)  # type: ignore[arg-type]


def test_an_instrument_that_never_trades_is_never_held() -> None:
    bars, present = bars_with_gaps()
    present[:, 2] = False
    env = PortfolioEnv(PortfolioHistory.from_bars(bars, present), PortfolioConfig(window=5))
    observation, _ = env.reset(seed=1)
    for _ in range(20):
        observation, *_ = env.step(np.full(N, 0.2))
        assert np.isfinite(observation).all()
    assert env.episodes.quantities[0, 2] == 0.0
    assert (env.episodes.quantities[0, [1, 3, 4]] > 0.0).all()


def test_inputs_are_not_modified() -> None:
    bars, present = bars_with_gaps()
    history = PortfolioHistory.from_bars(bars, present)
    before = {f.name: getattr(history, f.name).copy() for f in dataclasses.fields(history)}
    action = np.full(N, 0.9)
    env = PortfolioEnv(history, PortfolioConfig(window=5))
    env.reset(seed=1)
    for _ in range(5):
        env.step(action)
    np.testing.assert_array_equal(action, 0.9)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(history, name), value)

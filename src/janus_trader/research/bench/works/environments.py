"""Steps of the Gymnasium environments: thousands at once, and one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

STOCKS, BATCH, STEPS, BARS = 30, 4_096, 4, 2_520
BOOKS = 64


def _stepping(env: Any, inputs: dict[str, Any], limit: Callable[[], Any] | None = None) -> Case:
    """``STEPS`` steps of a vector of environments, with actions drawn before."""
    env.reset(seed=1)
    env.action_space.seed(2)
    actions = [env.action_space.sample() for _ in range(STEPS)]

    def ours() -> float:
        total = 0.0
        for action in actions:
            total += float(env.step(action)[1].sum())
        return total

    return Case(ours, STEPS * env.num_envs, inputs, limit)


def portfolio(stocks: int, threads: int | None) -> Case:
    """A batch of portfolios of ``stocks``; the limit writes the same observations and does nothing else."""
    from janus_trader.simulation.environments import PortfolioVectorEnv, random_walk_history

    history = random_walk_history(np.random.default_rng(1), BARS, stocks)
    env = PortfolioVectorEnv(BATCH, history, threads=threads, copy=False)
    source = np.ones((BATCH, *env.episodes.observation_space.shape), np.float32)
    target = np.empty_like(source)

    def limit() -> None:
        for _ in range(STEPS):
            np.copyto(target, source)

    return _stepping(env, {"close": history.close, "stocks": stocks}, limit)


def _portfolio() -> Case:
    return portfolio(STOCKS, None)


def _portfolio_one_thread() -> Case:
    return portfolio(STOCKS, 1)


def _growth(stocks: int) -> Case:
    return portfolio(stocks, 1)


def _portfolio_single() -> Case:
    """One environment, one Python call a step."""
    from janus_trader.simulation.environments import PortfolioEnv, random_walk_history

    history = random_walk_history(np.random.default_rng(1), BARS, STOCKS)
    env = PortfolioEnv(history)
    env.reset(seed=1)
    env.action_space.seed(2)
    actions = [env.action_space.sample() for _ in range(100)]

    def ours() -> float:
        env.reset(options={"start": 100})
        return sum(env.step(action)[1] for action in actions)

    return Case(ours, len(actions), {"close": history.close, "stocks": STOCKS})


def _execution() -> Case:
    from janus_trader.simulation.environments import ExecutionVectorEnv

    return _stepping(ExecutionVectorEnv(BATCH, copy=False), {})


def _market_making() -> Case:
    from janus_trader.simulation.environments import MarketMakingVectorEnv

    return _stepping(MarketMakingVectorEnv(BATCH, copy=False), {})


def _book_execution() -> Case:
    from janus_trader.simulation.environments import BookExecutionVectorEnv

    return _stepping(BookExecutionVectorEnv(BOOKS), {})


def _book_market_making() -> Case:
    from janus_trader.simulation.environments import BookMarketMakingVectorEnv

    return _stepping(BookMarketMakingVectorEnv(BOOKS), {})


_PORTFOLIO = f"portfolio of {STOCKS} stocks, daily bars, costs, window of 20 returns"

WORKS: tuple[Work, ...] = (
    Work(
        name="environments.portfolio",
        title=f"{_PORTFOLIO}: {BATCH:,} environments, one thread a core",
        unit="step",
        prepare=_portfolio,
        goal_ns=1_000.0,
    ),
    Work(
        name="environments.portfolio.one_thread",
        title=f"{_PORTFOLIO}: {BATCH:,} environments, one thread",
        unit="step",
        prepare=_portfolio_one_thread,
        goal_ns=1_000.0,
        growth=_growth,
        sizes=(10, 30, 100, 300),
    ),
    Work(
        name="environments.portfolio.py",
        title=f"{_PORTFOLIO}: one gymnasium.Env, one Python call a step, a reset every 100",
        unit="step",
        prepare=_portfolio_single,
    ),
    Work(
        name="environments.execution",
        title=f"parent order in the Almgren-Chriss world: {BATCH:,} environments, with resets",
        unit="step",
        prepare=_execution,
    ),
    Work(
        name="environments.market_making",
        title=f"quotes in the Avellaneda-Stoikov world: {BATCH:,} environments, with resets",
        unit="step",
        prepare=_market_making,
    ),
    Work(
        name="environments.book_execution",
        title=f"parent order in a simulated book, 5 s of market a step: {BOOKS} books, with resets",
        unit="step",
        prepare=_book_execution,
    ),
    Work(
        name="environments.book_market_making",
        title=f"two quotes in a simulated book, 1 s of market a step: {BOOKS} books, with resets",
        unit="step",
        prepare=_book_market_making,
    ),
)

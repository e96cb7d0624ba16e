"""FinRL: its stock-trading environment, stepped in Python."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer

STEPS = 100
INDICATORS = ["macd", "boll_ub", "boll_lb", "rsi_30", "cci_30", "dx_30", "close_30_sma", "close_60_sma"]


def _stock_trading_env() -> Any:
    """The class, without the package around it, which imports brokers' clients."""
    path = importlib.metadata.distribution("finrl").locate_file(
        "finrl/meta/env_stock_trading/env_stocktrading.py"
    )
    spec = importlib.util.spec_from_file_location("finrl_env_stocktrading", str(path))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module.StockTradingEnv


def _steps(inputs: Mapping[str, Any]) -> Callable[[], float]:
    make = _stock_trading_env()
    import pandas as pd

    n, close = inputs["stocks"], inputs["close"][: STEPS + 200]
    table = pd.DataFrame(
        {
            "date": np.repeat(pd.date_range("2010-01-01", periods=len(close)).strftime("%Y-%m-%d"), n),
            "tic": np.tile([f"S{i:03d}" for i in range(n)], len(close)),
            "close": close.ravel(),
            **{name: close.ravel() * 0.01 for name in INDICATORS},
        },
        index=np.repeat(np.arange(len(close)), n),
    )
    env = make(
        df=table,
        stock_dim=n,
        hmax=100,
        initial_amount=1_000_000,
        num_stock_shares=[0] * n,
        buy_cost_pct=[0.001] * n,
        sell_cost_pct=[0.001] * n,
        reward_scaling=1e-4,
        state_space=1 + 2 * n + len(INDICATORS) * n,
        action_space=n,
        tech_indicator_list=INDICATORS,
    )
    draw = np.random.default_rng(2)
    actions = [draw.uniform(-1.0, 1.0, n).astype(np.float32) for _ in range(STEPS)]

    def call() -> float:
        env.reset()
        return sum(float(env.step(action)[1]) for action in actions)

    return call


_SETTINGS = (
    "StockTradingEnv as in its tutorial: whole shares, 0.1 % costs, cash, prices, holdings and 8 indicators as "
    "state; it trades at the close it sees, keeps lists and reads a data frame at every step. Ours has a "
    "volatility- and volume-dependent cost, orders that wait, a window of 20 returns. Rewards are not comparable"
)

PEERS: tuple[Peer, ...] = tuple(
    Peer(work=work, name="FinRL", package="finrl", prepare=_steps, items=STEPS, settings=_SETTINGS)
    for work in (
        "environments.portfolio",
        "environments.portfolio.one_thread",
        "environments.portfolio.py",
    )
)

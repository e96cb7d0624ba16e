"""The portfolios a run is compared with: same fill rule, same costs, rebalanced on a calendar of bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.market import Field
from janus_trader.contracts.panel import MarketPanel
from janus_trader.execution.cost_model import CostConfig
from janus_trader.execution.weight_simulation import simulate_weights
from janus_trader.numerics.covariance import ledoit_wolf
from janus_trader.portfolio.hrp import hrp
from janus_trader.portfolio.min_variance import min_variance
from janus_trader.runs.settings import AccountConfig, BaselineConfig

BASELINES = ("equal_weight", "buy_and_hold", "min_variance", "hrp")


@dataclass(frozen=True)
class Baseline:
    """A baseline from the run's own start: equity, costs charged and value traded at each bar, (T,)."""

    equity: np.ndarray
    costs: np.ndarray
    traded_value: np.ndarray

    @property
    def in_market(self) -> np.ndarray:
        """Whether a position is held at each bar, (T,) bool: from the first fill on."""
        return np.cumsum(self.traded_value) > 0.0


def past_returns(close: np.ndarray, t: int, lookback: int) -> tuple[np.ndarray, np.ndarray]:
    """Simple returns of the instruments known through the whole lookback ending at bar ``t``.

    Returns
    -------
    columns : (m,) int array of instruments with a price at every bar of the window
    returns : (lookback, m), or fewer rows near the start
    """
    window = close[max(0, t - lookback) : t + 1]
    columns = np.flatnonzero(np.isfinite(window).all(axis=0))
    prices = window[:, columns]
    return columns, prices[1:] / prices[:-1] - 1.0


def baseline_targets(panel: MarketPanel, observe: int, config: BaselineConfig) -> dict[str, np.ndarray]:
    """Target weights (T, n) of every baseline; a row of NaN means that nothing is changed.

    Decided at a bar's close from prices up to it; covariances need at least 60 bars, before which
    the risk-based ones hold equal weights.
    """
    close = panel.bars["close"]
    steps, n = close.shape
    targets = {name: np.full((steps, n), np.nan) for name in BASELINES}
    for number, t in enumerate(range(observe, steps, config.rebalance_bars)):
        known = np.isfinite(close[t])
        equal = np.where(known, 1.0 / max(1, int(known.sum())), 0.0)
        targets["equal_weight"][t] = equal
        if number == 0:
            targets["buy_and_hold"][t] = equal
        targets["min_variance"][t] = _risk_based(close, t, config.lookback_bars, min_variance, equal)
        targets["hrp"][t] = _risk_based(close, t, config.lookback_bars, hrp, equal)
    return targets


def _risk_based(
    close: np.ndarray,
    t: int,
    lookback: int,
    solver: Callable[[np.ndarray], np.ndarray],
    otherwise: np.ndarray,
) -> np.ndarray:
    columns, returns = past_returns(close, t, lookback)
    if len(returns) < 60 or len(columns) == 0:
        return otherwise
    active = columns[np.std(returns, axis=0) > 0]
    if len(active) == 0:
        return otherwise
    covariance, _ = ledoit_wolf(returns[:, np.std(returns, axis=0) > 0])
    weights = np.zeros(close.shape[1])
    weights[active] = solver(covariance)
    return weights


def run_baselines(
    panel: MarketPanel, observe: int, config: BaselineConfig, costs: CostConfig, account: AccountConfig
) -> dict[str, Baseline]:
    """Simulate every baseline over the panel; curves begin at the run's own start."""
    out = {}
    for name, targets in baseline_targets(panel, observe, config).items():
        result = simulate_weights(
            targets,
            panel.bars,
            panel.present,
            fills_at_open=panel.fills_at_open,
            cost=costs,
            volume_known=Field.VOLUME in panel.fields,
            capital=account.capital,
            cash_rate=account.cash_rate,
            interest_from=observe,
            bars_per_year=panel.bars_per_year,
        )
        before = np.concatenate([[account.capital], result.equity[:-1]])
        out[name] = Baseline(
            equity=result.equity[observe:],
            costs=result.costs[observe:],
            traded_value=(result.turnover * before)[observe:],
        )
    return out

"""Figures of an equity curve, the same for a run and for every baseline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from janus_trader.numerics.drawdown import max_drawdown
from janus_trader.numerics.sharpe import (
    deflated_sharpe_probability,
    sharpe,
    sortino,
    stationary_bootstrap_sharpe_difference,
)


@dataclass(frozen=True)
class Figures:
    """Net figures of one equity curve.

    ``sharpe``, ``sortino`` and ``calmar`` are a year's, over cash at ``cash_rate``; ``max_drawdown`` is
    a fraction of the peak; ``turnover`` is traded value over mean equity, a year; ``costs`` is in
    currency; ``time_in_market`` is the share of bars with a position. A figure that is not defined
    (no variance, say) is None.
    """

    final_equity: float
    total_return: float
    annual_return: float | None
    annual_volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    turnover: float
    costs: float
    time_in_market: float

    def to_dict(self) -> dict[str, Any]:
        """Plain mapping for JSON."""
        return asdict(self)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def bar_returns(equity: np.ndarray) -> np.ndarray:
    """Simple returns of an equity curve of shape (T,): shape (T-1,)."""
    return equity[1:] / equity[:-1] - 1.0


def figures(
    equity: np.ndarray,
    *,
    bars_per_year: float,
    cash_rate: float,
    traded_value: float,
    costs: float,
    in_market: np.ndarray,
) -> Figures:
    """Figures of an equity curve (T,); ``in_market`` is (T,) bool. Cost O(T)."""
    equity = np.asarray(equity, dtype=np.float64)
    excess = bar_returns(equity) - cash_rate / bars_per_year
    years = max(len(equity) - 1, 1) / bars_per_year
    growth = equity[-1] / equity[0]
    annual = growth ** (1.0 / years) - 1.0 if growth > 0 and years > 0.1 else np.nan
    drawdown = float(max_drawdown(equity))
    return Figures(
        final_equity=float(equity[-1]),
        total_return=float(growth - 1.0),
        annual_return=_finite(annual),
        annual_volatility=_finite(float(np.std(excess, ddof=1)) * np.sqrt(bars_per_year))
        if len(excess) > 1
        else None,
        sharpe=_finite(sharpe(excess, bars_per_year)) if len(excess) > 1 else None,
        sortino=_finite(sortino(excess, bars_per_year)) if len(excess) > 1 else None,
        calmar=_finite(annual / drawdown) if drawdown > 0 else None,
        max_drawdown=drawdown,
        turnover=float(traded_value / np.mean(equity) / years) if years > 0 else 0.0,
        costs=float(costs),
        time_in_market=float(np.mean(in_market)) if len(in_market) else 0.0,
    )


def sharpe_difference(
    run: np.ndarray,
    other: np.ndarray,
    bars_per_year: float,
    generator: np.random.Generator,
    cash_rate: float = 0.0,
) -> dict[str, float] | None:
    """Stationary-bootstrap mean and 95 % interval of Sharpe(run) − Sharpe(other), both over cash at
    ``cash_rate`` a year; None when too short."""
    cash = cash_rate / bars_per_year
    a, b = bar_returns(run) - cash, bar_returns(other) - cash
    if len(a) < 60 or np.std(a) == 0 or np.std(b) == 0:
        return None
    mean, low, high = stationary_bootstrap_sharpe_difference(a, b, bars_per_year, 2000, 21.0, generator)
    return {"mean": float(mean), "lo": float(low), "hi": float(high)}


def deflated_probability(
    equity: np.ndarray,
    trial_sharpes: list[float],
    trials: int,
    bars_per_year: float,
    cash_rate: float = 0.0,
) -> float | None:
    """Deflated Sharpe probability of an equity curve given the Sharpe ratios of all recorded trials.

    ``trial_sharpes`` are a year's. Their spread is taken to be at least the standard error of a Sharpe ratio
    over this span, the spread that trials without any skill would have: variants of one system resemble
    each other, and their own spread would deflate too little.
    """
    returns = bar_returns(equity) - cash_rate / bars_per_year
    n = len(returns)
    spread = float(np.std(returns))
    if n < 60 or spread == 0:
        return None
    standard = (returns - returns.mean()) / spread
    skew, kurtosis = float(np.mean(standard**3)), float(np.mean(standard**4))
    per_period = float(returns.mean() / np.std(returns, ddof=1))
    over_trials = 1.0 / np.sqrt(n)
    if len(trial_sharpes) >= 2:
        over_trials = max(over_trials, float(np.std(trial_sharpes, ddof=1)) / np.sqrt(bars_per_year))
    value = deflated_sharpe_probability(per_period, n, skew, kurtosis, max(1, trials), over_trials)
    return _finite(float(value))

"""One bar of many portfolios: orders from weights, fills, costs, marking, reward and observation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from janus_trader.numerics.trading_cost import trading_cost_fraction

#: One portfolio: the bar it stands at, its first bar, cash, equity, costs charged and value traded over
#: equity at the last bar, and the running moments of the differential Sharpe ratio.
PORTFOLIO_DTYPE = np.dtype(
    [
        ("bar", "i8"),
        ("first", "i8"),
        ("cash", "f8"),
        ("equity", "f8"),
        ("costs", "f8"),
        ("turnover", "f8"),
        ("mean", "f8"),
        ("square", "f8"),
    ],
    align=True,
)

#: Numbers that stay: the venue's rules, costs and the reward, in the order the kernel reads them.
RULES_DTYPE = np.dtype(
    [
        ("max_weight", "f8"),
        ("gross_limit", "f8"),
        ("size_scale", "f8"),
        ("size_unit", "f8"),
        ("min_trade", "f8"),
        ("rate", "f8"),
        ("commission", "f8"),
        ("half_spread", "f8"),
        ("spread_vol", "f8"),
        ("impact", "f8"),
        ("multiplier", "f8"),
        ("capital", "f8"),
        ("ruin", "f8"),
        ("sharpe_rate", "f8"),
        ("stale", "i8"),
        ("steps", "i8"),
    ],
    align=True,
)
_LEAST_EQUITY = 1e-6  # of the capital: where a logarithm of equity ends
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


@njit(cache=True)
def differential_sharpe(mean: float, square: float, growth: float, rate: float) -> float:
    r"""Change of an exponentially weighted Sharpe ratio by one more return.

    .. math:: D = \frac{B\,\Delta A - \tfrac12 A\,\Delta B}{(B - A^2)^{3/2}},
              \quad \Delta A = R - A, \quad \Delta B = R^2 - B

    with the running mean A and mean square B *before* the return R; the caller then moves both by
    ``rate`` of their change. 0 while the variance is not positive. The true change is ``rate`` times D.
    O(1).

    >>> round(differential_sharpe(0.0, 0.0001, 0.02, 0.01), 6)
    2.0

    References
    ----------
    Moody & Saffell (2001), Learning to trade via direct reinforcement, eq. (14).
    """
    variance = square - mean * mean
    if variance <= 1e-16:
        return 0.0
    up, spread = growth - mean, growth * growth - square
    return (square * up - 0.5 * mean * spread) / (variance * math.sqrt(variance))


@njit(inline="always", **_OPTIONS)
def _decide(e, t, actions, equity, rules, close, present, quantity, order, waited):
    """Queue the orders that move portfolio ``e`` to its target weights at the closes of bar ``t``."""
    gross = 0.0
    for i in range(actions.shape[1]):
        gross += abs(actions[e, i])
    gross *= rules.max_weight
    scale = rules.max_weight
    if gross > rules.gross_limit:
        scale *= rules.gross_limit / gross
    for i in range(actions.shape[1]):
        if not present[t, i] or order[e, i] != 0.0:
            continue
        target = actions[e, i] * scale
        held = quantity[e, i]
        if target == 0.0:
            change = -held
        else:
            exact = target * equity / close[t, i] - held
            change = math.copysign(math.floor(abs(exact) * rules.size_scale) * rules.size_unit, exact)
            if abs(change) * close[t, i] < rules.min_trade * equity:
                continue
        if equity <= 0.0 and not (change * held < 0.0 and abs(change) <= abs(held)):
            continue
        order[e, i] = change
        waited[e, i] = 0


@njit(inline="always", **_OPTIONS)
def _fill(p, e, t, rules, fill_price, close, present, sigma, daily_value, quantity, order, waited):
    """Fill what waits at bar ``t``, charged with what was known at the bar before, and mark."""
    paid, costs, traded, worth = 0.0, 0.0, 0.0, 0.0
    for i in range(quantity.shape[1]):
        change = order[e, i]
        if change != 0.0:
            if present[t, i]:
                price = fill_price[t, i]
                value = abs(change) * price
                costs += value * (
                    rules.multiplier
                    * trading_cost_fraction(
                        value,
                        sigma[t - 1, i],
                        daily_value[t - 1, i],
                        rules.commission,
                        rules.half_spread,
                        rules.spread_vol,
                        rules.impact,
                    )
                )
                paid += change * price
                traded += value
                quantity[e, i] = np.rint((quantity[e, i] + change) * rules.size_scale) * rules.size_unit
                order[e, i] = 0.0
            else:
                waited[e, i] += 1
                if waited[e, i] > rules.stale:
                    order[e, i] = 0.0
        worth += quantity[e, i] * close[t, i]
    before = p.equity
    p.cash -= paid + costs
    p.costs = costs
    p.turnover = traded / before if before > 0.0 else 0.0
    p.equity = p.cash + worth


@njit(inline="always", **_OPTIONS)
def _observe(p, e, window, returns, features, close, quantity, out):
    """Window of returns (oldest first), weights, the weight of cash, features."""
    n, t = quantity.shape[1], p.bar
    at = 0
    for s in range(t - window + 1, t + 1):
        for i in range(n):
            out[e, at + i] = returns[s, i]
        at += n
    inverse = 1.0 / p.equity if p.equity > 0.0 else 0.0
    for i in range(n):
        out[e, at + i] = min(max(quantity[e, i] * close[t, i] * inverse, -10.0), 10.0)
    at += n
    out[e, at] = min(max(p.cash * inverse, -10.0), 10.0)
    for j in range(features.shape[1]):
        out[e, at + 1 + j] = features[t, j]


@njit(**_OPTIONS)
def observe_portfolios(rows, state, window, returns, features, close, quantity, out):
    """Observations of the portfolios ``rows`` into their rows of ``out``."""
    for e in rows:
        _observe(state[e], e, window, returns, features, close, quantity, out)


@njit(**_OPTIONS)
def begin_portfolios(rows, first, capital, state, quantity, order, waited):
    """Start the portfolios ``rows`` with ``capital`` in cash at the close of bar ``first`` of each."""
    for k in range(rows.shape[0]):
        e = rows[k]
        p = state[e]
        p.bar = first[k]
        p.first = first[k]
        p.cash = capital
        p.equity = capital
        p.costs = 0.0
        p.turnover = 0.0
        p.mean = 0.0
        p.square = 0.0
        for i in range(quantity.shape[1]):
            quantity[e, i] = 0.0
            order[e, i] = 0.0
            waited[e, i] = 0


@njit(**_OPTIONS)
def advance_portfolios(begin, end, rules_of_one, window, market, held, given):
    """One bar of the running portfolios ``begin`` … ``end`` − 1.

    ``market`` is (fill_price, close, present, sigma, daily_value, returns, features), each (T, …);
    ``held`` is (state, quantity, order, waited) and ``given`` is (actions, running, observations,
    rewards, terminated, truncated), a row each portfolio.
    """
    fill_price, close, present, sigma, daily_value, returns, features = market
    state, quantity, order, waited = held
    actions, running, observations, rewards, terminated, truncated = given
    rules = rules_of_one[0]
    last = close.shape[0] - 1
    for e in range(begin, end):
        if not running[e]:
            continue
        p = state[e]
        t = p.bar
        before = p.equity
        _decide(e, t, actions, before, rules, close, present, quantity, order, waited)
        t += 1
        p.bar = t
        p.cash += p.cash * rules.rate
        _fill(p, e, t, rules, fill_price, close, present, sigma, daily_value, quantity, order, waited)
        growth = math.log(max(p.equity, _LEAST_EQUITY * rules.capital) / before)
        if rules.sharpe_rate > 0.0:
            rewards[e] = differential_sharpe(p.mean, p.square, growth, rules.sharpe_rate)
            p.mean += rules.sharpe_rate * (growth - p.mean)
            p.square += rules.sharpe_rate * (growth * growth - p.square)
        else:
            rewards[e] = growth
        terminated[e] = p.equity <= rules.ruin
        truncated[e] = not terminated[e] and (t >= last or t - p.first >= rules.steps)
        _observe(p, e, window, returns, features, close, quantity, observations)

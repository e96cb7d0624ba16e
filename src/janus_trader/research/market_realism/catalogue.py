"""The facts that are compared, in the order of the report."""

from __future__ import annotations

from typing import NamedTuple


class FactSpec(NamedTuple):
    """Name, what it is in words, its unit (empty: a bare number), and what real markets are known for."""

    name: str
    title: str
    unit: str
    known: str


FACTS: tuple[FactSpec, ...] = (
    FactSpec("spread.mean", "mean spread over time", "ticks", "1 to 2 where the tick is large for the price"),
    FactSpec("spread.one_tick", "share of time at one tick", "", "near 1 where the tick is large"),
    FactSpec("spread.dispersion", "standard deviation of the spread over its mean", "", ""),
    FactSpec("depth.best_share", "quantity at the best price over that within 10 ticks", "", "small: a hump"),
    FactSpec("queue.in_trades", "quantity at the best price over that of a mean trade", "", ""),
    FactSpec("queue.dispersion", "standard deviation of the best queue over its mean", "", "about 1: gamma"),
    FactSpec("orders.inside", "share of limit orders at the best price or better", "", ""),
    FactSpec("orders.dispersion", "standard deviation of order size over its mean", "", "above 1"),
    FactSpec("orders.commonest", "share of the commonest order size", "", "large: round numbers"),
    FactSpec("orders.tail", "tail exponent of trade sizes", "", "1.5 to 3"),
    FactSpec("cancel.share", "cancellations over limit orders", "", "most orders are cancelled"),
    FactSpec(
        "cancel.best_over_deep", "cancellation rate at the best price over 5 to 15 ticks behind", "", ""
    ),
    FactSpec("events.trades", "share of trades among events", "", "a few percent"),
    FactSpec("events.limit_limit", "probability that a limit order follows one", "", ""),
    FactSpec("events.cancel_cancel", "probability that a cancellation follows one", "", ""),
    FactSpec("events.trade_trade", "probability that a trade follows one", "", "far above their share"),
    FactSpec(
        "times.dispersion", "standard deviation of time between trades over its mean", "", "above 1: bursts"
    ),
    FactSpec("times.bursts", "share of times between trades below 1 % of the mean", "", "0.01 for Poisson"),
    FactSpec("times.memory", "autocorrelation of log times between trades, lag 1", "", "0.1 to 0.5"),
    FactSpec("shape.edges", "activity in the first and last twelfth over the mean", "", "above 1: U-shape"),
    FactSpec("signs.lag_1", "autocorrelation of trade signs, lag 1", "", "0.2 to 0.7"),
    FactSpec("signs.lag_10", "autocorrelation of trade signs, lag 10", "", "still positive"),
    FactSpec("signs.exponent", "exponent of its power law", "", "0.4 to 0.7"),
    FactSpec("returns.lag_1", "autocorrelation of mid changes from trade to trade, lag 1", "", "near 0"),
    FactSpec("volatility.lag_1", "autocorrelation of |mid changes over 10 trades|, lag 1", "", "0.1 to 0.4"),
    FactSpec("volatility.lag_5", "the same, lag 5", "", "decays slowly"),
    FactSpec("tails.kurtosis", "excess kurtosis of mid changes over 1 trade", "", "well above 0"),
    FactSpec(
        "tails.kurtosis_100", "excess kurtosis of mid changes over 100 trades", "", "smaller, still positive"
    ),
    FactSpec("tails.exponent", "tail exponent of mid changes over 10 trades", "", "about 3"),
    FactSpec("response.first", "response of the mid after 1 trade over the half-spread", "", "0.1 to 1"),
    FactSpec(
        "response.later", "response of the mid after 50 trades over the half-spread", "", "grows, then flat"
    ),
    FactSpec("signature.short", "variance a second, mean time of 1 trade over that of 64", "", "about 1"),
)

#: Distance classes of `cancel.best_over_deep`.
DEEP = slice(5, 16)
EVENT_NAMES = ("limit", "cancel", "trade")

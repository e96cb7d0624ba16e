"""From allowed weights to order intents: whole lots, no dust, exits always."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import Instrument, PortfolioState
from janus_trader.contracts.orders import OrderIntent, Side
from janus_trader.foundation.config import Config


class PlannerConfig(Config, frozen=True):
    """Parameters of `OrderPlanner`."""

    min_trade_frac: Annotated[
        float, Meta(ge=0, le=1, description="smallest trade as a fraction of equity; exits always go")
    ] = 0.002
    no_trade_band: Annotated[
        float, Meta(ge=0, le=1, description="change left undone, as a fraction of the target weight")
    ] = 0.0


@njit(cache=True)
def _changes(target, quantity, price, present, scale, equity, min_trade, band, out):  # type: ignore[no-untyped-def]
    """Signed change of quantity of each instrument into ``out``; returns the first bad instrument or -1."""
    for i in range(target.size):
        out[i] = 0.0
        if not present[i]:
            continue
        if not (math.isfinite(target[i]) and math.isfinite(quantity[i])):
            return i
        if not (price[i] > 0.0 and math.isfinite(price[i])):
            return i
        if target[i] == 0.0 or equity <= 0.0:
            out[i] = -np.rint(quantity[i] * scale[i]) / scale[i]
            continue
        exact = target[i] * equity / price[i] - quantity[i]
        change = math.copysign(math.floor(abs(exact) * scale[i]) / scale[i], exact)
        value = abs(change) * price[i]
        if value >= min_trade * equity and value >= band * abs(target[i]) * equity:
            out[i] = change
    return -1


class OrderPlanner:
    r"""Turns target weights into market orders for the next bar.

    .. math:: \Delta_i = \operatorname{trunc}_{d_i}\!\Bigl(\frac{w_i E}{P_i} - q_i\Bigr)

    truncated towards zero to the instrument's ``size_decimals`` d, so that no order overshoots. A change worth
    less than ``min_trade_frac`` of equity, or less than ``no_trade_band`` of its own target, is left undone;
    an exit to exactly zero always goes. Sells stand before buys, each in the order of the book; ids are
    ``<step, 7 digits>-<number, 3 digits>``.

    Parameters
    ----------
    config : PlannerConfig

    Notes
    -----
    Stateless; no warm-up. An absent instrument gets no order. With equity that is not positive every
    position is closed and none is opened. Cost O(n).

    Examples
    --------
    >>> book = PortfolioState(ts_event=0, equity=1000.0, cash=1000.0, peak_equity=1000.0,
    ...     session_start_equity=1000.0, weights=(0.0,), quantities=(0.0,))
    >>> order, = OrderPlanner(PlannerConfig()).plan(
    ...     np.array([0.5]), book, np.array([40.0]), np.array([True]), ("A",),
    ...     (Instrument(symbol="A", size_decimals=0),), ts_event=0, step=7)
    >>> order.order_id, order.side.value, order.quantity
    ('0000007-000', 'buy', 12.0)
    """

    def __init__(self, config: PlannerConfig) -> None:
        self.config = config

    def plan(
        self,
        target_weights: np.ndarray,
        portfolio: PortfolioState,
        prices: np.ndarray,
        present: np.ndarray,
        symbols: Sequence[str],
        instruments: Sequence[Instrument],
        ts_event: int,
        step: int,
    ) -> tuple[OrderIntent, ...]:
        """Orders that move the book towards ``target_weights`` (n,) at ``prices`` (n,).

        ``present`` (n,) bool says which instruments can be traded; what the others hold in the arrays
        is not read. ``reduces`` is True for an order that ends between zero and the position held.

        Raises
        ------
        DataError
            Lengths differ, or a present instrument has a weight or price that cannot be used.
        """
        n = len(symbols)
        target = np.asarray(target_weights, dtype=np.float64)
        price = np.asarray(prices, dtype=np.float64)
        quantity = np.array(portfolio.quantities, dtype=np.float64)
        present = np.asarray(present, dtype=np.bool_)
        if not (
            target.shape == price.shape == quantity.shape == present.shape == (n,) == (len(instruments),)
        ):
            raise DataError(
                "lengths differ",
                got=f"weights {target.shape}, prices {price.shape}, quantities {quantity.shape}, "
                f"present {present.shape}, instruments {len(instruments)}",
                expected=f"({n},) each",
            )
        scale = np.array([10.0**x.size_decimals for x in instruments])
        change = np.empty(n)
        bad = _changes(
            target,
            quantity,
            price,
            present,
            scale,
            portfolio.equity if math.isfinite(portfolio.equity) else 0.0,
            self.config.min_trade_frac,
            self.config.no_trade_band,
            change,
        )
        if bad >= 0:
            raise DataError(
                f"cannot plan an order in {symbols[bad]}",
                got=f"weight {target[bad]}, price {price[bad]}, quantity {quantity[bad]}",
                expected="a finite weight and quantity, and a positive price",
                remedy="mark an instrument without a usable price as absent",
            )
        deltas, held, at = change.tolist(), quantity.tolist(), price.tolist()
        sequence = [i for i in range(n) if deltas[i] < 0.0] + [i for i in range(n) if deltas[i] > 0.0]
        return tuple(
            OrderIntent(
                order_id=f"{step:07d}-{number:03d}",
                symbol=symbols[i],
                side=Side.BUY if deltas[i] > 0.0 else Side.SELL,
                quantity=round(abs(deltas[i]), instruments[i].size_decimals),
                ts_event=ts_event,
                decision_price=at[i],
                reduces=deltas[i] * held[i] < 0.0 and bool(abs(deltas[i]) <= abs(held[i]) + 0.5 / scale[i]),
            )
            for number, i in enumerate(sequence)
        )

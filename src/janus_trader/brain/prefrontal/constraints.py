"""The wash sale and the impact bound as fuzzy constraints (specification eq. 24, 25, corrected).

They judge and block nothing. A wash sale *defers* a loss, it forbids no trade: what must not happen is that the
matched part of a loss is deducted. Slippage and volatility are both fractions of the price over the same horizon;
compared in other units the bound means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.message import Message
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.learning.logic import CompiledTheory, Logic, parse

_WASH_SALE = """
sort sale(loss, replaced, claimed)
predicate at_a_loss(s in sale) = truth(s.loss)
predicate replaced(s in sale) = truth(s.replaced)
predicate claimed(s in sale) = truth(s.claimed)
rule wash_sale: forall s in sale: at_a_loss(s) and replaced(s) -> not claimed(s)
"""
_IMPACT = """
sort order(executed, ratio)
predicate executed(o in order) = truth(o.executed)
predicate bounded(o in order) = below(o.ratio, {bound}, {sharpness})
rule impact: forall o in order: executed(o) -> bounded(o)
"""
#: A ratio of slippage to volatility beyond this is as bad as any.
_MOST_RATIO = 1e6


class ConstraintsConfig(Config, frozen=True):
    """Parameters of the two constraints."""

    window_days: Annotated[Count, Meta(description="days before and after a sale, inclusive")] = 30
    impact_bound: Annotated[Positive, Meta(description="λ: most slippage per unit of volatility")] = 0.5
    impact_sharpness: Annotated[Positive, Meta(description="steepness of the truth around λ")] = 20.0
    logic: Logic = Logic(stable=False)


class TaxSale(Message, frozen=True):
    """Shares sold. ``day`` counts calendar days, ``loss`` is the loss per share (0 or less: none), ``lot`` names
    the purchase the shares came from."""

    day: int
    symbol: str
    quantity: float
    loss: float
    lot: str = ""


class TaxPurchase(Message, frozen=True):
    """Shares bought: ``lot`` is the name that a sale out of them would carry."""

    day: int
    symbol: str
    quantity: float
    lot: str = ""


def deferred_shares(
    sales: Sequence[TaxSale], purchases: Sequence[TaxPurchase], window_days: int = 30
) -> np.ndarray:
    """How many shares of each sale have their loss deferred by a replacement, (sales,).

    Losses are taken in the order in which they were made, replacements in the order in which they were
    bought; each bought share replaces once, and the shares sold do not replace themselves. A replacement lies at most
    ``window_days`` calendar days before or after the sale.

    Notes
    -----
    The caller says what is substantially identical by giving it one symbol. Of a lot sold in part, what
    remains of it is not counted as replacement. O(sales x purchases).

    Raises
    ------
    DataError
        A quantity that is not positive and finite.

    Examples
    --------
    >>> sold = [TaxSale(day=10, symbol="A", quantity=100.0, loss=2.0, lot="x")]
    >>> deferred_shares(sold, [TaxPurchase(day=40, symbol="A", quantity=60.0, lot="y")]).tolist()
    [60.0]

    References
    ----------
    26 USC 1091; 26 CFR 1.1091-1.
    """
    for quantity in (*[s.quantity for s in sales], *[p.quantity for p in purchases]):
        if not 0.0 < quantity < math.inf:
            raise DataError("a quantity must be positive", got=quantity)
    left = [p.quantity for p in purchases]
    out = np.zeros(len(sales))
    bought = sorted(range(len(purchases)), key=lambda j: purchases[j].day)
    for i in sorted(range(len(sales)), key=lambda i: sales[i].day):
        sale = sales[i]
        if not sale.loss > 0.0:
            continue
        for j in bought:
            p = purchases[j]
            if (
                p.symbol != sale.symbol
                or abs(p.day - sale.day) > window_days
                or (p.lot and p.lot == sale.lot)
            ):
                continue
            used = min(left[j], sale.quantity - out[i])
            left[j] -= used
            out[i] += used
    return out


class Constraints:
    """Truths of the wash-sale and impact constraints.

    Examples
    --------
    >>> rules = Constraints(ConstraintsConfig())
    >>> sold = [TaxSale(day=10, symbol="A", quantity=100.0, loss=2.0, lot="x")]
    >>> back = [TaxPurchase(day=40, symbol="A", quantity=60.0, lot="y")]
    >>> [round(rules.wash_sale(sold, back, np.array([shares])), 3) for shares in (40.0, 70.0, 100.0)]
    [1.0, 0.5, 0.0]
    >>> rules.impact(np.array([0.001]), np.array([0.01])) > 0.99
    True
    """

    def __init__(self, config: ConstraintsConfig) -> None:
        self.config = config
        impact = _IMPACT.format(bound=config.impact_bound, sharpness=config.impact_sharpness)
        self._wash_sale = CompiledTheory(parse(_WASH_SALE), config.logic)
        self._impact = CompiledTheory(parse(impact), config.logic)

    def wash_sale(
        self, sales: Sequence[TaxSale], purchases: Sequence[TaxPurchase], deducted: np.ndarray
    ) -> float:
        """Truth of "no deferred loss is deducted", ∀ over the sales, in [0, 1].

        ``deducted`` (sales,) are the shares whose loss is claimed. Claiming as many as were not replaced is
        right; beyond that, truth falls with the share of the deferred loss that is claimed. Eq. 24 as printed denies
        the whole loss; only that of the matched shares is meant, and the window is 30 days inclusive, not "< 30".
        A number of shares that is not finite counts as all.
        """
        claimed = np.asarray(deducted, dtype=np.float64)
        if claimed.shape != (len(sales),):
            raise DataError("deducted shares of other sales", got=claimed.shape, expected=f"({len(sales)},)")
        if not len(sales):
            return 1.0
        matched = deferred_shares(sales, purchases, self.config.window_days)
        kept = np.array([s.quantity for s in sales]) - matched
        over = np.maximum(np.where(np.isfinite(claimed), claimed, np.inf) - kept, 0.0)
        share = np.minimum(over / np.where(matched > 0.0, matched, 1.0), 1.0)
        losing = np.array([float(s.loss > 0.0) for s in sales])
        work = self._wash_sale.workspace({"sale": len(sales)})
        work.fields("sale", np.column_stack([losing, matched > 0.0, share]))
        return min(max(work.run(), 0.0), 1.0)

    def impact(
        self, slippage: np.ndarray, volatility: np.ndarray, executed: np.ndarray | None = None
    ) -> float:
        """Truth of eq. 25, "what is executed slips less than λ times the volatility", over orders.

        Parameters
        ----------
        slippage, volatility : (m,) arrays
            Fractions of the price over the same horizon (`over_horizon` scales a volatility per bar).
        executed : (m,) array, optional
            Share of each order that is carried out, in [0, 1]; default 1.

        Notes
        -----
        A figure that is not finite, or slippage without volatility, counts as broken. No order: true.
        """
        if not len(slippage):
            return 1.0
        ratio = np.full(len(slippage), _MOST_RATIO)
        np.divide(slippage, volatility, out=ratio, where=np.asarray(volatility) > 0.0)
        ratio[(slippage == 0.0) & (volatility == 0.0)] = 0.0
        ratio = np.clip(np.where(np.isfinite(ratio), ratio, _MOST_RATIO), -_MOST_RATIO, _MOST_RATIO)
        work = self._impact.workspace({"order": len(ratio)})
        share = np.ones(len(ratio)) if executed is None else np.where(np.isfinite(executed), executed, 1.0)
        work.fields("order", np.column_stack([share, ratio]))
        return min(max(work.run(), 0.0), 1.0)


def over_horizon(volatility_per_bar: float, bars: float) -> float:
    """Volatility over a horizon of so many bars, ``σ √bars``, as a fraction of the price.

    >>> over_horizon(0.01, 4.0)
    0.02
    """
    return volatility_per_bar * math.sqrt(bars)

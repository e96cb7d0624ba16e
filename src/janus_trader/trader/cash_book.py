"""What a strategy may know of its account: cash and position values, kept fill by fill."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.contracts.backtest import FILL_DTYPE, Totals
from janus_trader.execution.order_rules import fill_fee


class CashBook:
    """Cash, charges and the list of executions of one back-test.

    Orders are sized by this book, in the arithmetic of the compiled engine: the venue's own account rounds
    every amount to its currency, and a size in whole lots would sooner or later fall on the other side of
    a rounding edge. What is *reported* as equity is the venue's account.
    """

    def __init__(self, capital: float, record: Any) -> None:
        self.cash = capital
        self._record = record
        self._fills: list[tuple] = []
        self._traded = self._fees = self._slippage = self._borrowed = 0.0

    def execute(
        self, t: int, i: int, number: int, signed: float, price: float, fee: float, maker: bool, asked: float
    ) -> None:
        """Write down an execution; ``fee`` is the venue's, ``asked`` the price before slippage."""
        quantity = abs(signed)
        self.cash -= signed * price + fill_fee(quantity, price, maker, self._record)
        self._fills.append((t, i, number, signed, price, fee, int(maker)))
        self._traded += quantity * price
        self._fees += fee
        if not maker:
            self._slippage += abs(price - asked) * quantity

    def charge(self, amount: float) -> None:
        """Take what borrowed shares cost."""
        self.cash -= amount
        self._borrowed += amount

    def value(self, quantity: list[float], closes: np.ndarray) -> tuple[float, float]:
        """(equity, sum of absolute position values) at these closes."""
        worth = gross = 0.0
        for held, close in zip(quantity, closes.tolist(), strict=True):
            worth += held * close
            gross += abs(held * close)
        return self.cash + worth, gross

    def fills(self) -> np.ndarray:
        """The executions, (m,) of `FILL_DTYPE`."""
        return np.array(self._fills, FILL_DTYPE)

    def totals(self, equity: float, in_market: int, liquidations: int) -> Totals:
        """The sums of a back-test that ended with this equity."""
        return Totals(
            equity, len(self._fills), self._traded, self._fees, self._slippage, self._borrowed, in_market,
            liquidations,
        )  # fmt: skip

"""The back-test venue: pull style, one call per bar time, the account nautilus_trader's own."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError, JanusError
from janus_trader.contracts.market import BAR_DTYPE, Instrument, PortfolioState
from janus_trader.contracts.orders import Fill, OrderIntent, Refusal, RefusalReason, Side
from janus_trader.contracts.protocols import TradingPermission
from janus_trader.foundation.config import Config
from janus_trader.trader.marking import mark_to_market, take_closes

if TYPE_CHECKING:
    from janus_trader.trader.matching import MatchingCore


class VenueConfig(Config, frozen=True):
    """How the venue treats what cannot be filled at once, and how it keeps its memory small."""

    stale_bars: Annotated[
        int, Meta(ge=0, description="bar times an order waits for an absent instrument before it is refused")
    ] = 5
    compact_fills: Annotated[
        int, Meta(ge=2, description="fills after which a position's history is folded into one")
    ] = 128


class Costs(Protocol):
    """What the venue needs of `janus_trader.execution.cost_model.CostModel`."""

    def observe(self, bars: np.ndarray, present: np.ndarray) -> None: ...
    def fraction(self, i: int, value: float) -> float: ...


class StepResult(NamedTuple):
    """What one bar time brought: executions, and queued orders that were given up."""

    fills: tuple[Fill, ...]
    refusals: tuple[Refusal, ...]


class _Queued:
    __slots__ = ("index", "order", "waited")

    def __init__(self, order: OrderIntent, index: int) -> None:
        self.order, self.index, self.waited = order, index, 0


class BacktestVenue:
    r"""A simulated venue that fills each order at the bar after the decision.

    ``advance(ts, bars, present)`` does, in this order: (1) interest on the cash held since the last
    bar, ``cash * cash_rate / bars_per_year``, either sign; (2) the queued orders, in order of
    submission, at this bar's open where ``fills_at_open``, else at its close, each charged
    ``cost_model.fraction(i, value) * value`` with the cost model as of the bar *before*; (3) the
    closes of this bar become the marks and ``cost_model.observe`` sees the bar. ``submit`` queues
    for the next ``advance``, so a decision at a close can never fill in its own bar.

    .. math:: E_t = B_t + \sum_i q_i (c_{i,t} - \bar p_i), \qquad \mathrm{cash}_t = E_t - \sum_i q_i c_{i,t}

    with the account's balance :math:`B`, quantities :math:`q` and average entries :math:`\bar p` of
    the engine and the last known closes :math:`c`.

    An order whose instrument has no bar waits, and is refused as stale after
    ``config.stale_bars`` bar times. While equity is not positive only orders that reduce a position
    are taken. The venue alone calls ``cost_model.observe``.

    Parameters
    ----------
    instruments : sequence of Instrument
        The book, in column order; all in ``currency``.
    capital : float
        Starting equity, > 0.
    cost_model : Costs
        Charged by; see `janus_trader.execution.cost_model.CostModel`.
    fills_at_open : bool
    permission : TradingPermission
        Asked for every order at submission. If it raises, the order is refused.
    cash_rate : float
        Annual interest on cash, as a fraction; may be 0 or negative.
    interest_from_ns : int
        Bar time from which on cash earns it.
    bars_per_year : float
        > 0.
    currency : str
    config : VenueConfig

    Raises
    ------
    ConfigError
        Empty or repeated symbols, another currency, capital or bars_per_year not positive.

    Notes
    -----
    Cost: a bar without orders is O(n) and takes some microseconds (plus about 30 when interest
    accrues); an order takes about 0.3 ms, whatever number came before. Why the engine is driven
    directly: ``docs/decisions/venue_pull.md``. Not thread-safe.

    Examples
    --------
    >>> class Free:
    ...     def observe(self, bars, present): ...
    ...     def fraction(self, i, value): return 0.0
    >>> class Yes:
    ...     def refuse(self, order, portfolio): return None
    >>> venue = BacktestVenue([Instrument(symbol="A")], capital=1000.0, cost_model=Free(),
    ...                       fills_at_open=False, permission=Yes(), bars_per_year=252.0)
    >>> def bar(price): return np.array([(price, price, price, price, np.nan, 0, 0)], BAR_DTYPE)
    >>> here = np.array([True])
    >>> _ = venue.advance(1, bar(100.0), here)
    >>> order = OrderIntent(order_id="1", symbol="A", side=Side.BUY, quantity=5.0, ts_event=1, decision_price=100.0)
    >>> venue.submit([order])
    ()
    >>> venue.advance(2, bar(110.0), here).fills[0].price
    110.0
    >>> _ = venue.advance(3, bar(120.0), here)
    >>> venue.portfolio(3).equity
    1050.0
    >>> venue.close()
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        capital: float,
        cost_model: Costs,
        fills_at_open: bool,
        permission: TradingPermission,
        cash_rate: float = 0.0,
        interest_from_ns: int = 0,
        bars_per_year: float,
        currency: str = "USD",
        config: VenueConfig | None = None,
    ) -> None:
        _check_book(instruments, capital, cash_rate, bars_per_year, currency)
        from janus_trader.trader.matching import MatchingCore

        self._config = config or VenueConfig()
        self._core: MatchingCore | None = MatchingCore(
            instruments,
            capital=capital,
            currency=currency,
            cost_of=cost_model.fraction,
            compact_fills=self._config.compact_fills,
        )
        self._index = {x.symbol: i for i, x in enumerate(instruments)}
        self._tick = [10.0**-x.size_decimals for x in instruments]
        self._costs, self._permission = cost_model, permission
        self._at_open = bool(fills_at_open)
        self._rate, self._interest_from = cash_rate / bars_per_year, interest_from_ns
        n = len(instruments)
        self._quantity, self._entry = np.zeros(n), np.zeros(n)
        self._close, self._price = np.full(n, np.nan), np.full(n, np.nan)
        self._weights = np.zeros(n)
        self._queue: list[_Queued] = []
        self._ts: int | None = None
        self._balance = self._equity = self._cash = self._peak = self._session_start = float(capital)
        self._paid = 0.0
        self._state: PortfolioState | None = None

    def advance(self, ts: int, bars: np.ndarray, present: np.ndarray, *, ask: bool = True) -> StepResult:
        """Live one bar time: interest, fills, then the bar itself (see the class).

        An order that would add risk is asked for again right before it fills: what was allowed when it was
        queued may be forbidden by now. ``ask`` is False only when a recorded life is lived again.

        Parameters
        ----------
        ts : int
            Close time of the bar, ns UTC, after every earlier one.
        bars : (n,) array of `BAR_DTYPE`
        present : (n,) bool array

        Raises
        ------
        DataError
            Time that does not increase, wrong shapes, or a present bar without positive finite
            prices (`janus_trader.trader.gateway` refuses those before).
        """
        core = self._open_core()
        self._check_bars(ts, bars, present)
        bad = take_closes(bars, present, self._at_open, self._price, self._close)
        if bad >= 0:
            raise DataError(
                f"bar of {list(self._index)[bad]} cannot be traded",
                got=bars[bad],
                expected="positive finite prices",
                remedy="pass raw bars through BarGateway first",
            )
        core.set_time(ts)
        if self._rate != 0.0 and self._ts is not None and self._ts >= self._interest_from:
            core.adjust(self._cash * self._rate)
        self._ts = ts
        result = self._execute(core, ts, present, ask) if self._queue else StepResult((), ())
        self._costs.observe(bars, present)
        self._mark(core)
        return result

    def submit(self, orders: Sequence[OrderIntent]) -> tuple[Refusal, ...]:
        """Queue orders for the next bar; return those refused, each with its reason.

        Every order is checked again: known instrument, finite and positive quantity (also after
        rounding to the instrument's decimals), an id not already queued, positive equity unless it
        reduces, and the trading permission, which refuses when it raises.
        """
        return self._enqueue(orders, ask=True)

    def replay(
        self,
        ts: int,
        bars: np.ndarray,
        present: np.ndarray,
        orders: Sequence[OrderIntent] = (),
        *,
        refused: Collection[str] = (),
    ) -> StepResult:
        """Live a recorded bar again: `advance` to it, then queue the orders decided at its close.

        The permission is not asked: it answered when the orders were first lived. ``refused`` holds the
        ids it refused then, at submission or right before the fill. Replaying a whole journal gives a
        bit-equal portfolio.
        """
        result = self.advance(ts, bars, present, ask=False)
        self._enqueue([x for x in orders if x.order_id not in refused], ask=False)
        return result

    def start_session(self) -> None:
        """Take the equity at the last close as the reference of the session's loss."""
        self._session_start = self._equity
        self._state = None

    def portfolio(self, ts: int) -> PortfolioState:
        """The book at the last known closes, stamped ``ts``.

        Weights are over equity; when equity is not positive, where no ratio exists, over the peak.
        """
        if self._state is None or self._state.ts_event != ts:
            self._state = PortfolioState(
                ts_event=ts,
                equity=self._equity,
                cash=self._cash,
                peak_equity=self._peak,
                session_start_equity=self._session_start,
                weights=tuple(self._weights.tolist()),
                quantities=tuple(self._quantity.tolist()),
                realised_costs=self._paid,
            )
        return self._state

    @property
    def pending(self) -> tuple[OrderIntent, ...]:
        """Orders waiting for a bar of their instrument."""
        return tuple(x.order for x in self._queue)

    def cache_sizes(self) -> dict[str, int]:
        """Numbers of records the engine holds; bounded by the size of the book."""
        return self._open_core().cache_sizes()

    def close(self) -> None:
        """Dispose of the engine; may be called twice. The portfolio stays readable."""
        if self._core is not None:
            self._core.dispose()
            self._core = None

    def _open_core(self) -> MatchingCore:
        if self._core is None:
            raise JanusError("the venue is closed", remedy="build a new BacktestVenue")
        return self._core

    def _check_bars(self, ts: int, bars: np.ndarray, present: np.ndarray) -> None:
        n = self._close.size
        if bars.shape != (n,) or bars.dtype != BAR_DTYPE or present.shape != (n,):
            raise DataError(
                "bars do not fit the book",
                got=f"{bars.dtype} {bars.shape}, present {present.shape}",
                expected=f"BAR_DTYPE ({n},) and bool ({n},)",
            )
        if self._ts is not None and ts <= self._ts:
            raise DataError("time does not increase", got=ts, expected=f"more than {self._ts}")

    def _enqueue(self, orders: Sequence[OrderIntent], *, ask: bool) -> tuple[Refusal, ...]:
        refusals = []
        waiting = {x.order.order_id for x in self._queue}
        for order in orders:
            reason, detail = self._judge(order, waiting, ask)
            if reason is None:
                self._queue.append(_Queued(order, self._index[order.symbol]))
                waiting.add(order.order_id)
            else:
                refusals.append(_refusal(order, reason, order.ts_event, detail))
        return tuple(refusals)

    def _judge(self, order: OrderIntent, waiting: set[str], ask: bool) -> tuple[RefusalReason | None, str]:
        i = self._index.get(order.symbol)
        if i is None:
            return RefusalReason.UNKNOWN_INSTRUMENT, "not in the book"
        if not math.isfinite(order.quantity):
            return RefusalReason.NOT_FINITE, f"quantity {order.quantity}"
        if order.quantity <= 0.5 * self._tick[i]:
            return RefusalReason.NOT_POSITIVE, f"quantity {order.quantity}, smallest {self._tick[i]:g}"
        if order.order_id in waiting:
            return RefusalReason.VENUE_REJECTED, "an order with this id is waiting"
        if self._equity <= 0.0 and not self._reduces(order, i):
            return RefusalReason.VENUE_REJECTED, "equity is not positive: only reductions are taken"
        return self._ask(order) if ask else (None, "")

    def _reduces(self, order: OrderIntent, i: int) -> bool:
        held = self._quantity[i]
        against = held < 0.0 if order.side is Side.BUY else held > 0.0
        return bool(against and order.quantity <= abs(held) + 0.5 * self._tick[i])

    def _ask(self, order: OrderIntent) -> tuple[RefusalReason | None, str]:
        state = self.portfolio(self._ts if self._ts is not None else order.ts_event)
        try:
            reason = self._permission.refuse(order, state)
        except Exception as error:  # whatever went wrong there, an unanswered question is a no
            return RefusalReason.PERMISSION_DENIED, f"permission failed: {type(error).__name__}: {error}"
        if reason is None or isinstance(reason, RefusalReason):
            return reason, "" if reason is None else "refused by the trading permission"
        return RefusalReason.PERMISSION_DENIED, f"permission answered {reason!r}"

    def _forbidden(self, order: OrderIntent, i: int) -> tuple[RefusalReason | None, str]:
        """Whether an order that waited may no longer fill; one that reduces always may."""
        if self._reduces(order, i):
            return None, ""
        if self._equity <= 0.0:
            return RefusalReason.PERMISSION_DENIED, "equity is not positive: only reductions are taken"
        return self._ask(order)

    def _execute(self, core: MatchingCore, ts: int, present: np.ndarray, ask: bool) -> StepResult:
        fills: list[Fill] = []
        refusals: list[Refusal] = []
        queue, self._queue = self._queue, []
        for entry in queue:
            if present[entry.index]:
                reason, detail = self._forbidden(entry.order, entry.index) if ask else (None, "")
                if reason is None:
                    self._fill(core, entry, ts, fills, refusals)
                else:
                    refusals.append(_refusal(entry.order, reason, ts, detail))
            elif entry.waited < self._config.stale_bars:
                entry.waited += 1
                self._queue.append(entry)
            else:
                detail = f"no bar for {entry.waited + 1} bar times"
                refusals.append(_refusal(entry.order, RefusalReason.STALE_INSTRUMENT, ts, detail))
        return StepResult(tuple(fills), tuple(refusals))

    def _fill(
        self, core: MatchingCore, entry: _Queued, ts: int, fills: list[Fill], refusals: list[Refusal]
    ) -> None:
        order, i = entry.order, entry.index
        try:
            quantity, price, cost, trouble = core.execute(
                i, order.order_id, order.side is Side.BUY, order.quantity, float(self._price[i])
            )
        except ValueError as error:  # a quantity or price the engine's number types cannot hold
            quantity, price, cost, trouble = 0.0, 0.0, 0.0, str(error)
        if quantity > 0.0:
            self._quantity[i], self._entry[i] = core.position(i)
            self._paid += cost
            fills.append(
                Fill(
                    order_id=order.order_id,
                    symbol=order.symbol,
                    side=order.side,
                    quantity=quantity,
                    price=price,
                    cost=cost,
                    ts_event=ts,
                    decision_price=order.decision_price,
                )
            )
        if trouble is not None:
            refusals.append(_refusal(order, RefusalReason.VENUE_REJECTED, ts, trouble))

    def _mark(self, core: MatchingCore) -> None:
        balance = core.balance
        profit, value = mark_to_market(self._quantity, self._entry, self._close, self._weights)
        self._equity = balance + profit
        self._cash = self._equity - value
        self._peak = max(self._peak, self._equity)
        self._weights /= self._equity if self._equity > 0.0 else self._peak
        self._state = None


def _refusal(order: OrderIntent, reason: RefusalReason, ts: int, detail: str) -> Refusal:
    return Refusal(order_id=order.order_id, symbol=order.symbol, reason=reason, ts_event=ts, detail=detail)


def _check_book(
    instruments: Sequence[Instrument], capital: float, cash_rate: float, bars_per_year: float, currency: str
) -> None:
    symbols = [x.symbol for x in instruments]
    if not symbols or len(set(symbols)) != len(symbols):
        raise ConfigError(
            "the book must hold distinct symbols", got=symbols, expected="one or more, no repeats"
        )
    other = sorted({x.currency for x in instruments} - {currency})
    if other:
        raise ConfigError("instruments in another currency than the account", got=other, expected=currency)
    if not 0.0 < capital <= 1e12:
        raise ConfigError("capital cannot be held", got=capital, expected="> 0 and at most 1e12")
    if not (math.isfinite(bars_per_year) and bars_per_year > 0.0) or not math.isfinite(cash_rate):
        raise ConfigError(
            "interest cannot be computed",
            got=f"cash_rate {cash_rate}, bars_per_year {bars_per_year}",
            expected="a finite rate and bars_per_year > 0",
        )

"""Rules that both back-test engines follow: what an execution costs, what is refused, how an exposure
becomes orders. Matching is not here: each engine has its own.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from janus_trader.contracts.backtest import DAY, IMMEDIATE_OR_CANCEL, OrderKind, OrderState
from janus_trader.strategies.order_strategy import cancel_all, exits, limit, market, one_cancels_other, stop

_MARKET, _LIMIT, _STOP = int(OrderKind.MARKET), int(OrderKind.LIMIT), int(OrderKind.STOP)
_STOP_LIMIT, _TRAILING = int(OrderKind.STOP_LIMIT), int(OrderKind.TRAILING_STOP)
_IOC, _DAY = IMMEDIATE_OR_CANCEL, DAY
_VALID = int(OrderState.WORKING)
_INVALID, _MARGIN = int(OrderState.REFUSED_INVALID), int(OrderState.REFUSED_MARGIN)
_BPS, _TICKS, _HALF_SPREAD, _VOLUME_SHARE = 1, 2, 3, 4
#: Slack of a count of lots before it is rounded down: two engines' equities differ by their rounding.
_LOT_SLACK = 1e-6

#: What `review_request` judges a request by: the equity; the value at this close of what the other
#: instruments hold or have ordered; of its own instrument the position, that position after the market
#: orders that wait to be executed, and the sizes that all its orders may buy and sell, orders of a group
#: counted once; and how much of the request's own group and side is among these.
COMMITMENT_DTYPE = np.dtype(
    [
        ("equity", "f8"),
        ("others", "f8"),
        ("quantity", "f8"),
        ("soon", "f8"),
        ("buys", "f8"),
        ("sells", "f8"),
        ("grouped", "f8"),
    ],
    align=True,
)

#: What `write_exposure` remembers of one instrument between bars.
EXPOSURE_DTYPE = np.dtype(
    [("exposure", "f8"), ("desired", "f8"), ("refused", "i8"), ("stop", "f8"), ("target", "f8")], align=True
)


@njit(cache=True)
def round_price(price: float, s) -> float:
    """``price`` to the nearest increment, as the float nearest to that decimal number."""
    return np.rint(np.rint(price / s.tick) * s.tick * s.price_scale) / s.price_scale


@njit(cache=True)
def round_size(quantity: float, s) -> float:
    """A sum of sizes as the float nearest to its decimal number."""
    return np.rint(quantity * s.size_scale) / s.size_scale


@njit(cache=True)
def whole_lots(quantity: float, s) -> float:
    """``quantity`` rounded towards zero to whole lots."""
    lots = math.floor(abs(quantity) / s.lot + _LOT_SLACK)
    return math.copysign(round_size(lots * s.lot, s), quantity)


@njit(cache=True)
def taker_price(price: float, side: float, quantity: float, volume: float, s) -> float:
    """Price of a market or stop execution: ``price`` worsened by the slippage model, on the tick.

    ``volume_share`` worsens by ``slippage_size * min(quantity / volume, 1)^2`` of the price; the share is 1
    where the bar has no volume. The result never falls below one tick.
    """
    if s.slippage == 0 or s.slippage_size == 0.0:
        return price
    if s.slippage == _BPS:
        worse = price * s.slippage_size * 1e-4
    elif s.slippage == _TICKS:
        worse = s.slippage_size * s.tick
    elif s.slippage == _HALF_SPREAD:
        worse = s.slippage_size
    else:
        share = min(quantity / volume, 1.0) if volume > 0.0 else 1.0
        worse = price * s.slippage_size * share * share
    ticks = (price + side * worse) / s.tick
    ticks = math.ceil(ticks - 1e-7) if side > 0.0 else max(math.floor(ticks + 1e-7), 1.0)
    return np.rint(ticks * s.tick * s.price_scale) / s.price_scale


@njit(cache=True)
def fill_fee(quantity: float, price: float, maker: bool, s) -> float:
    """Fee of an execution, rounded to the account's decimals; a rebate where the rate is negative."""
    rate = s.maker_fee if maker else s.taker_fee
    fee = (
        max(rate * quantity * price + s.fee_per_unit * quantity, s.min_fee)
        if s.min_fee > 0.0
        else (rate * quantity * price + s.fee_per_unit * quantity)
    )
    return np.rint(fee * s.money_scale) / s.money_scale


@njit(cache=True)
def borrow_charge(quantity: float, close: float, s) -> float:
    """Charge for one bar of a short position, rounded to the account's decimals."""
    if quantity >= 0.0 or s.borrow_bar == 0.0:
        return 0.0
    return np.rint(-quantity * close * s.borrow_bar * s.money_scale) / s.money_scale


@njit(cache=True)
def debit_charge(cash: float, s) -> float:
    """Interest for one bar on negative cash, rounded to the account's decimals."""
    if cash >= 0.0 or s.debit_bar == 0.0:
        return 0.0
    return np.rint(-cash * s.debit_bar * s.money_scale) / s.money_scale


@njit(cache=True)
def must_liquidate(equity: float, gross: float, s) -> bool:
    """Whether the equity no longer carries the positions."""
    return gross > 0.0 and (equity <= 0.0 or equity < s.maintenance_margin * gross)


@njit(cache=True)
def _positive(price: float) -> bool:
    return price > 0.0 and math.isfinite(price)


@njit(cache=True)
def _well_formed(r) -> bool:
    if not (_MARKET <= r.kind <= _TRAILING) or not math.isfinite(r.quantity) or r.quantity == 0.0:
        return False
    if (r.kind == _LIMIT or r.kind == _STOP_LIMIT) and not _positive(r.limit):
        return False
    if (r.kind == _STOP or r.kind == _STOP_LIMIT) and not _positive(r.stop):
        return False
    if r.kind == _TRAILING and not _positive(r.trail):
        return False
    if r.life < _DAY or (r.life == _IOC and r.kind != _MARKET and r.kind != _LIMIT):
        return False
    if not (0 <= r.group < 64):
        return False
    return 0.0 <= r.stop_loss < math.inf and 0.0 <= r.take_profit < math.inf


@njit(cache=True)
def committed(quantity: float, buys: float, sells: float) -> float:
    """Largest position that may come of a position if any of its orders, or none, are executed."""
    return max(abs(quantity), abs(quantity + buys), abs(quantity - sells))


@njit(cache=True)
def _carried(r, c, close: float, s) -> bool:
    """Whether the equity carries a request on top of all positions and orders, or it only reduces."""
    size = abs(r.quantity)
    if r.kind == _MARKET and r.quantity * c.soon < 0.0 and size <= abs(c.soon):
        return True
    added = max(size - c.grouped, 0.0)
    before = committed(c.quantity, c.buys, c.sells)
    if r.quantity > 0.0:
        after = committed(c.quantity, c.buys + added, c.sells)
    else:
        after = committed(c.quantity, c.buys, c.sells + added)
    if after - before < 0.5 * s.lot:
        return True
    return c.others + after * close <= s.leverage * c.equity * (1.0 + 1e-9)


@njit(cache=True)
def review_request(r, c, close: float, s) -> int:
    """Bring a request onto ticks and lots and say whether it may go: an `OrderState`, 0 when it may.

    Refused are malformed requests, sizes below one lot, exits below one tick, and orders that could take
    the gross value of all positions at this close, with every order that waits or was asked for before,
    beyond ``leverage`` times the equity. What reduces a position may go. ``c`` is a commitment.
    """
    if not _well_formed(r):
        return _INVALID
    r.quantity = whole_lots(r.quantity, s)
    r.limit = round_price(r.limit, s)
    r.stop = round_price(r.stop, s)
    r.trail = round_price(r.trail, s)
    had_exits = (r.stop_loss > 0.0) + (r.take_profit > 0.0)
    r.stop_loss = round_price(r.stop_loss, s)
    r.take_profit = round_price(r.take_profit, s)
    if r.quantity == 0.0 or (r.stop_loss > 0.0) + (r.take_profit > 0.0) < had_exits:
        return _INVALID
    if (r.kind == _LIMIT or r.kind == _STOP_LIMIT) and r.limit <= 0.0:
        return _INVALID
    if (r.kind == _STOP or r.kind == _STOP_LIMIT) and r.stop <= 0.0:
        return _INVALID
    if r.kind == _TRAILING and r.trail <= 0.0:
        return _INVALID
    return _VALID if _carried(r, c, close, s) else _MARGIN


@njit(cache=True)
def sized(exposure: float, equity: float, close: float, s) -> float:
    """Quantity that an exposure stands for at this close, in whole lots; 0 without equity."""
    if exposure == 0.0 or not math.isfinite(exposure):
        return 0.0
    if s.units != 0:
        return whole_lots(exposure * s.size, s)
    return whole_lots(exposure * s.size * equity / close, s) if equity > 0.0 else 0.0


@njit(cache=True)
def write_exposure(memory, exposure: float, account, close: float, s, orders) -> int:
    """Market orders towards an exposure; returns how many were written.

    The quantity is fixed when the exposure changes, and is not adapted as prices move. What was not
    filled is asked for again at the next close; what was refused is not, until the exposure changes.
    """
    if exposure != memory.exposure:
        memory.exposure = exposure
        memory.desired = sized(exposure, account.equity, close, s)
        memory.refused = account.refused
    elif account.refused != memory.refused or account.halted != 0:
        memory.refused = account.refused
        memory.desired = account.quantity if account.halted == 0 else 0.0
    change = memory.desired - account.quantity
    if account.working > 0 or abs(change) < 0.5 * s.lot:
        return 0
    return market(orders, 0, round_size(change, s))


@njit(cache=True)
def write_bracket(memory, exposure: float, levels, account, close: float, s, orders) -> int:
    """An entry with its stop and target where an exposure sets in or turns; returns how many were written.

    While the exposure keeps its direction, moved levels replace the pair of exits. After an exit no new
    entry is made before the exposure has changed its direction or been 0.
    """
    stop_level, target = levels
    stop_level = round_price(stop_level, s) if 0.0 < stop_level < math.inf else 0.0
    target = round_price(target, s) if 0.0 < target < math.inf else 0.0
    turned = np.sign(exposure) != np.sign(memory.exposure)
    memory.exposure = exposure
    if turned:
        memory.stop, memory.target = stop_level, target
        k = cancel_all(orders, 0) if account.working > 0 else 0
        if account.quantity != 0.0:
            k = market(orders, k, -account.quantity)
        desired = sized(exposure, account.equity, close, s)
        if desired != 0.0:
            k = market(orders, k, desired)
            exits(orders, k, stop_level, target)
        return k
    if account.quantity == 0.0 or (stop_level == memory.stop and target == memory.target):
        return 0
    memory.stop, memory.target = stop_level, target
    k = cancel_all(orders, 0)
    if stop_level > 0.0:
        k = stop(orders, k, -account.quantity, stop_level)
    if target > 0.0:
        k = limit(orders, k, -account.quantity, target)
    one_cancels_other(orders, 1, k, 1)
    return k

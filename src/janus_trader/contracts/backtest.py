"""What the two back-test engines share: their settings, and the records of orders, fills and results.

The compiled engine (`janus_trader.research.backtest`) and the one that matches with nautilus_trader
(`janus_trader.trader.strategy_backtest`) take the same settings and give the same records, so that a
result of one can be held against the other line by line. ``docs/howto/backtest.md`` states the rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Literal, NamedTuple, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError


class OrderKind(IntEnum):
    """Kind of a request; the last two act on orders that are working."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5
    CANCEL = 6
    CANCEL_ALL = 7


class OrderState(IntEnum):
    """What became of an order."""

    WORKING = 0
    FILLED = 1
    CANCELLED = 2
    EXPIRED = 3
    REFUSED_INVALID = 4
    REFUSED_MARGIN = 5
    REFUSED_CAPACITY = 6


#: Values of ``life``: until cancelled, at once or never, until the session ends; k > 0 is k bars.
GOOD_TILL_CANCELLED, IMMEDIATE_OR_CANCEL, DAY = 0, -1, -2

#: Most orders of one instrument that can wait at a time.
MAX_WORKING = 32

#: Slippage models, in the order of their numbers.
SLIPPAGE = ("none", "bps", "ticks", "half_spread", "volume_share")
#: Paths of the price within a bar, in the order of their numbers.
PATHS = ("nearest", "high_first", "low_first")

#: What an order-writing step fills in: ``quantity`` is signed (> 0 buys), ``limit`` and ``stop`` are
#: prices, ``trail`` is the distance of a trailing stop in price. ``stop_loss`` and ``take_profit``
#: (0: none) hang a pair of exits on the order, of which one cancels the other. Orders of one close
#: with the same ``group`` in 1..63 cancel each other too. ``target`` is the id that CANCEL cancels.
#: ``dropped`` of the first entry counts requests for which there was no entry left.
REQUEST_DTYPE = np.dtype(
    [
        ("kind", "i8"),
        ("quantity", "f8"),
        ("limit", "f8"),
        ("stop", "f8"),
        ("trail", "f8"),
        ("life", "i8"),
        ("stop_loss", "f8"),
        ("take_profit", "f8"),
        ("group", "i8"),
        ("target", "i8"),
        ("dropped", "i8"),
    ],
    align=True,
)

#: What an order-writing step may look at, as of the close of the bar: the whole account, and the
#: position in its own instrument. ``refused`` counts refused orders of the instrument, ``halted`` is 1 where
#: margin forces a liquidation at this close, ``next_id`` is the id the next order will get.
ACCOUNT_DTYPE = np.dtype(
    [
        ("bar", "i8"),
        ("cash", "f8"),
        ("equity", "f8"),
        ("gross", "f8"),
        ("quantity", "f8"),
        ("average", "f8"),
        ("working", "i8"),
        ("refused", "i8"),
        ("halted", "i8"),
        ("next_id", "i8"),
    ],
    align=True,
)

#: One order that was asked for: ``bar`` is the bar at whose close it was written, ``parent`` the order
#: it is an exit of (-1: none), ``filled`` the quantity executed, ``state`` an `OrderState`. An order is
#: FILLED when nothing of it is left: an execution of its sibling takes its size off it, too. ``kind`` is 0
#: for a request that found no entry.
ORDER_DTYPE = np.dtype(
    [
        ("bar", "i8"),
        ("instrument", "i8"),
        ("kind", "i8"),
        ("quantity", "f8"),
        ("limit", "f8"),
        ("stop", "f8"),
        ("trail", "f8"),
        ("life", "i8"),
        ("parent", "i8"),
        ("filled", "f8"),
        ("state", "i8"),
    ],
    align=True,
)

#: One execution, in the order in which they happened; ``quantity`` is signed.
FILL_DTYPE = np.dtype(
    [
        ("bar", "i8"),
        ("instrument", "i8"),
        ("order", "i8"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("fee", "f8"),
        ("maker", "i8"),
    ],
    align=True,
)

#: The settings as compiled code reads them.
SETTINGS_DTYPE = np.dtype(
    [
        ("capital", "f8"),
        ("same_close", "i8"),
        ("path", "i8"),
        ("tick", "f8"),
        ("price_scale", "f8"),
        ("lot", "f8"),
        ("size_scale", "f8"),
        ("money_scale", "f8"),
        ("maker_fee", "f8"),
        ("taker_fee", "f8"),
        ("fee_per_unit", "f8"),
        ("min_fee", "f8"),
        ("slippage", "i8"),
        ("slippage_size", "f8"),
        ("max_volume_frac", "f8"),
        ("leverage", "f8"),
        ("maintenance_margin", "f8"),
        ("borrow_bar", "f8"),
        ("debit_bar", "f8"),
        ("units", "i8"),
        ("size", "f8"),
        ("max_working", "i8"),
    ],
    align=True,
)


def decimals_of(step: float) -> int:
    """Decimals of a price or size increment.

    >>> decimals_of(0.25), decimals_of(1e-6), decimals_of(5.0)
    (2, 6, 0)
    """
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


class BacktestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders are executed, charged and financed; checked whenever one is made.

    Raises
    ------
    ConfigError
        A value out of its range, with its name.

    Examples
    --------
    >>> BacktestSettings(taker_fee=0.0005, tick_size=0.01).record()["price_scale"].tolist()
    [100.0]
    """

    capital: Annotated[float, Meta(gt=0, le=1e12, description="cash at the start")] = 100_000.0
    fill: Annotated[
        Literal["next_open", "same_close"],
        Meta(description="when an order written at a close first meets the market"),
    ] = "next_open"
    path: Annotated[
        Literal["nearest", "high_first", "low_first"],
        Meta(description="way from open to close: over the extreme nearer to the open first, or a fixed one"),
    ] = "nearest"
    tick_size: Annotated[float, Meta(gt=0, description="price increment")] = 1e-6
    lot_size: Annotated[float, Meta(gt=0, description="size increment")] = 1e-6
    maker_fee: Annotated[float, Meta(ge=-0.01, le=0.1, description="of the value, resting orders")] = 0.0
    taker_fee: Annotated[float, Meta(ge=-0.01, le=0.1, description="of the value, other orders")] = 0.0
    fee_per_unit: Annotated[float, Meta(ge=0, description="per unit of quantity, in currency")] = 0.0
    min_fee: Annotated[float, Meta(ge=0, description="least fee of an execution, in currency")] = 0.0
    slippage: Annotated[
        Literal["none", "bps", "ticks", "half_spread", "volume_share"],
        Meta(description="what market and stop orders pay over the price"),
    ] = "none"
    slippage_size: Annotated[
        float,
        Meta(ge=0, description="bps; ticks; half-spread in price; or price fraction at the whole volume"),
    ] = 0.0
    max_volume_frac: Annotated[
        float, Meta(ge=0, le=1, description="share of a bar's volume that may be taken; 0 is no limit")
    ] = 0.0
    leverage: Annotated[
        float,
        Meta(gt=0, le=1000, description="gross value over equity that positions and orders may reach"),
    ] = 1.0
    maintenance_margin: Annotated[
        float, Meta(ge=0, le=1, description="equity over gross position value below which all is sold")
    ] = 0.0
    borrow_rate: Annotated[float, Meta(ge=0, le=10, description="a year's charge on short positions")] = 0.0
    debit_rate: Annotated[float, Meta(ge=0, le=10, description="a year's interest on negative cash")] = 0.0
    bars_per_year: Annotated[float, Meta(gt=0, description="bars over which a year's charges are spread")] = (
        252.0
    )
    sizing: Annotated[
        Literal["equity", "units"],
        Meta(description="what an exposure of 1 holds: size * equity, or size units"),
    ] = "equity"
    size: Annotated[float, Meta(gt=0, description="fraction of equity, or units, at exposure 1")] = 1.0
    max_working: Annotated[
        int, Meta(ge=1, le=MAX_WORKING, description="orders of one instrument that may wait at a time")
    ] = MAX_WORKING

    def __post_init__(self) -> None:
        try:
            msgspec.convert(msgspec.structs.asdict(self), _Checked, strict=True)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$.")
            name = path.rstrip("`")
            raise ConfigError(
                f"back-test setting {name} is not allowed", got=getattr(self, name, None), expected=what
            ) from None
        for name in _FLOATS:
            if not math.isfinite(getattr(self, name)):
                raise ConfigError(f"back-test setting {name} is not finite", got=getattr(self, name))
        for name in ("tick_size", "lot_size"):
            if decimals_of(getattr(self, name)) > 9:
                raise ConfigError(
                    f"back-test setting {name} has too many decimals",
                    got=getattr(self, name),
                    expected="at most 9 decimals",
                )

    @property
    def money_decimals(self) -> int:
        """Decimals to which fees are rounded: as fine as floats of this capital carry exactly."""
        return int(min(8, max(2, 13 - math.ceil(math.log10(self.capital)))))

    def record(self) -> np.ndarray:
        """The settings as a (1,) array of `SETTINGS_DTYPE`."""
        out = np.zeros(1, SETTINGS_DTYPE)
        for name in SETTINGS_DTYPE.names or ():
            if hasattr(self, name) and name not in ("path", "slippage"):
                out[name] = getattr(self, name)
        out["same_close"] = self.fill == "same_close"
        out["path"] = PATHS.index(self.path)
        out["slippage"] = SLIPPAGE.index(self.slippage)
        out["tick"], out["price_scale"] = self.tick_size, 10.0 ** decimals_of(self.tick_size)
        out["lot"], out["size_scale"] = self.lot_size, 10.0 ** decimals_of(self.lot_size)
        out["money_scale"] = 10.0**self.money_decimals
        out["borrow_bar"] = self.borrow_rate / self.bars_per_year
        out["debit_bar"] = self.debit_rate / self.bars_per_year
        out["units"] = self.sizing == "units"
        return out


#: The same fields without the check after construction, for `msgspec.convert` to hold ranges against.
_Checked = msgspec.defstruct(
    "_Checked", list(get_type_hints(BacktestSettings, include_extras=True).items()), frozen=True
)
_FLOATS = tuple(f.name for f in msgspec.structs.fields(BacktestSettings) if isinstance(f.default, float))


class Totals(NamedTuple):
    """Sums over a back-test: equity at the last close, number of fills, traded value, fees, slippage and
    borrowing (of shares and of cash) in currency, bars with a position, and how often margin forced a
    liquidation."""

    equity: float
    fills: int
    traded: float
    fees: float
    slippage: float
    borrowed: float
    in_market: int
    liquidations: int


@dataclass(frozen=True)
class BacktestResult:
    """What a back-test gives, the same from either engine.

    Attributes
    ----------
    equity : (T,) float array
        Cash plus the value of all positions at each close.
    orders : array of `ORDER_DTYPE`
        Every order asked for, in the order of their ids.
    fills : array of `FILL_DTYPE`
        Every execution, as they happened.
    quantity : (n,) float array
        Positions at the end.
    totals : Totals
    engine : str
        Which engine matched.
    """

    equity: np.ndarray
    orders: np.ndarray
    fills: np.ndarray
    quantity: np.ndarray
    totals: Totals
    engine: str


class Agreement(NamedTuple):
    """How far two results agree: equal orders and fills, and the largest distances found."""

    orders_equal: bool
    fills_equal: bool
    price: float
    quantity: float
    equity: float
    first_difference: str

    @property
    def exact(self) -> bool:
        """Whether every order and fill is the same."""
        return self.orders_equal and self.fills_equal


def agreement(a: BacktestResult, b: BacktestResult) -> Agreement:
    """Hold two results against each other, order by order and fill by fill. Cost O(T + orders + fills).

    Orders agree when bar, instrument, kind, quantities, prices and final state are the same; fills when
    bar, instrument, order, quantity, price and liquidity are. Fees are compared through the equity.
    """
    orders = _first_difference(a.orders, b.orders, tuple(ORDER_DTYPE.names or ()))
    fills = _first_difference(a.fills, b.fills, ("bar", "instrument", "order", "quantity", "price", "maker"))
    price = quantity = math.inf
    if len(a.fills) == len(b.fills):
        price = float(np.max(np.abs(a.fills["price"] - b.fills["price"]), initial=0.0))
        quantity = float(np.max(np.abs(a.fills["quantity"] - b.fills["quantity"]), initial=0.0))
    equity = float(np.max(np.abs(a.equity - b.equity), initial=0.0))
    text = "; ".join(f"{what}: {d}" for what, d in (("orders", orders), ("fills", fills)) if d)
    return Agreement(not orders, not fills, price, quantity, equity, text)


def _first_difference(a: np.ndarray, b: np.ndarray, names: tuple[str, ...]) -> str:
    m = min(len(a), len(b))
    differs = np.zeros(m, np.bool_)
    for name in names:
        x, y = a[name][:m], b[name][:m]
        differs |= ~((x == y) | ((x != x) & (y != y)))
    if differs.any():
        k = int(np.flatnonzero(differs)[0])
        return f"number {k}: {a[k]} against {b[k]}"
    return "" if len(a) == len(b) else f"{len(a)} against {len(b)}"

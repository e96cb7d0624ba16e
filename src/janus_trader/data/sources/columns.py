"""Which column plays which role: declared names win, then the names vendors use."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from janus_trader.contracts.errors import DataError

PRICES = ("open", "high", "low", "close")
QUOTES = tuple(f"{side}_{price}" for side in ("bid", "ask") for price in PRICES)
ROLES = ("time", "time_of_day", "symbol", *PRICES, "adj_close", "volume", *QUOTES)

_NAMES = {
    "time": (
        "ts_open open_time time_open bar_start start_time ts_start ts_close close_time time_close ts_end "
        "end_time timestamp ts ts_event datetime date_time time date trade_date trading_day day dt "
        "local_time gmt_time utc_time unix unix_timestamp epoch period index unnamed_0"
    ),
    "symbol": "symbol ticker instrument asset pair security sym series",
    "open": "open o open_price px_open",
    "high": "high h high_price px_high",
    "low": "low l low_price px_low",
    "close": "close c close_price px_close px_last last price settle settlement mid value",
    "adj_close": "adj_close adjclose adjusted_close adj_close_price close_adj close_adjusted",
    "volume": "volume vol v volume_base base_volume tick_volume tickvol qty",
}
_ALIASES: dict[str, tuple[str, ...]] = {role: tuple(text.split()) for role, text in _NAMES.items()} | {
    f"{side}_{price}": (f"{side}_{price}", f"{side}{price}", f"{price}_{side}", f"{price}{side}")
    + ((side,) if price == "close" else ())
    for side in ("bid", "ask")
    for price in PRICES
}
_SHORT = frozenset("ohlcv")
_TIME_TOKENS = frozenset(("date", "time", "timestamp", "datetime"))
_START_TOKENS = frozenset(("open", "start", "begin", "opentime"))
_END_TOKENS = frozenset(("close", "end", "closetime"))


@dataclass(frozen=True)
class Columns:
    """Column of the file for each role that is there; ``wide`` lists one column per instrument."""

    role: dict[str, str]
    wide: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def get(self, role: str) -> str | None:
        """The file's name of a role's column."""
        return self.role.get(role)

    @property
    def stamps_start(self) -> bool | None:
        """Whether the time column's name says that it stamps the start (or the end) of a bar."""
        tokens = set(normalise(self.role["time"]).split("_"))
        if tokens & _START_TOKENS:
            return True
        return False if tokens & _END_TOKENS else None

    @property
    def has_ohlc(self) -> bool:
        """Whether open, high, low and close are all there."""
        return all(p in self.role for p in PRICES)

    @property
    def has_quotes(self) -> bool:
        """Whether both sides of the quote are there, at least at the close."""
        return "bid_close" in self.role and "ask_close" in self.role


def normalise(name: str) -> str:
    """Lower case, words joined by underscores.

    >>> normalise(" <Adj Close> "), normalise("openTime")
    ('adj_close', 'open_time')
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def find_columns(
    names: Sequence[str],
    numeric: frozenset[str],
    timed: frozenset[str],
    declared: Mapping[str, str] | None,
    where: str,
) -> Columns:
    """Give every role its column.

    Parameters
    ----------
    names : the file's columns
    numeric : those that hold numbers
    timed : those of a time type
    declared : role -> column, wins over detection
    where : the file's name, for messages

    Raises
    ------
    DataError
        A declared role or column does not exist, or the time or price column cannot be found.
    """
    role = _declared(names, declared, where)
    taken = set(role.values())
    plain = {n: normalise(n) for n in names if n not in taken}
    ohlc_named = {"o", "h", "l", "c"} <= set(plain.values())
    for r, aliases in _ALIASES.items():
        if r in role:
            continue
        for alias in aliases:
            if alias in _SHORT and not ohlc_named:
                continue
            hit = [n for n in names if plain.get(n) == alias and n not in role.values()]
            if hit:
                role[r] = hit[0]
                break
    _find_time(names, role, numeric, timed, where)
    _find_volume(names, role)
    if "close" not in role and "adj_close" in role:
        role["close"] = role["adj_close"]
    if "close" in role or {"bid_close", "ask_close"} <= set(role):
        return Columns(role)
    return _wide(names, numeric, role, where)


def _declared(names: Sequence[str], declared: Mapping[str, str] | None, where: str) -> dict[str, str]:
    for r, column in (declared or {}).items():
        if r not in ROLES:
            near = difflib.get_close_matches(r, ROLES, n=1)
            raise DataError(
                f"no such column role: {r}",
                got=r,
                expected="one of " + ", ".join(ROLES),
                remedy=f"did you mean {near[0]}?" if near else None,
            )
        if column not in names:
            raise DataError(f"{where} has no column {column}", got=", ".join(names), expected=column)
    return dict(declared or {})


def _find_time(
    names: Sequence[str], role: dict[str, str], numeric: frozenset[str], timed: frozenset[str], where: str
) -> None:
    if "time" not in role:
        spoken = [n for n in names if n in timed]
        spoken += [n for n in names if set(normalise(n).split("_")) & _TIME_TOKENS]
        if not spoken:
            raise DataError(
                f"{where} has no time column",
                got=", ".join(names),
                expected="a column such as time, date or timestamp",
                remedy="name it: columns={'time': '...'}",
            )
        role["time"] = spoken[0]
    if "time_of_day" in role:
        return
    date_like = "date" in normalise(role["time"]).split("_") or normalise(role["time"]) == "day"
    clock = [n for n in names if normalise(n) in ("time", "hour", "time_of_day")]
    if clock and clock[0] == role["time"]:  # "time" won although a date column stands beside it
        dates = [n for n in names if normalise(n) in ("date", "day", "trade_date")]
        if dates:
            role["time_of_day"], role["time"] = clock[0], dates[0]
    elif clock and date_like and clock[0] not in numeric:
        role["time_of_day"] = clock[0]


def _find_volume(names: Sequence[str], role: dict[str, str]) -> None:
    if "volume" not in role:
        spoken = [n for n in names if normalise(n).startswith("volume") and n not in role.values()]
        if spoken:
            role["volume"] = spoken[0]


def _wide(names: Sequence[str], numeric: frozenset[str], role: dict[str, str], where: str) -> Columns:
    some = [r for r in ("open", "high", "low", "volume", "bid_close", "ask_close") if r in role]
    rest = [n for n in names if n not in (role["time"], role.get("time_of_day")) and n in numeric]
    if len(some) >= 2 or "symbol" in role or not rest:
        raise DataError(
            f"{where} has no close column",
            got=", ".join(names),
            expected="a column close (or adj_close, or bid and ask), or one column of closes per instrument",
            remedy="name it: columns={'close': '...'}",
        )
    kept = {r: c for r, c in role.items() if r in ("time", "time_of_day")}
    return Columns(kept, tuple(rest), ("one column of closes per instrument",))

"""Block bootstrap of a panel: a new history made of blocks of the real one, all instruments together.

Blocks of time are drawn with replacement, of geometric lengths (stationary) or of one length (circular).
Correlations, volatility clusters within a block, gaps and bar shapes survive; OHLC is scaled with the
close. Auxiliary sources and external signals are dropped: they would belong to other times.
"""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import MarketPanel

_PRICES = ("open", "high", "low", "close")
_WORST_RETURN = -0.99  # a demeaned return stays above a total loss
_FINE_BELOW, _FINE_DECIMALS = 0.05, 9


def block_indices(length: int, mean: float, generator: np.random.Generator) -> np.ndarray:
    """Row numbers 1 .. length-1 drawn in circular blocks of geometric length: (length - 1,) int64.

    >>> rows = block_indices(100, 10.0, np.random.default_rng(0))
    >>> rows.shape, bool(rows.min() >= 1), bool(rows.max() <= 99)
    ((99,), True, True)
    """
    count = length - 1
    begins = generator.random(count) < 1.0 / mean
    begins[:1] = True
    first = generator.integers(0, count, size=count)
    position = np.arange(count)
    block = np.maximum.accumulate(np.where(begins, position, 0))
    return 1 + (first[block] + position - block) % count


def circular_indices(length: int, block: int, generator: np.random.Generator) -> np.ndarray:
    """Row numbers 1 .. length-1 drawn in circular blocks of one length: (length - 1,) int64.

    >>> rows = circular_indices(9, 4, np.random.default_rng(0))
    >>> (rows[1:4] - rows[:3]) % 8
    array([1, 1, 1])
    """
    count = length - 1
    first = generator.integers(0, count, size=-(-count // block))
    return 1 + (np.repeat(first, block)[:count] + np.arange(count) % block) % count


def bootstrap_panel(
    panel: MarketPanel,
    generator: np.random.Generator,
    *,
    block: float = 21.0,
    kind: str = "stationary",
    volume_window: int = 63,
) -> MarketPanel:
    """A bootstrap of the panel's bars, on the same times and sessions, named ``<panel> bootstrap``.

    Parameters
    ----------
    panel : MarketPanel of 3 bars or more
    generator : the only source of chance
    block : mean length ("stationary") or length ("circular") of a block, in bars, 1 to the panel's length
    kind : "stationary" or "circular"
    volume_window : bars of a volume's own level, which a moved bar keeps its relation to

    Raises
    ------
    ConfigError
        An unknown kind, or a block that is no length within the panel.

    Notes
    -----
    Mean returns stay those of the drawn bars (the world ``shuffled`` takes them off). O(T n).
    """
    if kind not in ("stationary", "circular"):
        raise ConfigError("no such bootstrap", got=kind, expected="stationary or circular")
    if len(panel) < 3 or not 1 <= block < len(panel):
        raise ConfigError(
            "blocks of that length cannot be drawn",
            got=f"{block:g} of {len(panel)} bars",
            expected="3 bars or more, and a block of 1 bar or more that is shorter than the panel",
        )
    if kind == "stationary":
        drawn = block_indices(len(panel), block, generator)
    else:
        drawn = circular_indices(len(panel), int(block), generator)
    rows = np.r_[0, drawn]
    made = resample_panel(panel, rows, centred=False, volume_window=volume_window)
    return dataclasses.replace(made, name=f"{panel.name} bootstrap")


def simple_returns(level: np.ndarray) -> np.ndarray:
    """Returns along axis 0, NaN at the first row and where a level is unknown."""
    out = np.full(level.shape, np.nan)
    with np.errstate(invalid="ignore"):
        out[1:] = level[1:] / level[:-1] - 1.0
    return out


def _counted(returns: np.ndarray, counted: np.ndarray, centred: bool) -> np.ndarray:
    """The counted returns, less their mean column by column where ``centred``; the others are 0."""
    known = counted & np.isfinite(returns)
    value = np.where(known, returns, 0.0)
    if not centred:
        return value
    mean = value.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, np.maximum(value - mean, _WORST_RETURN), 0.0)


def resample_panel(panel: MarketPanel, rows: np.ndarray, *, centred: bool, volume_window: int) -> MarketPanel:
    """The panel's bars in the order ``rows`` (T,), as returns from each instrument's median price.

    ``centred`` takes each series' own mean return off first.
    """
    present = panel.present[rows]
    close = panel.bars["close"]
    drawn = _counted(simple_returns(close), panel.present, centred)[rows]
    drawn[0] = 0.0
    path = np.cumprod(1.0 + drawn, axis=0) * _median(close, panel.present)
    started = np.maximum.accumulate(present, axis=0)
    bars = panel.bars.copy()  # sessions stay those of the calendar
    for price in _PRICES:
        shape = panel.bars[price][rows] / close[rows]  # exactly 1 for a flat bar
        bars[price] = np.where(started, np.where(present, shape * path, path), np.nan)
    body = (bars["open"], bars["close"])
    bars["high"] = np.maximum.reduce([bars["high"], *body])  # against rounding
    bars["low"] = np.minimum.reduce([bars["low"], *body])
    bars["volume"] = _moved_volume(panel, rows, present, bars["close"], volume_window)
    market = _counted(simple_returns(panel.market), np.ones(len(panel), bool), centred)[rows]
    market[0] = 0.0
    instruments = tuple(
        msgspec.structs.replace(i, price_decimals=_FINE_DECIMALS) if low < _FINE_BELOW else i
        for i, low in zip(panel.instruments, path.min(axis=0), strict=True)
    )
    return dataclasses.replace(
        panel,
        instruments=instruments,
        bars=bars,
        present=present,
        market=np.where(np.isfinite(panel.market).any(), 100.0 * np.cumprod(1.0 + market), np.nan),
        market_volume=_relative(panel.market_volume, volume_window)[rows],
        auxiliary=(),
        external=np.zeros((len(panel), 0, len(panel.instruments))),
    )


def _median(close: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Median price of each instrument while present, 1 where it never is."""
    known = [close[present[:, i], i] for i in range(close.shape[1])]
    return np.array([np.median(c) if len(c) else 1.0 for c in known])


def _relative(volume: np.ndarray, window: int) -> np.ndarray:
    """Volume over its mean of the last ``window`` known bars: moved bars keep their relative size."""
    known = np.isfinite(volume)
    total = np.cumsum(np.where(known, volume, 0.0))
    count = np.cumsum(known)
    total[window:] -= total[:-window].copy()
    count[window:] -= count[:-window].copy()
    level = np.divide(total, count, out=np.full(len(volume), np.nan), where=(count > 0) & (total > 0.0))
    return volume / level


def _moved_volume(
    panel: MarketPanel, rows: np.ndarray, present: np.ndarray, close: np.ndarray, window: int
) -> np.ndarray:
    """Volumes whose traded value is the drawn bar's relative value times the instrument's usual one."""
    out = np.full(close.shape, np.nan)
    for i in range(close.shape[1]):
        value = np.where(panel.present[:, i], panel.bars["close"][:, i] * panel.bars["volume"][:, i], np.nan)
        if not np.isfinite(value).any():
            continue
        moved = _relative(value, window)[rows] * np.nanmedian(value)
        out[:, i] = np.where(
            present[:, i], moved / close[:, i], np.where(np.isfinite(close[:, i]), 0.0, np.nan)
        )
    return out

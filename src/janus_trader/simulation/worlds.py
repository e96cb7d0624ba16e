"""Three worlds of one history: the real one, one without anything to learn, one with a planted leak.

``shuffled``
    Blocks of time (lengths geometric with mean ``block_mean``, all instruments together) are drawn
    with replacement from the simple returns after each series' own mean has been taken off, so every
    instrument and the market have the same expected return, zero, and nothing but luck tells them
    apart. Correlations, volatility clusters within a block, gaps and bar shapes survive; OHLC is
    scaled with the close. Auxiliary sources and external signals are dropped: they would belong to
    other times.
``leaked``
    One more external signal is the return an order decided now would earn from its earliest possible
    fill (the next bar) to the bar after, in units of trailing volatility, times a sign drawn once for
    the world. A system that learns must find it and its sign; one that does not must ignore it.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import MarketPanel
from janus_trader.foundation.config import Config, Positive

WORLDS = ("real", "shuffled", "leaked")
_PRICES = ("open", "high", "low", "close")
_WORST_RETURN = -0.99  # a demeaned return stays above a total loss
_FINE_BELOW, _FINE_DECIMALS = 0.05, 9


class WorldConfig(Config, frozen=True):
    """Parameters of the worlds, in bars and sigmas."""

    block_mean: Annotated[float, Meta(ge=1, description="mean length of a block")] = 21.0
    volume_window: Annotated[int, Meta(ge=2, description="bars of a volume's own level")] = 63
    volatility_halflife: Annotated[float, Meta(ge=2)] = 63.0
    volatility_bars: Annotated[int, Meta(ge=2, description="returns before the leak speaks")] = 10
    signal_clip: Positive = 3.0


def apply_world(
    panel: MarketPanel, name: str, generator: np.random.Generator, config: WorldConfig | None = None
) -> MarketPanel:
    """The panel as it is in the named world.

    Parameters
    ----------
    panel : MarketPanel
    name : "real", "shuffled" or "leaked"
    generator : the only source of chance: the same generator state gives the same world
    config : WorldConfig, optional

    Returns
    -------
    MarketPanel
        On the same times and sessions; the given panel itself for "real".

    Raises
    ------
    ConfigError
        There is no such world.
    """
    config = config or WorldConfig()
    if name == "real":
        return panel
    if name == "shuffled":
        return _shuffled(panel, generator, config)
    if name == "leaked":
        return _leaked(panel, generator, config)
    raise ConfigError(f"no such world: {name}", got=name, expected="one of " + ", ".join(WORLDS))


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


def _simple_returns(level: np.ndarray) -> np.ndarray:
    """Returns along axis 0, NaN at the first row and where a level is unknown."""
    out = np.full(level.shape, np.nan)
    with np.errstate(invalid="ignore"):
        out[1:] = level[1:] / level[:-1] - 1.0
    return out


def _demeaned(returns: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Returns less the mean of the counted ones, column by column; the others are 0."""
    known = counted & np.isfinite(returns)
    value = np.where(known, returns, 0.0)
    mean = value.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, np.maximum(value - mean, _WORST_RETURN), 0.0)


def _shuffled(panel: MarketPanel, generator: np.random.Generator, config: WorldConfig) -> MarketPanel:
    rows = np.r_[0, block_indices(len(panel), config.block_mean, generator)]
    present = panel.present[rows]
    close = panel.bars["close"]
    drawn = _demeaned(_simple_returns(close), panel.present)[rows]
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
    bars["volume"] = _moved_volume(panel, rows, present, bars["close"], config)
    market = _demeaned(_simple_returns(panel.market), np.ones(len(panel), bool))[rows]
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
        market_volume=_relative(panel.market_volume, config.volume_window)[rows],
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
    panel: MarketPanel, rows: np.ndarray, present: np.ndarray, close: np.ndarray, config: WorldConfig
) -> np.ndarray:
    """Volumes whose traded value is the drawn bar's relative value times the instrument's usual one."""
    out = np.full(close.shape, np.nan)
    for i in range(close.shape[1]):
        value = np.where(panel.present[:, i], panel.bars["close"][:, i] * panel.bars["volume"][:, i], np.nan)
        if not np.isfinite(value).any():
            continue
        moved = _relative(value, config.volume_window)[rows] * np.nanmedian(value)
        out[:, i] = np.where(
            present[:, i], moved / close[:, i], np.where(np.isfinite(close[:, i]), 0.0, np.nan)
        )
    return out


@njit(cache=True)
def _trailing_volatility(returns, counted, decay, fewest):
    """EWMA root mean square of the counted returns up to and including each row; NaN while few."""
    rows, n = returns.shape
    out = np.full((rows, n), np.nan)
    for i in range(n):
        total, weight, count = 0.0, 0.0, 0
        for t in range(rows):
            if counted[t, i]:
                total = decay * total + returns[t, i] ** 2
                weight = decay * weight + 1.0
                count += 1
            if count >= fewest and total > 0.0:
                out[t, i] = np.sqrt(total / weight)
    return out


def _leaked(panel: MarketPanel, generator: np.random.Generator, config: WorldConfig) -> MarketPanel:
    price = panel.bars["open" if panel.fills_at_open else "close"]
    returns = _simple_returns(panel.bars["close"])
    counted = panel.present & np.isfinite(returns)
    decay = float(0.5 ** (1.0 / config.volatility_halflife))
    volatility = _trailing_volatility(returns, counted, decay, config.volatility_bars)
    signal = np.zeros(price.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        signal[:-2] = (price[2:] / price[1:-1] - 1.0) / volatility[:-2]
    tradable = np.zeros(price.shape, bool)
    tradable[:-2] = panel.present[1:-1] & panel.present[2:]
    signal[~tradable | ~np.isfinite(signal)] = 0.0
    sign = 1.0 if generator.random() < 0.5 else -1.0
    signal = sign * np.clip(signal, -config.signal_clip, config.signal_clip)
    return dataclasses.replace(panel, external=np.concatenate([panel.external, signal[:, None, :]], axis=1))

"""Worlds of one history: the real one, one without anything to learn, one with a planted leak, a bootstrap.

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
``bootstrap``
    Blocks of the real bars in another order (`block_bootstrap`), mean returns and all.

A world without any history behind it is called ``simulated:<scenario>``; see `scenarios`.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import MarketPanel
from janus_trader.foundation.config import Config, Positive
from janus_trader.simulation.block_bootstrap import (
    block_indices,
    bootstrap_panel,
    resample_panel,
    simple_returns,
)

WORLDS = ("real", "shuffled", "leaked", "bootstrap")


class WorldConfig(Config, frozen=True):
    """Parameters of the worlds, in bars and sigmas."""

    block_mean: Annotated[float, Meta(ge=1, description="mean length of a block")] = 21.0
    block_kind: Annotated[Literal["stationary", "circular"], Meta(description="of the bootstrap")] = (
        "stationary"
    )
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
    name : one of `WORLDS`
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
        rows = np.r_[0, block_indices(len(panel), config.block_mean, generator)]
        return resample_panel(panel, rows, centred=True, volume_window=config.volume_window)
    if name == "bootstrap":
        block, window = min(config.block_mean, len(panel) - 1), config.volume_window
        made = bootstrap_panel(panel, generator, block=block, kind=config.block_kind, volume_window=window)
        return dataclasses.replace(made, name=panel.name)
    if name == "leaked":
        return _leaked(panel, generator, config)
    raise ConfigError(f"no such world: {name}", got=name, expected="one of " + ", ".join(WORLDS))


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
    returns = simple_returns(panel.bars["close"])
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

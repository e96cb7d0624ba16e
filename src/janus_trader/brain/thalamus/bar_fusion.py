"""Price action over several timeframes and volume by price: two engines over bars, off by default."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative
from janus_trader.numerics.streaming import first_equal
from janus_trader.numerics.timeframes import (
    checked_horizons,
    timeframes_dtype,
    timeframes_into,
    timeframes_step,
)
from janus_trader.numerics.volume_profile import usable_bar, volume_profile_dtype, volume_profile_step


class BarFusionConfig(Config, frozen=True):
    """Strength of the evidence of the two engines; an engine of strength 0 does not run."""

    price_strength: Annotated[
        NonNegative, Meta(description="evidence of agreeing timeframes at an open gate")
    ] = 0.0
    horizons: tuple[int, ...] = (5, 20, 60)
    volume_strength: Annotated[
        NonNegative, Meta(description="evidence of the volume profile at an open gate")
    ] = 0.0
    window: Annotated[Count, Meta(description="bars in the volume profile")] = 60
    bins: Annotated[int, Meta(ge=2, description="price bins of the profile")] = 24
    value_share: Annotated[float, Meta(gt=0.0, le=1.0, description="share of volume in the value area")] = 0.7


@njit(cache=True)
def _price_into(states, closes, present, horizons, out):  # type: ignore[no-untyped-def]
    row = np.empty(horizons.shape[0] + 1)
    for i in range(closes.shape[0]):
        s = states[i]
        if present[i] and 0.0 < closes[i] < np.inf:
            timeframes_step(s, closes[i])
        out[i] = 0.0
        if s.n > horizons[-1]:
            timeframes_into(s, horizons, row)
            for j in range(horizons.shape[0]):
                out[i] += row[j] / horizons.shape[0]


@njit(cache=True)
def _volume_into(states, bars, present, share, trend, calm, out):  # type: ignore[no-untyped-def]
    for i in range(bars.shape[0]):
        s, b = states[i], bars[i]
        if present[i] and b.volume > 0.0 and usable_bar(b.high, b.low, b.close, b.volume):
            volume_profile_step(s, b.high, b.low, b.close, b.volume, share)
        out[i] = 0.0
        if s.n >= s.high.shape[0]:
            out[i] = s.row[3] * (trend * np.tanh(s.row[4]) - calm)


class BarFusion:
    r"""Directional evidence (n,) of two readings of bars.

    Price: the mean over horizons of `janus_trader.numerics.timeframes.Timeframes`. Volume: with ℓ the close's
    place in its `VolumeProfile` and v the relative volume,
    :math:`\ell\,(P_{trend}\tanh v - P_{calm})`: leaving the value area on volume continues in a trend and
    comes back in a calm market.

    Parameters
    ----------
    config : BarFusionConfig
    n : int
        Number of instruments.

    Notes
    -----
    0 until an instrument's window is full; an absent instrument, or a bar without volume for the second, changes
    nothing. O(n · window · bins) where on.
    """

    def __init__(self, config: BarFusionConfig, n: int) -> None:
        self.config, self.n = config, int(n)
        self._horizons = checked_horizons(config.horizons)
        self._price_dtype = first_equal(timeframes_dtype(int(self._horizons[-1])))
        self._volume_dtype = first_equal(volume_profile_dtype(config.window, config.bins))
        self.reset()

    @property
    def on(self) -> bool:
        """Whether either engine runs."""
        return self.config.price_strength > 0.0 or self.config.volume_strength > 0.0

    def reset(self) -> None:
        """Forget every bar."""
        c = self.config
        self._price = np.zeros(self.n if c.price_strength > 0.0 else 0, self._price_dtype)
        self._volume = np.zeros(self.n if c.volume_strength > 0.0 else 0, self._volume_dtype)

    def update(self, bars: np.ndarray, present: np.ndarray, trend: float, calm: float) -> np.ndarray:
        """Evidence (2, n) of price and volume, before gates; 0 where an engine is off."""
        out = np.zeros((2, self.n))
        if self._price.size:
            _price_into(self._price, bars["close"], present, self._horizons, out[0])
        if self._volume.size:
            _volume_into(self._volume, bars, present, self.config.value_share, trend, calm, out[1])
        return out

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack({"price": self._price.tobytes(), "volume": self._volume.tobytes()})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError where it is of another configuration."""
        tree = unpack(raw)
        if len(tree["price"]) != self._price.nbytes or len(tree["volume"]) != self._volume.nbytes:
            raise IntegrityError(
                "bar fusion: snapshot does not fit",
                got=(len(tree["price"]), len(tree["volume"])),
                expected=f"({self._price.nbytes}, {self._volume.nbytes}) bytes",
            )
        self._price = np.frombuffer(tree["price"], self._price_dtype).copy()
        self._volume = np.frombuffer(tree["volume"], self._volume_dtype).copy()

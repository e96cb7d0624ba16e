"""Price engine: what the path of each instrument says by itself, on one clock."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Positive
from janus_trader.numerics.instrument_features import (
    instrument_feature_settings,
    instrument_features_dtype,
    instrument_features_into,
)
from janus_trader.numerics.streaming import first_equal


class PriceFusionConfig(Config, frozen=True):
    """Windows of the features of one instrument."""

    window: Annotated[
        int, Meta(ge=32, le=256, description="closes behind the fractal dimension; 32, 64, 128 or 256")
    ] = 64
    trend_window: Annotated[int, Meta(ge=3, description="returns behind slope and noise")] = 64
    noise_horizon: Annotated[int, Meta(ge=2, description="bars over which structure counts")] = 8
    short_halflife: Annotated[Positive, Meta(description="bars; numerator of the volatility ratio")] = 10.0
    long_halflife: Annotated[Positive, Meta(description="bars; its denominator")] = 60.0


class PriceFusion:
    """The features of every instrument of a book, brought up to date by one compiled call a bar.

    Each instrument runs its own `janus_trader.numerics.instrument_features.InstrumentFeatures`.

    Parameters
    ----------
    config : PriceFusionConfig
    n : int
        Number of instruments.

    Notes
    -----
    A row is all zero until its instrument has had ``warmup`` closes (113 by default). An instrument that is
    absent, or whose close is not a positive finite number, keeps its row. O(n (window + trend_window
    noise_horizon)): about 1 µs per instrument.

    Examples
    --------
    >>> from janus_trader.contracts.market import BAR_DTYPE
    >>> engine, bars = PriceFusion(PriceFusionConfig(), 2), np.ones(2, BAR_DTYPE)
    >>> for _ in range(engine.warmup):
    ...     rows = engine.update(bars, np.array([True, False]))
    >>> rows[:, -1].tolist()
    [1.0, 0.0]
    """

    def __init__(self, config: PriceFusionConfig, n: int) -> None:
        self.config, self.n = config, int(n)
        self._settings = instrument_feature_settings(
            config.window,
            config.trend_window,
            config.noise_horizon,
            config.short_halflife,
            config.long_halflife,
        )
        self._dtype = first_equal(instrument_features_dtype(config.window, config.trend_window))
        self.reset()

    @property
    def warmup(self) -> int:
        """Closes an instrument needs before its row is known."""
        return self._settings.warmup

    @property
    def ready(self) -> bool:
        """Whether every instrument's row is known."""
        return bool((self._states["n"] >= self.warmup).all())

    def reset(self) -> None:
        """Forget every price."""
        self._states = np.zeros(self.n, self._dtype)

    def update(self, bars: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Rows (n, 12) after these bars; a new array each time.

        Raises
        ------
        DataError
            Bars of another book.
        """
        if bars.shape != (self.n,) or present.shape != (self.n,):
            raise DataError(
                "price fusion: bars of another book", got=bars.shape, expected=f"({self.n},) bars and present"
            )
        rows = np.empty((self.n, N_INSTRUMENT_FEATURES))
        instrument_features_into(self._states, bars["close"], present, rows, *self._settings)
        return rows

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack({"states": self._states.tobytes(), "n": self.n})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            It was taken with another book or other windows.
        """
        tree = unpack(raw)
        if tree["n"] != self.n or len(tree["states"]) != self.n * self._dtype.itemsize:
            raise IntegrityError(
                "price fusion: snapshot does not fit",
                got=f"{tree['n']} instruments, {len(tree['states'])} bytes",
                expected=f"{self.n} instruments, {self.n * self._dtype.itemsize} bytes",
                remedy="restore with the configuration it was taken with",
            )
        self._states = np.frombuffer(tree["states"], self._dtype).copy()

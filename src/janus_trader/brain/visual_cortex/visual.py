"""The visual cortex: a window of log closes per instrument and what its image shows."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.visual_cortex.texture import N_TEXTURES, line_travel, read_texture
from janus_trader.contracts.decision import VisualPercept
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config


class VisualCortexConfig(Config, frozen=True):
    """Size of the image."""

    window: Annotated[int, Meta(ge=8, le=512, description="bars in the image (W of eq. 5)")] = 32


@njit(cache=True)
def _look(bars, present, paths, seen, work, units, texture, directions, ready):
    """Push the new closes and read the image of every instrument that had a bar."""
    n, w = paths.shape
    x, s, trend, reversal = work[0], work[1], directions[0], directions[1]
    for i in range(n):
        close = bars[i].close
        if not present[i] or not (close > 0.0 and np.isfinite(close)):
            continue
        path = paths[i]
        for j in range(w - 1):
            path[j] = path[j + 1]
        path[w - 1] = np.log(close)
        seen[i] = min(seen[i] + 1, w)
        if seen[i] < w:
            continue
        ready[i] = True
        trend[i], reversal[i] = read_texture(path, x, s, units[0], units[1], units[2], texture[i])


class VisualCortex:
    """Reads the Gramian texture of each instrument's last ``window`` closes.

    Parameters
    ----------
    config : VisualCortexConfig
    n : int
        Number of instruments, >= 1.

    Notes
    -----
    Warm-up: an instrument is ready after ``window`` bars of its own; until then its outputs are 0. An
    absent instrument, or a close that is not a positive number, leaves its window and outputs as they
    were. Outputs do not depend on the scale of prices. Cost O(n·W) per bar.

    Examples
    --------
    >>> from janus_trader.contracts.market import BAR_DTYPE
    >>> eye, bars = VisualCortex(VisualCortexConfig(window=8), 1), np.zeros(1, BAR_DTYPE)
    >>> for price in np.linspace(100.0, 110.0, 8):
    ...     bars["close"] = price
    ...     percept = eye(bars, np.array([True]))
    >>> bool(percept.ready[0]), bool(percept.trend[0] > 0.99)
    (True, True)
    """

    def __init__(self, config: VisualCortexConfig, n: int) -> None:
        if n < 1:
            raise ConfigError("the visual cortex needs an instrument", got=n, expected="n >= 1")
        self.config, self.n = config, int(n)
        w, half = config.window, config.window // 2
        self._units = np.array([line_travel(w), line_travel(half), line_travel(w - half)])
        self._work = np.empty((2, w))
        self.reset()

    def reset(self) -> None:
        """Forget every window."""
        n = self.n
        self._paths = np.zeros((n, self.config.window))
        self._seen = np.zeros(n, np.int64)
        self._texture = np.zeros((n, N_TEXTURES))
        self._directions = np.zeros((2, n))  # trend and reversal
        self._ready = np.zeros(n, np.bool_)

    def __call__(self, bars: np.ndarray, present: np.ndarray) -> VisualPercept:
        """Take in one bar per instrument and return what is seen.

        Raises
        ------
        DataError
            ``bars`` or ``present`` does not have one entry per instrument.
        """
        if bars.shape != (self.n,) or present.shape != (self.n,):
            raise DataError(
                "visual cortex: wrong number of instruments",
                got=(bars.shape, present.shape),
                expected=f"({self.n},) bars and presence flags",
            )
        _look(
            bars,
            present,
            self._paths,
            self._seen,
            self._work,
            self._units,
            self._texture,
            self._directions,
            self._ready,
        )
        trend, reversal = self._directions.copy()
        return VisualPercept(
            trend=trend,
            reversal=reversal,
            texture=self._texture.copy(),
            ready=self._ready.copy(),
        )

    def snapshot(self) -> bytes:
        """The windows and the last outputs as bytes."""
        return pack(
            {
                "paths": self._paths,
                "seen": self._seen,
                "texture": self._texture,
                "trend": self._directions[0],
                "reversal": self._directions[1],
                "ready": self._ready,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            It was taken with another window or number of instruments.
        """
        tree = unpack(raw)
        shape = (self.n, self.config.window)
        if tree["paths"].shape != shape:
            raise IntegrityError(
                "visual cortex: snapshot does not fit", got=tree["paths"].shape, expected=str(shape)
            )
        self._paths, self._seen = tree["paths"], tree["seen"]
        self._texture, self._ready = tree["texture"], tree["ready"]
        self._directions = np.array([tree["trend"], tree["reversal"]])

"""Attention masks from an oscillator: modalities take turns, off by default."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.brain.thalamus.gating import N_MODALITIES
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative
from janus_trader.numerics.wilson_cowan import CYCLE_DRIVE, WilsonCowan, WilsonCowanParameters, cycle_centre

_AT_REST = 1e-3  # radius of the cycle below which there is no phase to speak of


class OscillationConfig(Config, frozen=True):
    """Drive and depth of the mask."""

    enabled: bool = False
    drive: Annotated[NonNegative, Meta(description="P of the excitatory population; 1.25 oscillates")] = (
        CYCLE_DRIVE
    )
    saliency_gain: Annotated[
        NonNegative, Meta(description="added to the drive when everything is surprising")
    ] = 0.1
    depth: Annotated[Fraction, Meta(description="share of its gate a modality loses out of phase")] = 0.3
    substeps: Annotated[Count, Meta(description="steps of half a millisecond a bar")] = 2


class Oscillation:
    r"""Multiplies each gate by a mask that follows the phase of a Wilson–Cowan oscillator.

    .. math:: mask_m = 1 - \tfrac d2\big(1 - \cos(\varphi - 2\pi m / M)\big)

    φ is the angle of (E, I) round the centre of the cycle, M the number of modalities (specification Part VI
    section 1). Salience drives the excitatory population, so the turns go faster when much is happening. An
    oscillator at rest masks nothing: all 1.

    Parameters
    ----------
    config : OscillationConfig

    Notes
    -----
    Each mask is in [1 - depth, 1]. Off (the default) it is all 1 and costs nothing; on, O(substeps + M).

    Examples
    --------
    >>> Oscillation(OscillationConfig()).update(0.5).tolist() == [1.0] * N_MODALITIES
    True
    """

    def __init__(self, config: OscillationConfig) -> None:
        self.config = config
        self._kernel = WilsonCowan(substeps=config.substeps)
        self._centre = cycle_centre(WilsonCowanParameters(), config.drive) if config.enabled else (0.0, 0.0)
        self._open = np.ones(N_MODALITIES)
        self._offsets = 2.0 * math.pi * np.arange(N_MODALITIES) / N_MODALITIES

    def reset(self) -> None:
        """Back to rest."""
        self._kernel.reset()

    def update(self, saliency: float) -> np.ndarray:
        """Masks (M,) for this bar after ``saliency`` in [0, 1] of the bar before."""
        c = self.config
        if not c.enabled:
            return self._open
        excess = saliency if math.isfinite(saliency) else 0.0
        e, i = self._kernel.update(c.drive + c.saliency_gain * excess)
        x, y = e - self._centre[0], i - self._centre[1]
        if math.hypot(x, y) < _AT_REST:
            return self._open
        return 1.0 - 0.5 * c.depth * (1.0 - np.cos(math.atan2(y, x) - self._offsets))

    def snapshot(self) -> bytes:
        """State as bytes."""
        return self._kernel.snapshot()

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError where it is none."""
        self._kernel.restore(raw)

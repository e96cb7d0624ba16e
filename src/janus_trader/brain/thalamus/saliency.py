"""Saliency: how surprising each modality is, given its own recent past."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.thalamus.gating import EXTERNAL, MACRO, N_BAR, N_MODALITIES, PRICE, VISUAL, VOLUME
from janus_trader.foundation.config import Config
from janus_trader.numerics.surprise import surprises_into


class SaliencyConfig(Config, frozen=True):
    """The past against which surprise is measured."""

    decay: Annotated[float, Meta(gt=0.0, lt=1.0, description="weight of the newest stimulus")] = 0.03
    warmup: Annotated[int, Meta(ge=2, description="stimuli of a modality before it can be salient")] = 20


def stimulus_owners(n_macro: int) -> np.ndarray:
    """Modality of each stimulus: price, volume, visual, external, each macro feature, each outside sense.

    >>> stimulus_owners(2).tolist()
    [0, 1, 3, 4, 2, 2, 5, 6, 7, 8]
    """
    return np.array(
        [PRICE, VOLUME, VISUAL, EXTERNAL, *[MACRO] * n_macro, *range(N_BAR, N_MODALITIES)], np.int64
    )


@njit(cache=True)
def bar_stimuli_into(bars, present, returns, external, has_volume, sees, seen, out):  # type: ignore[no-untyped-def]
    """The four stimuli that come with bars, NaN where there is nothing: mean size of the returns, log of all
    volume, mean direction seen and mean external signal. O(n + external)."""
    moved, count, volume = 0.0, 0, 0.0
    for i in range(present.shape[0]):
        if present[i] and math.isfinite(returns[i]):
            moved += abs(returns[i])
            count += 1
            if has_volume and bars[i].volume > 0.0:
                volume += bars[i].volume
    out[0] = moved / count if count else math.nan
    out[1] = math.log(volume) if volume > 0.0 else math.nan
    out[2] = math.nan
    if sees:
        out[2] = 0.0
        for i in range(seen.shape[0]):
            out[2] += seen[i] / seen.shape[0]
    out[3] = math.nan
    if external.size:
        out[3] = 0.0
        for value in external.flat:
            out[3] += value / external.size


@njit(cache=True)
def saliency_into(states, stimuli, owners, decay, warmup, gate, out):  # type: ignore[no-untyped-def]
    """Largest surprise among a modality's stimuli, in [0, 1]; 0 where its gate is shut. O(stimuli).

    ``states`` are records of `janus_trader.numerics.surprise.SURPRISE_DTYPE`, one a stimulus. A stimulus that is
    NaN leaves its past alone.
    """
    found = np.empty(stimuli.shape[0])
    surprises_into(states, stimuli, decay, warmup, found)
    out[:] = 0.0
    for j in range(stimuli.shape[0]):
        m = owners[j]
        if gate[m] > 0.0:
            out[m] = max(out[m], found[j])

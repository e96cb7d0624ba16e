"""Pattern separation: a sparse code in which similar states stay apart."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config
from janus_trader.numerics.random_projection import gaussian_projection, k_winners, project


class SeparationConfig(Config, frozen=True):
    """Size and sparsity of the code."""

    units: Annotated[int, Meta(ge=8, le=4096, description="responses of the random projection")] = 128
    winners: Annotated[int, Meta(ge=1, description="responses kept")] = 16
    seed: Annotated[int, Meta(ge=0, description="seed of the projection matrix")] = 20260215


@njit(cache=True)
def _winners(weights, context, index, value, response):
    """The strongest responses of one context at unit norm, strongest first; ties go to the lower unit."""
    project(weights, context, response)
    k_winners(response, index, value)  # tanh keeps the order: only the winners need theirs
    norm = 0.0
    for slot in range(index.size):
        value[slot] = np.tanh(value[slot])
        norm += value[slot] * value[slot]
    norm = np.sqrt(norm)
    for slot in range(index.size):
        value[slot] = value[slot] / norm if norm > 0.0 else 0.0


class PatternSeparation:
    r"""Sparse code of a context.

    .. math:: h = \mathrm{kWTA}(\tanh(W c)), \quad W_{ij} \sim N(0, 1/d)

    the k responses of largest magnitude are kept and normalised, all others are 0 (specification eq. 38
    with the sparsity it leaves out).

    Parameters
    ----------
    config : SeparationConfig
    size : int
        Length d of a context.

    Examples
    --------
    >>> code = PatternSeparation(SeparationConfig(units=32, winners=4), 3)
    >>> index, value = code.encode(np.array([1.0, 0.0, -1.0]))
    >>> index.size, round(float(value @ value), 12)
    (4, 1.0)
    """

    def __init__(self, config: SeparationConfig, size: int) -> None:
        if config.winners > config.units:
            raise ConfigError(
                "pattern separation keeps more responses than there are",
                got=config.winners,
                expected=f"winners <= units = {config.units}",
            )
        self.config, self.size = config, size
        generator = np.random.Generator(np.random.PCG64(config.seed))
        self._weights = gaussian_projection(config.units, size, generator)
        self._response = np.empty(config.units)

    def encode(self, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Winning units (k,) and their unit-norm responses (k,). O(units·(d + k))."""
        index = np.empty(self.config.winners, np.int16)
        value = np.empty(self.config.winners)
        _winners(self._weights, np.asarray(context, np.float64), index, value, self._response)
        return index, value

"""A small network that learns: parameters, optimiser state and buffers in one place."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive
from janus_trader.numerics.dense_network import (
    activation_count,
    adamw,
    backward,
    clip_norm,
    forward,
    initial_parameters,
    network_sizes,
    parameter_count,
)


class OptimiserConfig(Config, frozen=True):
    """AdamW with a clipped gradient."""

    rate: Annotated[Positive, Meta(description="step size")] = 1e-3
    decay: Annotated[NonNegative, Meta(description="decoupled weight decay")] = 0.01
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    clip: Annotated[Positive, Meta(description="largest norm of a gradient")] = 1.0


class Network:
    """A dense network with its AdamW state.

    Parameters
    ----------
    sizes : sequence of int
        Layer sizes, input first.
    config : OptimiserConfig
    generator : numpy Generator
        Draws the start.
    silent : bool
        The last layer starts at 0.

    Examples
    --------
    >>> net = Network((2, 4, 1), OptimiserConfig(rate=0.01), np.random.default_rng(0))
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> for _ in range(500): _ = net.step(x, (net.outputs(x) - np.array([[1.0], [-1.0]])) / 2)
    >>> net.outputs(x).round(2).ravel().tolist()
    [1.0, -1.0]
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        config: OptimiserConfig,
        generator: np.random.Generator,
        *,
        silent: bool = False,
    ) -> None:
        self.sizes, self.config = network_sizes(sizes), config
        self.theta = initial_parameters(self.sizes, generator, silent=silent)
        self.first, self.second, self.count = np.zeros_like(self.theta), np.zeros_like(self.theta), 0
        self._gradient = np.zeros_like(self.theta)
        self._scratch = np.empty((2, int(self.sizes.max())))
        self._rows = np.empty((0, activation_count(self.sizes)))
        self._seen: np.ndarray | None = (
            None  # whose activations, by the parameters in force, the buffer holds
        )

    def outputs(self, x: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
        """Outputs (B, m) of rows (B, d): a view into a buffer, good until the next call."""
        if len(self._rows) < len(x):
            self._rows = np.empty((len(x), self._rows.shape[1]))
        rows = self._rows[: len(x)]
        forward(self.theta if theta is None else theta, self.sizes, x, rows)
        self._seen = x if theta is None else None
        return rows[:, -int(self.sizes[-1]) :]

    def latest(self, x: np.ndarray) -> np.ndarray:
        """`outputs`, without the work where they were just computed."""
        if self._seen is not x:
            return self.outputs(x)
        return self._rows[: len(x), -int(self.sizes[-1]) :]

    def changed(self) -> None:
        """Say that ``theta`` was changed from outside."""
        self._seen = None

    def gradient(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Slope of a loss by the parameters (a buffer), from its slope by the outputs (B, m).

        Rows that were just given to `outputs` are not evaluated again, so they must not be changed in between.
        """
        if self._seen is not x:
            self.outputs(x)
        self._gradient[:] = 0.0
        backward(self.theta, self.sizes, x, self._rows[: len(x)], slopes, self._gradient, self._scratch)
        return self._gradient

    def step(self, x: np.ndarray, slopes: np.ndarray) -> float:
        """One optimiser step down a loss whose slope by the outputs is ``slopes``; returns the gradient's norm."""
        c, gradient = self.config, self.gradient(x, slopes)
        norm = clip_norm(gradient, c.clip)
        self.count += 1
        self._seen = None
        adamw(
            self.theta, gradient, self.first, self.second, self.count, c.rate, c.decay, c.beta1, c.beta2,
            c.epsilon,
        )  # fmt: skip
        return float(norm)

    def state(self) -> dict[str, Any]:
        """Copies of parameters and optimiser state, as a tree."""
        return {
            "theta": self.theta.copy(),
            "first": self.first.copy(),
            "second": self.second.copy(),
            "count": self.count,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`.

        Raises
        ------
        IntegrityError
            The parameters are those of another network.
        """
        arrays = [np.array(state[name], np.float64) for name in ("theta", "first", "second")]
        expected = (parameter_count(self.sizes),)
        if any(a.shape != expected for a in arrays):
            raise IntegrityError(
                "network: parameters do not fit", got=[a.shape for a in arrays], expected=str(expected)
            )
        self.theta, self.first, self.second = arrays
        self._seen = None
        self.count = int(state["count"])

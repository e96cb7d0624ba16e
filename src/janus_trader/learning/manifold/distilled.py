"""A small network that places new vectors on a finished map (specification eq. 48)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.learning.manifold.placing import PlacingNetwork, initial_layers, standardisation

_F4 = np.float32


class DistilledConfig(Config, frozen=True):
    """The network and its training (Adam on squared error)."""

    hidden: tuple[Count, Count] = (128, 64)
    epochs: Annotated[int, Meta(ge=1, le=2000)] = 60
    batch: Count = 256
    learning_rate: Positive = 2e-3
    held_out: Annotated[float, Meta(gt=0.0, lt=0.9, description="share of the points no training sees")] = 0.1


class DistilledMap(PlacingNetwork):
    """Places vectors (d,) on a map that was fitted elsewhere, in about two microseconds.

    ``y_new = f_theta(h_new)`` (eq. 48) with two rectified layers, trained on the map's own points; a part of
    them is held out, and ``error`` is the root mean square distance there over the spread of the map.
    State: the weights. Not a replacement for fitting: what is unlike everything on the map has no true place.

    Parameters
    ----------
    config : DistilledConfig

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((400, 3)).astype(np.float32)
    >>> net = DistilledMap(DistilledConfig(hidden=(16, 16), epochs=40, batch=64))
    >>> net.fit(x, x[:, :2], rng)
    >>> net.error < 0.3, bool(np.allclose(net.place(x[0]), net.transform(x)[0]))
    (True, True)
    """

    def __init__(self, config: DistilledConfig | None = None) -> None:
        self.config = config or DistilledConfig()
        super().__init__()

    def fit(self, vectors: np.ndarray, layout: np.ndarray, generator: np.random.Generator) -> None:
        """Learn to place ``vectors`` (n, d) where they lie on ``layout`` (n, 2). O(epochs n weights).

        Raises
        ------
        DataError
            Fewer than 10 points, shapes that do not fit, or a value that is not finite.
        """
        x, y = np.asarray(vectors, dtype=_F4), np.asarray(layout, dtype=_F4)
        if x.ndim != 2 or y.shape != (len(x), 2) or len(x) < 10 or not np.isfinite(x.sum() + y.sum()):
            raise DataError(
                "map cannot be distilled",
                got=f"vectors {x.shape}, layout {y.shape}",
                expected="finite (n, d) and (n, 2) with n >= 10",
            )
        order = generator.permutation(len(x))
        kept = max(1, round(self.config.held_out * len(x)))
        test, train = order[:kept], order[kept:]
        mean, scale = standardisation(x[train])
        centre, spread = y[train].mean(axis=0), max(float(y[train].std()), 1e-6)
        net = _Network((x.shape[1], *self.config.hidden, 2), generator)
        net.train((x[train] - mean) / scale, (y[train] - centre) / _F4(spread), self.config, generator)
        # the scale of the map is folded into the last layer
        last, bias = net.layers[-1]
        placed = (last * _F4(spread), bias * _F4(spread) + centre)
        self._adopt([*net.layers[:-1], placed], mean, scale)
        off = self.transform(x[test]) - y[test]
        size = float(np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean()))
        self.error = float(np.sqrt((off**2).sum(axis=1).mean())) / max(size, 1e-12)


class _Network:
    """Two rectified layers and a linear one, in single precision, trained by Adam."""

    def __init__(self, sizes: tuple[int, ...], generator: np.random.Generator) -> None:
        self.layers = initial_layers(sizes, generator)

    def train(
        self, x: np.ndarray, y: np.ndarray, config: DistilledConfig, generator: np.random.Generator
    ) -> None:
        flat = [p for layer in self.layers for p in layer]
        first, second = [np.zeros_like(p) for p in flat], [np.zeros_like(p) for p in flat]
        steps = config.epochs * -(-len(x) // config.batch)
        step = 0
        for _ in range(config.epochs):
            order = generator.permutation(len(x))
            for at in range(0, len(x), config.batch):
                rows = order[at : at + config.batch]
                step += 1
                rate = config.learning_rate * (1.0 - step / (steps + 1.0))
                for p, g, m, v in zip(flat, self._gradient(x[rows], y[rows]), first, second, strict=True):
                    m += _F4(0.1) * (g - m)
                    v += _F4(0.001) * (g * g - v)
                    unbiased = np.sqrt(v / _F4(1.0 - 0.999**step)) + _F4(1e-8)
                    p -= _F4(rate / (1.0 - 0.9**step)) * m / unbiased

    def _gradient(self, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        (w0, b0), (w1, b1), (w2, b2) = self.layers
        one = np.maximum(x @ w0 + b0, _F4(0.0))
        two = np.maximum(one @ w1 + b1, _F4(0.0))
        off = (two @ w2 + b2 - y) * _F4(2.0 / len(x))
        back = (off @ w2.T) * (two > 0.0)
        early = (back @ w1.T) * (one > 0.0)
        return [x.T @ early, early.sum(axis=0), one.T @ back, back.sum(axis=0), two.T @ off, off.sum(axis=0)]

"""A small network that places new vectors on a finished map (specification eq. 48)."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.contracts.errors import DataError, IntegrityError, NotReady
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Positive

_F4 = np.float32


class DistilledConfig(Config, frozen=True):
    """The network and its training (Adam on squared error)."""

    hidden: tuple[Count, Count] = (128, 64)
    epochs: Annotated[int, Meta(ge=1, le=2000)] = 60
    batch: Count = 256
    learning_rate: Positive = 2e-3
    held_out: Annotated[float, Meta(gt=0.0, lt=0.9, description="share of the points no training sees")] = 0.1


@njit(cache=True)
def _layer(w, n_in, n_out, x, out):
    """Write ``out = W x + b`` of weights stored input by input, then the bias.

    Slices, not offsets: their index cannot wrap around, and the loop over outputs runs in vector registers.
    """
    bias = w[n_in * n_out :]
    for j in range(n_out):
        out[j] = bias[j]
    for i in range(n_in):
        v = x[i]
        row = w[i * n_out : (i + 1) * n_out]
        for j in range(n_out):
            out[j] += row[j] * v


@njit(cache=True)
def place_point(x, w, d, h1, h2, scratch):
    """Place of a vector (d,) float32 by packed weights of layers d-h1-h2-2; ``scratch`` (h1 + h2,). O(weights).

    NaN in ``x`` gives NaN.
    """
    one, two = scratch[:h1], scratch[h1 : h1 + h2]
    zero = np.float32(0.0)
    _layer(w, d, h1, x, one)
    for j in range(h1):
        one[j] = one[j] if not one[j] < zero else zero
    at = (d + 1) * h1
    _layer(w[at:], h1, h2, one, two)
    at += (h1 + 1) * h2
    first, second = w[at + 2 * h2], w[at + 2 * h2 + 1]
    for i in range(h2):
        v = two[i] if not two[i] < zero else zero
        first += w[at + 2 * i] * v
        second += w[at + 2 * i + 1] * v
    return first, second


@njit(cache=True)
def _place_many(xs, w, d, h1, h2, scratch, out):
    for i in range(xs.shape[0]):
        out[i, 0], out[i, 1] = place_point(xs[i], w, d, h1, h2, scratch)


class DistilledMap:
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
        self.reset()

    def reset(self) -> None:
        """No map."""
        self._w = np.empty(0, _F4)
        self._d, self._h1, self._h2 = 0, 0, 0
        self._scratch = np.empty(0, _F4)
        self.error = float("nan")

    @property
    def ready(self) -> bool:
        """Whether a map was learned."""
        return self._w.size > 0

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
        mean, scale = x[train].mean(axis=0), x[train].std(axis=0)
        scale = np.where(scale > 1e-6, scale, _F4(1.0))
        centre, spread = y[train].mean(axis=0), max(float(y[train].std()), 1e-6)
        net = _Network((x.shape[1], *self.config.hidden, 2), generator)
        net.train((x[train] - mean) / scale, (y[train] - centre) / _F4(spread), self.config, generator)
        self._adopt(net, mean, scale, centre, spread)
        off = self.transform(x[test]) - y[test]
        size = float(np.sqrt(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean()))
        self.error = float(np.sqrt((off**2).sum(axis=1).mean())) / max(size, 1e-12)

    def _adopt(
        self, net: _Network, mean: np.ndarray, scale: np.ndarray, centre: np.ndarray, spread: float
    ) -> None:
        # the standardisation of both ends is folded into the first and the last layer
        (w0, b0), (w1, b1), (w2, b2) = net.layers
        first = w0 / scale[:, None]
        layers = [
            (first, b0 - mean @ first),
            (w1, b1),
            (w2 * _F4(spread), b2 * _F4(spread) + centre),
        ]
        self._w = np.concatenate([np.concatenate([w.ravel(), b]) for w, b in layers]).astype(_F4)
        self._put_sizes([len(w0), len(w1), len(w2)])

    def _put_sizes(self, sizes: list[int]) -> None:
        self._d, self._h1, self._h2 = sizes
        self._scratch = np.empty(self._h1 + self._h2, _F4)

    def place(self, vector: np.ndarray) -> tuple[float, float]:
        """Where one vector (d,) lies; NaN in, NaN out. Raises NotReady before `fit`, DataError for another size."""
        x = np.asarray(vector, dtype=_F4)
        if x.size != self._d or not self._d:
            self._refuse(x)
        return place_point(x, self._w, self._d, self._h1, self._h2, self._scratch)

    def transform(self, vectors: np.ndarray) -> np.ndarray:
        """Where vectors (m, d) lie, (m, 2) float32: the same loop, row by row."""
        xs = np.ascontiguousarray(vectors, dtype=_F4)
        if xs.ndim != 2 or xs.shape[1] != self._d or not self.ready:
            self._refuse(xs)
        out = np.empty((len(xs), 2), _F4)
        _place_many(xs, self._w, self._d, self._h1, self._h2, self._scratch, out)
        return out

    def _refuse(self, x: np.ndarray) -> None:
        if not self.ready:
            raise NotReady("no map has been distilled", remedy="call fit first")
        raise DataError("vector does not fit the map", got=x.shape, expected=f"length {self._d}")

    def snapshot(self) -> bytes:
        """The learned map as bytes."""
        return pack({"w": self._w, "sizes": [self._d, self._h1, self._h2], "error": self.error})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it is torn."""
        tree: dict[str, Any] = unpack(raw)
        d, h1, h2 = (int(s) for s in tree["sizes"])
        w = np.asarray(tree["w"], _F4)
        if w.size not in (0, (d + 1) * h1 + (h1 + 1) * h2 + (h2 + 1) * 2):
            raise IntegrityError(
                "distilled map does not fit", got=w.size, expected=f"weights of {d}-{h1}-{h2}-2"
            )
        self.reset()
        if w.size:
            self._w, self.error = w, float(tree["error"])
            self._put_sizes([d, h1, h2])


class _Network:
    """Two rectified layers and a linear one, in single precision, trained by Adam."""

    def __init__(self, sizes: tuple[int, ...], generator: np.random.Generator) -> None:
        self.layers = [
            (
                (generator.standard_normal((a, b)) * np.sqrt(2.0 / a)).astype(_F4),
                np.zeros(b, _F4),
            )
            for a, b in itertools.pairwise(sizes)
        ]

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

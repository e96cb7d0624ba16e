"""The network of two rectified layers that places vectors on a map: inference, and its bytes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numba import njit

from janus_trader.contracts.errors import DataError, IntegrityError, NotReady
from janus_trader.foundation.codec import pack, unpack

_F4 = np.float32

#: Weights (inputs, outputs) and bias of each layer.
Layers = list[tuple[np.ndarray, np.ndarray]]


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


def initial_layers(sizes: tuple[int, ...], generator: np.random.Generator) -> Layers:
    """Layers of these sizes before any training: normal weights of variance 2 over inputs, no bias.

    >>> [w.shape for w, _ in initial_layers((3, 5, 4, 2), np.random.default_rng(0))]
    [(3, 5), (5, 4), (4, 2)]
    """
    return [
        (
            (generator.standard_normal((a, b)) * np.sqrt(2.0 / a)).astype(_F4),
            np.zeros(b, _F4),
        )
        for a, b in itertools.pairwise(sizes)
    ]


def standardisation(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (d,) of vectors (n, d); a number that never changes has deviation 1."""
    scale = x.std(axis=0)
    return x.mean(axis=0), np.where(scale > 1e-6, scale, _F4(1.0))


class PlacingNetwork:
    """Places vectors (d,) in the plane by a network trained elsewhere, in about two microseconds; without torch.

    State: the weights. What is unlike everything it was trained on has no true place.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """No network."""
        self._w = np.empty(0, _F4)
        self._d, self._h1, self._h2 = 0, 0, 0
        self._scratch = np.empty(0, _F4)
        self.error = float("nan")

    @property
    def ready(self) -> bool:
        """Whether there is a network."""
        return self._w.size > 0

    def layers(self) -> Layers:
        """Weights and biases of the network, which takes vectors as they are. Raises NotReady without one."""
        if not self.ready:
            self._refuse(self._w)
        out, at = [], 0
        for a, b in itertools.pairwise((self._d, self._h1, self._h2, 2)):
            out.append((self._w[at : at + a * b].reshape(a, b), self._w[at + a * b : at + (a + 1) * b]))
            at += (a + 1) * b
        return out

    def _adopt(self, layers: Layers, mean: np.ndarray, scale: np.ndarray) -> None:
        # the standardisation of the vectors is folded into the first layer
        (w0, b0), *rest = layers
        first = w0 / scale[:, None]
        folded = [(first, b0 - mean @ first), *rest]
        self._w = np.concatenate([np.concatenate([w.ravel(), b]) for w, b in folded]).astype(_F4)
        self._put_sizes([len(w) for w, _ in layers])

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
            raise NotReady("no map has been learned", remedy="call fit first")
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
                "learned map does not fit", got=w.size, expected=f"weights of {d}-{h1}-{h2}-2"
            )
        self.reset()
        if w.size:
            self._w, self.error = w, float(tree["error"])
            self._put_sizes([d, h1, h2])

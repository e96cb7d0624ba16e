"""Inference of a vision model without torch: parameters unpacked once, then compiled loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.learning.vision.architecture import (
    FIELDS,
    Kind,
    Parameters,
    VisionConfig,
    checked,
    fitting,
)
from janus_trader.learning.vision.kernels import (
    encode_lstm,
    encode_vivit,
    look_lstm,
    look_vivit,
    read_head,
)
from janus_trader.numerics.vision_layers import NORM_EPS, block_work


@dataclass(frozen=True, eq=False)
class VisionOutput:
    """What a model sees in B videos.

    ``direction`` (B,) in [-1, 1] is P(up) - P(down); ``mean`` and ``deviation`` (B,) are those of the payoff, in
    volatilities; ``embedding`` (B, e). ``ready`` (B,) bool: whether there was a whole video; where not,
    direction and mean are 0, deviation 1 and the embedding 0.
    """

    direction: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    embedding: np.ndarray
    ready: np.ndarray


class CompiledVision:
    """One model, ready to encode frames and to look at encodings.

    Parameters
    ----------
    config : VisionConfig
    kind : {"diffgaf_lstm", "vivit"}
    parameters : dict of arrays
        Names and shapes of `architecture.shapes`.

    Notes
    -----
    float32 throughout but for the angles (float64); no BLAS: the same bytes on every machine. Agrees with
    the torch module of the same parameters to 1e-5. Not for two threads at once: it works in its own arrays.

    Examples
    --------
    >>> from janus_trader.learning.vision.architecture import initial_parameters
    >>> config = VisionConfig()
    >>> model = CompiledVision(config, "vivit", initial_parameters(config, "vivit", np.random.default_rng(1)))
    >>> seen = model.infer(np.linspace(0.0, 0.1, config.span)[None])
    >>> float(seen.direction[0]), seen.embedding.shape
    (0.0, (1, 32))
    """

    def __init__(self, config: VisionConfig, kind: Kind, parameters: Parameters) -> None:
        self.config, self.kind = checked(config), kind
        c = config
        self.geometry = np.array(
            [c.window, c.stride, c.tubelet, c.patch, c.heads, c.unit, c.span, c.tubelet * c.stride]
        )
        self.embedding_size = c.dim if kind == "vivit" else c.hidden
        self.encoding_size = c.dim if kind == "vivit" else 4 * c.hidden
        self.adopt(parameters)

    def adopt(self, parameters: Parameters) -> None:
        """Put parameters in force.

        Raises
        ------
        IntegrityError
            They are not those of this model.
        """
        p = fitting(parameters, self.config, self.kind)
        self.parameters = p
        self.head = (_turned(p["head.weight"]), p["head.bias"])
        affine = np.empty(0, np.float32)
        if self.config.normalisation == "learned":
            gain, offset, mean, variance = (
                p[f"image.normalisation.{k}"][0] for k in ("gain", "offset", "mean", "variance")
            )
            affine = np.array([gain, offset, mean, np.sqrt(variance + NORM_EPS**2)], np.float32)
        c = self.config
        canvas = (np.empty(c.size), np.empty(c.size, np.float32), np.empty(c.size, np.float32))
        patches = np.empty((c.patches, FIELDS * c.tubelet * c.patch**2), np.float32)
        self.gathered = np.empty((c.tokens, self.encoding_size), np.float32)
        embed = _turned(p["embed.weight"]), p["embed.bias"]
        if self.kind == "diffgaf_lstm":
            self._unpack_lstm(p, affine, embed, canvas, patches)
        else:
            self._unpack_vivit(p, affine, embed, canvas, patches)

    def _unpack_lstm(self, p: Parameters, affine: Any, embed: Any, canvas: Any, patches: Any) -> None:
        c, empty = self.config, lambda *shape: np.empty(shape, np.float32)
        bias = p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]
        project = _turned(p["project.weight"]), p["project.bias"]
        self.first = (affine, *embed, *project, _turned(p["lstm.weight_ih_l0"]), bias)
        self.second: Any = (_turned(p["lstm.weight_hh_l0"]),)
        filtered, flat = empty(c.patches, c.channels), empty(c.patches * c.channels)
        self.work: Any = (canvas, patches, filtered, flat, empty(c.dim))
        self.look_work: Any = (empty(c.hidden), empty(4 * c.hidden))
        self._encode, self._look = encode_lstm, look_lstm

    def _unpack_vivit(self, p: Parameters, affine: Any, embed: Any, canvas: Any, patches: Any) -> None:
        c = self.config

        def work(tokens: int) -> tuple[Any, ...]:
            block = block_work(tokens, c.dim, c.heads, c.mlp_ratio * c.dim)
            return np.empty((tokens, c.dim), np.float32), block, np.empty((1, c.dim), np.float32)

        def encoder(part: str, layers: int) -> tuple[Any, ...]:
            norm = np.stack([p[f"{part}_norm.weight"], p[f"{part}_norm.bias"]])
            blocks = _stacked(p, part, layers)
            return p[f"{part}_token"], p[f"{part}_position"], blocks, norm

        self.first = (affine, *embed, *encoder("spatial", c.spatial_layers))
        self.second = encoder("temporal", c.temporal_layers)
        self.work = (canvas, patches, *work(c.patches + 1))
        self.look_work = work(c.tokens + 1)
        self._encode, self._look = encode_vivit, look_vivit

    def encode_into(self, path: np.ndarray, out: np.ndarray) -> None:
        """Encoding of the frames that end with ``path`` (unit,), float64, finite."""
        self._encode(path, self.geometry, self.first, self.work, out)

    def look_into(self, out: np.ndarray, embedding: np.ndarray) -> None:
        """Mean, deviation, direction (3,) and embedding (e,) of the encodings in ``gathered``."""
        self._look(self.gathered, self.geometry, self.second, self.look_work, embedding)
        read_head(embedding, *self.head, out)

    def infer(self, paths: np.ndarray) -> VisionOutput:
        """Look at whole videos from the beginning.

        Parameters
        ----------
        paths : (B, span) float array
            Log closes, oldest first. A path with a value that is not finite is not looked at.

        Raises
        ------
        DataError
            A wrong shape.

        Notes
        -----
        Cost of every frame of every video; `StreamingVision` encodes only the new one.
        """
        c = self.config
        paths = np.ascontiguousarray(paths, np.float64)
        if paths.ndim != 2 or paths.shape[1] != c.span:
            raise DataError("not videos of this model", got=paths.shape, expected=f"(B, {c.span}) log closes")
        out, embedding = blank_outputs(len(paths), self.embedding_size)
        ready = np.isfinite(paths).all(axis=1)
        step = c.tubelet * c.stride
        for b in np.flatnonzero(ready):
            for k in range(c.tokens):
                stop = c.span - (c.tokens - 1 - k) * step
                self.encode_into(paths[b, stop - c.unit : stop], self.gathered[k])
            self.look_into(out[b], embedding[b])
        return output_of(out, embedding, ready)


def blank_outputs(n: int, embedding: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean, deviation, direction (n, 3) and embedding (n, e) before anything was seen."""
    return np.tile(np.array([0.0, 1.0, 0.0]), (n, 1)), np.zeros((n, embedding), np.float32)


def output_of(out: np.ndarray, embedding: np.ndarray, ready: np.ndarray) -> VisionOutput:
    """The arrays of `blank_outputs`, filled, as copies with names."""
    mean, deviation, direction = out.T.copy()
    return VisionOutput(direction, mean, deviation, embedding.copy(), ready.copy())


def _turned(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weight.T)


def _stacked(p: Parameters, part: str, layers: int) -> tuple[np.ndarray, ...]:
    """Weights of all blocks of one encoder: norms, then weight (in, out) and bias of each linear layer."""

    def stack(name: str) -> np.ndarray:
        found = [p[f"{part}.{k}.{name}"] for k in range(layers)]
        return np.stack([_turned(x) if x.ndim == 2 else x for x in found])

    norms = np.stack([stack(f"{n}.{k}") for n in ("norm1", "norm2") for k in ("weight", "bias")], axis=1)
    linear = ("query", "key_value", "out", "up", "down")
    return (norms, *[stack(f"{name}.{k}") for name in linear for k in ("weight", "bias")])

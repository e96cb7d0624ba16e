"""Shapes and start values of the vision models, without torch.

A model's parameters are a plain tree ``{name: float32 array}`` with the names and shapes of its torch
module's state, so that what torch trains the compiled inference runs and a snapshot keeps.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.foundation.config import Config, Count, NonNegative, Positive

Kind = Literal["diffgaf_lstm", "vivit"]
Parameters = dict[str, np.ndarray]

#: Fields of one frame: summation and difference ("dual GAF").
FIELDS = 2
#: Bound of the logarithm of the predicted deviation.
LOG_DEVIATION = 3.0


class VisionConfig(Config, frozen=True):
    """Frames of the video and sizes of the models that look at it (specification eq. 8, section 1.2.1)."""

    window: Annotated[int, Meta(ge=4, le=1024, description="bars in a frame (W)")] = 32
    size: Annotated[int, Meta(ge=4, le=256, description="side of a frame after averaging")] = 16
    stride: Annotated[int, Meta(ge=1, le=256, description="bars between frames (S)")] = 4
    frames: Annotated[int, Meta(ge=1, le=64, description="frames of the video (N)")] = 8
    tubelet: Annotated[int, Meta(ge=1, le=8, description="frames embedded together")] = 1
    patch: Annotated[int, Meta(ge=2, le=64, description="side of a patch (p)")] = 4
    dim: Annotated[int, Meta(ge=4, le=512, description="size of a token and of a frame's encoding")] = 32
    heads: Annotated[int, Meta(ge=1, le=16, description="attention heads")] = 4
    spatial_layers: Annotated[int, Meta(ge=1, le=12, description="blocks within a frame (ViViT)")] = 2
    temporal_layers: Annotated[int, Meta(ge=1, le=12, description="blocks across frames (ViViT)")] = 1
    mlp_ratio: Annotated[int, Meta(ge=1, le=8, description="width of the MLP in units of dim")] = 2
    channels: Annotated[int, Meta(ge=1, le=256, description="filters of the frame encoder (LSTM)")] = 16
    hidden: Annotated[int, Meta(ge=4, le=512, description="state of the LSTM")] = 32
    normalisation: Annotated[
        Literal["window", "learned"],
        Meta(description="eq. 1 on the frame's own extremes, or eq. 2 with learned gain and offset"),
    ] = "window"

    @property
    def span(self) -> int:
        """Bars that a video looks at: ``W + (N - 1) S``."""
        return self.window + (self.frames - 1) * self.stride

    @property
    def tokens(self) -> int:
        """Encodings in a video: frames over the tubelet's length."""
        return self.frames // self.tubelet

    @property
    def unit(self) -> int:
        """Bars that one encoding looks at."""
        return self.window + (self.tubelet - 1) * self.stride

    @property
    def depth(self) -> int:
        """Encodings that streaming keeps, one a bar."""
        return (self.tokens - 1) * self.tubelet * self.stride + 1

    @property
    def patches(self) -> int:
        """Patches of a frame, ``P = (size/p)^2``."""
        return (self.size // self.patch) ** 2

    @property
    def patch_values(self) -> int:
        """Numbers in a patch, over both fields and the frames of a tubelet."""
        return FIELDS * self.tubelet * self.patch**2


class FitConfig(Config, frozen=True):
    """How long and how hard one training learns."""

    epochs: Annotated[Count, Meta(description="passes over the samples")] = 3
    batch_size: Annotated[Count, Meta(description="videos of one step")] = 128
    learning_rate: Annotated[Positive, Meta(description="of AdamW, at its height")] = 2e-3
    weight_decay: Annotated[NonNegative, Meta(description="of AdamW")] = 1e-2
    clip_norm: Annotated[NonNegative, Meta(description="largest norm of the gradient")] = 1.0


def checked(config: VisionConfig) -> VisionConfig:
    """The configuration, if its sizes fit together.

    Raises
    ------
    ConfigError
        With the two sizes that do not.

    Examples
    --------
    >>> c = checked(VisionConfig())
    >>> c.span, c.tokens, c.depth, c.patches
    (60, 8, 29, 16)
    """
    for what, ok, expected in (
        ("vision.size", config.size <= config.window, f"at most the window, {config.window}"),
        ("vision.patch", config.size % config.patch == 0, f"a divisor of the size, {config.size}"),
        ("vision.heads", config.dim % config.heads == 0, f"a divisor of dim, {config.dim}"),
        ("vision.tubelet", config.frames % config.tubelet == 0, f"a divisor of frames, {config.frames}"),
    ):
        if not ok:
            got = getattr(config, what.split(".")[1])
            raise ConfigError(f"{what} does not fit", got=got, expected=expected, remedy="change one of both")
    return config


def shapes(config: VisionConfig, kind: Kind) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter, as the torch module has them.

    >>> shapes(VisionConfig(), "vivit")["embed.weight"]
    (32, 32)
    """
    c, d = checked(config), config.dim
    out: dict[str, tuple[int, ...]] = {}
    if c.normalisation == "learned":
        out |= {f"image.normalisation.{name}": (1,) for name in ("gain", "offset", "mean", "variance")}
    width = d if kind == "vivit" else c.channels
    out |= {"embed.weight": (width, c.patch_values), "embed.bias": (width,)}
    if kind == "diffgaf_lstm":
        h = c.hidden
        out |= {"project.weight": (d, c.patches * width), "project.bias": (d,)}
        out |= {"lstm.weight_ih_l0": (4 * h, d), "lstm.weight_hh_l0": (4 * h, h)}
        out |= {"lstm.bias_ih_l0": (4 * h,), "lstm.bias_hh_l0": (4 * h,)}
        return out | {"head.weight": (2, h), "head.bias": (2,)}
    for part, layers, tokens in (
        ("spatial", c.spatial_layers, c.patches),
        ("temporal", c.temporal_layers, c.tokens),
    ):
        out |= {f"{part}_token": (d,), f"{part}_position": (tokens + 1, d)}
        for layer in range(layers):
            out |= {f"{part}.{layer}.{k}": v for k, v in _block_shapes(d, d * c.mlp_ratio).items()}
        out |= {f"{part}_norm.weight": (d,), f"{part}_norm.bias": (d,)}
    return out | {"head.weight": (2, d), "head.bias": (2,)}


def _block_shapes(d: int, hidden: int) -> dict[str, tuple[int, ...]]:
    linear = {
        "query": (d, d), "key_value": (2 * d, d), "out": (d, d), "up": (hidden, d), "down": (d, hidden)
    }  # fmt: skip
    out: dict[str, tuple[int, ...]] = {}
    for name, shape in linear.items():
        out |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for norm in ("norm1", "norm2"):
        out |= {f"{norm}.weight": (d,), f"{norm}.bias": (d,)}
    return out


def initial_parameters(config: VisionConfig, kind: Kind, generator: np.random.Generator) -> Parameters:
    """Start values: Glorot uniform weights, zero biases, positions of deviation 0.02, and a head of zeros.

    With that head an untrained model expects nothing: direction 0 and deviation 1 whatever it sees.

    >>> p = initial_parameters(VisionConfig(), "diffgaf_lstm", np.random.default_rng(0))
    >>> float(np.abs(p["head.weight"]).sum()), p["embed.weight"].dtype.name
    (0.0, 'float32')
    """
    out: Parameters = {}
    for name, shape in shapes(config, kind).items():
        value = np.zeros(shape)
        if name in ("image.normalisation.gain", "image.normalisation.variance") or (
            "norm" in name and name.endswith(".weight")
        ):
            value = np.ones(shape)
        elif name.endswith(("_token", "_position")):
            value = 0.02 * generator.standard_normal(shape)
        elif len(shape) == 2 and not name.startswith("head"):
            rows = shape[0] // 4 if "lstm" in name else shape[0]
            limit = np.sqrt(6.0 / (rows + shape[1]))
            value = generator.uniform(-limit, limit, shape)
        if name == "lstm.bias_ih_l0":
            value[config.hidden : 2 * config.hidden] = 1.0  # remembers from the start
        out[name] = value.astype(np.float32)
    return out


def fitting(parameters: Parameters, config: VisionConfig, kind: Kind) -> Parameters:
    """The parameters as C-ordered float32 arrays, if they are those of this model and finite.

    Raises
    ------
    IntegrityError
        A name is missing or foreign, a shape is another, or a value is not finite.
    """
    wanted = shapes(config, kind)
    got = {name: np.shape(value) for name, value in parameters.items()}
    if got != wanted:
        wrong = sorted(set(got.items()) ^ set(wanted.items()))[:3]
        raise IntegrityError(f"parameters of another {kind}", got=wrong, expected="its names and shapes")
    out = {name: np.ascontiguousarray(parameters[name], np.float32) for name in wanted}
    broken = [name for name, value in out.items() if not np.isfinite(value).all()]
    if broken:
        raise IntegrityError(f"parameters of a {kind} are not numbers", got=broken[:3], expected="finite")
    return out

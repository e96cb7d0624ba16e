"""The same models in ONNX Runtime: exported as bytes, run on one thread."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.learning.vision.architecture import Kind, Parameters, VisionConfig
from janus_trader.learning.vision.compiled import VisionOutput
from janus_trader.learning.vision.model import VisionModel
from janus_trader.learning.vision.pipeline import build_model

Part = Literal["full", "step"]

#: Operator set of the exports: the first with layer norm as one operator.
OPSET = 17


class _Full(nn.Module):
    """Paths to outputs."""

    def __init__(self, model: VisionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, paths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen = self.model(paths)
        return seen.direction, seen.mean, seen.deviation, seen.embedding


class _Step(nn.Module):
    """The newest tubelet's path and the encodings before it to outputs and all encodings."""

    def __init__(self, model: VisionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, path: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, ...]:
        encodings = torch.cat((past, self.model.encodings(path)), dim=1)
        seen = self.model.seen(self.model.look(encodings))
        return seen.direction, seen.mean, seen.deviation, seen.embedding, encodings


_OUTPUTS = ["direction", "mean", "deviation", "embedding"]


def export_onnx(kind: Kind, config: VisionConfig, parameters: Parameters, part: Part = "full") -> bytes:
    """An ONNX model of whole videos, or of one step over cached encodings; any batch size.

    Raises
    ------
    ConfigError
        ``part`` is unknown.
    IntegrityError
        The parameters are of another model.
    """
    if part not in ("full", "step"):
        raise ConfigError("no such part of a vision model", got=part, expected="full or step")
    model = build_model(kind, config, form="products").eval()
    model.adopt(parameters)
    inputs: tuple[torch.Tensor, ...] = (torch.zeros(2, config.span),)
    names, outputs = ["paths"], list(_OUTPUTS)
    module: nn.Module = _Full(model)
    if part == "step":
        module, names, outputs = _Step(model), ["path", "past"], [*_OUTPUTS, "encodings"]
        inputs = (torch.zeros(2, config.unit), torch.zeros(2, config.tokens - 1, config.dim))
    out = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            inputs,
            out,  # type: ignore[arg-type]  # a buffer is taken by the classic exporter
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*names, *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    return out.getvalue()


class OnnxVision:
    """A vision model in ONNX Runtime, one thread.

    Parameters
    ----------
    kind, config, parameters
        See `CompiledVision`.

    Notes
    -----
    Agrees with torch and with `CompiledVision` to 1e-5. Built in about a second; the sessions keep a copy of
    the parameters. A video with a value that is not finite is not looked at, as in `CompiledVision`.
    """

    def __init__(self, kind: Kind, config: VisionConfig, parameters: Parameters) -> None:
        self.kind, self.config = kind, config
        self._full = _session(export_onnx(kind, config, parameters, "full"))
        self._step = _session(export_onnx(kind, config, parameters, "step"))

    def infer(self, paths: np.ndarray) -> VisionOutput:
        """Whole videos (B, span) of log closes, oldest first.

        Raises
        ------
        DataError
            A wrong shape.
        """
        paths = np.asarray(paths, np.float64)
        if paths.ndim != 2 or paths.shape[1] != self.config.span:
            raise DataError("not videos", got=paths.shape, expected=f"(B, {self.config.span}) log closes")
        ready = np.isfinite(paths).all(axis=1)
        near = np.where(ready[:, None], paths - paths[:, -1:], 0.0).astype(np.float32)
        return _output(self._full.run(_OUTPUTS, {"paths": near}), ready)

    def step(self, path: np.ndarray, past: np.ndarray) -> tuple[VisionOutput, np.ndarray]:
        """The newest tubelet's path (B, unit) after cached encodings (B, T - 1, d); returns all (B, T, d) too."""
        near = (path - path[:, -1:]).astype(np.float32)
        found = self._step.run(None, {"path": near, "past": past})
        return _output(found[:4], np.ones(len(near), np.bool_)), found[4]


def _output(found: list[Any], ready: np.ndarray) -> VisionOutput:
    direction, mean, deviation = (np.asarray(x, np.float64) for x in found[:3])
    embedding = np.where(ready[:, None], found[3], np.float32(0.0))
    zero = np.where(ready, mean, 0.0)
    return VisionOutput(
        np.where(ready, direction, 0.0), zero, np.where(ready, deviation, 1.0), embedding, ready
    )


def _session(model: bytes) -> Any:
    import onnxruntime

    logging.getLogger("onnxruntime").setLevel(logging.ERROR)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

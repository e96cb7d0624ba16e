"""The same networks in torch and in ONNX Runtime, one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer

KINDS = ("diffgaf_lstm", "vivit")


def _torch(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import torch

    from janus_trader.learning.vision.training import trained_model

    torch.set_num_threads(1)
    model = trained_model(inputs["kind"], inputs["config"], inputs["parameters"])
    paths = torch.from_numpy(inputs["paths"])

    def theirs() -> np.ndarray:
        with torch.inference_mode():
            return model(paths).embedding.numpy()

    return theirs


def _torch_step(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import torch

    from janus_trader.learning.vision.training import trained_model

    torch.set_num_threads(1)
    model = trained_model(inputs["kind"], inputs["config"], inputs["parameters"])
    paths = torch.from_numpy(inputs["paths"])
    with torch.inference_mode():
        past = model.encodings(paths)[:, :-1]

    def theirs() -> np.ndarray:
        with torch.inference_mode():
            new = model.encodings(paths[:, -inputs["config"].unit :])
            return model.seen(model.look(torch.cat((past, new), dim=1))).embedding.numpy()

    return theirs


def _onnx(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    from janus_trader.learning.vision.onnx_path import OnnxVision

    model = OnnxVision(inputs["kind"], inputs["config"], inputs["parameters"])
    return lambda: model.infer(inputs["paths"]).embedding


def _onnx_step(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import torch

    from janus_trader.learning.vision.onnx_path import OnnxVision
    from janus_trader.learning.vision.training import trained_model

    config = inputs["config"]
    model = OnnxVision(inputs["kind"], config, inputs["parameters"])
    eager = trained_model(inputs["kind"], config, inputs["parameters"])
    with torch.inference_mode():
        past = eager.encodings(torch.from_numpy(inputs["paths"]))[:, :-1].numpy()
    path = inputs["paths"][:, -config.unit :]
    return lambda: model.step(path, past)[0].embedding


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max())


def _peers(kind: str) -> tuple[Peer, ...]:
    eager = "the same network, eager, inference mode, one thread"
    runtime = "the same network exported with opset 17, one thread"
    full, step = f"vision.{kind}.full", f"vision.{kind}.step"
    cached = "; encodings cached as ours; its last closes are one bar older"
    return (
        Peer(full, "torch", "torch", _torch, agreement=_largest, settings=eager),
        Peer(full, "ONNX Runtime", "onnxruntime", _onnx, agreement=_largest, settings=runtime),
        Peer(step, "torch", "torch", _torch_step, settings=eager + cached),
        Peer(step, "ONNX Runtime", "onnxruntime", _onnx_step, settings=runtime + cached),
    )


PEERS: tuple[Peer, ...] = tuple(peer for kind in KINDS for peer in _peers(kind))

"""Vision models at the sizes of the performance page, and the whole visual cortex of a book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

KINDS = ("diffgaf_lstm", "vivit")
#: 16 frames of 64 x 64, patches of 8, tokens of 64, two blocks within and two across frames.
LARGE = {
    "window": 64, "size": 64, "stride": 4, "frames": 16, "patch": 8, "dim": 64, "heads": 4,
    "spatial_layers": 2, "temporal_layers": 2, "mlp_ratio": 4, "channels": 16, "hidden": 64,
}  # fmt: skip
INSTRUMENTS = 20


def _moved(config: Any, kind: Any) -> dict[str, np.ndarray]:
    """Start values, every number moved: no weight is zero."""
    from janus_trader.learning.vision import initial_parameters

    rng = np.random.default_rng(0)
    start = initial_parameters(config, kind, rng)
    return {k: (v + 0.05 * rng.standard_normal(v.shape)).astype(np.float32) for k, v in start.items()}


def _walks(config: Any, count: int) -> np.ndarray:
    steps = 0.01 * np.random.default_rng(1).standard_normal((count, config.span))
    return 4.6 + np.cumsum(steps, axis=1)


def _full(kind: Any) -> Callable[[], Case]:
    def prepare() -> Case:
        from janus_trader.learning.vision import CompiledVision, VisionConfig

        config = VisionConfig(**LARGE)  # type: ignore[arg-type]
        parameters, paths = _moved(config, kind), _walks(config, 1)
        model = CompiledVision(config, kind, parameters)
        inputs = {"kind": kind, "config": config, "parameters": parameters, "paths": paths}
        return Case(ours=lambda: model.infer(paths).embedding, items=1, inputs=inputs)

    return prepare


def _step(kind: Any) -> Callable[[], Case]:
    def prepare() -> Case:
        from janus_trader.learning.vision import StreamingVision, VisionConfig

        config = VisionConfig(**LARGE)  # type: ignore[arg-type]
        parameters, paths = _moved(config, kind), _walks(config, 1)
        eye = StreamingVision(config, kind, parameters, 1)
        for value in paths.T:
            eye.update(value)
        last = paths[:, -1].copy()
        inputs = {"kind": kind, "config": config, "parameters": parameters, "paths": paths}
        return Case(ours=lambda: eye.update(last).embedding, items=1, inputs=inputs)

    return prepare


def _region(model: Any) -> Callable[[], Case]:
    def prepare() -> Case:
        from janus_trader.brain.visual_cortex import VisualCortex, VisualCortexConfig
        from janus_trader.contracts.market import BAR_DTYPE

        eye = VisualCortex(VisualCortexConfig(model=model), INSTRUMENTS)
        for learner in eye.learners():
            learner.adopt(_moved(learner.vision, learner.kind))
        prices = np.exp(_walks(eye.config.vision, INSTRUMENTS)).T
        bars, everybody = np.zeros(INSTRUMENTS, BAR_DTYPE), np.ones(INSTRUMENTS, np.bool_)
        tick = [0]

        def ours() -> np.ndarray:
            bars["close"] = prices[tick[0] % len(prices)]
            tick[0] += 1
            return eye(bars, everybody, tick[0]).trend

        for _ in range(len(prices) + 1):
            ours()
        return Case(ours=ours, items=1)

    return prepare


def _works() -> list[Work]:
    goals = {"diffgaf_lstm": (900e3, 100e3, 3.5e6), "vivit": (3e6, 400e3, 8e6)}
    works = []
    for kind in KINDS:
        full, step, region = goals[kind]
        size = f"{kind}, 16 frames of 64 x 64, both fields, one sample"
        works += [
            Work(
                f"vision.{kind}.full",
                f"{size}, images drawn and looked at",
                "look",
                _full(kind),
                goal_ns=full,
            ),
            Work(
                f"vision.{kind}.step",
                f"{size}, one new frame, cached encodings",
                "bar",
                _step(kind),
                goal_ns=step,
            ),
            Work(
                f"vision.cortex.{kind}.20",
                f"visual cortex of {INSTRUMENTS} instruments, texture and {kind} at its default size",
                "bar",
                _region(kind),
                goal_ns=region,
            ),
        ]
    texture = "visual cortex of 20 instruments, texture alone"
    return [*works, Work("vision.cortex.texture.20", texture, "bar", _region("texture"))]


WORKS: tuple[Work, ...] = tuple(_works())

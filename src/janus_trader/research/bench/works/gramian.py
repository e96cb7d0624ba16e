"""Gramian angular fields of price windows, and their gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Case, Work

#: Windows a call: the images of the first fill memory, those of the second stay in the cache.
LARGE = {64: 1_024, 256: 256}
SMALL = {64: 32, 256: 4}


def _walks(window: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).standard_normal((LARGE[window], window)), axis=1) + 100.0


def _fields(window: int, batch: int, dtype: Any) -> Callable[[], Case]:
    def prepare() -> Case:
        from janus_trader.numerics.gramian import gramian_fields

        walks, images = _walks(window), np.empty((batch, window, window), dtype)
        memory = images.view(np.uint8)  # filling bytes is one memset, the fastest way to write
        batches = [walks[k : k + batch] for k in range(0, len(walks), batch)]

        def ours() -> np.ndarray:
            for windows in batches:
                gramian_fields(windows, images, edge=0.0)
            return images

        def limit() -> None:
            for k in range(len(batches)):
                memory.fill(k % 256)

        return Case(ours=ours, items=len(walks), inputs={"batches": batches}, limit=limit)

    return prepare


def _gradient(window: int, dtype: Any) -> Callable[[], Case]:
    def prepare() -> Case:
        from janus_trader.numerics.gramian import EDGE, gramian_fields
        from janus_trader.numerics.gramian_gradient import gramian_gradient

        batch = SMALL[window]
        walks = _walks(window)[: 8 * batch]
        batches = [walks[k : k + batch] for k in range(0, len(walks), batch)]
        images, slopes = np.empty((batch, window, window), dtype), np.empty((batch, window), dtype)
        weights = np.asarray(np.random.default_rng(1).standard_normal(images.shape), dtype)

        def ours() -> np.ndarray:
            for windows in batches:
                gramian_fields(windows, images)
                gramian_gradient(windows, weights, slopes)
            return slopes

        inputs = {"batches": batches, "weights": weights, "edge": EDGE}
        return Case(ours=ours, items=len(walks), inputs=inputs)

    return prepare


def _works() -> list[Work]:
    works = []
    for window, ratio, gradient_ratio in ((64, 12.0, 3.0), (256, 8.0, 4.0)):
        title = f"summation field, window {window}"
        for bits, dtype in (("f32", np.float32), ("f64", np.float64)):
            goal = ratio if bits == "f32" else None
            works += [
                Work(
                    f"gramian.field.{window}.{bits}",
                    f"{title}, {bits}, {LARGE[window]} images a call into one array (memory bound)",
                    "window",
                    _fields(window, LARGE[window], dtype),
                    goal_ratio=goal,
                ),
                Work(
                    f"gramian.field.{window}.{bits}.cached",
                    f"{title}, {bits}, {SMALL[window]} images a call into one array (fits the cache)",
                    "window",
                    _fields(window, SMALL[window], dtype),
                    goal_ratio=goal,
                ),
                Work(
                    f"gramian.gradient.{window}.{bits}",
                    f"{title}, {bits}, and the gradient by the prices, {SMALL[window]} windows a call",
                    "window",
                    _gradient(window, dtype),
                    goal_ratio=gradient_ratio if bits == "f32" else None,
                ),
            ]
    return works


WORKS: tuple[Work, ...] = tuple(_works())

"""pyts for the field; torch's autograd, batched, for field and gradient together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer


def _pyts(batch: int | None) -> Callable[[Mapping[str, Any]], Callable[[], np.ndarray]]:
    def prepare(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
        from pyts.image import GramianAngularField

        field, batches = GramianAngularField(method="summation"), inputs["batches"]
        if batch is not None:
            walks = np.concatenate(batches)
            batches = [walks[k : k + batch] for k in range(0, len(walks), batch)]

        def theirs() -> np.ndarray:
            for windows in batches:
                images = field.transform(windows)
            return images

        return theirs

    return prepare


def _arccos(torch: Any, x: Any, edge: float) -> Any:
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    angle = torch.arccos(((2.0 * x - low - high) / (high - low)).clamp(edge - 1.0, 1.0 - edge))
    return torch.cos(angle[:, :, None] + angle[:, None, :])


def _rank_two(torch: Any, x: Any, edge: float) -> Any:
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    c = ((2.0 * x - low - high) / (high - low)).clamp(edge - 1.0, 1.0 - edge)
    s = torch.sqrt((1.0 - c) * (1.0 + c))
    return torch.bmm(torch.stack((c, -s), 2), torch.stack((c, s), 1))


def _torch(form: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Callable[[], np.ndarray]]:
    def prepare(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
        import torch

        torch.set_num_threads(1)
        weights = torch.from_numpy(inputs["weights"])
        batches = [torch.from_numpy(w).to(weights.dtype) for w in inputs["batches"]]

        def theirs() -> np.ndarray:
            for windows in batches:
                x = windows.detach().requires_grad_()
                (slopes,) = torch.autograd.grad(form(torch, x, inputs["edge"]), x, weights)
            return slopes.numpy()

        return theirs

    return prepare


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    last = min(len(ours), len(theirs))
    return float(np.abs(ours[-last:] - theirs[-last:]).max())


def _largest_share(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def _field_peers(work: str) -> tuple[Peer, ...]:
    # Batches at which pyts is quickest on either window, found by trying 4 to 1,000.
    quickest = 100 if ".64." in work else 32
    double = "always float64"
    return (
        Peer(work, "pyts", "pyts", _pyts(None), agreement=_largest, settings=f"{double}; our batches"),
        Peer(
            work,
            f"pyts, {quickest} a call",
            "pyts",
            _pyts(quickest),
            agreement=_largest,
            settings=f"{double}; its best batch",
        ),
    )


def _gradient_peers(work: str) -> tuple[Peer, ...]:
    kind = "float32" if work.endswith("f32") else "float64"
    settings = (
        f"{kind} throughout (our angles are float64), one thread; difference: share of the largest slope"
    )
    return (
        Peer(work, "torch arccos", "torch", _torch(_arccos), agreement=_largest_share, settings=settings),
        Peer(
            work, "torch rank two", "torch", _torch(_rank_two), agreement=_largest_share,
            settings=f"{settings}; our form of the field, by bmm",
        ),
    )  # fmt: skip


PEERS: tuple[Peer, ...] = tuple(
    peer
    for window in (64, 256)
    for bits in ("f32", "f64")
    for peer in (
        *_field_peers(f"gramian.field.{window}.{bits}"),
        *_field_peers(f"gramian.field.{window}.{bits}.cached"),
        *_gradient_peers(f"gramian.gradient.{window}.{bits}"),
    )
)

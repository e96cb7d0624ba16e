"""Synchronisation of gradients: AllReduce by the backend, or a ring of our own over point-to-point sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from msgspec import Meta

from janus_trader.foundation.config import Config
from janus_trader.learning.distributed.sharding import Sharding, shard

if TYPE_CHECKING:
    import torch


class ReducerConfig(Config, frozen=True):
    """How gradients are summed and batches dealt out."""

    method: Annotated[Literal["all_reduce", "ring"], Meta(description="sum of the gradients")] = "all_reduce"
    sharding: Annotated[Sharding, Meta(description="rows of a batch a process computes")] = (
        Sharding.CONTIGUOUS
    )
    seed: Annotated[int, Meta(ge=0, description="of random shards")] = 0


class ProcessGroupReducer:
    """The default process group of torch as a `GradientReducer` of the trainer.

    All gradients travel as one flat vector. Every process ends with the same bytes: AllReduce and the ring
    both compute each element's sum in one place and copy it.

    Parameters
    ----------
    config : ReducerConfig
    labels : callable (rows) -> labels, optional
        For stratified shards.

    Notes
    -----
    ``torch.distributed`` must have been initialised (`launch.Rendezvous`): gloo on CPUs, NCCL on GPUs; the
    ring uses sends and receives, which both offer. Bytes sent per process: 2 (w − 1)/w of the gradient.
    """

    def __init__(
        self, config: ReducerConfig, labels: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        import torch.distributed as dist

        self.config, self._labels = config, labels
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def shard(self, rows: np.ndarray) -> np.ndarray:
        """The rows of a batch that this process computes."""
        labels = self._labels(rows) if self._labels is not None else None
        config = self.config
        return shard(rows, self.rank, self.world, config.sharding, labels=labels, seed=config.seed)

    def reduce(self, parameters: Sequence[torch.nn.Parameter], share: float) -> None:
        """Replace each gradient by the sum over processes of ``share`` times it. O(parameters)."""
        import torch
        import torch.distributed as dist

        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None]) * share
        if self.config.method == "ring":
            ring_all_reduce(flat, self.rank, self.world)
        else:
            dist.all_reduce(flat)
        start = 0
        for p in parameters:
            if p.grad is not None:
                p.grad.copy_(flat[start : start + p.numel()].view_as(p))
            start += p.numel()

    def total(self, value: float) -> float:
        """Sum of a number over the processes."""
        import torch
        import torch.distributed as dist

        held = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(held)
        return float(held[0])


def ring_all_reduce(flat: torch.Tensor, rank: int, world: int) -> None:
    """Sum a flat vector over the processes in place, round a ring.

    The vector is cut in ``world`` chunks. In world − 1 steps each process adds the chunk it receives from its
    left neighbour to its own and passes it on (reduce-scatter); in as many again the finished chunks travel
    round (all-gather). A process sends 2 (w − 1)/w of the vector, whatever the number of processes.

    Source: Patarasuk & Yuan 2009.
    """
    import torch
    import torch.distributed as dist

    if world == 1:
        return
    chunks = list(torch.tensor_split(flat, world))
    right, left = (rank + 1) % world, (rank - 1) % world
    for step in range(2 * (world - 1)):
        gathering = step >= world - 1
        # a process ends the first round with the whole sum of chunk rank + 1 and passes that one on first
        sent = (rank + 1 - (step - (world - 1)) if gathering else rank - step) % world
        received = (sent - 1) % world
        buffer = torch.empty_like(chunks[received])
        work = dist.isend(chunks[sent].clone(), right)
        dist.recv(buffer, left)
        if work is not None:
            work.wait()
        if gathering:
            chunks[received].copy_(buffer)
        else:
            chunks[received].add_(buffer)

"""Synchronisation of gradients: AllReduce by the backend, a ring of our own, or a parameter server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config, Positive
from janus_trader.learning.distributed.server import SERVER, ServedParameters
from janus_trader.learning.distributed.sharding import Sharding, shard
from janus_trader.learning.distributed.transfer import flattened, spread

if TYPE_CHECKING:
    import torch

    from janus_trader.learning.training.trainer import Callback


class ReducerConfig(Config, frozen=True):
    """How gradients are summed and batches dealt out."""

    method: Annotated[
        Literal["all_reduce", "ring", "parameter_server"],
        Meta(description="sum of the gradients in every process, or in process 0 that holds the parameters"),
    ] = "all_reduce"
    sharding: Annotated[Sharding, Meta(description="rows of a batch a process computes")] = (
        Sharding.CONTIGUOUS
    )
    seed: Annotated[int, Meta(ge=0, description="of random shards")] = 0
    staleness: Annotated[
        int, Meta(ge=0, description="steps a worker may be ahead of the slowest; parameter_server only")
    ] = 0
    timeout_s: Annotated[
        Positive, Meta(description="silence after which a peer counts as lost; parameter_server only")
    ] = 300.0


class ProcessGroupReducer:
    """The default process group of torch as a `GradientReducer` of the trainer.

    All gradients travel as one flat vector. Every process ends with the same bytes: AllReduce and the ring
    both compute each element's sum in one place and copy it. With a parameter server process 0 computes no
    batch; only it records norms of gradients, and only its checkpoints hold the state of the optimiser.

    Parameters
    ----------
    config : ReducerConfig
    labels : callable (rows) -> labels, optional
        For stratified shards.

    Notes
    -----
    ``torch.distributed`` must have been initialised (`launch.Rendezvous`): gloo on CPUs, NCCL on GPUs; the
    ring uses sends and receives, which both offer. Bytes sent per process: 2 (w − 1)/w of the gradient. The
    server receives the gradient and sends the parameters once for every worker and step. The trainer is given
    `callbacks` too: with a server they pull the new parameters.

    Raises
    ------
    ConfigError
        A staleness (see `train_asynchronously`), or a server without a worker.
    """

    def __init__(
        self, config: ReducerConfig, labels: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        import torch.distributed as dist

        self.config, self._labels = config, labels
        if config.staleness:
            raise ConfigError(
                "a trainer keeps its processes in lock step",
                got=f"staleness {config.staleness}",
                expected="0",
                remedy="use train_asynchronously",
            )
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        served = config.method == "parameter_server"
        self._server = ServedParameters(self.rank, self.world, config.timeout_s) if served else None

    @property
    def callbacks(self) -> tuple[Callback, ...]:
        """What the trainer has to call after its steps."""
        return () if self._server is None else (self._server,)

    def shard(self, rows: np.ndarray) -> np.ndarray:
        """The rows of a batch that this process computes."""
        labels = self._labels(rows) if self._labels is not None else None
        config, rank, world = self.config, self.rank, self.world
        if self._server is not None:
            self._server.begin()
            if rank == SERVER:
                return rows[:0]
            rank, world = rank - 1, world - 1
        return shard(rows, rank, world, config.sharding, labels=labels, seed=config.seed)

    def reduce(self, parameters: Sequence[torch.nn.Parameter], share: float) -> None:
        """Replace each gradient by the sum over processes of ``share`` times it. O(parameters)."""
        import torch
        import torch.distributed as dist

        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = flattened([p.grad for p in parameters if p.grad is not None]) * share
        if self._server is not None:
            self._server.reduce(parameters, flat)
            return
        if self.config.method == "ring":
            ring_all_reduce(flat, self.rank, self.world)
        else:
            dist.all_reduce(flat)
        spread(flat, [p.grad for p in parameters if p.grad is not None])

    def total(self, value: float) -> float:
        """Sum of a number over the processes."""
        if self._server is not None:
            return self._server.total(value)
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

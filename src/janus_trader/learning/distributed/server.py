"""A parameter server in lock step: process 0 holds parameters and optimiser, the others compute gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.distributed.transfer import flattened, receive, send, spread
from janus_trader.learning.training.trainer import Callback

if TYPE_CHECKING:
    import torch

    from janus_trader.learning.training.trainer import Trainer

SERVER = 0


class ServedParameters(Callback):
    """What a process does at every step of a training whose parameters process 0 holds.

    A worker pushes its share of the gradient; the server adds the shares up in order of rank, clips and steps
    as if it trained alone, and as a callback hands the new parameters to every worker. A worker's optimiser
    finds no gradient, so it keeps no state and changes nothing.

    Parameters
    ----------
    rank, world : int
        Process 0 is the server; there is at least one worker.
    timeout_s : float
        Silence after which a peer counts as lost. A worker waits twice as long, so that the server, which
        knows who is missing, is the first to say so.
    """

    def __init__(self, rank: int, world: int, timeout_s: float) -> None:
        check_group(world)
        self.rank, self.world = rank, world
        self._timeout_s = timeout_s if rank == SERVER else 2.0 * timeout_s
        self._pushed = False

    def begin(self) -> None:
        """Refuse to compute with parameters that are not the server's last."""
        if self._pushed:
            raise ConfigError(
                "the parameters of the last step were not pulled",
                remedy="give the trainer the reducer's callbacks: Trainer(..., callbacks=reducer.callbacks)",
            )

    def reduce(self, parameters: Sequence[torch.nn.Parameter], flat: torch.Tensor) -> None:
        """Server: gradients become the sum of the workers'. Worker: push ``flat`` and hold no gradient."""
        import torch

        self._pushed = True
        if self.rank != SERVER:
            send(flat, SERVER, self._timeout_s)
            for p in parameters:
                p.grad = None
            return
        flat.zero_()
        part = torch.empty_like(flat)
        for worker in range(1, self.world):
            receive(part, worker, self._timeout_s)
            flat += part
        spread(flat, [p.grad for p in parameters if p.grad is not None])

    def total(self, value: float) -> float:
        """Sum of a number over the processes, by way of the server."""
        import torch

        held = torch.tensor([value], dtype=torch.float64)
        if self.rank != SERVER:
            send(held, SERVER, self._timeout_s)
            receive(held, SERVER, self._timeout_s)
            return float(held[0])
        part = torch.empty_like(held)
        for worker in range(1, self.world):
            receive(part, worker, self._timeout_s)
            held += part
        for worker in range(1, self.world):
            send(held, worker, self._timeout_s)
        return float(held[0])

    def on_step(self, trainer: Trainer, loss: float) -> None:
        """The server's parameters after its step become every worker's."""
        check_served(trainer.module)
        held = [p for p in trainer.module.parameters() if p.requires_grad]
        flat = flattened(held)
        if self.rank == SERVER:
            for worker in range(1, self.world):
                send(flat, worker, self._timeout_s)
        else:
            receive(flat, SERVER, self._timeout_s)
            spread(flat, held)
        self._pushed = False


def check_group(world: int) -> None:
    """Refuse a group that no server can serve. Raises ConfigError: no worker, or a backend other than gloo."""
    import torch.distributed as dist

    if world < 2 or dist.get_backend() != "gloo":
        raise ConfigError(
            "not a group for a parameter server",
            got=f"{world} processes over {dist.get_backend()}",
            expected="a server and at least one worker over gloo",
        )


def check_served(module: torch.nn.Module) -> None:
    """Refuse a module that learns outside of its parameters: the server computes no batch.

    Raises
    ------
    ConfigError
        It has batch normalisation that keeps statistics.
    """
    kept = [name for name, _ in module.named_buffers() if name.endswith("num_batches_tracked")]
    if kept:
        raise ConfigError(
            "a parameter server does not see the statistics of batch normalisation",
            got=", ".join(kept),
            remedy="use another normalisation, or method all_reduce or ring",
        )

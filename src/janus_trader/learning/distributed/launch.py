"""Start processes that train together, and let each find the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from janus_trader.contracts.errors import ConfigError


@dataclass(frozen=True)
class Rendezvous:
    """Where the processes of one training meet: ``file:///path`` on one machine, ``tcp://host:port`` on several.

    Use as a context: inside, ``torch.distributed`` has its default group (gloo without a GPU, NCCL with one).
    """

    address: str
    rank: int
    world: int

    def __enter__(self) -> Rendezvous:
        import torch
        import torch.distributed as dist

        if not 0 <= self.rank < self.world:
            raise ConfigError("no such process", got=f"rank {self.rank} of {self.world}")
        backend = "nccl" if torch.cuda.is_available() and torch.cuda.device_count() >= self.world else "gloo"
        dist.init_process_group(backend, init_method=self.address, rank=self.rank, world_size=self.world)
        return self

    def __exit__(self, *args: Any) -> None:
        import torch.distributed as dist

        dist.destroy_process_group()


def train_together(work: Callable[[int, int], Any], world: int, meeting: Path) -> list[Any]:
    """Run ``work(rank, world)`` in ``world`` new processes of this machine and return what each returned.

    ``work`` must be importable (a function of a module); it finds the process group ready. ``meeting`` is a
    file that does not exist yet; each process uses one thread.

    Raises
    ------
    RuntimeError
        A process failed; the others are stopped.
    """
    import concurrent.futures
    import multiprocessing

    if world < 1:
        raise ConfigError("a training needs a process", got=world, expected="world >= 1")
    address = f"file://{meeting}"
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(world, mp_context=context) as pool:
        futures = [pool.submit(_join, work, address, rank, world) for rank in range(world)]
        done, _ = concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_EXCEPTION)
        failed = next((f for f in done if f.exception() is not None), None)
        if failed is not None:
            for process in list(
                (pool._processes or {}).values()
            ):  # a peer may wait for the failed one for ever
                process.terminate()
            raise RuntimeError(f"a training process failed: {failed.exception()!r}") from failed.exception()
        return [f.result() for f in futures]


def _join(work: Callable[[int, int], Any], address: str, rank: int, world: int) -> Any:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    with Rendezvous(address, rank, world):
        return work(rank, world)

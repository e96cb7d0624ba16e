"""A parameter server without lock step: workers run ahead of each other by a bounded number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.message import Message
from janus_trader.learning.distributed.gradients import ReducerConfig
from janus_trader.learning.distributed.server import SERVER, check_group, check_served
from janus_trader.learning.distributed.sharding import shard
from janus_trader.learning.distributed.transfer import flattened, receive, send, spread
from janus_trader.learning.training.optimiser import build_optimiser
from janus_trader.learning.training.schedule import learning_rate_factor
from janus_trader.learning.training.trainer import TrainerConfig

if TYPE_CHECKING:
    import torch

    Tensors = tuple[torch.Tensor, ...]
    Loss = Callable[[torch.nn.Module, Tensors], torch.Tensor]


class ServedReport(Message, frozen=True):
    """What the server saw.

    ``losses`` is the mean loss per row of each pass, each gradient's at the parameters it was computed from;
    ``steps`` the pushes applied; ``ahead`` the largest number of steps by which a worker was let go on ahead
    of the slowest; ``stale`` the largest number of steps taken between a pull and the push computed from it.
    """

    losses: tuple[float, ...]
    steps: int
    ahead: int
    stale: int


def train_asynchronously(
    config: ReducerConfig,
    training: TrainerConfig,
    module: torch.nn.Module,
    loss: Loss,
    rows: Tensors,
    labels: Callable[[np.ndarray], np.ndarray] | None = None,
) -> ServedReport | None:
    """Train a module with the other processes of the group, each worker at its own pace.

    Process 0 holds parameters and optimiser and takes a step on every push as it comes (its learning rate
    follows the schedule over all pushes). A worker that has pushed c gradients is given parameters only when
    no other has pushed fewer than c − ``config.staleness`` (stale synchronous parallel). All processes end
    with the same parameters. What was first to arrive is not fixed by the seed, so neither are the bytes.

    Parameters
    ----------
    config : ReducerConfig
        ``method`` "parameter_server" with ``staleness`` >= 1; in lock step (0) the `Trainer` does the same.
    training : TrainerConfig
        Epochs, batches (dealt out to workers), clipping, optimiser, schedule and seed. There is no validation
        and no early stopping.
    module : torch.nn.Module
        Changed in place; the server's parameters are the ones that count.
    loss : callable (module, batch) -> scalar tensor
    rows : tuple of tensors with the same first dimension
    labels : callable (rows) -> labels, optional
        For stratified shards.

    Returns
    -------
    ServedReport or None
        None on workers.

    Raises
    ------
    ConfigError
        The configuration asks for something else, there is no worker, or the module keeps statistics.
    DataError
        There is no row, or the training diverged.
    PeerLost
        A process died, or said nothing for ``config.timeout_s``; a worker waits twice as long.

    References
    ----------
    Ho, Q. et al. (2013). More effective distributed ML via a stale synchronous parallel parameter server.
    """
    import torch.distributed as dist

    rank, world = dist.get_rank(), dist.get_world_size()
    if config.method != "parameter_server" or config.staleness < 1:
        raise ConfigError(
            "not an asynchronous training",
            got=f"{config.method}, staleness {config.staleness}",
            expected="parameter_server, staleness >= 1",
            remedy="use a Trainer with a ProcessGroupReducer for training in lock step",
        )
    check_group(world)
    lengths = {len(x) for x in rows}
    if len(lengths) != 1 or not min(lengths):
        raise DataError("the training data are no rows", got=sorted(lengths), expected="one length >= 1")
    check_served(module)
    batches = math.ceil(lengths.pop() / training.batch_size)
    if rank == SERVER:
        return _Server(config, training, module, world - 1, batches).serve()
    _work(config, training, module, loss, rows, labels, (rank - 1, world - 1))
    return None


class _Server:
    """Parameters, optimiser, and the clock of every worker."""

    def __init__(
        self,
        config: ReducerConfig,
        training: TrainerConfig,
        module: torch.nn.Module,
        workers: int,
        batches: int,
    ) -> None:
        import torch

        self._config, self._training = config, training
        self._held = [p for p in module.parameters() if p.requires_grad]
        self._optimiser = build_optimiser(self._held, training.optimiser)
        self._batches, self._each = batches, batches * training.epochs
        self._clocks, self._pulled = [0] * workers, [0] * workers
        self._waiting = set(range(workers))
        self._sums = np.zeros((training.epochs, 2))
        self._flat = flattened(self._held)
        self._header = torch.zeros(2, dtype=torch.float64)
        self._steps = self._ahead = self._stale = 0
        for p in self._held:
            p.grad = torch.zeros_like(p)

    def serve(self) -> ServedReport:
        """Take every push of every worker."""
        self._release()
        for arrived in range(len(self._clocks) * self._each):
            worker = self._receive()
            self._apply(worker, arrived)
            self._clocks[worker] += 1
            self._waiting.add(worker)
            self._release()
        return ServedReport(
            losses=tuple((self._sums[:, 0] / self._sums[:, 1]).tolist()),
            steps=self._steps,
            ahead=self._ahead,
            stale=self._stale,
        )

    def _receive(self) -> int:
        """A worker's number, its header and gradient in place."""
        timeout = self._config.timeout_s
        busy = [w + 1 for w in range(len(self._clocks)) if w not in self._waiting]
        source = receive(self._header, None, timeout, f"any of processes {busy}")
        receive(self._flat, source, timeout)
        return source - 1

    def _apply(self, worker: int, arrived: int) -> None:
        import torch

        loss, count = self._header.tolist()
        self._stale = max(self._stale, self._steps - self._pulled[worker])
        self._sums[self._clocks[worker] // self._batches] += loss * count, count
        if not count:  # the batch was smaller than the number of workers
            return
        spread(self._flat, [p.grad for p in self._held if p.grad is not None])
        limit = self._training.clip_norm or math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(self._held, limit, foreach=False))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise DataError(
                "the training diverged",
                got=f"loss {loss}, gradient norm {norm} at step {self._steps}",
                expected="finite numbers",
                remedy="lower the learning rate or the staleness",
            )
        factor = learning_rate_factor(self._training.schedule, arrived, len(self._clocks) * self._each)
        for group in self._optimiser.param_groups:
            group["lr"] = self._training.optimiser.learning_rate * factor
        self._optimiser.step()
        self._steps += 1

    def _release(self) -> None:
        """Hand parameters to workers that may go on; to those at the end only when all are."""
        slowest = min(self._clocks)
        going = [
            w
            for w in sorted(self._waiting)
            if self._clocks[w] - slowest <= (self._config.staleness if self._clocks[w] < self._each else 0)
        ]
        flat = flattened(self._held) if going else self._flat
        for worker in going:
            self._ahead = max(self._ahead, self._clocks[worker] - slowest)
            self._pulled[worker] = self._steps
            self._waiting.remove(worker)
            send(flat, worker + 1, self._config.timeout_s)


def _work(
    config: ReducerConfig,
    training: TrainerConfig,
    module: torch.nn.Module,
    loss: Loss,
    rows: Tensors,
    labels: Callable[[np.ndarray], np.ndarray] | None,
    place: tuple[int, int],
) -> None:
    """Pull, compute, push, until every batch is done; then pull what all ended with."""
    import torch

    held = [p for p in module.parameters() if p.requires_grad]
    flat, patience = flattened(held), 2.0 * config.timeout_s
    module.train()
    for step, picked in enumerate(_batches(training, len(rows[0]))):
        receive(flat, SERVER, patience)
        spread(flat, held)
        own = shard(
            picked,
            *place,
            config.sharding,
            labels=labels(picked) if labels is not None else None,
            seed=config.seed,
        )
        for p in held:
            p.grad = torch.zeros_like(p)
        value = _gradient(module, loss, rows, own, [training.seed, step, place[0]]) if len(own) else 0.0
        send(torch.tensor([value, len(own)], dtype=torch.float64), SERVER, patience)
        send(flattened([p.grad for p in held if p.grad is not None]), SERVER, patience)
    receive(flat, SERVER, patience)
    spread(flat, held)


def _gradient(
    module: torch.nn.Module, loss: Loss, rows: Tensors, own: np.ndarray, entropy: list[int]
) -> float:
    """The loss of some rows; its gradient is added to the parameters'."""
    import torch

    index = torch.from_numpy(np.ascontiguousarray(own))
    seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        value = loss(module, tuple(x[index] for x in rows))
        value.backward()
    return float(value.detach())


def _batches(training: TrainerConfig, rows: int) -> Iterator[np.ndarray]:
    """Rows of every batch, in the order of the `Trainer`."""
    for epoch in range(training.epochs):
        order = np.random.Generator(np.random.PCG64([training.seed, epoch])).permutation(rows)
        for start in range(0, rows, training.batch_size):
            yield order[start : start + training.batch_size]

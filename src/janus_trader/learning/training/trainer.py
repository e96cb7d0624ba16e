"""The training loop: shuffled mini-batches, clipping, schedule, early stopping, exact resume."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.message import Message
from janus_trader.foundation.config import Config, NonNegative
from janus_trader.learning.training.checkpoint import read_checkpoint, write_checkpoint
from janus_trader.learning.training.optimiser import OptimiserConfig, build_optimiser
from janus_trader.learning.training.schedule import ScheduleConfig, learning_rate_factor
from janus_trader.learning.training.stopping import EarlyStopping, StoppingConfig

if TYPE_CHECKING:
    import torch

    Tensors = tuple[torch.Tensor, ...]
    Loss = Callable[[torch.nn.Module, Tensors], torch.Tensor]


class TrainerConfig(Config, frozen=True):
    """Length, batches, and the constants of every part."""

    epochs: Annotated[int, Meta(ge=1, description="passes over the data")] = 20
    batch_size: Annotated[int, Meta(ge=1, description="rows of one step, over all processes")] = 64
    clip_norm: Annotated[NonNegative, Meta(description="largest norm of the gradient; 0 does not clip")] = 1.0
    seed: Annotated[int, Meta(ge=0, description="of the shuffling and of dropout")] = 0
    restore_best: Annotated[bool, Meta(description="end on the parameters of the best validation loss")] = (
        True
    )
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    stopping: StoppingConfig = StoppingConfig()


class EpochRecord(Message, frozen=True):
    """One pass: mean losses per row (validation absent where there is none), the last learning rate and the
    mean norm of the gradient before clipping."""

    epoch: int
    train_loss: float
    learning_rate: float
    gradient_norm: float
    validation_loss: float | None = None


class TrainingReport(Message, frozen=True):
    """What a training did."""

    epochs: tuple[EpochRecord, ...]
    steps: int
    best_epoch: int
    stopped_early: bool
    interrupted: bool = False


class Callback:
    """Something that watches a training. Every method may be left out."""

    def on_step(self, trainer: Trainer, loss: float) -> None:
        """After every optimiser step, with the loss of its batch."""

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """After every pass."""


class CheckpointEvery(Callback):
    """Hands a checkpoint on after every so many steps; who gets it decides where it goes."""

    def __init__(self, steps: int, sink: Callable[[bytes], None]) -> None:
        if steps < 1:
            raise ConfigError("checkpoints need a distance", got=steps, expected="at least one step")
        self._steps, self._sink = steps, sink

    def on_step(self, trainer: Trainer, loss: float) -> None:
        if trainer.step % self._steps == 0:
            self._sink(trainer.checkpoint())


class GradientReducer(Protocol):
    """Several processes that train as one: see `janus_trader.learning.distributed`."""

    rank: int
    world: int

    def shard(self, rows: np.ndarray) -> np.ndarray:
        """The rows of a batch that this process computes."""
        ...

    def reduce(self, parameters: Sequence[torch.nn.Parameter], share: float) -> None:
        """Replace each gradient by the sum over processes of ``share`` times it."""
        ...

    def total(self, value: float) -> float:
        """Sum of a number over the processes."""
        ...


class Trainer:
    """Trains one module on rows that are held in memory.

    Parameters
    ----------
    config : TrainerConfig
    module : torch.nn.Module
        Changed in place.
    loss : callable (module, batch) -> scalar tensor
        Mean loss over the rows of a batch.
    callbacks : sequence of Callback
    reducer : GradientReducer, optional
        Data parallel: every process calls `fit` with the same rows and computes its share of every batch.

    Notes
    -----
    The order of rows is a function of seed and epoch, and what dropout draws one of seed and step, so a
    training resumed from a checkpoint takes the same steps as one never stopped, to the byte. No global
    random state is left changed. A loss or gradient that is not finite stops the training with an error
    before it reaches the parameters.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Linear(1, 1, dtype=torch.float64)
    >>> x = torch.linspace(-1, 1, 64, dtype=torch.float64)[:, None]
    >>> def loss(module, batch): return torch.nn.functional.mse_loss(module(batch[0]), batch[1])
    >>> config = TrainerConfig(epochs=60, batch_size=16, optimiser=OptimiserConfig(learning_rate=0.05))
    >>> report = Trainer(config, net, loss).fit((x, 3.0 * x))
    >>> len(report.epochs), abs(float(net.weight.detach()[0, 0]) - 3.0) < 0.1
    (60, True)
    """

    def __init__(
        self,
        config: TrainerConfig,
        module: torch.nn.Module,
        loss: Loss,
        *,
        callbacks: Sequence[Callback] = (),
        reducer: GradientReducer | None = None,
    ) -> None:
        self.config, self.module, self._loss = config, module, loss
        self._callbacks, self._reducer = tuple(callbacks), reducer
        self._parameters = [p for p in module.parameters() if p.requires_grad]
        if not self._parameters:
            raise ConfigError("nothing to train", got="no parameter with a gradient", expected="at least one")
        self._optimiser = build_optimiser(self._parameters, config.optimiser)
        self._stopping = EarlyStopping(config.stopping)
        self._best: dict[str, torch.Tensor] = {}
        self._records: list[EpochRecord] = []
        self._done = False
        self.epoch, self.batch, self.step = 0, 0, 0
        self._sums = np.zeros(3)  # loss × rows, rows, gradient norms of this epoch

    # --- the loop -------------------------------------------------------------------------------------

    def fit(
        self, train: Tensors, validation: Tensors | None = None, stop: Callable[[], bool] | None = None
    ) -> TrainingReport:
        """Train to the end, from wherever this training stands.

        Parameters
        ----------
        train, validation : tuples of tensors with the same first dimension
        stop : callable, optional
            Asked before every step; True ends the call (``interrupted``), `checkpoint` then resumes it.

        Raises
        ------
        DataError
            There is no row, the tensors differ in length, or a loss or gradient is not finite.
        """
        rows = _rows(train, "training")
        if validation is not None:
            _rows(validation, "validation")
        batches = math.ceil(rows / self.config.batch_size)
        interrupted = False
        while not self._done and self.epoch < self.config.epochs:
            order = _generator(self.config.seed, self.epoch).permutation(rows)
            while self.batch < batches:
                if stop is not None and stop():
                    interrupted = True
                    return self._report(interrupted)
                size = self.config.batch_size
                self._step(train, order[self.batch * size : (self.batch + 1) * size], batches)
            self._end_epoch(validation, batches)
        if self._best and self.config.restore_best:
            self.module.load_state_dict(self._best)
        return self._report(interrupted)

    def _step(self, train: Tensors, picked: np.ndarray, batches: int) -> None:
        import torch

        config, reducer = self.config, self._reducer
        own = picked if reducer is None else reducer.shard(picked)
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate(batches)
        self.module.train()
        self._optimiser.zero_grad(set_to_none=False)
        share, value = len(own) / len(picked), 0.0
        if len(own):
            index = torch.from_numpy(np.ascontiguousarray(own))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_step_seed(config.seed, self.step))
                loss = self._loss(self.module, tuple(x[index] for x in train))
                loss.backward()
            value = share * float(loss.detach())
        if reducer is not None:
            reducer.reduce(self._parameters, share)
            value = reducer.total(value)
        norm = self._clip()
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise DataError(
                "the training diverged",
                got=f"loss {value}, gradient norm {norm} at step {self.step}",
                expected="finite numbers",
                remedy="lower the learning rate, or look for what is not finite in the data",
            )
        self._optimiser.step()
        self._sums += value * len(picked), len(picked), norm
        self.step += 1
        self.batch += 1
        for callback in self._callbacks:
            callback.on_step(self, value)

    def _rate(self, batches: int) -> float:
        total = self.config.epochs * batches
        factor = learning_rate_factor(self.config.schedule, self.step, total)
        return self.config.optimiser.learning_rate * factor

    def _clip(self) -> float:
        """Norm of the gradient; longer than the limit it is scaled down to it."""
        import torch

        squares = [p.grad.detach().pow(2).sum().double() for p in self._parameters if p.grad is not None]
        norm = math.sqrt(float(torch.stack(squares).sum())) if squares else 0.0
        limit = self.config.clip_norm
        if limit > 0.0 and math.isfinite(norm) and norm > limit:
            for p in self._parameters:
                if p.grad is not None:
                    p.grad.mul_(limit / norm)
        return norm

    def _end_epoch(self, validation: Tensors | None, batches: int) -> None:
        loss = self.evaluate(validation) if validation is not None else None
        total, rows, norms = self._sums.tolist()
        record = EpochRecord(
            epoch=self.epoch,
            train_loss=total / rows,
            validation_loss=loss,
            learning_rate=float(self._optimiser.param_groups[0]["lr"]),
            gradient_norm=norms / batches,
        )
        self._records.append(record)
        judged = record.train_loss if loss is None else loss
        before = self._stopping.best_epoch
        self._done = self._stopping.update(judged)
        if self._stopping.best_epoch != before and loss is not None and self.config.restore_best:
            self._best = {k: v.detach().clone() for k, v in self.module.state_dict().items()}
        self._sums[:] = 0.0
        self.epoch, self.batch = self.epoch + 1, 0
        for callback in self._callbacks:
            callback.on_epoch(self, record)

    def evaluate(self, rows: Tensors) -> float:
        """Mean loss over rows, without dropout and without gradient."""
        import torch

        count, size, total = _rows(rows, "validation"), self.config.batch_size, 0.0
        self.module.eval()
        with torch.no_grad():
            for start in range(0, count, size):
                batch = tuple(x[start : start + size] for x in rows)
                total += float(self._loss(self.module, batch)) * len(batch[0])
        return total / count

    def _report(self, interrupted: bool) -> TrainingReport:
        return TrainingReport(
            epochs=tuple(self._records),
            steps=self.step,
            best_epoch=self._stopping.best_epoch,
            stopped_early=self._done,
            interrupted=interrupted,
        )

    # --- checkpoints ----------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """Everything that the next step depends on, as safetensors bytes with metadata. O(parameters)."""
        tensors = {f"module/{k}": v for k, v in self.module.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self._best.items()}
        plain: dict[str, Any] = {}
        for index, state in self._optimiser.state_dict()["state"].items():
            for key, value in state.items():
                if hasattr(value, "detach"):
                    tensors[f"optimiser/{index}/{key}"] = value
                elif value is not None:
                    plain[f"{index}/{key}"] = value
        metadata = {
            "config": self.config.fingerprint,
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "done": self._done,
            "sums": self._sums.tolist(),
            "stopping": {k: v if math.isfinite(v) else None for k, v in self._stopping.state().items()},
            "records": [
                [r.epoch, r.train_loss, r.learning_rate, r.gradient_norm, r.validation_loss]
                for r in self._records
            ],
            "optimiser": plain,
        }
        return write_checkpoint(tensors, metadata)

    def resume(self, raw: bytes) -> None:
        """Stand where `checkpoint` stood.

        Raises
        ------
        IntegrityError
            The checkpoint is damaged, of another configuration or of another module.
        """
        tensors, metadata = read_checkpoint(raw)
        if metadata["config"] != self.config.fingerprint:
            raise IntegrityError(
                "a checkpoint of another training",
                got=metadata["config"][:16],
                expected=self.config.fingerprint[:16],
                remedy="resume with the configuration it was begun with",
            )
        parts: dict[str, dict[str, torch.Tensor]] = {"module": {}, "best": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            part, key = name.split("/", 1)
            parts[part][key] = tensor
        try:
            self.module.load_state_dict(parts["module"])
        except RuntimeError as error:
            raise IntegrityError("a checkpoint of another module", got=str(error)) from error
        self._best = parts["best"]
        self._load_optimiser(parts["optimiser"], metadata["optimiser"])
        stopping = {k: math.inf if v is None else v for k, v in metadata["stopping"].items()}
        self._stopping.load(stopping)
        names = ("epoch", "train_loss", "learning_rate", "gradient_norm", "validation_loss")
        self._records = [EpochRecord(**dict(zip(names, r, strict=True))) for r in metadata["records"]]
        self.epoch, self.batch, self.step = metadata["epoch"], metadata["batch"], metadata["step"]
        self._done, self._sums = bool(metadata["done"]), np.array(metadata["sums"])

    def _load_optimiser(self, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> None:
        tree = self._optimiser.state_dict()
        state: dict[int, dict[str, Any]] = {}
        for name, value in {**tensors, **plain}.items():
            index, key = name.split("/", 1)
            state.setdefault(int(index), {})[key] = value
        self._optimiser.load_state_dict({"state": state, "param_groups": tree["param_groups"]})


def _rows(tensors: Tensors, what: str) -> int:
    lengths = {len(x) for x in tensors}
    if len(lengths) != 1 or not next(iter(lengths)):
        raise DataError(
            f"the {what} data are no rows", got=sorted(lengths), expected="tensors of one length >= 1"
        )
    return lengths.pop()


def _generator(seed: int, epoch: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, epoch]))


def _step_seed(seed: int, step: int) -> int:
    """A seed for torch that differs for every step, and not only in its low bits."""
    digest = hashlib.sha256(f"{seed}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1

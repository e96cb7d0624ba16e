"""One small training, as a single process and as one of several."""

from __future__ import annotations

import numpy as np
import torch

from janus_trader.learning.distributed import ProcessGroupReducer, ReducerConfig, split_shards
from janus_trader.learning.distributed.gradients import ring_all_reduce
from janus_trader.learning.training import OptimiserConfig, ScheduleConfig, Trainer, TrainerConfig

SIZES = (1, 2, 3, 8, 1001)
CONFIG = TrainerConfig(
    epochs=3,
    batch_size=25,  # odd, and the last batch shorter still: shards of unequal length
    clip_norm=0.5,
    schedule=ScheduleConfig(kind="cosine", warmup_steps=2),
    optimiser=OptimiserConfig(learning_rate=0.02),
)


def rows():
    generator = np.random.default_rng(3)
    x = generator.normal(size=(90, 4))
    return torch.from_numpy(x), torch.from_numpy(np.sin(x @ [1.0, -1.0, 0.5, 0.2]))


def module():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(4, 7), torch.nn.Tanh(), torch.nn.Linear(7, 1)).double()


def loss(net, batch):
    return torch.nn.functional.mse_loss(net(batch[0])[:, 0], batch[1])


def train(reducer=None, stop_after=None, resume=None):
    """Loss curve, parameters and checkpoint."""
    trainer = Trainer(CONFIG, module(), loss, reducer=reducer)
    if resume is not None:
        trainer.resume(resume)
    stop = None if stop_after is None else (lambda: trainer.step == stop_after)
    report = trainer.fit(rows(), rows(), stop=stop)
    weights = torch.cat([p.detach().reshape(-1) for p in trainer.module.parameters()]).numpy()
    curve = [(r.train_loss, r.validation_loss) for r in report.epochs]
    return curve, weights, trainer.checkpoint()


def member(settings, rank, world):
    """What one of several processes sees of each training, of one stopped half way, and of some rings."""
    trainings = []
    for chosen in settings:
        reducer = ProcessGroupReducer(ReducerConfig(**chosen), lambda picked: picked % 3)
        curve, weights, raw = train(reducer)
        trainings.append((curve, weights, split_shards(raw, world)[rank]))
    stopped = train(ProcessGroupReducer(ReducerConfig()), stop_after=5)[2]
    return trainings, stopped, ring_member(rank, world)


def ring_member(rank, world):
    """A planted vector of several lengths after the ring has summed it."""
    out = []
    for size in SIZES:
        flat = torch.arange(size, dtype=torch.float64) * (rank + 1) + rank
        ring_all_reduce(flat, rank, world)
        out.append(flat.numpy())
    return out


def failing_member(rank, world):
    if rank == 1:
        raise ValueError("planted")
    ring_all_reduce(torch.zeros(3), rank, world)

"""One small training, as a single process and as one of several."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import torch

from janus_trader.learning.distributed import (
    ProcessGroupReducer,
    ReducerConfig,
    Rendezvous,
    split_shards,
    train_asynchronously,
)
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
    callbacks = () if reducer is None else reducer.callbacks
    trainer = Trainer(CONFIG, module(), loss, reducer=reducer, callbacks=callbacks)
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


def served_member(settings, rank, world):
    """Trainings whose parameters process 0 holds, one of them stopped half way."""
    trainings = []
    for chosen in settings:
        reducer = ProcessGroupReducer(
            ReducerConfig(method="parameter_server", **chosen), lambda picked: picked % 3
        )
        trainings.append(train(reducer))
    stopped = train(ProcessGroupReducer(ReducerConfig(method="parameter_server")), stop_after=5)[2]
    return trainings, stopped


def refused_member(rank, world):
    """What a group's processes are told about settings that cannot be."""
    told = []
    served = {"method": "parameter_server"}
    normalised = torch.nn.Sequential(torch.nn.Linear(4, 1), torch.nn.BatchNorm1d(1)).double()
    attempts = [
        lambda: ProcessGroupReducer(ReducerConfig(**served, staleness=2)),
        lambda: train_asynchronously(ReducerConfig(**served), CONFIG, module(), loss, rows()),
        lambda: train_asynchronously(ReducerConfig(staleness=2), CONFIG, module(), loss, rows()),
        lambda: train_asynchronously(ReducerConfig(**served, staleness=2), CONFIG, normalised, loss, rows()),
    ]
    if world == 1:
        attempts = [lambda: ProcessGroupReducer(ReducerConfig(**served))]
    for attempt in attempts:
        try:
            attempt()
        except Exception as error:
            told.append(f"{type(error).__name__}: {error}")
    if world > 1:  # a trainer that was not given the callbacks
        trainer = Trainer(CONFIG, module(), loss, reducer=ProcessGroupReducer(ReducerConfig(**served)))
        try:
            trainer.fit(rows())
        except Exception as error:
            told.append(f"{type(error).__name__}: {error}")
    return told


LINE = TrainerConfig(
    epochs=12,
    batch_size=30,
    schedule=ScheduleConfig(kind="constant"),
    optimiser=OptimiserConfig(learning_rate=0.02, weight_decay=0.0),
)


def lines_member(bounds, delay_s, rank, world):
    return [line(staleness, delay_s, rank, world) for staleness in bounds]


def line(staleness, delay_s, rank, world):
    """A regression line of known slopes, learned asynchronously; the last worker is slow."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(300, 4))
    data = torch.from_numpy(x), torch.from_numpy(x @ [1.0, -1.0, 0.5, 0.2] + 0.3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rank)  # workers begin with the server's parameters, not with theirs
        net = torch.nn.Linear(4, 1).double()

    def slow_loss(net, batch):
        if rank == world - 1:
            time.sleep(delay_s)
        return loss(net, batch)

    config = ReducerConfig(method="parameter_server", staleness=staleness, sharding="random")
    report = train_asynchronously(config, LINE, net, slow_loss, data)
    return report, torch.cat([p.detach().reshape(-1) for p in net.parameters()]).numpy()


def dying_member(address, how, staleness, rank, world, told):
    """One of three processes of which the last dies, or falls silent, in the middle of its third batch."""
    torch.set_num_threads(1)
    seen = 0

    def fatal_loss(net, batch):
        nonlocal seen
        seen += 1
        if rank == world - 1 and seen == 3:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(600)
        return loss(net, batch)

    config = ReducerConfig(method="parameter_server", staleness=staleness, timeout_s=2.0)
    with Rendezvous(address, rank, world):
        begun = time.monotonic()
        try:
            if staleness:
                train_asynchronously(config, CONFIG, module(), fatal_loss, rows())
            else:
                reducer = ProcessGroupReducer(config)
                Trainer(CONFIG, module(), fatal_loss, reducer=reducer, callbacks=reducer.callbacks).fit(
                    rows()
                )
            told.put((rank, "ended", "", 0.0))
        except Exception as error:
            told.put((rank, type(error).__name__, str(error), time.monotonic() - begun))

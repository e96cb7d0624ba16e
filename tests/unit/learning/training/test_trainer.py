import numpy as np
import pytest
import torch

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.config import build
from janus_trader.learning.training import (
    Callback,
    CheckpointEvery,
    OptimiserConfig,
    ScheduleConfig,
    StoppingConfig,
    Trainer,
    TrainerConfig,
    read_checkpoint,
    write_checkpoint,
)


def network(seed=0, dropout=0.2):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Dropout(dropout), torch.nn.Linear(8, 1)
        ).double()


def loss(module, batch):
    return torch.nn.functional.mse_loss(module(batch[0])[:, 0], batch[1])


def rows(n=100, seed=1):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3))
    return torch.from_numpy(x), torch.from_numpy(np.tanh(x @ [1.0, -2.0, 0.5]))


CONFIG = TrainerConfig(
    epochs=4,
    batch_size=16,
    schedule=ScheduleConfig(kind="cosine", warmup_steps=3),
    optimiser=OptimiserConfig(learning_rate=0.01),
)


def parameters(module):
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


@pytest.mark.parametrize("optimiser", [OptimiserConfig(), OptimiserConfig(kind="sgd", nesterov=True)])
def test_a_plain_loop_takes_the_same_steps(optimiser):
    config = CONFIG.replace(clip_norm=0.5, restore_best=False, optimiser=optimiser)
    ours, theirs, data = network(dropout=0.0), network(dropout=0.0), rows()
    Trainer(config, ours, loss).fit(data)
    make = {
        "adamw": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01),
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, weight_decay=0.01, nesterov=True),
    }[optimiser.kind]
    reference = make(theirs.parameters())
    total, step = 4 * 7, 0
    for epoch in range(4):
        order = np.random.Generator(np.random.PCG64([0, epoch])).permutation(100)
        for start in range(0, 100, 16):
            picked = torch.from_numpy(order[start : start + 16])
            factor = (step + 1) / 3 if step < 3 else 0.5 * (1 + np.cos(np.pi * (step - 3) / (total - 3)))
            for group in reference.param_groups:
                group["lr"] = 1e-3 * factor
            reference.zero_grad()
            loss(theirs, (data[0][picked], data[1][picked])).backward()
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
            reference.step()
            step += 1
    assert torch.allclose(parameters(ours), parameters(theirs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
@pytest.mark.parametrize("after", [1, 6, 9, 20])
def test_a_resumed_training_is_the_training_never_stopped(kind, after):
    config = CONFIG.replace(optimiser=OptimiserConfig(kind=kind, learning_rate=0.01))
    data, held = rows(), rows(30, 2)
    whole = network()
    report = Trainer(config, whole, loss).fit(data, held)

    taken = []
    first = Trainer(config, network(), loss)
    interrupted = first.fit(data, held, stop=lambda: first.step == after)
    assert interrupted.interrupted
    assert interrupted.steps == after
    taken.append(first.checkpoint())

    second = Trainer(config, network(seed=9), loss)
    second.resume(taken[0])
    assert second.checkpoint() == taken[0]
    resumed = second.fit(data, held)
    assert resumed == report
    assert torch.equal(parameters(second.module), parameters(whole))


def test_the_same_seed_is_the_same_bytes_and_global_randomness_is_left_alone():
    torch.manual_seed(77)
    before = torch.random.get_rng_state()
    raw = []
    for _ in range(2):
        trainer = Trainer(CONFIG, network(), loss)
        trainer.fit(rows())
        raw.append(trainer.checkpoint())
    assert raw[0] == raw[1]
    assert torch.equal(torch.random.get_rng_state(), before)
    other = Trainer(CONFIG.replace(seed=1), network(), loss)
    other.fit(rows())
    assert other.checkpoint() != raw[0]


def test_dropout_draws_anew_at_every_step():
    seen = []

    class Watch(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(50, dtype=torch.float64))

        def forward(self, x):
            mask = torch.nn.functional.dropout(torch.ones(50, dtype=torch.float64), 0.5, self.training)
            seen.append(mask)
            return (x * self.weight * mask).sum(1)

    x = torch.ones(8, 50, dtype=torch.float64)
    config = TrainerConfig(epochs=2, batch_size=8)
    Trainer(config, Watch(), lambda m, b: m(b[0]).square().mean()).fit((x,))
    assert not torch.equal(seen[0], seen[1])


def test_early_stopping_goes_back_to_the_best_epoch():
    """Held-back labels that are noise: the best validation loss comes early, and its parameters are kept."""
    generator = np.random.default_rng(5)
    x = torch.from_numpy(generator.normal(size=(24, 3)))
    y = torch.from_numpy(generator.normal(size=24))
    held = (torch.from_numpy(generator.normal(size=(24, 3))), torch.from_numpy(generator.normal(size=24)))
    config = TrainerConfig(
        epochs=400,
        batch_size=8,
        optimiser=OptimiserConfig(learning_rate=0.02),
        stopping=StoppingConfig(patience=10),
    )
    trainer = Trainer(config, network(dropout=0.0), loss)
    report = trainer.fit((x, y), held)
    losses = [r.validation_loss for r in report.epochs]
    assert report.stopped_early
    assert len(losses) < 400
    assert report.best_epoch == int(np.argmin(losses)) == len(losses) - 11
    assert trainer.evaluate(held) == pytest.approx(min(losses), abs=1e-12)


def test_clipping_bounds_the_first_step_of_sgd():
    config = TrainerConfig(
        epochs=1,
        batch_size=100,
        clip_norm=0.1,
        schedule=ScheduleConfig(kind="constant"),
        optimiser=OptimiserConfig(kind="sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0),
    )
    module = network(dropout=0.0)
    before = parameters(module)
    x, y = rows()
    Trainer(config, module, loss).fit((x, 1000.0 * y))
    assert float((parameters(module) - before).norm()) == pytest.approx(0.1, rel=1e-9)


def test_a_loss_that_is_not_finite_never_reaches_the_parameters():
    x, y = rows()
    y[17] = float("nan")
    module = network()
    with pytest.raises(DataError, match="diverged"):
        Trainer(TrainerConfig(epochs=1, batch_size=100), module, loss).fit((x, y))
    assert torch.isfinite(parameters(module)).all()


@pytest.mark.parametrize("bad", [(), (torch.zeros(0, 3),), (torch.zeros(3), torch.zeros(2))])
def test_data_that_are_no_rows_are_refused(bad):
    with pytest.raises(DataError, match="no rows"):
        Trainer(CONFIG, network(), loss).fit(bad)


def test_a_module_without_parameters_is_refused():
    with pytest.raises(ConfigError, match="nothing to train"):
        Trainer(CONFIG, torch.nn.Tanh(), loss)


def test_callbacks_see_every_step_and_epoch():
    seen, kept = [], []

    class Watch(Callback):
        def on_step(self, trainer, loss):
            seen.append(("step", trainer.step))

        def on_epoch(self, trainer, record):
            seen.append(("epoch", record.epoch))

    config = TrainerConfig(epochs=2, batch_size=50)
    Trainer(config, network(), loss, callbacks=[Watch(), CheckpointEvery(3, kept.append)]).fit(rows())
    assert seen == [
        ("step", 1),
        ("step", 2),
        ("epoch", 0),
        ("step", 3),
        ("step", 4),
        ("epoch", 1),
    ]
    assert len(kept) == 1
    assert read_checkpoint(kept[0])[1]["step"] == 3


def test_a_checkpoint_of_another_training_is_refused():
    trainer = Trainer(CONFIG, network(), loss)
    raw = trainer.checkpoint()
    with pytest.raises(IntegrityError, match="another training"):
        Trainer(CONFIG.replace(seed=5), network(), loss).resume(raw)
    with pytest.raises(IntegrityError, match="another module"):
        Trainer(CONFIG, torch.nn.Linear(2, 2), loss).resume(raw)


def test_a_damaged_checkpoint_is_refused_at_every_byte_of_its_tensors():
    raw = write_checkpoint({"w": torch.arange(4.0)}, {"step": 1})
    body = len(raw) - 16
    for at in (body, body + 7, len(raw) - 1):
        broken = bytearray(raw)
        broken[at] ^= 1
        with pytest.raises(IntegrityError):
            read_checkpoint(bytes(broken))
    for other in (b"", b"nonsense", raw[: len(raw) // 2]):
        with pytest.raises(IntegrityError):
            read_checkpoint(other)


def test_a_configuration_out_of_range_is_refused_with_its_path():
    with pytest.raises(ConfigError, match="learning_rate"):
        build(TrainerConfig, [{"optimiser": {"learning_rate": -1.0}}])

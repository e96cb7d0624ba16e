"""Training of a vision model on paths and what came after them."""

from __future__ import annotations

import numpy as np
import torch

from janus_trader.learning.training.optimiser import OptimiserConfig
from janus_trader.learning.training.schedule import ScheduleConfig
from janus_trader.learning.training.stopping import StoppingConfig
from janus_trader.learning.training.threads import one_torch_thread
from janus_trader.learning.training.trainer import Trainer, TrainerConfig, TrainingReport
from janus_trader.learning.vision.architecture import FitConfig, Kind, Parameters, VisionConfig
from janus_trader.learning.vision.model import VisionModel
from janus_trader.learning.vision.pipeline import build_model


def likelihood_loss(module: torch.nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    r"""Mean negative log likelihood of payoffs under the predicted normal law, each sample by its weight.

    .. math:: \ell = \tfrac{w}{2}\left(\frac{(y - \mu)^2}{\sigma^2} + \log\sigma^2\right)
    """
    paths, payoff, weight = batch
    seen = module(paths)
    error = ((payoff - seen.mean) / seen.deviation) ** 2
    return (weight * (0.5 * error + torch.log(seen.deviation))).mean()


def fit(
    kind: Kind,
    config: VisionConfig,
    start: Parameters,
    paths: np.ndarray,
    payoff: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    fitting: FitConfig | None = None,
    seed: int = 0,
) -> tuple[Parameters, TrainingReport]:
    """Parameters after training from ``start`` on paths (B, span) and their payoffs (B,).

    Same input and seed give the same parameters on one machine, whatever was drawn elsewhere.

    Raises
    ------
    DataError
        There is no sample, or the training diverged.
    """
    wish = FitConfig() if fitting is None else fitting
    model = build_model(kind, config, seed=0)
    model.adopt(start)
    trainer = Trainer(
        TrainerConfig(
            epochs=wish.epochs,
            batch_size=wish.batch_size,
            clip_norm=wish.clip_norm,
            seed=seed,
            optimiser=OptimiserConfig(learning_rate=wish.learning_rate, weight_decay=wish.weight_decay),
            schedule=ScheduleConfig(),
            stopping=StoppingConfig(),
        ),
        model,
        likelihood_loss,
    )
    weights = np.ones(len(payoff)) if weight is None else weight
    near = (paths - paths[:, -1:]).astype(np.float32)
    rows = (near, np.asarray(payoff, np.float32), np.asarray(weights, np.float32))
    with one_torch_thread():
        report = trainer.fit(tuple(torch.from_numpy(x) for x in rows))
    return model.tree(), report


def trained_model(kind: Kind, config: VisionConfig, parameters: Parameters) -> VisionModel:
    """The torch module with these parameters, in evaluation mode."""
    model = build_model(kind, config).eval()
    model.adopt(parameters)
    return model

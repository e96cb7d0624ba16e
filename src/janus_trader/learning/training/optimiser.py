"""Optimisers of torch modules by configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from janus_trader.foundation.config import Config, Fraction, NonNegative, Positive

if TYPE_CHECKING:
    import torch


class OptimiserConfig(Config, frozen=True):
    """Which optimiser, and its constants."""

    kind: Annotated[Literal["adamw", "sgd"], Meta(description="optimiser")] = "adamw"
    learning_rate: Annotated[Positive, Meta(description="before the schedule's factor")] = 1e-3
    weight_decay: Annotated[
        NonNegative, Meta(description="decoupled for adamw, L2 in the gradient for sgd")
    ] = 0.01
    beta1: Annotated[Fraction, Meta(description="adamw: decay of the first moment")] = 0.9
    beta2: Annotated[Fraction, Meta(description="adamw: decay of the second moment")] = 0.999
    epsilon: Annotated[Positive, Meta(description="adamw: added to the root of the second moment")] = 1e-8
    momentum: Annotated[Fraction, Meta(description="sgd: momentum")] = 0.9
    nesterov: Annotated[bool, Meta(description="sgd: look ahead along the momentum")] = False


def build_optimiser(
    parameters: Iterable[torch.nn.Parameter], config: OptimiserConfig
) -> torch.optim.Optimizer:
    """The optimiser over some parameters.

    Plain loops over parameters (``foreach=False``): the order of operations does not depend on how tensors
    happen to be grouped, so training is the same bytes on one class of CPU.
    """
    import torch

    if config.kind == "adamw":
        return torch.optim.AdamW(
            parameters,
            lr=config.learning_rate,
            betas=(config.beta1, config.beta2),
            eps=config.epsilon,
            weight_decay=config.weight_decay,
            foreach=False,
        )
    return torch.optim.SGD(
        parameters,
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.nesterov,
        foreach=False,
    )

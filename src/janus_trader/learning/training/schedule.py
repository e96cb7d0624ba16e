"""Learning-rate schedules as pure functions of the step."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config, Fraction


class ScheduleConfig(Config, frozen=True):
    """How the learning rate moves over the steps of one training."""

    kind: Annotated[
        Literal["constant", "cosine", "step", "exponential"], Meta(description="shape after the warm-up")
    ] = "cosine"
    warmup_steps: Annotated[int, Meta(ge=0, description="steps of linear rise from 0")] = 0
    floor: Annotated[Fraction, Meta(description="smallest factor; cosine ends on it")] = 0.0
    every: Annotated[int, Meta(ge=1, description="steps between two drops of `step`")] = 1000
    decay: Annotated[
        float, Meta(gt=0.0, le=1.0, description="factor of a drop (`step`) or of one step (`exponential`)")
    ] = 0.1


def learning_rate_factor(config: ScheduleConfig, step: int, total_steps: int) -> float:
    r"""Factor on the base learning rate at one step, in [0, 1].

    With :math:`w` warm-up steps, :math:`u = (t - w)/(T - w)` clipped to [0, 1] and floor :math:`f`:

    .. math:: \text{cosine: } f + (1 - f)\tfrac12(1 + \cos \pi u), \quad
        \text{step: } d^{\lfloor (t-w)/e \rfloor}, \quad \text{exponential: } d^{\,t-w}

    and :math:`(t + 1)/w` during the warm-up. Every shape is bounded below by the floor after the warm-up.

    Parameters
    ----------
    config : ScheduleConfig
    step : int
        Number of optimiser steps taken before this one, >= 0.
    total_steps : int
        Steps of the whole training, > warmup_steps for ``cosine``.

    Raises
    ------
    ConfigError
        The step is negative, or a cosine has no step left after its warm-up.

    Examples
    --------
    >>> cosine = ScheduleConfig(kind="cosine", warmup_steps=2)
    >>> [round(learning_rate_factor(cosine, t, 6), 3) for t in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]

    Source: Loshchilov & Hutter 2017 (SGDR) without restarts.
    """
    if step < 0 or (config.kind == "cosine" and total_steps <= config.warmup_steps):
        raise ConfigError(
            "the schedule has no such step",
            got=f"step {step} of {total_steps}, warm-up {config.warmup_steps}",
            expected="step >= 0 and more steps than the warm-up takes",
        )
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    late = step - config.warmup_steps
    if config.kind == "cosine":
        share = min(1.0, late / (total_steps - config.warmup_steps))
        return config.floor + (1.0 - config.floor) * 0.5 * (1.0 + math.cos(math.pi * share))
    if config.kind == "step":
        return max(config.floor, config.decay ** (late // config.every))
    if config.kind == "exponential":
        return max(config.floor, config.decay**late)
    return 1.0

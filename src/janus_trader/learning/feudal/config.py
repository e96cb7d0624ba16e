"""Configuration of the feudal hierarchy; imports no torch."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.foundation.config import Config, Count, Fraction, NonNegative, Positive


class FeudalConfig(Config, frozen=True):
    """Sizes and training of manager and worker (FuN, Vezhnevets et al. 2017)."""

    horizon: Annotated[int, Meta(ge=1, le=256, description="c: steps a goal is in force")] = 5
    dilation: Annotated[Count, Meta(description="groups of the manager's dilated LSTM")] = 4
    manager_units: Count = 32
    worker_units: Count = 32
    goal_units: Annotated[Count, Meta(description="k: width of the goal as the worker sees it")] = 8
    intrinsic_weight: Annotated[
        NonNegative, Meta(description="alpha: intrinsic against extrinsic reward")
    ] = 0.5
    explore: Annotated[Fraction, Meta(description="share of goals drawn at random")] = 0.3
    manager_discount: Fraction = 0.98
    worker_discount: Fraction = 0.8
    entropy: Annotated[NonNegative, Meta(description="weight of the worker's entropy")] = 0.05
    learning_rate: Positive = 5e-3
    clip_norm: Positive = 1.0

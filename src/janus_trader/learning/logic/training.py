"""How much a task and the logic count in training, in plain numbers for compiled learners and torch alike."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config, Fraction, NonNegative


class HybridSchedule(Config, frozen=True):
    r"""Weights of the task's loss and of the logical loss ``1 − SAT`` (specification eq. 27), by epoch.

    Mixed form: :math:`\alpha L_\text{task} + (1 - \alpha) L_\text{logic}`, with α falling in steps so that the
    rules count more once the task is roughly learned. Additive form, where ``additive`` is set:
    :math:`L_\text{task} + \lambda L_\text{logic}`, :math:`\lambda \ge 0`. ``1 − SAT`` lies in [0, 1] in both.

    >>> [HybridSchedule().weights(e)[0] for e in (0, 20, 21, 60, 61)]
    [0.8, 0.8, 0.5, 0.5, 0.3]
    >>> HybridSchedule(additive=True, logic_weight=2.0).loss(1.0, 0.25, epoch=0)
    1.5
    """

    first: Annotated[Fraction, Meta(description="α up to first_until")] = 0.8
    first_until: Annotated[int, Meta(ge=0, description="last epoch of the first step, from 0")] = 20
    second: Annotated[Fraction, Meta(description="α up to second_until")] = 0.5
    second_until: Annotated[int, Meta(ge=0, description="last epoch of the second step")] = 60
    last: Annotated[Fraction, Meta(description="α afterwards")] = 0.3
    additive: bool = False
    logic_weight: Annotated[NonNegative, Meta(description="λ of the additive form")] = 0.5

    def __post_init__(self) -> None:
        if self.first_until > self.second_until:
            raise ConfigError(
                "the steps of the schedule are not ordered",
                got=f"first_until={self.first_until}, second_until={self.second_until}",
                expected="first_until <= second_until",
            )

    def weights(self, epoch: int) -> tuple[float, float]:
        """Factors of the task's loss (and gradient) and of the logical one at an epoch, from 0."""
        if self.additive:
            return 1.0, self.logic_weight
        step = self.first if epoch <= self.first_until else self.last
        alpha = self.second if self.first_until < epoch <= self.second_until else step
        return alpha, 1.0 - alpha

    def loss(self, task: float, logical: float, epoch: int) -> float:
        """The whole loss of an epoch."""
        by_task, by_logic = self.weights(epoch)
        return by_task * task + by_logic * logical

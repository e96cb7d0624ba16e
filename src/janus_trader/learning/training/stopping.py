"""Early stopping: when the validation loss has not improved for some epochs."""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta

from janus_trader.foundation.config import Config, NonNegative


class StoppingConfig(Config, frozen=True):
    """Patience of the training."""

    patience: Annotated[int, Meta(ge=0, description="epochs without improvement; 0 never stops")] = 0
    min_delta: Annotated[NonNegative, Meta(description="what counts as an improvement")] = 0.0


class EarlyStopping:
    """Counts epochs since the best validation loss. A loss that is not finite is never an improvement.

    >>> stopping = EarlyStopping(StoppingConfig(patience=2))
    >>> [stopping.update(loss) for loss in (1.0, 0.9, 0.95, float("nan"))]
    [False, False, False, True]
    >>> stopping.best, stopping.best_epoch
    (0.9, 1)
    """

    def __init__(self, config: StoppingConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """No epoch yet."""
        self.best, self.best_epoch, self.epochs = math.inf, -1, 0

    def update(self, loss: float) -> bool:
        """Take in the validation loss of one epoch; whether to stop now."""
        if loss < self.best - self.config.min_delta or (math.isfinite(loss) and self.best_epoch < 0):
            self.best, self.best_epoch = loss, self.epochs
        self.epochs += 1
        patience = self.config.patience
        return patience > 0 and self.epochs - 1 - self.best_epoch >= patience

    def state(self) -> dict[str, float]:
        """Counters as plain numbers."""
        return {"best": self.best, "best_epoch": self.best_epoch, "epochs": self.epochs}

    def load(self, state: dict[str, float]) -> None:
        """Inverse of `state`."""
        self.best = float(state["best"])
        self.best_epoch, self.epochs = int(state["best_epoch"]), int(state["epochs"])

"""The nightly learner of a vision model: images of the past days and what came after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.brain.visual_cortex.history import CloseHistory
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.learning.vision import CompiledVision, FitConfig, Kind, Parameters, VisionConfig


class VisionLearningConfig(Config, frozen=True):
    """How a deep night trains the vision model."""

    memory: Annotated[int, Meta(ge=16, le=100_000, description="bars whose images can be recalled")] = 2048
    samples: Annotated[Count, Meta(description="images of a night's training, drawn from all recalled")] = 768
    min_samples: Annotated[Count, Meta(description="images needed to train at all")] = 128
    judged: Annotated[Count, Meta(description="images a candidate is judged on at most")] = 512
    clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 3.0
    fit: FitConfig = FitConfig(epochs=2, learning_rate=1e-3)


class VisionLearner:
    """Trains one vision model at deep nights to expect the payoff that followed an image.

    The target is the episode's payoff per unit of long position, in volatilities, clipped. Parameters are
    the model's plain tree of arrays. Training starts from the parameters in force.

    Parameters
    ----------
    config : VisionLearningConfig
    vision : VisionConfig
    kind : {"diffgaf_lstm", "vivit"}
    start : dict of arrays
        Parameters before any night.
    history : CloseHistory
        Where the images of past decisions are drawn from.
    adopted : callable
        Told whenever parameters come into force.
    """

    deep_only = True

    def __init__(
        self,
        config: VisionLearningConfig,
        vision: VisionConfig,
        kind: Kind,
        start: Parameters,
        history: CloseHistory,
        adopted: Callable[[Parameters], None],
    ) -> None:
        self.config, self.vision, self.kind = config, vision, kind
        self.name = f"vision_{kind}"
        self._start, self._history, self._adopted = start, history, adopted
        self._parameters = start

    def reset(self) -> None:
        """Back to the start values."""
        self.adopt(self._start)

    def parameters(self) -> Parameters:
        """The parameters in force."""
        return self._parameters

    def adopt(self, parameters: Parameters) -> None:
        """Put parameters in force."""
        self._adopted(parameters)
        self._parameters = parameters

    def _images(self, episodes: Sequence[Episode]) -> tuple[Episodes, np.ndarray, np.ndarray, np.ndarray]:
        """Episodes as columns; row, instrument and count of closes of every image that can be drawn."""
        batch = Episodes.of(episodes)
        counts, known = self._history.recall(batch.ts_event)
        rows, instruments = np.nonzero(known[:, None] & self._history.usable(counts))
        return batch, rows, instruments, counts[rows, instruments]

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> Parameters | None:
        """Parameters after training on images of the episodes; None where too few can be drawn.

        O(samples · epochs) images; about a second by default.
        """
        if not train:
            return None
        config = self.config
        batch, rows, instruments, counts = self._images(train)
        if len(rows) < config.min_samples:
            return None
        if len(rows) > config.samples:
            picked = np.sort(rng.choice(len(rows), config.samples, replace=False))
            rows, instruments, counts = rows[picked], instruments[picked], counts[picked]
        from janus_trader.learning.vision.training import fit

        weight = batch.weight[rows]
        parameters, _ = fit(
            self.kind,
            self.vision,
            self._parameters,
            self._history.paths(instruments, counts),
            np.clip(batch.payoff[rows, 0, instruments], -config.clip, config.clip),
            weight / max(float(weight.mean()), 1e-12),
            fitting=config.fit,
            seed=int(rng.integers(2**31)),
        )
        return parameters

    def score(self, parameters: Parameters | None, held_back: Sequence[Episode]) -> float:
        r"""Out-of-sample R² against the forecast 0: :math:`1 - \sum (y - \mu)^2 / \sum y^2`.

        0 for a model that expects nothing, below it for one that has learned noise; 0 where no image can be
        drawn. At most ``judged`` images, evenly spread. Campbell & Thompson (2008).
        """
        if not held_back:
            return 0.0
        batch, rows, instruments, counts = self._images(held_back)
        if not len(rows):
            return 0.0
        picked = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), self.config.judged)).astype(np.int64))
        rows, instruments, counts = rows[picked], instruments[picked], counts[picked]
        tree = self._parameters if parameters is None else parameters
        model = CompiledVision(self.vision, self.kind, tree)
        mean = model.infer(self._history.paths(instruments, counts)).mean
        y = np.clip(batch.payoff[rows, 0, instruments], -self.config.clip, self.config.clip)
        total = float(y @ y)
        return 1.0 - float((y - mean) @ (y - mean)) / total if total > 0.0 else 0.0

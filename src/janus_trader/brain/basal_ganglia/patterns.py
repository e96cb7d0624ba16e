"""Learned No-Go patterns: kinds of moment after which the book has lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.basal_ganglia.evidence import Span
from janus_trader.contracts.memory import Episode
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Positive


class PatternConfig(Config, frozen=True):
    """Cells of the context space and what makes one forbidding."""

    bits: Annotated[int, Meta(ge=1, le=12, description="hyperplanes; 2^bits cells")] = 6
    seed: Annotated[int, Meta(ge=0, description="seed of the hyperplanes")] = 20260216
    gain: Annotated[Positive, Meta(description="strength per standardised loss per episode")] = 5.0
    prior_episodes: Annotated[Positive, Meta(description="episodes at which a cell is half believed")] = 63.0
    min_episodes: Annotated[Count, Meta(description="episodes before a cell speaks")] = 10
    memory: Annotated[Positive, Meta(description="replays remembered by the running sums")] = 5000.0


@njit(cache=True)
def cell_of(planes, context):
    """Number of the cell of one context: bit b is set on the positive side of hyperplane b. O(size·bits)."""
    cell = 0
    for b in range(planes.shape[1]):
        total = 0.0
        for j in range(planes.shape[0]):
            total += planes[j, b] * context[j]
        if total > 0.0:
            cell |= 1 << b
    return cell


class PatternLearner:
    r"""Strength of the learned No-Go reason in every cell of the context space (light).

    A cell is the sign pattern of a few random hyperplanes. With z the reward over its root mean square,

    .. math:: strength = \mathrm{clip}\big(-g\,\bar z\, n / (n + n_0),\ 0,\ 1\big)

    and 0 for a cell with fewer than ``min_episodes``. Score: mean of −strength·z, the loss avoided per bar.

    Parameters
    ----------
    config : PatternConfig
    size : int
        Length of the context.
    """

    name = "no_go_patterns"
    deep_only = False

    def __init__(self, config: PatternConfig, size: int) -> None:
        self.config, self.size = config, size
        generator = np.random.Generator(np.random.PCG64(config.seed))
        self._planes = generator.standard_normal((size, config.bits))
        self.reset()

    def reset(self) -> None:
        """No cell forbids anything."""
        cells = 1 << self.config.bits
        evidence = {"sums": np.zeros((2, cells)), "square": 0.0, "weight": 0.0, "span": Span().tree()}
        self.adopt({"strength": np.zeros(cells), "rms": 0.0, "evidence": pack(evidence)})

    def parameters(self) -> dict[str, Any]:
        """The parameters in force."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self._strength = np.asarray(parameters["strength"])

    def cells(self, contexts: np.ndarray) -> np.ndarray:
        """Cell of each context, (E,) int for (E, size)."""
        return np.array([cell_of(self._planes, row) for row in contexts], np.int64)

    def strength(self, context: np.ndarray) -> float:
        """Strength of the learned reason in one context, in [0, 1]. O(size·bits)."""
        return float(self._strength[cell_of(self._planes, context)])

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Strengths after the training episodes; None when there are none. O(E·size·bits)."""
        if not train:
            return None
        config, evidence = self.config, unpack(self._parameters["evidence"])
        reward = np.array([e.reward for e in train])
        cells = self.cells(np.stack([e.context for e in train]))
        keep = max(0.0, 1.0 - len(train) / config.memory)
        size = self._strength.size
        new = np.stack([np.bincount(cells, minlength=size), np.bincount(cells, reward, size)])
        sums = keep * evidence["sums"] + new
        square = keep * evidence["square"] + float(reward @ reward)
        weight = keep * evidence["weight"] + len(train)
        span = Span.of(evidence["span"]).extended(np.array([e.step for e in train]))
        rms = float(np.sqrt(square / weight))
        count = sums[0] * span.share()
        mean = sums[1] / np.maximum(sums[0], 1e-9) / rms if rms > 0.0 else np.zeros(size)
        strength = np.clip(-config.gain * mean * count / (count + config.prior_episodes), 0.0, 1.0)
        strength[count < config.min_episodes] = 0.0
        state = {"sums": sums, "square": square, "weight": weight, "span": span.tree()}
        return {"strength": strength, "rms": rms, "evidence": pack(state)}

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Mean loss avoided, in units of the reward's root mean square; higher is better."""
        if not held_back:
            return 0.0
        p = self._parameters if parameters is None else parameters
        reward = np.array([e.reward for e in held_back])
        strength = np.asarray(p["strength"])[self.cells(np.stack([e.context for e in held_back]))]
        rms = p["rms"] if p["rms"] > 0.0 else 1.0
        return float(-(strength * reward).mean() / rms)

"""Learned No-Go patterns: kinds of moment after which the book has lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.basal_ganglia.evidence import Span
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative, Positive


class PatternConfig(Config, frozen=True):
    """Cells of the context space and what makes one forbidding."""

    bits: Annotated[int, Meta(ge=1, le=12, description="hyperplanes; 2^bits cells")] = 4
    seed: Annotated[int, Meta(ge=0, description="seed of the hyperplanes")] = 20260216
    gain: Annotated[Positive, Meta(description="strength per standardised loss per episode")] = 5.0
    prior_episodes: Annotated[Positive, Meta(description="episodes at which a cell is half believed")] = 63.0
    min_episodes: Annotated[Count, Meta(description="episodes before a cell speaks")] = 10
    least_deviation: Annotated[Positive, Meta(description="floor of a context's usual deviation")] = 0.05
    memory: Annotated[Positive, Meta(description="replays remembered by the running sums")] = 5000.0
    adaptation: Annotated[NonNegative, Meta(description="weight of the step-wise adaptation")] = 0.0
    false_alarm: Annotated[float, Meta(le=0.0, description="step: inhibited, would have gained")] = -0.1
    hit: Annotated[float, Meta(ge=0.0, description="step: inhibited, would have lost")] = 0.05
    quiet: Annotated[float, Meta(le=0.0, description="step: let through, gained")] = -0.02
    miss: Annotated[float, Meta(ge=0.0, description="step: let through, lost")] = 0.08


@njit(cache=True)
def cell_of(planes, centre, scale, context):
    """Number of the cell of one context: bit b is set on the positive side of hyperplane b. O(size·bits)."""
    cell = 0
    for b in range(planes.shape[1]):
        total = 0.0
        for j in range(planes.shape[0]):
            total += planes[j, b] * (context[j] - centre[j]) / scale[j]
        if total > 0.0:
            cell |= 1 << b
    return cell


@njit(cache=True)
def cells_of(planes, centre, scale, contexts, out):
    """`cell_of` for every row of (E, size), into ``out`` (E,). O(E·size·bits)."""
    for e in range(contexts.shape[0]):
        out[e] = cell_of(planes, centre, scale, contexts[e])


@njit(cache=True)
def cell_sums(cells, reward, weight, sums):  # type: ignore[no-untyped-def]
    """Weight, weighted sum and weighted sum of squares of the rewards in every cell, (3, cells). O(E)."""
    sums[:] = 0.0
    for e in range(cells.size):
        sums[0, cells[e]] += weight[e]
        sums[1, cells[e]] += weight[e] * reward[e]
        sums[2, cells[e]] += weight[e] * (reward[e] * reward[e])


@njit(cache=True)
def adapt_inhibition(adapted, cells, reward, speaks, steps):
    """Step-wise adaptation of every cell's inhibition to outcomes, in place, within [0, 1]. O(E).

    ``steps`` are those of false alarm, hit, quiet and miss; a cell counts as inhibited where ``adapted`` is at
    least ``speaks``. At rest a cell lets through while fewer than quiet/(quiet + miss) = 20 % of its moments lose
    and forbids where more than false alarm/(false alarm + hit) = 67 % do; in between it goes to and fro.

    >>> adapted = np.array([0.0])
    >>> steps = np.array([-0.1, 0.05, -0.02, 0.08])
    >>> adapt_inhibition(adapted, np.zeros(2, np.int64), np.array([-1.0, 1.0]), 0.5, steps)
    >>> adapted.round(2).tolist()
    [0.06]
    """
    for e in range(cells.size):
        cell, lost = cells[e], reward[e] < 0.0
        if adapted[cell] >= speaks:
            step = steps[1] if lost else steps[0]
        else:
            step = steps[3] if lost else steps[2]
        adapted[cell] = min(max(adapted[cell] + step, 0.0), 1.0)


class PatternLearner:
    r"""Strength of the learned No-Go reason in every cell of the context space (light).

    A cell is the sign pattern of a few random hyperplanes through the usual context, in units of its usual
    deviation (without which most moments would share a cell). With z the reward over its root mean square,

    .. math:: strength = \mathrm{clip}\big(-g\,\bar z\, n / (n + n_0),\ 0,\ 1\big)

    plus, where configured, ``adaptation`` times the step-wise rule of `adapt_inhibition`, and 0 for a cell with
    fewer than ``min_episodes``. What is usual is taken anew whenever the memory spans twice the bars it did;
    the sums then start again, and replay, which reaches back over the whole memory, fills them. Score: mean of
    −strength·z, the loss avoided per bar.

    Parameters
    ----------
    config : PatternConfig
    size : int
        Length of the context.

    Examples
    --------
    >>> PatternLearner(PatternConfig(), 24).strength(np.zeros(24))
    0.0
    """

    name = "no_go_patterns"
    deep_only = False

    def __init__(self, config: PatternConfig, size: int) -> None:
        self.config, self.size = config, size
        generator = np.random.Generator(np.random.PCG64(config.seed))
        self.planes = generator.standard_normal((size, config.bits))
        self.reset()

    def reset(self) -> None:
        """No cell forbids anything."""
        evidence = {
            "sums": self._no_sums(),
            "adapted": np.zeros(1 << self.config.bits),
            "span": Span().tree(),
            "first": -1,
            "recentre": 0,
        }
        self.adopt(
            {
                "strength": np.zeros(1 << self.config.bits),
                "centre": np.zeros(self.size),
                "scale": np.ones(self.size),
                "rms": 0.0,
                "evidence": pack(evidence),
            }
        )

    def _no_sums(self) -> np.ndarray:
        """Episodes, sum of rewards and sum of squared rewards of every cell."""
        return np.zeros((3, 1 << self.config.bits))

    def parameters(self) -> dict[str, Any]:
        """The parameters in force."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self._strength = np.asarray(parameters["strength"])
        self.centre, self.scale = np.asarray(parameters["centre"]), np.asarray(parameters["scale"])

    def strength(self, context: np.ndarray) -> float:
        """Strength of the learned reason in one context, in [0, 1]. O(size·bits)."""
        return self.strength_of(cell_of(self.planes, self.centre, self.scale, context))

    def strength_of(self, cell: int) -> float:
        """Strength of the learned reason in one cell, in [0, 1]."""
        return float(self._strength[cell])

    def cells(self, contexts: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Cell of each context, (E,) int for (E, size)."""
        out = np.empty(len(contexts), np.int64)
        cells_of(self.planes, centre, scale, np.ascontiguousarray(contexts), out)
        return out

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Strengths after the training episodes; None when there are none. O(E·size·bits)."""
        if not train:
            return None
        config, evidence = self.config, unpack(self._parameters["evidence"])
        batch = Episodes.of(train)
        contexts, reward = batch.context, batch.reward
        steps = batch.step
        first = int(steps.min()) if evidence["first"] < 0 else min(evidence["first"], int(steps.min()))
        reach = int(steps.max()) - first + 1
        centre, scale, sums = self.centre, self.scale, evidence["sums"]
        span, recentre = Span.of(evidence["span"]), evidence["recentre"]
        adapted = np.array(evidence["adapted"])
        if reach >= recentre:
            centre, scale = contexts.mean(axis=0), np.maximum(contexts.std(axis=0), config.least_deviation)
            sums, span, recentre = self._no_sums(), Span(), 2 * reach
            adapted[:] = 0.0
        cells, size = self.cells(contexts, centre, scale), self._strength.size
        keep = max(0.0, 1.0 - len(train) / config.memory)
        new = np.empty((3, size))
        cell_sums(cells, reward, batch.weight, new)
        sums, span = keep * sums + new, span.extended(steps, keep)
        steps = np.array([config.false_alarm, config.hit, config.quiet, config.miss])
        adapt_inhibition(adapted, cells, reward, 0.5, steps)
        strength, rms = self._strengths(sums, span, adapted)
        state = {
            "sums": sums,
            "adapted": adapted,
            "span": span.tree(),
            "first": first,
            "recentre": recentre,
        }
        return {
            "strength": strength,
            "centre": centre,
            "scale": scale,
            "rms": rms,
            "evidence": pack(state),
        }

    def _strengths(self, sums: np.ndarray, span: Span, adapted: np.ndarray) -> tuple[np.ndarray, float]:
        config = self.config
        rms = float(np.sqrt(sums[2].sum() / sums[0].sum()))
        count = sums[0] * span.share()
        mean = sums[1] / np.maximum(sums[0], 1e-9) / rms if rms > 0.0 else np.zeros(sums.shape[1])
        believed = -config.gain * mean * count / (count + config.prior_episodes)
        strength = np.clip(believed + config.adaptation * adapted, 0.0, 1.0)
        strength[count < config.min_episodes] = 0.0
        return strength, rms

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Mean loss avoided, in units of the reward's root mean square; higher is better."""
        if not held_back:
            return 0.0
        p = self._parameters if parameters is None else parameters
        batch = Episodes.of(held_back)
        reward = batch.reward
        contexts = batch.context
        cells = self.cells(contexts, np.asarray(p["centre"]), np.asarray(p["scale"]))
        rms = p["rms"] if p["rms"] > 0.0 else 1.0
        return float(-(np.asarray(p["strength"])[cells] * reward).mean() / rms)

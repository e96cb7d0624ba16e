"""Learned relevance: how much each modality and family of sources has been worth listening to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.thalamus.gating import EXTERNAL, MODALITIES, ORDER_BOOK, PRICE, SENTIMENT, VISUAL
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, NonNegative, Positive
from janus_trader.numerics.signal_payoffs import pairwise_sum, signal_payoffs, weighted_sums

#: Senses that deliver a direction of their own, in the order in which they are remembered.
DIRECTED = (VISUAL, ORDER_BOOK, SENTIMENT)
#: Raw evidence of these senses at the given decision times, (E, 3, n), and whether it is remembered, (E,).
Recall = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class RelevanceConfig(Config, frozen=True):
    """From evidence to relevance (in logits)."""

    gain: Annotated[Positive, Meta(description="logits per unit of information ratio per bar")] = 20.0
    offset: Annotated[NonNegative, Meta(description="logits lost by what has proved uninformative")] = 0.5
    limit: Annotated[Positive, Meta(description="largest |relevance|")] = 1.5
    prior_episodes: Annotated[
        Positive, Meta(description="episodes at which half of the evidence is believed")
    ] = 500.0
    memory: Annotated[Positive, Meta(description="replays remembered by the running sums")] = 5000.0
    clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 3.0


def payoffs(signals: np.ndarray, payoff: np.ndarray, clip: float) -> tuple[np.ndarray, np.ndarray]:
    """`signal_payoffs` of (E, k, n) in new arrays, (E, k).

    >>> r, spoke = payoffs(np.array([[[1.0, -1.0]]]), np.array([[[0.5, -0.1]]]), 3.0)
    >>> r.round(3).tolist(), spoke.tolist()
    ([[0.3]], [[True]])
    """
    mean, spoke = np.empty(signals.shape[:2]), np.empty(signals.shape[:2], np.bool_)
    signal_payoffs(signals, payoff, clip, mean, spoke)
    return mean, spoke


@njit(cache=True)
def gated_payoff(gate, direction, mean, spoke):  # type: ignore[no-untyped-def]
    """Sum of the gates of the channels that spoke, (E, k) in all, and of what they paid. O(E·k)."""
    weight, paid = np.empty(mean.size), np.empty(mean.size)
    at = 0
    for e in range(mean.shape[0]):
        for k in range(mean.shape[1]):
            weight[at] = gate[k] * spoke[e, k]
            paid[at] = weight[at] * mean[e, k] * direction[k]
            at += 1
    return pairwise_sum(weight), pairwise_sum(paid)


@njit(cache=True)
def channel_logits(sums, share, gain, offset, prior, senses, logits, trust, direction):  # type: ignore[no-untyped-def]
    """Logits, trust and direction (k,) of channels from the sums (3, k) of what they paid. O(k).

    ``share`` is how many distinct bars there are for each replay. Of the last ``senses`` channels, which are
    never turned round, one that pays in the wrong direction has less than no information.
    """
    for k in range(logits.size):
        count = sums[0, k] * share
        ratio = sums[1, k] / np.sqrt(max(sums[0, k] * sums[2, k], 1e-300)) if sums[2, k] > 0.0 else 0.0
        information = np.sqrt(max(ratio * ratio - 1.0 / max(count, 1.0), 0.0))
        trust[k] = count / (count + prior)
        direction[k] = -1.0 if ratio < 0.0 else 1.0
        if k >= logits.size - senses:
            information *= direction[k]
        logits[k] = trust[k] * (gain * information - offset)


@njit(cache=True)
def group_means(values, heard, group, means):  # type: ignore[no-untyped-def]
    """Mean of the values heard in each group, (g,); 0 where none is. O(k·g).

    >>> means = np.empty(2)
    >>> group_means(np.array([1.0, 3.0, 9.0]), np.array([True, True, False]), np.array([0, 0, 1]), means)
    >>> means.tolist()
    [2.0, 0.0]
    """
    members = np.empty(values.size)
    for g in range(means.size):
        count = 0
        for k in range(values.size):
            if heard[k] and group[k] == g:
                members[count] = values[k]
                count += 1
        means[g] = pairwise_sum(members[:count]) / count if count else 0.0


class RelevanceLearner:
    """Nightly learner of the thalamus (light).

    Running sums of each channel's payoff give its information ratio per episode; the part of its square
    that chance does not explain, shrunk by n / (n + n0), moves the gate of the channel's family and
    modality. A channel is relevant when it is informative in *either* direction: the sign is for action
    selection. A sense is never turned round, only shut out. Parameters: ``modality`` (9,), ``family`` (f,),
    ``direction`` (k + 3,) (sign seen in training, 1 before any) and the sums behind them, as opaque bytes.
    """

    name = "relevance"
    deep_only = False

    def __init__(
        self,
        config: RelevanceConfig,
        family_of: np.ndarray,
        external: np.ndarray,
        n_families: int,
        bias: np.ndarray,
        recall: Recall,
    ) -> None:
        self.config = config
        self._family_of, self._external, self._n_families = family_of, external, n_families
        self._side_of = np.asarray(external, np.int64)  # 0 for a source of prices, 1 for an external one
        self._bias, self._recall = bias, recall
        self._judged: tuple[Episodes, np.ndarray, np.ndarray] | None = None
        self.reset()

    def reset(self) -> None:
        """Nothing has been learned."""
        k = self._family_of.size
        evidence = {"sums": np.zeros((3, k + len(DIRECTED))), "total": 0.0, "first": -1, "last": -1}
        self.adopt(
            {
                "modality": np.zeros(len(MODALITIES)),
                "family": np.zeros(self._n_families),
                "direction": np.ones(k + len(DIRECTED)),
                "evidence": pack(evidence),
            }
        )

    def parameters(self) -> dict[str, Any]:
        """The parameters in force."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self.modality = np.asarray(parameters["modality"])
        self.family = np.asarray(parameters["family"])
        self.odds = np.exp(self.family[self._family_of])

    def source_direction(self) -> np.ndarray:
        """Direction in which each source has paid, (k,): 1 or -1, 1 before any evidence."""
        return np.asarray(self._parameters["direction"])[: self._family_of.size]

    def _channels(self, episodes: Episodes) -> tuple[np.ndarray, np.ndarray]:
        """Payoff and presence of every source and, last, of the senses' evidence: (E, k + 3)."""
        sources, clip = episodes.signals.shape[1], self.config.clip
        mean = np.empty((len(episodes), sources + len(DIRECTED)))
        spoke = np.empty(mean.shape, np.bool_)
        signal_payoffs(episodes.signals, episodes.payoff, clip, mean[:, :sources], spoke[:, :sources])
        seen, known = self._recall(episodes.ts_event)
        signal_payoffs(seen, episodes.payoff[:, :1, :], clip, mean[:, sources:], spoke[:, sources:])
        spoke[:, sources:] &= known[:, None]
        return mean, spoke

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Candidate relevance after the training episodes; None when there are none. O(E·k·n)."""
        if not train:
            return None
        batch = Episodes.of(train)
        r, spoke = self._channels(batch)
        evidence = unpack(self._parameters["evidence"])
        keep, new = max(0.0, 1.0 - len(batch) / self.config.memory), np.empty((3, r.shape[1]))
        weighted_sums(r, spoke, batch.weight, new)
        sums = keep * evidence["sums"] + new
        total = keep * evidence["total"] + len(batch)
        oldest, last = int(batch.step.min()), max(evidence["last"], int(batch.step.max()))
        first = oldest if evidence["first"] < 0 else min(evidence["first"], oldest)
        # Replay repeats episodes: the evidence is never counted as more than the bars it spans.
        share, config = min(1.0, (last - first + 1) / total), self.config
        logits, trust, direction = np.empty((3, r.shape[1]))
        channel_logits(
            sums,
            share,
            config.gain,
            config.offset,
            config.prior_episodes,
            len(DIRECTED),
            logits,
            trust,
            direction,
        )
        state = {"sums": sums, "total": total, "first": first, "last": last}
        return self._assemble(logits, trust > 0.0, direction) | {"evidence": pack(state)}

    def _assemble(self, logits: np.ndarray, heard: np.ndarray, direction: np.ndarray) -> dict[str, Any]:
        k, limit = self._family_of.size, self.config.limit
        family, side = np.empty(self._n_families), np.empty(2)
        group_means(logits[:k], heard[:k], self._family_of, family)
        group_means(logits[:k], heard[:k], self._side_of, side)
        modality = np.zeros(len(MODALITIES))
        modality[PRICE], modality[EXTERNAL] = side
        modality[list(DIRECTED)] = logits[k:]
        return {
            "modality": np.clip(modality, -limit, limit),
            "family": np.clip(family, -limit, limit),
            "direction": direction,
        }

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Gate-weighted mean payoff, each channel followed in the direction seen in training.

        0 when there is nothing to judge on; higher is better. O(E·k·n).
        """
        if not held_back:
            return 0.0
        p = self._parameters if parameters is None else parameters
        columns = Episodes.of(held_back)
        if self._judged is None or self._judged[0] is not columns:  # a night judges twice on the same ones
            self._judged = columns, *self._channels(columns)
        _, r, spoke = self._judged
        modality, family = np.asarray(p["modality"]), np.asarray(p["family"])
        own = np.where(self._external, modality[EXTERNAL], modality[PRICE])
        bias = np.where(self._external, self._bias[EXTERNAL], self._bias[PRICE])
        senses = list(DIRECTED)
        logits = np.append(bias + own + family[self._family_of], self._bias[senses] + modality[senses])
        gate = 1.0 / (1.0 + np.exp(-logits))
        direction = np.asarray(p["direction"]).copy()
        direction[-len(DIRECTED) :] = 1.0
        total, paid = gated_payoff(gate, direction, r, spoke)
        return float(paid / total) if total > 0 else 0.0

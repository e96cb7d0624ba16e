"""Affinity: which source of signals suits which instrument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.basal_ganglia.evidence import Span
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative, Positive
from janus_trader.numerics.signal_payoffs import clipped, pairwise_sum


class AffinityConfig(Config, frozen=True):
    """From evidence to affinity, and what happens before there is any."""

    gain: Annotated[Positive, Meta(description="logits per unit of relative information ratio")] = 10.0
    prior_episodes: Annotated[Positive, Meta(description="episodes at which it is half believed")] = 500.0
    highest: Annotated[Positive, Meta(description="largest affinity; 1 is neutral")] = 1.5
    min_trades: Annotated[Count, Meta(description="episodes with a signal before a pair is tested")] = 10
    min_weight: Annotated[Fraction, Meta(description="affinity below which a tested pair is shut")] = 0.3
    allow_untested: bool = True
    fade_evidence: Annotated[
        NonNegative, Meta(description="t statistic at which a source counts as one to be faded")
    ] = 2.0
    clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 3.0
    memory: Annotated[Positive, Meta(description="replays remembered by the running sums")] = 5000.0


@njit(cache=True)
def traded_sums(signals, payoff, weight, clip, sums):  # type: ignore[no-untyped-def]
    """Weight, payoff and squared payoff of every pair over the episodes with a signal, (3, k, n). O(E·k·n)."""
    sums[:] = 0.0
    for e in range(signals.shape[0]):
        for k in range(signals.shape[1]):
            for i in range(signals.shape[2]):
                s = signals[e, k, i]
                if abs(s) > 1e-9:
                    paid = np.sign(s) * clipped(payoff[e, k, i], clip)
                    sums[0, k, i] += weight[e]
                    sums[1, k, i] += paid * weight[e]
                    sums[2, k, i] += paid * paid * weight[e]


@njit(cache=True)
def _ratio(count, total, square):  # type: ignore[no-untyped-def]
    """Mean over root mean square; 0 where nothing was seen."""
    return total / np.sqrt(max(count * square, 1e-300)) if count > 0.0 and square > 0.0 else 0.0


@njit(cache=True)
def pair_logits(sums, share, gain, prior, fade, count, logit, direction):  # type: ignore[no-untyped-def]
    """Episodes and logit (k, n) of every pair, and direction (k,) of every source, from sums (3, k, n). O(k·n).

    Instruments move together, so a source's bars are counted once, not once per instrument.
    """
    for k in range(direction.size):
        whole = _ratio(pairwise_sum(sums[0, k]), pairwise_sum(sums[1, k]), pairwise_sum(sums[2, k]))
        most = 0.0
        for i in range(count.shape[1]):
            count[k, i] = sums[0, k, i] * share
            most = max(most, count[k, i])
        direction[k] = -1.0 if whole * np.sqrt(most) < -fade else 1.0
        for i in range(count.shape[1]):
            relative = direction[k] * (_ratio(sums[0, k, i], sums[1, k, i], sums[2, k, i]) - whole)
            logit[k, i] = gain * relative * count[k, i] / (count[k, i] + prior)


@njit(cache=True)
def followed_payoff(signals, payoff, affinity, direction, clip):  # type: ignore[no-untyped-def]
    """Sum of the sizes of the weighted signals, and of what they paid. O(E·k·n)."""
    size, paid = np.empty(signals.size), np.empty(signals.size)
    at = 0
    for e in range(signals.shape[0]):
        for k in range(signals.shape[1]):
            for i in range(signals.shape[2]):
                weight = affinity[k, i] * direction[k] * signals[e, k, i]
                size[at] = abs(weight)
                paid[at] = weight * clipped(payoff[e, k, i], clip)
                at += 1
    return pairwise_sum(size), pairwise_sum(paid)


class AffinityLearner:
    r"""Affinity of every source and instrument, in [0, highest] (light).

    With ρ the mean over root mean square of sign(signal)·payoff, per pair and over the whole book,

    .. math:: a_{ki} = \min\big(2\sigma(g\, d_k (\rho_{ki} - \rho_k)\, n / (n + n_0)),\ a_{max}\big)

    so affinity compares a source with itself: whether the source is worth following at all is for opponent
    learning, and d = −1 for a source that has to be faded, whose worst instruments are its best. A pair with
    ``min_trades`` and a < ``min_weight`` is shut (0); an untested one is 1 or, if not allowed, 0.
    """

    name = "affinity"
    deep_only = False

    def __init__(self, config: AffinityConfig, k: int, n: int) -> None:
        self.config, self._shape = config, (k, n)
        self.reset()

    def reset(self) -> None:
        """Every pair is untested."""
        evidence = {"sums": np.zeros((3, *self._shape)), "span": Span().tree()}
        untested = 1.0 if self.config.allow_untested else 0.0
        self.adopt(
            {
                "affinity": np.full(self._shape, untested),
                "direction": np.ones(self._shape[0]),
                "evidence": pack(evidence),
            }
        )

    def parameters(self) -> dict[str, Any]:
        """The parameters in force."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self.affinity = np.asarray(parameters["affinity"])

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Affinities after the training episodes; None when there are none. O(E·k·n)."""
        if not train:
            return None
        config, arrays = self.config, Episodes.of(train)
        evidence = unpack(self._parameters["evidence"])
        keep, new = max(0.0, 1.0 - len(train) / config.memory), np.empty((3, *self._shape))
        traded_sums(arrays.signals, arrays.payoff, arrays.weight, config.clip, new)
        sums = keep * evidence["sums"] + new
        span = Span.of(evidence["span"]).extended(arrays.step, keep)
        count, logit, direction = np.empty(self._shape), np.empty(self._shape), np.empty(self._shape[0])
        pair_logits(
            sums,
            span.share(),
            config.gain,
            config.prior_episodes,
            config.fade_evidence,
            count,
            logit,
            direction,
        )
        affinity = np.minimum(2.0 / (1.0 + np.exp(-logit)), config.highest)
        tested = count >= config.min_trades
        affinity[tested & (affinity < config.min_weight)] = 0.0
        affinity[~tested] = 1.0 if config.allow_untested else 0.0
        state = {"sums": sums, "span": span.tree()}
        return {"affinity": affinity, "direction": direction, "evidence": pack(state)}

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Mean payoff per unit of affinity-weighted signal, faded sources turned round. O(E·k·n)."""
        if not held_back:
            return 0.0
        p = self._parameters if parameters is None else parameters
        arrays = Episodes.of(held_back)
        total, paid = followed_payoff(
            arrays.signals, arrays.payoff, p["affinity"], p["direction"], self.config.clip
        )
        return float(paid / total) if total > 0.0 else 0.0

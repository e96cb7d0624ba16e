"""The nightly learner of source weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from janus_trader.brain.basal_ganglia.evidence import Span
from janus_trader.brain.basal_ganglia.opal import (
    ANY,
    FOLLOW,
    N_CONTEXTS,
    OpalConfig,
    replay_episodes,
    source_weights,
)
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.numerics.signal_payoffs import signal_payoffs

#: Mean square of a payoff before any was seen: about 20 instruments that move together a little.
_START_SQUARE = 0.36


@njit(cache=True)
def judged_drives(g, n, own, posterior, beta, signals, drive):  # type: ignore[no-untyped-def]
    """Drive (E, n) of the weighted signals at each of several moments, without dopamine. O(E·k·(n + 7))."""
    weights = np.empty(signals.shape[1])
    drive[:] = 0.0
    for e in range(drive.shape[0]):
        source_weights(g, n, own, posterior[e], beta, 0.0, weights)
        for k in range(weights.size):
            for i in range(drive.shape[1]):
                drive[e, i] += weights[k] * signals[e, k, i]


class OpalLearner:
    """Learns G, N and V of every regime, source and stance from replayed episodes (light).

    Parameters are a tree: ``g`` and ``n`` (8, k, 2), ``v`` (8, k), ``own`` (7, k) and the evidence behind
    them as opaque bytes. Training episodes are replayed in the order given.

    Parameters
    ----------
    config : OpalConfig
    priors : (k,) float array
        1 for a source that is followed from the start, 0 for one that must earn it.

    Examples
    --------
    >>> learner = OpalLearner(OpalConfig(), np.array([1.0, 0.0]))
    >>> learner.weights(np.full(7, 1 / 7)).round(3).tolist()
    [0.104, 0.0]
    """

    name = "opal"
    deep_only = False

    def __init__(self, config: OpalConfig, priors: np.ndarray) -> None:
        if not config.lowest < 1.0 < config.highest:
            raise ConfigError(
                "OpAL: the clamp must contain the start value 1",
                got=(config.lowest, config.highest),
                expected="lowest < 1 < highest",
            )
        self.config = config
        self._start = np.ones((priors.size, 2))
        self._start[:, FOLLOW] += config.prior_strength * np.asarray(priors, np.float64)
        self.reset()

    def reset(self) -> None:
        """Back to the start values."""
        k = self._start.shape[0]
        evidence = {
            "mass": np.zeros((N_CONTEXTS, k)),
            "square": np.full(k, _START_SQUARE),
            "span": Span().tree(),
        }
        self.adopt(
            {
                "g": np.tile(self._start, (N_CONTEXTS, 1, 1)),
                "n": np.ones((N_CONTEXTS, k, 2)),
                "v": np.zeros((N_CONTEXTS, k)),
                "own": np.zeros((ANY, k)),
                "evidence": pack(evidence),
            }
        )

    def parameters(self) -> dict[str, Any]:
        """The parameters in force."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self.g, self.n = np.asarray(parameters["g"]), np.asarray(parameters["n"])
        self.own = np.asarray(parameters["own"])

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Weights after one pass over the training episodes; None when there are none. O(E·k·(n + 8))."""
        if not train:
            return None
        config, arrays = self.config, Episodes.of(train)
        rewards = np.empty(arrays.signals.shape[:2])
        spoke = np.empty(rewards.shape, np.bool_)
        signal_payoffs(arrays.signals, arrays.payoff, config.payoff_clip, rewards, spoke)
        evidence = unpack(self._parameters["evidence"])
        share = np.column_stack([arrays.posterior, np.ones(len(train))])
        mass = evidence["mass"] + share.T @ spoke.astype(np.float64)
        span = Span.of(evidence["span"]).extended(arrays.step)
        count = np.minimum(mass * span.share(), config.memory)
        g, n = self.g.copy(), self.n.copy()
        v, square = np.array(self._parameters["v"]), np.array(evidence["square"])
        replay_episodes(
            g,
            n,
            v,
            square,
            count,
            self._start,
            rewards,
            spoke,
            arrays.posterior,
            arrays.weight,
            arrays.cost * config.cost_scale,
            config.alpha_actor,
            config.alpha_critic,
            config.leak,
            config.prior_episodes,
            config.scale_rate,
            config.scale_floor,
            config.lowest,
            config.highest,
        )
        own = count[:ANY] / (count[:ANY] + max(config.context_prior, 1e-9))
        evidence = {"mass": mass, "square": square, "span": span.tree()}
        return {"g": g, "n": n, "v": v, "own": own, "evidence": pack(evidence)}

    def weights(self, posterior: np.ndarray, rho: float = 0.0, parameters: Any = None) -> np.ndarray:
        """Source weights (k,) under a regime posterior (7,) and dopamine ``rho``."""
        p = self._parameters if parameters is None else parameters
        out = np.empty(self._start.shape[0])
        source_weights(p["g"], p["n"], p["own"], posterior, self.config.beta, rho, out)
        return out

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Mean minus ½·risk·variance of what the weighted signals would have paid per instrument.

        Position of instrument i: tanh(Σ_k w_k s_ki / saturation). Higher is better; 0 without episodes.
        O(E·k·n).
        """
        if not held_back:
            return 0.0
        arrays = Episodes.of(held_back)
        p, signals = self._parameters if parameters is None else parameters, arrays.signals
        drive = np.empty((len(arrays), signals.shape[2]))
        judged_drives(p["g"], p["n"], p["own"], arrays.posterior, self.config.beta, signals, drive)
        position = np.tanh(drive / self.config.score_saturation)
        clip = self.config.payoff_clip
        paid = (position * np.clip(arrays.payoff[:, 0, :], -clip, clip)).mean(axis=1)
        return float(paid.mean() - 0.5 * self.config.score_risk * paid.var())

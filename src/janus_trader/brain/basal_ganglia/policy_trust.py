"""How much the learned policy counts: evidence it earned on bars it had not been trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from janus_trader.brain.basal_ganglia.policy_config import TrustConfig
from janus_trader.brain.basal_ganglia.policy_learner import PolicyLearner
from janus_trader.contracts.memory import Episode, Episodes


class PolicyTrust:
    r"""Weight in [0, 1] of every policy learner, from what its positions paid out of sample (light).

    A bar is judged once, on the night on which it becomes old enough to be trained on and before it is: the
    parameters in force then have never seen it (test, then train). With n bars remembered, mean m and
    deviation s of what the positions paid net,

    .. math:: w = w_{max}\, \mathrm{clip}\Big(\frac{m \sqrt{n}}{t\, s},\ 0,\ 1\Big) \frac{n}{n + n_0}

    and 0 below ``min_bars``. Without evidence the policy is not heard; one that pays nothing stays that way.
    Refusing bad news would be the wrong way round, so `score` is the same for all: this record is always kept.

    Parameters
    ----------
    config : TrustConfig
    learners : sequence of PolicyLearner
    """

    name = "policy_trust"
    deep_only = False

    def __init__(self, config: TrustConfig, learners: Sequence[PolicyLearner]) -> None:
        self.config, self.learners = config, tuple(learners)
        self.reset()

    def reset(self) -> None:
        """No evidence."""
        self.adopt({"sums": np.zeros((len(self.learners), 3)), "until": -1})

    def parameters(self) -> dict[str, Any]:
        """Sums of bars, payments and squares by learner, and the last bar judged."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self.weights = np.array([self._weight(*row) for row in np.asarray(parameters["sums"])])

    def _weight(self, count: float, total: float, square: float) -> float:
        config = self.config
        if count < config.min_bars:
            return 0.0
        mean = total / count
        variance = square / count - mean * mean
        if not variance > 1e-18:
            return 0.0
        t = mean * math.sqrt(count / variance)
        shrunk = count / (count + config.prior_bars)
        return config.highest * min(max(t / config.full, 0.0), 1.0) * shrunk

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """The evidence with the bars that are new among these; None without episodes. O(new bars · n)."""
        if not train:
            return None
        columns, until = Episodes.of(train), int(self._parameters["until"])
        _, first = np.unique(columns.step, return_index=True)
        new = first[columns.step[first] > until]
        if not new.size:
            return self._parameters
        fresh = columns.taken(new)
        keep = max(0.0, 1.0 - len(fresh) / self.config.memory)
        sums = keep * np.asarray(self._parameters["sums"])
        for row, learner in zip(sums, self.learners, strict=True):
            paid = learner.paid(fresh)
            row += (len(fresh), paid.sum(), (paid * paid).sum())
        return {"sums": sums, "until": int(fresh.step.max())}

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """0: evidence is kept whatever it says."""
        return 0.0

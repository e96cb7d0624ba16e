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
    parameters in force then have never seen it (test, then train). What the positions paid net, p, is held
    against what the book's own weights earned at the same bars, b: with least squares p = α + β b + e over the n
    bars remembered,

    .. math:: w = w_{max}\, \mathrm{clip}\Big(\frac{\alpha}{t\, se(\alpha)},\ 0,\ 1\Big) \frac{n}{n + n_0}

    and 0 below ``min_bars``. A book is improved by what has α > 0 and only by that, so a policy that merely
    repeats what the book does already earns nothing, nor does one that pays nothing (``against = "nothing"``
    leaves b out: α is then the mean of p). Refusing bad news would be the wrong way round, so `score` is the
    same for all: this record is always kept.

    Parameters
    ----------
    config : TrustConfig
    learners : sequence of PolicyLearner

    References
    ----------
    Treynor & Black (1973). How to use security analysis to improve portfolio selection.
    """

    name = "policy_trust"
    deep_only = False

    def __init__(self, config: TrustConfig, learners: Sequence[PolicyLearner]) -> None:
        self.config, self.learners = config, tuple(learners)
        self.reset()

    def reset(self) -> None:
        """No evidence."""
        self.adopt({"sums": np.zeros((len(self.learners), 6)), "until": -1})

    def parameters(self) -> dict[str, Any]:
        """Sums by learner (bars, p, b, p², b², p·b) and the last bar judged."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self.weights = np.array([self._weight(*row) for row in np.asarray(parameters["sums"])])

    def _weight(
        self, count: float, paid: float, book: float, paid2: float, book2: float, both: float
    ) -> float:
        config = self.config
        if count < config.min_bars:
            return 0.0
        mean, base = paid / count, book / count
        variance, spread = paid2 / count - mean * mean, book2 / count - base * base
        shared = both / count - mean * base
        slope = shared / spread if config.against == "book" and spread > 1e-18 else 0.0
        alpha, rest = mean - slope * base, variance - slope * shared
        if not rest > 1e-12 * variance or not variance > 1e-18:
            return 0.0
        leverage = 1.0 + (base * base / spread if slope != 0.0 else 0.0)
        t = alpha / math.sqrt(rest * leverage / count)
        return config.highest * min(max(t / config.full, 0.0), 1.0) * count / (count + config.prior_bars)

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """The evidence with the bars that are new among these; None without episodes. O(new bars · n)."""
        if not train:
            return None
        columns, until = Episodes.of(train), int(self._parameters["until"])
        late = np.flatnonzero(columns.step > until)
        if not late.size:
            return self._parameters
        fresh = columns.taken(late[np.unique(columns.step[late], return_index=True)[1]])
        keep = max(0.0, 1.0 - len(fresh) / self.config.memory)
        sums = keep * np.asarray(self._parameters["sums"])
        book = (fresh.weights * fresh.payoff[:, 0, :]).sum(axis=1)
        for row, learner in zip(sums, self.learners, strict=True):
            paid = learner.paid(fresh)
            squares = ((paid * paid).sum(), (book * book).sum(), (paid * book).sum())
            row += (len(fresh), paid.sum(), book.sum(), *squares)
        return {"sums": sums, "until": int(fresh.step.max())}

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """0: evidence is kept whatever it says."""
        return 0.0

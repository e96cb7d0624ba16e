"""Cross-attention over the modalities, trained in deep nights; off by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.thalamus.gating import N_MODALITIES
from janus_trader.brain.thalamus.relevance import payoffs
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.memory import Episode, Episodes
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative, Positive
from janus_trader.numerics.cross_attention import AttentionWeights, GateWeights, gate_logits

#: What a modality's token says: its gate, its saliency and the mean direction it sees.
TOKEN = ("gate", "saliency", "direction")


class AttentionConfig(Config, frozen=True):
    """Size and training of the network that maps modality tokens to gates of source families."""

    enabled: bool = False
    width: Annotated[Count, Meta(description="length of a vector; a multiple of heads")] = 16
    heads: Count = 2
    limit: Annotated[Positive, Meta(description="largest logit added to a gate")] = 1.5
    steps: Annotated[Count, Meta(description="gradient steps a night")] = 150
    learning_rate: Positive = 0.02
    weight_decay: NonNegative = 0.05
    penalty: Annotated[NonNegative, Meta(description="loss per squared logit")] = 0.02
    least_episodes: Annotated[Count, Meta(description="fewer episodes train nothing")] = 100
    clip: Annotated[Positive, Meta(description="bound of one payoff, in volatilities")] = 3.0


class AttentionGates:
    """Logits (Q,) that attention adds to the gates of Q source families, and the learner behind them.

    Tokens (M, 3) of `TOKEN` are kept for ``memory`` bars, because an episode does not carry them. The network is
    `janus_trader.learning.attention.GateNetwork` (specification eq. 28, 29), trained by torch at night and
    evaluated by `janus_trader.numerics.cross_attention.gate_logits` by day: the day needs no torch.

    Parameters
    ----------
    config : AttentionConfig
    family_of : (k,) int array
        Family of each source.
    memory : int
        Bars remembered for the night.
    direction : callable
        Gives the direction (k,) in which each source has paid, 1 or -1.

    Notes
    -----
    Before the first training, and while off, all logits are 0. Learner protocol: ``parameters`` is a plain tree of
    arrays, empty before training. A source's payoff counts in the direction in which relevance has it, so that
    candidates are judged alike.

    Raises
    ------
    ConfigError
        ``heads`` does not divide ``width``.
    """

    name = "attention_gates"
    deep_only = True

    def __init__(
        self,
        config: AttentionConfig,
        family_of: np.ndarray,
        memory: int,
        direction: Callable[[], np.ndarray],
    ) -> None:
        if config.width % config.heads:
            raise ConfigError(
                "thalamus.attention: heads must divide the width",
                got=(config.width, config.heads),
                expected="width a multiple of heads",
            )
        self.config, self._family_of, self._direction = config, family_of, direction
        self._families = int(family_of.max()) + 1 if family_of.size else 0
        self._held = memory if config.enabled and self._families else 0
        self.reset()

    @property
    def on(self) -> bool:
        """Whether tokens are kept and gates moved."""
        return self._held > 0

    def reset(self) -> None:
        """Forget tokens and what was learned."""
        m = self._held
        self._tokens = np.zeros((m, N_MODALITIES, len(TOKEN)), np.float32)
        self._base = np.zeros((m, self._families), np.float32)
        self._ts = np.zeros(m, np.int64)
        self._count = 0
        self.adopt({})

    def parameters(self) -> dict[str, Any]:
        """The parameters in force; empty before training."""
        return self._parameters

    def adopt(self, parameters: dict[str, Any]) -> None:
        """Put parameters in force."""
        self._parameters = parameters
        self._weights = _weights(parameters)

    def update(
        self, ts_event: int, tokens: np.ndarray, context: np.ndarray, sources: np.ndarray
    ) -> np.ndarray:
        """Remember this bar's tokens (9, 3) and give the logit of each source's family, (k,)."""
        slot = self._count % self._held
        self._tokens[slot] = tokens
        counts = np.bincount(self._family_of, minlength=self._families)
        self._base[slot] = np.bincount(self._family_of, sources, self._families) / np.maximum(counts, 1)
        self._ts[slot] = ts_event
        self._count += 1
        if self._weights is None:
            return np.zeros(self._family_of.size)
        present = tokens[:, 0] > 0.0
        logits = gate_logits(tokens, present, context, self._weights, self.config.heads, self.config.limit)
        return logits[self._family_of]

    def _examples(self, episodes: Sequence[Episode]) -> dict[str, np.ndarray] | None:
        """Tokens, context, base gates and family payoffs of the episodes that are remembered."""
        held = min(self._count, self._held)
        if held == 0 or not len(episodes):
            return None
        batch = Episodes.of(episodes)
        start = self._count % self._held if self._count > held else 0
        times = np.roll(self._ts, -start)[:held]
        at = np.minimum(np.searchsorted(times, batch.ts_event), held - 1)
        known = np.flatnonzero(times[at] == batch.ts_event)
        if known.size == 0:
            return None
        slot = (at[known] + start) % self._held
        r, spoke = payoffs(batch.signals[known], batch.payoff[known], self.config.clip)
        member = np.eye(self._families)[self._family_of]
        heard = (spoke.astype(np.float64)) @ member
        return {
            "tokens": self._tokens[slot].astype(np.float64),
            "state": batch.context[known],
            "base": np.clip(self._base[slot].astype(np.float64), 0.0, 1.0),
            "payoff": (r * spoke * self._direction()) @ member / np.maximum(heard, 1.0),
            "spoke": heard > 0.0,
        }

    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> dict[str, Any] | None:
        """Weights trained on the episodes whose tokens are remembered; None where they are too few.

        O(steps · E · (Q + M) d²).
        """
        found = self._examples(train)
        if found is None or len(found["tokens"]) < self.config.least_episodes:
            return None
        from janus_trader.learning.attention import GateExamples, GateTraining, train_gates

        c = self.config
        examples = GateExamples(present=found["tokens"][:, :, 0] > 0.0, **found)
        training = GateTraining(
            c.width, c.heads, c.limit, c.steps, c.learning_rate, c.weight_decay, c.penalty
        )
        return train_gates(examples, training, int(rng.integers(2**31)))

    def score(self, parameters: dict[str, Any] | None, held_back: Sequence[Episode]) -> float:
        """Gate-weighted mean payoff over families, in the directions of relevance; 0 with nothing to judge on."""
        p = self._parameters if parameters is None else parameters
        found = self._examples(held_back)
        if found is None:
            return 0.0
        weights, gate = _weights(p), found["base"]
        if weights is not None:
            rows = zip(found["tokens"], found["state"], strict=True)
            c = self.config
            logits = [gate_logits(t, t[:, 0] > 0.0, s, weights, c.heads, c.limit) for t, s in rows]
            odds = gate * np.exp(np.array(logits))
            gate = odds / (1.0 - gate + odds)
        weight = gate * found["spoke"]
        total = weight.sum()
        return float((weight * found["payoff"]).sum() / total) if total > 0 else 0.0

    def snapshot(self) -> bytes:
        """State and learned parameters as bytes."""
        held = min(self._count, self._held)
        return pack(
            {
                "tokens": self._tokens[:held],
                "base": self._base[:held],
                "ts": self._ts[:held],
                "count": self._count,
                "parameters": self._parameters,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError where it was taken with another configuration."""
        tree = unpack(raw)
        held = min(int(tree["count"]), self._held)
        if tree["tokens"].shape[0] != held or tree["base"].shape != (held, self._families):
            raise IntegrityError(
                "thalamus.attention: snapshot does not fit",
                got=tree["base"].shape,
                expected=f"({held}, {self._families})",
            )
        self.reset()
        self._tokens[:held], self._base[:held], self._ts[:held] = tree["tokens"], tree["base"], tree["ts"]
        self._count = int(tree["count"])
        self.adopt(tree["parameters"])


def _weights(tree: dict[str, Any]) -> GateWeights | None:
    if "gate_w" not in tree:
        return None
    attention = AttentionWeights(*(np.ascontiguousarray(tree[name]) for name in AttentionWeights._fields))
    own = {name: np.ascontiguousarray(tree[name]) for name in GateWeights._fields if name != "attention"}
    return GateWeights(attention=attention, **own)

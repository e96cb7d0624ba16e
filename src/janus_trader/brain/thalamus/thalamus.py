"""The thalamus: gates the senses and fuses them into one percept."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.brain.thalamus.context import ContextConfig, context_vector
from janus_trader.brain.thalamus.gating import (
    EXTERNAL,
    MODALITIES,
    PRICE,
    VISUAL,
    GatingConfig,
    coverage,
    gates,
)
from janus_trader.brain.thalamus.relevance import RelevanceConfig, RelevanceLearner
from janus_trader.contracts.decision import Percept, VisualPercept
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import Moment
from janus_trader.contracts.regime import RegimeState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative


class ThalamusConfig(Config, frozen=True):
    """Gates, context and the strength of the visual evidence."""

    gating: GatingConfig = GatingConfig()
    context: ContextConfig = ContextConfig()
    relevance: RelevanceConfig = RelevanceConfig()
    visual_strength: Annotated[
        NonNegative, Meta(description="evidence of a fully open visual gate, in units of weighted signal")
    ] = 0.03
    memory: Annotated[Count, Meta(description="bars of visual evidence kept for the night")] = 2048


class Thalamus:
    r"""Weighs the modalities and sums the directional evidence of those that are not strategies.

    .. math:: g_m = \sigma(b_m + r_m + c\,(\kappa_m - 1) + f\,(\bar\kappa_m - 1) + \text{regime}_m)

    with κ the coverage of modality m and r its learned relevance (specification eq. 29); g = 0 where κ = 0.
    A source's gate is that of its modality with its family's relevance added. The evidence is

    .. math:: e_i = v\, g_{visual}\,(P_{trend}\, trend_i + P_{calm}\, reversal_i)

    Parameters
    ----------
    config : ThalamusConfig
    n : int
        Number of instruments.
    source_names, families : sequence of str, length k
        Sources whose name starts with ``external.`` belong to the external modality, all others to price.

    Notes
    -----
    Context and gates are finite whatever is absent. Cost O(n + k) per bar, about 30 µs.

    Examples
    --------
    >>> thalamus = Thalamus(ThalamusConfig(), 2, ("ema_flip", "external.0"), ("trend", "external"))
    >>> thalamus.context_size, [x.name for x in thalamus.learners()]
    (24, ['relevance'])
    """

    def __init__(
        self, config: ThalamusConfig, n: int, source_names: tuple[str, ...], families: tuple[str, ...]
    ) -> None:
        if n < 1 or len(source_names) != len(families):
            raise ConfigError(
                "thalamus: sources and families differ in number, or there is no instrument",
                got=(n, len(source_names), len(families)),
                expected="n >= 1 and one family per source",
            )
        self.config, self.n, self.names = config, int(n), tuple(source_names)
        order = sorted(set(families))
        self._family_of = np.array([order.index(f) for f in families], np.int64)
        self._external = np.array([name.startswith("external.") for name in source_names], np.bool_)
        self._modality_of = np.where(self._external, EXTERNAL, PRICE)
        self._bias = np.array(config.gating.bias)
        self._learner = RelevanceLearner(
            config.relevance, self._family_of, self._external, len(order), self._bias, self._recall
        )
        self.reset()

    @property
    def context_size(self) -> int:
        """Length of the context vector."""
        return self.config.context.size

    def reset(self) -> None:
        """Forget evidence, freshness and what was learned."""
        m = self.config.memory
        self._fresh = np.ones(len(MODALITIES))
        self._sent = np.zeros((m, self.n), np.float16)
        self._sent_ts = np.zeros(m, np.int64)
        self._count = 0
        self._learner.reset()

    def fuse(self, moment: Moment, regime: RegimeState, visual: VisualPercept) -> Percept:
        """The gated view of the moment.

        Raises
        ------
        DataError
            The visual percept is not of this book.
        """
        if visual.trend.shape != (self.n,):
            raise DataError(
                "thalamus: visual percept of another book", got=visual.trend.shape, expected=f"({self.n},)"
            )
        config = self.config.gating
        now = coverage(config, moment, visual)
        self._fresh += config.freshness_rate * (np.array(now) - self._fresh)
        volume = moment.features.values.get("relative_volume")
        learned = self._learner.modality
        gate = gates(config, now, self._fresh, learned, regime, volume)
        trend, calm, _ = regime.trending_reverting_volatile
        mix = trend * visual.trend + calm * visual.reversal
        self._remember(moment.ts_event, mix)
        return Percept(
            regime=regime,
            gates=dict(zip(MODALITIES, gate, strict=True)),
            context=context_vector(self.config.context, regime, moment.features, gate),
            evidence=self.config.visual_strength * gate[VISUAL] * mix,
            source_gates=self._source_gates(np.array(gate)),
        )

    def _source_gates(self, gate: np.ndarray) -> np.ndarray:
        own = gate[self._modality_of]
        # Adding a family's logit r to σ(x) = g gives g e^r / (1 - g + g e^r); a closed gate stays closed.
        odds = own * self._learner.odds
        return odds / (1.0 - own + odds)

    def _remember(self, ts_event: int, mix: np.ndarray) -> None:
        slot = self._count % self.config.memory
        self._sent[slot] = mix
        self._sent_ts[slot] = ts_event
        self._count += 1

    def _recall(self, ts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        held = min(self._count, self.config.memory)
        if held == 0:
            return np.zeros((ts.size, self.n)), np.zeros(ts.size, np.bool_)
        start = self._count % self.config.memory if self._count > held else 0
        times = np.roll(self._sent_ts, -start)[:held]
        at = np.minimum(np.searchsorted(times, ts), held - 1)
        known = times[at] == ts
        return self._sent[(at + start) % self.config.memory].astype(np.float64), known

    def learners(self) -> list[RelevanceLearner]:
        """The learner of relevance."""
        return [self._learner]

    def parameters(self) -> dict[str, object]:
        """Learned parameters in force, by learner."""
        return {self._learner.name: self._learner.parameters()}

    def snapshot(self) -> bytes:
        """State and learned parameters as bytes."""
        held = min(self._count, self.config.memory)
        return pack(
            {
                "fresh": self._fresh,
                "sent": self._sent[:held],
                "sent_ts": self._sent_ts[:held],
                "count": self._count,
                "parameters": self._learner.parameters(),
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            It was taken with another book or memory.
        """
        tree = unpack(raw)
        held = min(int(tree["count"]), self.config.memory)
        if (
            tree["sent"].shape != (held, self.n)
            or len(tree["parameters"]["direction"]) != len(self.names) + 1
        ):
            raise IntegrityError(
                "thalamus: snapshot does not fit", got=tree["sent"].shape, expected=f"({held}, {self.n})"
            )
        self.reset()
        self._fresh, self._count = tree["fresh"], int(tree["count"])
        self._sent[:held], self._sent_ts[:held] = tree["sent"], tree["sent_ts"]
        self._learner.adopt(tree["parameters"])

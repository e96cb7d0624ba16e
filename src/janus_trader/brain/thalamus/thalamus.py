"""The thalamus: gates the senses and fuses them into one percept."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.thalamus.context import ContextConfig, context_inputs, context_into
from janus_trader.brain.thalamus.gating import (
    EXTERNAL,
    MODALITIES,
    PRICE,
    VISUAL,
    GatingConfig,
    coverage_into,
    gates_into,
)
from janus_trader.brain.thalamus.price_fusion import PriceFusion, PriceFusionConfig
from janus_trader.brain.thalamus.relevance import RelevanceConfig, RelevanceLearner
from janus_trader.contracts.decision import Percept, VisualPercept
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import Field, Moment
from janus_trader.contracts.regime import N_REGIMES, RegimeState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative

_CHANGE = N_REGIMES + 1  # place of the change probability among the inputs of the context


class ThalamusConfig(Config, frozen=True):
    """Gates, context and the strength of the visual evidence."""

    gating: GatingConfig = GatingConfig()
    context: ContextConfig = ContextConfig()
    relevance: RelevanceConfig = RelevanceConfig()
    price: PriceFusionConfig = PriceFusionConfig()
    visual_strength: Annotated[
        NonNegative, Meta(description="evidence of a fully open visual gate, in units of weighted signal")
    ] = 0.03
    memory: Annotated[Count, Meta(description="bars of visual evidence kept for the night")] = 2048


@njit(cache=True)
def _mix(
    visual_trend: np.ndarray,
    reversal: np.ndarray,
    trend: float,
    calm: float,
    strength: float,
    out: np.ndarray,
) -> None:
    # out (2, n): direction seen, and the same as evidence
    for i in range(visual_trend.shape[0]):
        out[0, i] = trend * visual_trend[i] + calm * reversal[i]
        out[1, i] = strength * out[0, i]


@njit(cache=True)
def _source_gates(gate: np.ndarray, modality_of: np.ndarray, odds: np.ndarray, out: np.ndarray) -> None:
    # adding a family's logit r to σ(x) = g gives g e^r / (1 - g + g e^r); a closed gate stays closed
    for k in range(odds.shape[0]):
        own = gate[modality_of[k]]
        scaled = own * odds[k]
        out[k] = scaled / (1.0 - own + scaled)


@njit(cache=True)
def _fuse(  # type: ignore[no-untyped-def]
    bars, present, ready, has_volume, macro, external, inputs, fresh, relevance, odds, terms, gains, scales,
    modality_of, trend, calm, chaos, volume, visual_trend, reversal, gate, context, sent, sources,
):  # fmt: skip
    """The whole of `Thalamus.fuse` on arrays: one compiled call in place of some thirty small ones."""
    now = np.empty(gate.shape[0])
    coverage_into(bars, present, ready, has_volume, macro, external, now)
    for m in range(now.shape[0]):
        fresh[m] += gains[3] * (now[m] - fresh[m])
    gates_into(now, fresh, relevance, terms, gains, inputs[_CHANGE], chaos, volume, gate)
    context_into(inputs, scales[0], scales[1], gate, context)
    _mix(visual_trend, reversal, trend, calm, gains[4] * gate[VISUAL], sent)
    _source_gates(gate, modality_of, odds, sources)


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
    Context and gates are finite whatever is absent. ``features`` are those of `PriceFusion`. Cost O(n + k) per
    bar, about 50 µs.

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
        self._pack(config)
        self._price = PriceFusion(config.price, self.n)
        self._learner = RelevanceLearner(
            config.relevance, self._family_of, self._external, len(order), self._bias, self._recall
        )
        self.reset()

    def _pack(self, config: ThalamusConfig) -> None:
        """The configuration as the arrays that compiled code reads."""
        g, features = config.gating, config.context.features
        self._terms = np.array([g.bias, g.change_gain, g.chaos_gain])
        self._gains = np.array(
            [g.coverage_gain, g.freshness_gain, g.liquidity_gain, g.freshness_rate, config.visual_strength]
        )
        self._scales = np.array([[f.centre for f in features], [f.scale for f in features]])
        self._features, self._macro = tuple(f.name for f in features), tuple(g.macro_features)
        self._size = config.context.size
        self._inputs = np.empty(self._size - len(MODALITIES))

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
        self._price.reset()
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
        known, inputs = moment.features.values, self._inputs
        inputs[:] = context_inputs(self._features, regime, moment.features)
        trend, calm, chaos = regime.trending_reverting_volatile
        gate, context = np.empty(len(MODALITIES)), np.empty(self._size)
        sent, sources = np.empty((2, self.n)), np.empty(len(self.names))
        _fuse(
            moment.bars,
            moment.present,
            visual.ready,
            Field.VOLUME in moment.fields,
            sum([name in known for name in self._macro]) / max(len(self._macro), 1),
            1.0 if moment.external.size else 0.0,
            inputs,
            self._fresh,
            self._learner.modality,
            self._learner.odds,
            self._terms,
            self._gains,
            self._scales,
            self._modality_of,
            trend,
            calm,
            chaos,
            known.get("relative_volume", math.nan),
            visual.trend,
            visual.reversal,
            gate,
            context,
            sent,
            sources,
        )
        self._remember(moment.ts_event, sent[0])
        return Percept(
            regime=regime,
            gates=dict(zip(MODALITIES, gate.tolist(), strict=True)),
            context=context,
            evidence=sent[1],
            source_gates=sources,
            features=self._price.update(moment.bars, moment.present),
        )

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
                "price": self._price.snapshot(),
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
        self._price.restore(tree["price"])
        self._learner.adopt(tree["parameters"])

"""The thalamus: gates the senses and fuses them into one percept."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numba import njit

from janus_trader.brain.thalamus.attention import AttentionConfig, AttentionGates
from janus_trader.brain.thalamus.bar_fusion import BarFusion, BarFusionConfig
from janus_trader.brain.thalamus.context import ContextConfig, context_inputs, context_into
from janus_trader.brain.thalamus.gating import (
    EXTERNAL,
    MODALITIES,
    N_BAR,
    N_MODALITIES,
    ORDER_BOOK,
    PRICE,
    SENTIMENT,
    VISUAL,
    VOLUME,
    CompetitionConfig,
    GatingConfig,
    compete_into,
    coverage_into,
    gates_into,
)
from janus_trader.brain.thalamus.oscillation import Oscillation, OscillationConfig
from janus_trader.brain.thalamus.price_fusion import PriceFusion, PriceFusionConfig
from janus_trader.brain.thalamus.relevance import DIRECTED, RelevanceConfig, RelevanceLearner
from janus_trader.brain.thalamus.saliency import (
    SaliencyConfig,
    bar_stimuli_into,
    saliency_into,
    stimulus_owners,
)
from janus_trader.brain.thalamus.senses import Senses, SensesConfig, SenseView
from janus_trader.contracts.decision import Percept, VisualPercept
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import Field, Moment
from janus_trader.contracts.protocols import Learner
from janus_trader.contracts.regime import N_REGIMES, RegimeState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, NonNegative
from janus_trader.numerics.surprise import SURPRISE_DTYPE

_CHANGE = N_REGIMES + 1  # place of the change probability among the inputs of the context
_RELATIVE_VOLUME = "relative_volume"


class ThalamusConfig(Config, frozen=True):
    """Gates, context, fusion engines and the strength of the visual evidence.

    What ablation has not favoured is off: ``bars`` (strengths 0), ``competition``, ``oscillation``, ``attention``.
    """

    gating: GatingConfig = GatingConfig()
    context: ContextConfig = ContextConfig()
    relevance: RelevanceConfig = RelevanceConfig()
    price: PriceFusionConfig = PriceFusionConfig()
    bars: BarFusionConfig = BarFusionConfig()
    senses: SensesConfig = SensesConfig()
    saliency: SaliencyConfig = SaliencyConfig()
    competition: CompetitionConfig = CompetitionConfig()
    oscillation: OscillationConfig = OscillationConfig()
    attention: AttentionConfig = AttentionConfig()
    visual_strength: Annotated[
        NonNegative, Meta(description="evidence of a fully open visual gate, in units of weighted signal")
    ] = 0.03
    memory: Annotated[Count, Meta(description="bars of the senses' evidence kept for the night")] = 2048


@njit(cache=True)
def _mix(visual_trend: np.ndarray, reversal: np.ndarray, trend: float, calm: float, out: np.ndarray) -> None:
    for i in range(visual_trend.shape[0]):
        out[i] = trend * visual_trend[i] + calm * reversal[i]


@njit(cache=True)
def _source_gates(gate: np.ndarray, modality_of: np.ndarray, odds: np.ndarray, out: np.ndarray) -> None:
    # adding a family's logit r to σ(x) = g gives g e^r / (1 - g + g e^r); a closed gate stays closed
    for k in range(odds.shape[0]):
        own = gate[modality_of[k]]
        scaled = own * odds[k]
        out[k] = scaled / (1.0 - own + scaled)


@njit(cache=True)
def _fuse(  # type: ignore[no-untyped-def]
    bars, present, ready, returns, external, has_volume, inputs, fresh, relevance, odds, terms, gains, scales,
    modality_of, trend, calm, chaos, visual_trend, reversal, sense_gate, sense_stimulus, pressure, states,
    owners, mask, settings, gate, context, sent, sources, saliency, evidence,
):  # fmt: skip
    """The whole of `Thalamus.fuse` on arrays: one compiled call in place of some thirty small ones.

    ``inputs`` are those of the context, the relative volume, and the macro features; ``sent`` (3, n) receives
    what eye, books and news say and ``evidence`` (n,) their gated sum. Returns the largest saliency.
    """
    seen, volume, macro = sent[0], inputs[context.shape[0] - N_BAR], inputs[context.shape[0] - N_BAR + 1 :]
    now = np.empty(N_BAR)
    known = 0.0
    for j in range(macro.shape[0]):
        known += 0.0 if math.isnan(macro[j]) else 1.0
    share = known / max(macro.shape[0], 1)
    coverage_into(bars, present, ready, has_volume, share, 1.0 if external.size else 0.0, now)
    for m in range(N_BAR):
        fresh[m] += gains[3] * (now[m] - fresh[m])
    gates_into(now, fresh, relevance, terms, gains, inputs[_CHANGE], chaos, volume, gate)
    gate[N_BAR:] = sense_gate
    _mix(visual_trend, reversal, trend, calm, seen)
    stimuli = np.empty(owners.shape[0])
    bar_stimuli_into(bars, present, returns, external, has_volume, now[VISUAL] > 0.0, seen, stimuli)
    stimuli[4 : 4 + macro.shape[0]] = macro
    stimuli[4 + macro.shape[0] :] = sense_stimulus
    saliency_into(states, stimuli, owners, settings[0], int(settings[1]), gate, saliency)
    for m in range(gate.shape[0]):
        gate[m] *= mask[m]
    compete_into(gate, saliency, settings[2], settings[3])
    context_into(inputs, scales[0], scales[1], gate[:N_BAR], context)
    _source_gates(gate, modality_of, odds, sources)
    for i in range(seen.shape[0]):
        evidence[i] = settings[4] * gate[VISUAL] * seen[i]
        for at in range(pressure.shape[0]):
            sent[1 + at, i] = pressure[at, i]
            if gate[ORDER_BOOK + at] > 0.0:
                evidence[i] += settings[5 + at] * gate[ORDER_BOOK + at] * pressure[at, i]
    return saliency.max()


class Thalamus:
    r"""Weighs the modalities and sums the directional evidence of those that are not strategies.

    .. math:: g_m = \sigma(b_m + r_m + c\,(\kappa_m - 1) + f\,(\bar\kappa_m - 1) + \text{regime}_m)

    with κ the coverage of modality m and r its learned relevance (specification eq. 29); g = 0 where κ = 0. The
    gates of outside senses are those of `Senses`. Gates may then be masked in turn (`Oscillation`) and compete
    (`compete_into`). A source's gate is that of its modality with its family's relevance, and what attention adds
    (`AttentionGates`), put on. The evidence is

    .. math:: e_i = v\, g_{visual}\,(P_{trend}\, trend_i + P_{calm}\, reversal_i)
              + \sum_{m} v_m\, g_m\, pressure_{m,i}

    with m the order book, the sentiment and, where they are on, the engines over bars (`BarFusion`).

    Parameters
    ----------
    config : ThalamusConfig
    n : int
        Number of instruments.
    source_names, families : sequence of str, length k
        Sources whose name starts with ``external.`` belong to the external modality, all others to price.

    Notes
    -----
    Context and gates are finite whatever is absent; a sense that is absent, stale or from the future has gate 0
    and adds nothing. ``features`` are those of `PriceFusion`; ``saliency`` says how surprising each modality was
    (`saliency_into`). Cost O(n + k) per bar, about 50 µs.

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
        self._bias = np.array([*config.gating.bias, *config.senses.bias])
        self._pack(config)
        self._price, self._bars = PriceFusion(config.price, self.n), BarFusion(config.bars, self.n)
        self._senses, self._oscillation = Senses(config.senses, self.n), Oscillation(config.oscillation)
        self._learner = RelevanceLearner(
            config.relevance, self._family_of, self._external, len(order), self._bias, self._recall
        )
        self._attention = AttentionGates(
            config.attention, self._family_of, config.memory, self._learner.source_direction
        )
        self.reset()

    def _pack(self, config: ThalamusConfig) -> None:
        """The configuration as the arrays that compiled code reads."""
        g, features, senses = config.gating, config.context.features, config.senses
        self._terms = np.array([g.bias, g.change_gain, g.chaos_gain])
        self._gains = np.array([g.coverage_gain, g.freshness_gain, g.liquidity_gain, g.freshness_rate])
        self._scales = np.array([[f.centre for f in features], [f.scale for f in features]])
        self._features, self._macro = tuple(f.name for f in features), tuple(g.macro_features)
        self._size = config.context.size
        self._inputs = np.empty(self._size - N_BAR + 1 + len(self._macro))
        self._read = (*self._features, _RELATIVE_VOLUME, *self._macro)
        self._owners = stimulus_owners(len(self._macro))
        s, c = config.saliency, config.competition
        strengths = (config.visual_strength, senses.order_book_strength, senses.sentiment_strength)
        self._settings = np.array([s.decay, float(s.warmup), c.threshold, c.inhibition, *strengths])

    @property
    def context_size(self) -> int:
        """Length of the context vector."""
        return self.config.context.size

    def reset(self) -> None:
        """Forget evidence, freshness and what was learned."""
        m = self.config.memory
        self._fresh = np.ones(N_BAR)
        self._sent = np.zeros((m, len(DIRECTED), self.n), np.float16)
        self._sent_ts, self._now = np.zeros(m, np.int64), np.zeros((len(DIRECTED), self.n))
        self._count = 0
        self._surprises = np.zeros(self._owners.size, SURPRISE_DTYPE)
        self._last_saliency = 0.0
        for part in (
            self._price,
            self._bars,
            self._senses,
            self._oscillation,
            self._attention,
            self._learner,
        ):
            part.reset()

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
        inputs, sent = self._inputs, self._now
        inputs[:] = context_inputs(self._read, regime, moment.features)
        trend, calm, chaos = regime.trending_reverting_volatile
        senses = self._senses.update(moment, regime.change_probability, self._learner.modality)
        gate, context, saliency = np.empty(N_MODALITIES), np.empty(self._size), np.empty(N_MODALITIES)
        evidence, sources = np.empty(self.n), np.empty(len(self.names))
        self._last_saliency = _fuse(
            moment.bars, moment.present, visual.ready, moment.returns, moment.external,
            Field.VOLUME in moment.fields, inputs, self._fresh, self._learner.modality, self._learner.odds,
            self._terms, self._gains, self._scales, self._modality_of, trend, calm, chaos, visual.trend,
            visual.reversal, senses.gate, senses.stimulus, senses.pressure, self._surprises, self._owners,
            self._oscillation.update(self._last_saliency), self._settings, gate, context, sent, sources,
            saliency, evidence,
        )  # fmt: skip
        if self._attention.on:
            self._attend(moment.ts_event, gate, saliency, context, sent[0], senses, sources)
        self._remember(moment.ts_event, sent)
        gates = gate.tolist()
        if self._bars.on:
            self._add_bars(moment, gates, trend, calm, evidence)
        return Percept(
            regime=regime,
            gates=dict(zip(MODALITIES, gates, strict=True)),
            context=context,
            evidence=evidence,
            source_gates=sources,
            features=self._price.update(moment.bars, moment.present),
            saliency=dict(zip(MODALITIES, saliency.tolist(), strict=True)),
        )

    def _add_bars(
        self, moment: Moment, gate: list[float], trend: float, calm: float, evidence: np.ndarray
    ) -> None:
        """Add the gated direction of the engines over bars to the evidence (n,)."""
        price, volume = self._bars.update(moment.bars, moment.present, trend, calm)
        evidence += self.config.bars.price_strength * gate[PRICE] * price
        evidence += self.config.bars.volume_strength * gate[VOLUME] * volume

    def _attend(
        self,
        ts_event: int,
        gate: np.ndarray,
        saliency: np.ndarray,
        context: np.ndarray,
        seen: np.ndarray,
        senses: SenseView,
        sources: np.ndarray,
    ) -> None:
        """Move the gates of the sources, in place, by what attention over the modalities adds."""
        direction = np.zeros(N_MODALITIES)
        direction[VISUAL] = seen.mean()
        # of books the mean pressure, of news the tone of the newest reading: both in [-1, 1], NaN where absent
        direction[[ORDER_BOOK, SENTIMENT]] = np.clip(np.nan_to_num(senses.stimulus[:2]), -1.0, 1.0)
        tokens = np.column_stack([gate, saliency, direction])
        logits = self._attention.update(ts_event, tokens, context, sources)
        _source_gates(gate, self._modality_of, self._learner.odds * np.exp(logits), sources)

    def _remember(self, ts_event: int, sent: np.ndarray) -> None:
        slot = self._count % self.config.memory
        self._sent[slot] = sent
        self._sent_ts[slot] = ts_event
        self._count += 1

    def _recall(self, ts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        held = min(self._count, self.config.memory)
        if held == 0:
            return np.zeros((ts.size, len(DIRECTED), self.n)), np.zeros(ts.size, np.bool_)
        start = self._count % self.config.memory if self._count > held else 0
        times = np.roll(self._sent_ts, -start)[:held]
        at = np.minimum(np.searchsorted(times, ts), held - 1)
        known = times[at] == ts
        return self._sent[(at + start) % self.config.memory].astype(np.float64), known

    def learners(self) -> list[Learner]:
        """The learner of relevance, and that of attention where it is on."""
        return [self._learner, self._attention] if self._attention.on else [self._learner]

    def parameters(self) -> dict[str, object]:
        """Learned parameters in force, by learner."""
        return {x.name: x.parameters() for x in self.learners()}

    def snapshot(self) -> bytes:
        """State and learned parameters as bytes."""
        held = min(self._count, self.config.memory)
        sent = self._sent[:held]
        sensed = bool(sent.view(np.uint16)[:, 1:].any())  # halves are slow to ask
        return pack(
            {
                "fresh": self._fresh,
                "sent": sent[:, 0],
                "sent_by_senses": sent[:, 1:] if sensed else np.zeros((0, 2, self.n), np.float16),
                "sent_ts": self._sent_ts[:held],
                "count": self._count,
                "surprises": self._surprises.tobytes(),
                "last_saliency": self._last_saliency,
                "price": self._price.snapshot(),
                "bars": self._bars.snapshot(),
                "senses": self._senses.snapshot(),
                "oscillation": self._oscillation.snapshot(),
                "attention": self._attention.snapshot(),
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
        tree: dict[str, Any] = unpack(raw)
        held = min(int(tree["count"]), self.config.memory)
        if (
            tree["sent"].shape != (held, self.n)
            or len(tree["parameters"]["direction"]) != len(self.names) + len(DIRECTED)
            or len(tree["surprises"]) != self._surprises.nbytes
        ):
            raise IntegrityError(
                "thalamus: snapshot does not fit", got=tree["sent"].shape, expected=f"({held}, {self.n})"
            )
        self.reset()
        self._fresh, self._count = tree["fresh"], int(tree["count"])
        self._sent[:held, 0], self._sent_ts[:held] = tree["sent"], tree["sent_ts"]
        if len(tree["sent_by_senses"]):
            self._sent[:held, 1:] = tree["sent_by_senses"]
        self._surprises = np.frombuffer(tree["surprises"], SURPRISE_DTYPE).copy()
        self._last_saliency = float(tree["last_saliency"])
        self._price.restore(tree["price"])
        self._bars.restore(tree["bars"])
        self._senses.restore(tree["senses"])
        self._oscillation.restore(tree["oscillation"])
        self._attention.restore(tree["attention"])
        self._learner.adopt(tree["parameters"])

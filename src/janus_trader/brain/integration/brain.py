"""The ten regions built from one configuration, and what they share: snapshots, learners, parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.brain.amygdala import Amygdala, AmygdalaConfig
from janus_trader.brain.basal_ganglia import BasalGanglia, BasalGangliaConfig
from janus_trader.brain.cerebellum import Cerebellum, CerebellumConfig
from janus_trader.brain.cortex import Cortex, CortexConfig
from janus_trader.brain.hippocampus import Hippocampus, HippocampusConfig, SkillWorker, WorkerConfig
from janus_trader.brain.hypothalamus import Hypothalamus, HypothalamusConfig
from janus_trader.brain.integration.coordinator import Coordinator, CoordinatorConfig
from janus_trader.brain.integration.neutral import neutralise
from janus_trader.brain.prefrontal import Prefrontal, PrefrontalConfig
from janus_trader.brain.thalamus import Thalamus, ThalamusConfig
from janus_trader.brain.visual_cortex import VisualCortex, VisualCortexConfig
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.market import Field
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.protocols import Learner, VectorStore
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config
from janus_trader.strategies.panel import StrategyPanel

REGIONS = (
    "visual_cortex",
    "cortex",
    "hippocampus",
    "thalamus",
    "hypothalamus",
    "basal_ganglia",
    "prefrontal",
    "amygdala",
    "cerebellum",
    "integration",
)


#: Parts with learners, in the order in which a night trains them.
LEARNING = ("cortex", "visual_cortex", "thalamus", "basal_ganglia", "amygdala", "cerebellum", "worker")


class BrainConfig(Config, frozen=True):
    """Configuration of every region, which regions are replaced by their neutral form, and which
    learners are frozen at their initial parameters."""

    visual_cortex: VisualCortexConfig = VisualCortexConfig()
    cortex: CortexConfig = CortexConfig()
    hippocampus: HippocampusConfig = HippocampusConfig()
    thalamus: ThalamusConfig = ThalamusConfig()
    hypothalamus: HypothalamusConfig = HypothalamusConfig()
    basal_ganglia: BasalGangliaConfig = BasalGangliaConfig()
    prefrontal: PrefrontalConfig = PrefrontalConfig()
    amygdala: AmygdalaConfig = AmygdalaConfig()
    cerebellum: CerebellumConfig = CerebellumConfig()
    worker: WorkerConfig = WorkerConfig()
    integration: CoordinatorConfig = CoordinatorConfig()
    neutral: tuple[str, ...] = ()
    frozen_learners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    """What the brain must know of the book: fixed for a run."""

    symbols: tuple[str, ...]
    fields: frozenset[Field]
    bars_per_year: float
    long_only: bool = False


class Brain:
    """All regions of one run.

    Parameters
    ----------
    config : BrainConfig
    book : Book
    strategies : StrategyPanel
        The sources of signals, external ones included.
    memory : VectorStore, optional
        For the hippocampus, which needs it where ``config.hippocampus.search`` is ``store``.
    """

    def __init__(
        self, config: BrainConfig, book: Book, strategies: StrategyPanel, memory: VectorStore | None = None
    ) -> None:
        n, k = len(book.symbols), len(strategies.names)
        self.config, self.book, self.strategies = config, book, strategies
        self.visual_cortex = VisualCortex(config.visual_cortex, n)
        self.cortex = Cortex(config.cortex)
        self.hippocampus = Hippocampus(config.hippocampus, n, k, memory)
        self.thalamus = Thalamus(config.thalamus, n, strategies.names, strategies.families)
        self.hypothalamus = Hypothalamus(config.hypothalamus, n, book.bars_per_year, book.long_only)
        self.basal_ganglia = BasalGanglia(
            config.basal_ganglia,
            book.symbols,
            strategies.names,
            strategies.families,
            strategies.regime_weights,
            strategies.priors,
        )
        self.prefrontal = Prefrontal(config.prefrontal, book.symbols, book.long_only)
        self.basal_ganglia.use_logic(self.prefrontal.logic.logic)
        self.amygdala = Amygdala(config.amygdala, book.symbols)
        self.cerebellum = Cerebellum(config.cerebellum, n, book.symbols)
        self.worker = SkillWorker(config.worker)
        self.coordinator = Coordinator(config.integration)
        self.session_steps: list[int] = []
        self.learned_until = 0
        self._fingerprint: str | None = None
        neutralise(self, config.neutral)

    @property
    def parts(self) -> dict[str, Any]:
        """Everything with a state, by name."""
        return {
            "visual_cortex": self.visual_cortex,
            "cortex": self.cortex,
            "hippocampus": self.hippocampus,
            "thalamus": self.thalamus,
            "hypothalamus": self.hypothalamus,
            "basal_ganglia": self.basal_ganglia,
            "prefrontal": self.prefrontal,
            "amygdala": self.amygdala,
            "cerebellum": self.cerebellum,
            "worker": self.worker,
            "coordinator": self.coordinator,
            "strategies": self.strategies,
        }

    def learners(self) -> list[Learner]:
        """Every learner that is not frozen, in a fixed order."""
        found: list[Learner] = []
        for name in LEARNING:
            part = getattr(self, name)
            if hasattr(part, "learners"):
                found.extend(part.learners())
        return [x for x in found if x.name not in self.config.frozen_learners]

    @property
    def parameters_fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 over all learned parameters in force."""
        if self._fingerprint is None:
            tree = {x.name: x.parameters() for x in self.learners()}
            self._fingerprint = hashlib.sha256(pack(tree)).hexdigest()[:16]
        return self._fingerprint

    def parameters_changed(self) -> None:
        """Say that a learner adopted a candidate: the fingerprint is computed anew."""
        self._fingerprint = None

    def begin_session(self, step: int) -> None:
        """Remember where a trading day began: the held-back slice is counted in days."""
        self.session_steps.append(step)
        del self.session_steps[:-512]

    def sigma(self) -> np.ndarray:
        """One-bar volatility of each instrument, (n,), from the hypothalamus' covariance; NaN-free."""
        return self.hypothalamus.sigma()

    def reset(self) -> None:
        """Forget everything."""
        for part in self.parts.values():
            part.reset()
        self.session_steps = []
        self.learned_until = 0
        self._fingerprint = None

    def snapshots(self, *, episodes: bool = True) -> dict[str, bytes]:
        """State of every part by name, and of the brain itself; ``episodes`` as in `Hippocampus.snapshot`."""
        own = {"session_steps": self.session_steps, "learned_until": self.learned_until}
        state = {"brain": pack(own), "hippocampus": self.hippocampus.snapshot(episodes=episodes)}
        for name, part in self.parts.items():
            if name not in state:
                state[name] = part.snapshot()
        return state

    def snapshot(self, *, episodes: bool = True) -> bytes:
        """`snapshots` as bytes."""
        return pack(self.snapshots(episodes=episodes))

    def restore(self, raw: bytes, episodes: Sequence[Episode] = ()) -> None:
        """Put a `snapshot` back; the configuration must be the one it was taken with.

        ``episodes`` are those of `Hippocampus.restore`, for a snapshot without them.
        """
        self.restore_parts(unpack(raw), episodes)

    def restore_parts(self, state: Mapping[str, bytes], episodes: Sequence[Episode] = ()) -> None:
        """Put `snapshots` back; ``episodes`` as in `restore`."""
        known = {"brain", *self.parts}
        if set(state) != known:
            raise IntegrityError("snapshot of another brain", got=sorted(state), expected=str(sorted(known)))
        for name, part in self.parts.items():
            if part is not self.hippocampus:
                part.restore(state[name])
        self.hippocampus.restore(state["hippocampus"], episodes)
        own = unpack(state["brain"])
        self.session_steps = [int(s) for s in own["session_steps"]]
        self.learned_until = int(own["learned_until"])
        self._fingerprint = None

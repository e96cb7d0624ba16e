"""The long-term memory of the cortex: formed schemas and the knowledge base, fed by night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.brain.cortex.history import FeatureHistory
from janus_trader.brain.cortex.knowledge import (
    CONDITIONS,
    Expectation,
    KnowledgeBase,
    KnowledgeConfig,
    conditions_of,
)
from janus_trader.brain.cortex.schema_formation import FormationConfig, FormedSchema, SchemaFormation
from janus_trader.contracts.memory import Consolidated, Episode, Episodes
from janus_trader.contracts.protocols import VectorStore
from janus_trader.contracts.regime import RegimeState
from janus_trader.foundation.config import Config, Count


class LongTermConfig(Config, frozen=True):
    """Schemas formed from experience, and statements learned from it."""

    formation: FormationConfig = FormationConfig()
    knowledge: KnowledgeConfig = KnowledgeConfig()
    condition_bars: Annotated[Count, Meta(description="bars over which correlation rises or falls")] = 21


class LongTermMemory:
    """What the cortex keeps of the hippocampus' memories.

    `consolidate` is called at deep nights with the traces the hippocampus hands on; schemas are formed from
    them. Statements are learned from episodes, each once, because traces are the memorable ones: their mean
    is not that of the days. Nothing here decides; `expectation` and `nearest` are asked by whoever does.

    Parameters
    ----------
    config : LongTermConfig
    history : FeatureHistory
        The cortex's past feature rows; the circumstances of a decision are read there by its time.

    Examples
    --------
    >>> memory = LongTermMemory(LongTermConfig(), FeatureHistory(100))
    >>> memory.consolidate([], np.random.default_rng(0))
    ()
    """

    def __init__(self, config: LongTermConfig, history: FeatureHistory) -> None:
        self.config, self._history = config, history
        self.formation = SchemaFormation(config.formation)
        self.knowledge = KnowledgeBase(config.knowledge)

    def consolidate(
        self,
        records: Sequence[Consolidated],
        generator: np.random.Generator,
        store: VectorStore | None = None,
    ) -> tuple[FormedSchema, ...]:
        """Take in what the hippocampus hands on and form the schemas anew; the schemas in force (Algorithm 3).

        With a store the centroids are upserted under their keys and those of schemas that died are deleted.
        """
        if records:
            self.formation.add(
                np.array([r.step for r in records]),
                np.stack([r.embedding for r in records]),
                np.array([r.posterior for r in records], dtype=np.float64),
                np.array([r.reward for r in records]),
            )
        return self.formation.form(generator, store)

    def learn(self, episodes: Sequence[Episode]) -> int:
        """Learn statements from episodes that ended; how many were new. O(episodes 49)."""
        e = Episodes.of(episodes)
        if not len(e):
            return 0
        return self.knowledge.learn(
            e.step, e.ts_event, e.posterior, e.reward, self._circumstances(e.ts_event)
        )

    def _circumstances(self, ts: np.ndarray) -> np.ndarray:
        rows, earlier = self._history.at(ts, 0), self._history.at(ts, self.config.condition_bars)
        return conditions_of(rows, earlier)

    def expectation(self, regime: RegimeState, ts_event: int | None = None) -> Expectation:
        """What statements say of the next bar, given the regime and the circumstances at ``ts_event``."""
        holds = None if ts_event is None else self._circumstances(np.array([ts_event]))[0]
        return self.knowledge.expect(regime.posterior, holds)

    def nearest(self, embedding: np.ndarray) -> FormedSchema | None:
        """The formed schema most like an embedding (d,) (eq. 49); None before any."""
        return self.formation.nearest(embedding)

    def reset(self) -> None:
        """Forget all."""
        self.formation.reset()
        self.knowledge.reset()

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        return {"formation": self.formation.state(), "knowledge": self.knowledge.state()}

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.formation.put_state(state["formation"])
        self.knowledge.put_state(state["knowledge"])


__all__ = ["CONDITIONS", "LongTermConfig", "LongTermMemory"]

"""Protocols: what a component must offer to take part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.orders import OrderIntent, RefusalReason


@runtime_checkable
class Stateful(Protocol):
    """A component whose state can be taken out as bytes and put back."""

    def reset(self) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, raw: bytes) -> None: ...


@runtime_checkable
class Streaming(Stateful, Protocol):
    """A causal component: ``transform(xs)`` is bit-equal to repeated ``update``."""

    @property
    def ready(self) -> bool: ...
    def update(self, x: Any) -> Any: ...
    def transform(self, xs: np.ndarray) -> np.ndarray: ...


class Learner(Protocol):
    """A component with learned parameters that a night may replace.

    ``propose`` trains on ``train`` only and returns candidate parameters without touching the ones in
    force; ``score`` judges parameters (None: the ones in force) on episodes no training has used,
    higher is better; ``adopt`` puts a candidate in force. ``parameters`` returns the ones in force.
    A learner that predicts values also has ``errors(episodes) -> (E,)``, the temporal-difference errors that
    set the priority of replay (`ErrorLearner`). One with a ``consecutive_bars`` above 0 trains on so many of the
    latest episodes in a row, in place of the replayed ones.
    """

    name: str
    deep_only: bool

    def parameters(self) -> Any: ...
    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> Any | None: ...
    def score(self, parameters: Any, held_back: Sequence[Episode]) -> float: ...
    def adopt(self, parameters: Any) -> None: ...


@runtime_checkable
class ErrorLearner(Protocol):
    """A learner whose temporal-difference errors set replay priorities."""

    def errors(self, episodes: Sequence[Episode]) -> np.ndarray: ...


class LogicLoss(Protocol):
    """Logical loss of a policy: how far its choices break the axioms.

    Choices are ordered short, flat, long. ``facts`` are rows of
    `janus_trader.contracts.features.INSTRUMENT_FEATURES`.
    """

    names: tuple[str, ...]

    def loss(self, probabilities: np.ndarray, facts: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """``1 - SAT`` in [0, 1], its gradient by ``probabilities`` (B, 3), satisfaction of each rule (R,)."""
        ...

    def truths(self, probabilities: np.ndarray, facts: np.ndarray) -> np.ndarray:
        """Truth of each rule for each row, (B, R) in [0, 1]."""
        ...


class VectorStore(Protocol):
    """Nearest neighbours by cosine. Vectors are (d,) and stored at unit norm; keys are integers.

    ``payload`` is plain data kept beside a vector. ``search`` returns keys, cosines and payloads, best first,
    ``keys`` the keys, ascending; ``filters`` keeps only vectors whose payload has these values. A store that
    cannot be reached raises `janus_trader.contracts.errors.Unreachable`.
    """

    def upsert(
        self, keys: Sequence[int], vectors: np.ndarray, payloads: Sequence[dict[str, Any]]
    ) -> None: ...
    def search(
        self, vector: np.ndarray, k: int, filters: dict[str, Any] | None = None
    ) -> list[tuple[int, float, dict[str, Any]]]: ...
    def keys(self, filters: dict[str, Any] | None = None) -> list[int]: ...
    def delete(self, keys: Sequence[int]) -> None: ...
    def __len__(self) -> int: ...


class TradingPermission(Protocol):
    """Asked by the trader at every submit. None means yes; anything else is the reason for no."""

    def refuse(self, order: OrderIntent, portfolio: PortfolioState) -> RefusalReason | None: ...

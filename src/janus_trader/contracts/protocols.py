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
    """

    name: str
    deep_only: bool

    def parameters(self) -> Any: ...
    def propose(self, train: Sequence[Episode], rng: np.random.Generator) -> Any | None: ...
    def score(self, parameters: Any, held_back: Sequence[Episode]) -> float: ...
    def adopt(self, parameters: Any) -> None: ...


class TradingPermission(Protocol):
    """Asked by the trader at every submit. None means yes; anything else is the reason for no."""

    def refuse(self, order: OrderIntent, portfolio: PortfolioState) -> RefusalReason | None: ...

"""What the journal of a run holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from janus_trader.contracts.decision import Decision
from janus_trader.contracts.message import Message
from janus_trader.contracts.orders import Fill, OrderIntent, Refusal
from janus_trader.foundation.codec import decode
from janus_trader.stores.frames import read_frames


class StepRecord(Message, frozen=True):
    """One bar of a life: what filled, what was decided, what was sent.

    ``traded`` is False while the brain only observes (warm-up before the run's own start).
    ``equity``, ``cash`` and ``costs`` (cumulative) are taken at the bar's close, after the fills.
    """

    step: int
    ts_event: int
    session: int
    traded: bool
    decision: Decision
    orders: tuple[OrderIntent, ...]
    fills: tuple[Fill, ...]
    refusals: tuple[Refusal, ...]
    equity: float
    cash: float
    costs: float
    weights: tuple[float, ...]


def read_records(path: Path | str, limit: int | None = None) -> Iterator[StepRecord]:
    """Records of a journal in order, at most ``limit`` of them."""
    for index, payload in enumerate(read_frames(path)):
        if limit is not None and index >= limit:
            return
        yield decode(payload, StepRecord)

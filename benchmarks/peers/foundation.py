"""Peers of the message bus."""

from __future__ import annotations

from janus_trader.research.bench.work import Peer


def _nautilus(inputs):
    from nautilus_trader.common.component import MessageBus, TestClock
    from nautilus_trader.model.identifiers import TraderId

    bus = MessageBus(TraderId("T-1"), TestClock())
    for handler in inputs["handlers"]:
        bus.subscribe("data.quotes.X", handler)
    message, n = inputs["message"], inputs["n"]

    def call():
        for _ in range(n):
            bus.publish("data.quotes.X", message)

    return call


PEERS = (
    Peer(
        "foundation.bus",
        "nautilus_trader",
        "nautilus_trader",
        _nautilus,
        settings="topics are text and may hold patterns; ours are types",
    ),
)

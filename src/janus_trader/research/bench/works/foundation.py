"""The message bus."""

from __future__ import annotations

from janus_trader.research.bench.work import Case, Work

MESSAGES = 1_000


def _bus() -> Case:
    from janus_trader.contracts.orders import Refusal, RefusalReason
    from janus_trader.foundation.bus import Bus

    bus = Bus()
    message = Refusal(order_id="1", symbol="A", ts_event=0, reason=RefusalReason.NOT_FINITE)
    handlers = [lambda event: None for _ in range(3)]
    for handler in handlers:
        bus.subscribe(Refusal, handler)
    publish = bus.publish

    def ours() -> None:
        for _ in range(MESSAGES):
            publish(message)

    def calls_alone() -> None:
        first, second, third = handlers
        for _ in range(MESSAGES):
            first(message)
            second(message)
            third(message)

    return Case(ours, MESSAGES, {"message": message, "handlers": handlers, "n": MESSAGES}, calls_alone)


WORKS = (
    Work(
        "foundation.bus",
        "one message to three subscribers in one process; limit: the three calls alone",
        "message",
        _bus,
        goal_ratio=7.0,
    ),
)

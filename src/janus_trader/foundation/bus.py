"""In-process publish and subscribe, typed by message class, in order of subscription."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any], None]


class Bus:
    """Deliver a message to every handler of its exact type, synchronously, in order.

    >>> bus, seen = Bus(), []
    >>> _ = bus.subscribe(int, seen.append)
    >>> bus.publish(3); seen
    [3]
    """

    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler]] = defaultdict(list)

    def subscribe(self, kind: type, handler: Handler) -> Callable[[], None]:
        """Register a handler; the returned function removes it again."""
        self._handlers[kind].append(handler)

        def unsubscribe() -> None:
            self._handlers[kind].remove(handler)

        return unsubscribe

    def publish(self, message: Any) -> None:
        """Deliver; a handler that raises stops delivery and the error reaches the publisher."""
        for handler in tuple(self._handlers.get(type(message), ())):
            handler(message)

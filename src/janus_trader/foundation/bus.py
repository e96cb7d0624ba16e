"""In-process publish and subscribe, typed by message class, in order of subscription."""

from __future__ import annotations

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

    __slots__ = ("_handlers",)

    def __init__(self) -> None:
        # tuples, replaced at every change: a handler may subscribe or leave while it is called
        self._handlers: dict[type, tuple[Handler, ...]] = {}

    def subscribe(self, kind: type, handler: Handler) -> Callable[[], None]:
        """Register a handler; the returned function removes it again."""
        self._handlers[kind] = (*self._handlers.get(kind, ()), handler)

        def unsubscribe() -> None:
            left = list(self._handlers[kind])
            left.remove(handler)
            self._handlers[kind] = tuple(left)

        return unsubscribe

    def publish(self, message: Any) -> None:
        """Deliver; a handler that raises stops delivery and the error reaches the publisher. O(handlers)."""
        for handler in self._handlers.get(message.__class__, ()):
            handler(message)

"""The base of every message that crosses a boundary: immutable, keyword-only, tagged by class name."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An immutable, tagged record.

    Times are integers: ``ts_event`` is the exchange's time and ``ts_init`` the time the value was
    first seen, both nanoseconds since 1970-01-01 UTC. NaN never appears in a message: a value that
    is not known is absent (``None``, or a key that is missing).
    """

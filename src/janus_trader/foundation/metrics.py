"""The metrics registry: counters, gauges and histograms under one name space.

A thin face over prometheus-client so that a service can expose the same registry; imported where
used, because a batch run does not need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Metrics:
    """A registry of its own (never the global one), with names prefixed ``janus_``.

    >>> m = Metrics(); m.counter("nights_total", "nights finished").inc(); m.value("nights_total")
    1.0
    """

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry

        self.registry = CollectorRegistry()
        self._known: dict[str, Any] = {}

    def _make(self, kind: str, name: str, help_text: str, **kwargs: Any) -> Any:
        if name not in self._known:
            import prometheus_client

            cls = getattr(prometheus_client, kind)
            self._known[name] = cls(f"janus_{name}", help_text, registry=self.registry, **kwargs)
        return self._known[name]

    def counter(self, name: str, help_text: str) -> Any:
        """A number that only grows; names end in ``_total``."""
        return self._make("Counter", name, help_text)

    def gauge(self, name: str, help_text: str) -> Any:
        """A number that goes up and down."""
        return self._make("Gauge", name, help_text)

    def histogram(self, name: str, help_text: str, buckets: Sequence[float]) -> Any:
        """A distribution over fixed buckets."""
        return self._make("Histogram", name, help_text, buckets=tuple(buckets))

    def value(self, name: str) -> float | None:
        """The current value of a counter or gauge, None when unknown (never zero by default)."""
        return self.registry.get_sample_value(f"janus_{name}")

    def exposition(self) -> bytes:
        """The Prometheus text format of everything."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)

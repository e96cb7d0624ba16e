"""Calls to others that may fail: retries with backoff, a rate limit, a breaker. Time is always passed in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.foundation.config import Config, Count, Fraction, Positive

_NS = 1_000_000_000


class RetryConfig(Config, frozen=True):
    """How often to try again, and how long to wait before."""

    attempts: Annotated[Count, Meta(description="tries in all")] = 3
    first_delay_s: Positive = 0.5
    factor: Annotated[float, Meta(ge=1.0, description="each delay over the one before")] = 2.0
    longest_delay_s: Positive = 30.0
    jitter: Annotated[Fraction, Meta(description="share of a delay that is drawn at random")] = 0.5


def backoff_delay_s(config: RetryConfig, attempt: int, rng: np.random.Generator | None = None) -> float:
    """Seconds to wait after the failed try number ``attempt`` (from 1); without a generator no jitter. O(1).

    >>> [backoff_delay_s(RetryConfig(jitter=0.0), k) for k in (1, 2, 3)]
    [0.5, 1.0, 2.0]
    """
    whole = min(config.first_delay_s * config.factor ** min(attempt - 1, 64), config.longest_delay_s)
    drawn = 0.0 if rng is None else float(rng.random())
    return whole * (1.0 - config.jitter * drawn)


class BreakerConfig(Config, frozen=True):
    """When to stop calling, and for how long."""

    failures: Annotated[Count, Meta(description="failures in a row that open the breaker")] = 5
    open_s: Annotated[Positive, Meta(description="seconds before one call is let through again")] = 60.0


class BreakerState(StrEnum):
    """State of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Stops calls to a service that keeps failing, and tries it with one call after a while.

    Closed, every call passes; ``failures`` in a row open it. Open, none passes for ``open_s``. Then one call
    passes (half open): its success closes the breaker, its failure opens it anew.

    Examples
    --------
    >>> breaker = CircuitBreaker(BreakerConfig(failures=1, open_s=10.0))
    >>> breaker.failed(0)
    >>> breaker.allows(1), breaker.allows(10_000_000_000), breaker.allows(10_000_000_001)
    (False, True, False)
    """

    def __init__(self, config: BreakerConfig) -> None:
        self.config = config
        self.state = BreakerState.CLOSED
        self._in_a_row = 0
        self._opened_ns = 0

    def allows(self, now_ns: int) -> bool:
        """Whether a call may be made now; a half-open breaker allows one until it is told how that went."""
        if self.state is BreakerState.OPEN and now_ns - self._opened_ns >= self.config.open_s * _NS:
            self.state = BreakerState.HALF_OPEN
            return True
        return self.state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """A call came back well."""
        self.state, self._in_a_row = BreakerState.CLOSED, 0

    def failed(self, now_ns: int) -> None:
        """A call failed."""
        self._in_a_row += 1
        if self.state is BreakerState.HALF_OPEN or self._in_a_row >= self.config.failures:
            self.state, self._opened_ns = BreakerState.OPEN, now_ns


class RateLimitConfig(Config, frozen=True):
    """At most ``burst`` calls at once and ``per_minute`` in the long run."""

    per_minute: Positive = 60.0
    burst: Count = 5


class RateLimiter:
    """Token bucket.

    Examples
    --------
    >>> limiter = RateLimiter(RateLimitConfig(per_minute=60.0, burst=1))
    >>> limiter.delay_s(0), limiter.delay_s(0), limiter.delay_s(2_000_000_000)
    (0.0, 1.0, 0.0)
    """

    def __init__(self, config: RateLimitConfig) -> None:
        self.config = config
        self._tokens = float(config.burst)
        self._last_ns: int | None = None

    def delay_s(self, now_ns: int) -> float:
        """Take a token and give the seconds to wait before using it; 0 where one was there. O(1)."""
        rate = self.config.per_minute / 60.0
        if self._last_ns is not None and now_ns > self._last_ns:
            grown = self._tokens + (now_ns - self._last_ns) / _NS * rate
            self._tokens = min(grown, float(self.config.burst))
        self._last_ns = now_ns if self._last_ns is None else max(now_ns, self._last_ns)
        self._tokens -= 1.0
        return max(0.0, -self._tokens / rate)

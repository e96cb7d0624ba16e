import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.foundation.resilience import (
    BreakerConfig,
    BreakerState,
    CircuitBreaker,
    RateLimitConfig,
    RateLimiter,
    RetryConfig,
    backoff_delay_s,
)

S = 1_000_000_000


def test_backoff_doubles_up_to_its_limit_and_jitter_only_shortens():
    config = RetryConfig(first_delay_s=1.0, factor=2.0, longest_delay_s=5.0, jitter=0.5)
    assert [backoff_delay_s(config, k) for k in (1, 2, 3, 4, 1000)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    rng = np.random.default_rng(0)
    drawn = [backoff_delay_s(config, 3, rng) for _ in range(200)]
    assert 2.0 <= min(drawn) < 2.2
    assert 3.8 < max(drawn) <= 4.0
    assert drawn == [backoff_delay_s(config, 3, r) for r in [np.random.default_rng(0)] for _ in range(200)]


def test_breaker_opens_lets_one_through_and_closes():
    breaker = CircuitBreaker(BreakerConfig(failures=3, open_s=10.0))
    for t in range(2):
        breaker.failed(t * S)
    breaker.succeeded()
    for t in range(3):
        assert breaker.allows(t * S)
        breaker.failed(t * S)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.allows(11 * S)
    assert breaker.allows(12 * S)
    assert not breaker.allows(12 * S)  # one at a time
    breaker.failed(12 * S)
    assert not breaker.allows(21 * S)
    assert breaker.allows(22 * S)
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED


@given(st.lists(st.integers(0, 10 * S), min_size=1, max_size=60), st.integers(1, 5), st.floats(1.0, 600.0))
def test_no_window_ever_sees_more_than_the_limit(gaps, burst, per_minute):
    limiter, now, used = RateLimiter(RateLimitConfig(per_minute=per_minute, burst=burst)), 0, []
    for gap in gaps:
        now += gap
        now += round(limiter.delay_s(now) * S)  # the caller waits, as told
        used.append(now)
    for i in range(len(used)):
        for j in range(i, len(used)):
            allowed = burst + (used[j] - used[i]) / S * per_minute / 60.0
            assert j - i + 1 <= allowed + 1e-3


def test_a_clock_that_goes_back_mints_nothing():
    limiter = RateLimiter(RateLimitConfig(per_minute=60.0, burst=1))
    assert limiter.delay_s(10 * S) == 0.0
    assert limiter.delay_s(0) == pytest.approx(1.0)

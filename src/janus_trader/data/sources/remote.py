"""One way to ask a web service for JSON: refusals are values, secrets stay out of messages.

=================  =====================================  ==========================
what happened      outcome                                tried again
=================  =====================================  ==========================
2xx, as expected   ``ok``
no key at hand     ``no_key``                             no request is made
breaker open       ``breaker_open``                       no request is made
401, 403           ``unauthorised``                       no
429                ``rate_limited``                       after Retry-After, or backoff
other 4xx, 3xx     ``refused``                            no
5xx                ``unavailable``                        with backoff
no answer, broken  ``unreachable``                        with backoff
not the schema     ``malformed``                          no
=================  =====================================  ==========================
"""

from __future__ import annotations

import http.client
import math
import os
import ssl
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.clock import Clock
from janus_trader.foundation.config import Config, Positive
from janus_trader.foundation.resilience import (
    BreakerConfig,
    CircuitBreaker,
    RateLimitConfig,
    RateLimiter,
    RetryConfig,
    backoff_delay_s,
)

T = TypeVar("T")
U = TypeVar("U")

#: A longer answer is cut off and refused: no document read here is near this size.
LARGEST_BODY = 8 * 1024 * 1024


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    NO_KEY = "no_key"
    BREAKER_OPEN = "breaker_open"
    UNAUTHORISED = "unauthorised"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Fetched(Generic[T]):
    """What came back: a value where ``outcome`` is ok, else None and a reason.

    ``ts_init`` is when the answer was complete (ns UTC): what is in it could not be known before.
    """

    outcome: Outcome
    value: T | None
    detail: str
    attempts: int
    ts_init: int

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.outcome is Outcome.OK

    def then(self, turn: Callable[[T, int], U]) -> Fetched[U]:
        """The same with the value turned into another; a `DataError` on the way makes it malformed."""
        if self.value is None:
            return Fetched(self.outcome, None, self.detail, self.attempts, self.ts_init)
        try:
            value = turn(self.value, self.ts_init)
        except DataError as error:
            return Fetched(Outcome.MALFORMED, None, str(error), self.attempts, self.ts_init)
        return Fetched(self.outcome, value, self.detail, self.attempts, self.ts_init)


@dataclass(frozen=True)
class Request:
    """A GET. ``secrets`` are parameters and ``secret_headers`` headers that appear in no message."""

    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Response(msgspec.Struct, frozen=True):
    """Status, the Retry-After header ("" where absent) and the body."""

    status: int
    body: bytes
    retry_after: str = ""


class Transport(Protocol):
    """Carries a GET and returns the answer; raises OSError or http.client.HTTPException where there is none."""

    def get(self, url: str, headers: Mapping[str, str], timeout_s: float) -> Response: ...


class HttpTransport:
    """GET over http.client: one connection a request, no redirects (a key would follow them)."""

    def get(self, url: str, headers: Mapping[str, str], timeout_s: float) -> Response:
        """The answer, complete within ``timeout_s`` and `LARGEST_BODY`."""
        parts = urllib.parse.urlsplit(url)
        host, until = parts.hostname or "", time.monotonic() + timeout_s
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers=dict(headers))
            answer = connection.getresponse()
            body = bytearray()
            while chunk := answer.read1(65536):
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise http.client.HTTPException(f"answer longer than {LARGEST_BODY} bytes")
                if time.monotonic() > until:  # a slow drip never trips the socket's own timeout
                    raise TimeoutError(f"answer not complete after {timeout_s} s")
            expected = answer.getheader("Content-Length")
            if expected is not None and expected.isdigit() and len(body) < int(expected):
                raise http.client.IncompleteRead(bytes(body), int(expected) - len(body))
            return Response(answer.status, bytes(body), answer.getheader("Retry-After") or "")
        finally:
            connection.close()


class RemoteConfig(Config, frozen=True):
    """Patience with a service."""

    timeout_s: Positive = 10.0
    retry: RetryConfig = RetryConfig()
    breaker: BreakerConfig = BreakerConfig()
    rate: RateLimitConfig = RateLimitConfig()


class Remote:
    """A web service that answers GET with JSON.

    Parameters
    ----------
    name : str
        For messages.
    base_url : str
        Scheme, host and what all paths begin with.
    config : RemoteConfig
    clock : Clock
        Gives ``ts_init`` and drives breaker and rate limit.
    transport : Transport, optional
        `HttpTransport` unless given.
    sleep : callable, optional
        Waits; ``time.sleep`` unless given.
    rng : numpy.random.Generator, optional
        Draws the jitter of the backoff; without it delays are exact.

    Notes
    -----
    Only transient failures are retried. A success or a clear refusal (4xx) closes the breaker; transient failures
    and malformed answers count against it.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        config: RemoteConfig,
        clock: Clock,
        transport: Transport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.name, self.base_url, self.config, self.clock = name, base_url.rstrip("/"), config, clock
        self._transport = HttpTransport() if transport is None else transport
        self._sleep, self._rng = sleep, rng
        self.breaker, self._limiter = CircuitBreaker(config.breaker), RateLimiter(config.rate)

    def fetch(self, request: Request, kind: type[T]) -> Fetched[T]:
        """Ask, with retries, and decode the answer as ``kind`` (a msgspec type)."""
        if not self.breaker.allows(self.clock.now_ns()):
            return self._end(Outcome.BREAKER_OPEN, "not asked: it has failed too often of late", 0)
        outcome, detail, wait_s = Outcome.UNREACHABLE, "", 0.0
        for attempt in range(1, self.config.retry.attempts + 1):
            if attempt > 1:
                self._sleep(wait_s)
            self._pace()
            try:
                response = self._ask(request)
            except (OSError, http.client.HTTPException, ValueError) as error:
                # the message of an error may hold the address, and with it a key: its kind is enough
                outcome, detail, after = Outcome.UNREACHABLE, type(error).__name__, None
            else:
                if 200 <= response.status < 300:
                    return self._decode(response.body, kind, attempt)
                outcome, after = _judge(response)
                detail = f"HTTP {response.status}"
                if outcome in (Outcome.UNAUTHORISED, Outcome.REFUSED):
                    self.breaker.succeeded()  # it is there, and says no
                    return self._end(outcome, detail, attempt)
            wait_s = backoff_delay_s(self.config.retry, attempt, self._rng)
            if after is not None:
                wait_s = min(max(wait_s, after), self.config.retry.longest_delay_s)
        self.breaker.failed(self.clock.now_ns())
        return self._end(outcome, detail, self.config.retry.attempts)

    def without_key(self, variable: str) -> Fetched[Any]:
        """The answer where the environment holds no key."""
        return self._end(Outcome.NO_KEY, f"set the environment variable {variable}", 0)

    def _pace(self) -> None:
        wait_s = self._limiter.delay_s(self.clock.now_ns())
        if wait_s > 0.0:
            self._sleep(wait_s)

    def _ask(self, request: Request) -> Response:
        query = urllib.parse.urlencode({**request.parameters, **request.secrets})
        url = f"{self.base_url}{request.path}" + (f"?{query}" if query else "")
        headers = {"Accept": "application/json", "User-Agent": "janus-trader", **request.secret_headers}
        return self._transport.get(url, headers, self.config.timeout_s)

    def _decode(self, body: bytes, kind: type[T], attempt: int) -> Fetched[T]:
        try:
            value = msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.breaker.failed(self.clock.now_ns())
            return self._end(Outcome.MALFORMED, f"not the documented answer: {error}", attempt)
        self.breaker.succeeded()
        return Fetched(Outcome.OK, value, "", attempt, self.clock.now_ns())

    def _end(self, outcome: Outcome, detail: str, attempts: int) -> Fetched[Any]:
        return Fetched(outcome, None, f"{self.name}: {detail}", attempts, self.clock.now_ns())


def _judge(response: Response) -> tuple[Outcome, float | None]:
    """Outcome of an answer that is not a success, and the seconds it asks to wait."""
    status = response.status
    if status == 429:
        after = response.retry_after.strip()
        return Outcome.RATE_LIMITED, float(after) if after.isascii() and after.isdigit() else None
    if status in (401, 403):
        return Outcome.UNAUTHORISED, None
    return (Outcome.UNAVAILABLE if status >= 500 else Outcome.REFUSED), None


def environment_key(variable: str) -> str | None:
    """A key from the environment, the only place keys come from; None where it is unset or empty.

    >>> environment_key("JANUS_NO_SUCH_KEY") is None
    True
    """
    return os.environ.get(variable, "").strip() or None


def time_ns(text: str, where: str) -> int:
    """ISO 8601 text as ns UTC; text without a zone is UTC.

    Raises
    ------
    DataError
        It is no time.

    >>> time_ns("2024-03-01T12:00:00Z", "test") == time_ns("2024-03-01 12:00:00.000", "test")
    True
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise DataError(f"{where}: not a time", got=repr(text), expected="ISO 8601") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    seconds, rest = divmod((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(), 1)
    return int(seconds) * 1_000_000_000 + round(rest * 1_000_000) * 1_000


def known_at(ts_event: int, ts_init: int) -> int:
    """When something could first be known: never before it happened, whatever the receiver's clock says.

    >>> known_at(5, 3)
    5
    """
    return max(ts_event, ts_init)


def number(value: float | None, low: float, high: float, where: str) -> float | None:
    """A measured number, None where absent.

    Raises
    ------
    DataError
        It is not finite or outside what the quantity can be.

    >>> number(3.0, 0.0, 9.0, "kp")
    3.0
    """
    if value is None:
        return None
    if not (math.isfinite(value) and low <= value <= high):
        raise DataError(f"{where} is impossible", got=value, expected=f"in [{low}, {high}]")
    return float(value)

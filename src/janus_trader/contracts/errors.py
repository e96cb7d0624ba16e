"""The exception tree: a broken assumption raises, a refusal is a value.

    JanusError
    ├── ConfigError       a configuration key or value is not what it must be
    ├── DataError         market data is missing, malformed or contradictory
    │   └── Unreachable   a service does not answer, or not as it should
    ├── NotReady          a component was asked before its warm-up had ended
    ├── Infeasible        a set of constraints admits no solution
    ├── IntegrityError    a stored artefact does not match its hash or schema
    └── StrategyError     a user's strategy file cannot be loaded or raised

Every message says what was got, what was expected and the remedy, so that the command line can
print it without a traceback.
"""

from __future__ import annotations


class JanusError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    what : str
        The sentence a user reads first.
    got, expected, remedy : str, optional
        What was found, what would have been right, and what to do about it.

    Examples
    --------
    >>> print(JanusError("bad window", got="0", expected="an integer >= 2", remedy="set window=20"))
    bad window (got 0; expected an integer >= 2; remedy: set window=20)
    """

    def __init__(
        self, what: str, *, got: object = None, expected: str | None = None, remedy: str | None = None
    ) -> None:
        self.what, self.got, self.expected, self.remedy = what, got, expected, remedy
        parts = []
        if got is not None:
            parts.append(f"got {got}")
        if expected is not None:
            parts.append(f"expected {expected}")
        if remedy is not None:
            parts.append(f"remedy: {remedy}")
        super().__init__(f"{what} ({'; '.join(parts)})" if parts else what)


class ConfigError(JanusError):
    """A configuration key or value is not what it must be."""


class DataError(JanusError):
    """Market data is missing, malformed or contradictory."""


class Unreachable(DataError):
    """A service outside this process does not answer, or not as it should."""


class NotReady(JanusError):
    """A component was asked for an answer before its warm-up had ended."""


class Infeasible(JanusError):
    """A set of constraints admits no solution."""


class IntegrityError(JanusError):
    """A stored artefact does not match its hash or its schema."""


class StrategyError(JanusError):
    """A user's strategy file cannot be loaded, or its step raised."""

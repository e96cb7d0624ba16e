"""Risk posture: escalates at once, relaxes one step at a time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.contracts.decision import Posture, Severity
from janus_trader.contracts.errors import IntegrityError
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config


class PostureConfig(Config, frozen=True):
    """Hysteresis of the posture."""

    calm_bars: Annotated[int, Meta(ge=1, description="calmer bars in a row before one step down")] = 5


#: Posture each severity asks for; increasing.
ASKED: dict[Severity, Posture] = {
    Severity.NONE: Posture.NORMAL,
    Severity.LOW: Posture.REDUCE,
    Severity.MEDIUM: Posture.FREEZE,
    Severity.HIGH: Posture.SAFE,
    Severity.CRITICAL: Posture.HALT,
}


class PostureMachine:
    """State machine from severity to posture.

    With ``a`` the posture the severity asks for and ``p`` the posture in force::

        a > p:  p <- a, calm <- 0
        a = p:  calm <- 0
        a < p:  calm <- calm + 1;  calm = calm_bars:  p <- p - 1, calm <- 0

    The map is monotone: a path of severities that is never lower gives a posture that is never
    lower. O(1).

    Parameters
    ----------
    config : PostureConfig

    Examples
    --------
    >>> machine = PostureMachine(PostureConfig(calm_bars=2))
    >>> [machine.update(Severity(s)).name for s in (0, 2, 0, 0, 0, 0)]
    ['NORMAL', 'FREEZE', 'FREEZE', 'REDUCE', 'REDUCE', 'NORMAL']
    """

    def __init__(self, config: PostureConfig | None = None) -> None:
        self.config = config or PostureConfig()
        self._posture, self._calm = Posture.NORMAL, 0

    @property
    def posture(self) -> Posture:
        """The posture in force."""
        return self._posture

    def update(self, severity: Severity) -> Posture:
        """Take in one bar's severity and return the posture in force."""
        asked = ASKED[severity]
        if asked >= self._posture:
            self._posture, self._calm = asked, 0
        else:
            self._calm += 1
            if self._calm >= self.config.calm_bars:
                self._posture, self._calm = Posture(self._posture - 1), 0
        return self._posture

    def reset(self) -> None:
        """Back to NORMAL."""
        self._posture, self._calm = Posture.NORMAL, 0

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack([int(self._posture), self._calm])

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it is not one."""
        try:
            posture, calm = unpack(raw)
            self._posture, self._calm = Posture(posture), int(calm)
        except (TypeError, ValueError) as error:
            raise IntegrityError("not a posture snapshot", got=str(error)) from error

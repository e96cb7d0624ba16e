"""The kill switch: four scopes, trips at once, only a human's token arms it again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum

from janus_trader.contracts.decision import Posture
from janus_trader.contracts.errors import DataError, IntegrityError, JanusError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.message import Message
from janus_trader.contracts.orders import OrderIntent, RefusalReason, Side
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config


class Scope(StrEnum):
    """What a trip stops."""

    STRATEGY = "strategy"
    INSTRUMENT = "instrument"
    SERVICE = "service"
    GLOBAL = "global"


class SwitchState(StrEnum):
    """State of the whole switch; UNKNOWN refuses everything."""

    ARMED = "armed"
    TRIPPED = "tripped"
    UNKNOWN = "unknown"


class Trip(Message, frozen=True):
    """One trip in force."""

    scope: Scope
    target: str
    reason: str
    ts: int


class KillSwitchConfig(Config, frozen=True):
    """What a tripped switch still lets through, and who may arm it again.

    ``token_sha256`` is the digest (see `token_digest`) of the token a human holds; while it is
    empty nobody can arm a tripped switch. The token itself never enters a configuration.
    """

    allow_reducing: bool = True
    service: str = "trader"
    token_sha256: str = ""


def token_digest(token: str) -> str:
    """SHA-256 in hex of a reset token, as `KillSwitchConfig.token_sha256` wants it.

    >>> len(token_digest("swordfish"))
    64
    """
    return hashlib.sha256(token.encode()).hexdigest()


class KillSwitch:
    """Emergency stop and trading permission.

    A trip of scope GLOBAL (target ignored), of SERVICE with this service's name or of INSTRUMENT
    with the order's symbol refuses the order; a STRATEGY trip carries no single order and is read
    by `tripped`. A posture of FREEZE or worse, reported by `observe_posture`, refuses orders that
    are not exits without tripping anything. Where the book is known (``symbols``), whether an order
    reduces is computed from the portfolio and the order's own flag is not believed.

    Fails closed: with an unknown state (a snapshot that could not be read), or when anything about
    the order or the book cannot be evaluated, the answer is PERMISSION_DENIED. O(trips).

    Parameters
    ----------
    config : KillSwitchConfig
    symbols : sequence of str
        The book in the order of `PortfolioState.quantities`; empty when unknown.

    Examples
    --------
    >>> switch = KillSwitch(KillSwitchConfig(token_sha256=token_digest("swordfish")))
    >>> switch.trip(Scope.GLOBAL, "", "operator", ts=1); switch.state.value
    'tripped'
    >>> switch.reset_trip("guess", Scope.GLOBAL, "", ts=2), switch.reset_trip(
    ...     "swordfish", Scope.GLOBAL, "", ts=3
    ... )
    (False, True)
    """

    def __init__(self, config: KillSwitchConfig | None = None, symbols: Sequence[str] = ()) -> None:
        self.config = config or KillSwitchConfig()
        self._index = {symbol: i for i, symbol in enumerate(symbols)}
        self.reset()

    @property
    def state(self) -> SwitchState:
        """ARMED, TRIPPED (any scope) or UNKNOWN."""
        if not self._valid:
            return SwitchState.UNKNOWN
        return SwitchState.TRIPPED if self._trips else SwitchState.ARMED

    @property
    def trips(self) -> tuple[Trip, ...]:
        """The trips in force, oldest first."""
        return tuple(self._trips.values())

    @property
    def audit(self) -> tuple[tuple[int, str, str], ...]:
        """Every change and every refused reset: (ts, what, detail)."""
        return tuple(self._audit)

    def trip(self, scope: Scope, target: str, reason: str, ts: int) -> None:
        """Trip a scope; a second trip of the same scope and target keeps the first.

        Raises
        ------
        DataError
            A scope other than GLOBAL without a target.
        """
        scope = Scope(scope)
        target = "" if scope is Scope.GLOBAL else target
        if scope is not Scope.GLOBAL and not target:
            raise DataError(
                "a kill switch trip needs a target",
                got=f"scope {scope}",
                expected="the name of what to stop",
                remedy="name it, or use the global scope",
            )
        self._trips.setdefault((scope, target), Trip(scope=scope, target=target, reason=reason, ts=int(ts)))
        self._audit.append((int(ts), "trip", f"{scope} {target} {reason}".strip()))

    def reset_trip(self, token: str, scope: Scope, target: str, ts: int) -> bool:
        """Lift one trip with a human's token; False (and an audit line) when the token is not right.

        A switch in the UNKNOWN state is made valid again by a right token for the GLOBAL scope.
        """
        scope = Scope(scope)
        target = "" if scope is Scope.GLOBAL else target
        wanted = self.config.token_sha256
        given = token_digest(token) if isinstance(token, str) and token.strip() else ""
        if not wanted or not given or not hmac.compare_digest(wanted.lower(), given):
            self._audit.append((int(ts), "reset refused", f"{scope} {target}".strip()))
            return False
        self._trips.pop((scope, target), None)
        if scope is Scope.GLOBAL:
            self._valid = True
        self._audit.append((int(ts), "reset", f"{scope} {target}".strip()))
        return True

    def tripped(self, scope: Scope, target: str = "") -> bool:
        """Whether this scope and target, or the global scope, is stopped; True while UNKNOWN."""
        if not self._valid or (Scope.GLOBAL, "") in self._trips:
            return True
        return (Scope(scope), target) in self._trips

    def observe_posture(self, posture: Posture) -> None:
        """Report the posture in force; FREEZE and worse let exits through only."""
        self._posture = posture if type(posture) is Posture else Posture(posture)

    def refuse(self, order: OrderIntent, portfolio: PortfolioState) -> RefusalReason | None:
        """None when the order may go; else the reason (see `contracts.protocols.TradingPermission`)."""
        try:
            return self._judge(order, portfolio)
        except (AttributeError, TypeError, ValueError, IndexError, KeyError, ArithmeticError, JanusError):
            return RefusalReason.PERMISSION_DENIED

    def _judge(self, order: OrderIntent, portfolio: PortfolioState) -> RefusalReason | None:
        if not self._valid:
            return RefusalReason.PERMISSION_DENIED
        stopped = (
            (Scope.GLOBAL, "") in self._trips
            or (Scope.SERVICE, self.config.service) in self._trips
            or (Scope.INSTRUMENT, order.symbol) in self._trips
        )
        if stopped:
            if self.config.allow_reducing and self._reduces(order, portfolio):
                return None
            return RefusalReason.PERMISSION_DENIED
        if self._posture >= Posture.FREEZE and not self._reduces(order, portfolio):
            return RefusalReason.PERMISSION_DENIED
        return None

    def _reduces(self, order: OrderIntent, portfolio: PortfolioState) -> bool:
        if not self._index:
            return order.reduces is True
        held = portfolio.quantities[self._index[order.symbol]]
        signed = order.quantity if order.side is Side.BUY else -order.quantity
        return order.quantity > 0 and held * signed < 0 and abs(signed) <= abs(held) * (1.0 + 1e-9)

    def reset(self) -> None:
        """Back to a fresh, armed switch: for a new run, never during one."""
        self._valid = True
        self._trips: dict[tuple[Scope, str], Trip] = {}
        self._audit: list[tuple[int, str, str]] = []
        self._posture = Posture.NORMAL

    def snapshot(self) -> bytes:
        """State as bytes, trips and audit included."""
        trips = [[t.scope.value, t.target, t.reason, t.ts] for t in self._trips.values()]
        return pack([self._valid, int(self._posture), trips, [list(line) for line in self._audit]])

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            The bytes are not a snapshot; the switch is then UNKNOWN and refuses every order.
        """
        self._valid = False
        try:
            valid, posture, trips, audit = unpack(raw)
            self._trips = {
                (Scope(scope), target): Trip(scope=Scope(scope), target=target, reason=reason, ts=ts)
                for scope, target, reason, ts in trips
            }
            self._audit = [(int(ts), str(what), str(detail)) for ts, what, detail in audit]
            self._posture = Posture(posture)
            if valid not in (True, False):
                raise ValueError(f"flag {valid!r}")
        except (TypeError, ValueError) as error:
            raise IntegrityError(
                "not a kill switch snapshot", got=str(error), remedy="a human resets the global scope"
            ) from error
        self._valid = valid

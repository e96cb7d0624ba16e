from __future__ import annotations

import pytest

from janus_trader.brain.amygdala import (
    KillSwitch,
    KillSwitchConfig,
    Scope,
    SwitchState,
    token_digest,
)
from janus_trader.contracts.decision import Posture
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.orders import OrderIntent, RefusalReason, Side

TOKEN = "a human holds this"
CONFIG = KillSwitchConfig(token_sha256=token_digest(TOKEN))


def order(
    symbol: str = "A", side: Side = Side.BUY, quantity: float = 1.0, reduces: bool = False
) -> OrderIntent:
    return OrderIntent(
        order_id="1",
        symbol=symbol,
        side=side,
        quantity=quantity,
        ts_event=0,
        decision_price=10.0,
        reduces=reduces,
    )


def book(*quantities: float) -> PortfolioState:
    return PortfolioState(
        ts_event=0,
        equity=100.0,
        cash=50.0,
        peak_equity=100.0,
        session_start_equity=100.0,
        weights=tuple(0.1 * q for q in quantities),
        quantities=quantities,
    )


def switch() -> KillSwitch:
    return KillSwitch(CONFIG, ("A", "B"))


def test_an_armed_switch_lets_orders_through() -> None:
    assert switch().refuse(order(), book(0.0, 0.0)) is None
    assert switch().state is SwitchState.ARMED


@pytest.mark.parametrize(
    ("scope", "target", "stops_a", "stops_b"),
    [
        (Scope.GLOBAL, "", True, True),
        (Scope.INSTRUMENT, "A", True, False),
        (Scope.SERVICE, "trader", True, True),
        (Scope.SERVICE, "somebody else", False, False),
        (Scope.STRATEGY, "ema_flip", False, False),
    ],
)
def test_each_scope_stops_what_it_names(scope: Scope, target: str, stops_a: bool, stops_b: bool) -> None:
    s = switch()
    s.trip(scope, target, "test", ts=1)
    assert (s.refuse(order("A"), book(0.0, 0.0)) is not None) == stops_a
    assert (s.refuse(order("B"), book(0.0, 0.0)) is not None) == stops_b
    assert s.tripped(scope, target)
    assert s.state is SwitchState.TRIPPED


def test_a_strategy_trip_is_read_by_name_and_global_covers_all() -> None:
    s = switch()
    s.trip(Scope.STRATEGY, "ema_flip", "decay", ts=1)
    assert s.tripped(Scope.STRATEGY, "ema_flip")
    assert not s.tripped(Scope.STRATEGY, "other")
    s.trip(Scope.GLOBAL, "", "all", ts=2)
    assert s.tripped(Scope.STRATEGY, "other")


def test_exits_pass_a_trip_unless_configured_otherwise() -> None:
    s = switch()
    s.trip(Scope.GLOBAL, "", "test", ts=1)
    assert s.refuse(order("A", Side.SELL, 2.0, reduces=True), book(3.0, 0.0)) is None
    strict = KillSwitch(KillSwitchConfig(allow_reducing=False), ("A", "B"))
    strict.trip(Scope.GLOBAL, "", "test", ts=1)
    assert strict.refuse(order("A", Side.SELL, 2.0), book(3.0, 0.0)) is RefusalReason.PERMISSION_DENIED


def test_the_orders_own_flag_is_not_believed_where_the_book_is_known() -> None:
    s = switch()
    s.trip(Scope.GLOBAL, "", "test", ts=1)
    through_zero = order("A", Side.SELL, 4.0, reduces=True)
    grows = order("A", Side.BUY, 1.0, reduces=True)
    unknown = order("Z", Side.SELL, 1.0, reduces=True)
    for o in (through_zero, grows, unknown):
        assert s.refuse(o, book(3.0, 0.0)) is RefusalReason.PERMISSION_DENIED
    assert s.refuse(order("A", Side.SELL, float("nan"), reduces=True), book(3.0, 0.0)) is not None


@pytest.mark.parametrize("posture", list(Posture))
def test_freeze_and_worse_let_only_exits_through(posture: Posture) -> None:
    s = switch()
    s.observe_posture(posture)
    assert (s.refuse(order("A"), book(1.0, 0.0)) is None) == (posture < Posture.FREEZE)
    assert s.refuse(order("A", Side.SELL, 1.0), book(1.0, 0.0)) is None
    assert s.state is SwitchState.ARMED


def test_only_the_right_token_arms_it_again() -> None:
    s = switch()
    s.trip(Scope.GLOBAL, "", "test", ts=1)
    for wrong in ("", " ", "guess", CONFIG.token_sha256):
        assert not s.reset_trip(wrong, Scope.GLOBAL, "", ts=2)
    assert s.state is SwitchState.TRIPPED
    assert s.reset_trip(TOKEN, Scope.GLOBAL, "", ts=3)
    assert s.state is SwitchState.ARMED
    assert [what for _, what, _ in s.audit] == ["trip"] + ["reset refused"] * 4 + ["reset"]


def test_without_a_configured_token_nobody_can_arm_it() -> None:
    s = KillSwitch()
    s.trip(Scope.GLOBAL, "", "test", ts=1)
    assert not s.reset_trip("", Scope.GLOBAL, "", ts=2)
    assert not s.reset_trip("anything", Scope.GLOBAL, "", ts=2)


def test_an_unreadable_state_refuses_everything_until_a_human_resets_it() -> None:
    s = switch()
    with pytest.raises(IntegrityError):
        s.restore(b"\x93garbage")
    assert s.state is SwitchState.UNKNOWN
    assert s.refuse(order("A", Side.SELL, 1.0), book(1.0, 0.0)) is RefusalReason.PERMISSION_DENIED
    assert s.tripped(Scope.STRATEGY, "any")
    assert s.reset_trip(TOKEN, Scope.GLOBAL, "", ts=1)
    assert s.refuse(order(), book(0.0, 0.0)) is None


def test_a_book_that_cannot_be_read_is_refused() -> None:
    s = switch()
    s.trip(Scope.GLOBAL, "", "test", ts=1)
    assert s.refuse(order("B", Side.SELL, 1.0, reduces=True), book(1.0)) is not None
    assert s.refuse(None, book(1.0)) is not None  # type: ignore[arg-type]


def test_snapshot_keeps_trips_posture_and_audit() -> None:
    a = switch()
    a.trip(Scope.INSTRUMENT, "A", "test", ts=1)
    a.observe_posture(Posture.HALT)
    b = switch()
    b.restore(a.snapshot())
    assert b.trips == a.trips
    assert b.audit == a.audit
    assert b.refuse(order("B"), book(0.0, 0.0)) is not None
    assert b.snapshot() == a.snapshot()


def test_a_trip_needs_a_target() -> None:
    with pytest.raises(DataError, match="target"):
        switch().trip(Scope.INSTRUMENT, "", "test", ts=1)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.prefrontal import Prefrontal, PrefrontalConfig
from janus_trader.contracts.decision import Posture, Severity, Target, Threat
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.foundation.codec import decode, encode
from janus_trader.foundation.config import build

N = 20
SYMBOLS = tuple(f"S{i}" for i in range(N))
ALL = np.ones(N, bool)


def book(weights, *, equity=100.0, peak=100.0, start=100.0) -> PortfolioState:
    return PortfolioState(
        ts_event=0,
        equity=equity,
        cash=equity,
        peak_equity=peak,
        session_start_equity=start,
        weights=tuple(float(w) for w in weights),
        quantities=(0.0,) * len(weights),
    )


def threat(posture=Posture.NORMAL) -> Threat:
    return Threat(score=0.0, severity=Severity.NONE, posture=posture, fear=0.0, detectors={})


def target(weights) -> Target:
    return Target(weights=np.asarray(weights, dtype=float), method="test", expected_volatility=0.1)


def prefrontal(long_only=False, **config) -> Prefrontal:
    return Prefrontal(PrefrontalConfig(**config), SYMBOLS, long_only)


def failed(verdict) -> set[str]:
    return {r.rule for r in verdict.rules if not r.passed}


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    held = rng.normal(0.02, draw(st.sampled_from([0.0, 0.05, 0.2])), N)
    wish = rng.normal(draw(st.sampled_from([-0.2, 0.0, 0.2])), draw(st.sampled_from([0.01, 0.1, 1.0])), N)
    wish[: draw(st.sampled_from([0, 0, 1]))] = np.nan
    equity = draw(st.sampled_from([100.0, 97.0, 94.0, 70.0, 50.0, 0.0, -5.0, np.nan]))
    portfolio = book(held, equity=equity, start=draw(st.sampled_from([100.0, equity])))
    present = rng.random(N) < draw(st.sampled_from([0.3, 0.9, 1.0]))
    return wish, held, portfolio, threat(draw(st.sampled_from(list(Posture)))), present


@settings(max_examples=150, deadline=None)
@given(cases(), st.booleans())
def test_what_is_allowed_passes_every_rule_and_a_second_review(case, long_only):
    wish, held, portfolio, danger, present = case
    one = prefrontal(long_only, restricted=("S3", "S7"))
    verdict = one.review(target(wish), portfolio, danger, present)
    assert np.isfinite(verdict.allowed).all()
    again = one.review(target(verdict.allowed), portfolio, danger, present)
    np.testing.assert_array_equal(again.allowed, verdict.allowed)
    assert not again.changed
    assert failed(again) <= ({"finite"} if not portfolio.equity > 0 else set())
    np.testing.assert_array_equal(verdict.allowed[~present], held[~present])


@settings(max_examples=100, deadline=None)
@given(cases())
def test_no_position_grows_from_freeze_on(case):
    wish, held, portfolio, danger, present = case
    allowed = prefrontal().review(target(wish), portfolio, danger, present).allowed
    if danger.posture >= Posture.FREEZE or not portfolio.equity > 0 or not np.isfinite(wish).all():
        assert (np.abs(allowed) <= np.abs(held)).all()
        assert (allowed * held >= 0.0).all()


@settings(max_examples=100, deadline=None)
@given(cases())
def test_a_target_is_only_ever_moved_towards_zero_or_what_is_held(case):
    wish, held, portfolio, danger, present = case
    allowed = prefrontal().review(target(wish), portfolio, danger, present).allowed
    goal = np.where(np.isfinite(wish) & present, wish, held)
    assert (np.abs(allowed) <= np.abs(goal) + 1e-12).all()
    assert (allowed * goal >= 0.0).all()


def test_a_modest_target_goes_through_untouched():
    wish = np.full(N, 0.04)
    verdict = prefrontal().review(target(wish), book(np.zeros(N)), threat(), ALL)
    np.testing.assert_array_equal(verdict.allowed, wish)
    assert not verdict.changed
    assert failed(verdict) == set()
    assert all(r.truth == 1.0 for r in verdict.rules)


def test_position_limits_are_asymmetric():
    wish = np.zeros(N)
    wish[:2] = 0.5, -0.5
    allowed = prefrontal().review(target(wish), book(np.zeros(N)), threat(), ALL).allowed
    np.testing.assert_allclose(allowed[:2], [0.15, -0.10])


def test_gross_net_and_turnover_limits():
    one = prefrontal(max_turnover=10.0)
    longs = one.review(target(np.full(N, 0.15)), book(np.zeros(N)), threat(), ALL)
    assert longs.allowed.sum() == pytest.approx(1.2)
    assert failed(longs) == {"gross_limit", "net_limit", "drawdown"}
    shorts = one.review(target(np.full(N, -0.10)), book(np.zeros(N)), threat(), ALL)
    assert shorts.allowed.sum() == pytest.approx(-0.3)
    mixed = one.review(target(np.repeat([0.15, -0.10], N // 2)), book(np.zeros(N)), threat(), ALL)
    assert np.abs(mixed.allowed).sum() == pytest.approx(1.5)
    slow = prefrontal(max_turnover=0.2).review(target(np.full(N, 0.05)), book(np.zeros(N)), threat(), ALL)
    assert slow.allowed.sum() == pytest.approx(0.2)
    assert failed(slow) == {"turnover_limit"}


def test_turnover_limit_never_holds_back_an_exit():
    held = np.full(N, 0.05)
    allowed = prefrontal(max_turnover=0.0).review(target(np.zeros(N)), book(held), threat(), ALL).allowed
    np.testing.assert_array_equal(allowed, 0.0)


def test_what_cannot_be_traded_uses_up_the_caps():
    held = np.zeros(N)
    held[:2] = 0.8, 0.6
    present = ALL.copy()
    present[:2] = False
    wish = np.full(N, 0.05)
    verdict = prefrontal().review(target(wish), book(held), threat(), present)
    np.testing.assert_array_equal(verdict.allowed[:2], held[:2])
    np.testing.assert_allclose(verdict.allowed[2:], 0.0, atol=1e-12)  # net is used up by the absent
    assert "stale_instrument" in failed(verdict)


def test_long_only_book_has_no_short():
    wish = np.repeat([0.05, -0.05], N // 2)
    verdict = prefrontal(long_only=True).review(target(wish), book(np.zeros(N)), threat(), ALL)
    assert (verdict.allowed >= 0).all()
    assert failed(verdict) == {"long_only"}


def test_gross_cap_shrinks_with_drawdown_until_nothing_may_grow():
    wish = np.repeat([0.08, -0.04], N // 2)
    sizes = []
    for equity in (100.0, 85.0, 75.0, 65.0, 60.0, 50.0):
        state = book(np.zeros(N), equity=equity, start=equity)
        sizes.append(np.abs(prefrontal().review(target(wish), state, threat(), ALL).allowed).sum())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(1.0)
    assert sizes[-2:] == [0.0, 0.0]


def test_daily_loss_stops_growth_until_the_next_session():
    held, wish = np.full(N, 0.02), np.full(N, 0.04)
    lost = prefrontal().review(target(wish), book(held, equity=95.0), threat(), ALL)
    np.testing.assert_array_equal(lost.allowed, held)
    assert failed(lost) == {"daily_loss"}
    assert "5.0%" in next(r.detail for r in lost.rules if not r.passed)
    fresh = prefrontal().review(target(wish), book(held, equity=95.0, start=95.0), threat(), ALL)
    np.testing.assert_array_equal(fresh.allowed, wish)


def test_postures_only_ever_take_more_away():
    held, wish = np.full(N, 0.04), np.full(N, 0.06)
    sizes = [
        np.abs(prefrontal().review(target(wish), book(held), threat(p), ALL).allowed).sum() for p in Posture
    ]
    assert (np.diff(sizes) <= 1e-12).all()
    np.testing.assert_allclose(sizes, [1.2, 0.75, 0.75, 0.4, 0.4], atol=1e-12)
    held = np.full(N, 0.03)
    frozen = prefrontal().review(target(wish), book(held), threat(Posture.FREEZE), ALL)
    np.testing.assert_array_equal(frozen.allowed, held)


def test_restricted_instrument_may_only_be_reduced():
    held, wish = np.zeros(N), np.full(N, 0.05)
    held[4] = 0.03
    one = prefrontal(restricted=("S4", "S5", "UNKNOWN"))
    verdict = one.review(target(wish), book(held), threat(), ALL)
    assert verdict.allowed[4] == 0.03
    assert verdict.allowed[5] == 0.0
    assert one.review(target(np.zeros(N)), book(held), threat(), ALL).allowed[4] == 0.0


@pytest.mark.parametrize("equity", [0.0, -1.0, np.nan, np.inf])
def test_unknown_equity_fails_closed(equity):
    held = np.full(N, 0.01)
    verdict = prefrontal().review(target(np.full(N, 0.05)), book(held, equity=equity), threat(), ALL)
    np.testing.assert_array_equal(verdict.allowed, held)
    assert {"finite", "drawdown", "daily_loss"} <= failed(verdict)


def test_unknown_holding_is_not_added_to():
    held = np.full(N, 0.02)
    held[0] = np.nan
    allowed = prefrontal().review(target(np.full(N, 0.05)), book(held), threat(), ALL).allowed
    assert allowed[0] == 0.0
    np.testing.assert_array_equal(allowed[1:], held[1:])


def test_verdict_survives_the_codec_and_speaks():
    wish = np.full(N, 0.3)
    wish[0] = np.nan
    verdict = prefrontal().review(target(wish), book(np.zeros(N)), threat(Posture.SAFE), ALL)
    back = decode(encode(verdict), type(verdict))
    np.testing.assert_array_equal(back.allowed, verdict.allowed)
    words = {r.rule: r.detail for r in verdict.rules if not r.passed}
    assert words["finite"] == "no number for S0: no position may grow"
    assert words["posture"].startswith("SAFE: ")


def test_satisfaction_falls_with_every_broken_rule():
    one = prefrontal()
    good = one.review(target(np.full(N, 0.02)), book(np.zeros(N)), threat(), ALL)
    bad = one.review(target(np.full(N, 0.3)), book(np.zeros(N)), threat(), ALL)
    worse = one.review(target(np.full(N, 0.3)), book(np.zeros(N)), threat(Posture.HALT), ALL)
    scores = [one.satisfaction(v.rules) for v in (good, bad, worse)]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert scores[2] > 0.0


def test_record_counts_breaches_and_survives_a_snapshot():
    a, b = prefrontal(), prefrontal()
    a.review(target(np.full(N, 0.3)), book(np.zeros(N)), threat(), ALL)
    truth, breaches = a.record["position_limit"]
    assert breaches == 1
    assert truth < 1.0
    b.restore(a.snapshot())
    for one in (a, b):
        one.review(target(np.full(N, 0.2)), book(np.zeros(N)), threat(), ALL)
    assert a.snapshot() == b.snapshot()
    a.reset()
    assert a.snapshot() == prefrontal().snapshot()
    with pytest.raises(IntegrityError, match="another rulebook"):
        a.restore(b"\x80")


def test_wrong_shapes_and_configurations_are_refused():
    with pytest.raises(DataError, match="target of another book"):
        prefrontal().review(target(np.zeros(3)), book(np.zeros(N)), threat(), ALL)
    with pytest.raises(DataError, match="portfolio of another book"):
        prefrontal().review(target(np.zeros(N)), book(np.zeros(3)), threat(), ALL)
    with pytest.raises(DataError, match="portfolio of another book"):
        prefrontal().review(target(np.zeros(N)), book(np.zeros(N)), threat(), ALL[:3])
    with pytest.raises(ConfigError, match="empty book"):
        Prefrontal(PrefrontalConfig(), (), False)
    with pytest.raises(ConfigError, match="drawdown limits"):
        PrefrontalConfig(drawdown_start=0.5)
    with pytest.raises(ConfigError, match="max_long"):
        build(PrefrontalConfig, [{"max_long": -0.1}])

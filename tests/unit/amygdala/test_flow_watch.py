"""Order flow and quotes: alarms where they should be, silence where there is no data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.unit.amygdala.test_amygdala import book, features, regime

from janus_trader.brain.amygdala import Amygdala, DetectorConfig, FlowWatch
from janus_trader.brain.amygdala.flow_watch import RANK_WINDOW, SIGMA_WINDOW, VPIN_WINDOW
from janus_trader.contracts.decision import Posture, Severity
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.contracts.senses import BookLevels
from janus_trader.numerics.bulk_vpin import BulkVPIN

MINUTES = 390


def bars(close: np.ndarray, volume: np.ndarray, minutes: int = MINUTES) -> np.ndarray:
    out = np.zeros(len(close), BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        out[name] = close
    out["volume"] = volume
    out["session"], out["bar_of_session"] = np.divmod(np.arange(len(close)), minutes)
    return out


def quotes(spread_bps: float, symbol: str = "A", venue: str = "V") -> BookLevels:
    half = 1e-4 * spread_bps / 2.0
    one = np.ones(1)
    return BookLevels(
        venue=venue, symbol=symbol, ts_event=0, ts_init=0, bid_price=100.0 * (1 - half) * one,
        bid_size=one, ask_price=100.0 * (1 + half) * one, ask_size=one,
    )  # fmt: skip


def walk(days: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = days * MINUTES
    return 100.0 * np.exp(np.cumsum(0.0005 * rng.standard_normal(n))), rng.exponential(1000.0, n)


def test_vpin_is_that_of_the_kernel_with_a_fiftieth_of_the_daily_volume() -> None:
    close, _ = walk(4)
    volume = np.full(len(close), 100.0)  # a constant day makes the bucket a constant
    watch, seen = FlowWatch(DetectorConfig()), []
    for row in bars(close, volume):
        seen.append(watch.update(np.array([row]), np.array([True]), ())[0])
    kernel = BulkVPIN(MINUTES * 100.0 / 50.0, VPIN_WINDOW, 1, SIGMA_WINDOW, RANK_WINDOW)
    told = bars(close, volume)
    rows = [(c, v) for c, v, s, k in told[["close", "volume", "session", "bar_of_session"]] if s and k]
    np.testing.assert_allclose(seen[-1], kernel.transform(np.array(rows))[-1, 0])
    assert np.isnan(seen[:MINUTES]).all()  # the first session's volume is not known before it is over


def test_daily_bars_without_quotes_are_silent_and_no_alarm() -> None:
    watch = FlowWatch(DetectorConfig())
    for row in bars(*walk(1), minutes=1):
        got = watch.update(np.array([row]), np.array([True]), ())
    assert all(math.isnan(x) for x in got[:4])
    assert got[4] == 0.0


def test_a_flash_crash_freezes_and_toxic_flow_makes_it_worse() -> None:
    close, volume = walk(2)
    close[-4:] = close[-5] * np.array([0.99, 0.98, 0.97, 0.965])
    severities = {}
    for vpin in (0.2, 0.7):
        amygdala = Amygdala()
        for t, row in enumerate(bars(close, volume)[-20:]):
            seen = FeatureVector(ts_event=t, values={"market_return": 0.0, "vpin": vpin})
            threat = amygdala.assess(seen, regime(), book(), None, np.array([row]), np.array([True]))
        severities[vpin] = threat.severity
        assert threat.detectors["flash_crash"] >= 0.6
    assert severities[0.2] >= Severity.MEDIUM
    assert severities[0.7] > severities[0.2]


def test_a_fall_over_the_night_is_not_a_flash_crash() -> None:
    close, volume = walk(2)
    close[MINUTES:] *= 0.9
    watch = FlowWatch(DetectorConfig())
    falls = [watch.update(np.array([row]), np.array([True]), ())[2] for row in bars(close, volume)]
    assert np.nanmax(falls) < 0.02


def test_a_spread_of_ten_times_the_normal_freezes() -> None:
    amygdala = Amygdala()
    for t in range(100):
        calm = amygdala.assess(features(t, 0.0), regime(), book(), None, books=(quotes(5.0),))
    assert calm.posture is Posture.NORMAL
    nine = amygdala.assess(features(101, 0.0), regime(), book(), None, books=(quotes(45.0),))
    assert nine.severity is Severity.NONE
    wide = amygdala.assess(features(102, 0.0), regime(), book(), None, books=(quotes(60.0),))
    assert wide.severity >= Severity.MEDIUM
    assert wide.posture >= Posture.FREEZE


def test_the_spread_is_the_best_over_venues_and_an_empty_side_is_infinite() -> None:
    watch = FlowWatch(DetectorConfig(spread_warmup=5))
    for _ in range(20):
        watch.update(None, None, (quotes(5.0, venue="V"), quotes(20.0, venue="W")))
    assert watch.update(None, None, (quotes(10.0),))[3] == pytest.approx(2.0, rel=1e-3)
    empty = quotes(5.0)
    gone = BookLevels(
        venue="V", symbol="A", ts_event=0, ts_init=0, bid_price=np.zeros(0), bid_size=np.zeros(0),
        ask_price=empty.ask_price, ask_size=empty.ask_size,
    )  # fmt: skip
    assert watch.update(None, None, (gone,))[3] == math.inf


def test_quotes_that_stay_away_count_as_blindness_and_those_that_never_came_do_not() -> None:
    amygdala = Amygdala()
    for t in range(60):
        amygdala.assess(features(t, 0.0), regime(), book(), None, books=(quotes(5.0),))
    after = [amygdala.assess(features(100 + t, 0.0), regime(), book(), None).posture for t in range(5)]
    assert after[:3] == [Posture.NORMAL] * 3
    assert after[3] is Posture.REDUCE
    assert Amygdala().assess(features(0, 0.0), regime(), book(), None).posture is Posture.NORMAL


def test_only_instruments_with_volume_take_room_in_a_snapshot() -> None:
    close, volume = walk(3)
    rows = bars(close, volume)
    still = rows.copy()
    still["volume"] = np.nan
    both, other = np.array([True, True]), FlowWatch(DetectorConfig())
    one, two = FlowWatch(DetectorConfig()), FlowWatch(DetectorConfig())
    for a, b in zip(rows[:400], still[:400], strict=True):
        one.update(np.array([a, b]), both, ())
        two.update(np.array([a, a]), both, ())
    assert 1.8 * len(one.snapshot()) < len(two.snapshot())
    other.restore(one.snapshot())
    for a, b in zip(rows[400:], still[400:], strict=True):
        x, y = (each.update(np.array([b, a]), both, ()) for each in (one, other))
        np.testing.assert_array_equal(x, y)


def test_restored_state_continues_identically() -> None:
    close, volume = walk(3)
    rows = bars(close, volume)
    one, other = FlowWatch(DetectorConfig()), FlowWatch(DetectorConfig())
    for row in rows[:800]:
        one.update(np.array([row]), np.array([True]), (quotes(5.0),))
    other.restore(one.snapshot())
    for row in rows[800:]:
        a = one.update(np.array([row]), np.array([True]), (quotes(6.0),))
        np.testing.assert_array_equal(a, other.update(np.array([row]), np.array([True]), (quotes(6.0),)))
    assert one.snapshot() == other.snapshot()
    with pytest.raises(IntegrityError, match="flow snapshot"):
        FlowWatch(DetectorConfig(flash_bars=77)).restore(one.snapshot())
    one.reset()
    assert one.snapshot() == FlowWatch(DetectorConfig()).snapshot()

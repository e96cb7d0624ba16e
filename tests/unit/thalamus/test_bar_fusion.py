import numpy as np
import pytest

from janus_trader.brain.thalamus import BarFusion, BarFusionConfig, Thalamus, ThalamusConfig
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.numerics.timeframes import Timeframes
from janus_trader.numerics.volume_profile import VolumeProfile
from support.senses import blind, moment, regime_state

ON = BarFusionConfig(price_strength=0.1, volume_strength=0.2, horizons=(2, 5), window=8, bins=6)


def bars_of(rng, steps, n=2):
    close = 100.0 * np.exp(np.cumsum(rng.standard_normal((steps, n)), axis=0) * 0.01)
    bars = np.zeros((steps, n), BAR_DTYPE)
    bars["close"], bars["high"], bars["low"] = close, close * 1.004, close * 0.995
    bars["volume"] = rng.lognormal(10, 0.5, (steps, n))
    return bars


def feed(engine, bars, present=None):
    for t in range(len(bars)):
        here = np.ones(engine.n, bool) if present is None else present[t]
        out = engine.update(bars[t], here, 0.6, 0.3)
    return out


def test_engines_are_their_kernels(rng):
    bars = bars_of(rng, 30)
    price, volume = feed(BarFusion(ON, 2), bars)
    for i in range(2):
        row = Timeframes((2, 5)).transform(bars["close"][:, i])[-1]
        assert price[i] == pytest.approx(row[:2].mean(), abs=1e-12)
        columns = np.column_stack([bars[name][:, i] for name in ("high", "low", "close", "volume")])
        profile = VolumeProfile(8, 6).transform(columns)[-1]
        assert volume[i] == pytest.approx(profile[3] * (0.6 * np.tanh(profile[4]) - 0.3), abs=1e-12)


def test_absent_instruments_and_bars_without_volume_change_nothing(rng):
    bars = bars_of(rng, 31)
    engine, other = BarFusion(ON, 2), BarFusion(ON, 2)
    wanted = feed(engine, bars[:30])
    feed(other, bars[:30])
    np.testing.assert_array_equal(other.update(bars[30], np.zeros(2, bool), 0.6, 0.3), wanted)
    silent = bars[30].copy()
    silent["volume"] = np.nan
    assert other.update(silent, np.ones(2, bool), 0.6, 0.3)[1].tolist() == wanted[1].tolist()


def test_an_engine_that_is_off_says_nothing_and_holds_nothing(rng):
    engine = BarFusion(BarFusionConfig(), 2)
    assert not engine.on
    assert (feed(engine, bars_of(rng, 70)) == 0.0).all()
    assert len(engine.snapshot()) < 200


def test_evidence_reaches_the_percept_only_where_on():
    quiet, loud = (Thalamus(ThalamusConfig(bars=b), 3, ("ema",), ("trend",)) for b in (BarFusionConfig(), ON))
    for t in range(20):
        m = moment(t, close=np.array([100.0 + t, 100.0, 120.0 - t]))
        a, b = (x.fuse(m, regime_state(), blind()).evidence for x in (quiet, loud))
    assert (a == 0.0).all()
    assert b[0] > 0.0 > b[2]


def test_snapshot_continues_identically(rng):
    bars = bars_of(rng, 40)
    engine, other = BarFusion(ON, 2), BarFusion(ON, 2)
    feed(engine, bars[:20])
    other.restore(engine.snapshot())
    np.testing.assert_array_equal(feed(engine, bars[20:]), feed(other, bars[20:]))
    with pytest.raises(IntegrityError):
        other.restore(BarFusion(BarFusionConfig(), 2).snapshot())

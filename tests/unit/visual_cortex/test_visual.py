import numpy as np
import pytest

from janus_trader.brain.visual_cortex import VisualCortex, VisualCortexConfig
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE


def bars_of(prices):
    bars = np.zeros(len(prices), BAR_DTYPE)
    for name in ("open", "high", "low", "close"):
        bars[name] = prices
    return bars


def run(eye, prices, present=None):
    out = []
    for t, row in enumerate(prices):
        flags = np.ones(len(row), bool) if present is None else present[t]
        out.append(eye(bars_of(row), flags))
    return out


def walk(seed, steps, n, drift=0.0):
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(0.01 * rng.standard_normal((steps, n)) + drift, axis=0))


def test_long_drift_has_a_trend_and_its_mirror_the_opposite():
    prices = walk(3, 64, 6, drift=0.01)
    up = run(VisualCortex(VisualCortexConfig(), 6), prices)[-1]
    down = run(VisualCortex(VisualCortexConfig(), 6), 1e4 / prices)[-1]
    assert up.ready.all()
    assert (up.trend > 0.3).all()
    np.testing.assert_allclose(up.trend, -down.trend, atol=1e-9)
    np.testing.assert_allclose(up.reversal, -down.reversal, atol=1e-9)


def test_price_scale_does_not_matter():
    prices = walk(4, 50, 3)
    a = run(VisualCortex(VisualCortexConfig(), 3), prices)[-1]
    b = run(VisualCortex(VisualCortexConfig(), 3), prices * 1000)[-1]
    np.testing.assert_allclose(a.texture, b.texture, atol=1e-9)
    np.testing.assert_allclose(a.trend, b.trend, atol=1e-9)


def test_warm_up_and_absent_or_bad_bars():
    eye = VisualCortex(VisualCortexConfig(window=8), 2)
    prices = walk(5, 12, 2)
    present = np.ones((12, 2), bool)
    present[3, 1] = False
    prices[5, 1] = np.nan
    out = run(eye, prices, present)
    assert [bool(o.ready[0]) for o in out] == [False] * 7 + [True] * 5
    assert [bool(o.ready[1]) for o in out] == [False] * 9 + [True] * 3
    assert all(np.isfinite(o.texture).all() and np.isfinite(o.trend).all() for o in out)
    clean = np.delete(prices[:, 1:], [3, 5], axis=0)
    alone = run(VisualCortex(VisualCortexConfig(window=8), 1), clean)[-1]
    assert alone.trend[0] == out[-1].trend[1]


def test_the_future_does_not_change_the_past():
    prices = walk(6, 60, 2)
    changed = prices.copy()
    changed[40:] *= 1.5
    a = run(VisualCortex(VisualCortexConfig(), 2), prices)
    b = run(VisualCortex(VisualCortexConfig(), 2), changed)
    for x, y in zip(a[:40], b[:40], strict=True):
        assert x.texture.tobytes() == y.texture.tobytes()


def test_snapshot_continues_identically():
    prices = walk(7, 80, 3)
    eye = VisualCortex(VisualCortexConfig(), 3)
    run(eye, prices[:45])
    fresh = VisualCortex(VisualCortexConfig(), 3)
    fresh.restore(eye.snapshot())
    for a, b in zip(run(eye, prices[45:]), run(fresh, prices[45:]), strict=True):
        assert a.trend.tobytes() == b.trend.tobytes()
        assert a.texture.tobytes() == b.texture.tobytes()
    eye.reset()
    assert eye.snapshot() == VisualCortex(VisualCortexConfig(), 3).snapshot()
    with pytest.raises(IntegrityError):
        VisualCortex(VisualCortexConfig(), 2).restore(fresh.snapshot())
    with pytest.raises(DataError):
        eye(bars_of([1.0]), np.array([True]))

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.execution.cost_model import CostConfig, CostModel


def bars_of(close: np.ndarray, volume: np.ndarray | None = None, per_session: int = 1) -> np.ndarray:
    t, n = close.shape
    bars = np.zeros((t, n), BAR_DTYPE)
    for field in ("open", "high", "low", "close"):
        bars[field] = close
    bars["volume"] = np.nan if volume is None else volume
    bars["session"] = (np.arange(t) // per_session)[:, None]
    bars["bar_of_session"] = (np.arange(t) % per_session)[:, None]
    return bars


@pytest.fixture
def closes() -> np.ndarray:
    rng = np.random.default_rng(1)
    return 100.0 * np.exp(np.cumsum(rng.normal(0, [0.01, 0.02, 0.03], (300, 3)), axis=0))


def feed(model: CostModel, bars: np.ndarray) -> None:
    present = np.ones(bars.shape[1], bool)
    for row in bars:
        model.observe(row, present)


def test_sigma_and_value_match_a_plain_recursion(closes):
    config = CostConfig(halflife_sessions=10.0)
    volume = np.full(closes.shape, 500.0)
    model = CostModel(config, 3, volume_known=True)
    feed(model, bars_of(closes, volume))
    r = closes[1:] / closes[:-1] - 1.0
    variance, value = np.full(3, config.initial_sigma**2), None
    for k in range(len(r) - 1):  # the last session has not ended
        variance = variance + max(config.alpha, 1.0 / (k + 2)) * (r[k] ** 2 - variance)
    for k in range(1, len(closes) - 1):
        traded = 500.0 * closes[k]
        value = traded if value is None else value + max(config.alpha, 1.0 / k) * (traded - value)
    np.testing.assert_allclose(model.sigma, np.sqrt(variance), rtol=1e-12)
    np.testing.assert_allclose(model.daily_value, value, rtol=1e-12)


def test_fraction_is_the_sum_of_its_terms(closes):
    config = CostConfig(multiplier=2.0)
    model = CostModel(config, 3, volume_known=True)
    feed(model, bars_of(closes, np.full(closes.shape, 1e4)))
    sigma, value = model.sigma[1], model.daily_value[1]
    expected = 2.0 * (3e-4 + 0.02 * sigma + 0.1 * sigma * np.sqrt(5e4 / value))
    assert model.fraction(1, 5e4) == pytest.approx(expected, rel=1e-12)
    assert model.fraction(1, -5e4) == model.fraction(1, 5e4)
    np.testing.assert_array_equal(
        model.fractions(np.full(3, 5e4)), [model.fraction(i, 5e4) for i in range(3)]
    )


def test_unknown_volume_has_no_impact(closes):
    model = CostModel(CostConfig(), 3, volume_known=False)
    feed(model, bars_of(closes, np.full(closes.shape, 1e4)))
    assert model.fraction(0, 1e3) == model.fraction(0, 1e12)
    assert np.isnan(model.daily_value).all()


def test_intraday_bars_give_session_figures():
    rng = np.random.default_rng(2)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.001, (26 * 200, 1)), axis=0))
    model = CostModel(CostConfig(halflife_sessions=1000.0), 1, volume_known=True)
    feed(model, bars_of(close, np.full(close.shape, 10.0), per_session=26))
    assert model.sigma[0] == pytest.approx(0.001 * np.sqrt(26), rel=0.1)
    assert model.daily_value[0] == pytest.approx(260.0 * close.mean(), rel=0.2)


def test_figures_use_the_past_only(closes):
    changed = closes.copy()
    changed[200:] *= 3.0
    a, b = CostModel(CostConfig(), 3, True), CostModel(CostConfig(), 3, True)
    feed(a, bars_of(closes)[:200])
    feed(b, bars_of(changed)[:200])
    assert a.snapshot() == b.snapshot()


def test_bad_bars_and_absent_instruments_change_nothing(closes):
    model = CostModel(CostConfig(), 3, volume_known=True)
    bars = bars_of(closes, np.full(closes.shape, 1e4))
    feed(model, bars[:100])
    before = model.snapshot()
    model.observe(bars[100], np.zeros(3, bool))
    bad = bars[100].copy()
    bad["close"] = [np.nan, -1.0, np.inf]
    model.observe(bad, np.ones(3, bool))
    assert model.snapshot() == before


def test_snapshot_continues_identically_and_reset_is_fresh(closes):
    bars = bars_of(closes, np.full(closes.shape, 1e4))
    a, b = CostModel(CostConfig(), 3, True), CostModel(CostConfig(), 3, True)
    fresh = a.snapshot()
    feed(a, bars[:150])
    b.restore(a.snapshot())
    feed(a, bars[150:])
    feed(b, bars[150:])
    assert a.snapshot() == b.snapshot()
    a.reset()
    assert a.snapshot() == fresh


def test_refuses_what_does_not_fit():
    model = CostModel(CostConfig(), 3, True)
    with pytest.raises(ConfigError, match="instruments"):
        CostModel(CostConfig(), 0, True)
    with pytest.raises(DataError, match="bars do not fit"):
        model.observe(np.zeros(2, BAR_DTYPE), np.ones(2, bool))
    with pytest.raises(DataError, match="no such trade"):
        model.fraction(3, 1.0)
    with pytest.raises(DataError, match="no such trade"):
        model.fraction(0, float("nan"))
    with pytest.raises(DataError, match="values"):
        model.fractions(np.array([1.0, np.nan, 1.0]))
    with pytest.raises(IntegrityError, match="another cost model"):
        CostModel(CostConfig(multiplier=0.0), 3, True).restore(model.snapshot())

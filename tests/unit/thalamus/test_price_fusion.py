import numpy as np
import pytest

from janus_trader.brain.thalamus.price_fusion import PriceFusion, PriceFusionConfig
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.numerics.instrument_features import InstrumentFeatures

N = 3


def closes_of(rng, steps=130, n=N):
    return 100.0 * np.exp(np.cumsum(rng.standard_normal((steps, n)), axis=0) * 0.01)


def feed(engine, closes, present=None):
    bars, rows = np.zeros(engine.n, BAR_DTYPE), None
    for t, row in enumerate(closes):
        bars["close"] = row
        rows = engine.update(bars, np.ones(engine.n, bool) if present is None else present[t])
    return rows


def test_each_instrument_has_its_own_kernel(rng):
    closes = closes_of(rng)
    rows = feed(PriceFusion(PriceFusionConfig(), N), closes)
    for i in range(N):
        np.testing.assert_array_equal(rows[i], InstrumentFeatures().transform(closes[:, i])[-1])


def test_rows_are_zero_until_their_own_instrument_is_ready(rng):
    closes = closes_of(rng)
    present = np.ones(closes.shape, bool)
    present[:40, 1] = False
    engine = PriceFusion(PriceFusionConfig(), N)
    rows = feed(engine, closes, present)
    assert (rows[1] == 0.0).all()
    assert rows[[0, 2], -1].tolist() == [1.0, 1.0]
    assert not engine.ready


@pytest.mark.parametrize("missing", ["absent", "nan", "zero"])
def test_a_missing_close_keeps_the_row_and_hurts_no_other(rng, missing):
    closes = closes_of(rng, 140)
    engine, clean = (PriceFusion(PriceFusionConfig(), N) for _ in range(2))
    before = feed(engine, closes[:130])
    feed(clean, closes[:130])
    bars, present = np.zeros(N, BAR_DTYPE), np.ones(N, bool)
    bars["close"] = closes[130]
    other = clean.update(bars, present)
    present[1] = missing != "absent"
    bars["close"][1] = {"absent": closes[130, 1], "nan": np.nan, "zero": 0.0}[missing]
    after = engine.update(bars, present)
    np.testing.assert_array_equal(after[1], before[1])
    np.testing.assert_array_equal(after[[0, 2]], other[[0, 2]])


def test_snapshot_continues_identically(rng):
    closes = closes_of(rng, 160)
    engine, other = (PriceFusion(PriceFusionConfig(), N) for _ in range(2))
    feed(engine, closes[:100])
    other.restore(engine.snapshot())
    np.testing.assert_array_equal(feed(engine, closes[100:]), feed(other, closes[100:]))
    assert engine.snapshot() == other.snapshot()
    engine.reset()
    assert engine.snapshot() == PriceFusion(PriceFusionConfig(), N).snapshot()


def test_what_does_not_fit_is_refused():
    engine = PriceFusion(PriceFusionConfig(), N)
    with pytest.raises(DataError):
        engine.update(np.zeros(2, BAR_DTYPE), np.ones(2, bool))
    for other in (PriceFusion(PriceFusionConfig(), 2), PriceFusion(PriceFusionConfig(window=32), N)):
        with pytest.raises(IntegrityError):
            engine.restore(other.snapshot())

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.features import FeatureSchema
from janus_trader.contracts.market import BAR_DTYPE, Field, Instrument
from janus_trader.contracts.panel import NS_PER_DAY, MarketPanel, Observations
from janus_trader.simulation.block_bootstrap import block_indices
from janus_trader.simulation.worlds import WORLDS, apply_world


def make(t: int = 3000, n: int = 3, *, close_only: bool = False, seed: int = 0) -> MarketPanel:
    g = np.random.default_rng(seed)
    drift = np.linspace(0.001, 0.003, n)
    common = g.standard_normal(t) * 0.008
    r = drift + common[:, None] + g.standard_normal((t, n)) * 0.008
    close = 20.0 * np.cumprod(1.0 + r, axis=0)
    present = np.ones((t, n), bool)
    present[: t // 10, n - 1] = False
    present[g.random(t) < 0.02, 0] = False
    bars = np.zeros((t, n), BAR_DTYPE)
    open_ = np.vstack([close[:1], close[:-1]]) * (1 + g.standard_normal((t, n)) * 0.002)
    bars["open"], bars["close"] = (close, close) if close_only else (open_, close)
    bars["high"] = np.maximum(bars["open"], close) * (1.0 if close_only else 1.003)
    bars["low"] = np.minimum(bars["open"], close) * (1.0 if close_only else 0.997)
    bars["volume"] = np.nan if close_only else g.lognormal(5, 0.3, (t, n))
    for i in range(n):
        last = np.nan
        for j in range(t):
            if present[j, i]:
                last = bars["close"][j, i]
            else:
                for name in ("open", "high", "low", "close"):
                    bars[name][j, i] = last
                bars["volume"][j, i] = 0.0
    fields = {Field.CLOSE} if close_only else {Field.CLOSE, Field.OPEN, Field.HIGH_LOW, Field.VOLUME}
    bars["session"] = np.arange(t)[:, None]
    return MarketPanel(
        name="made",
        instruments=tuple(Instrument(symbol=f"S{i}", fields=frozenset(fields)) for i in range(n)),
        ts=(np.arange(t) + 1) * NS_PER_DAY,
        session=np.arange(t),
        bars=bars,
        present=present,
        fields=frozenset(fields),
        bar_seconds=86_400.0,
        bars_per_year=252.0,
        market=1000.0 * np.cumprod(1.0 + 0.002 + common),
        market_volume=np.where(np.arange(t) < 500, np.nan, g.lognormal(9, 0.2, t)),
        auxiliary=(Observations("vix", np.array([NS_PER_DAY]), np.array([20.0])),),
        schema=FeatureSchema(version="1.0.0", features=(), sources=()),
        external=np.zeros((t, 1, n)),
    )


def returns(level: np.ndarray) -> np.ndarray:
    return level[1:] / level[:-1] - 1.0


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    return make()


def test_the_real_world_is_the_panel_itself(panel):
    assert apply_world(panel, "real", np.random.default_rng(0)) is panel


def test_an_unknown_world_is_refused(panel):
    with pytest.raises(ConfigError, match="shuffled"):
        apply_world(panel, "dream", np.random.default_rng(0))


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_depends_on_its_generator_only(panel, name):
    before = panel.bars.tobytes()
    one, two = (apply_world(panel, name, np.random.default_rng(7)) for _ in range(2))
    assert one.bars.tobytes() == two.bars.tobytes()
    assert one.external.tobytes() == two.external.tobytes()
    assert one.market.tobytes() == two.market.tobytes()
    assert panel.bars.tobytes() == before
    assert one.name == panel.name


def test_blocks_have_the_stated_mean_length_and_cover_the_history():
    rows = block_indices(40_001, 21.0, np.random.default_rng(1))
    breaks = (np.diff(rows) != 1) & ~((rows[1:] == 1) & (rows[:-1] == 40_000))
    assert len(rows) / (breaks.sum() + 1) == pytest.approx(21.0, rel=0.1)
    assert np.unique(rows).size > 0.5 * len(rows)


def test_the_shuffled_world_has_one_common_mean_of_zero(panel):
    means, markets = [], []
    for seed in range(40):
        world = apply_world(panel, "shuffled", np.random.default_rng(seed))
        c = world.bars["close"]
        means.append([returns(c[np.isfinite(c[:, i]), i]).mean() for i in range(3)])
        markets.append(returns(world.market).mean())
    error = 0.012 / np.sqrt(3000 * 40)
    assert np.abs(np.mean(means, axis=0)).max() < 4 * error
    assert abs(np.mean(markets)) < 4 * error
    real = [returns(panel.bars["close"][400:, i]).mean() for i in range(3)]
    assert max(real) - min(real) > 20 * error


def test_the_shuffled_world_keeps_correlation_volatility_and_bar_shapes(panel):
    world = apply_world(panel, "shuffled", np.random.default_rng(3))
    real, made = returns(panel.bars["close"][400:, :2]), returns(world.bars["close"][400:, :2])
    assert np.corrcoef(made.T)[0, 1] == pytest.approx(np.corrcoef(real.T)[0, 1], abs=0.08)
    assert made.std() == pytest.approx(real.std(), rel=0.08)
    b, here = world.bars, world.present
    assert (b["low"][here] <= np.minimum(b["open"], b["close"])[here]).all()
    assert (b["high"][here] >= np.maximum(b["open"], b["close"])[here]).all()
    shape = (panel.bars["high"] / panel.bars["close"])[panel.present]
    drawn = (b["high"] / b["close"])[here]
    assert np.isin(np.round(drawn, 9), np.round(shape, 9)).all()


def test_the_shuffled_world_is_a_valid_panel_without_other_sources(panel):
    world = apply_world(panel, "shuffled", np.random.default_rng(4))
    assert world.auxiliary == ()
    assert world.external.shape == (3000, 0, 3)
    np.testing.assert_array_equal(world.ts, panel.ts)
    np.testing.assert_array_equal(world.bars["session"], panel.bars["session"])
    started = np.maximum.accumulate(world.present, axis=0)
    close = world.bars["close"]
    assert (close[started] > 0).all()
    assert np.isnan(close[~started]).all()
    stale = started & ~world.present
    stale[0] = False
    np.testing.assert_array_equal(close[stale], np.roll(close, 1, axis=0)[stale])
    value = (world.bars["close"] * world.bars["volume"])[world.present]
    usual = (panel.bars["close"] * panel.bars["volume"])[panel.present]
    assert np.median(value) == pytest.approx(np.median(usual), rel=0.5)
    assert 0.5 < np.nanmedian(world.market_volume) < 2.0


def test_close_only_bars_stay_flat():
    b = apply_world(make(400, close_only=True), "shuffled", np.random.default_rng(0)).bars
    for name in ("open", "high", "low"):
        np.testing.assert_array_equal(b[name], b["close"])


def test_moments_within_the_shuffled_world_cannot_be_predicted_by_the_mean(panel):
    """Holding any instrument earns nothing on average over worlds, however well it did."""
    totals = []
    for seed in range(30):
        c = apply_world(panel, "shuffled", np.random.default_rng(100 + seed)).bars["close"]
        totals.append(returns(c[400:]).mean(axis=0) * 252)
    assert np.abs(np.mean(totals, axis=0)).max() < 0.05


@pytest.mark.parametrize("close_only", [True, False])
def test_the_leak_is_the_return_from_the_next_bar_to_the_one_after(close_only):
    panel = make(400, close_only=close_only)
    signs = set()
    for seed in range(8):
        world = apply_world(panel, "leaked", np.random.default_rng(seed))
        assert world.external.shape == (400, 2, 3)
        assert world.bars is panel.bars
        signal = world.external[:, -1, 1]
        price = panel.bars["close" if close_only else "open"][:, 1]
        earned = price[2:] / price[1:-1] - 1.0
        correlation = np.corrcoef(signal[50:-2], earned[50:])[0, 1]
        assert abs(correlation) > 0.95
        signs.add(float(np.sign(correlation)))
        assert (world.external[-2:, -1] == 0).all()
        assert np.abs(world.external).max() <= 3.0
        assert np.isfinite(world.external).all()
    assert signs == {-1.0, 1.0}


def test_the_leak_is_silent_where_it_could_not_be_traded():
    panel = make(400)
    signal = apply_world(panel, "leaked", np.random.default_rng(0)).external[:, -1]
    for t in range(398):
        for i in range(3):
            if not (panel.present[t + 1, i] and panel.present[t + 2, i]):
                assert signal[t, i] == 0.0


def test_the_leaks_scale_uses_the_past_only():
    panel = make(400)
    world = apply_world(panel, "leaked", np.random.default_rng(0)).external[:, -1]
    bars = panel.bars.copy()
    for name in ("open", "high", "low", "close"):
        bars[name][303:] *= np.random.default_rng(5).lognormal(0, 0.5, (97, 1))
    import dataclasses

    other = dataclasses.replace(panel, bars=bars)
    changed = apply_world(other, "leaked", np.random.default_rng(0)).external[:, -1]
    np.testing.assert_array_equal(changed[:301], world[:301])
    assert (changed[301:398] != world[301:398]).any()

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.features import SourceSpec
from janus_trader.contracts.panel import NS_PER_DAY, MarketPanel, Observations
from janus_trader.data.assembly import InstrumentSeries, MarketSeries, assemble
from janus_trader.data.features import FeatureConfig, FeatureEngine, panel_features
from janus_trader.data.panels import panel_returns
from janus_trader.data.schema import CREDIT_SPREAD, FEATURE_NAMES, VIX, YIELD_CURVE_SLOPE, feature_schema

DAY = NS_PER_DAY
AUXILIARY = (
    Observations(VIX, np.array([5, 40, 41, 300]) * DAY, np.array([12.0, 20.0, 30.0, 14.0])),
    Observations(CREDIT_SPREAD, np.array([30, 60, 90]) * DAY, np.array([0.01, 0.012, 0.015])),
)


def make_panel(
    t: int = 360, n: int = 4, seed: int = 0, auxiliary=AUXILIARY, scale: float = 0.012
) -> MarketPanel:
    g = np.random.default_rng(seed)
    common = g.standard_t(4, size=t) * scale * 0.6
    returns = common[:, None] * 0.7 + g.standard_t(4, size=(t, n)) * scale * 0.5
    ts = (np.arange(t) + 1) * DAY
    series = []
    for i in range(n):
        close = 100.0 * np.exp(np.cumsum(returns[:, i]))
        keep = g.random(t) > 0.03 if i else np.ones(t, bool)
        if i == n - 1:
            keep[: t // 5] = False  # starts later
        series.append(InstrumentSeries.of_closes(f"S{i}", ts[keep], close[keep]))
    price = 1000.0 * np.exp(np.cumsum(common))
    volume = g.lognormal(10.0, 0.3, t)
    volume[200:] = np.nan
    source = SourceSpec(name="book", start_ns=0, end_ns=0, availability_lag_ns=0)
    return assemble(
        "made",
        series,
        bar_seconds=86_400.0,
        sources=(source,),
        market=MarketSeries(price, volume),
        auxiliary=auxiliary,
    )


def values_of(panel: MarketPanel) -> list[dict[str, float]]:
    return [v.values for v in panel_features(panel)]


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    return make_panel()


@pytest.fixture(scope="module")
def features(panel) -> list[dict[str, float]]:
    return values_of(panel)


def test_every_feature_but_the_one_without_a_source_appears_and_is_finite(features):
    seen = set().union(*features)
    assert seen == set(FEATURE_NAMES) - {YIELD_CURVE_SLOPE}
    assert all(np.isfinite(x) for v in features for x in v.values())


def test_features_appear_at_their_stated_warm_up(panel, features):
    market = [f for f in panel.schema.features if f.source == "market"]
    for spec in market:
        first = next(t for t, v in enumerate(features) if spec.name in v)
        assert first + 1 <= spec.warmup + 4, spec.name  # statistics wait for their stride
        assert first + 1 >= spec.warmup, spec.name


@pytest.mark.parametrize("cut", [1, 50, 151, 299])
def test_cutting_the_future_off_leaves_the_past_unchanged(panel, features, cut):
    short = dataclasses.replace(
        panel,
        ts=panel.ts[:cut],
        bars=panel.bars[:cut],
        present=panel.present[:cut],
        market=panel.market[:cut],
        market_volume=panel.market_volume[:cut],
        session=panel.session[:cut],
        external=panel.external[:cut],
    )
    assert values_of(short) == features[:cut]


def test_changing_the_future_leaves_the_past_unchanged(panel, features):
    cut = 180
    bars, market, volume = panel.bars.copy(), panel.market.copy(), panel.market_volume.copy()
    for name in ("open", "high", "low", "close"):
        bars[name][cut:] *= 3.0
    market[cut:] *= 0.2
    volume[cut:] = 1.0
    later = tuple(
        Observations(o.source, o.available_ns, np.where(o.available_ns > panel.ts[cut - 1], 9.9, o.value))
        for o in panel.auxiliary
    )
    changed = dataclasses.replace(panel, bars=bars, market=market, market_volume=volume, auxiliary=later)
    got = values_of(changed)
    assert got[:cut] == features[:cut]
    assert got[cut] != features[cut]


def test_online_pushes_equal_the_recorded_observations(panel, features):
    engine = FeatureEngine(FeatureConfig(), len(panel.instruments))
    returns = panel_returns(panel)
    pending = sorted(
        (int(a), o.source, float(v)) for o in AUXILIARY for a, v in zip(o.available_ns, o.value, strict=True)
    )
    for t, ts in enumerate(panel.ts.tolist()):
        while pending and pending[0][0] <= ts:
            available, source, value = pending.pop(0)
            engine.push(source, available, value)
        got = engine.update(ts, panel.market[t], panel.market_volume[t], returns[t], panel.present[t])
        assert got.values == features[t]
        assert list(got.values) == list(features[t])


def run(engine: FeatureEngine, panel: MarketPanel, start: int, end: int) -> list:
    returns = panel_returns(panel)
    return [
        engine.update(int(panel.ts[t]), panel.market[t], panel.market_volume[t], returns[t], panel.present[t])
        for t in range(start, end)
    ]


@pytest.mark.parametrize("cut", [0, 30, 200, 331])
def test_a_restored_engine_continues_identically(panel, cut):
    first = FeatureEngine.for_panel(panel)
    first.push(YIELD_CURVE_SLOPE, 250 * DAY, -0.01)
    run(first, panel, 0, cut)
    second = FeatureEngine.for_panel(panel)
    second.restore(first.snapshot())
    assert second.snapshot() == first.snapshot()
    a, b = run(first, panel, cut, len(panel)), run(second, panel, cut, len(panel))
    assert a == b
    assert [list(x.values) for x in a] == [list(x.values) for x in b]


def test_reset_is_a_fresh_engine(panel):
    engine = FeatureEngine.for_panel(panel)
    engine.push(VIX, 3 * DAY, 50.0)
    first = run(engine, panel, 0, 120)
    engine.reset()
    assert engine.snapshot() == FeatureEngine.for_panel(panel).snapshot()
    again = run(engine, panel, 0, 120)
    assert again[60:] == first[60:]
    assert "vix" in first[3].values
    assert "vix" not in again[3].values


def test_a_snapshot_of_another_book_is_refused(panel):
    raw = FeatureEngine(FeatureConfig(), 2).snapshot()
    with pytest.raises(IntegrityError, match="does not fit"):
        FeatureEngine(FeatureConfig(), 3).restore(raw)
    with pytest.raises(IntegrityError, match="auxiliary"):
        FeatureEngine(FeatureConfig(), 2, AUXILIARY).restore(raw)


def test_path_features_agree_with_plain_numpy(panel, features):
    c = FeatureConfig()
    price = panel.market
    r = price[1:] / price[:-1] - 1.0
    d = 0.5 ** (1 / c.slow_halflife)
    u = np.full(len(r), np.nan)
    for t in range(c.min_obs, len(r)):
        w = d ** np.arange(t)[::-1]
        u[t] = 0.01 * r[t] / np.sqrt((w * r[:t] ** 2).sum() / w.sum())
    u = np.clip(u, -0.5, 0.5)
    for t in (100, 222, 359):  # bar t has return t-1
        have = u[:t][np.isfinite(u[:t])]
        level = np.cumsum(np.log1p(np.r_[0.0, have]))
        v = features[t]
        assert v["trailing_return"] == pytest.approx(np.prod(1 + have[-21:]) - 1, rel=1e-9)
        assert v["realised_vol"] == pytest.approx(have[-21:].std() * np.sqrt(252), rel=1e-9)
        assert v["vol_rate_of_change"] == pytest.approx(have[-21:].std() / have[-26:-5].std() - 1.0, rel=1e-9)
        path = np.exp(level[-64:])
        drawdown = (1 - path / np.maximum.accumulate(path)).max()
        assert v["max_drawdown"] == pytest.approx(drawdown, rel=1e-9)
        span = min(len(have), 63)
        drift = (level[-1] - level[-1 - span]) / (0.01 * np.sqrt(span))
        assert v["momentum"] == pytest.approx(np.tanh(drift / 2), rel=1e-9)
        z = (level[-1] - level[-21:].mean()) / level[-21:].std()
        assert v["mean_reversion"] == pytest.approx(-np.tanh(z / 2), rel=1e-9)
        assert v["market_return"] == pytest.approx(r[t - 1])
    x, w = r[:99], (0.5 ** (1 / 21)) ** np.arange(99)[::-1]
    assert features[100]["market_zscore"] == pytest.approx(r[99] / np.sqrt((w * x**2).sum() / w.sum()))


def test_relative_volume_is_against_the_bars_before_and_absent_without_volume(panel, features):
    v = panel.market_volume
    assert features[150]["relative_volume"] == pytest.approx(v[150] / v[87:150].mean())
    assert features[30]["relative_volume"] == pytest.approx(v[30] / v[:30].mean())
    assert all("relative_volume" not in f for f in features[200:])


def test_features_do_not_depend_on_the_length_of_a_bar_or_the_size_of_its_moves():
    g = np.random.default_rng(3)
    r = g.standard_normal((300, 3)) * 0.01
    here = np.ones(3, bool)

    def last(scale: float) -> dict[str, float]:
        engine = FeatureEngine(FeatureConfig(), 3)
        out = None
        for t in range(300):
            out = engine.update(t + 1, float("nan"), float("nan"), r[t] * scale, here)
        return out.values

    daily, minute = last(1.0), last(0.002)
    for name in set(daily) - {"market_return"}:
        assert minute[name] == pytest.approx(daily[name], rel=1e-9), name
    assert minute["market_return"] == pytest.approx(0.002 * daily["market_return"])


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_average_correlation_finds_the_correlation_of_a_one_factor_book(rho):
    g = np.random.default_rng(5)
    n, found = 12, []
    engine = FeatureEngine(FeatureConfig(correlation_halflife=200.0), n)
    for t in range(900):
        x = np.sqrt(rho) * g.standard_normal() + np.sqrt(1 - rho) * g.standard_normal(n)
        v = engine.update(t + 1, float("nan"), float("nan"), x * 0.01, np.ones(n, bool))
        found.append(v.get("average_correlation"))
    assert np.mean(found[400:]) == pytest.approx(rho, abs=0.06)


def test_identical_instruments_correlate_perfectly_and_one_instrument_has_no_correlation():
    g = np.random.default_rng(6)
    two, one = FeatureEngine(FeatureConfig(), 2), FeatureEngine(FeatureConfig(), 1)
    for t in range(80):
        r = g.standard_normal() * 0.01
        a = two.update(t + 1, float("nan"), float("nan"), np.array([r, r]), np.ones(2, bool))
        b = one.update(t + 1, float("nan"), float("nan"), np.array([r]), np.ones(1, bool))
    assert a.values["average_correlation"] == pytest.approx(1.0)
    assert a.values["dispersion"] == pytest.approx(0.0, abs=1e-9)
    assert "average_correlation" not in b.values
    assert "realised_vol" in b.values


def test_without_a_market_price_the_present_book_stands_in():
    engine = FeatureEngine(FeatureConfig(), 2)
    nan, here = float("nan"), np.ones(2, bool)
    assert "market_return" not in engine.update(1, nan, nan, np.zeros(2), here).values
    assert engine.update(2, nan, nan, np.array([0.02, 0.04]), here).values["market_return"] == pytest.approx(
        0.03
    )
    v = engine.update(3, nan, nan, np.array([0.02, 0.0]), np.array([True, False])).values
    assert v["market_return"] == pytest.approx(0.02)
    assert "market_return" not in engine.update(4, nan, nan, np.zeros(2), np.zeros(2, bool)).values


def test_a_bar_without_a_return_repeats_the_path_features(panel):
    engine = FeatureEngine.for_panel(panel)
    before = run(engine, panel, 0, 150)[-1].values
    n = len(panel.instruments)
    v = engine.update(int(panel.ts[150]), float("nan"), float("nan"), np.zeros(n), np.zeros(n, bool)).values
    for name in ("trailing_return", "realised_vol", "max_drawdown", "momentum", "mean_reversion"):
        assert v[name] == before[name]
    assert "market_return" not in v


def test_a_flat_market_is_defined_and_finite():
    engine = FeatureEngine(FeatureConfig(), 2)
    for t in range(400):
        v = engine.update(t + 1, 100.0, 5.0, np.zeros(2), np.ones(2, bool)).values
        assert all(np.isfinite(x) for x in v.values())
    assert v["realised_vol"] == 0.0
    assert v["max_drawdown"] == 0.0


def test_an_observation_is_not_seen_before_it_is_available_and_goes_when_it_is_old():
    release = Observations(CREDIT_SPREAD, np.array([36, 67]) * DAY, np.array([0.01, 0.02]))
    engine = FeatureEngine(FeatureConfig(monthly_max_age_days=40.0), 1, [release])
    seen = {}
    for day in range(1, 120):
        v = engine.update(day * DAY, 100.0, float("nan"), np.zeros(1), np.ones(1, bool))
        seen[day] = v.get(CREDIT_SPREAD)
    assert seen[35] is None
    assert seen[36] == 0.01
    assert seen[66] == 0.01
    assert seen[67] == 0.02
    assert seen[107] == 0.02
    assert seen[108] is None


def test_a_late_correction_of_an_older_value_does_not_replace_a_newer_one():
    engine = FeatureEngine(FeatureConfig(), 1)
    engine.push(VIX, 3 * DAY, 20.0)
    assert engine.update(3 * DAY, 1.0, 1.0, np.zeros(1), np.ones(1, bool)).get(VIX) == 20.0
    engine.push(VIX, 2 * DAY, 99.0)
    assert engine.update(4 * DAY, 1.0, 1.0, np.zeros(1), np.ones(1, bool)).get(VIX) == 20.0


def test_bad_input_is_refused():
    engine = FeatureEngine(FeatureConfig(), 2)
    one = (100.0, 1.0, np.zeros(2), np.ones(2, bool))
    engine.update(10, *one)
    with pytest.raises(DataError, match="must increase"):
        engine.update(10, *one)
    with pytest.raises(DataError, match="wrong number"):
        engine.update(11, 100.0, 1.0, np.zeros(3), np.ones(3, bool))
    with pytest.raises(DataError, match="no feature is made"):
        engine.push("horoscope", 1, 1.0)
    with pytest.raises(DataError, match="not finite"):
        engine.push(VIX, 1, float("nan"))
    with pytest.raises(DataError, match="needs instruments"):
        FeatureEngine(FeatureConfig(), 0)
    with pytest.raises(ConfigError, match="short_window"):
        FeatureEngine(FeatureConfig(short_window=100), 1)


def test_bounded_features_stay_in_their_bounds_on_wild_input():
    g = np.random.default_rng(11)
    engine = FeatureEngine(FeatureConfig(), 5)
    for t in range(500):
        r = np.clip(g.standard_cauchy(5) * 0.05, -0.95, 5.0)
        v = engine.update(t + 1, float("nan"), g.lognormal(0, 3), r, g.random(5) > 0.2).values
        assert all(np.isfinite(x) for x in v.values())
        for name in ("momentum", "mean_reversion", "average_correlation"):
            assert -1.0 <= v.get(name, 0.0) <= 1.0
        assert 0.0 <= v.get("max_drawdown", 0.0) <= 1.0


def test_the_schema_is_versioned_and_its_hash_moves_with_its_sources():
    source = SourceSpec(name="book", start_ns=0, end_ns=1, availability_lag_ns=0)
    assert feature_schema([source]).version == "1.0.0"
    assert feature_schema([source]).hash != feature_schema(()).hash
    assert feature_schema([source]).hash == feature_schema((source,)).hash

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.regime import Regime
from janus_trader.simulation.market_request import MarketRequest, make_market
from janus_trader.simulation.scenarios import (
    MarketConfig,
    Phase,
    bar_minutes_of,
    lay_out,
    scenario_named,
    simulate_market,
    without_truth,
)
from janus_trader.simulation.scenarios.bar_kernel import bridge_extremes
from janus_trader.simulation.scenarios.summary import market_level, phase_summaries


def market(
    name: str, seed: int = 0, n: int = 10, *, days: int | None = None, bar: str | None = None, **config
):
    scenario = scenario_named(name)
    line = lay_out(scenario.phases, days or scenario.days, bar_minutes_of(bar or scenario.bar))
    return simulate_market(name, line, n, np.random.default_rng(seed), MarketConfig(**config))


def moved(made, phase: int) -> float:
    """Log of the mean price relative over a phase."""
    rows = np.flatnonzero(made.phase == phase)
    last = np.maximum.accumulate(np.where(made.present, np.arange(len(made))[:, None], 0), axis=0)
    close = np.take_along_axis(made.bars["close"], last, axis=0)
    return float(np.log((close[rows[-1]] / close[rows[0] - 1]).mean()))


@pytest.mark.parametrize(
    "name", ["calm", "flash_crash", "limit_moves", "exchange_outage", "bubble_and_burst"]
)
def test_bars_are_bars(name):
    made = market(name, n=4)
    b = made.bars[made.present]
    for price in ("open", "high", "low", "close"):
        assert (b[price] > 0.0).all()
    assert (b["low"] <= np.minimum(b["open"], b["close"])).all()
    assert (b["high"] >= np.maximum(b["open"], b["close"])).all()
    assert (b["volume"] >= 1.0).all()
    assert (b["spread"] > 0.0).all()
    assert (np.diff(made.ts) > 0).all()
    assert np.isnan(made.bars["close"][~made.present]).all()


def test_the_same_generator_gives_the_same_bytes_and_another_does_not():
    one, two, other = market("calm", 1), market("calm", 1), market("calm", 2)
    assert one.bars.tobytes() == two.bars.tobytes()
    assert one.bars.tobytes() != other.bars.tobytes()


def test_a_longer_market_of_the_same_phases_begins_alike():
    short, long = market("calm", days=20, bar="1h"), market("calm", days=40, bar="1h")
    assert long.bars[: len(short)].tobytes() == short.bars.tobytes()


def test_the_truth_follows_the_scenario():
    made = market("bubble_and_burst")
    assert [s.name for s in made.spans] == ["bull", "bubble", "burst", "hangover"]
    assert [s.regime for s in made.spans] == [Regime.BULL, Regime.BUBBLE, Regime.CRISIS, Regime.DEFLATION]
    for i, span in enumerate(made.spans):
        here = (made.ts > span.start_ns) & (made.ts <= span.end_ns)
        assert (made.phase[here] == i).all()
        assert (made.regime[here] == span.regime).all()
        assert here.sum() == (made.phase == i).sum()


@pytest.mark.parametrize(
    ("name", "phase", "move"),
    [
        ("slow_bear", 1, -0.35),
        ("flash_crash", 1, -0.09),
        ("bubble_and_burst", 1, 1.0),
        ("correlation_breakdown", 1, -0.15),
        ("limit_moves", 1, -0.20),
    ],
)
def test_a_phase_moves_the_market_by_what_it_says(name, phase, move):
    """Averaged over seeds, in units of what usual instruments (mean beta 1) do; havens are left out."""
    got = []
    for seed in range(12):
        made = market(name, seed, n=8, haven_every=100)
        got.append(moved(made, phase))
    error = np.std(got) / np.sqrt(len(got))
    assert np.mean(got) == pytest.approx(np.log1p(move), abs=3.0 * error + 0.03 * abs(np.log1p(move)))


def test_a_day_has_the_stated_volatility_and_correlation():
    made = market("calm", n=6, days=3000, haven_every=100, volatility_deviation=0.0)
    r = np.diff(np.log(made.bars["close"]), axis=0)
    assert np.exp(np.log(r.std(axis=0)).mean()) == pytest.approx(0.013, rel=0.3)
    c = np.corrcoef(r.T)[np.triu_indices(6, 1)]
    assert c.mean() == pytest.approx(0.35, abs=0.02)
    kurtosis = ((r - r.mean(axis=0)) ** 4).mean(axis=0) / r.var(axis=0) ** 2
    assert kurtosis == pytest.approx(3.0, abs=0.4)


def test_stochastic_volatility_makes_clusters_fat_tails_and_leverage():
    made = market("calm", n=4, days=5000, volatility_deviation=0.5)
    r = np.diff(np.log(market_level(made)))
    assert ((r - r.mean()) ** 4).mean() / r.var() ** 2 > 4.0
    a = np.abs(r) - np.abs(r).mean()
    assert (a[1:] * a[:-1]).mean() / a.var() > 0.1
    for leverage in (-0.95, 0.95):
        made = market(
            "calm", n=4, days=2000, volatility_deviation=0.5, volatility_halflife=5.0, leverage=leverage
        )
        r = np.diff(np.log(market_level(made)))
        assert np.sign(leverage) * np.corrcoef(r[:-1], np.abs(r[1:]))[0, 1] > 0.1


def test_the_night_has_its_share_of_the_variance_and_the_session_its_shape():
    made = market("calm", n=4, days=600, bar="1h", volatility_deviation=0.0)
    b = made.bars
    night = np.log(b["open"][8::8] / b["close"][7:-1:8])
    day = np.log(b["close"][7::8] / b["open"][::8])
    assert night.var() / (night.var() + day.var()) == pytest.approx(0.2, abs=0.02)
    volume = b["volume"].reshape(600, 8, 4).sum(axis=(0, 2))
    assert volume[0] > 1.5 * volume[3]
    assert volume[7] > 1.5 * volume[4]
    inside = np.log(b["close"] / b["open"]).reshape(600, 8, 4).std(axis=(0, 2))
    assert inside[0] > 1.2 * inside[3]


def test_the_extremes_of_a_bridge_have_their_law(rng):
    """Against the maximum of finely sampled bridges, whose mean lies a little below."""
    n, sd, end = 4000, 0.3, 0.1
    u, v = 1.0 - rng.random((2, n))
    high = np.array([bridge_extremes(0.0, end, sd, a, b)[0] for a, b in zip(u, v, strict=True)])
    steps = 400
    walk = np.cumsum(rng.standard_normal((n, steps)) * sd / np.sqrt(steps), axis=1)
    at = np.arange(1, steps + 1) / steps
    bridge = np.maximum(0.0, (walk - at * walk[:, -1:] + at * end).max(axis=1))
    discrete = 0.5826 * sd / np.sqrt(steps)  # what sampling misses of a maximum on average
    assert high.mean() == pytest.approx(bridge.mean() + discrete, abs=4.0 * high.std() / np.sqrt(n))


def test_correlations_break_down_only_while_they_should():
    made = market("correlation_breakdown", n=10)
    r = np.diff(np.log(made.bars["close"]), axis=0)
    pair = np.triu_indices(10, 1)
    calm, together = (np.corrcoef(r[made.phase[1:] == i].T)[pair].mean() for i in (0, 1))
    assert calm < 0.4
    assert together > 0.8


def test_a_drought_takes_volume_and_widens_the_spread():
    rows = {r["phase"]: r for r in phase_summaries(market("liquidity_drought", n=8))}
    assert rows["drought"]["relative_volume"] < 0.4
    assert rows["drought"]["spread_bps"] > 4.0 * rows["calm"]["spread_bps"]
    assert rows["drought"]["daily_volatility"] > 1.2 * rows["calm"]["daily_volatility"]


def test_a_gap_is_between_two_bars():
    made = market("price_gap", n=8, haven_every=100)
    first = int(np.flatnonzero(made.phase == 1)[0])
    gap = np.log(made.bars["open"][first] / made.bars["close"][first - 1]).mean()
    assert gap == pytest.approx(np.log(0.93), abs=0.03)
    others = np.log(made.bars["open"][16::16] / made.bars["close"][15:-1:16])
    assert np.abs(np.delete(others, first // 16 - 1, axis=0).mean(axis=1)).max() < 0.04


def test_an_outage_leaves_no_bars_and_reopens_where_the_value_went():
    made = market("exchange_outage", n=6, haven_every=100)
    out = made.phase == 1
    assert not made.present[out].any()
    assert made.present[~out].all()
    rows = phase_summaries(made)
    assert rows[1]["market_return"] is None
    assert rows[1]["traded"] == 0
    last, first = np.flatnonzero(out)[0] - 1, np.flatnonzero(out)[-1] + 1
    jump = np.log(made.bars["open"][first] / made.bars["close"][last])
    assert jump.mean() == pytest.approx(np.log(0.98), abs=0.02)


def test_prices_halt_at_their_limits():
    made = market("limit_moves", n=8)
    down = made.phase == 1
    halted = down[:, None] & ~made.present
    assert halted.any()
    assert made.present[made.phase == 0].all()
    for i in np.flatnonzero(halted.any(axis=0)):
        rows = np.flatnonzero(halted[:, i])
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        ended = np.flatnonzero(down)[-1]
        assert {len(run) for run in runs if run[-1] < ended} <= {10}
        for run in runs:
            bar = made.bars[run[0] - 1, i]
            assert bar["close"] in (bar["low"], bar["high"]), "a halt begins at the limit"


def test_a_band_that_is_never_reached_changes_nothing():
    wide, none = (
        simulate_market(
            "x",
            lay_out([Phase("calm", Regime.RANGING, share=1.0, band=band)], 5, 5),
            3,
            np.random.default_rng(0),
        )
        for band in (0.9, 0.0)
    )
    assert wide.bars.tobytes() == none.bars.tobytes()


def test_one_asset_one_bar_and_all_bar_lengths_work():
    for bar in ("1min", "96min", "1d"):
        made = market("calm", n=1, days=1, bar=bar)
        assert made.bars.shape == (480 // bar_minutes_of(bar), 1)
        assert made.present.all()


def test_without_truth_keeps_every_bar_and_no_label():
    made = make_market(MarketRequest(scenario="recovery", assets=2), 0)
    bare = without_truth(made)
    assert bare.bars is made.bars
    assert len(set(bare.regime)) == 1
    assert [s.name for s in bare.spans] == [""]

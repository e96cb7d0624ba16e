from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.data.panels import slice_panel, validate_panel
from janus_trader.simulation.block_bootstrap import bootstrap_panel, circular_indices, simple_returns
from janus_trader.simulation.market_request import MarketRequest, make_market
from janus_trader.simulation.worlds import WorldConfig, apply_world


@pytest.fixture(scope="module")
def panel():
    from janus_trader.runs.simulated import market_panel

    return market_panel(make_market(MarketRequest(scenario="slow_bear", assets=3), 0))


@pytest.mark.parametrize("kind", ["stationary", "circular"])
def test_a_bootstrap_is_made_of_the_panels_own_bars_all_instruments_together(panel, kind):
    made = validate_panel(bootstrap_panel(panel, np.random.default_rng(0), kind=kind))
    real, drawn = (simple_returns(p.bars["close"])[1:] for p in (panel, made))
    rows = {tuple(np.round(r, 9)) for r in real}
    assert all(tuple(np.round(r, 9)) in rows for r in drawn)
    assert made.name == f"{panel.name} bootstrap"
    np.testing.assert_array_equal(made.ts, panel.ts)
    before, after = (p.bars["high"] / p.bars["close"] for p in (panel, made))
    assert set(np.round(after[1:, 0], 9)) <= set(np.round(before[:, 0], 9))


def test_circular_blocks_have_one_length_and_wrap():
    rows = circular_indices(101, 10, np.random.default_rng(3))
    assert rows.shape == (100,)
    assert rows.min() >= 1
    assert rows.max() <= 100
    blocks = rows.reshape(10, 10)
    assert ((np.diff(blocks, axis=1) - 1) % 100 == 0).all()
    assert len(circular_indices(8, 3, np.random.default_rng(0))) == 7


def test_means_correlations_and_clusters_survive(panel):
    r = simple_returns(panel.bars["close"])[1:]
    drawn = [
        simple_returns(bootstrap_panel(panel, np.random.default_rng(s), block=30).bars["close"])[1:]
        for s in range(30)
    ]
    means = np.array([d.mean(axis=0) for d in drawn])
    assert np.abs(means.mean(axis=0) - r.mean(axis=0)).max() < 4.0 * (means.std(axis=0) / np.sqrt(30)).max()
    correlation = np.mean([np.corrcoef(d.T)[0, 1] for d in drawn])
    assert correlation == pytest.approx(np.corrcoef(r.T)[0, 1], abs=0.05)


def test_the_bootstrap_world_is_seeded_and_keeps_the_name(panel):
    config = WorldConfig(block_kind="circular")
    one, two = (apply_world(panel, "bootstrap", np.random.default_rng(5), config) for _ in range(2))
    assert one.bars.tobytes() == two.bars.tobytes()
    assert one.name == panel.name
    assert one.bars.tobytes() != panel.bars.tobytes()


def test_the_panel_given_is_not_changed(panel):
    before = panel.bars.tobytes()
    bootstrap_panel(panel, np.random.default_rng(1))
    assert panel.bars.tobytes() == before


@pytest.mark.parametrize(
    "wrong", [{"kind": "moving"}, {"block": 0.5}, {"block": 630}, {"block": float("nan")}]
)
def test_blocks_that_cannot_be_drawn_are_refused(panel, wrong):
    with pytest.raises(ConfigError):
        bootstrap_panel(panel, np.random.default_rng(0), **wrong)


def test_two_bars_are_too_few(panel):
    short = slice_panel(panel, int(panel.ts[0]), int(panel.ts[2]))
    with pytest.raises(ConfigError, match="3 bars or more"):
        bootstrap_panel(short, np.random.default_rng(0), block=1)

from __future__ import annotations

import itertools

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.simulation.market_request import MarketRequest, make_market
from janus_trader.simulation.regime_switching import (
    MEAN_DAYS,
    NEXT,
    PROFILES,
    RegimeSwitchingConfig,
    draw_regimes,
    regime_phases,
    transition_matrix,
)
from janus_trader.simulation.scenarios.summary import phase_summaries


def daily(stays: list[tuple[Regime, int]]) -> np.ndarray:
    return np.concatenate([np.full(days, int(regime)) for regime, days in stays])


def test_the_stated_parameters_are_probabilities():
    assert pytest.approx(1.0) == NEXT.sum(axis=1)
    assert np.diag(NEXT) == pytest.approx(0.0)
    p = transition_matrix()
    assert (p >= 0.0).all()
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert 1.0 / (1.0 - np.diag(p)) == pytest.approx(MEAN_DAYS)


def test_a_markov_chain_has_its_transition_matrix():
    path = daily(draw_regimes(400_000, np.random.default_rng(0)))
    counts = np.zeros((N_REGIMES, N_REGIMES))
    np.add.at(counts, (path[:-1], path[1:]), 1)
    p, n = transition_matrix(), counts.sum(axis=1, keepdims=True)
    error = np.sqrt(np.maximum(p * (1 - p), 1e-12) / n)
    assert (np.abs(counts / n - p) < 4.5 * error + 1e-9).all()


@pytest.mark.parametrize("shape", [1.0, 10.0])
def test_stays_have_their_mean_and_shape(shape):
    stays = draw_regimes(300_000, np.random.default_rng(1), RegimeSwitchingConfig(stay_shape=shape))[:-1]
    for regime in Regime:
        days = np.array([d for r, d in stays if r == regime])
        mean = MEAN_DAYS[regime]
        variance = (mean - 1) + (mean - 1) ** 2 / shape
        assert days.min() >= 1
        assert days.mean() == pytest.approx(mean, abs=4.0 * np.sqrt(variance / len(days)))
        assert days.var() == pytest.approx(variance, rel=0.35)


def test_neighbours_differ_and_the_days_add_up():
    stays = draw_regimes(5_000, np.random.default_rng(2), first=Regime.BULL)
    assert stays[0][0] is Regime.BULL
    assert sum(days for _, days in stays) == 5_000
    assert all(a[0] != b[0] for a, b in itertools.pairwise(stays))


@pytest.mark.parametrize("days", [0, -1])
def test_no_days_are_refused(days):
    with pytest.raises(ConfigError, match="needs days"):
        draw_regimes(days, np.random.default_rng(0))


def test_every_bar_of_the_market_carries_the_drawn_regime():
    made = make_market(MarketRequest(scenario="regime_switching", days=800, assets=2), 4)
    phases = [(s.regime, s.name) for s in made.spans]
    assert all(PROFILES[regime].name == name for regime, name in phases)
    change = np.flatnonzero(np.diff(made.regime))
    assert len(change) == len(phases) - 1
    fine = make_market(MarketRequest(scenario="regime_switching", days=800, assets=2, bar="4h"), 4)
    np.testing.assert_array_equal(fine.regime[1::2], made.regime)


def test_regimes_do_to_prices_what_their_profiles_say():
    rows = []
    for seed in range(6):
        made = make_market(MarketRequest(scenario="regime_switching", assets=8), seed)
        rows += [r for r in phase_summaries(made) if r["bars"] >= 10]

    def mean(regime: str, what: str) -> float:
        chosen = [r for r in rows if r["regime"] == regime]
        return float(np.average([r[what] for r in chosen], weights=[r["bars"] for r in chosen]))

    assert mean("crisis", "daily_volatility") > 2.0 * mean("ranging", "daily_volatility")
    assert mean("bull", "daily_volatility") < mean("bear", "daily_volatility")
    assert mean("crisis", "spread_bps") > 2.0 * mean("bull", "spread_bps")
    assert mean("bull", "market_return") > 0.0 > mean("bear", "market_return")
    assert mean("bubble", "market_return") > 0.0 > mean("crisis", "market_return")


def test_the_phases_have_the_stays_as_their_days():
    stays = [(Regime.BULL, 3), (Regime.CRISIS, 2)]
    assert [(p.regime, p.days) for p in regime_phases(stays)] == [(Regime.BULL, 3.0), (Regime.CRISIS, 2.0)]

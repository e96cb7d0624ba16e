from __future__ import annotations

import numpy as np
import pytest

from janus_trader.brain.cortex import StatisticalVoter, TechnicalVoter
from janus_trader.brain.cortex.feature_row import COLUMN, LIMIT, ROW, fill_row
from janus_trader.contracts.regime import Regime


def top(voter: StatisticalVoter | TechnicalVoter, **values: float) -> Regime:
    vote = np.zeros(7)
    voter.vote(fill_row(values, np.zeros(ROW)), vote)
    return Regime(int(vote.argmax()))


def test_statistics_point_where_the_literature_does() -> None:
    s = StatisticalVoter()
    assert top(s, variance_ratio=0.5, hurst=0.4, realised_vol=0.14) is Regime.RANGING
    assert top(s, variance_ratio=1.6, hurst=0.65, realised_vol=0.12) in (Regime.BULL, Regime.BUBBLE)
    assert top(s, tail_index=2.0, realised_vol=0.6) is Regime.CRISIS


def test_indicators_point_where_the_literature_does() -> None:
    t = TechnicalVoter()
    up = {"trailing_return": 0.06, "realised_vol": 0.14, "momentum": 0.3, "max_drawdown": 0.01}
    down = {"trailing_return": -0.07, "realised_vol": 0.2, "momentum": -0.5, "max_drawdown": 0.08}
    flat = {"trailing_return": 0.0, "realised_vol": 0.14, "momentum": 0.0, "max_drawdown": 0.02}
    crash = {**down, "vol_rate_of_change": 0.5, "max_drawdown": 0.3, "mean_reversion": 0.9}
    assert top(t, **up) is Regime.BULL
    assert top(t, **down, vol_rate_of_change=0.0) is Regime.BEAR
    assert top(t, **flat) is Regime.RANGING
    assert top(t, **crash) is Regime.CRISIS


@pytest.mark.parametrize("voter", [StatisticalVoter(), TechnicalVoter()])
def test_votes_are_distributions_and_coverage_counts_what_is_there(
    voter: StatisticalVoter | TechnicalVoter,
) -> None:
    rng = np.random.default_rng(1)
    vote = np.zeros(7)
    assert voter.vote(fill_row({}, np.zeros(ROW)), vote) == 0.0
    np.testing.assert_allclose(vote, 1 / 7)
    for _ in range(200):
        values = {
            name: float(10.0 ** rng.uniform(-8, 8) * rng.choice([-1, 1]))
            for name in COLUMN
            if rng.random() < 0.6
        }
        coverage = voter.vote(fill_row(values, np.zeros(ROW)), vote)
        assert 0.0 <= coverage <= 1.0
        assert np.isfinite(vote).all()
        assert np.isclose(vote.sum(), 1.0)


def test_a_row_holds_nan_for_absent_and_cuts_the_extreme() -> None:
    row = fill_row({"momentum": float("nan"), "realised_vol": 1e300, "hurst": -1e300}, np.zeros(ROW))
    assert np.isnan(row[COLUMN["momentum"]])
    assert row[COLUMN["realised_vol"]] == LIMIT
    assert row[COLUMN["hurst"]] == -LIMIT

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.cortex.feature_row import COLUMN, ROW, SCHEMA_FEATURES, fall_off, fill_row
from janus_trader.brain.cortex.history import FeatureHistory
from janus_trader.brain.cortex.schema_learner import SchemaLearner
from janus_trader.brain.cortex.schemas import (
    DIRECTION,
    HIGH,
    LOW,
    REACH,
    SCHEMAS,
    WEIGHT,
    SchemaConfig,
    SchemaVoter,
    drift_unit,
    first_prototypes,
    intervals,
)
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.regime import Regime

# one clear case of every regime, in the units of the features
CASES: dict[Regime, dict[str, float]] = {
    Regime.BULL: {"trailing_return": 0.05, "realised_vol": 0.12, "momentum": 0.5, "max_drawdown": 0.02},
    Regime.BEAR: {"trailing_return": -0.08, "realised_vol": 0.28, "momentum": -0.6, "max_drawdown": 0.15},
    Regime.RANGING: {"trailing_return": 0.0, "realised_vol": 0.12, "momentum": 0.0, "max_drawdown": 0.09},
    Regime.CRISIS: {
        "trailing_return": -0.15,
        "realised_vol": 0.6,
        "momentum": -0.9,
        "max_drawdown": 0.3,
        "average_correlation": 0.8,
        "vol_rate_of_change": 0.4,
    },
    Regime.RECOVERY: {
        "trailing_return": 0.03,
        "realised_vol": 0.35,
        "momentum": 0.1,
        "max_drawdown": 0.15,
        "vol_rate_of_change": -0.2,
    },
    Regime.BUBBLE: {
        "trailing_return": 0.15,
        "realised_vol": 0.2,
        "momentum": 0.9,
        "max_drawdown": 0.01,
        "relative_volume": 2.0,
    },
    Regime.DEFLATION: {
        "trailing_return": -0.025,
        "realised_vol": 0.1,
        "momentum": -0.4,
        "max_drawdown": 0.04,
        "yield_curve_slope": -0.01,
        "credit_spread": 0.04,
    },
}


def row(values: dict[str, float]) -> np.ndarray:
    return fill_row(values, np.zeros(ROW))


@pytest.mark.parametrize("regime", list(Regime))
def test_each_schema_wins_its_clear_case(regime: Regime) -> None:
    vote = np.zeros(7)
    assert SchemaVoter().vote(row(CASES[regime]), vote) > 0
    assert Regime(int(vote.argmax())) is regime


def test_the_table_is_that_of_the_specification() -> None:
    assert [len(s.intervals) for s in SCHEMAS.values()] == [4, 3, 3, 4, 4, 4, 4]
    totals = [5.5, 4.5, 3.5, 6.5, 4.5, 5.5, 6.0]
    np.testing.assert_allclose(WEIGHT.sum(axis=1), totals)
    assert [s.accept for s in SCHEMAS.values()] == [0.65, 0.55, 0.5, 0.65, 0.8, 0.55, 0.85]


def test_score_is_the_weighted_mean_over_present_features() -> None:
    voter, vote = SchemaVoter(), np.zeros(7)
    full = {"trailing_return": 0.03, "realised_vol": 0.3, "momentum": 0.2, "max_drawdown": 0.2}
    voter.vote(row(full), vote)
    # bull: return in (2), vol 0.05 beyond with a reach of 0.1 (1.5 / 2), momentum in (1), drawdown out (0)
    assert np.isclose(voter.scores[Regime.BULL], (2.0 + 0.75 + 1.0) / 5.5)
    voter.vote(row({"trailing_return": 0.03, "realised_vol": 0.3}), vote)
    assert np.isclose(voter.scores[Regime.BULL], (2.0 + 0.75) / 3.5)
    assert np.isnan(voter.scores[Regime.CRISIS])  # 2.0 of 6.5 is too little


def test_membership_falls_linearly_over_its_reach() -> None:
    assert fall_off(0.5, 0.0, 1.0, 1.0) == 1.0
    assert np.isclose(fall_off(1.25, 0.0, 1.0, 1.0), 0.75)
    assert np.isclose(fall_off(-0.25, 0.0, 1.0, 0.5), 0.5)
    assert fall_off(1.6, 0.0, 1.0, 0.5) == 0.0
    assert fall_off(0.019, 0.02, np.inf, 0.0) == 0.0
    assert fall_off(1e9, 0.02, np.inf, 0.0) == 1.0
    assert (REACH[~(np.isfinite(LOW) & np.isfinite(HIGH))] == 0.0).all()


def test_without_a_match_the_last_vote_is_kept_at_half_confidence() -> None:
    voter, vote = SchemaVoter(), np.zeros(7)
    voter.vote(row(CASES[Regime.BULL]), vote)
    before = vote.copy()
    nowhere = {"trailing_return": 0.07, "realised_vol": 0.9, "momentum": -0.9, "max_drawdown": 0.0}
    voter.vote(row(nowhere), vote)
    accepted = [voter.scores[r] >= SCHEMAS[r].accept for r in Regime]
    assert not any(accepted)
    np.testing.assert_allclose(vote, 0.5 * before + 0.5 / 7)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(SCHEMA_FEATURES), st.floats(allow_nan=True, allow_infinity=True), max_size=10
    )
)
def test_votes_are_distributions_for_anything(values: dict[str, float]) -> None:
    vote = np.zeros(7)
    coverage = SchemaVoter().vote(row(values), vote)
    assert 0.0 <= coverage <= 1.0
    assert np.isfinite(vote).all()
    assert np.isclose(vote.sum(), 1.0)


def episode(ts: int) -> Episode:
    return Episode(
        step=ts,
        ts_event=ts,
        context=np.zeros(1),
        posterior=np.full(7, 1 / 7),
        signals=np.zeros((1, 1), "f4"),
        payoff=np.zeros((1, 1), "f4"),
        weights=np.zeros(1, "f4"),
        reward=0.0,
        cost=0.0,
        fear=0.0,
        surprise=0.0,
        confidence=0.0,
    )


def learner(values: dict[str, float], bars: int, config: SchemaConfig | None = None) -> SchemaLearner:
    history = FeatureHistory(500)
    for ts in range(bars):
        history.append(ts, row(values))
    return SchemaLearner(SchemaVoter(config or SchemaConfig()), history)


RNG = np.random.default_rng(0)
STRONG_BULL = {**CASES[Regime.BULL], "trailing_return": 0.10, "momentum": 0.9, "realised_vol": 0.06}


def test_recalled_schemas_move_towards_experience_and_others_stay() -> None:
    one = learner(STRONG_BULL, 50)
    p = one.propose([episode(49)], RNG)
    assert p is not None
    moved = np.abs(p["prototype"] - first_prototypes()).sum(axis=1)
    winner = int(moved.argmax())
    assert p["count"][winner] == 50
    assert (np.delete(moved, winner) == 0).all()
    j = SCHEMA_FEATURES.index("trailing_return")
    start = first_prototypes()[winner, j]
    np.testing.assert_allclose(p["prototype"][winner, j], 0.10 + (start - 0.10) * 0.99**50, atol=1e-7)


def test_the_wrong_sign_of_return_is_no_recall() -> None:
    # momentum and drawdown of a bear market, but the market rose
    inconsistent = {"momentum": -0.6, "max_drawdown": 0.3, "trailing_return": 0.075, "realised_vol": 0.3}
    one = learner(inconsistent, 30)
    voter, vote = SchemaVoter(), np.zeros(7)
    voter.vote(row(inconsistent), vote)
    best = int(np.nanargmax(voter.scores))
    p = one.propose([episode(29)], RNG)
    assert p is not None
    assert DIRECTION[best] == -1
    assert p["count"].sum() == 0


def test_learning_uses_only_bars_up_to_the_last_episode_and_each_once() -> None:
    one = learner(STRONG_BULL, 60)
    p = one.propose([episode(19)], RNG)
    assert p is not None
    assert p["count"].sum() == 20
    one.adopt(p)
    again = one.propose([episode(29)], RNG)
    assert again is not None
    assert again["count"].sum() == 30
    one.adopt(again)
    assert one.propose([episode(29)], RNG) is None


def test_drift_from_the_printed_intervals_is_bounded() -> None:
    low, high = intervals(first_prototypes() + 100.0, 0.25)
    for moved, printed in ((low, LOW), (high, HIGH)):
        at = np.isfinite(printed) & (WEIGHT > 0)
        np.testing.assert_allclose(moved[at] - printed[at], 0.25 * drift_unit()[at])
    same = intervals(first_prototypes(), 0.25)
    np.testing.assert_array_equal(same[0], LOW)
    np.testing.assert_array_equal(same[1], HIGH)


def test_score_reads_only_the_held_back_span() -> None:
    one = learner(CASES[Regime.BULL], 50)
    for ts in range(50, 80):
        one._history.append(ts, row({"trailing_return": 0.019, "realised_vol": 0.9, "momentum": -0.9}))
    good, bad = one.score(None, [episode(10), episode(40)]), one.score(None, [episode(60), episode(79)])
    assert good == 1.0
    assert bad < good
    assert one.score(None, []) == 0.0


def test_history_is_a_ring_in_order_of_time() -> None:
    history = FeatureHistory(100)
    for ts in range(250):
        history.append(ts, np.full(ROW, float(ts)))
    assert history.rows(0, 1000)[:, 0].tolist() == list(range(150, 250))
    assert history.rows(200, 210)[:, 0].tolist() == list(range(200, 211))
    assert history.latest(3)[:, 0].tolist() == [247, 248, 249]
    other = FeatureHistory(100)
    other.put_state(history.state())
    other.append(250, np.full(ROW, 250.0))
    history.append(250, np.full(ROW, 250.0))
    np.testing.assert_array_equal(other.rows(0, 1000), history.rows(0, 1000))
    assert COLUMN["trailing_return"] == 0

"""What the cortex does with features that are wrong, missing or without variation."""

import numpy as np
import pytest

from janus_trader.brain.cortex import Cortex, CortexConfig, HMMVoterConfig
from janus_trader.brain.cortex.feature_row import FEATURES
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.regime import Regime

SMALL = CortexConfig(history=400, hmm=HMMVoterConfig(min_rows=60))


def episodes(n):
    return [
        Episode(
            step=t,
            ts_event=t,
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
        for t in range(n)
    ]


def lived(rows, cortex=None):
    cortex = cortex or Cortex(SMALL)
    return cortex, [cortex.update(FeatureVector(ts_event=t, values=row)) for t, row in enumerate(rows)]


def whole(state):
    assert abs(sum(state.posterior) - 1.0) < 1e-9
    assert min(state.posterior) >= 0.0
    assert np.isfinite([state.confidence, state.change_probability, state.turbulence, state.agreement]).all()
    assert abs(sum(state.forecast) - 1.0) < 1e-9


def night(cortex, n):
    """A deep night must leave finite parameters or none."""
    for learner in cortex.learners():
        candidate = learner.propose(episodes(n), np.random.default_rng(0))
        assert np.isfinite(learner.score(candidate, episodes(n)))
        if candidate is not None:
            learner.adopt(candidate)
    cortex.consolidate([], np.random.default_rng(0), episodes(n))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=["nan", "inf", "-inf"])
def test_features_that_are_not_finite_count_as_absent(bad):
    cortex, states = lived([dict.fromkeys(FEATURES[:-1], bad)] * 100)
    _, absent = lived([{}] * 100)
    assert states == absent
    whole(states[-1])
    assert states[-1].dominant is Regime.RANGING
    assert states[-1].votes == {}
    assert (states[-1].change_probability, states[-1].turbulence) == (0.0, 0.0)
    night(cortex, 100)


def test_one_bad_bar_does_not_poison_the_bars_after_it():
    rng = np.random.default_rng(0)
    rows = [
        {
            "market_return": 0.01 * rng.standard_normal(),
            "realised_vol": 0.15,
            "trailing_return": 0.03,
            "momentum": 0.4,
        }
        for _ in range(200)
    ]
    _, good = lived(rows)
    hurt = list(rows)
    hurt[100] = dict.fromkeys(FEATURES[:-1], np.nan)
    _, states = lived(hurt)
    for state in states:
        whole(state)
    assert states[-1].dominant == good[-1].dominant
    assert np.allclose(states[-1].posterior, good[-1].posterior, atol=0.05)


def test_a_constant_market_has_a_singular_covariance_and_a_finite_belief():
    rows = [
        {
            "market_return": 0.0,
            "realised_vol": 0.0,
            "momentum": 0.0,
            "max_drawdown": 0.0,
            "trailing_return": 0.0,
        }
    ] * 300
    cortex, states = lived(rows)
    for state in states:
        whole(state)
    assert states[-1].dominant is Regime.RANGING
    night(cortex, 300)
    whole(cortex.update(FeatureVector(ts_event=300, values=rows[0])))


def test_collinear_features_are_no_obstacle():
    rng = np.random.default_rng(1)
    x = rng.standard_normal(300)
    rows = [
        {"market_return": 0.01 * v, "realised_vol": float(np.exp(v)), "momentum": v, "max_drawdown": v}
        for v in x
    ]
    cortex, states = lived(rows)
    for state in states:
        whole(state)
    night(cortex, 300)
    whole(cortex.update(FeatureVector(ts_event=300, values=rows[0])))


def test_one_instrument_has_no_correlation_and_crisis_can_still_be_seen():
    """Without average_correlation Crisis keeps 5 of 6.5 of its weight and is scored on what is left."""
    storm = {"realised_vol": 0.8, "max_drawdown": 0.3, "vol_rate_of_change": 0.3, "trailing_return": -0.2}
    _, states = lived([storm] * 40)
    assert states[-1].dominant in (Regime.CRISIS, Regime.BEAR)
    assert states[-1].posterior[Regime.CRISIS] > 0.25


@pytest.mark.parametrize("name", FEATURES[:-1])
def test_any_feature_may_be_missing(name):
    rng = np.random.default_rng(2)
    rows = [{f: float(0.1 * rng.standard_normal()) for f in FEATURES[:-1] if f != name} for _ in range(80)]
    _, states = lived(rows)
    for state in states:
        whole(state)


def test_extreme_values_are_cut():
    _, states = lived([dict.fromkeys(FEATURES[:-1], v) for v in (1e300, -1e300, 5e-324, 0.0) * 20])
    for state in states:
        whole(state)

"""A wish inside the envelope is not put to every rule: the words must be those the rules would have said."""

import math

import numpy as np
import pytest

from janus_trader.brain.prefrontal import Prefrontal, PrefrontalConfig
from janus_trader.contracts.decision import Posture, Severity, Target, Threat
from janus_trader.contracts.market import PortfolioState

N = 6
SYMBOLS = tuple(f"S{i}" for i in range(N))


def book(held, equity, start):
    return PortfolioState(
        ts_event=0,
        equity=equity,
        cash=equity,
        peak_equity=100.0,
        session_start_equity=start,
        weights=tuple(held.tolist()),
        quantities=(0.0,) * N,
    )


@pytest.mark.parametrize("posture", list(Posture))
@pytest.mark.parametrize("long_only", [False, True])
def test_words_are_those_of_the_rules(posture, long_only):
    rng = np.random.default_rng(int(posture))
    review = Prefrontal(PrefrontalConfig(restricted=("S1",)), SYMBOLS, long_only)
    threat = Threat(score=0.0, severity=Severity.NONE, posture=posture, fear=0.0, detectors={})
    unasked = 0
    for case in range(300):
        held = np.round(rng.uniform(0.0 if long_only else -0.1, 0.15, N), 2)
        wish = held * rng.choice([0.0, 0.4, 0.5, 1.0, 1.01], N) + rng.choice([0.0, 0.0, 0.02], N)
        present = rng.random(N) < 0.9
        wish = np.where(present | (rng.random(N) < 0.1), wish, held)
        portfolio = book(held, rng.choice([100.0, 94.0, 80.0, 55.0, math.nan]), rng.choice([100.0, 94.0]))
        if case % 50 == 0:
            wish[0] = math.nan
        target = Target(weights=wish, method="test", expected_volatility=0.1)
        verdict = review.review(target, portfolio, threat, present)
        assert verdict.rules == review.judge(wish, review.situation(portfolio, threat, present))
        unasked += verdict.rules == review._content
        if verdict.rules == review._content:
            assert verdict.allowed.tobytes() == wish.tobytes()
            assert not verdict.changed
    assert unasked > 3

"""Prefrontal: what is broken, empty, constant or alone has a stated answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from janus_trader.brain.prefrontal import (
    GoalBook,
    GoalsConfig,
    LogicMonitor,
    LogicMonitorConfig,
    MarketLogic,
    MarketLogicConfig,
    Prefrontal,
    PrefrontalConfig,
)
from janus_trader.contracts.decision import Posture, Severity, Target, Threat
from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.features import N_INSTRUMENT_FEATURES
from janus_trader.contracts.market import PortfolioState

CALM = Threat(score=0.0, severity=Severity.NONE, posture=Posture.NORMAL, fear=0.0, detectors={})
LOGIC = MarketLogic(MarketLogicConfig())


def book(equity=100.0, weights=(0.1,)) -> PortfolioState:
    return PortfolioState(
        ts_event=0, equity=equity, cash=equity, peak_equity=equity, session_start_equity=equity,
        weights=weights, quantities=(0.0,) * len(weights),
    )  # fmt: skip


def facts(n: int, known: float = 1.0) -> np.ndarray:
    out = np.random.default_rng(0).random((n, N_INSTRUMENT_FEATURES))
    out[:, -1] = known
    return out


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_wish_that_is_no_number_lets_no_position_grow(bad):
    wish = Target(weights=np.array([bad]), method="test", expected_volatility=0.1)
    verdict = Prefrontal(PrefrontalConfig(), ("A",), True).review(wish, book(), CALM, np.array([True]))
    assert 0.0 <= verdict.allowed[0] <= 0.1
    assert not all(r.passed for r in verdict.rules)


@pytest.mark.parametrize("equity", [math.nan, 0.0, -5.0])
def test_an_unknown_portfolio_lets_no_position_grow(equity):
    wish = Target(weights=np.array([0.15]), method="test", expected_volatility=0.1)
    verdict = Prefrontal(PrefrontalConfig(), ("A",), True).review(wish, book(equity), CALM, np.array([True]))
    assert verdict.allowed[0] <= 0.1


def test_an_empty_book_is_refused():
    with pytest.raises(ConfigError):
        Prefrontal(PrefrontalConfig(), (), True)


def test_facts_that_are_not_finite_do_not_count():
    p, known = np.full((3, 3), 1 / 3), facts(3)
    known[1, 4] = math.nan
    loss, gradient, truths = LOGIC.loss(p, known)
    kept = np.array([0, 2])
    assert loss == pytest.approx(LOGIC.loss(p[kept], known[kept])[0], abs=1e-12)
    assert gradient[1].tolist() == [0.0, 0.0, 0.0]
    assert np.isfinite(truths).all()
    assert LOGIC.truths(p, known)[1].tolist() == [1.0] * 10


@pytest.mark.parametrize(("n", "known"), [(0, 1.0), (4, 0.0)])
def test_no_known_row_is_no_loss_and_no_gradient(n, known):
    loss, gradient, truths = LOGIC.loss(np.full((n, 3), 1 / 3), facts(n, known))
    assert loss == 0.0
    assert not gradient.any()
    assert truths.tolist() == [1.0] * 10
    assert LOGIC.truths(np.full((n, 3), 1 / 3), facts(n, known)).shape == (n, 10)


def test_choices_that_are_no_numbers_are_refused_in_training_and_break_every_axiom_in_a_report():
    p = np.full((2, 3), 1 / 3)
    p[1, 0] = math.nan
    with pytest.raises(DataError, match="not a number"):
        LOGIC.loss(p, facts(2))
    report = LogicMonitor(LogicMonitorConfig()).observe(p, facts(2))
    assert report.satisfaction == 0.0
    assert len(report.violated) == 10


def test_a_choice_of_an_unknown_row_is_not_read():
    p, rows = np.full((2, 3), 1 / 3), facts(2)
    p[1], rows[1, -1] = math.nan, 0.0
    assert LOGIC.loss(p, rows)[0] == pytest.approx(LOGIC.loss(p[:1], rows[:1])[0], abs=1e-12)


def test_shapes_that_do_not_fit_are_refused():
    for p, rows in ((np.ones((2, 3)), facts(3)), (np.ones((3, 2)), facts(3)), (np.ones(3), np.ones(12))):
        with pytest.raises(DataError, match="do not fit"):
            LOGIC.loss(p, rows)


def test_constant_facts_and_one_instrument_are_ordinary():
    loss, gradient, _ = LOGIC.loss(np.array([[0.2, 0.5, 0.3]]), np.ones((1, N_INSTRUMENT_FEATURES)))
    assert 0.0 <= loss <= 1.0
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("equity", [math.nan, 0.0, -1.0, math.inf])
def test_an_unknown_equity_is_no_progress_and_keeps_no_limit(equity):
    goals = GoalBook(GoalsConfig())
    goals.update(book(equity))
    assert goals.progress("grow") == 0.0
    goals.update(book(100.0))
    goals.update(book(equity))
    assert goals.progress("grow") == 0.0
    assert goals.status("protect") == "failed"
    assert math.isfinite(goals.factor)
    goals.line()

"""Goals: how they advance and end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.prefrontal.goals import GoalBook, GoalConfig, GoalsConfig, Measure, Status
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.market import PortfolioState


def state(equity: float, costs: float = 0.0, weights: tuple[float, ...] = ()) -> PortfolioState:
    return PortfolioState(
        ts_event=0, equity=equity, cash=equity, peak_equity=equity, session_start_equity=equity,
        weights=weights, quantities=(0.0,) * len(weights), realised_costs=costs,
    )  # fmt: skip


def book(*goals: GoalConfig, effect: float = 0.0) -> GoalBook:
    return GoalBook(GoalsConfig(goals=goals, effect=effect))


def goal(name: str = "g", measure: Measure = Measure.RETURN, target: float = 0.1, horizon: int = 3, **more):
    return GoalConfig(
        name=name, measure=measure, target=target, horizon=horizon, **({"repeat": False} | more)
    )


def run(goals: GoalBook, *equities: float, **more) -> GoalBook:
    for equity in equities:
        goals.update(state(equity, **more))
    return goals


def test_a_goal_to_reach_is_achieved_or_expires():
    assert run(book(goal()), 100, 105).progress("g") == pytest.approx(0.5)
    assert run(book(goal()), 100, 105, 110).status("g") is Status.ACHIEVED
    assert run(book(goal()), 100, 105, 106, 107).status("g") is Status.EXPIRED
    assert run(book(goal()), 100, 90).progress("g") == 0.0


def test_a_limit_to_keep_fails_or_lasts():
    limit = goal(measure=Measure.DRAWDOWN, target=0.2)
    assert run(book(limit), 100, 120, 108).progress("g") == pytest.approx(0.5)
    assert run(book(limit), 100, 120, 90).status("g") is Status.FAILED
    assert run(book(limit), 100, 120, 100, 110).status("g") is Status.ACHIEVED
    costs = book(goal(measure=Measure.COST, target=0.01))
    costs.update(state(100.0, costs=5.0))
    costs.update(state(100.0, costs=5.5))
    assert costs.progress("g") == pytest.approx(0.5)
    costs.update(state(100.0, costs=6.5))
    assert costs.status("g") is Status.FAILED
    gross = run(book(goal(measure=Measure.GROSS, target=1.0)), 100, weights=(0.5, -0.25))
    assert gross.progress("g") == pytest.approx(0.25)


def test_a_hierarchy_ends_with_its_subgoals():
    def family() -> GoalBook:
        return book(
            goal("all", Measure.SUBGOALS, horizon=5),
            goal("up", parent="all", priority=1.0),
            goal("safe", Measure.DRAWDOWN, 0.2, parent="all", priority=3.0),
        )

    assert run(family(), 100, 105).progress("all") == pytest.approx((0.5 + 3.0) / 4.0)
    assert run(family(), 100, 110, 110, 110).status("all") is Status.ACHIEVED
    assert run(family(), 100, 70).status("all") is Status.FAILED
    expired = run(family(), 100, 101, 101, 101, 101, 101, 101)
    assert expired.status("up") is Status.EXPIRED
    assert expired.status("all") is Status.EXPIRED


def test_a_goal_that_repeats_begins_again_from_where_the_book_is():
    goals = run(book(goal(repeat=True)), 100, 110)
    assert goals.status("g") is Status.ACHIEVED
    run(goals, 110, 115.5)
    assert goals.status("g") is Status.ACTIVE
    assert goals.progress("g") == pytest.approx(0.5)
    assert goals.ended["g"] == {"achieved": 1, "failed": 0, "expired": 0}


def test_subgoals_begin_again_with_their_parent():
    goals = book(
        goal("all", Measure.SUBGOALS, horizon=2, repeat=True),
        goal("up", horizon=1, parent="all", repeat=True),
    )
    run(goals, 100, 100)
    assert goals.status("up") is Status.EXPIRED
    run(goals, 100)
    assert goals.status("all") is Status.EXPIRED
    run(goals, 100)
    assert goals.status("up") is Status.ACTIVE


def test_goals_have_no_effect_unless_asked():
    limit = goal(measure=Measure.DRAWDOWN, target=0.2)
    assert run(book(limit), 100, 90).factor == 1.0
    assert run(book(limit, effect=0.5), 100, 90).factor == pytest.approx(0.75)
    assert run(book(limit, effect=0.5), 100, 50).factor == pytest.approx(0.5)
    assert run(book(goal(), effect=0.5), 100, 50).factor == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=30), st.floats(0.0, 1.0))
def test_progress_and_factor_stay_in_their_ranges(moves, effect):
    goals = GoalBook(GoalsConfig(effect=effect))
    for equity in 100.0 * np.cumprod(moves):
        goals.update(state(float(equity)))
        for g in goals.config.goals:
            assert 0.0 <= goals.progress(g.name) <= 1.0
        assert 1.0 - effect - 1e-12 <= goals.factor <= 1.0


def test_a_snapshot_continues_exactly():
    moves = 100.0 * np.cumprod(1.0 + 0.02 * np.random.default_rng(0).normal(size=60))
    first, second = GoalBook(GoalsConfig()), GoalBook(GoalsConfig())
    run(first, *moves[:30].tolist())
    second.restore(first.snapshot())
    run(first, *moves[30:].tolist())
    run(second, *moves[30:].tolist())
    assert first.snapshot() == second.snapshot()
    assert first.line() == second.line()
    first.reset()
    assert first.snapshot() == GoalBook(GoalsConfig()).snapshot()
    with pytest.raises(IntegrityError, match="other goals"):
        book(goal()).restore(second.snapshot())


def test_the_line_names_every_goal():
    line = run(GoalBook(GoalsConfig()), 100, 104).line()
    assert line.startswith("year ")
    assert "grow 4.0% of 8.0%, 1 of 252 bars" in line
    assert "protect 0.0% of at most 15.0%" in line


@pytest.mark.parametrize(
    "goals",
    [
        (goal("a"), goal("a")),
        (goal("a", parent="b"), goal("b", Measure.SUBGOALS)),
        (goal("b"), goal("a", parent="b")),
        (goal("b", Measure.SUBGOALS),),
        (goal(target=0.0),),
    ],
)
def test_hierarchies_that_make_no_sense_are_refused(goals):
    with pytest.raises(ConfigError):
        book(*goals)

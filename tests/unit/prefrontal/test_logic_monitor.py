"""What is reported and remembered of the axioms."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.brain.prefrontal import LogicMonitor, LogicMonitorConfig
from janus_trader.brain.prefrontal.axioms import MarketLogicConfig
from janus_trader.contracts.decision import Action
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.features import INSTRUMENT_FEATURES, N_INSTRUMENT_FEATURES


def trend(n: int = 4) -> np.ndarray:
    """Instruments that clearly trend upwards."""
    facts = np.zeros((n, N_INSTRUMENT_FEATURES))
    values = {
        "hurst": 0.95,
        "divergence_score": 2.0,
        "regime_confidence": 0.18,
        "trend_slope": 2.0,
        "known": 1.0,
    }
    for name, value in values.items():
        facts[:, INSTRUMENT_FEATURES.index(name)] = value
    return facts


def action(score: np.ndarray, policy: np.ndarray | None = None) -> Action:
    n = len(score)
    extra = {} if policy is None else {"policy": policy}
    return Action(
        score=score, go=np.zeros(n), no_go=np.zeros(n), source_weights=np.zeros(1),
        released=np.ones(n, bool), no_go_reasons={}, vetoes=(), dopamine=0.0, **extra,
    )  # fmt: skip


def test_truths_are_means_over_the_known_instruments():
    watch, facts = LogicMonitor(LogicMonitorConfig()), trend(4)
    facts[3, INSTRUMENT_FEATURES.index("known")] = 0.0
    p = np.array([[0.0, 0.0, 1.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    report = watch.observe(p, facts)
    rows = watch.logic.truths(p, facts)
    for r, name in enumerate(watch.logic.names):
        assert report.truths[name] == pytest.approx(rows[:3, r].mean(), abs=1e-12)
    assert report.satisfaction == pytest.approx(1.0 - watch.logic.loss(p, facts)[0], abs=1e-12)
    assert set(report.violated) == {n for n, t in report.truths.items() if t < 0.7}


def test_the_record_is_an_exponential_mean_with_a_count_of_violations():
    watch, facts = LogicMonitor(LogicMonitorConfig(alpha=0.25)), trend()
    short, long = np.tile(np.eye(3)[0], (4, 1)), np.tile(np.eye(3)[2], (4, 1))
    values = [watch.observe(p, facts).truths["trend_up"] for p in (short, long, long, short)]
    expected = values[0]
    for value in values[1:]:
        expected += 0.25 * (value - expected)
    mean, violations = watch.record["trend_up"]
    assert mean == pytest.approx(expected, abs=1e-12)
    assert violations == 2
    assert watch.record["probabilities"][1] == 0


def test_a_policy_is_judged_before_the_scores():
    facts, score = trend(), np.full(4, -1.0)
    by_score = LogicMonitor(LogicMonitorConfig()).report(action(score), facts)
    long = np.tile(np.eye(3)[2], (4, 1))
    by_policy = LogicMonitor(LogicMonitorConfig()).report(action(score, long), facts)
    assert "trend_up" in by_score.violated
    assert "trend_up" not in by_policy.violated
    assert by_policy.satisfaction > by_score.satisfaction


def test_a_snapshot_continues_exactly_and_only_for_the_same_axioms():
    rng = np.random.default_rng(0)
    first, second = (LogicMonitor(LogicMonitorConfig()) for _ in range(2))
    steps = [(rng.dirichlet([1, 1, 1], 4), trend() + 0.01 * rng.random((4, 12))) for _ in range(6)]
    for p, facts in steps[:3]:
        first.observe(p, facts)
    second.restore(first.snapshot())
    for p, facts in steps[3:]:
        assert first.observe(p, facts) == second.observe(p, facts)
    assert first.snapshot() == second.snapshot()
    first.reset()
    assert first.snapshot() == LogicMonitor(LogicMonitorConfig()).snapshot()
    other = LogicMonitor(LogicMonitorConfig())
    other.logic.names = other.logic.names[::-1]
    with pytest.raises(IntegrityError, match="other axioms"):
        other.restore(second.snapshot())


def test_nothing_known_is_nothing_to_report():
    watch = LogicMonitor(LogicMonitorConfig())
    before = watch.snapshot()
    assert watch.observe(np.full((3, 3), 1 / 3), np.zeros((3, N_INSTRUMENT_FEATURES))) is None
    assert watch.report(action(np.zeros(3)), np.empty(0)) is None
    assert watch.snapshot() == before


def test_weights_of_the_configuration_count():
    p, facts = np.tile(np.eye(3)[0], (4, 1)), trend()
    heavy = MarketLogicConfig(weights=(50.0, 1, 1, 1, 1, 1, 1, 1, 1, 1))
    light = LogicMonitor(LogicMonitorConfig()).observe(p, facts)
    assert LogicMonitor(LogicMonitorConfig(axioms=heavy)).observe(p, facts).satisfaction < light.satisfaction


def test_the_region_reflects_once_a_bar_and_keeps_it_in_its_snapshot():
    from janus_trader.brain.prefrontal import Prefrontal, PrefrontalConfig
    from janus_trader.contracts.market import PortfolioState

    def region() -> Prefrontal:
        return Prefrontal(PrefrontalConfig(), ("A", "B"), long_only=True)

    def portfolio(equity: float) -> PortfolioState:
        return PortfolioState(
            ts_event=0, equity=equity, cash=equity, peak_equity=110.0, session_start_equity=equity,
            weights=(0.0, 0.0), quantities=(0.0, 0.0),
        )  # fmt: skip

    first, second = region(), region()
    for equity in (100.0, 104.0):
        report = first.reflect(action(np.array([-1.0, -1.0])), trend(2), portfolio(equity))
    assert "trend_up" in report.violated
    assert first.goals.progress("grow") == pytest.approx(0.5)
    second.restore(first.snapshot())
    assert second.snapshot() == first.snapshot()
    assert second.logic.record == first.logic.record
    assert second.goals.line() == first.goals.line()
    second.reset()
    assert second.snapshot() == region().snapshot()

"""The day: stages in order, health, and standing down."""

import msgspec
import numpy as np
import pytest

from janus_trader.contracts.decision import NoGoReason, Posture
from support.lives import history, live

SPAN = {"start": "2008-09-01", "end": "2008-10-31", "symbols": ("AAPL", "BAC", "KO"), "warmup_bars": 90}
SICK = range(100, 103)


def spoiled(part, method, change):
    """A change to a life: the result of one method of one region is replaced on the bars in SICK."""

    def before(life):
        region = getattr(life.brain, part)
        real = getattr(region, method)

        def broken(*args):
            result = real(*args)
            return change(result) if life.step in SICK else result

        setattr(region, method, broken)

    return before


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return live(tmp_path_factory.mktemp("healthy") / "run", history(**SPAN))


def test_the_decision_carries_its_moment(healthy):
    for t, record in enumerate(healthy):
        decision = record.decision
        assert (decision.step, decision.ts_event) == (t, record.ts_event)
        assert decision.portfolio_equity == record.equity
        assert np.isfinite(decision.weights).all()
        assert decision.stood_down == (decision.threat.posture >= Posture.HALT)


def test_an_unhealthy_region_freezes_new_risk_until_it_has_recovered(healthy, tmp_path):
    def sick(life):
        coordinator = life.brain.coordinator
        check = coordinator.check

        def noticed(region, *values):
            return (
                check(region, np.nan) if region == "cortex" and life.step in SICK else check(region, *values)
            )

        coordinator.check = noticed

    records = live(tmp_path / "run", history(**SPAN), "brain.integration.recovery_bars=2", before=sick)
    # two clean bars are needed, so the first bar after the fault is still frozen
    for t in [*SICK, SICK[-1] + 1]:
        threat = records[t].decision.threat
        assert threat.posture >= Posture.FREEZE, t
        if healthy[t].decision.threat.posture < Posture.FREEZE:
            assert threat.detectors["unhealthy.cortex"] == 1.0
    assert "unhealthy.cortex" not in records[SICK[-1] + 2].decision.threat.detectors
    assert all(np.isfinite(r.decision.weights).all() for r in records)


def test_a_sick_hypothalamus_stands_the_book_down(tmp_path):
    sick = spoiled("hypothalamus", "appetite", lambda a: msgspec.structs.replace(a, scalar=float("nan")))
    records = live(tmp_path / "run", history(**SPAN), before=sick)
    for t in SICK:
        decision = records[t].decision
        assert decision.stood_down
        assert decision.target.method == "stand_down"
        assert not decision.weights.any()
        assert all(order.reduces for order in records[t].orders)
        assert decision.action.vetoes
    assert isinstance(records[SICK[0]].decision.action.vetoes[0], NoGoReason)


def test_records_and_sleep_reports_are_published_in_order(tmp_path):
    from janus_trader.contracts.memory import SleepReport
    from janus_trader.runs.records import StepRecord

    seen, nights = [], []

    def listen(life):
        life.bus.subscribe(StepRecord, lambda record: seen.append(record.step))
        life.bus.subscribe(SleepReport, lambda report: nights.append(report.night))

    records = live(tmp_path / "run", history("2010-01-04", "2010-02-26"), before=listen)
    assert seen == [r.step for r in records]
    assert nights == list(range(len(records)))
    assert (tmp_path / "run" / "run.log").read_text().count('"event":"night"') == len(records)

import msgspec
import numpy as np

from janus_trader.contracts.decision import Recollection
from janus_trader.runs.explain import explain
from janus_trader.runs.records import StepRecord
from support.memories import decision_at

DAY = 86_400 * 10**9


def record_of(recollection):
    decision = msgspec.structs.replace(decision_at(5, np.random.default_rng(0)), recollection=recollection)
    return StepRecord(
        step=5,
        ts_event=decision.ts_event,
        session=0,
        traded=False,
        decision=decision,
        orders=(),
        fills=(),
        refusals=(),
        equity=100.0,
        cash=100.0,
        costs=0.0,
        weights=(0.0, 0.0),
    )


def words(recollection):
    lines = explain(record_of(recollection), ("AAA", "BBB"), "chain")
    return [line for line in lines if line.startswith("Hippocampus: ") and "day" in line]


def test_days_like_this_and_how_they_ended_are_named():
    days = np.array(["2008-10-10", "2001-09-17", "1998-08-31"], dtype="datetime64[ns]").astype(np.int64)
    seen = Recollection(
        steps=np.array([9, 5, 2]),
        ts_events=days,
        similarity=np.array([0.91, 0.8, 0.45]),
        rewards=np.array([-0.021, 0.013, 0.004]),
        outlook=np.array([-0.42, 0.1]),
        reward=-0.3,
        confidence=0.25,
    )
    (line,) = words(seen)
    for part in (
        "2008-10-10 (91% alike, the book -2.10%)",
        "2001-09-17 (80% alike, the book +1.30%)",
        "gained after 2 of 3",
        "AAA -0.42",
        "-0.30 usual deviations",
        "trusted 25%",
    ):
        assert part in line
    shown = explain(record_of(seen), ("AAA", "BBB"), "chain", top=1)
    assert any("and 2 more" in line for line in shown)


def test_a_day_unlike_any_other_is_called_so_and_without_memory_nothing_is_said():
    nothing = np.empty(0)
    seen = Recollection(
        steps=nothing.astype(np.int64),
        ts_events=nothing.astype(np.int64),
        similarity=nothing,
        rewards=nothing,
        outlook=np.zeros(2),
        reward=0.0,
        confidence=0.0,
    )
    assert words(seen) == ["Hippocampus: no day remembered was like this one."]
    assert words(None) == []

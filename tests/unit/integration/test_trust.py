"""One sick region neither stops the day nor makes it reckless."""

import msgspec
import numpy as np
import pytest

from janus_trader.contracts.decision import Posture
from support.lives import history, live

SPAN = {"start": "2010-01-04", "end": "2010-06-30"}
SICK = range(70, 74)
NAN = float("nan")


def poison(message, field):
    value = getattr(message, field)
    if isinstance(value, np.ndarray):
        value = value.astype(float).copy()
        value[...] = NAN
    elif isinstance(value, tuple):
        value = tuple(NAN for _ in value)
    else:
        value = NAN
    return msgspec.structs.replace(message, **{field: value})


def sicken(region, method, field):
    def before(life):
        part = getattr(life.brain, region)
        if method == "__call__":
            kind = type(part)

            class Sick(kind):
                def __call__(self, *arguments):
                    answer = super().__call__(*arguments)
                    return poison(answer, field) if life.step in SICK else answer

            part.__class__ = Sick
            return
        real = getattr(part, method)
        setattr(
            part, method, lambda *a, **k: poison(real(*a, **k), field) if life.step in SICK else real(*a, **k)
        )

    return before


@pytest.mark.parametrize(
    ("region", "method", "field"),
    [
        ("cortex", "update", "posterior"),
        ("cortex", "update", "turbulence"),
        ("hypothalamus", "appetite", "scalar"),
        ("hypothalamus", "correlate", "covariance"),
        ("amygdala", "assess", "score"),
        ("visual_cortex", "__call__", "trend"),
        ("thalamus", "fuse", "evidence"),
        ("basal_ganglia", "select", "score"),
        ("prefrontal", "review", "allowed"),
        ("cerebellum", "forecast", "cost_bps"),
    ],
)
def test_an_answer_that_cannot_be_read_freezes_the_book_and_the_day_goes_on(region, method, field, tmp_path):
    records = live(tmp_path / "run", history(**SPAN), before=sicken(region, method, field))
    assert len(records) == len(history(**SPAN).panel)
    for t in SICK[1:]:
        decision = records[t].decision
        assert decision.threat.posture >= Posture.FREEZE
        assert all(order.reduces for order in records[t].orders)
        gross_before = np.abs(records[t].weights).sum()
        assert np.abs(decision.weights).sum() <= gross_before + 1e-9
    assert records[-1].decision.threat.posture < Posture.FREEZE

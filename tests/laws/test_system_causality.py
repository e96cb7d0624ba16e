"""The whole system looks at nothing that lies ahead: cut or change the future, keep every decision."""

import numpy as np
import pytest

from janus_trader.foundation.codec import encode
from support.lives import history, live, perturbed, truncated

CUTS = (60, 131)


def decisions(records, steps):
    return [encode((r.decision, r.orders, r.fills, r.equity)) for r in records[:steps]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    past = history()
    return past, live(tmp_path_factory.mktemp("whole") / "run", past)


@pytest.mark.parametrize("steps", CUTS)
def test_cutting_the_future_off_changes_no_decision(whole, steps, tmp_path):
    past, records = whole
    again = live(tmp_path / "run", truncated(past, steps))
    assert len(again) == steps
    assert decisions(again, steps) == decisions(records, steps)


@pytest.mark.parametrize("steps", CUTS)
def test_changing_the_future_changes_no_decision_before_it(whole, steps, tmp_path):
    past, records = whole
    again = live(tmp_path / "run", perturbed(past, steps, np.random.default_rng(steps)))
    assert decisions(again, steps) == decisions(records, steps)
    assert decisions(again[steps:], 50) != decisions(records[steps:], 50)


def test_an_order_never_fills_at_its_own_bar(whole):
    _, records = whole
    decided = {order.order_id: order.ts_event for record in records for order in record.orders}
    fills = [fill for record in records for fill in record.fills]
    assert fills
    assert all(fill.ts_event > decided[fill.order_id] for fill in fills)

"""Which model looks: a ladder of models, a budget in declared costs, and a command to step down.

A decision that depended on how long the last bar took would differ from run to run and could not be
replayed. Here a budget is compared with *declared* costs, when the region is built; and whoever watches the
clock outside the core sends `VisualCortex.degrade`, an input like any other that is journaled and replayed.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.foundation.config import Config, NonNegative

#: From the dearest to the cheapest.
LADDER = ("vivit", "diffgaf_lstm", "texture")


class BudgetConfig(Config, frozen=True):
    """What a bar may cost and what each model is declared to cost."""

    bar_us: Annotated[
        NonNegative, Meta(description="budget of one bar in declared microseconds; 0: none")
    ] = 0.0
    vivit_us: Annotated[NonNegative, Meta(description="declared cost of one instrument and bar")] = 60.0
    diffgaf_lstm_us: Annotated[NonNegative, Meta(description="declared cost of one instrument and bar")] = (
        15.0
    )


def rungs(model: str) -> tuple[str, ...]:
    """The model and everything below it.

    >>> rungs("diffgaf_lstm"), rungs("off")
    (('diffgaf_lstm', 'texture'), ('off',))
    """
    return LADDER[LADDER.index(model) :] if model in LADDER else (model,)


def affordable(model: str, budget: BudgetConfig, n: int) -> str:
    """The first rung from ``model`` downwards whose declared cost for ``n`` instruments is within the budget.

    >>> budget = BudgetConfig(bar_us=1000.0)
    >>> [affordable("vivit", budget, n) for n in (10, 40, 400)]
    ['vivit', 'diffgaf_lstm', 'texture']
    """
    cost = {"vivit": budget.vivit_us, "diffgaf_lstm": budget.diffgaf_lstm_us}
    for rung in rungs(model):
        if budget.bar_us == 0.0 or cost.get(rung, 0.0) * n <= budget.bar_us:
            return rung
    return "texture"

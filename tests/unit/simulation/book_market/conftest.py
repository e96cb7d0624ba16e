"""A market with everybody in it."""

from __future__ import annotations

import pytest

from support.book_markets import everybody, market


@pytest.fixture(scope="module", params=["queue_reactive", "hawkes"])
def crowd(request):
    """Thirty seconds of either flow with every kind of agent and fees."""
    return market(request.param, everybody(), maker_fee=-0.1, taker_fee=0.3).run(seconds=30.0)

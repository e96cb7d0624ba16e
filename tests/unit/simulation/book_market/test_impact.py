"""Impact of metaorders: positive, concave in size at a fixed rate, and it decays."""

from __future__ import annotations

import numpy as np
import pytest

from janus_trader.simulation.book_market import informed, market_maker, metaorder
from support.book_markets import SECOND, market

SLICES = (8, 16, 32, 64)
RUNS = 60


def paths(kind, slices):
    """Signed change of the mid at the end of a metaorder and a minute later, (RUNS, 2)."""
    out = np.empty((RUNS, 2))
    for k in range(RUNS):
        order = metaorder(
            side=k % 2, quantity=20 * slices, start_ns=SECOND, duration_ns=slices * SECOND // 2,
            period_ns=SECOND // 2,
        )  # fmt: skip
        m = market(
            kind, [market_maker(), informed(), order], k, volatility=0.0, keep=False, n_ticks=2048,
            start_price=1024, capacity=4096, uniforms=4096, warmup_s=5.0,
        ).run(seconds=1.0)  # fmt: skip
        before = np.mean(m.best())
        during = np.mean(m.run(seconds=slices / 2).best())
        out[k] = during - before, np.mean(m.run(seconds=60.0).best()) - before
        out[k] *= 1 - 2 * (k % 2)
    return out


def interval(x):
    """Mean, less and plus 2.6 standard errors (99 %)."""
    half = 2.6 * x.std(ddof=1) / np.sqrt(len(x))
    return x.mean() - half, x.mean() + half


@pytest.mark.parametrize("kind", ["queue_reactive", "hawkes"])
def test_impact_is_positive_concave_and_decays(kind):
    found = [paths(kind, n) for n in SLICES]
    for x in found[1:]:
        assert interval(x[:, 0])[0] > 0.0
        # most of it is gone a minute later
        assert interval(x[:, 1] - 0.5 * x[:, 0])[1] < 0.0
    # eight times the size has less than eight times the impact: exponent below 1, with its interval
    rng = np.random.default_rng(0)
    drawn = [[x[rng.integers(0, RUNS, RUNS), 0].mean() for x in found] for _ in range(500)]
    exponents = [np.polyfit(np.log(SLICES), np.log(np.maximum(d, 0.01)), 1)[0] for d in drawn]
    assert np.quantile(exponents, 0.005) > 0.1
    assert np.quantile(exponents, 0.995) < 1.0
